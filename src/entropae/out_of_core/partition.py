"""Boxes that cut the space into cells of about equally many rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Split(NamedTuple):
    """Rows whose coordinate `axis` is less than `at` go left, the others right."""

    axis: int
    at: float
    left: Partition
    right: Partition


# A split, or the number of a cell.
Partition = Split | int


def partition(drawn: Float[np.ndarray, "m d"], cells: int, first: int = 0) -> Partition:
    """A partition into at most so many cells, each with about as many of the rows drawn.

    Cuts go across the axis along which the rows are widest apart: fewest balls reach over them.

    Args:
        drawn: Some of the rows.
        cells: How many cells to make. Rows that coincide are not cut apart.
        first: Number of the first cell.
    """
    if cells == 1 or len(drawn) < 2:
        return first
    # Between quantiles: a few far rows do not make an axis wide.
    width = np.subtract(*np.quantile(drawn, (0.9, 0.1), axis=0))
    if not width.any():
        width = np.ptp(drawn, axis=0)
    axis = int(width.argmax())
    values = np.sort(drawn[:, axis])
    at = values[len(values) * (cells // 2) // cells]
    if at == values[0]:
        above = values[values > at]
        if not len(above):
            return first
        at = above[0]
    left = drawn[:, axis] < at
    half = partition(drawn[left], cells // 2, first)
    other = partition(drawn[~left], cells - cells // 2, first + count(half))
    return Split(axis, float(at), half, other)


def count(cells: Partition) -> int:
    """How many cells there are."""
    return count(cells.left) + count(cells.right) if isinstance(cells, Split) else 1


def sort(points: Float[np.ndarray, "n d"], cells: Partition) -> list[Float[np.ndarray, "m d"]]:
    """The points of each cell, in the order in which they come."""
    if not isinstance(cells, Split):
        return [points]
    left = points[:, cells.axis] < cells.at
    return sort(points[left], cells.left) + sort(points[~left], cells.right)
