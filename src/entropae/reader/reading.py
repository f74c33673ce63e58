"""The one reader of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from entropae.reader.dialect import Dialect
from entropae.reader.layout import told
from entropae.reader.limits import check_columns
from entropae.reader.parquet import read_parquet
from entropae.reader.table import Table
from entropae.reader.texts import read_text
from entropae.reader.typed import typed
from entropae.storage.arrays import map_npy
from entropae.storage.foreign import way_on
from entropae.storage.regular import check_regular


def read_table(
    path: str | Path, columns: Sequence[str] | None = None, *, dialect: Dialect | None = None
) -> Table:
    """A table from a file.

    Files can be anybody's: at most 10 000 columns, and of packed ones and Parquet at most a
    gigabyte or 100 times the file's size.

    Args:
        path: A text (`.csv`, `.tsv` or `.txt`, also with `.gz` after it), a `.parquet` file, or a
            `.npy` file of one or two axes, whose columns are called 0, 1, …, or of records.
        columns: Which, in this order; by default all.
        dialect: What is known of how a text is written; the rest is found out, and the table's
            `notes` say what is not as usual.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the file needs pyarrow, which is not installed.
        ValueError: If the file cannot be read, has a name twice, or a column is unknown.
    """
    path = Path(path)
    check_regular(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    suffix = suffix_of(path)
    if suffix not in READERS:
        said = (
            f"{path} must end in one of {', '.join(READERS)}; a text also in one of them and .gz."
        )
        raise ValueError(f"{said} {way_on(path)}".rstrip())
    if suffix != ".npy":
        need_pyarrow(f"{suffix} files")
    if dialect is not None and dialect.given() and READERS[suffix] is not _read_text:
        raise ValueError(
            f"{path} is no text: {', '.join(dialect.given())} are for .csv, .tsv and .txt files."
        )
    table = READERS[suffix](path, columns, dialect or Dialect())
    table.check_known(columns)
    if columns is None:
        return table
    data = table.data
    some = {n: data[n] for n in columns} if isinstance(data, dict) else data.select(columns)
    return Table(table.source, some, table.dialect, table.notes)


def suffix_of(path: str | Path) -> str:
    """The end of a file's name that says what is in it, in small letters, without `.gz`."""
    path = Path(str(path).lower())
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def need_pyarrow(what: str) -> None:
    """Raise if pyarrow is not installed, which these need.

    Raises:
        ImportError: If it is not.
    """
    if find_spec("pyarrow") is None:
        raise ImportError(f'{what} need pyarrow: pip install "entropae[tables]".')


def _read_npy(path: Path, columns: Sequence[str] | None, dialect: Dialect) -> Table:
    try:
        array = map_npy(path)
        if array.dtype.names is not None and array.ndim == 1:
            check_columns(len(array.dtype.names))
            return Table(str(path), {name: np.array(array[name]) for name in array.dtype.names})
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise ValueError(f"its shape is {array.shape}, and a table has two axes")
        check_columns(array.shape[1])
        if array.dtype.kind not in "biuf":
            raise ValueError(f"it holds {array.dtype}, not numbers")
        array = np.array(array)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    return Table(str(path), {str(i): column for i, column in enumerate(array.T)})


def _read_text(path: Path, columns: Sequence[str] | None, dialect: Dialect) -> Table:
    import pyarrow as pa

    try:
        texts, layout = read_text(path, dialect)
        names, _ = _names(layout.names)
        table, found, more = typed(names, texts, layout.dialect, padded=layout.padded)
        table, names = _without_ends(table, layout.names)
        notes = _names(names)[1]
    # Arrow says the same in several ways; a damaged file can also make it ask for too much.
    except (pa.ArrowException, ValueError, OSError, EOFError, MemoryError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    said = (*told(layout, dialect, suffix_of(path)), *notes, *more)
    return Table(str(path), table, found, said)


def _without_ends(table: Any, names: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """A table without the columns that separators at the ends of lines make."""
    import pyarrow as pa

    kept = len(names)
    while kept > 1 and not names[kept - 1] and pa.types.is_null(table.schema.types[kept - 1]):
        kept -= 1
    return table.select(range(kept)), names[:kept]


def _names(names: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Names, columns without one called by their number; and what is to say of that.

    A first one is the index, as pandas and R write it.
    """
    usual = ["" if i or "index" in names else "index" for i in range(len(names))]
    made = tuple(name or usual[i] or str(i + 1) for i, name in enumerate(names))
    twice = [name for name, count in Counter(made).items() if count > 1]
    if twice:
        said = ", ".join(sorted(twice))
        raise ValueError(f"it has more than one column called {said}. Rename them in its first row")
    nameless = [new for new, name in zip(made, names, strict=True) if not name]
    notes = [f"columns without a name called {', '.join(nameless)}"] if nameless else []
    return made, notes


def _read_parquet(path: Path, columns: Sequence[str] | None, dialect: Dialect) -> Table:
    table, left_out = read_parquet(path, columns)
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has more than one column called {', '.join(sorted(twice))}.")
    return Table(str(path), table, left_out=left_out)


READERS: dict[str, Callable[[Path, Sequence[str] | None, Dialect], Table]] = {
    ".npy": _read_npy,
    ".csv": _read_text,
    ".tsv": _read_text,
    ".txt": _read_text,
    ".parquet": _read_parquet,
}
