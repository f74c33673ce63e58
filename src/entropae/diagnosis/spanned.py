"""Data in as few coordinates as training samples span, in which all distances to them are kept."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.metrics.principal import PrincipalComponents, principal_components


class Spanned:
    """Points in the span of training samples: distances to these are those of the points.

    Images have far more values than a diagnosis looks at samples. What lies in the span of n of
    them has n − 1 coordinates; of what does not, the length is one more.

    Args:
        train: Training samples as points.
    """

    def __init__(self, train: Float[Tensor, "n ..."]) -> None:
        flat = train.flatten(1)
        self.wide = flat.shape[1] >= len(flat)
        self.size = flat.shape[1]
        self.components: PrincipalComponents = principal_components(flat)
        self.train = self(flat)
        if self.wide:
            # Equal samples stay equal, whatever rounding does to their coordinates.
            rows: dict[bytes, int] = {}
            keys = (row.numpy().tobytes() for row in flat.contiguous())
            self.train[:, -1] = 0
            self.train = self.train[[rows.setdefault(key, i) for i, key in enumerate(keys)]]

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m r"]:
        """Coordinates of points: the samples' own values where these are few."""
        flat = x.flatten(1)
        if not self.wide:
            return flat.double()
        scores = self.components.scores(flat)
        squares = (flat.double() - self.components.mean).square().sum(1)
        rest = (squares - scores.square().sum(1)).clamp(min=0).sqrt()
        return torch.cat([scores, rest[:, None]], 1)

    def errors(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, " r"]:
        """Mean squared error per value of 0, 1, 2, … principal components."""
        flat = x.flatten(1).double()
        explained = self.components.scores(flat).square().mean(0).cumsum(0)
        total = (flat - self.components.mean).square().sum(1).mean()
        return torch.cat([total[None], total - explained]).clamp(min=0) / self.size

    @property
    def train_errors(self) -> Float[Tensor, " r"]:
        """The same, of the training samples."""
        count = len(self.train)
        variances = self.components.variances * (count - 1) / count
        total = variances.sum()
        return torch.cat([total[None], total - variances.cumsum(0)]).clamp(min=0) / self.size
