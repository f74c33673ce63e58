"""Small transformers for sentences."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from entropae.nn.decoding import State
from entropae.nn.sequences import SequenceDecoder, check_shares, check_sizes
from entropae.nn.tokens import PAD


class TransformerEncoder(nn.Module):
    """Self-attention over a sentence; the mean over its tokens is what the latent takes.

    Args:
        vocabulary: Number of tokens.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        length: Tokens of a sentence at most.
        hidden: Numbers per token.
        layers: Of attention and feed-forward, with normalisation before each.
        heads: Of the attention; they share `hidden`.
        dropout: Share of the numbers set to 0 in training.
    """

    def __init__(
        self,
        vocabulary: int,
        out_features: int,
        *,
        length: int = 64,
        hidden: int = 256,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, out_features=out_features, length=length)
        self.vocabulary, self.out_features, self.length = vocabulary, out_features, length
        self.hidden, self.layers, self.heads, self.dropout = hidden, layers, heads, dropout
        self.stack = _stack(hidden, layers, heads, dropout)
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.position = nn.Embedding(length, hidden)
        self.last = nn.Linear(hidden, out_features)

    def forward(self, x: Int[Tensor, "n t"]) -> Float[Tensor, "n out"]:
        """Rows of tokens to `(n, out_features)`."""
        _check_length(x, self.length)
        real = x != PAD
        places = self.position(torch.arange(x.shape[1], device=x.device))
        states = self.stack(self.embedding(x) + places, src_key_padding_mask=~real)
        share = real / real.sum(1, keepdim=True).clamp(min=1)
        return self.last((states * share[..., None]).sum(1))


class TransformerDecoder(SequenceDecoder):
    """Causal self-attention; the code is added to every token that is given.

    Args:
        vocabulary: Number of tokens.
        in_features: Dimensions of the code.
        length: Tokens of a sentence at most, its end included.
        hidden: Numbers per token.
        layers: Of attention and feed-forward, with normalisation before each.
        heads: Of the attention; they share `hidden`.
        dropout: Share of the numbers set to 0 in training.
        word_dropout: Share of the given tokens that are hidden in training.
    """

    def __init__(
        self,
        vocabulary: int,
        in_features: int,
        *,
        length: int = 64,
        hidden: int = 256,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__(vocabulary, in_features, length=length, word_dropout=word_dropout)
        self.hidden, self.layers, self.heads, self.dropout = hidden, layers, heads, dropout
        self.stack = _stack(hidden, layers, heads, dropout)
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.position = nn.Embedding(length, hidden)
        self.first = nn.Linear(in_features, hidden)
        self.last = nn.Linear(hidden, vocabulary)

    def logits(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, "m v"]:
        """Scores of every token that is no padding, row by row."""
        _check_length(x, self.length)
        return self.last(self._states(z, self.given(x))[x != PAD])

    def start(self, z: Float[Tensor, "n d"]) -> State:
        """The code, and no tokens yet."""
        return z, torch.empty((len(z), 0), dtype=torch.long, device=z.device)

    def step(self, token: Int[Tensor, " n"], state: State) -> tuple[Float[Tensor, "n v"], State]:
        """Scores of the next token. All tokens so far pass through again: sentences are short."""
        z, before = state
        given = torch.cat([before, token[:, None]], 1)
        return self.last(self._states(z, given)[:, -1]), (z, given)

    def _states(self, z: Tensor, given: Int[Tensor, "n t"]) -> Float[Tensor, "n t h"]:
        t = given.shape[1]
        places = self.position(torch.arange(t, device=given.device))
        embedded = self.embedding(given) + places + self.first(z)[:, None]
        return self.stack(embedded, mask=_later(t, given.device), is_causal=True)


def _stack(hidden: int, layers: int, heads: int, dropout: float) -> nn.TransformerEncoder:
    check_sizes(hidden=hidden, layers=layers, heads=heads)
    check_shares(dropout=dropout)
    if hidden % heads:
        raise ValueError(f"`hidden` must be a multiple of `heads`: got {hidden} and {heads}.")
    layer = nn.TransformerEncoderLayer(
        hidden, heads, 4 * hidden, dropout, batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(
        layer, layers, norm=nn.LayerNorm(hidden), enable_nested_tensor=False
    )


def _later(t: int, device: torch.device) -> Bool[Tensor, "t t"]:
    return torch.ones((t, t), dtype=torch.bool, device=device).triu(1)


def _check_length(x: Tensor, length: int) -> None:
    if x.shape[1] > length:
        raise ValueError(
            f"Sentences must have at most length={length} tokens: got a batch of {x.shape[1]}."
        )
