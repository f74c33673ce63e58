"""The entropy of a sample, and the density that goes with it, as an estimator."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from sklearn.base import BaseEstimator

from entropae.entropy import EntropyMethod, entropy_estimate
from entropae.neighbors import check_k, kth_distance
from entropae.sklearn.checked import checked, refuse


class KNNEntropy(BaseEstimator):
    """Entropy of a sample by nearest neighbours, and the density that goes with it.

    Args:
        k: Which neighbour. Smaller is less biased, larger less variable.
        method: Which estimator of the entropy, see `entropae.knn_entropy`.

    Attributes:
        entropy_: Of the sample, in nats.
        standard_error_: Its standard deviation over samples, estimated.
        warnings_: What speaks against the estimate, in words.
        points_: The sample.
        n_features_in_: Features seen in `fit`.
        feature_names_in_: Their names, if `fit` was given a frame.

    Examples:
        >>> x = np.random.default_rng(0).standard_normal((5000, 2))
        >>> print(f"{KNNEntropy().fit(x).entropy_:.1f}, in truth {np.log(2 * np.pi * np.e):.1f}")
        2.8, in truth 2.8
    """

    def __init__(self, k: int = 3, *, method: EntropyMethod = "kl") -> None:
        self.k = k
        self.method: EntropyMethod = method

    def fit(self, X: Any, y: Any = None, **unsupported: Any) -> Self:
        """Estimate the entropy of a sample.

        Args:
            X: Sample, shape `(n, n_features)`.
            y: Ignored.
            unsupported: Nothing: the error for sample weights says what to do.

        Raises:
            TypeError: If sample weights are given.
            ValueError: If `k` is not in [1, n − 1], or as `entropae.entropy_estimate`.
        """
        refuse(self, unsupported)
        x = checked(self, X, first=True)
        check_k(self.k, len(x) - 1, f"n={len(x)} points")
        found = entropy_estimate(x, self.k, method=self.method)
        self.entropy_ = float(found.value)
        self.standard_error_ = float(found.standard_error)
        self.warnings_ = tuple(found.warnings)
        self.points_ = x
        return self

    def score_samples(self, X: Any) -> Float[np.ndarray, " n"]:
        """Log-density at each point, in nats, from the sample of `fit`.

        With `ν_k` the distance to the k-th nearest of its `m` points, and `B_d` the volume of the
        unit ball,

            log p(x) = ψ(k) − ψ(m + 1) − log B_d − d log ν_k(x).

        Features are not scaled: put a `StandardScaler` before. `inf` where `k` points of the sample
        lie at `x`.
        """
        x = checked(self, X)
        points, asked = (torch.from_numpy(np.array(a, np.float64)) for a in (self.points_, x))
        distance = kth_distance(asked, points, k=self.k)
        d = points.shape[1]
        ball = d / 2 * math.log(math.pi) - math.lgamma(1 + d / 2)
        constants = torch.digamma(torch.tensor([self.k, len(points) + 1.0], dtype=torch.float64))
        return (constants[0] - constants[1] - ball - d * distance.log()).numpy()

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-density at the points: minus the cross-entropy, in nats."""
        return float(self.score_samples(X).mean())
