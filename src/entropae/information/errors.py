"""The variance of an estimate that is a mean of terms, also of rows that depend on each other."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import polygamma

from entropae.information.terms import Averaged, Sample
from entropae.variables.order import Correlations, autocorrelation, by_groups, reach

# Of a term's variance in an even density, what terms of neighbouring points add by sharing it.
SHARED = 0.6
# By how much terms vary less than the true ones, in units of the square root of k/n.
SMOOTHED = 4.0


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


def reach_of(sample: Sample) -> int:
    """How many rows on a row is still like this one, in two parts or more; 0 if none is."""
    parts = sample.turn(0)[:2]
    if len(parts) < 2:
        return 0
    return reach(*(_autocorrelation(part.values, part.classes) for part in parts), n=sample.n)


def _autocorrelation(
    values: Float[np.ndarray, "n d"], classes: np.ndarray | None
) -> Correlations | None:
    if classes is not None and not values.shape[1]:
        values = classes.astype(np.float64)[:, None]
    return autocorrelation(values)
