"""Which reference a sample is nearest to: cross-entropies on points that were held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from entropae.entropy.maps.mapped import MAPS
from entropae.entropy.maps.reference import Line, Sample

# Rows that references are compared on, half of them to fit to.
ROWS = 4000
# Nats of a single point that count in a comparison.
MOST = 20.0
# Fewest points for a comparison, and for each dimension.
LEAST, LEAST_PER_DIMENSION = 60, 6


class Comparison(NamedTuple):
    """Held-out `−log q` of several references, point by point, in nats."""

    losses: dict[str, Line]

    @property
    def best(self) -> str:
        """The reference with the least cross-entropy."""
        return min(self.losses, key=lambda name: float(self.losses[name].mean()))

    def bound(self, name: str) -> tuple[float, float]:
        """A cross-entropy, and its standard error."""
        loss = self.losses[name]
        return float(loss.mean()), float(loss.std(ddof=1)) / len(loss) ** 0.5

    def excess(self, name: str, other: str) -> tuple[float, float]:
        """How much larger one cross-entropy is than another, and the difference's error.

        Of each point no more than `MOST` nats count: a few far out would drown all others.
        """
        gap = np.clip(self.losses[name] - self.losses[other], -MOST, MOST)
        return float(gap.mean()), float(gap.std(ddof=1)) / len(gap) ** 0.5

    @property
    def choice(self) -> str:
        """The simplest reference that is not worse than the best by twice the error."""
        for name in MAPS:
            if name in self.losses:
                gap, error = self.excess(name, self.best)
                if gap <= 2 * error:
                    return name
        return self.best


def has_enough(n: int, d: int) -> bool:
    """Whether there are points enough to hold half of them out."""
    return d > 1 and n >= max(LEAST, LEAST_PER_DIMENSION * d)


def cross_entropies(x: Sample, methods: Iterable[str] = MAPS) -> Comparison:
    """Cross-entropies of the references of some maps on points they were not fitted to.

    Args:
        x: Sample, see `has_enough`.
        methods: Names of `MAPS`. Those whose reference cannot be fitted are left out.
    """
    rows = np.random.default_rng(0).permutation(len(x))[:ROWS]
    fitted, held_out = np.array_split(x[rows], 2)
    losses = {}
    for name in methods:
        try:
            loss = -MAPS[name].reference.fit(fitted).log_density(held_out)
        except (ValueError, np.linalg.LinAlgError):
            continue
        if np.isfinite(loss).all():
            losses[name] = loss
    return Comparison(losses)


def usable(x: Sample) -> list[str]:
    """The maps that a sample's columns admit: most need columns without repeated values."""
    repeated = any(len(np.unique(column)) < 0.99 * len(column) for column in x.T)
    return [name for name, way in MAPS.items() if not (way.spaced and repeated)]


def choose(x: Sample) -> str:
    """The map for a sample: of the simplest reference that is not clearly worse than the best."""
    n, d = x.shape
    if not has_enough(n, d):
        return "calibrated"
    return cross_entropies(x, usable(x)).choice
