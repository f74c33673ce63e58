"""The step that measured values are rounded to, and the cell of each value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

# A step must be so many times what rounding blurs, else it is a step of the number format.
LEAST = 1e3
# A step this small beside the spacing of the values changes no neighbour's rank.
NEGLIGIBLE = 1e-3
# Neighbouring values on each side that a local step is taken from: gaps that have a common divisor
# by chance have one over all of these in one case of 2^8.
AROUND = 8
# Share of the rows that may be tied by chance, or by repeated rows, before ties mean rounding.
TIED = 0.05
# Share of the gaps that must be narrow enough to tell whether a step is the right one.
TELLING = 0.9
# Beside the spacing of the values, digits of the number format from which they are a step, and so
# many times as many ties as they explain.
COARSE, EXPLAINED = 0.01, 4.0
# Relative precision of bfloat16, float16 and float32.
FORMATS = (2.0**-7, 2.0**-10, 2.0**-23)
# Values without ties that a step is believed of: any few numbers are near to multiples of one.
BELIEVED = 10


@dataclass(frozen=True, eq=False)
class Cells:
    """What each value of a column stands for: all that was rounded to it.

    Attributes:
        rank: Which of the different values a row has, from the least, shape `(n,)`.
        below: How far a row's cell reaches below its value.
        above: How far it reaches above.
        step: The least step of the lattice; `None` if the values are on none.
        is_even: Whether the step is the same everywhere.
    """

    rank: Int[np.ndarray, " n"]
    below: Float[np.ndarray, " n"]
    above: Float[np.ndarray, " n"]
    step: float | None
    is_even: bool = True

    def take(self, rows: Int[np.ndarray, " m"]) -> Cells:
        """The cells of some rows."""
        return Cells(self.rank[rows], self.below[rows], self.above[rows], self.step, self.is_even)


def step_of(distinct: Float[np.ndarray, " m"], eps: float = 0.0) -> float | None:
    """The largest step of which all differences of values are multiples, but for rounding.

    Euclid's algorithm on the gaps between sorted values, each step estimated anew from all gaps
    that are few steps wide. So decimals, binary fractions, integers, sixtieths of an hour and all
    of these with an offset are found alike.

    Args:
        distinct: Sorted, different values.
        eps: Relative precision of the values' number format; 0 for exact values.

    Returns:
        The step; `None` if there are fewer than two values, or no step beyond rounding.

    Examples:
        >>> round(step_of(np.array([0.05, 0.15, 0.45, 0.75]), 2e-16), 6)
        0.1
        >>> step_of(np.random.default_rng(0).standard_normal(100), 2e-16) is None
        True
    """
    size = np.abs(distinct.astype(np.float64))
    gaps, blur = np.diff(distinct.astype(np.float64)), 2 * eps * np.maximum(size[1:], size[:-1])
    order = np.argsort(gaps)
    order = order[gaps[order] > 2 * blur[order]]
    gaps, blur = gaps[order], blur[order]
    if not len(gaps):
        return None
    step = float(gaps[0])
    while step > LEAST * float(np.median(blur)):
        step, multiple = _fitted(gaps, step)
        left, unsure = np.abs(gaps - multiple * step), (multiple + 2) * blur
        # So wide a gap, or one between so large values, tells nothing of so small a step.
        told = unsure <= 0.05 * step
        if np.mean(told) < TELLING:
            return None
        rest = left[told & (left > np.maximum(unsure, 1e-9 * step))]
        if not len(rest):
            return step
        step = float(rest.min())
    return None


def _fitted(gaps: Float[np.ndarray, " m"], step: float) -> tuple[float, Float[np.ndarray, " m"]]:
    """The step by least squares, from narrow gaps to wide, and each gap's multiple of it."""
    multiple = np.rint(gaps / step)
    for widest in (10.0, 1e3, 1e5):
        some = multiple <= widest
        near = np.abs(gaps[some] - multiple[some] * step) < 1e-3 * step
        m, g = multiple[some][near], gaps[some][near]
        if len(m):
            step = float((m @ g) / (m @ m))
        multiple = np.rint(gaps / step)
    return step, multiple


