"""Columns' parts of vectors as values."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr

from entropae.kinds.tables import forms, spans
from entropae.kinds.tables.column import Column, written
from entropae.kinds.tables.grid import rounded
from entropae.kinds.tables.plain import arrow, is_whole, type_of
from entropae.kinds.tables.ranks import nearest, quantiles


def decoded(column: Column, x: Float[np.ndarray, "n w"], numbers: np.ndarray | None = None) -> Any:
    """Its part of the vectors as values, the most probable ones.

    Args:
        column: Which.
        x: Its part.
        numbers: Those of the values, of one that counts from another or whose are known.
    """
    kind = type_of(column.type)
    if column.levels is not None:
        place = chosen(x, None)
        absent = place == len(column.levels)
        values = _taken(column.levels, np.minimum(place, max(len(column.levels) - 1, 0)), kind)
    else:
        absent = chosen(x[:, 1:3], None) == 1 if column.missing else np.zeros(len(x), bool)
        values = _labels(column, x) if column.labels is not None else _numbers(column, x, numbers)
    if column.nan and absent.any():
        values = np.where(absent, np.nan, np.asarray(values, np.float64))
        absent = np.zeros(len(x), bool)
    return arrow(values, kind, absent, levels=column.dictionary or column.categories)


def _taken(levels: tuple[Any, ...], place: np.ndarray, kind: Any) -> np.ndarray:
    if not levels:
        return np.zeros(len(place))
    made = np.empty(len(levels), object)
    made[:] = levels
    return made[place]


def _labels(column: Column, x: np.ndarray) -> np.ndarray:
    assert column.labels is not None
    inner_edges = np.cumsum(column.knots)[:-1]
    place = np.searchsorted(inner_edges, ndtr(x[:, 0]), side="right")
    return _taken(column.labels, place, type_of(column.type))


def counts_at(column: Column, x: Float[np.ndarray, "n w"]) -> np.ndarray:
    """Its part of the vectors as numbers, of one that counts from another what it counts."""
    scale = column.scale
    sites = quantiles(scale.knots, x[:, 0])
    if scale.sites is not None:
        sites = nearest(scale.sites, sites)
    if scale.grid is not None:
        return scale.grid.values(np.clip(np.rint(sites), *scale.knots[[0, -1]]))
    return rounded(sites, column.digits) if column.digits else sites


def numbers_near(
    column: Column, values: np.ndarray, free: Bool[np.ndarray, " n"] | None = None
) -> np.ndarray:
    """The numbers that a column can have which are nearest to others.

    Args:
        column: Which.
        values: The others.
        free: Which may lie beyond its ends.
    """
    if column.sites is not None:
        sites = values if column.grid is None else column.grid.sites(values)
        sites = nearest(column.sites, sites)
        return sites if column.grid is None else column.grid.values(sites)
    if column.grid is not None:
        values = column.grid.nearest(values)
    inside = np.clip(values, *column.ends)
    if free is not None:
        limits = _limits(column)
        inside = np.where(free, np.clip(values, *limits) if limits else values, inside)
    return rounded(inside, column.digits) if column.digits else inside


def _limits(column: Column) -> tuple[float, float] | None:
    """Between which numbers of its grid its type, or a form of times of day, can write them."""
    limits, grid = _written_by(column), column.grid
    if limits is None or grid is None:
        return limits
    low, high = limits
    # Whole numbers stay such: floats have 53 bits.
    step: float = grid.size if grid.places else grid.step
    origin: float = grid.origin / 10**grid.places if grid.places else grid.origin
    return low + (origin - low) % step, high - (high - origin) % step


def _written_by(column: Column) -> tuple[int, int] | None:
    import pyarrow as pa

    kind, form = type_of(column.type), column.form
    if form and not forms.is_of_numbers(form) and form not in spans.FORMS:
        day = {"s": 86_400, "us": 86_400_000_000}.get(forms.unit_of(form), 0)
        return (0, day - 1) if day and "%y" not in form.lower() else None
    if pa.types.is_time(kind):
        return 0, 86_400 * {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[kind.unit] - 1
    if pa.types.is_integer(kind):
        ends = np.iinfo(kind.to_pandas_dtype())
        return int(ends.min), int(ends.max)
    if pa.types.is_decimal(kind):
        most = 10 ** min(kind.precision, 18) - 1
        return -most, most
    return None


def _numbers(column: Column, x: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
    values = counts_at(column, x) if numbers is None else numbers
    if not column.form:
        return values
    texts = written(column, values)
    if column.zones:
        start = 3 if column.missing else 1
        place = chosen(x[:, start:], None)
        texts += np.array([column.zones[i] for i in place], object)
    return texts.astype(np.int64) if is_whole(type_of(column.type)) else texts


def chosen(p: np.ndarray, u: np.ndarray | None) -> np.ndarray:
    """A state of each row: the most probable, or the one that a uniform number falls on."""
    if u is None:
        return p.argmax(1)
    edges = np.cumsum(np.clip(p, 0, None), 1)
    return np.minimum((u[:, None] * edges[:, -1:] >= edges).sum(1), p.shape[1] - 1)
