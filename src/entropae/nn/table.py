"""The decoder of rows of numbers and categories, and the error of what it returns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.nn.mlp import GAIN, LINEAR_GAIN, MLPDecoder

# Nats below which a category's entropy is not divided by: what hardly varies weighs little.
LEAST = 0.1


class TableDecoder(nn.Module):
    """An `MLPDecoder` of rows of numbers and of categories' probabilities.

    Args:
        groups: Layout of a row: 0 for a number, `n` for the probabilities of `n` states.
        in_features: Dimensions of the code.
        hidden: Sizes of the hidden layers of the encoder, which this has reversed.
        entropies: For each group, the entropy in nats of its states' frequencies, by which `error`
            divides their cross-entropy (see `entropies_of`); 1 by default.
        linear: Add a linear map of the code before the probabilities (see `nn.principal`).
    """

    def __init__(
        self,
        groups: Sequence[int],
        in_features: int,
        *,
        hidden: Sequence[int] = (512, 256),
        entropies: Sequence[float] | None = None,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.groups, self.in_features, self.hidden = tuple(groups), in_features, tuple(hidden)
        if not all(type(group) is int and group >= 0 for group in self.groups):
            raise ValueError(f"`groups` must be whole numbers from 0: got {self.groups}.")
        self.entropies = tuple(entropies or [1.0] * len(self.groups))
        if len(self.entropies) != len(self.groups) or not all(h > 0 for h in self.entropies):
            raise ValueError(
                f"`entropies` must be {len(self.groups)} positive numbers: got {self.entropies}."
            )
        self.widths, self.linear = widths(self.groups), linear
        shape = (sum(self.widths),)
        gain = LINEAR_GAIN if linear else GAIN
        self.layers = MLPDecoder(
            shape, in_features, hidden=hidden, output="linear", linear=linear, gain=gain
        )

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
        """Codes to rows."""
        parts = self.layers(z).split(self.widths, 1)
        pairs = zip(parts, self.groups, strict=True)
        return torch.cat([part.softmax(1) if group else part for part, group in pairs], 1)

    def error(self, reconstruction: Float[Tensor, "n w"], x: Float[Tensor, "n w"]) -> Tensor:
        """The share of each group that is not reconstructed, shape `(groups, n)`.

        The squared error of a number, of which the normal score's variance is 1; the cross-entropy
        of a category over the entropy of its frequencies. Both are 1 on average without any
        knowledge of the row and 0 with all of it, so that the logarithm of their mean is as
        relative as that of a squared error. A missing number has the score 0, and its being missing
        is a category.

        Examples:
            >>> x = torch.tensor([[1.0, 1, 0], [-1, 0, 1]])
            >>> decoder = TableDecoder([0, 2], 1, entropies=entropies_of([0, 2], x))
            >>> guess = torch.tensor([[0, 0.5, 0.5]] * 2)
            >>> float(decoder.error(x, x).mean()), float(decoder.error(guess, x).mean())
            (0.0, 1.0)
        """
        made = reconstruction.float().split(self.widths, 1)
        given = x.float().split(self.widths, 1)
        parts = []
        for i, group in enumerate(self.groups):
            if group:
                log = made[i].clamp_min(torch.finfo(torch.float32).tiny).log()
                parts.append(-(given[i] * log).sum(1) / self.entropies[i])
            else:
                parts.append((made[i] - given[i])[:, 0].square())
        return torch.stack(parts)


def widths(groups: Sequence[int]) -> list[int]:
    """How many numbers of a row each group takes."""
    return [max(1, group) for group in groups]


def entropies_of(groups: Sequence[int], x: Float[Tensor, "n w"]) -> list[float]:
    """Entropy of the frequencies of each group's states in training rows, in nats.

    At least 0.1; of a number, 1.
    """
    return [
        float(torch.special.entr(part.mean(0)).sum().clamp_min(LEAST)) if group else 1.0
        for part, group in zip(x.split(widths(groups), 1), groups, strict=True)
    ]
