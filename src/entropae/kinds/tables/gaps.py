"""Columns that lie close to another one, such as an end to its start, counted from it.

Numbers are learnt as normal scores, in which a minute of a year is nothing: an end would be drawn
hours away from its start. What is between the two is learnt instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables import forms
from entropae.kinds.tables.column import Column, Gap, Numbers, numbers_of, read_values
from entropae.kinds.tables.decoding import counts_at, numbers_near
from entropae.kinds.tables.grid import grid_of
from entropae.kinds.tables.lines import with_lines
from entropae.kinds.tables.meaning import knots_of, only_seen
from entropae.kinds.tables.plain import per_day
from entropae.kinds.tables.ranks import middle, scores_of

# A column is counted from another if the middle half of what is between them is as narrow as this,
# relative to the middle half of its own numbers.
NARROW = 0.3
LEAST = 20  # rows at least
LOOKED = 20_000  # rows by which it is decided
WIDE = 1 << 62  # of whole numbers whose differences have 64 bits
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
    """Numbers of a column in a `pyarrow.Table`; 0 where they are missing, or none."""
    found = read_values(column, table.column(column.name))
    numbers, known = numbers_of(column, found)
    known = known & ~found.absent
    if numbers.dtype.kind == "f":
        known &= np.isfinite(numbers)
    numbers = np.where(known, numbers, 0)
    if numbers.dtype in (np.uint64, object) and all(-WIDE < n < WIDE for n in numbers.tolist()):
        numbers = numbers.astype(np.int64)
    return Numbers(numbers, known)


def counting(columns: Sequence[Column]) -> set[str]:
    """Names of columns that count from another one, or are counted from."""
    gaps = [column for column in columns if column.gap is not None]
    return {column.name for column in gaps} | {c.gap.since for c in gaps if c.gap is not None}


def times(column: Column, other: Column) -> int:
    """How many units of a column one of another is: milliseconds of a second; 0: less than one."""
    own, its = per_day(column), per_day(other)
    return own // its if own and its else 1


def _times(numbers: np.ndarray, column: Column, other: Column) -> np.ndarray:
    """Numbers of another column as what a column counts from."""
    slope = 1.0 if column.gap is None else column.gap.slope
    return numbers * (times(column, other) if slope == 1 else slope)


class Counts:
    """Numbers of columns that count from each other, in vectors.

    Where a column is not known and one is that counts from it, it follows from that one: a start
    is counted back from its end.

    Args:
        columns: Of the vectors.
        part: Gives the part that a column has of them, by its place.
        known: Numbers that are known in some rows.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        part: Callable[[int], np.ndarray],
        known: Mapping[str, Numbers] | None = None,
    ) -> None:
        self._columns = {column.name: (i, column) for i, column in enumerate(columns)}
        self._part, self._known = part, dict(known or {})
        self._made: dict[str, np.ndarray] = {}
        # Where what a known column counts is drawn, and says what it counts from.
        self.drawn = {name: np.zeros(len(one.known), bool) for name, one in self._known.items()}
        if self._known:
            for column in reversed(in_order(columns)):
                self._count_back(column)

    def _count_back(self, column: Column) -> None:
        """Know a column where one is known that counts from it, the closest one."""
        later = [
            (_width_in_since(other.gap), other.gap, other)
            for _, other in self._columns.values()
            if other.gap is not None and other.gap.since == column.name
        ]
        for width, gap, other in sorted(later, key=lambda one: one[0]):
            numbers, own = self._known[other.name], self._known[column.name]
            here = numbers.known & ~own.known
            if column.gap is not None and column.gap.width <= width:
                here &= ~self._known[column.gap.since].known
            low, high = other.ends
            beyond = (numbers.values < low) | (numbers.values > high)
            before = numbers.values - counts_at(other, self._part(self._columns[other.name][0]))
            factor = times(other, column)
            if gap.slope != 1:
                before = before / gap.slope
            elif factor != 1:
                before = before // factor
            made = np.where(here, numbers_near(column, before, beyond), own.values)
            self._known[column.name] = Numbers(made, own.known | here)
            self.drawn[other.name] |= here

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
        since, other = self.of(column.gap.since), self._columns[column.gap.since][1]
        low, high = other.ends
        beyond = (since < low) | (since > high)
        return _times(since, column, other) + counts_at(column, self._part(i)), beyond

    def scores(self, name: str) -> Numbers:
        """The scores of a column where it is known, and what it counts from as well."""
        _, column = self._columns[name]
        numbers, known = self._known[name]
        if column.gap is not None:
            since, other = self._known[column.gap.since], self._columns[column.gap.since][1]
            numbers, known = numbers - _times(since.values, column, other), known & since.known
        scale = column.scale
        sites = numbers.astype(np.float64) if scale.grid is None else scale.grid.sites(numbers)
        return Numbers(scores_of(scale.knots, sites), known)


