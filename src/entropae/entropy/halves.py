"""Whether an estimate has settled: what half of its rows say beside all of them."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

# Nats, and standard errors of an estimate, by which halves may differ without being worth a word.
LEAST, OF_ERROR = 0.02, 0.5
# The same in standard errors of the difference itself, whose terms share neighbours: on smooth
# distributions of 30 to 2000 rows, with k = 1 … 10, its deviation is 0.8 to 1.5 of these.
BY_CHANCE = 5.5


def halves(n: int) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " l"]]:
    """The rows of two halves, drawn at random, each in order."""
    order = np.random.default_rng(0).permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def change(of_halves: Float[np.ndarray, " n"], of_all: Float[np.ndarray, " n"]) -> float:
    """By how much the mean of terms is larger among all rows than in halves; 0 if by chance.

    Where bias falls as `n^(−a)` with `a ≤ 1`, twice the rows take away no more of it than is left,
    and the estimate is off by at least the change. Where there is no density, as on a curve in a
    plane, there is a change at every `n`.

    Args:
        of_halves: Each row's term in its half; NaN if it has none there.
        of_all: Its term among all rows; NaN if it has none there.
    """
    differences = (of_all - of_halves)[np.isfinite(of_all) & np.isfinite(of_halves)]
    if len(differences) < 10:
        return 0.0
    noise = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    mean = float(differences.mean())
    return mean if abs(mean) > max(LEAST, BY_CHANCE * noise) else 0.0


def matters(changed: float, error: float) -> bool:
    """Whether a change is worth a word beside the standard error of the estimate."""
    return abs(changed) > OF_ERROR * error
