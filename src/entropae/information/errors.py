"""The variance of an estimate that is a mean of terms, also of rows that depend on each other."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import polygamma

from entropae.information.terms import Averaged, Sample

# Of a term's variance in an even density, what terms of neighbouring points add by sharing it.
SHARED = 0.6
# By how much terms vary less than the true ones, in units of the square root of k/n.
SMOOTHED = 4.0
# Groups of consecutive rows that a standard error is taken from.
GROUPS = 20
# Factor of the variance from which rows are said to depend on those before.
DEPENDENT = 1.5


class Error(NamedTuple):
    """A standard error, and what was seen of the rows' order.

    Attributes:
        value: The standard error, in nats.
        reach: Rows after which a row is no longer like this one; 0 if rows are independent.
    """

    value: float
    reach: int


def standard_error(sample: Sample, found: Averaged) -> Error:
    """Standard error of an estimate, from the spread of its terms.

    For estimates from neighbours, with `t_i` the terms,

        SE² = [(1 + 4 √(k/n)) var t + 0.6 ψ'(k)] / n + var of the spreads,

    the first factor for terms that vary less than the true ones because a neighbourhood is not a
    point, the second summand for terms that share neighbours; both constants were found by
    simulation, see `benchmarks/significance.py`. For tables of counts with ν degrees of freedom,

        SE² = [var t + ν/2n] / n.

    Where rows depend on those before, var t / n is the larger of that and of the jackknife that
    leaves out one of 20 groups of consecutive rows at a time.
    """
    terms = found.terms.values
    n, k = len(terms), sample.settings.k
    if sample.method == "none":
        return Error(0.0, 0)
    if n < 3:
        return Error(math.nan, 0)
    own = float(terms.var(ddof=1)) / n
    reach = reach_of(sample)
    if reach:
        own = max(own, by_groups(terms))
    if sample.method == "plugin":
        variance = own + found.terms.freedom / (2 * n**2)
    else:
        smoothed = 1 + SMOOTHED * math.sqrt(k / n)
        variance = smoothed * own + SHARED * float(polygamma(1, k)) / n
    return Error(math.sqrt(variance + found.spread), reach)


def by_groups(terms: Float[np.ndarray, " n"]) -> float:
    """Variance of a mean, by the jackknife that leaves out groups of consecutive rows."""
    groups = min(GROUPS, len(terms) // 2)
    parts = np.array_split(terms, groups)
    total = terms.sum()
    without = np.array([(total - part.sum()) / (len(terms) - len(part)) for part in parts])
    return (groups - 1) * float(np.var(without))


def reach_of(sample: Sample) -> int:
    """How many rows on a row is still like this one, in two parts or more; 0 if none is.

    The variance of a mean of products of two series is that of independent rows times
    `1 + 2 Σ_l r_x(l) r_y(l)`, with `r` their autocorrelations.
    """
    correlations = [_autocorrelation(part.values, part.classes) for part in sample.turn(0)[:2]]
    if len(correlations) < 2:
        return 0
    x, y = correlations
    if x is None or y is None:
        return 0
    n = sample.n
    noise = 2 / math.sqrt(n)
    both = np.flatnonzero((x < noise) | (y < noise))
    last = int(both[0]) if len(both) else len(x)
    if 1 + 2 * float((x[:last] * y[:last]).sum()) < DEPENDENT:
        return 0
    return last


def _autocorrelation(
    values: Float[np.ndarray, "n d"], classes: np.ndarray | None
) -> Float[np.ndarray, " lags"] | None:
    """The largest of the columns' autocorrelations, at lags 1 to n/4."""
    columns = list(values.T.astype(np.float64))
    if classes is not None and not columns:
        columns = [classes.astype(np.float64)]
    n = len(values)
    if not columns or n < 40:
        return None
    made = []
    for column in columns:
        # Ranks, so that an outlier does not decide; values that repeat get the mean of theirs.
        _, place, times = np.unique(column, return_inverse=True, return_counts=True)
        rank = (times.cumsum() - 0.5 * (times - 1))[place] - 0.5 * (n + 1)
        spectrum = np.fft.rfft(rank, 2 * n)
        lags = np.fft.irfft(spectrum * spectrum.conj())[: n // 4 + 1]
        made.append(lags[1:] / lags[0])
    return np.max(made, axis=0)
