"""Columns that lie close to another one, such as an end to its start, counted from it.

Numbers are learnt as normal scores, in which a minute of a year is nothing: an end would be drawn
hours away from its start. What is between the two is learnt instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables import forms
from entropae.kinds.tables.column import Column, Gap, Numbers, numbers_of, read_values
from entropae.kinds.tables.decoding import counts_at, numbers_near
from entropae.kinds.tables.grid import grid_of
from entropae.kinds.tables.meaning import knots_of, only_seen

# A column is counted from another if the middle half of what is between them is as narrow as this,
# relative to the middle half of its own numbers.
NARROW = 0.3
LEAST = 20  # rows at least
LOOKED = 20_000  # rows by which it is decided
MOST = 60  # columns of a sort that are compared with each other


def in_order(columns: Sequence[Column]) -> list[Column]:
    """Columns such that each counts only from those before it.

    What can be missing comes last, and first what takes only some values: it is counted from.
    """
    return sorted(columns, key=lambda column: (column.missing, _is_free(column)))


def _is_free(column: Column) -> bool:
    """Whether sums of other numbers can be its values."""
    return column.sites is None and not column.digits


def check_gaps(columns: Sequence[Column]) -> None:
    """Raise unless all columns count only from numbers that come before them and are never missing.

    Raises:
        ValueError: Which one does not.
    """
    before: set[str] = set()
    for column in in_order(columns):
        if column.gap is not None and column.gap.since not in before:
            raise ValueError(f"the column {column.name!r} cannot count from {column.gap.since!r}")
        if column.categories is None and not column.missing:
            before.add(column.name)


def numbers_in(table: Any, column: Column) -> Numbers:
    """Numbers of a column in a `pyarrow.Table`; what is missing is not known."""
    found = read_values(column, table.column(column.name))
    numbers, known = numbers_of(column, found)
    return Numbers(numbers, known & ~found.absent)


class Counts:
    """Numbers of columns that count from each other, in vectors.

    Args:
        columns: Of the vectors.
        part: Gives the part that a column has of them, by its place.
        known: Numbers that are known in some rows.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        part: Callable[[int], np.ndarray],
        known: Mapping[str, Numbers],
    ) -> None:
        self._columns = {column.name: (i, column) for i, column in enumerate(columns)}
        self._part, self._known = part, known
        self._made: dict[str, np.ndarray] = {}

    def of(self, name: str) -> np.ndarray:
        """Those of a column, where they are known as they are."""
        if name not in self._made:
            i, column = self._columns[name]
            made = (
                counts_at(column, self._part(i))
                if column.gap is None
                else numbers_near(column, *self.counted(name))
            )
            known = self._known.get(name)
            self._made[name] = made if known is None else np.where(known.known, known.values, made)
        return self._made[name]

    def counted(self, name: str) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
        """Those that a column counts to, and where it starts from beyond what was ever seen."""
        i, column = self._columns[name]
        assert column.gap is not None
        since = self.of(column.gap.since)
        low, high = self._columns[column.gap.since][1].ends
        return since + counts_at(column, self._part(i)), (since < low) | (since > high)


def with_gaps(
    columns: Sequence[Column], table: Any, rows: np.ndarray, *, computed: Collection[str] = ()
) -> list[Column]:
    """Columns, those that lie close to another one counted from it.

    Args:
        columns: Of numbers, dates, times and categories.
        table: A `pyarrow.Table` of them.
        rows: Of it, whose quantiles are taken.
        computed: Columns that follow from others, which none counts from.
    """
    some = table.take(rows)
    made = {column.name: column for column in columns}
    before: dict[str, dict[str, Numbers]] = {}
    for column in in_order(columns):
        if column.categories is not None or column.name in computed:
            continue
        numbers = numbers_in(some, column)
        if numbers.values.dtype not in (np.int64, np.float64):
            continue
        others = before.setdefault(_sort(column), {})
        if _is_free(column):
            since = _nearest(numbers, others)
            if since is not None:
                made[column.name] = _counted(column, made[since], numbers, others[since])
        if not column.missing and len(others) < MOST:
            others[column.name] = numbers
    return [made[column.name] for column in columns]


def _sort(column: Column) -> str:
    """What columns can be counted from each other."""
    if column.form and not forms.is_of_numbers(column.form):
        return f"{column.form} {' '.join(column.zones)}" if len(column.zones) < 2 else column.name
    plain_number = column.meaning in ("number", "whole number")
    return "number" if plain_number and "decimal" not in column.type else column.type


def _nearest(numbers: Numbers, others: dict[str, Numbers]) -> str | None:
    """Of other columns the one from which there is least to count, if that is little."""
    own = _middle(numbers.values[:LOOKED][numbers.known[:LOOKED]])
    best, least = None, NARROW * own
    for name, other in others.items():
        between = _between(numbers, other, slice(LOOKED))
        if own and len(between) >= LEAST and (apart := _middle(between)) <= least:
            best, least = name, apart
    return best


def _between(numbers: Numbers, other: Numbers, rows: slice) -> np.ndarray:
    known = numbers.known[rows] & other.known[rows]
    return numbers.values[rows][known] - other.values[rows][known]


def _middle(values: np.ndarray) -> float:
    """The width of the middle half."""
    if not len(values):
        return 0.0
    low, high = np.quantile(values.astype(np.float64), [0.25, 0.75])
    return float(high - low)


def _counted(column: Column, since: Column, numbers: Numbers, other: Numbers) -> Column:
    between = _between(numbers, other, slice(None))
    both = [one.grid for one in (column, since)]
    places = [grid.places for grid in both if grid is not None]
    if between.dtype.kind == "f" and len(places) == 2:
        between = np.round(between, max(places))
    grid = grid_of(between) if len(places) == 2 else None
    sites = np.sort(between.astype(np.float64) if grid is None else np.rint(grid.sites(between)))
    gap = Gap(since.name, grid, knots_of(sites), only_seen(sites, grid))
    return replace(column, gap=gap)
