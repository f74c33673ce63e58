"""Rules of numbers: columns that add up, and columns that are products or quotients of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from entropae.kinds.tables.column import Column, written
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import keys_of
from entropae.kinds.tables.grid import grid_of
from entropae.kinds.tables.identifiers import Identifier
from entropae.kinds.tables.plain import arrow, is_whole, plain, type_of
from entropae.kinds.tables.rule import Rule, quoted

# Relative error of products, by Arrow's type of the result; others have 64 bits.
ROUNDING = {"float": 1e-6, "halffloat": 1e-2}
EXACT = 1e-9
EXACTLY = float(1 << 53)  # whole numbers that float64 tells apart
MOST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Sum(Rule):
    """Columns that add up to another, or to a constant."""

    parts: tuple[str, ...]
    total: str | float

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return (*self.parts, self.total) if isinstance(self.total, str) else self.parts

    def __str__(self) -> str:
        total = quoted(self.total) if isinstance(self.total, str) else f"{self.total:.12g}"
        return f"{' + '.join(map(quoted, self.parts))} = {total}"

    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """Where they do, to the rounding of 64-bit numbers."""
        numbers, absent = _numbers(table, columns, self.names)
        left = sum(numbers[name] for name in self.parts)
        right = numbers[self.total] if isinstance(self.total, str) else self.total
        return (np.abs(left - right) <= EXACT * (1 + np.abs(right))) | absent

    @property
    def gives(self) -> tuple[str, ...]:
        """The total, if it is a column, and the parts."""
        total = (self.total,) if isinstance(self.total, str) else ()
        return (*total, *reversed(self.parts))

    def repaired(self, table: Any, columns: Columns, name: str | None = None) -> Any:
        """The total, or a part, by the others."""
        numbers, absent = _numbers(table, columns, self.names)
        name = name or self.gives[0]
        rest = sum((numbers[part] for part in self.parts if part != name), np.zeros(len(table)))
        total = numbers[self.total] if isinstance(self.total, str) else self.total
        made = rest if name == self.total else total - rest
        return _with_numbers(table, columns, name, made, where=~absent)


@dataclass(frozen=True)
class Product(Rule):
    """A column that is the product of others, rounded to its own decimals.

    Attributes:
        parts: Columns that are multiplied.
        total: The product.
        over: Columns that it is divided by.
        factor: A number that it is multiplied by.
        divisor: A number that it is divided by.
    """

    parts: tuple[str, ...]
    total: str
    over: tuple[str, ...] = ()
    factor: float = 1.0
    divisor: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return (*dict.fromkeys((*self.parts, *self.over)), self.total)

    def __str__(self) -> str:
        times = [*map(quoted, self.parts), *([f"{self.factor:.12g}"] if self.factor != 1 else [])]
        over = [*map(quoted, self.over), *([f"{self.divisor:.12g}"] if self.divisor != 1 else [])]
        return f"{' / '.join([' * '.join(times), *over])} = {quoted(self.total)}"

    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """Where it is the product, to half a unit of its last decimal."""
        numbers, absent = _numbers(table, columns, self.names)
        made, there = self.product(numbers), numbers[self.total]
        with np.errstate(invalid="ignore"):  # a quotient by zero is none
            return (np.abs(made - there) <= tolerance(columns.named(self.total), made)) | absent

    @property
    def gives(self) -> tuple[str, ...]:
        """The product; and its parts, as far as rounding lets them be known."""
        twice = len(self.names) <= len(self.parts) + len(self.over)
        return (self.total,) if twice else (self.total, *self.parts, *self.over)

    def repaired(self, table: Any, columns: Columns, name: str | None = None) -> Any:
        """The product, or a part, by the others."""
        numbers, absent = _numbers(table, columns, self.names)
        if name in (None, self.total):
            made = self.product(numbers)
            return _with_numbers(table, columns, self.total, made, where=~absent)
        total, rest = numbers[self.total], self.product(numbers | {name: np.ones(len(table))})
        with np.errstate(divide="ignore", invalid="ignore"):
            made = rest / total if name in self.over else total / rest
        return _with_numbers(table, columns, name, made, where=~absent)

    def product(self, numbers: dict[str, Float[np.ndarray, " n"]]) -> Float[np.ndarray, " n"]:
        """What it should be; infinite or NaN where it is divided by zero."""
        made = self.factor / self.divisor
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for name in self.parts:
                made = made * numbers[name]
            for name in self.over:
                made = made / numbers[name]
        return np.asarray(made)


def tolerance(
    column: Column | Identifier, values: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n"]:
    """By how much a rounded product may be off: half a unit of its last decimal."""
    places = _places(column)
    half = 0.0 if places is None else 0.5 * 10.0**-places
    size = np.where(np.isfinite(values), np.abs(values), 0.0)
    return half + ROUNDING.get(column.type, EXACT) * size


def _places(column: Column | Identifier) -> int | None:
    """Decimals of a column's numbers; `None` if they are not limited."""
    kind = type_of(column.type)
    if is_whole(kind):
        return getattr(kind, "scale", 0)
    if isinstance(column, Column) and column.levels is not None:
        grid = grid_of(np.array(column.levels, np.float64))
    else:
        grid = getattr(column, "grid", None)
    return None if grid is None else grid.places


def _numbers(
    table: Any, columns: Columns, names: Sequence[str]
) -> tuple[dict[str, Float[np.ndarray, " n"]], Bool[np.ndarray, " n"]]:
    """Columns as numbers, and where one of them is missing."""
    absent, numbers = np.zeros(len(table), bool), {}
    for name in names:
        found = plain(table.column(name))
        numbers[name] = keys_of(columns, name, found.values).astype(np.float64)
        absent |= found.absent
    return numbers, absent


def _with_numbers(table: Any, columns: Columns, name: str, made: Any, *, where: np.ndarray) -> Any:
    """A table with other numbers in a column, rounded to its decimals, where they fit its type."""
    column = columns.named(name)
    assert isinstance(column, Column)
    kind, found = type_of(column.type), plain(table.column(name))
    scale, places = getattr(kind, "scale", 0), _places(column)
    with np.errstate(invalid="ignore"):
        units = made * 10.0**scale if scale else made
        units = units if places is None else np.round(units, 0 if is_whole(kind) else places)
        low, high = _range(kind)
        where = where & (low <= units) & (units <= high)
    values, absent = found.values.copy(), found.absent
    if column.form:
        texts = written(column, units[where])
        values[where] = texts.astype(np.int64) if is_whole(kind) else texts
    else:
        values[where] = units[where].astype(np.int64) if is_whole(kind) else units[where]
    if column.nan and absent.any():
        values = np.where(absent, np.nan, values)
        absent = np.zeros(len(table), bool)
    index = table.column_names.index(name)
    return table.set_column(index, name, arrow(values, kind, absent))


def _range(kind: Any) -> tuple[float, float]:
    """The least and the largest number of a type, as plain ones, that float64 has exactly."""
    decimal = re.fullmatch(r"decimal\d+\((\d+), -?\d+\)", str(kind))
    if not is_whole(kind):
        return -MOST, MOST
    if decimal:
        most = min(10.0 ** int(decimal[1]) - 1, EXACTLY)
        return -most, most
    if str(kind).startswith(("int", "uint")):
        known = np.iinfo(kind.to_pandas_dtype())
        return max(float(known.min), -EXACTLY), min(float(known.max), EXACTLY)
    return -EXACTLY, EXACTLY
