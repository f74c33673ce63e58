"""Numbers that came as texts, which are taken as classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Share of a column's different texts that must be numbers, and rows of each one in the mean from
# which they may well be codes.
MOSTLY, CODES = 0.5, 10
# Fewest different texts that a scale has.
LEAST = 10


def why_numbers(name: str, levels: Sequence[Any], n: int) -> str | None:
    """Why a column's classes are rather numbers, in words; `None` if they are not.

    Args:
        name: What to call the column.
        levels: Its different values.
        n: Rows.
    """
    if len(levels) <= LEAST or n >= CODES * len(levels):
        return None
    others = [one for one in levels if not _is_number(one)]
    if len(others) > (1 - MOSTLY) * len(levels):
        return None
    beside = f", beside {others[0]!r}" if others else ""
    way = ' with pandas.to_numeric(…, errors="coerce")' if others else " with astype(float)"
    return (
        f"`{name}` holds numbers written as texts{beside}, and is taken as {len(levels)} classes. "
        f"If they are a scale, convert them{way}."
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
