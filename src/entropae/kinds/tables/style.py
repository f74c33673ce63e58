"""How a text file writes its cells, so that new rows can be written alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from entropae.kinds.tables import forms
from entropae.kinds.tables.offsets import Offsets, offsets_from
from entropae.kinds.tables.plain import arrow, is_text, plain
from entropae.reader.cells import MISSING
from entropae.reader.dialect import shown

QUOTINGS = ("needed", "texts", "all")
LONGEST = 40  # characters of what a cell is written with
MOST = 20  # decimals
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
        point: Whether whole numbers have them too, as 12.0.
        form: Of dates and times, and of numbers with powers of ten or plus signs.
        offsets: Of times, where they change with the time, as in summer.
        words: For true and false.
    """

    missing: str = ""
    before: str = ""
    after: str = ""
    group: str = ""
    places: int = -1
    point: bool = False
    form: str = ""
    offsets: Offsets | None = None
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
        usual = ("utf-8", "utf-8-sig")
        parts = {
            f"separated by {shown(self.separator)}": self.separator != ",",
            "with decimal commas": self.decimal == ",",
            f"in {self.encoding}": self.encoding not in usual,
        }
        return ", ".join(said for said, is_so in parts.items() if is_so)

    def text(
        self, table: Any, texts: Mapping[str, Sequence[str | None]] | None = None
    ) -> Iterable[str]:
        """The lines of a `pyarrow.Table`.

        Args:
            table: The rows.
            texts: Of columns, how their cells are written; `None` for cells that have no text yet.
        """
        columns = [
            self._column(name, column, (texts or {}).get(name))
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
        if self.header:
            yield self._line([self._quoted(name, text=True) for name in table.column_names])
        for row in zip(*columns, strict=True):
            yield self._line(row)

    def _line(self, cells: Sequence[str]) -> str:
        return self.separator.join(cells) + self.newline

    def texts_of(self, name: str, column: Any) -> list[str]:
        """The cells of a `pyarrow.ChunkedArray` without quotes."""
        write, _ = writer(column.type, self.cells.get(name, Cell()), self.decimal)
        found = plain(column)
        known = {value: write(value) for value in set(found.present.tolist())}
        cells = zip(found.values.tolist(), found.absent.tolist(), strict=True)
        return ["" if absent else known[value] for value, absent in cells]

    def _column(self, name: str, column: Any, texts: Sequence[str | None] | None) -> list[str]:
        cell = self.cells.get(name, Cell())
        found = plain(column)
        write, text = writer(column.type, cell, self.decimal)
        known = {
            value: self._quoted(write(value), text=text) for value in set(found.present.tolist())
        }
        missing = cell.missing or ("NA" if self.separator == " " else "")
        gone = missing if self.quoting != "all" else self._quoted(missing, text=False)
        made = [
            gone if absent else known[value]
            for value, absent in zip(found.values.tolist(), found.absent.tolist(), strict=True)
        ]
        if texts is None:
            return made
        return [
            new if cell is None else self._quoted(cell, text=text)
            for cell, new in zip(texts, made, strict=True)
        ]

    def _quoted(self, cell: str, *, text: bool) -> str:
        quote = self.quote
        if not quote:
            return cell
        marks = (self.separator, quote, "\n", "\r")
        risky = text and (cell in MISSING or cell != cell.strip())
        always = self.quoting == "all" or (text and self.quoting == "texts")
        if always or risky or any(mark in cell for mark in marks):
            return quote + cell.replace(quote, 2 * quote) + quote
        return cell


def writer(kind: Any, cell: Cell, decimal: str) -> tuple[Callable[[Any], str], bool]:
    """What writes plain values of a type, and whether they are texts."""
    import pyarrow as pa

    if is_text(kind):
        return str, True
    if pa.types.is_boolean(kind):
        return (lambda value: cell.words[not value]), False
    if pa.types.is_date32(kind):
        return (lambda value: forms.written(value, cell.form or "%Y-%m-%d")), False
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return (lambda value: _time(value, kind, cell)), False
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return (lambda value: _number(value, cell, decimal)), False
    return (lambda value: str(arrow([value], kind, np.zeros(1, bool))[0])), False


def _number(value: Any, cell: Cell, decimal: str) -> str:
    if cell.form:
        text = forms.written(value, cell.form)
        if forms.parsed(text, cell.form) == value:
            return text
    if isinstance(value, int):  # not by way of a float, which has 53 bits
        text = f"{value:,}" if cell.group else str(value)
    elif cell.places >= 0:
        text = f"{value:,.{cell.places}f}" if cell.group else f"{value:.{cell.places}f}"
    elif value.is_integer() and abs(value) < 1e15 and not cell.point:
        text = f"{int(value):,}" if cell.group else str(int(value))
    else:
        text = f"{value:,}" if cell.group else repr(value)
    marks = str.maketrans({",": cell.group, ".": decimal})
    return cell.before + text.translate(marks) + cell.after


def _time(value: int, kind: Any, cell: Cell) -> str:
    import pyarrow as pa

    if cell.offsets is not None:
        return str(cell.offsets.texts(np.array([_counted(value, kind, cell.form)]))[0])
    if cell.form:
        value += forms.offset_of(cell.form) * UNITS[kind.unit]
        return forms.written(_counted(value, kind, cell.form), cell.form)
    one = pa.array([value], pa.int32() if str(kind).startswith("time32") else pa.int64())
    return one.cast(kind).cast(pa.string())[0].as_py()


def _counted(value: int, kind: Any, form: str) -> int:
    """A number of a type's unit, in that of a form."""
    return value * {"D": 1, **UNITS}[forms.unit_of(form)] // UNITS[kind.unit]


def style_from(said: Mapping[str, Any]) -> Style:
    """What `Style.settings` gave, as a stranger's file has it.

    Raises:
        ValueError: If no file is written so.
    """
    try:
        cells = {str(name): _cell_from(cell) for name, cell in said["cells"].items()}
        known: dict[str, Any] = dict(said) | {"cells": cells}
        style = Style(**known)
        " ".encode(style.encoding)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"the style of a file is not readable: {error}") from error
    for one in (style, *cells.values()):
        for part in fields(one):
            value, usual = getattr(one, part.name), part.default
            if part.name in ("cells", "offsets"):
                continue
            texts = _tupled(value)
            kinds = [type(v) for v in _tupled(usual)]
            if [type(v) for v in texts] != kinds:
                raise ValueError(f"the style of a file has {part.name}={value!r}")
            if any(isinstance(v, str) and len(v) > LONGEST for v in texts):
                raise ValueError(f"the style of a file has a long {part.name}")
    if len(style.separator) != 1 or len(style.quote) > 1 or style.quoting not in QUOTINGS:
        raise ValueError("the style of a file has no such separator or quotes")
    known_forms = ("", *forms.DAYS, *forms.CLOCKS, *forms.TIMED)
    for cell in cells.values():
        known_form = forms.without_zone(cell.form) in known_forms
        known_form = known_form or forms.is_of_numbers(cell.form)
        if not -1 <= cell.places <= MOST or not known_form:
            raise ValueError(f"the style of a file has a column that is written as {cell}")
    return style


def _cell_from(said: Mapping[str, Any]) -> Cell:
    found, offsets = dict(said), said.get("offsets")
    found["words"] = tuple(said["words"])
    if offsets is not None:
        found["offsets"] = offsets_from(said["form"], offsets["starts"], offsets["zones"])
    return Cell(**found)


def _tupled(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
