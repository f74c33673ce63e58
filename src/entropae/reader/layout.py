"""How a text file of a table is written, found from its beginning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from entropae.messages import number_of
from entropae.reader.cells import is_value
from entropae.reader.dialect import Dialect, shown
from entropae.reader.headers import has_header, has_units
from entropae.reader.limits import check_columns
from entropae.reader.separators import ROWS, SEPARATORS, is_escaped, records, separator_of

FEWEST, ALIKE = 10, 0.95  # lines, and share of them of one width, of a table in a text
MARKS = ("#", "%")  # of comments, if not told
ERROR = re.compile(r"\s*#(?:N/A|NA|DIV/0!|VALUE!|REF!|NUM!|NULL!|NAME\?)")  # a cell, no comment


@dataclass(frozen=True)
class Layout:
    """How a file is written, and what its columns are called.

    Attributes:
        dialect: Without the options that are for numbers and times.
        names: Of its columns, as they are written.
        before: Records before the data, empty ones among them.
        padded: Whether spaces follow the separators.
        escaped: Whether quotes within quotes follow a backslash, and are not doubled.
        all_quoted: Whether all cells are in quotes, numbers too, so that quotes mean nothing.
        notes: What a reader of the numbers should know.
    """

    dialect: Dialect
    names: tuple[str, ...]
    before: int
    padded: bool = False
    escaped: bool = False
    all_quoted: bool = False
    notes: tuple[str, ...] = ()


def layout_of(text: str, dialect: Dialect, *, whole: bool = True) -> Layout:
    """How a table is written.

    Args:
        text: The beginning of its file.
        dialect: What is known of it.
        whole: Whether it is all of it; if not, the last record is cut.

    Raises:
        ValueError: If there is nothing in it.
    """
    said = re.match(r"sep=(.)\r?\n", text)  # which spreadsheets understand
    if said and dialect.separator is None and dialect.skip is None:
        dialect = replace(dialect, separator=said[1], skip=1)
    comment, names = _comment(text, dialect)
    if not text.strip():
        raise ValueError("it is empty")
    original = text
    text = "".join(uncommented(text.splitlines(True), comment)) if comment else text
    first = text.lstrip().partition("\n")[0]
    check_columns(1 + max(map(first.count, SEPARATORS[:4])))  # before much is made of them
    escaped = is_escaped(text)
    separator, quote = separator_of(text, dialect, whole)
    every = records(text, separator, quote, escaped)
    every = every if whole or len(every) < 2 else every[:-1]
    start = _start(every, dialect)
    rows = [row for row in every[start:] if row]
    if not rows:
        raise ValueError("it is empty")
    width = Counter(map(len, rows)).most_common(1)[0][0]
    check_columns(width)
    known = replace(dialect, separator=separator, quote=quote, comment=comment, skip=start)
    if (
        comment
        and dialect.comment is None
        and _of_data(_between(original, comment), rows, width, known)
    ):
        return layout_of(original, replace(dialect, comment=""), whole=whole)
    lead = sum(any(row) for row in every[:start]) if dialect.skip is None else 0
    lines = f"{number_of(lead, 'line')} before the names left out"
    notes = [f"{lines} (if they belong to it: --skip 0)"] if lead else []
    found = _named(every, rows, width, known, names, notes)
    return replace(found, all_quoted=_all_quoted(text, found.dialect), escaped=escaped)


def columns_of_values(text: str) -> int:
    """How many columns a text has if it looks like a table, with values in some; else 0.

    Args:
        text: Whole lines, of sentences or of cells.
    """
    try:
        found = layout_of(text, Dialect())
    except ValueError:
        return 0
    dialect, width = found.dialect, len(found.names)
    rows = records(text, dialect.separator or ",", dialect.quote or "", found.escaped)
    rows = [row for row in rows if row][1:]
    alike = [row for row in rows if len(row) == width]
    if width < 2 or len(rows) < FEWEST or len(alike) < ALIKE * len(rows):
        return 0
    values = sum(
        all(is_value(cell.strip()) or not cell for cell in column)
        for column in zip(*alike, strict=True)
    )
    # Sentences of as many words each may well begin with a number.
    return width if values > (width / 2 if dialect.separator == " " else 0) else 0


def uncommented(lines: Iterable[str], comment: str) -> Iterator[str]:
    """Lines that are no comments; within quotes there are none."""
    within = False
    for line in lines:
        if within or not _is_comment(line, comment):
            within ^= line.count('"') % 2 == 1
            yield line


def _is_comment(line: str, mark: str) -> bool:
    return line.lstrip().startswith(mark) and not ERROR.match(line)


def _comment(text: str, dialect: Dialect) -> tuple[str, str | None]:
    """What comments begin with, and the last that stands before the data."""
    if dialect.comment == "":
        return "", None
    lines = [line for line in text.splitlines() if line.strip()][:ROWS]
    for mark in (dialect.comment,) if dialect.comment else MARKS:
        kept = list(uncommented(lines, mark))
        # Of colours, most lines begin so.
        if len(kept) < len(lines) and (dialect.comment or 2 * len(kept) > len(lines)):
            first = lines.index(kept[0]) if kept else 0
            return mark, lines[first - 1].strip().lstrip(mark).strip() if first else None
    return dialect.comment or "", None


def _between(text: str, mark: str) -> list[str]:
    """What looks like comments after the first line that does not."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip() and not _is_comment(line, mark))
    return [line for line in lines[first:] if _is_comment(line, mark)][:ROWS]


