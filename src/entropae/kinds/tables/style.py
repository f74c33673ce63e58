"""How a text file writes its cells, so that new rows can be written alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from entropae.kinds.tables import forms
from entropae.kinds.tables.plain import arrow, is_text, plain
from entropae.reader import Dialect
from entropae.reader.beginning import beginning
from entropae.reader.cells import MISSING, is_value
from entropae.reader.dialect import shown
from entropae.reader.separators import records
from entropae.variables import quantities

ENDS = ("before", "after")
AFFIXED = re.compile(r"^(?P<before>[€$£¥]?\s?)(?P<number>[^€$£¥%]*?)(?P<after>\s?[%€$£¥]?)$")
GROUPED = re.compile(r"\d(?P<mark>[.,'’ \u00a0\u2009\u202f])\d{3}(?!\d)")
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
        words: For true and false.
    """

    missing: str = ""
    before: str = ""
    after: str = ""
    group: str = ""
    places: int = -1
    point: bool = False
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

    def _column(self, name: str, column: Any, texts: Sequence[str | None] | None) -> list[str]:
        cell = self.cells.get(name, Cell())
        found = plain(column)
        write, text = _writer(column.type, cell, self.decimal)
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


def _writer(kind: Any, cell: Cell, decimal: str) -> tuple[Callable[[Any], str], bool]:
    """What writes plain values of a type, and whether they are texts."""
    import pyarrow as pa

    if is_text(kind):
        return str, True
    if pa.types.is_boolean(kind):
        return (lambda value: cell.words[not value]), False
    if pa.types.is_date32(kind):
        return (lambda value: forms.written(value, cell.form or "%Y-%m-%d")), False
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return (lambda value: _time(value, kind, cell.form)), False
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


def _time(value: int, kind: Any, form: str) -> str:
    import pyarrow as pa

    if form:
        wanted = {"D": 1, "s": 1, "us": 1_000_000}[forms.unit_of(form)]
        value += forms.offset_of(form) * UNITS[kind.unit]
        return forms.written(value * wanted // UNITS[kind.unit], form)
    one = pa.array([value], pa.int32() if str(kind).startswith("time32") else pa.int64())
    return one.cast(kind).cast(pa.string())[0].as_py()


def style_of(path: str | Path, table: Any, dialect: Dialect) -> Style:
    """How a file is written that a `pyarrow.Table` was read from.

    Args:
        path: The file.
        table: What was read.
        dialect: As it was read.
    """
    found = beginning(Path(path), dialect)
    decimal = dialect.decimal or "."
    rows = [row for row in found.rows if len(row) >= table.num_columns]
    n = min(len(rows), table.num_rows)
    cells = {}
    for i, name in enumerate(table.column_names):
        texts = [row[i].strip() for row in rows[:n]]
        cell = _cell(texts, table.column(i).slice(0, n), decimal)
        if cell != Cell():
            cells[name] = cell
    quote = '"' if dialect.quote is None else dialect.quote
    return Style(
        separator=dialect.separator or ",",
        quote=quote,
        quoting=_quoting(found.text, dialect.separator or ",", quote or '"'),
        encoding=dialect.encoding or "utf-8",
        newline=found.newline,
        header=dialect.header is not False,
        decimal=decimal,
        cells=cells,
    )


def _quoting(text: str, separator: str, quote: str) -> str:
    cells = [c.strip() for row in records(text, separator, "") for c in row]
    values = [cell.strip(quote) for cell in cells]
    quoted = [cell[:1] == quote == cell[-1:] and len(cell) > 1 for cell in cells]
    of_values = [q for q, value in zip(quoted, values, strict=True) if is_value(value)]
    of_texts = [q for q, value in zip(quoted, values, strict=True) if value and not is_value(value)]
    if of_values and all(of_values):
        return "all"
    return "texts" if of_texts and np.mean(of_texts) > 0.9 else "needed"


def _cell(texts: list[str], column: Any, decimal: str) -> Cell:
    """How a column is written, of its first cells and what they were read as."""
    import pyarrow as pa

    found, kind = plain(column), column.type
    gone = Counter(text for text, absent in zip(texts, found.absent, strict=True) if absent)
    missing = max(gone, key=lambda text: gone[text], default="")[:LONGEST]
    pairs = [
        (value, text)
        for value, text, absent in zip(found.values.tolist(), texts, found.absent, strict=True)
        if not absent
    ]
    base = Cell(missing=missing)
    if pa.types.is_boolean(kind):
        words = dict(pairs)
        yes, no = words.get(True, ""), words.get(False, "")
        yes, no = yes or _cased("true", no), no or _cased("false", yes)
        return replace(base, words=(yes, no))
    if pa.types.is_temporal(kind):
        return replace(base, form=_form(pairs, kind))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _number_cell(base, [text for _, text in pairs], decimal)
    return base


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.title() if like.istitle() else word


def _form(pairs: Sequence[tuple[int, str]], kind: Any) -> str:
    """The form of dates or times in which all are written as they are; `""` if there is none.

    Times with several offsets are all written in UTC, otherwise as they are.
    """
    import pyarrow as pa

    known = forms.DAYS if pa.types.is_date(kind) else forms.TIMED
    known = forms.CLOCKS if pa.types.is_time(kind) else known
    if not pairs or getattr(kind, "unit", "") == "ns":
        return ""
    zone = ""
    if getattr(kind, "tz", None):
        zones = {found[0] for found in (forms.ZONE.search(text) for _, text in pairs) if found}
        if len(zones) > 1:
            local = sorted({forms.without_zone(text) for _, text in pairs})
            return f"{form}Z" if (form := forms.form_of(local, known)) else ""
        zone = zones.pop() if zones else ""
    write = forms.written if pa.types.is_date(kind) else partial(_time, kind=kind)
    return next(
        (
            form + zone
            for form in known
            if all(write(value, form=form + zone) == text for value, text in pairs)
        ),
        "",
    )


def _number_cell(base: Cell, texts: list[str], decimal: str) -> Cell:
    parts = [match for match in map(AFFIXED.match, texts) if match]
    if not parts:
        return base
    before, after = (Counter(m[end] for m in parts).most_common(1)[0][0] for end in ENDS)
    numbers = [match["number"] for match in parts]
    marks = Counter(
        match["mark"]
        for match in map(GROUPED.search, numbers)
        if match and match["mark"] != decimal
    )
    group = marks.most_common(1)[0][0] if marks else ""
    places = {len(number.partition(decimal)[2]) for number in numbers}
    powers = any("e" in number.lower() for number in numbers)
    if powers or any("+" in text for text in texts):
        form = quantities.form_of(sorted(set(texts)))
        if form:
            return replace(base, form=form)
    return replace(
        base,
        before=before,
        after=after,
        group=group,
        places=places.pop() if len(places) == 1 and not powers else -1,
        point=any(number.endswith(f"{decimal}0") for number in numbers),
    )


def style_from(said: Mapping[str, Any]) -> Style:
    """What `Style.settings` gave, as a stranger's file has it.

    Raises:
        ValueError: If no file is written so.
    """
    try:
        cells = {
            str(k): Cell(**(v | {"words": tuple(v["words"])})) for k, v in said["cells"].items()
        }
        known: dict[str, Any] = dict(said) | {"cells": cells}
        style = Style(**known)
        " ".encode(style.encoding)
    except (TypeError, KeyError, AttributeError, LookupError, UnicodeError) as error:
        raise ValueError(f"the style of a file is not readable: {error}") from error
    for one in (style, *cells.values()):
        for part in fields(one):
            value, usual = getattr(one, part.name), part.default
            if part.name == "cells":
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


def _tupled(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
