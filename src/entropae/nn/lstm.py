"""Recurrent networks for sentences, as in the BN-VAE's experiments on text."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from entropae.nn.decoding import State
from entropae.nn.sequences import SequenceDecoder, check_shares, check_sizes, lengths_of
from entropae.nn.tokens import PAD


class LSTMEncoder(nn.Module):
    """One layer; the last hidden state, through a linear layer, is what the latent takes.

    Args:
        vocabulary: Number of tokens.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        hidden: Size of the state and of the tokens' embedding.
    """

    def __init__(self, vocabulary: int, out_features: int, *, hidden: int = 256) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, out_features=out_features, hidden=hidden)
        self.vocabulary, self.out_features, self.hidden = vocabulary, out_features, hidden
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.cells = nn.LSTM(hidden, hidden, batch_first=True)
        self.last = nn.Linear(hidden, out_features)

    def forward(self, x: Int[Tensor, "n t"]) -> Float[Tensor, "n out"]:
        """Rows of tokens to `(n, out_features)`."""
        lengths = lengths_of(x != PAD).cpu()
        packed = pack_padded_sequence(
            self.embedding(x), lengths, batch_first=True, enforce_sorted=False
        )
        return self.last(self.cells(packed)[1][0][0])


class LSTMDecoder(SequenceDecoder):
    """One layer; the code makes the initial state and comes in again at every step.

    Args:
        vocabulary: Number of tokens.
        in_features: Dimensions of the code.
        length: Tokens of a sentence at most, its end included.
        hidden: Size of the state and of the tokens' embedding.
        dropout: Share of the embeddings' and the states' numbers set to 0 in training.
        word_dropout: Share of the given tokens that are hidden in training.

    References:
        Zhu et al., "A batch normalized inference network keeps the KL vanishing away", ACL 2020,
        section 5.1.
    """

    def __init__(
        self,
        vocabulary: int,
        in_features: int,
        *,
        length: int = 64,
        hidden: int = 256,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__(vocabulary, in_features, length=length, word_dropout=word_dropout)
        check_sizes(hidden=hidden)
        check_shares(dropout=dropout)
        self.hidden, self.dropout = hidden, dropout
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.drop = nn.Dropout(dropout)
        self.first = nn.Linear(in_features, hidden)
        self.cells = nn.LSTM(hidden + in_features, hidden, batch_first=True)
        self.last = nn.Linear(hidden, vocabulary)

    def logits(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, "m v"]:
        """Scores of every token that is no padding, row by row."""
        real = x != PAD
        given = self.drop(self.embedding(self.given(x)))
        inputs = torch.cat([given, z[:, None].expand(-1, x.shape[1], -1).to(given)], 2)
        packed = pack_padded_sequence(
            inputs, lengths_of(real).cpu(), batch_first=True, enforce_sorted=False
        )
        _, h, c = self.start(z)
        states = self.cells(packed, (h[None], c[None]))[0]
        rows = _unpacked(states, x.shape[1])[real]
        return self.last(self.drop(rows))

    def start(self, z: Float[Tensor, "n d"]) -> State:
        """The code, and the state that it makes."""
        cell = self.first(z)
        return z, cell.tanh(), cell

    def step(self, token: Int[Tensor, " n"], state: State) -> tuple[Float[Tensor, "n v"], State]:
        """Scores of the next token."""
        z, h, c = state
        given = self.drop(self.embedding(token))
        inputs = torch.cat([given, z.to(given)], 1)[:, None]
        states, (h, c) = self.cells(inputs, (h[None], c[None]))
        return self.last(self.drop(states[:, 0])), (z, h[0], c[0])


def _unpacked(states: PackedSequence, length: int) -> Float[Tensor, "n t h"]:
    return nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=length)[0]
