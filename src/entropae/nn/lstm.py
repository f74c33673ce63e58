"""Recurrent networks for sentences, as in the BN-VAE's experiments on text."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from entropae.nn.decoding import State
from entropae.nn.sequences import SequenceDecoder, check_shares, check_sizes, lengths_of, shares_of
from entropae.nn.tokens import PAD


class LSTMEncoder(nn.Module):
    """One layer; the last hidden state, through a linear layer, is what the latent takes.

    Args:
        vocabulary: Number of tokens.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        hidden: Size of the state and of the tokens' embedding.
        linear: A linear path beside it, from each token's share of the sentence, which can start
            at the principal components of these shares.
    """

    def __init__(
        self, vocabulary: int, out_features: int, *, hidden: int = 256, linear: bool = False
    ) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, out_features=out_features, hidden=hidden)
        self.vocabulary, self.out_features, self.hidden = vocabulary, out_features, hidden
        self.linear = linear
        self.direct = nn.Linear(vocabulary, out_features) if linear else None
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.cells = nn.LSTM(hidden, hidden, batch_first=True)
        self.last = nn.Linear(hidden, out_features)

    def forward(self, x: Int[Tensor, "n t"]) -> Float[Tensor, "n out"]:
        """Rows of tokens to `(n, out_features)`."""
        # Not packed: on CPUs that takes twice as long as to go on over the padding.
        states = self.cells(self.embedding(x))[0]
        found = self.last(states[torch.arange(len(x)), lengths_of(x != PAD) - 1])
        if self.direct is None:
            return found
        return found + self.direct(shares_of(x, self.vocabulary).to(found))


class LSTMDecoder(SequenceDecoder):
    """One layer; the code makes the initial state and comes in again at every step.

    Args:
        vocabulary: Number of tokens.
        in_features: Dimensions of the code.
        length: Tokens of a sentence at most, its end included.
        hidden: Size of the state and of the tokens' embedding.
        dropout: Share of the embeddings' and the states' numbers set to 0 in training.
        word_dropout: Share of the given tokens that are hidden in training.
        linear: A path beside the cells, from the token before and from the code to the scores of
            the next token, which can start at the corpus's pairs of tokens.

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
        linear: bool = False,
    ) -> None:
        super().__init__(vocabulary, in_features, length=length, word_dropout=word_dropout)
        check_sizes(hidden=hidden)
        check_shares(dropout=dropout)
        self.hidden, self.dropout, self.linear = hidden, dropout, linear
        self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=PAD)
        self.drop = nn.Dropout(dropout)
        self.first = nn.Linear(in_features, hidden)
        self.cells = nn.LSTM(hidden + in_features, hidden, batch_first=True)
        self.mix = nn.Linear(hidden, hidden) if linear else None
        self.last = nn.Linear(hidden + (in_features if linear else 0), vocabulary)

    def logits(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, "m v"]:
        """Scores of every token that is no padding, row by row."""
        real = x != PAD
        given = self.drop(self.embedding(self.given(x)))
        codes = z[:, None].expand(-1, x.shape[1], -1).to(given)
        _, h, c = self.start(z)
        states = self.cells(torch.cat([given, codes], 2), (h[None], c[None]))[0]
        return self._scores(states[real], given[real], codes[real])

    def start(self, z: Float[Tensor, "n d"]) -> State:
        """The code, and the state that it makes."""
        cell = self.first(z)
        return z, cell.tanh(), cell

    def step(self, token: Int[Tensor, " n"], state: State) -> tuple[Float[Tensor, "n v"], State]:
        """Scores of the next token."""
        z, h, c = state
        given = self.drop(self.embedding(token))
        code = z.to(given)
        states, (h, c) = self.cells(torch.cat([given, code], 1)[:, None], (h[None], c[None]))
        return self._scores(states[:, 0], given, code), (z, h[0], c[0])

    def _scores(
        self, states: Float[Tensor, "m h"], given: Float[Tensor, "m h"], codes: Float[Tensor, "m d"]
    ) -> Float[Tensor, "m v"]:
        states = self.drop(states)
        if self.mix is not None:
            states = torch.cat([self.mix(states) + given, codes], 1)
        return self.last(states)
