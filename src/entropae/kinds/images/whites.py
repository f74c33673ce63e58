"""The value of white in images of which it is not 255."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

# Of shares, bytes, 10, 12, 14 and 16 bits.
WHITES = (1, 255, 1023, 4095, 16383, 65535)
FLAGS = "Their values are 0 and 1: 1 was taken for white."


def white_of(spans: Sequence[tuple[float, float]]) -> float:
    """The value of white in images of more than 8 bits: the nearest usual one that none exceeds.

    Cameras write 10, 12 or 14 bits into 16; floats are shares, or have the values of bytes. What
    was found is said, unless it is all of the 16 bits.

    Examples:
        >>> white_of([(0, 65000), (3, 900)])
        65535
    """
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    if low == high:  # which says nothing of a range
        return WHITES[-1]
    white = next((one for one in WHITES if high <= one), WHITES[-1])
    if white != WHITES[-1]:
        warnings.warn(
            f"Images of more than 8 bits have values from {low:g} to {high:g}: {white:g} was taken "
            "for white. If that is wrong, rescale them to all of 16 bits (0 to 65535).",
            stacklevel=6,
        )
    return white


def are_flags(spans: Sequence[tuple[float, float] | None]) -> bool:
    """Whether images of bytes have no values but 0 and 1, as masks often have."""
    tops = [1.5 if span is None else span[1] for span in spans]
    return max(tops) == 1


def has_flags(array: np.ndarray) -> bool:
    """The same of an array: a few of its images tell most."""
    few = array[:: max(1, len(array) // 100)]
    return bool(array.dtype == np.uint8 and few.max() <= 1 and array.max() == 1)


def span_of(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest value of an image of more than 8 bits.

    Raises:
        ValueError: If no usual range has them.
    """
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= WHITES[-1]):
        raise ValueError(f"its values, {low:g} to {high:g}, are not in 0 to {WHITES[-1]}")
    whole = values.dtype.kind in "iu"
    return low, max(high, 2.0) if whole and high > low else high  # integers are no shares of 1
