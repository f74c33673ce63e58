"""A language model without a code, for perplexities."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.kinds.text.lines import buckets
from entropae.nn.lstm import LSTMDecoder
from entropae.nn.tokens import PAD


def language_model(
    rows: Int[np.ndarray, "n length"],
    vocabulary: int,
    *,
    hidden: int = 128,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    dropout: float = 0.2,
    seed: int = 0,
) -> LSTMDecoder:
    """An LSTM trained to predict sentences without a code: `score` it on `no_code` of others.

    Args:
        rows: Sentences, as rows of tokens.
        vocabulary: Number of tokens.
        hidden: Size of the state.
        steps: Of Adam, on batches of sentences of like length.
        batch_size: Sentences a step.
        learning_rate: Adam's at first; it falls linearly to 0.
        dropout: In training.
        seed: Of weights, order and dropout.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LSTMDecoder(
            vocabulary, 1, length=max(2, rows.shape[1]), hidden=hidden, dropout=dropout
        )
        optimizer = torch.optim.Adam(model.parameters(), learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        lengths = (rows != PAD).sum(1)
        order: list[np.ndarray] = []
        for step in range(steps):
            if not order:
                order = buckets(lengths, batch_size, seed=seed + step)
            chosen = order.pop()
            x = torch.from_numpy(rows[chosen][:, : max(1, lengths[chosen].max())]).long()
            optimizer.zero_grad()
            loss = model.nll(no_code(len(x)), x).sum() / (x != PAD).sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def no_code(n: int) -> Float[Tensor, "n 1"]:
    """What a language model is given in the place of codes."""
    return torch.zeros(n, 1)
