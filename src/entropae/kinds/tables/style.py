"""How a text file writes its cells, so that new rows can be written alike."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from entropae.kinds.tables import forms
from entropae.kinds.tables.plain import plain
from entropae.reader import Dialect
from entropae.reader.beginning import beginning
from entropae.reader.cells import MISSING, SIGNS

AFFIXED = re.compile(r"^(?P<before>[€$£¥]?\s?)(?P<number>[^€$£¥%]*?)(?P<after>\s?[%€$£¥]?)$")
GROUPED = re.compile(r"\d(?P<mark>[.,'’ \u00a0\u2009\u202f])\d{3}(?!\d)")
LONGEST = 40  # characters of what a cell is written with
UNITS = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class Cell:
    """How the cells of a column are written.

    Attributes:
        missing: What stands where a value is missing.
        before: Before a number, as a sign of money.
        after: After it, as a percent sign.
        group: Between its thousands.
        places: Its decimals, if all have as many; -1: as many as it takes.
        form: Of dates and times.
        words: For true and false.
    """

    missing: str = ""
    before: str = ""
    after: str = ""
    group: str = ""
    places: int = -1
    form: str = ""
    words: tuple[str, str] = ("true", "false")


@dataclass(frozen=True)
class Style:
    """How a text file is written.

    Attributes:
        separator: Between cells.
        quote: Around texts that need it; `""` for none.
        quoting: Which cells are in quotes: `"needed"`, `"texts"`, or `"all"`.
        encoding: Of the file.
        newline: At the end of each line.
        header: Whether the names are its first line.
        decimal: The decimal character.
        cells: Of columns that are not written as usual.
    """

    separator: str = ","
    quote: str = '"'
    quoting: str = "texts"
    encoding: str = "utf-8"
    newline: str = "\n"
    header: bool = True
    decimal: str = "."
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def said(self) -> str:
        """What is unusual about it, in words."""
        parts = [
            self.separator != "," and f"separated by {forms_of.get(self.separator, self.separator)}",
            self.decimal == "," and "with decimal commas",
            self.encoding not in ("utf-8", "utf-8-sig") and f"in {self.encoding}",
        ]
        return ", ".join(part for part in parts if part)

    def text(self, table: Any) -> Iterable[str]:
        """The lines of a `pyarrow.Table`."""
        columns = [
            self._column(name, column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
        if self.header:
            yield self._line([self._quoted(name, text=True) for name in table.column_names])
        for row in zip(*columns, strict=True):
            yield self._line(row)

    def _line(self, cells: Sequence[str]) -> str:
        return self.separator.join(cells) + self.newline

    def _column(self, name: str, column: Any) -> list[str]:
        cell = self.cells.get(name, Cell())
        found = plain(column)
        write, text = _writer(column.type, cell, self.decimal)
        known = {value: self._quoted(write(value), text=text) for value in set(found.present.tolist())}
        gone = cell.missing if self.quoting != "all" else self._quoted(cell.missing, text=False)
        return [
            gone if absent else known[value]
            for value, absent in zip(found.values.tolist(), found.absent.tolist(), strict=True)
        ]

    def _quoted(self, cell: str, *, text: bool) -> str:
        quote = self.quote
        if not quote:
            return cell
        marks = (self.separator, quote, "\n", "\r")
        risky = text and (cell in MISSING or cell in SIGNS or cell != cell.strip())
        always = self.quoting == "all" or (text and self.quoting == "texts")
        if always or risky or any(mark in cell for mark in marks):
            return quote + cell.replace(quote, 2 * quote) + quote
        return cell


forms_of = {"\t": "tabs", " ": "spaces"}
