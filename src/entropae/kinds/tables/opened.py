"""A source opened: its rows, how they are written, and what is said of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from entropae.kinds.reading import Reading
from entropae.kinds.tables.declared import Declared, declared
from entropae.kinds.tables.files import is_table, read_written
from entropae.kinds.tables.frames import library_of, names_of, to_table
from entropae.kinds.tables.style import Style
from entropae.messages import unknown
from entropae.reader import dialect_of


class Source(NamedTuple):
    """What a file or a frame holds.

    Attributes:
        table: A `pyarrow.Table`.
        library: The frame's; none of a file.
        style: How a file is written, if it is a text.
        names: Of all columns, also of those that cannot be read.
    """

    table: Any
    library: str
    style: Style | None
    names: Sequence[str]


def opened(source: Any, reading: Reading) -> Source:
    """A file or a frame, read."""
    dropped = dropped_by(reading)
    if is_table(source):
        table, style, left_out = read_written(source, dialect_of(reading.dialect), dropped)
        return Source(table, "", style, (*table.column_names, *left_out))
    library = library_of(source)
    assert library is not None  # or it would not have been claimed
    return Source(to_table(source, dropped), library, None, names_of(source))


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