def cells_of(
    values: Float[np.ndarray, " n"], eps: float = 0.0, step: float | None = None
) -> Cells | None:
    """The cell of each value, if the values are rounded.

    A cell reaches half a step to each side, where the step is that of the values around: a scale
    may be read to 0.1 below 10 and to 1 above. Where the number format has no more digits, as
    float32 has at an offset, a cell is all that the format rounds to the value. Where there are
    many ties and no step, as of logarithms of counts, it reaches halfway to the neighbouring
    values. No two cells overlap, so a value spread over its cell still tells which value it was.

    Args:
        values: A column, finite.
        eps: Relative precision of the values' number format; 0 for exact values.
        step: The step, where it is known.

    Returns:
        The cells; `None` for values that are not rounded, or so finely that no neighbour's rank
        depends on it.
    """
    distinct, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    if step is not None:
        half = np.full(len(values), 0.5 * step)
        return Cells(which, half, half, step)
    if len(distinct) < 2:
        return None
    share = float(np.mean(counts[which] > 1))
    if share == 0 and len(distinct) < BELIEVED:
        return None
    found = step_of(distinct, eps)
    if found is None or (share == 0 and found < NEGLIGIBLE * float(np.median(np.diff(distinct)))):
        of_format = _cells_of_format(distinct, which, share, eps) if eps else None
        if of_format is not None:
            return of_format
        if share <= TIED:
            return None
        below, above = _halfway(distinct)
        return Cells(which, below[which], above[which], None)
    site = np.rint((distinct - distinct[0]) / found).astype(np.int64)
    local = found * _local_steps(site)
    half_below, half_above = _halfway(found * site.astype(np.float64))
    below, above = np.minimum(0.5 * local, half_below), np.minimum(0.5 * local, half_above)
    least = float(local.min())
    is_even = bool((local == least).all())
    return Cells(which, below[which], above[which], least, is_even)


def _cells_of_format(
    distinct: Float[np.ndarray, " m"], which: Int[np.ndarray, " n"], share: float, eps: float
) -> Cells | None:
    """Half of the last digit to each side, where that is coarse enough to explain the ties."""
    digit = _last_digit(distinct, eps)
    gap, coarse = float(np.median(np.diff(distinct))), float(np.median(digit))
    if coarse < COARSE * gap or EXPLAINED * coarse < share * gap:
        return None
    half = 0.5 * digit[which]
    return Cells(which, half, half, float(digit.min()), bool((digit == digit[0]).all()))


def _last_digit(distinct: Float[np.ndarray, " m"], eps: float) -> Float[np.ndarray, " m"]:
    """What the last binary digit of each value stands for, in the shortest format that has all."""
    exact = distinct.astype(np.float64)
    size = np.abs(exact)
    size = np.where(size > 0, size, size[size > 0].min(initial=np.inf))
    power = np.exp2(np.floor(np.log2(size)))
    # Values of a shorter format may have come in a longer one.
    for shorter in (*(one for one in FORMATS if one > eps), eps):
        if not (shorter * power).all():  # below the smallest number there is
            continue
        if (exact == np.rint(exact / (shorter * power)) * (shorter * power)).all():
            return shorter * power
    return eps * power


def _halfway(
    distinct: Float[np.ndarray, " m"],
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Half the distance to the value below and above; at the ends, to the only one there is."""
    gaps = 0.5 * np.diff(distinct)
    # Values on one site of a lattice, written differently, are in one cell.
    wide = gaps[gaps > 0]
    gaps = np.where(gaps > 0, gaps, wide.min() if len(wide) else 1.0)
    return np.r_[gaps[0], gaps], np.r_[gaps, gaps[-1]]


def _local_steps(site: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
    """How many steps of the lattice apart the values around each one lie, at least 1."""
    gaps = np.diff(site)
    gaps = gaps[gaps > 0] if (gaps == 0).any() else gaps
    if len(gaps) != len(site) - 1 or len(gaps) <= AROUND:
        return np.ones(len(site), np.int64)
    divisor = np.gcd.reduce(np.lib.stride_tricks.sliding_window_view(gaps, AROUND), axis=1)
    # The windows that end and that begin at each value; at the ends there is only one of them.
    ends = np.r_[np.zeros(AROUND, np.int64), divisor]
    begins = np.r_[divisor, np.zeros(AROUND, np.int64)]
    return np.maximum(np.maximum(ends, begins), 1)


def precision(values: np.ndarray) -> float:
    """Relative precision of a column's number format; 0 for integers."""
    return float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0
