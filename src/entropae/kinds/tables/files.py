"""Tables read from CSV and Parquet and written again, column types kept."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from entropae.data.tables import LINE, WIDEST
from entropae.storage.arrays import RATIO, UNPACKED
from entropae.storage.atomic import replacing

TABLE = "table.json"  # in a run folder: its model is of a table
SUFFIXES = (".csv", ".parquet")


def is_table(source: object) -> bool:
    """Whether this names a file of columns by name."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() in SUFFIXES


def read_file(path: str | Path) -> Any:
    """A CSV file with a header or a Parquet file as a `pyarrow.Table`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pyarrow is not installed.
        ValueError: If it cannot be read, is of another kind, or has a name twice or too much in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    _check_suffix(path)
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if path.suffix.lower() == ".csv":
            with path.open("rb") as file:
                _check_columns(1 + file.readline(LINE).count(b","))
            # An empty text is a value as any other in quotes, and missing without.
            options = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
            table = csv.read_csv(path, convert_options=options)
        else:
            with parquet.ParquetFile(path) as file:
                _check_columns(file.metadata.num_columns)
                cells = file.metadata.num_rows * file.metadata.num_columns
                if 8 * cells > max(UNPACKED, RATIO * path.stat().st_size):
                    raise ValueError(f"it promises {cells} cells, far more than its size holds")
                table = file.read()
        twice = sorted(name for name, n in Counter(table.column_names).items() if n > 1)
        if twice:
            raise ValueError(f"it has more than one column called {', '.join(twice)}")
    except (pa.ArrowException, ValueError, OSError, MemoryError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    return table.replace_schema_metadata(None)


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
    if not is_table(path):
        raise ValueError(f"A table's file must end in {' or '.join(SUFFIXES)}: got {path}.")
    if find_spec("pyarrow") is None:
        raise ImportError(f'{path.suffix} files need pyarrow: pip install "entropae[parquet]".')


def _check_columns(n: int) -> None:
    if n > WIDEST:
        raise ValueError(f"it has {n} columns, and {WIDEST} is the limit")
