"""Tables read from CSV and Parquet and written again, column types kept."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from entropae.kinds.cells import vectors_in
from entropae.kinds.items import LABELS
from entropae.kinds.tables.observed import local_columns, style_of, with_offsets
from entropae.kinds.tables.plain import plain, spelt
from entropae.kinds.tables.style import Style
from entropae.reader import Dialect, need_pyarrow, read_table, suffix_of
from entropae.reader.texts import read_text
from entropae.storage.atomic import replacing

TABLE = "table.json"  # in a run folder: its model is of a table
SUFFIXES = (".csv", ".parquet")  # that are written
READ = (".csv", ".tsv", ".parquet")  # a .txt file is sentences


def is_table(source: object) -> bool:
    """Whether this names a file of columns by name."""
    return isinstance(source, str | Path) and suffix_of(source) in READ


def read_file(path: str | Path, dialect: Dialect | None = None) -> Any:
    """A text or Parquet file as a `pyarrow.Table`: see `read_written`."""
    return read_written(path, dialect)[0]


def read_written(
    path: str | Path, dialect: Dialect | None = None, drop: Sequence[str] = ()
) -> tuple[Any, Style | None, Sequence[str]]:
    """A text or Parquet file as a `pyarrow.Table`, how a text is written, and what is left out.

    Left out are columns that cannot be read as a table's. That is a warning, and so is how a text
    was read, if unusual.

    Args:
        path: A `.csv`, `.tsv` or `.parquet` file, the first two also with `.gz` after it.
        dialect: What is known of how a text is written.
        drop: Columns that are not meant; nothing is said of them.

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
    unread = [name for name in table.left_out if name not in drop]
    if unread:
        beside = [name for name in (*table.arrow.column_names, *unread) if name not in drop]
        warnings.warn(_unread(Path(path), unread, beside), stacklevel=2)
    if table.dialect is None:
        return table.arrow, None, table.left_out
    style = style_of(path, table.arrow, table.dialect)
    local = local_columns(style)
    if local:
        style = with_offsets(style, texts_of(path, table.arrow, dialect, local))
    return table.arrow, style, table.left_out


def _unread(path: Path, unread: Sequence[str], names: Sequence[str]) -> str:
    """Which columns are no table's, and how vectors in them are learnt instead."""
    said = f"Left out, because their cells are lists or bytes: {', '.join(unread)}."
    for name in vectors_in(path, unread):
        if any(one != name and one.lower() not in LABELS for one in names):
            way = f"--key {shlex.quote(name)} (key={name!r} in Python)"
            said += f" To learn the vectors in {name} instead: {way}."
    return said


def texts_of(
    path: str | Path,
    table: Any,
    dialect: Dialect | None = None,
    names: Collection[str] | None = None,
) -> dict[str, list[str | None]]:
    """How the known cells of a text file are written there, by column; `None`: not known.

    Args:
        path: The file.
        table: What `read_written` made of it.
        dialect: As it was given there.
        names: Of the columns; by default all.
    """
    texts, layout = read_text(Path(path), dialect or Dialect())
    made = {}
    for i, name in enumerate(table.column_names):
        if names is not None and name not in names:
            continue
        known = ~plain(table.column(i)).absent
        cells = texts.column(i).to_pylist()
        cells = [cell and cell.strip() for cell in cells] if layout.padded else cells
        made[name] = [cell if there else None for cell, there in zip(cells, known, strict=True)]
    return made


def write_file(
    table: Any,
    path: str | Path,
    style: Style | None = None,
    texts: Mapping[str, Sequence[str | None]] | None = None,
) -> None:
    """Write a `pyarrow.Table` as CSV or Parquet, by the name's end, whole or not at all.

    Args:
        table: The rows.
        path: The file.
        style: How a CSV file is written; by default with commas, in UTF-8.
        texts: Of columns, how their cells are written; `None` for cells that have no text yet.

    Raises:
        ValueError: If the name ends in neither, or the encoding has not all characters.
    """
    path = Path(path)
    _check_suffix(path)
    from pyarrow import csv, parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        if path.suffix.lower() != ".csv":
            parquet.write_table(table, temporary)
        elif style is None:
            csv.write_csv(_spelt(table), temporary)
        else:
            _write_text(table, temporary, style, texts or {})


def _spelt(table: Any) -> Any:
    """A table with spans of time as texts, of which Arrow writes the number alone."""
    for i, field in enumerate(table.schema):
        table = table.set_column(i, field.name, spelt(table.column(i)))
    return table


def _write_text(
    table: Any, path: Path, style: Style, texts: Mapping[str, Sequence[str | None]]
) -> None:
    try:
        with path.open("w", encoding=style.encoding, newline="") as file:
            file.writelines(style.text(table, texts))
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{error.object[error.start]!r} is not in {style.encoding}, in which the table was "
            "written that the model learnt from. Write a .parquet file."
        ) from error


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"A table's file must end in {' or '.join(SUFFIXES)}: got {path}.")
    need_pyarrow(f"{path.suffix} files")
