"""Mixtures of normal distributions: for clusters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from entropae.entropy.maps.reference import Line, Reference, Sample

# Numbers of components that are tried, each only while the last was better than the one before.
NUMBERS = (2, 4, 8, 16)
ROWS = 10_000


@dataclass(frozen=True)
class Mixture(Reference):
    """Normal distributions with full covariances and weights, as many as the BIC takes.

    The sample is mapped by no more than whitening; what a mixture is for is that its own samples
    show what the estimator is off by, as those of a normal distribution do for `"calibrated"`.
    """

    mean: Line
    scale: Line
    fitted: Any  # scikit-learn's, of standardised columns

    @classmethod
    def fit(cls, x: Sample) -> Mixture:
        """By expectation maximisation, from k-means.

        References:
            Schwarz, Annals of Statistics 6 (1978) 461, the criterion for their number.
        """
        from sklearn.mixture import GaussianMixture

        n, d = x.shape
        mean, scale = x.mean(0), x.std(0)
        rows = np.random.default_rng(0).permutation(n)[:ROWS]
        standard = (x[rows] - mean) / scale
        best, least = None, np.inf
        for number in (1, *NUMBERS):
            if best is not None and number * (d + 1) * (d + 2) > n:
                break
            model = GaussianMixture(number, max_iter=60, tol=1e-3, random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the last steps change hardly anything
                model.fit(standard)
            criterion = model.bic(standard)
            if criterion >= least:
                break
            best, least = model, criterion
        return cls(mean, scale, best)

    def log_density(self, x: Sample) -> Line:
        """The mixture's."""
        standard = (x - self.mean) / self.scale
        return self.fitted.score_samples(standard) - np.log(self.scale).sum()

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """Points of each component, as many as its weight says, in an order of chance."""
        number = rng.multinomial(n, self.fitted.weights_)
        parts = zip(number, self.fitted.means_, self.fitted.covariances_, strict=True)
        drawn = [rng.multivariate_normal(m, c, k, method="cholesky") for k, m, c in parts]
        return self.mean + self.scale * rng.permutation(np.concatenate(drawn))
