"""How the file is written that a table was read from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from entropae.kinds.tables import forms
from entropae.kinds.tables.offsets import offsets_of
from entropae.kinds.tables.plain import plain
from entropae.kinds.tables.style import LONGEST, Cell, Style, writer
from entropae.reader import Dialect
from entropae.reader.beginning import beginning
from entropae.reader.cells import is_value
from entropae.reader.separators import records
from entropae.variables import quantities

ENDS = ("before", "after")
AFFIXED = re.compile(r"^(?P<before>[€$£¥]?\s?)(?P<number>[^€$£¥%]*?)(?P<after>\s?[%€$£¥]?)$")
GROUPED = re.compile(r"\d(?P<mark>[.,'’ \u00a0\u2009\u202f])\d{3}(?!\d)")
ENOUGH = 10_000  # times that tell which offset was used when


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


def local_columns(style: Style) -> list[str]:
    """The columns that begin with offsets of a place, which may change with the time."""
    return [
        name
        for name, cell in style.cells.items()
        if cell.offsets or any(sign in forms.zone_of(cell.form) for sign in "+-")
    ]


def with_offsets(style: Style, texts: Mapping[str, Sequence[str | None]]) -> Style:
    """With offsets as all cells of local columns tell them, and not only a file's first ones."""
    cells = dict(style.cells)
    for name in local_columns(style):
        form = forms.without_zone(cells[name].form)
        known = sorted({text for text in texts[name] if text})
        with suppress(ValueError):  # cells that are written otherwise
            cells[name] = _zoned(cells[name], form, known[:: len(known) // ENOUGH + 1])
    return replace(style, cells=cells)


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
        return _timed_cell(base, pairs, kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _number_cell(base, [text for _, text in pairs], decimal)
    return base


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.title() if like.istitle() else word


def _timed_cell(base: Cell, pairs: Sequence[tuple[int, str]], kind: Any) -> Cell:
    """With the form of dates or times in which all are written as they are, if there is one.

    Times with several offsets are written with those, if the time tells which; otherwise in UTC.
    """
    import pyarrow as pa

    known = forms.DAYS if pa.types.is_date(kind) else forms.TIMED
    known = forms.CLOCKS if pa.types.is_time(kind) else known
    if not pairs or getattr(kind, "unit", "") == "ns":
        return base
    zone = ""
    if getattr(kind, "tz", None):
        texts = sorted({text for _, text in pairs})
        zones = {*map(forms.zone_of, texts)}
        if len(zones) > 1:
            form = forms.form_of(sorted({*map(forms.without_zone, texts)}), known)
            return _zoned(base, form, texts) if form else base
        zone = zones.pop()
    for form in (form + zone for form in known):
        cell = replace(base, form=form)
        write, _ = writer(kind, cell, "")
        if all(write(value) == text for value, text in pairs):
            return cell
    return base


def _zoned(base: Cell, form: str, texts: Sequence[str]) -> Cell:
    """With the offsets that times of a form end in; in UTC where the time does not tell which."""
    zones = {*map(forms.zone_of, texts)}
    if len(zones) == 1:
        return replace(base, form=form + zones.pop())
    offsets = offsets_of(texts, form)
    return replace(base, form=form if offsets else f"{form}Z", offsets=offsets)


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
