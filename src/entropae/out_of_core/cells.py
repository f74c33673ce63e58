"""Distances to neighbours within a cell, and across to another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import KDTree

from entropae.neighbors import ORDER, Norm, nearest

# Up to as many dimensions a tree is searched; beyond, it would visit nearly every point.
TREE = 12
# Points in a leaf of a tree. With more than scipy's default of 10, d = 8 is 1.5 to 2 times faster.
LEAF = 64
# Queries a call share one bound, so those whose own differ by more than this factor are kept apart.
CLASS = 1.1
# Points searched for at once.
STEP = 1 << 15

Points = Float[np.ndarray, "n d"]
Distances = Float[np.ndarray, "n k"]


class Cell(NamedTuple):
    """Points in a box, ready to be searched."""

    points: Points
    tree: KDTree | None
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, points: Points) -> Cell:
        """That of points, in an order of its own, in which near ones are together."""
        tree = None
        if points.shape[1] <= TREE:
            # A tree of points in its own order is read from front to back: twice as fast.
            order = _tree(points).indices
            tree = _tree(points[order])
            points = tree.data
        return cls(points, tree, points.min(0), points.max(0))


def parts_of(cell: Cell) -> list[slice]:
    """The points of a cell, so many at a time that what comes of them is small."""
    n, d = cell.points.shape
    step = max(1, min(STEP, (1 << 22) // d))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def within(cell: Cell, some: slice, k: int, norm: Norm) -> Distances:
    """Distances from some points of a cell to their k nearest others in it, `inf` if too few."""
    points, others = cell.points[some], len(cell.points) - 1
    if cell.tree is not None:
        # Nothing is nearer than the point itself, so that it may be left out as the first.
        return _in_tree(cell.tree, points, k + 1, norm)[:, 1:]
    first = np.r_[cell.points[some], cell.points[: some.start], cell.points[some.stop :]]
    return _in_block(points, first, min(k, others), k, norm, same=True)


def across(points: Points, found: Distances, cell: Cell, norm: Norm) -> Distances:
    """`found`, with what is nearer in a cell that the points are not in."""
    bound = found[:, -1]
    reached = np.flatnonzero(distance_to_box(points, cell, norm) < bound)
    if not len(reached):
        return found
    found, k = found.copy(), found.shape[1]
    if cell.tree is None:
        new = _in_block(points[reached], cell.points, min(k, len(cell.points)), k, norm)
        found[reached] = _smallest(found[reached], new)
        return found
    size = np.floor(np.log(bound[reached]) / np.log(CLASS))
    for one in np.unique(size):
        rows = reached[size == one]
        most = np.nextafter(bound[rows].max(), np.inf)
        new = _in_tree(cell.tree, points[rows], k, norm, most)
        found[rows] = _smallest(found[rows], new)
    return found


def reaches(points: Points, found: Distances, cell: Cell, norm: Norm) -> bool:
    """Whether `across` has anything to look for."""
    return bool((distance_to_box(points, cell, norm) < found[:, -1]).any())


def distance_to_box(points: Points, cell: Cell, norm: Norm) -> Float[np.ndarray, " n"]:
    """Distance from each point to the box that a cell's points fill, 0 inside it."""
    outside = np.maximum(np.maximum(cell.low - points, points - cell.high), 0)
    return np.linalg.norm(outside, ORDER[norm], axis=1)


def _tree(points: Points) -> KDTree:
    return KDTree(points.astype(np.float64), leafsize=LEAF, balanced_tree=False)


def _in_tree(tree: KDTree, points: Points, k: int, norm: Norm, bound: float = np.inf) -> Distances:
    distances, _ = tree.query(
        points, k, p=ORDER[norm], distance_upper_bound=bound, workers=torch.get_num_threads()
    )
    return np.asarray(distances).reshape(len(points), k)


def _in_block(
    points: Points, others: Points, available: int, k: int, norm: Norm, same: bool = False
) -> Distances:
    found = np.full((len(points), k), np.inf)
    if available:
        x, y = torch.from_numpy(points), torch.from_numpy(others)
        index = nearest(x, y, available, same=same, norm=norm).numpy()
        for j in range(available):
            apart = points.astype(np.float64) - others[index[:, j]]
            found[:, j] = np.linalg.norm(apart, ORDER[norm], axis=1)
    return found


def _smallest(a: Distances, b: Distances) -> Distances:
    return np.sort(np.hstack([a, b]), axis=1)[:, : a.shape[1]]
