"""Tables of the same columns as numbers, which figures compare."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from entropae.kinds.tables.plain import units_per_day
from entropae.messages import unknown

FEW = 10  # distinct numbers up to which a column is one of categories
BLOCK = 1 << 22  # distances at a time
TRAIN, TEST, DRAWN = range(3)  # what the tables are, where there are three
Distances = Float[np.ndarray, "n m"]
Rows = tuple[int, np.ndarray]  # the number of a table, and those of its rows


@dataclass(frozen=True)
class Shared:
    """One column of several tables.

    Attributes:
        name: Its name.
        levels: Its categories as texts, `""` for a missing value; `None` of numbers.
        values: Of each table: numbers, NaN where missing; or indices of categories.
        scores: Of each table, normal scores of the numbers among the first table's.
        per_day: How many of its numbers a day is, if they are dates, times or spans; else 0.
        dated: Whether they are dates, or times of some day.
    """

    name: str
    levels: tuple[str, ...] | None
    values: tuple[Float[np.ndarray, " n"], ...]
    scores: tuple[Float[np.ndarray, " n"], ...]
    per_day: int = 0
    dated: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.levels is None

    def shares(self, table: int) -> Float[np.ndarray, " k"]:
        """How often each category occurs in a table."""
        codes = self.values[table].astype(np.int64)
        return np.bincount(codes, minlength=len(self.levels or ())) / len(codes)

    def coded(self, some: Rows) -> Float[np.ndarray, " n"]:
        """Normal scores of numbers, or indices of categories, of some rows of a table."""
        return (self.scores if self.levels is None else self.values)[some[0]][some[1]]

    def missing(self, table: int) -> float:
        """The share of a table's values that are missing."""
        if self.levels is None:
            return float(np.isnan(self.values[table]).mean())
        return float(self.shares(table)[self.levels.index("")]) if "" in self.levels else 0.0


