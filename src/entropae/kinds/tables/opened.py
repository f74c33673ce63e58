"""A source opened: its rows, how they are written, and what is said of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entropae.kinds.reading import Reading
from entropae.kinds.tables.declared import Declared, declared
from entropae.kinds.tables.files import is_table, read_written
from entropae.kinds.tables.frames import library_of, to_table
from entropae.kinds.tables.style import Style
from entropae.messages import unknown
from entropae.reader import dialect_of


def opened(source: Any, reading: Reading) -> tuple[Any, str, Style | None]:
    """A `pyarrow.Table` of a file or a frame, the frame's library, and how the file is written."""
    if is_table(source):
        table, style = read_written(source, dialect_of(reading.dialect))
        return table, "", style
    library = library_of(source)
    assert library is not None  # or it would not have been claimed
    return to_table(source, dropped_by(reading)), library, None


def dropped_by(reading: Reading) -> tuple[str, ...]:
    """The columns that are left out."""
    return (*reading.drop, *(n for n, words in reading.columns.items() if words == "drop"))


def said_of(reading: Reading, names: Sequence[str]) -> tuple[dict[str, Declared], Sequence[str]]:
    """What is declared of columns, and which are left out.

    Raises:
        ValueError: If there is none of a name, or none is left.
    """
    dropped = dropped_by(reading)
    for name in (*dropped, *reading.columns):
        if name not in names:
            raise ValueError(unknown("column", name, names))
    if set(dropped) >= set(names):
        raise ValueError("All columns are left out. Keep one.")
    said = {n: declared(words) for n, words in reading.columns.items() if n not in dropped}
    return said, dropped
