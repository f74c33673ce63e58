"""Independent components and their scores: for sums of independent columns of any shape."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from entropae.entropy.maps import scores
from entropae.entropy.maps.reference import Factor, Line, Reference, Sample, Unfolded
from entropae.entropy.maps.scores import Scores
from entropae.entropy.whitening import whiten

# Rows that the components are sought in: more make them hardly better, and the search dear.
ROWS = 10_000
STEPS = 150


def components(x: Sample) -> Factor:
    """The matrix `W` whose `W x` is as independent as can be, of shape `(d, d)`.

    FastICA with the logarithm of the hyperbolic cosine, all components at once.

    References:
        Hyvärinen, IEEE Trans. Neural Networks 10 (1999) 626, eqs. (20) and (45).
    """
    from sklearn.decomposition import FastICA

    n, d = x.shape
    if d == 1:
        return np.ones((1, 1))
    some = x if n <= ROWS else x[np.random.default_rng(0).choice(n, ROWS, replace=False)]
    white = whiten(torch.from_numpy(np.ascontiguousarray(some)))[0].numpy()
    with warnings.catch_warnings():
        # Normal columns have no components, so that no search for them ends.
        warnings.simplefilter("ignore")
        search = FastICA(
            whiten=False,  # pyright: ignore[reportArgumentType]
            max_iter=STEPS,
            tol=1e-4,
            random_state=0,
        )
        left, _, right = np.linalg.svd(search.fit(white).components_)
    rotated = white @ (left @ right).T
    return np.linalg.lstsq(some - some.mean(0), rotated, rcond=None)[0].T


@dataclass(frozen=True)
class Components(Reference):
    """`Scores` of the components `W x`."""

    matrix: Sample
    scores: Scores

    @classmethod
    def fit(cls, x: Sample) -> Components:
        """Components, then their margins and the covariance of their scores."""
        matrix = components(x)
        return cls(matrix, Scores.fit(x @ matrix.T))

    def log_density(self, x: Sample) -> Line:
        """`log q(W x) + log |det W|`."""
        return self.scores.log_density(x @ self.matrix.T) + np.linalg.slogdet(self.matrix)[1]

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """`W⁻¹ y`."""
        return np.linalg.solve(self.matrix, self.scores.draw(n, rng).T).T


def unfold(x: Sample) -> Unfolded:
    """Normal scores of the components: H(X) = H(W X) − log |det W|."""
    matrix = components(x)
    z, terms, searches = scores.unfold(x @ matrix.T)
    return Unfolded(z, terms - np.linalg.slogdet(matrix)[1], searches)
