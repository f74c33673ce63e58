"""How much a file may make of itself: it can be anybody's."""

from __future__ import annotations

from entropae.storage.arrays import RATIO, UNPACKED

WIDEST = 10_000  # columns; readers take kilobytes for each


def check_columns(n: int) -> None:
    """Raise if a file has more columns than are read.

    Raises:
        ValueError: If it has.
    """
    if n > WIDEST:
        raise ValueError(f"it has {n} columns, and {WIDEST} is the limit")


def most_bytes(size: int) -> int:
    """Bytes that a file of so many may unpack to."""
    return max(UNPACKED, RATIO * size)
