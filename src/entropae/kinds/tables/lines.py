"""Columns that lie close to a line of another one, such as an age to a date of birth.

As an end is counted from its start (`gaps`), they are counted from their line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize_scalar

from entropae.kinds.tables.column import Column, Gap, Numbers
from entropae.kinds.tables.decoding import numbers_near
from entropae.kinds.tables.meaning import knots_of
from entropae.kinds.tables.ranks import middle

# A column is counted from a line if the middle half of what is beside it is as narrow as this,
# relative to the middle half of its own numbers.
NARROW = 0.05
CLOSE = 0.95  # squared correlation, below which that is not looked at
FAR = 0.01  # of the numbers at either end, by which no slope is found
MUCH = 0.2  # how narrow what is beside a line is to what is between a column and another one
EVEN = 3.0  # times as wide at one end of the line as at the other, at most
NOTHING = 1e-9  # of the middle half of numbers: what is so narrow is the rounding of floats
LEAST = 20  # rows at least
LOOKED = 20_000  # rows by which it is decided
MOST = 60  # columns that are compared with each other


def with_lines(columns: Sequence[Column], numbers: Mapping[str, Numbers]) -> list[Column]:
    """Columns, those that lie close to a line of an earlier one counted from it.

    None is counted from one that is itself counted, or may be missing.

    Args:
        columns: In the order in which they may count from each other.
        numbers: Theirs, of those that may count or be counted from.
    """
    floats: dict[str, Float[np.ndarray, " n"]] = {}
    made = []
    for column in columns:
        one = numbers.get(column.name)
        if one is not None:
            own = np.where(one.known, one.values.astype(np.float64), np.nan)
            column = _on_line(column, own, floats, _already(column, numbers))
            if column.gap is None and not column.missing and len(floats) < MOST:
                floats[column.name] = own
        made.append(column)
    return made


def _already(column: Column, numbers: Mapping[str, Numbers]) -> float:
    """How narrow what a column counts is that is counted from another one already."""
    if column.gap is None:
        return np.inf
    own, known = numbers[column.name]
    return column.gap.width / max(middle(own[known]), np.finfo(float).tiny)


def _on_line(
    column: Column,
    y: Float[np.ndarray, " n"],
    others: Mapping[str, Float[np.ndarray, " n"]],
    already: float,
) -> Column:
    some, best = slice(LOOKED), None
    rough = 0.0 if column.grid is None else column.grid.size  # what rounding alone makes
    for name, other in others.items():
        known = ~(np.isnan(y[some]) | np.isnan(other[some]))
        found = _line(other[some][known], y[some][known], rough)
        if found is not None and (best is None or found[0] < best[0]):
            best = *found, name
    if best is None or best[0] > MUCH * already:
        return column
    _, slope, since = best
    known = ~(np.isnan(y) | np.isnan(others[since]))
    x, y = others[since][known], y[known]
    exact = _rounded_line(column, x, y, slope)
    if exact is not None:
        slope, beside = exact[0], np.full(1, exact[1])
    else:
        beside = np.sort(y - slope * x)
    return replace(column, gap=Gap(since, None, knots_of(beside), None, slope))


def _line(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], rough: float
) -> tuple[float, float] | None:
    """How narrow what lies beside the line of least squares is, and its slope, if it is narrow."""
    if len(x) < LEAST:
        return None
    usual = _within(x) & _within(y)
    (vx, both), (_, vy) = np.cov(x[usual], y[usual])
    if not vx or not vy or both**2 < CLOSE * vx * vy:
        return None
    slope = float(both / vx)
    beside = y - slope * x
    narrow = middle(beside) / max(middle(y), np.finfo(float).tiny)
    if narrow > NARROW:
        return None
    low, high = np.quantile(x, [1 / 3, 2 / 3])
    ends = [middle(beside[x <= low]), middle(beside[x >= high])]
    grows = max(ends) > EVEN * min(ends) + rough + NOTHING * middle(y)
    return None if grows else (narrow, slope)


def _rounded_line(
    column: Column, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], slope: float
) -> tuple[float, float] | None:
    """Slope and height of a line whose rounded numbers a column's are, all of them."""
    if column.grid is None:
        return None
    about = 2 * column.grid.size / max(float(np.ptp(x)), np.finfo(float).tiny)

    def width(steep: float) -> float:
        return float(np.ptp(y - steep * x))

    ends = (slope - about, slope + about)
    found: Any = minimize_scalar(width, bounds=ends, method="bounded")
    steep = float(found.x)
    beside = y - steep * x
    height = float(beside.max() + beside.min()) / 2
    again = numbers_near(column, steep * x + height)
    return (steep, height) if np.array_equal(again, y) else None


def _within(values: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """All but the lowest and the highest, among which there may be slips."""
    low, high = np.quantile(values, [FAR, 1 - FAR])
    return (low <= values) & (values <= high)
