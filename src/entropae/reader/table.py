"""A table that was read: its columns by name, and as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from entropae.messages import printable, unknown
from entropae.reader.compute import compute
from entropae.reader.dialect import Dialect
from entropae.variables.frames import EXACT, columns_of
from entropae.variables.texts import numbers_of

MISSING = ("refuse", "drop")


class Numbers(NamedTuple):
    """Rows of numbers."""

    names: tuple[str, ...]
    values: np.ndarray  # (n, d), float64
    dropped: int = 0  # rows left out because a value was missing
    left_out: tuple[str, ...] = ()  # columns that are not numbers


@dataclass(frozen=True)
class Table:
    """A table with typed columns.

    Attributes:
        source: Where it comes from, in messages.
        data: A `pyarrow.Table`, or arrays by name.
        dialect: How it was written, if it was a text: what was given and what was found.
        notes: What should be said of how it was read.
        left_out: Columns of which a cell is no single value, such as lists.
    """

    source: str
    data: Any
    dialect: Dialect | None = None
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns, in their order."""
        return tuple(self.data if isinstance(self.data, Mapping) else self.data.column_names)

    def __len__(self) -> int:
        if isinstance(self.data, Mapping):
            return len(next(iter(self.data.values()), ()))
        return self.data.num_rows

    @property
    def arrow(self) -> Any:
        """The table as a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.table(dict(self.data)) if isinstance(self.data, Mapping) else self.data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """For any library of frames: `polars.DataFrame(table)`."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    @property
    def read_as(self) -> str:
        """A line on how it was read, empty if as its name lets expect."""
        return f"Read as: {printable('; '.join(self.notes))}." if self.notes else ""

    def with_numbers(self) -> Table:
        """The same, texts of one form that are numbers, such as 12.5 kg, as these; notes say so."""
        if isinstance(self.data, Mapping):
            return self
        import pyarrow as pa

        data, forms = self.data, []
        for i, field in enumerate(self.data.schema):
            if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
                continue
            column = self.data.column(i)
            found = numbers_of(column.drop_null().to_numpy())
            if found is None:
                continue
            numbers, form = found
            values = np.full(len(column), np.nan)
            values[column.is_valid().to_numpy()] = numbers
            data = data.set_column(i, field.name, pa.array(values, from_pandas=True))
            forms.append(f"{field.name!r} as numbers, written {form}")
        return replace(self, data=data, notes=(*self.notes, *forms))

    def check_known(self, names: Sequence[str] | None) -> None:
        """Raise unless all these columns have been read.

        Raises:
            ValueError: With the first that has not, and why.
        """
        for name in names or ():
            if name in self.left_out:
                raise ValueError(
                    f"{self.source}: a cell of the column {name!r} is no single value. In Python, "
                    "give the vectors of this column alone, as an array of one row each."
                )
            if name not in self.names:
                raise ValueError(f"{self.source}: " + unknown("column", name, self.names))

    def columns(self, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Columns by name, of dtypes as `entropae.variables.frames.columns_of` makes them.

        Raises:
            ValueError: If one is unknown.
        """
        self.check_known(names)
        return columns_of(self.data, names) or {}

    def numbers(self, columns: Sequence[str] | None = None, *, missing: str = "refuse") -> Numbers:
        """Columns as numbers, logical ones as 0 and 1.

        Args:
            columns: Which, in this order; by default all that are numbers.
            missing: What to do with rows in which a value is missing or NaN: `"refuse"` or
                `"drop"`.

        Raises:
            ValueError: If a column is unknown, not of numbers, or of whole numbers that float64
                cannot hold, or if values are missing and that was not allowed.
        """
        check_missing(missing)
        self.check_known(columns)
        kinds = self._kinds()
        chosen = chosen_columns(self.source, kinds, columns)
        values = np.stack([self._float(name) for name in chosen], 1)
        gaps = np.isnan(values)
        lacking = gaps.any(1)
        if lacking.any() and missing == "refuse":
            raise ValueError(
                gaps_message(self.source, len(values), lacking.sum(), chosen, gaps.sum(0))
            )
        left_out = () if columns else (*(n for n in kinds if not kinds[n]), *self.left_out)
        return Numbers(chosen, values[~lacking], int(lacking.sum()), left_out)

    def _kinds(self) -> dict[str, bool]:
        """Of each column, whether it is of numbers."""
        if isinstance(self.data, Mapping):
            return {name: values.dtype.kind in "biuf" for name, values in self.data.items()}
        return {field.name: is_number(field.type) for field in self.data.schema}

    def _float(self, name: str) -> np.ndarray:
        column = self.data[name]
        if isinstance(column, np.ndarray):
            values, largest = np.asarray(column, np.float64), _largest(column)
        else:
            import pyarrow as pa

            pc = compute()

            whole = pa.types.is_integer(column.type)
            ends = pc.min_max(column).as_py() if whole else {}
            largest = max((abs(end) for end in ends.values() if end is not None), default=0)
            values = column.cast(pa.float64(), safe=False).to_numpy()
        if largest > EXACT:
            raise ValueError(
                f"{self.source}: the column {name!r} has whole numbers of more than 53 bits, such "
                f"as {largest}, and float64 does not tell them apart. Subtract what they have in "
                "common, or leave the column out by naming the others with --columns."
            )
        return values


def _largest(column: np.ndarray) -> int:
    whole = column.dtype.kind in "iu" and column.size
    return max(abs(int(column.min())), abs(int(column.max()))) if whole else 0


def is_number(kind: Any) -> bool:
    """Whether an Arrow type is of numbers or logical values."""
    import pyarrow as pa

    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(of(kind) for of in known)


def check_missing(missing: str) -> None:
    """Raise unless it is a way to treat missing values.

    Raises:
        ValueError: If it is none.
    """
    if missing not in MISSING:
        raise ValueError(f"`missing` must be one of {', '.join(MISSING)}: got {missing!r}.")


def chosen_columns(
    source: str, kinds: Mapping[str, Any], columns: Sequence[str] | None
) -> tuple[str, ...]:
    """The names of the columns asked for, all of them numbers.

    Args:
        source: Where they come from, in messages.
        kinds: Of each column something true if it is of numbers.
        columns: Which; by default all that are numbers.

    Raises:
        ValueError: If one is unknown or not of numbers, or there is none.
    """
    for name in columns or ():
        if name not in kinds:
            raise ValueError(f"{source}: " + unknown("column", name, kinds))
        if not kinds[name]:
            raise ValueError(f"{source}: the column {name!r} does not hold numbers.")
    chosen = tuple(columns or (name for name, number in kinds.items() if number))
    if not chosen:
        raise ValueError(f"{source} has no column of numbers.")
    return chosen


def gaps_message(
    source: str, n: int, lacking: int, names: Iterable[str], gaps: Iterable[int]
) -> str:
    """That values are missing, how many in each column, and what to do."""
    counts = ", ".join(f"{name!r} {gap}" for name, gap in zip(names, gaps, strict=True) if gap)
    return (
        f"{source}: of {n} rows, {lacking} have missing values ({counts}). Leave them out with "
        '--missing drop (missing="drop" in Python), or fill them in.'
    )
