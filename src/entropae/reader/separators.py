"""What separates the columns of a text file, and what quotes their texts."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from entropae.reader.cells import is_missing, is_value
from entropae.reader.dialect import Dialect

SEPARATORS = (",", ";", "\t", "|", " ")
ROWS, CELLS = 200, 20_000  # that are looked at
TOKEN = {
    quote: re.compile(rf"{quote}((?:[^{quote}]|{quote}{quote})*){quote}(?=\s|$)|(\S+)")
    for quote in ('"', "'")
}


def separator_of(text: str, dialect: Dialect, whole: bool) -> tuple[str, str]:
    """The separator and quote that make the most regular table, of the most values."""
    best, chosen = -1.0, (dialect.separator or ",", '"' if dialect.quote is None else dialect.quote)
    for separator in SEPARATORS if dialect.separator is None else (dialect.separator,):
        if separator not in text and dialect.separator is None:
            continue
        for quote in ('"', "'") if dialect.quote is None else (dialect.quote,):
            if quote == "'" and not _has_quotes(text, separator):
                continue
            try:
                rows = records(text, separator, quote, is_escaped(text))
            except ValueError:
                continue
            score = _score(rows if whole or len(rows) < 2 else rows[:-1], separator)
            if score > best:
                best, chosen = score, (separator, quote)
    if dialect.separator is None and _is_single(text, chosen[0], best):
        # A column of its own has no separator: any will do that is not in it.
        return next(mark for mark in (*SEPARATORS, "\x1f") if mark not in text), chosen[1]
    return chosen


def _has_quotes(text: str, separator: str) -> bool:
    """Whether a cell begins with a single quote, and has another."""

    # First a run of spaces becomes one, or it would be run through from each of its places.
    def one(run: re.Match[str]) -> str:
        return next((mark for mark in ("\n", separator) if mark in run[0]), " ")

    short = re.sub(r"\s+", one, text)
    return re.search(rf"(?:^|{re.escape(separator)})\s?'[^'\n]*'", short, re.MULTILINE) is not None


def _is_single(text: str, separator: str, score: float) -> bool:
    """Whether a table is one column, rather than separated with this score."""
    lines = [[line.strip()] for line in text.splitlines() if line.strip()][:ROWS]
    values = [is_value(line[0]) or is_missing(line[0]) for line in lines[1:]]
    # A decimal comma separates numbers too; but texts with commas are more likely two columns.
    alone = separator == " " or (any(values) and all(values))
    return score <= 0 or (alone and _score(lines, "") >= score)


def _score(every: list[list[str]], separator: str) -> float:
    """How regular a table is, and how much of it is values, 1 at most.

    The idea is that of van den Burg, Nazábal and Sutton (Data Mining and Knowledge Discovery 33
    (2019) 1799): of all ways to split a file, the right one makes rows of one pattern, and cells of
    known types. The weights are set by the files of `tests/written.py`.
    """
    rows = [row for row in every if any(cell.strip() for cell in row)]
    if not rows:
        return 0.0
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width == 1 and separator:
        return 0.0
    alike = [row for row in rows if len(row) == width]
    cells = [cell.strip() for row in alike[: max(1, CELLS // width)] for cell in row]
    typed = sum(_likely(cell, separator) for cell in cells) / len(cells)
    # Lines of one cell may stand before the names, but names there must be then.
    lead = next(i for i, row in enumerate(rows) if len(row) == width)
    regular = len(alike) / (len(rows) - lead)
    if width > 1 and lead and (lead == len(rows) - 1 or any(map(is_value, rows[lead]))):
        short = lead == 1 and len(rows[0]) == width - 1  # names, but of the names of rows
        regular *= 1.0 if short and width > 2 else 0.3
    shape = 0.4 if width == 1 else (width - 1) / width
    return regular**2 * typed * shape * (0.7 if separator == " " else 1)


def _likely(cell: str, separator: str) -> float:
    """How likely a cell is one: values are, texts with other separators or quotes hardly."""
    if is_missing(cell) or is_value(cell):
        return 1.0
    if any(mark in cell for mark in SEPARATORS[:4] if mark != separator):
        return 0.2
    return 0.1 if len(cell) > 1 and cell[0] in "\"'" and cell[-1] == cell[0] else 0.6


def is_escaped(text: str) -> bool:
    """Whether quotes within quotes follow a backslash, as databases write them."""
    return re.search(r'\\"[^",;|\t\r\n]', text) is not None


def records(text: str, separator: str, quote: str, escaped: bool = False) -> list[list[str]]:
    """The cells of the first lines; of empty ones no cells.

    Raises:
        ValueError: If a cell has more characters than Python's `csv` takes.
    """
    lines = io.StringIO(text, newline="")
    if separator == " ":
        return [tokens(line, quote) for line, _ in zip(lines, range(ROWS), strict=False)]
    kind = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    escape = "\\" if escaped else None
    reader = csv.reader(
        lines, delimiter=separator, quotechar=quote or None, quoting=kind, escapechar=escape
    )
    try:
        return [row for row, _ in zip(reader, range(ROWS), strict=False)]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def tokens(line: str, quote: str) -> list[str]:
    """What spaces separate in a line."""
    if quote not in TOKEN or quote not in line:
        return line.split()
    pairs = TOKEN[quote].findall(line)
    return [quoted.replace(2 * quote, quote) or plain for quoted, plain in pairs]
