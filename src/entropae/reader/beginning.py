"""The first rows of a text file as they are written there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from entropae.reader.dialect import Dialect
from entropae.reader.layout import uncommented
from entropae.reader.separators import is_escaped, records
from entropae.reader.texts import START, unpacked


class Beginning(NamedTuple):
    """What a file begins with.

    Attributes:
        text: Without comments.
        rows: The cells of the first rows of data, as they are written.
        newline: What ends its lines.
    """

    text: str
    rows: list[list[str]]
    newline: str


def beginning(path: Path, dialect: Dialect) -> Beginning:
    """What a file of a dialect that is known begins with."""
    with unpacked(path) as file:
        start = file.read(START)
        whole = not file.read(1)
    encoding = dialect.encoding or "utf-8"
    text = start.decode(encoding, "ignore").removeprefix("\ufeff")
    newline = "\r\n" if "\r\n" in text else "\n"
    if dialect.comment:
        text = "".join(uncommented(text.splitlines(True), dialect.comment))
    rows = records(text, dialect.separator or ",", dialect.quote or "", is_escaped(text))
    rows = rows if whole or len(rows) < 2 else rows[:-1]
    kept = [row for row in rows[dialect.skip or 0 :] if row]
    return Beginning(text, kept[bool(dialect.header) + bool(dialect.units) :], newline)
