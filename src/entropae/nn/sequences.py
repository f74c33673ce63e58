"""What every decoder of sentences can do."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from entropae.nn.decoding import Decoding, State, greedy, nucleus
from entropae.nn.tokens import BOS, MOST_TOKENS, PAD, UNK


class SequenceDecoder(nn.Module, ABC):
    """Codes to sentences, token by token: p(x | z) = Π p(xᵢ | z, x₁ … xᵢ₋₁).

    Args:
        vocabulary: Number of tokens.
        in_features: Dimensions of the code.
        length: Tokens of a sentence at most, its end included.
        word_dropout: Share of the tokens that the decoder is given as unknown in training, so that
            it must ask the code (Bowman et al., "Generating sentences from a continuous space",
            CoNLL 2016, section 3.1).

    Attributes:
        decoding: How `forward` chooses tokens, `greedy` at first; it is not saved.
        drawing: How they are chosen where a model draws new sentences, `nucleus` at first.
    """

    decoding: Decoding = staticmethod(greedy)
    drawing: Decoding = staticmethod(nucleus)

    def __init__(
        self, vocabulary: int, in_features: int, *, length: int, word_dropout: float
    ) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, in_features=in_features, length=length)
        if length > MOST_TOKENS:
            raise ValueError(f"`length` must be at most {MOST_TOKENS}: got length={length}.")
        check_shares(word_dropout=word_dropout)
        self.vocabulary, self.in_features, self.length = vocabulary, in_features, length
        self.word_dropout = word_dropout

    def forward(self, z: Float[Tensor, "n d"]) -> Int[Tensor, "n length"]:
        """Codes to sentences, as rows of tokens with `PAD` after their end."""
        with torch.no_grad():
            return self.decoding(self, z)

    def nll(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, " n"]:
        """−log p(x | z) in nats, of each sentence."""
        real = x != PAD
        logits = self.logits(z, x)
        losses = nn.functional.cross_entropy(logits.float(), x[real], reduction="none")
        row = real.nonzero()[:, 0]
        return losses.new_zeros(len(x)).index_add(0, row, losses)

    @abstractmethod
    def logits(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, "m v"]:
        """Scores of what each of the `m` tokens could be that are no padding, row by row.

        Those of a token see the code and the tokens before it.
        """

    @abstractmethod
    def start(self, z: Float[Tensor, "n d"]) -> State:
        """What `step` needs before the first token: tensors with a row a sentence."""

    @abstractmethod
    def step(self, token: Int[Tensor, " n"], state: State) -> tuple[Float[Tensor, "n v"], State]:
        """Scores of the next token after `token`, which is `BOS` at first, and the next state."""

    def given(self, x: Int[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The tokens before each token, some of them unknown in training."""
        before = nn.functional.pad(x[:, :-1], (1, 0), value=BOS)
        if self.training and self.word_dropout:
            drop = torch.rand(before.shape, device=x.device) < self.word_dropout
            before = torch.where(drop & (before != BOS) & (before != PAD), UNK, before)
        return before


def trimmed(x: Int[Tensor, "n t"]) -> Int[Tensor, "n s"]:
    """Rows of tokens, cut to the longest, which has at least one."""
    return x[:, : max(1, int((x != PAD).sum(1).max())) if len(x) else 0]


def lengths_of(real: Bool[Tensor, "n t"]) -> Int[Tensor, " n"]:
    """Number of tokens of each row, at least one."""
    return real.sum(1).clamp(min=1)


def shares_of(x: Int[Tensor, "n t"], vocabulary: int) -> Float[Tensor, "n v"]:
    """Each token's share of a sentence, whose end is one of its tokens.

    Examples:
        >>> shares_of(torch.tensor([[4, 4, 5, 2], [2, 0, 0, 0]]), 6)
        tensor([[0.0000, 0.0000, 0.2500, 0.0000, 0.5000, 0.2500],
                [0.0000, 0.0000, 1.0000, 0.0000, 0.0000, 0.0000]])
    """
    real = (x != PAD).float()
    counts = real.new_zeros(len(x), vocabulary).scatter_add(1, x, real)
    return counts / lengths_of(x != PAD)[:, None]


def check_sizes(**sizes: int) -> None:
    """Raise unless all are positive integers."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"`{name}` must be a positive integer: got {name}={size!r}.")


def check_shares(**shares: float) -> None:
    """Raise unless all are in [0, 1)."""
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"`{name}` must be in [0, 1): got {name}={share}.")
