"""Rows that depend on those before them, as in a time series, and what errors they leave."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

# Groups of consecutive rows that a standard error is taken from.
GROUPS = 20
# Factor of the variance from which rows are said to depend on those before.
DEPENDENT = 1.5
# Fewest rows that tell.
LEAST = 40

# Rows of a series, each beyond the reach of the others, that an estimate can be of.
ENOUGH = 20
LONGER = "Only a longer one tells more"

Correlations = Float[np.ndarray, " lags"]


def by_groups(terms: Float[np.ndarray, " n"]) -> float:
    """Variance of a mean, by the jackknife that leaves out groups of consecutive rows."""
    groups = min(GROUPS, len(terms) // 2)
    parts = np.array_split(terms, groups)
    total = terms.sum()
    without = np.array([(total - part.sum()) / (len(terms) - len(part)) for part in parts])
    return (groups - 1) * float(np.var(without))


def autocorrelation(values: Float[np.ndarray, "n d"]) -> Correlations | None:
    """The largest of the columns' autocorrelations, at lags 1 to n/4; `None` of too few rows."""
    n, d = values.shape
    if not d or n < LEAST:
        return None
    made = []
    for column in values.T.astype(np.float64):
        # Ranks, so that an outlier does not decide; values that repeat get the mean of theirs.
        _, place, times = np.unique(column, return_inverse=True, return_counts=True)
        rank = (times.cumsum() - 0.5 * (times - 1))[place] - 0.5 * (n + 1)
        spectrum = np.fft.rfft(rank, 2 * n)
        lags = np.fft.irfft(spectrum * spectrum.conj())[: n // 4 + 1]
        made.append(lags[1:] / lags[0] if lags[0] > 0 else np.zeros(n // 4))
    return np.max(made, axis=0)


def reach(x: Correlations | None, y: Correlations | None, n: int) -> int:
    """How many rows on a row is still like this one, in two series; 0 if none is.

    The variance of a mean of products of two series is that of independent rows times
    `1 + 2 Σ_l r_x(l) r_y(l)`, with `r` their autocorrelations.
    """
    if x is None or y is None:
        return 0
    noise = 2 / math.sqrt(n)
    both = np.flatnonzero((x < noise) | (y < noise))
    last = int(both[0]) if len(both) else len(x)
    if 1 + 2 * float((x[:last] * y[:last]).sum()) < DEPENDENT:
        return 0
    return last


def reach_of(values: Float[np.ndarray, "n d"]) -> int:
    """How many rows on a row is still like this one; 0 if none is."""
    found = autocorrelation(values)
    return reach(found, found, len(values))


def say_ordered(rows: int, n: int, name: str = "x") -> str:
    """What rows that depend on those before do to estimates, and what to do, in words.

    Args:
        rows: See `reach_of`.
        n: Rows of the sample.
        name: Of the sample.
    """
    remedy = f"Take one row in {rows}, `{name}[::{rows}]`"
    return (
        f"Rows of `{name}` are like those up to {rows} rows apart, as in a time series or a sorted "
        "table. A time series has as much to tell as fewer rows that are independent: the estimate "
        f"may be off by more than its error. {remedy if n >= ENOUGH * rows else LONGER}. If the "
        "table is only sorted, shuffle its rows."
    )