def _start(every: Sequence[Sequence[str]], dialect: Dialect) -> int:
    """How many records there are before the names."""
    if dialect.skip is not None:
        return dialect.skip
    widths = Counter(len(row) for row in every if row)
    if not widths or widths.most_common(1)[0][0] < 2:
        return 0
    return next(i for i, row in enumerate(every) if len(row) > 1)


def _named(
    every: Sequence[Sequence[str]],
    rows: list[list[str]],
    width: int,
    dialect: Dialect,
    commented: str | None,
    notes: list[str],
) -> Layout:
    """The layout, names found."""
    padded = dialect.separator != " " and all(
        cell[:1] in ("", " ") for row in rows for cell in row[1:]
    )
    cells = [[cell.strip() for cell in row] for row in rows]
    header, doubt = has_header(cells, width)
    header = header if dialect.header is None else dialect.header
    units = header and (has_units(cells, width) if dialect.units is None else dialect.units)
    if units and dialect.units is None:
        notes.append("the line of units left out (if it is data: --no-units)")
    names = cells[0] if header else [str(i + 1) for i in range(width)]
    said = records(commented or "", dialect.separator or ",", dialect.quote or "")
    if not header and dialect.header is None and said and len(said[0]) == width:
        names = [cell.strip() for cell in said[0]]
        notes.append(f"names from the line after {dialect.comment!r}")
    elif not header and dialect.header is None:
        notes.append("no header: columns are called 1, 2, … (if the first row has names: --header)")
    elif doubt and dialect.header is None:
        notes.append("the first row taken as names (if it is data: --no-header)")
    at = _position(every, dialect.skip or 0, header + units)
    found = replace(dialect, header=header, units=units)
    fitted = _fitted(names, cells, width, header)
    return Layout(found, fitted, at, padded, notes=tuple(notes))


def _all_quoted(text: str, dialect: Dialect) -> bool:
    """Whether numbers are in quotes too."""
    quote = dialect.quote or '"'
    cells = [c.strip() for row in records(text, dialect.separator or ",", "") for c in row]
    quoted = any(c[:1] == quote == c[-1:] and is_value(c[1:-1]) for c in cells if len(c) > 2)
    return quoted and not any(map(is_value, cells))


def _of_data(lines: list[str], rows: list[list[str]], width: int, dialect: Dialect) -> bool:
    """Whether what look like comments are rows of which the first text begins so."""
    between = [records(line, dialect.separator or ",", dialect.quote or "")[0] for line in lines]
    texts = not all(is_value(row[0].strip()) for row in rows[1:])
    return bool(between) and texts and width > 1 and all(len(row) == width for row in between)


def _position(every: Sequence[Sequence[str]], start: int, leave: int) -> int:
    """How many records, empty or not, there are before the data."""
    for i in range(start, len(every)):
        if not leave:
            return i
        leave -= bool(every[i])
    return len(every)


def _fitted(names: list[str], cells: list[list[str]], width: int, header: bool) -> tuple[str, ...]:
    """As many names as columns."""
    if header and len(names) == width - 1:
        # Separators at the ends of lines, or names of rows as R writes them.
        ends = all(row[-1] == "" for row in cells[1:] if len(row) == width)
        names = [*names, ""] if ends else ["", *names]
    while len(names) > width and names[-1] == "":
        names = names[:-1]
    return tuple(names)


def told(layout: Layout, given: Dialect, suffix: str) -> list[str]:
    """What of a layout was found, and is not as the file's name lets expect."""
    found, notes = layout.dialect, []
    usual = {".tsv": "\t", ".csv": ","}.get(suffix)
    if given.separator is None and found.separator != usual and len(layout.names) > 1:
        notes.append(f"separator {shown(found.separator or ',')}")
    if given.quote is None and found.quote == "'":
        notes.append("single quotes around texts")
    if given.encoding is None and found.encoding not in ("utf-8", "utf-8-sig"):
        notes.append(f"encoding {found.encoding}")
    if given.comment is None and found.comment:
        notes.append(f"lines after {found.comment!r} left out (if they are data: --comment '')")
    return [*notes, *layout.notes]
