"""The reconstruction error of rows of numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

# Nats below which a category's entropy is not divided by: what hardly varies weighs little.
LEAST = 0.1


class TableLoss:
    """Mean over columns of the share of each that is not reconstructed.

    Of a number its squared error, of which the normal score's variance is 1; of a category its
    cross-entropy over the entropy of its frequencies. Both are 1 for who knows nothing of the row,
    and 0 for who knows it, so that the logarithm of their mean is as relative as that of a squared
    error. A missing number has the score 0, and its being missing is a category.

    Args:
        groups: `Columns.groups`.
        x: Training rows, for the frequencies.

    Examples:
        >>> x = torch.tensor([[1.0, 1, 0], [-1, 0, 1]])
        >>> error = TableLoss([0, 2], x)
        >>> float(error(x, x)), float(error(torch.tensor([[0, 0.5, 0.5]] * 2), x))
        (0.0, 1.0)
    """

    def __init__(self, groups: Sequence[int], x: Float[Tensor, "n w"]) -> None:
        self.groups = tuple(groups)
        self.widths = [max(1, group) for group in self.groups]
        self.entropies = [
            float(torch.special.entr(part.mean(0)).sum().clamp_min(LEAST))
            for part in x.split(self.widths, 1)
        ]

    def __call__(self, reconstruction: Tensor, x: Tensor) -> Tensor:
        """The error of a batch, a scalar."""
        made, given = reconstruction.float().split(self.widths, 1), x.float().split(self.widths, 1)
        parts = []
        for i, group in enumerate(self.groups):
            if group:
                log = made[i].clamp_min(torch.finfo(torch.float32).tiny).log()
                parts.append(-(given[i] * log).sum(1) / self.entropies[i])
            else:
                parts.append((made[i] - given[i])[:, 0].square())
        return torch.stack(parts).mean()
