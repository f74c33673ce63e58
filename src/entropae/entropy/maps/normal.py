"""The normal distribution: what `"calibrated"` compares a sample with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from entropae.entropy.maps.margins import log_normal
from entropae.entropy.maps.reference import Line, Reference, Sample, Unfolded


@dataclass(frozen=True)
class Normal(Reference):
    """N(μ, L L')."""

    mean: Line
    factor: Sample

    @classmethod
    def fit(cls, x: Sample) -> Normal:
        """With the sample's mean and covariance."""
        mean = x.mean(0)
        upper: Sample = np.linalg.qr(x - mean, mode="r")  # pyright: ignore[reportAssignmentType]
        return cls(mean, upper.T / np.sqrt(len(x) - 1))

    def log_density(self, x: Sample) -> Line:
        """`log φ(L⁻¹(x − μ)) − log |det L|`."""
        white = np.linalg.solve(self.factor, (x - self.mean).T).T
        return log_normal(white) - np.log(np.abs(self.factor.diagonal())).sum()

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """`μ + L z`."""
        return self.mean + rng.standard_normal((n, len(self.mean))) @ self.factor.T


def unfold(x: Sample) -> Unfolded:
    """The sample itself: whitening is part of the estimate of what a map leaves."""
    return Unfolded(x, np.zeros(len(x)), 0)
