"""Tables read from CSV and Parquet and written again, column types kept."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from entropae.reader import Dialect, need_pyarrow, read_table, suffix_of
from entropae.storage.atomic import replacing

TABLE = "table.json"  # in a run folder: its model is of a table
SUFFIXES = (".csv", ".parquet")  # that are written
READ = (".csv", ".tsv", ".parquet")  # a .txt file is sentences


def is_table(source: object) -> bool:
    """Whether this names a file of columns by name."""
    return isinstance(source, str | Path) and suffix_of(source) in READ


def read_file(path: str | Path, dialect: Dialect | None = None) -> Any:
    """A text or Parquet file as a `pyarrow.Table`; how a text was read is a warning, if unusual.

    Args:
        path: A `.csv`, `.tsv` or `.parquet` file, the first two also with `.gz` after it.
        dialect: What is known of how a text is written.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pyarrow is not installed.
        ValueError: If it cannot be read, is of another kind, or has a name twice or too much in it.
    """
    if not is_table(path):
        raise ValueError(f"A table's file must end in {', '.join(READ)}: got {path}.")
    table = read_table(path, dialect=None if suffix_of(path) == ".parquet" else dialect)
    if table.read_as:
        warnings.warn(table.read_as, stacklevel=2)
    if table.left_out:
        warnings.warn(
            f"Left out, because their cells are lists or bytes: {', '.join(table.left_out)}.",
            stacklevel=2,
        )
    return table.arrow


def write_file(table: Any, path: str | Path) -> None:
    """Write a `pyarrow.Table` as CSV or Parquet, by the name's end, whole or not at all.

    Raises:
        ValueError: If the name ends in neither.
    """
    path = Path(path)
    _check_suffix(path)
    from pyarrow import csv, parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    write = csv.write_csv if path.suffix.lower() == ".csv" else parquet.write_table
    with replacing(path) as temporary:
        write(table, temporary)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"A table's file must end in {' or '.join(SUFFIXES)}: got {path}.")
    need_pyarrow(path.suffix)
