"""Tasks of mutual information from a random family that was fixed before any was estimated.

A task is a distribution of (X, Y) with a known information, seen through one-to-one maps of X alone
and of Y alone, which change no information: normal with random canonical correlations, Student's t
with 3 to 10 degrees of freedom, or a mixture of two or three normal distributions (whose
information is a mean over 400 000 points); then, each with a chance of one half, columns bent by
one of five monotone maps, columns mixed by a random matrix, and one shear of half of a part's
columns by squares or sines of the other half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special, stats

SIZES = (1, 2, 3, 5, 10)
BENT: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    np.exp,
    np.arcsinh,
    np.cbrt,
    special.ndtr,
    lambda z: z + 0.4 * np.sin(2 * z),
)
Map = Callable[[np.ndarray], np.ndarray]


class Task(NamedTuple):
    """How to draw from it, what it is, and its information in nats."""

    name: str
    draw: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
    information: float


def task(seed: int) -> Task:
    """One of the family."""
    rng = np.random.default_rng([7, seed])
    d = int(rng.choice(SIZES))
    kind = ("normal", "student", "mixture")[int(rng.integers(3))]
    base, information = KINDS[kind](rng, d)
    maps = [through(rng, d) for _ in range(2)]

    def draw(own: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = base(own, n)
        return maps[0](x), maps[1](y)

    return Task(f"{seed}: {kind}, {d} × {d}", draw, information)


def correlated(rng: np.random.Generator, d: int) -> np.ndarray:
    """Correlations of pairs of columns, the strongest up to 0.95."""
    return np.sort(rng.uniform(0, 0.95, d))[::-1] * 0.7 ** np.arange(d)


def paired(rng: np.random.Generator, n: int, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, e = rng.standard_normal((2, n, len(rho)))
    return x, rho * x + np.sqrt(1 - rho**2) * e


def normal(rng: np.random.Generator, d: int):
    rho = correlated(rng, d)
    return lambda own, n: paired(own, n, rho), float(-0.5 * np.log1p(-(rho**2)).sum())


def student(rng: np.random.Generator, d: int):
    """As the normal one, all divided by one χ.

    References:
        Arellano-Valle, Contreras-Reyes and Genton, Scand. J. Stat. 40 (2013) 42: to the normal one
        comes what the common χ tells.
    """
    rho, nu = correlated(rng, d), float(rng.integers(3, 11))

    def draw(own: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = paired(own, n, rho)
        chi = np.sqrt(own.chisquare(nu, (n, 1)) / nu)
        return x / chi, y / chi

    def entropy(m: int) -> float:
        """Of t with the identity for its matrix."""
        half = 0.5 * (nu + m)
        log_density = (
            special.gammaln(half) - special.gammaln(0.5 * nu) - 0.5 * m * math.log(nu * math.pi)
        )
        return half * float(special.digamma(half) - special.digamma(0.5 * nu)) - float(log_density)

    shared = 2 * entropy(d) - entropy(2 * d)
    return draw, float(-0.5 * np.log1p(-(rho**2)).sum()) + shared


def mixture(rng: np.random.Generator, d: int):
    number = int(rng.integers(2, 4))
    weights = rng.dirichlet(np.full(number, 5.0))
    means = 1.5 * rng.standard_normal((number, 2 * d))
    factors = [rng.standard_normal((2 * d, 2 * d)) / math.sqrt(2 * d) for _ in range(number)]
    covariances = [f @ f.T + 0.2 * np.eye(2 * d) for f in factors]

    def draw(own: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        which = own.choice(number, n, p=weights)
        z = np.empty((n, 2 * d))
        for i in range(number):
            rows = which == i
            z[rows] = own.multivariate_normal(means[i], covariances[i], int(rows.sum()))
        return z[:, :d], z[:, d:]

    def log_density(z: np.ndarray, columns: slice) -> np.ndarray:
        logs = [
            math.log(w) + stats.multivariate_normal.logpdf(z, m[columns], c[columns, columns])
            for w, m, c in zip(weights, means, covariances, strict=True)
        ]
        return np.asarray(special.logsumexp(np.stack(logs), 0))

    x, y = draw(rng, 400_000)
    both = log_density(np.hstack([x, y]), slice(None))
    ratio = both - log_density(x, slice(0, d)) - log_density(y, slice(d, None))
    return draw, float(ratio.mean())


KINDS = {"normal": normal, "student": student, "mixture": mixture}


def through(rng: np.random.Generator, d: int) -> Map:
    """A one-to-one map of the columns of a part."""
    steps: list[Map] = []
    if rng.random() < 0.5:
        bent = [BENT[i] for i in rng.integers(len(BENT), size=d)]
        steps.append(lambda z: np.stack([bend(c) for bend, c in zip(bent, z.T, strict=True)], 1))
    if rng.random() < 0.5:
        matrix = rng.standard_normal((d, d)) + 2 * np.eye(d)
        steps.append(lambda z: z @ matrix)
    if d > 1 and rng.random() < 0.5:
        half = d // 2
        curve: Map = (np.square, np.sin)[int(rng.integers(2))]
        weights = rng.standard_normal((half, d - half))

        def shear(z: np.ndarray) -> np.ndarray:
            scaled = z[:, :half] / z[:, :half].std(0)
            moved = z[:, half:].std(0) * (curve(scaled) @ weights)
            return np.hstack([z[:, :half], z[:, half:] + moved])

        steps.append(shear)

    def apply(z: np.ndarray) -> np.ndarray:
        for step in steps:
            z = step(z)
        return z

    return apply