def with_gaps(
    columns: Sequence[Column],
    table: Any,
    rows: np.ndarray,
    *,
    computed: Collection[str] = (),
    ordered: Collection[frozenset[str]] = (),
) -> list[Column]:
    """Columns, those that lie close to another one counted from it.

    Args:
        columns: Of numbers, dates, times and categories.
        table: A `pyarrow.Table` of them.
        rows: Of it, whose quantiles are taken.
        computed: Columns that follow from others, which none counts from.
        ordered: Pairs of which one is always before the other: rather counted from each other.
    """
    some = table.take(rows)
    known: dict[str, Numbers] = {}
    made = {column.name: column for column in columns}
    before: dict[str, dict[str, tuple[Numbers, str]]] = {}
    able = [c for c in in_order(columns) if c.categories is None and c.name not in computed]
    sorts = Counter(map(_sort, able))
    for column in able:
        numbers = numbers_in(some, column)
        if numbers.values.dtype not in (np.int64, np.float64):
            continue
        if len(column.zones) < 2:
            known[column.name] = numbers
        if sorts[_sort(column)] < 2:  # none to count from
            continue
        others = before.setdefault(_sort(column), {})
        mates = {name for pair in ordered if column.name in pair for name in pair}
        scaled = {
            name: (other if factor == 1 else Numbers(factor * other.values, other.known), before)
            for name, (other, before) in others.items()
            if (factor := times(column, made[name]))
        }
        since = _nearest(numbers, scaled, mates) if _is_free(column) else ""
        if since:
            made[column.name] = _counted(column, made[since], numbers, scaled[since][0])
        if not column.missing and len(others) < MOST:
            others[column.name] = numbers, since
    lines = with_lines([made[column.name] for column in able], known)
    made |= {column.name: column for column in lines}
    return [made[column.name] for column in columns]


def _sort(column: Column) -> str:
    """What columns can be counted from each other."""
    if column.offsets is not None:
        return f"{column.form} in UTC"
    if column.form and not forms.is_of_numbers(column.form):
        return f"{column.form} {' '.join(column.zones)}" if len(column.zones) < 2 else column.name
    if per_day(column):
        kind, _, unit = column.type.partition("[")
        zone = unit.partition("tz=")[2]
        return f"{'moment' if kind in ('date32', 'date64', 'timestamp') else kind[:4]} {zone}"
    plain_number = column.meaning in ("number", "whole number")
    return "number" if plain_number and "decimal" not in column.type else column.type


def _nearest(
    numbers: Numbers, others: dict[str, tuple[Numbers, str]], mates: Collection[str]
) -> str:
    """Of other columns the one to count from; `""` if none is close.

    From one that counts itself, and is not always before or after it, only if that is much closer
    still than what that counts from: in a long chain of columns, each a little apart from the one
    before, errors would add up.

    Args:
        numbers: Of the column.
        others: Of others, and what these count from.
        mates: Those that come first, if they are close.
    """
    some = slice(LOOKED)
    widths = {"": middle(numbers.values[some][numbers.known[some]])}
    for name, (other, before) in others.items():
        between = _between(numbers, other, some)
        wide = widths.get("" if name in mates else before, 0)
        if wide > 0 and len(between) >= LEAST and middle(between) <= NARROW * wide:
            widths[name] = middle(between)
    del widths[""]
    close = {name: width for name, width in widths.items() if name in mates} or widths
    return min(close, key=lambda name: close[name], default="")


def _between(numbers: Numbers, other: Numbers, rows: slice) -> np.ndarray:
    known = numbers.known[rows] & other.known[rows]
    return numbers.values[rows][known] - other.values[rows][known]


def _width_in_since(gap: Gap) -> float:
    """The width of the middle half of what is counted, in numbers of what it counts from."""
    return gap.width / abs(gap.slope)


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
