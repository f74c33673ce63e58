"""Normal scores of each column: for columns of any shape whose dependence is nearly normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from entropae.entropy.maps.margins import (
    NORMAL,
    Margin,
    all_scores,
    local_entropy,
    scores,
)
from entropae.entropy.maps.normal import Normal
from entropae.entropy.maps.reference import Line, Reference, Sample, Unfolded


@dataclass(frozen=True)
class Scores(Reference):
    """A normal copula with margins of any shape: N(μ, Σ) of the columns' smooth scores."""

    margins: tuple[Margin, ...]
    copula: Normal

    @classmethod
    def fit(cls, x: Sample) -> Scores:
        """Margins from quantiles, the copula from the scores' covariance."""
        margins = tuple(Margin.fit(column) for column in x.T)
        return cls(margins, Normal.fit(all_scores(margins, x)[0]))

    def log_density(self, x: Sample) -> Line:
        """`log φ_Σ(s(x)) + Σ_c log s_c'(x_c)`."""
        z, slopes = all_scores(self.margins, x)
        return self.copula.log_density(z) + slopes

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """`s⁻¹(z)` with z ~ N(μ, Σ)."""
        z = self.copula.draw(n, rng)
        return np.stack([m.inverse(c) for m, c in zip(self.margins, z.T, strict=True)], 1)


def unfold(x: Sample) -> Unfolded:
    """Normal scores of the ranks of each column.

    Total correlation does not change under monotone maps of the columns, and the scores' own
    margins are normal by construction, so that

        H(X) = H(Z) + Σ_c [H(X_c) − ½ log 2πe],

    in which the entropies of single columns are estimated by nearest neighbours on a line.

    References:
        Ma and Sun, Tsinghua Science and Technology 16 (2011) 51: mutual information is the negative
        entropy of the copula.
    """
    d = x.shape[1]
    terms = np.sum([local_entropy(x[:, [c]]) for c in range(d)], 0) - d * NORMAL
    return Unfolded(scores(x), terms, d)
