"""Whether the first row of a table has names, and the second units."""

from __future__ import annotations

import re
from itertools import pairwise

from entropae.reader.cells import MISSING, SIGNS, is_missing, is_value

RUN = 4  # names in a row that are numbers, which data of whole numbers hardly are
MOSTLY = 0.9  # share of a column's cells that are values, for the word over them to be its name


def has_header(rows: list[list[str]], width: int) -> tuple[bool, bool]:
    """Whether the first row has names, and whether that is in doubt."""
    first, rest = rows[0], rows[2:] or rows[1:]
    if len(first) == width - 1 and not is_value(first[0]):
        return True, False
    values = [j for j in range(min(width, len(first))) if _of_values(rest, j)]
    if not rest:
        return not any(map(is_value, first)), True
    names = [first[j] for j in values if not is_value(first[j]) and not is_missing(first[j])]
    names = names or [
        first[j] for j in range(min(width, len(first))) if _is_over(first[j], rest, j)
    ]
    data = [first[j] for j in values if is_value(first[j])]
    if names:
        return True, bool(data)
    if data:
        return _numbered(first, values, rest), True
    repeated = any(
        any(cell == row[j] for row in rows[1:] if j < len(row))
        for j, cell in enumerate(first)
        if cell
    )
    return not repeated, True


def _numbered(first: list[str], values: list[int], rest: list[list[str]]) -> bool:
    """Whether names are years, or 0, 1, 2, …, over data that are not so."""
    whole = [j for j in values if not is_missing(first[j])]
    if len(whole) < 2 or not _counts([first[j] for j in whole]):
        return False
    rows = [[row[j] for j in whole if j < len(row)] for row in rest]
    are_whole = all(re.fullmatch(r"[+-]?\d*", cell) for row in rows for cell in row)
    return not are_whole or (len(whole) >= RUN and not any(map(_counts, rows)))


def _counts(cells: list[str]) -> bool:
    """Whether each is one more than the one before."""
    whole = all(re.fullmatch(r"\d{1,4}", cell) for cell in cells)
    return whole and all(int(b) == int(a) + 1 for a, b in pairwise(cells))


def has_units(rows: list[list[str]], width: int) -> bool:
    """Whether the second row says the units of columns that are numbers below it."""
    if len(rows) < 3 or len(rows[1]) != width:
        return False
    below = [rows[1][j] for j in range(width) if _of_values(rows[2:], j)]
    texts = [cell for cell in below if cell not in MISSING]
    return bool(texts) and not any(map(is_value, texts)) and not any(c in SIGNS for c in texts)


def _is_over(name: str, rows: list[list[str]], j: int) -> bool:
    """Whether a word stands over values, with few other words, such as Total, among them."""
    cells = [row[j] for row in rows if j < len(row) and not is_missing(row[j])]
    if is_value(name) or is_missing(name) or name in cells:
        return False
    return sum(map(is_value, cells)) > MOSTLY * len(cells)


def _of_values(rows: list[list[str]], j: int) -> bool:
    cells = [row[j] for row in rows if j < len(row) and not is_missing(row[j])]
    return bool(cells) and all(map(is_value, cells))
