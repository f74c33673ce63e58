"""What a cell of a table says: a number, a time, a logical value, that it is missing, or a text."""

from __future__ import annotations

import re

# Pandas' and R's words, and those of spreadsheets.
MISSING = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "<NA>", "NaT"),
    *("#N/A", "#N/A N/A", "#NA", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NULL!", "#NAME?"),
    *("-1.#IND", "1.#IND", "-1.#QNAN", "1.#QNAN"),
)
# Which could be categories, and are missing in columns of numbers and times.
SIGNS = ("-", "--", "–", "—", ".", "..", "...", "?", "*", "None", "none", "missing", "Missing")

NUMBER = re.compile(
    r"[€$£¥]?\s?[+-]?(?:\d+|\d{1,3}(?:[.,' \u00a0\u2009\u202f’]\d{3})+)?(?:[.,]\d*)?"
    r"(?:[eE][+-]?\d+)?\s?[%€$£¥]?|[+-]?inf(?:inity)?",
    re.IGNORECASE,
)
TIME = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}[\d:.]*\s?(?:[ap]m)?\s?"
    r"(?:Z|[+-]\d\d:?\d\d)?)?|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?",
    re.IGNORECASE,
)


def is_missing(cell: str) -> bool:
    """Whether a cell says that a value is missing."""
    return cell in MISSING or cell in SIGNS


def is_value(cell: str) -> bool:
    """Whether a cell is a number, a time, or true or false."""
    if cell.lower() in ("true", "false"):
        return True
    number = NUMBER.fullmatch(cell) and (any(c.isdigit() for c in cell) or "inf" in cell.lower())
    return bool(number or TIME.fullmatch(cell))
