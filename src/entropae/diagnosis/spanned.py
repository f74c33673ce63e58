"""Data in as few coordinates as training samples span, in which all distances to them are kept."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.metrics.principal import largest

COLUMNS = 2048  # values at a time, where samples have more of them than there are samples
ROWS, BLOCK = 128, 256  # samples


class Spanned:
    """Points in the span of training samples: distances to these are those of the points.

    Images have far more values than a diagnosis looks at samples. What lies in the span of n of
    them has n − 1 coordinates, along their principal components; of what does not, the length is
    one more. They are found from the products X Xᵀ of the centred samples alone: with
    X Xᵀ = V Λ Vᵀ, the coordinates of x are (x − μ)ᵀ Xᵀ V Λ^−½.

    Args:
        train: Training samples as points.

    Attributes:
        size: Values of a sample.
        train: Coordinates of the training samples.
    """

    def __init__(self, train: Float[Tensor, "n ..."]) -> None:
        self._flat = train.flatten(1)
        count, self.size = self._flat.shape
        self._wide = self.size >= count
        self._mean = self._flat.mean(0, dtype=torch.float64)
        if self._wide:
            self._squares, vectors = largest(self._gram())
            self._turn = vectors / self._squares.sqrt()
            self.train = self._squares.new_zeros(count, len(self._squares) + 1)
            self.train[:, :-1] = vectors * self._squares.sqrt()
            # Equal samples stay equal, whatever rounding does to their coordinates.
            rows: dict[bytes, int] = {}
            keys = (row.numpy().tobytes() for row in self._flat.contiguous())
            self.train = self.train[[rows.setdefault(key, i) for i, key in enumerate(keys)]]
        else:
            self.train = self._flat.double()
            centred = self.train - self._mean
            self._squares, self._turn = largest(centred.T @ centred)

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m r"]:
        """Coordinates of points: the samples' own values where these are few."""
        flat = x.flatten(1)
        if not self._wide:
            return flat.double()
        scores = self._scores(flat)
        rest = self._lengths(flat) - scores.square().sum(1)
        return torch.cat([scores, rest.clamp(min=0).sqrt()[:, None]], 1)

    def errors(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, " r"]:
        """Mean squared error per value of 0, 1, 2, … principal components."""
        flat = x.flatten(1)
        return self._left(self._lengths(flat).mean(), self._scores(flat).square().mean(0))

    @property
    def train_errors(self) -> Float[Tensor, " r"]:
        """The same, of the training samples."""
        return self._left(self._squares.sum() / len(self.train), self._squares / len(self.train))

    def _left(self, total: Tensor, explained: Float[Tensor, " r"]) -> Float[Tensor, " k"]:
        left = torch.cat([total[None], total - explained.cumsum(0)])
        return left.clamp(min=0) / self.size

    def _scores(self, flat: Float[Tensor, "m d"]) -> Float[Tensor, "m r"]:
        """Coordinates along the principal components."""
        return (self._products(flat) if self._wide else flat - self._mean) @ self._turn

    def _products(self, flat: Float[Tensor, "m d"]) -> Float[Tensor, "m n"]:
        """Products with the training samples, all centred."""
        found = self._mean.new_zeros(len(flat), len(self._flat))
        both = (x.split(COLUMNS, 1) for x in (flat, self._flat))
        for some, known, mean in zip(*both, self._mean.split(COLUMNS), strict=True):
            found.addmm_(some - mean, (known - mean).T)
        return found

    def _gram(self) -> Float[Tensor, "n n"]:
        """Products of the training samples with each other, each pair of blocks once."""
        count = len(self._flat)
        found = self._mean.new_zeros(count, count)
        for part, mean in zip(self._flat.split(COLUMNS, 1), self._mean.split(COLUMNS), strict=True):
            centred = part - mean
            for start in range(0, count, BLOCK):
                rows = slice(start, start + BLOCK)
                found[rows, start:].addmm_(centred[rows], centred[start:].T)
        return found.triu() + found.triu(1).T

    def _lengths(self, flat: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """Squared distances to the mean."""
        return torch.cat([(part - self._mean).square().sum(1) for part in flat.split(ROWS)])
