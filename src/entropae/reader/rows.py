"""Rows of numbers read by blocks, from files and arrays that may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from entropae.reader.limits import check_columns
from entropae.reader.parquet import opened
from entropae.reader.reading import need_pyarrow, suffix_of
from entropae.reader.table import check_missing, chosen_columns, gaps_message, is_number
from entropae.storage.arrays import map_npy
from entropae.storage.regular import check_regular

# Bytes of a block of rows, as float64.
BLOCK = 1 << 25


@dataclass(frozen=True)
class Rows:
    """Rows of numbers that are read by blocks, as often as needed, and are never held together.

    Attributes:
        source: Where they come from, in messages.
        names: Of the columns.
        dtype: float32 or float64.
        read: Starts to read: blocks of shape `(rows, d)`, what is missing as NaN.
        left_out: Columns that are not numbers.
        drop: Whether rows with NaN are left out.
    """

    source: str
    names: tuple[str, ...]
    dtype: np.dtype
    read: Callable[[], Iterator[np.ndarray]]
    left_out: tuple[str, ...] = ()
    drop: bool = False

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows, none of them empty blocks, C-contiguous."""
        for block in self.read():
            values = block[~np.isnan(block).any(1)] if self.drop else block
            if len(values):
                yield np.ascontiguousarray(values, self.dtype)

    def count(self) -> tuple[int, int]:
        """How many rows there are, and how many of the file's are left out.

        Raises:
            ValueError: If values are missing and that was not allowed.
        """
        n, lacking, gaps = 0, 0, np.zeros(len(self.names), np.int64)
        for block in self.read():
            missing = np.isnan(block)
            n, lacking, gaps = n + len(block), lacking + missing.any(1).sum(), gaps + missing.sum(0)
        if lacking and not self.drop:
            raise ValueError(gaps_message(self.source, n, int(lacking), self.names, gaps))
        return n - int(lacking), int(lacking)


def open_table(
    path: str | Path, columns: Sequence[str] | None = None, *, missing: str = "refuse"
) -> Rows:
    """Columns of a file as numbers, to be read by blocks.

    Args:
        path: A `.parquet` file, or a `.npy` file of one or two axes, whose columns are called
            0, 1, ….
        columns: Which, in this order; by default all that are numbers.
        missing: What to do with rows in which a value is missing or NaN: `"drop"`, or `"refuse"`,
            which makes them an error when they are read.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the file needs pyarrow, which is not installed.
        ValueError: If the file cannot be read, a column is unknown or not of numbers.
    """
    check_missing(missing)
    path = Path(path)
    check_regular(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    suffix = suffix_of(path)
    if suffix not in OPENERS:
        raise ValueError(
            f"{path} must end in one of {', '.join(OPENERS)} to be read by blocks: got "
            f"{suffix!r}. Convert it to Parquet, or read it into an array."
        )
    if suffix != ".npy":
        need_pyarrow(f"{suffix} files")
    kinds, read = OPENERS[suffix](path)
    chosen = chosen_columns(
        str(path), {name: kind is not None for name, kind in kinds.items()}, columns
    )
    numbers = {name: kind for name, kind in kinds.items() if kind is not None}
    return Rows(
        source=str(path),
        names=chosen,
        dtype=narrowest(*(numbers[name] for name in chosen)),
        read=lambda: read(chosen),
        left_out=() if columns else tuple(name for name in kinds if name not in numbers),
        drop=missing == "drop",
    )


def rows_of(array: np.ndarray, source: str = "x") -> Rows:
    """The rows of an array, mapped from disk as it may be.

    Raises:
        ValueError: If it is not of numbers, or not of one or two axes.
    """
    check_table(array, source)
    table = array[:, None] if array.ndim == 1 else array
    step = rows_a_block(table.shape[1])

    def read() -> Iterator[np.ndarray]:
        return (np.asarray(table[i : i + step]) for i in range(0, len(table), step))

    names = tuple(map(str, range(table.shape[1])))
    return Rows(source, names, narrowest(array.dtype), read)


def check_table(array: Any, source: str) -> None:
    """Raise unless an array holds rows of real numbers.

    Raises:
        ValueError: If it is not of numbers, not of one or two axes, or empty.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{source} must hold real numbers: got dtype {array.dtype}.")
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ValueError(
            f"{source} must have shape (n, d) or (n,), not empty: got {array.shape}. "
            "Flatten each sample to one row."
        )


def narrowest(*kinds: np.dtype) -> np.dtype:
    """float32 if it holds all of these exactly as an estimator would take them, else float64."""
    narrow = all(kind.kind == "f" and kind.itemsize <= 4 for kind in kinds)
    return np.dtype(np.float32 if narrow else np.float64)


def rows_a_block(d: int) -> int:
    """Rows of `d` columns to read at once."""
    return max(1, BLOCK // (8 * d))


# Kinds of the columns, None for those that are not numbers; and what reads some of them by blocks.
Opened = tuple[dict[str, np.dtype | None], Callable[[tuple[str, ...]], Iterator[np.ndarray]]]


def _open_npy(path: Path) -> Opened:
    try:
        array = map_npy(path)
        check_table(array, "it")
        check_columns(1 if array.ndim == 1 else array.shape[1])
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    rows = rows_of(array, str(path))

    def read(names: tuple[str, ...]) -> Iterator[np.ndarray]:
        return (block[:, list(map(int, names))] for block in rows.read())

    return dict.fromkeys(rows.names, rows.dtype), read


def _open_parquet(path: Path) -> Opened:
    with opened(path) as (_, schema):
        kinds = _kinds(path, schema)

    def read(names: tuple[str, ...]) -> Iterator[np.ndarray]:
        with opened(path) as (file, _):
            for batch in file.iter_batches(rows_a_block(len(names)), columns=list(names)):
                yield _as_numbers(batch.select(names))

    return kinds, read


def _kinds(path: Path, schema: Any) -> dict[str, np.dtype | None]:
    twice = {name for name in schema.names if schema.names.count(name) > 1}
    if twice:
        raise ValueError(f"{path} has more than one column called {', '.join(sorted(twice))}.")
    return {field.name: _dtype(field.type) if is_number(field.type) else None for field in schema}


def _dtype(kind: Any) -> np.dtype:
    import pyarrow as pa

    return np.dtype(np.float64 if pa.types.is_decimal(kind) else kind.to_pandas_dtype())


def _as_numbers(batch: Any) -> np.ndarray:
    import pyarrow as pa

    # Integers beyond 2⁵³ are rounded, as numpy rounds them.
    columns = [column.cast(pa.float64(), safe=False) for column in batch.columns]
    return np.stack([column.to_numpy(zero_copy_only=False) for column in columns], 1)


OPENERS: dict[str, Callable[[Path], Opened]] = {
    ".npy": _open_npy,
    ".parquet": _open_parquet,
}
