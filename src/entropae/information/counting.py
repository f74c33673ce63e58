"""Counts of points inside a distance, ties of rounded coordinates included."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from entropae.neighbors import ORDER, nearest

Index = Int[np.ndarray, "n k"]
Counts = Int[np.ndarray, " n"]
Radius = Float[np.ndarray, " n"]


def nearest_pairs(parts: list[np.ndarray], k: int) -> Index:
    """The k nearest neighbours of each row of all parts together, in the maximum norm."""
    joint = torch.from_numpy(np.hstack(parts).astype(np.float64))
    return nearest(joint, k=k, norm="maximum").numpy()


def edge(part: np.ndarray, index: Index) -> Radius:
    """The largest distance in one part to the neighbours given."""
    part = part.astype(np.float64)
    return np.abs(part[:, None] - part[index]).max((1, 2))


def distance_to_last(parts: list[np.ndarray], index: Index) -> tuple[Radius, Radius]:
    """Joint distance to the last of the neighbours given, and the same less its rounding."""
    edges = np.stack([edge(part, index[:, -1:]) for part in parts])
    insides = [edge - _rounding(part, edge) for part, edge in zip(parts, edges, strict=True)]
    distance, widest = edges.max(0), edges.argmax(0)[None]
    inside = np.take_along_axis(np.stack(insides), widest, 0)[0]
    # Nothing is nearer than 0, not even what coincides.
    return distance, np.where(distance > 0, inside, -1.0)


def count_within(points: np.ndarray, inside: Radius) -> Counts:
    """Number of other points nearer than a distance, of which `inside` is less its rounding."""
    return _count(points, inside - _rounding(points, inside))


def count_up_to(points: np.ndarray, radius: Radius) -> Counts:
    """Number of other points no farther than `radius` from each, but for rounding."""
    return _count(points, radius + 2 * _rounding(points, radius))


def _rounding(points: np.ndarray, radius: Radius) -> Radius:
    """What decimals' distances are off by: in binary, 0.3 − 0.2 is not 0.2 − 0.1.

    A thousandth of the distance at most: one large coordinate must not blur the others.
    """
    rounding = float(np.finfo(points.dtype).eps) * (np.abs(points).max(1) + radius)
    return np.minimum(rounding, 1e-3 * radius)


def _count(points: np.ndarray, radius: Radius) -> Counts:
    tree = KDTree(points)
    found = tree.query_ball_point(
        points, radius, p=ORDER["maximum"], return_length=True, workers=torch.get_num_threads()
    )
    # The point itself is found, but for a negative radius.
    return np.maximum(found - 1, 0)
