"""Laws whose differential entropy is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import integrate, stats


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


def _product(law: stats.rv_continuous) -> Law:
    """Independent columns of one law."""
    return Law(
        lambda rng, n, d: law.rvs(size=(n, d), random_state=rng),
        lambda d: d * float(law.entropy()),
    )


def _mixture(half_distance: Callable[[int], float]) -> Law:
    """Two equal normal laws N(±a u, I), u along the diagonal.

    Across the diagonal it is N(0, I), along it a mixture on a line, of which a quadrature is exact
    to 1e-10.
    """

    def sample(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
        side = rng.choice([-1.0, 1.0], (n, 1))
        return rng.standard_normal((n, d)) + side * half_distance(d) / math.sqrt(d)

    def entropy(d: int) -> float:
        a = half_distance(d)

        def term(t: float) -> float:
            log_density = np.logaddexp(stats.norm.logpdf(t, -a), stats.norm.logpdf(t, a))
            return -math.exp(log_density) * (log_density - math.log(2))

        # Both halves are alike, and each is weighted ½.
        line = integrate.quad(term, 0, a + 12, points=[a], epsabs=1e-11, limit=200)[0]
        return float(line) + 0.5 * (d - 1) * math.log(2 * math.pi * math.e)

    return Law(sample, entropy)


def _scales(d: int) -> np.ndarray:
    return np.geomspace(1, 0.01, d)


def _thin_line(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    x = rng.standard_normal((n, d))
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]
    return x


# Laws on which estimators are compared, rather than held to a tolerance.
HARD = {
    "student-t(3)": _product(stats.t(3)),
    "mixture": _mixture(lambda d: 2.0),
    "far mixture": _mixture(lambda d: 2.0 * math.sqrt(d)),
    "thin line": Law(
        _thin_line, lambda d: 0.5 * d * math.log(2 * math.pi * math.e) + math.log(0.01)
    ),
    "unlike scales": Law(
        lambda rng, n, d: rng.standard_normal((n, d)) * _scales(d),
        lambda d: 0.5 * d * math.log(2 * math.pi * math.e) + float(np.log(_scales(d)).sum()),
    ),
}
