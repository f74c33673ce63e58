"""Laws whose differential entropy is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Law:
    """A law in `d` dimensions: how to draw from it, and its entropy in nats."""

    sample: Callable[[np.random.Generator, int, int], np.ndarray]
    entropy: Callable[[int], float]
    # Bias that a density with an edge has beyond a smooth one's: balls of the k-th neighbour's
    # size, about (k/n)^(1/d), reach over the edge.
    edge: float = 0.0

    def tolerance(self, n: int, d: int, k: int) -> float:
        """What an estimate may be off by: bias, and four standard errors of its mean."""
        bias = d * (0.02 + self.edge * (k / n) ** (1 / d))
        return bias + 4 * math.sqrt(1.7 * d / n)


CORRELATION = 0.9


def _correlated(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    common = rng.standard_normal((n, 1))
    own = rng.standard_normal((n, d))
    return math.sqrt(CORRELATION) * common + math.sqrt(1 - CORRELATION) * own


def _correlated_entropy(d: int) -> float:
    # Equal correlations ρ: det Σ = (1 − ρ)^(d − 1) (1 + (d − 1) ρ).
    log_det = (d - 1) * math.log(1 - CORRELATION) + math.log1p((d - 1) * CORRELATION)
    return 0.5 * (d * math.log(2 * math.pi * math.e) + log_det)


LAWS = {
    "normal": Law(
        lambda rng, n, d: rng.standard_normal((n, d)),
        lambda d: 0.5 * d * math.log(2 * math.pi * math.e),
    ),
    "uniform": Law(
        lambda rng, n, d: rng.uniform(0, 2, (n, d)), lambda d: d * math.log(2), edge=0.35
    ),
    "laplace": Law(lambda rng, n, d: rng.laplace(size=(n, d)), lambda d: d * (1 + math.log(2))),
    "student-t(5)": Law(
        lambda rng, n, d: rng.standard_t(5, (n, d)),
        lambda d: d * float(stats.t(5).entropy()),
    ),
    "correlated normal": Law(_correlated, _correlated_entropy),
}
