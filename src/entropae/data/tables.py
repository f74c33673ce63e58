"""Tables of numbers: CSV, Parquet and .npy files, columns by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropae.messages import unknown
from entropae.storage.arrays import RATIO, UNPACKED, map_npy

MISSING = ("refuse", "drop")
WIDEST = 10_000  # which a file can have; readers take kilobytes for each
LINE = 1 << 24


class Table(NamedTuple):
    """Rows of numbers."""

    names: tuple[str, ...]
    values: np.ndarray  # (n, d), float64
    dropped: int = 0  # rows left out because a value was missing
    left_out: tuple[str, ...] = ()  # columns that are not numbers


def read_table(
    path: str | Path, columns: Sequence[str] | None = None, *, missing: str = "refuse"
) -> Table:
    """Columns of a file as numbers.

    At most 10 000 columns; and of Parquet at most a gigabyte, or 100 times the file's size.

    Args:
        path: A `.csv` file with a header, a `.parquet` file, or a `.npy` file of one or two axes,
            whose columns are called 0, 1, ….
        columns: Which, in this order; by default all that are numbers.
        missing: What to do with rows in which a value is missing or NaN: `"refuse"` or `"drop"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the file needs pyarrow, which is not installed.
        ValueError: If the file cannot be read, a column is unknown or not of numbers, or values are
            missing and that was not allowed.
    """
    if missing not in MISSING:
        raise ValueError(f"`missing` must be one of {', '.join(MISSING)}: got {missing!r}.")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    found = READERS.get(path.suffix.lower())
    if found is None:
        raise ValueError(f"{path} must end in one of {', '.join(READERS)}.")
    if found is not _read_npy and find_spec("pyarrow") is None:
        raise ImportError(f'{path.suffix} files need pyarrow: pip install "entropae[parquet]".')
    table = found(path)
    for name in columns or ():
        if name not in table:
            raise ValueError(f"{path}: " + unknown("column", name, table))
        if table[name] is None:
            raise ValueError(f"{path}: the column {name!r} does not hold numbers.")
    numbers = {name: values for name, values in table.items() if values is not None}
    chosen = tuple(columns or numbers)
    if not chosen:
        raise ValueError(f"{path} has no column of numbers.")
    values = np.stack([numbers[name] for name in chosen], 1)
    gaps = np.isnan(values)
    lacking = gaps.any(1)
    if lacking.any() and missing == "refuse":
        each = zip(chosen, gaps.sum(0), strict=True)
        counts = ", ".join(f"{name!r} {count}" for name, count in each if count)
        raise ValueError(
            f"{path}: of {len(values)} rows, {lacking.sum()} have missing values ({counts}). Leave "
            "them out with --missing drop, or fill them in."
        )
    left_out = () if columns else tuple(name for name in table if name not in numbers)
    return Table(chosen, values[~lacking], int(lacking.sum()), left_out)


Columns = dict[str, np.ndarray | None]  # None: not numbers


def _read_npy(path: Path) -> Columns:
    try:
        array = map_npy(path)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise ValueError(f"its shape is {array.shape}, and a table has two axes")
        if array.shape[1] > WIDEST:
            raise ValueError(f"it has {array.shape[1]} columns, and {WIDEST} is the limit")
        if array.dtype.kind not in "biuf":
            raise ValueError(f"it holds {array.dtype}, not numbers")
        array = np.array(array, np.float64)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    return {str(i): column for i, column in enumerate(array.T)}


def _read_csv(path: Path) -> Columns:
    from pyarrow import csv

    def tables() -> Iterator[Any]:
        with path.open("rb") as file:
            line = file.readline(LINE)
        # Before a reader is made, which takes kilobytes for each.
        check_columns(1 + line.count(b","))
        yield csv.read_csv(path)

    return _numbers(path, tables)


def _read_parquet(path: Path) -> Columns:
    from pyarrow import parquet

    def tables() -> Iterator[Any]:
        with parquet.ParquetFile(path) as file:
            check_columns(file.metadata.num_columns)
            rows, size = file.metadata.num_rows, path.stat().st_size
            cells = rows * file.metadata.num_columns
            if 8 * cells > max(UNPACKED, RATIO * size):
                raise ValueError(
                    f"its {size} bytes promise {cells} numbers; more than {UNPACKED // 8} "
                    f"are taken only if they take at most {RATIO} times as much"
                )
            found = 0
            for batch in file.iter_batches():
                found += len(batch)
                if found > rows:
                    raise ValueError(f"it has more rows than the {rows} that it promises")
                yield batch
            if found < rows:
                raise ValueError(f"it has {found} rows and promises {rows}")
            if not rows:
                yield file.schema_arrow.empty_table()

    return _numbers(path, tables)


def check_columns(n: int) -> None:
    """Raise if a file has more columns than are read."""
    if n > WIDEST:
        raise ValueError(f"it has {n} columns, and {WIDEST} is the limit")


def _numbers(path: Path, read: Callable[[], Iterator[Any]]) -> Columns:
    import pyarrow as pa

    parts: dict[str, list[np.ndarray | None]] = {}
    try:
        for table in read():
            names = table.schema.names
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"it has more than one column called {', '.join(sorted(twice))}")
            for name in names:
                parts.setdefault(name, []).append(_as_numbers(table.column(name)))
    # Arrow says the same in several ways; a damaged file can also make it ask for too much.
    except (pa.ArrowException, ValueError, OSError, MemoryError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    numbers = {name: [part for part in found if part is not None] for name, found in parts.items()}
    return {name: np.concatenate(found) if found else None for name, found in numbers.items()}


def _as_numbers(column: Any) -> np.ndarray | None:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return None
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


READERS: dict[str, Callable[[Path], Columns]] = {
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