def halved(columns: Sequence[Shared], table: int, seed: int) -> list[Shared]:
    """The first table, and two halves of another, at random."""
    order = np.random.default_rng(seed).permutation(len(columns[0].values[table]))

    def parts(found: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (found[0], found[table][order[::2]], found[table][order[1::2]]) if found else ()

    return [Shared(c.name, c.levels, parts(c.values), parts(c.scores)) for c in columns]


def share(tables: Sequence[Any], categories: Collection[str] | None = None) -> list[Shared]:
    """The columns of tables that have the same ones.

    Args:
        tables: `pyarrow.Table`s; the first says which columns there are, and what is usual.
        categories: Columns of categories, whatever their types; by default those of at most 10
            numbers in the first table. Texts and booleans are categories always.

    Raises:
        ValueError: If a column is missing from a table.
    """
    for table in tables:
        for name in tables[0].column_names:
            if name not in table.column_names:
                raise ValueError(unknown("column", name, table.column_names))
    return [
        _shared(name, [table.column(name) for table in tables], categories)
        for name in tables[0].column_names
    ]


def _shared(name: str, columns: Sequence[Any], categories: Collection[str] | None) -> Shared:
    numbers = [as_numbers(column) for column in columns]
    if all(values is not None for values in numbers):
        found: Any = tuple(numbers)
        few = len(np.unique(found[0][~np.isnan(found[0])])) <= FEW
        if not (few if categories is None else name in categories):
            known = np.sort(found[0][~np.isnan(found[0])])
            ranked = tuple(scores(known, values) for values in found)
            kind = columns[0].type
            dated = str(kind).startswith(("date", "timestamp"))
            return Shared(name, None, found, ranked, units_per_day(kind), dated)
    texts = [["" if v is None or v != v else str(v) for v in c.to_pylist()] for c in columns]
    levels = sorted({text for column in texts for text in column})
    index = {level: i for i, level in enumerate(levels)}
    codes = tuple(np.array([index[text] for text in column], np.float64) for column in texts)
    return Shared(name, tuple(levels), codes, ())


def as_numbers(column: Any) -> Float[np.ndarray, " n"] | None:
    """A column's values as numbers, dates by their order; `None` if it has none."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_date32(kind) or pa.types.is_time32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(kind):
        column = column.cast(pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    return column.cast(pa.float64(), safe=False).to_numpy() + 0.0  # no negative zero


def scores(known: Float[np.ndarray, " m"], values: Float[np.ndarray, " n"]) -> np.ndarray:
    """Normal scores of the ranks of values among known ones in their order; of ties the middle."""
    if not len(known):
        return np.zeros_like(values)
    ranks = (np.arange(len(known)) + 0.5) / len(known)
    low = np.interp(values, known, ranks)
    high = 1 - np.interp(-values, -known[::-1], ranks)
    return ndtri((low + high) / 2)


def rows(columns: Sequence[Shared], table: int) -> list[bytes]:
    """Each row of a table as bytes: equal if all its values are."""
    values = np.stack([column.values[table] for column in columns], 1)
    values[np.isnan(values)] = np.nan  # one of many
    return [row.tobytes() for row in np.ascontiguousarray(values)]


def distances(
    columns: Sequence[Shared], a: Rows, b: Rows
) -> Iterator[tuple[slice, list[Distances]]]:
    """Squared distances between rows of two tables, of each column, a block of rows at a time.

    Of numbers the squared difference of normal scores, of categories 2 where they differ: which
    both are on average of two independent rows. A missing value is 2 from one that is not.
    """
    step = max(1, BLOCK // (len(b[1]) * len(columns)))
    for start in range(0, len(a[1]), step):
        part = slice(start, start + step)
        yield part, [_squared(column, (a[0], a[1][part]), b) for column in columns]


def _squared(column: Shared, a: Rows, b: Rows) -> Distances:
    x, y = column.coded(a)[:, None], column.coded(b)[None]
    if not column.is_number:
        return 2.0 * (x != y)
    squared = (x - y) ** 2
    absent = np.isnan(squared)
    if absent.any():
        squared[absent] = 2.0 * (np.isnan(x) != np.isnan(y))[absent]
    return squared


def _total(columns: Sequence[Shared], a: Rows, b: Rows) -> Distances:
    """The sum of `distances` over columns, of those without missing values by faster code."""
    groups = [column for column in columns if not column.is_number]
    numbers = [column for column in columns if column.is_number]
    gaps = [bool(np.isnan(np.append(c.coded(a), c.coded(b))).any()) for c in numbers]
    whole = [column for column, has_gaps in zip(numbers, gaps, strict=True) if not has_gaps]
    rest = [column for column, has_gaps in zip(numbers, gaps, strict=True) if has_gaps]
    found = np.zeros((len(a[1]), len(b[1])))
    metrics: Any = ((whole, "sqeuclidean", 1), (groups, "hamming", 2 * len(groups)))
    for some, metric, weight in metrics:
        if some:
            x, y = (np.stack([column.coded(rows) for column in some], 1) for rows in (a, b))
            found += weight * cdist(x, y, metric)
    for column in rest:
        found += _squared(column, a, b)
    return found


def nearest(
    columns: Sequence[Shared], a: Rows, b: Rows, k: int = 1
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Distances of rows to their nearest rows of another table, and which of `b` these are.

    Args:
        columns: Of the tables.
        a: Rows.
        b: At least `k` rows.
        k: How many neighbours.

    Returns:
        The nearest first. Squared distances are the sums of those that `distances` has.
    """
    found, index = np.empty((len(a[1]), k)), np.empty((len(a[1]), k), np.int64)
    step = max(1, BLOCK // len(b[1]))
    for start in range(0, len(a[1]), step):
        part = slice(start, start + step)
        total = _total(columns, (a[0], a[1][part]), b)
        some = np.argpartition(total, k - 1, axis=1)[:, :k]
        own = np.take_along_axis(total, some, 1)
        order = own.argsort(1, kind="stable")
        found[part] = np.sqrt(np.take_along_axis(own, order, 1))
        index[part] = np.take_along_axis(some, order, 1)
    return found, index
