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
Period = Float[np.ndarray, " d"] | None


def nearest_points(points: Float[np.ndarray, "n d"], k: int, period: Period = None) -> Index:
    """The k nearest other points of each, nearest first, in the maximum norm."""
    n, d = points.shape
    if d == 0:
        return (np.arange(n)[:, None] + np.arange(1, k + 1)) % n
    if period is None:
        joint = torch.from_numpy(np.ascontiguousarray(points, np.float64))
        return nearest(joint, k=k, norm="maximum").numpy()
    tree = KDTree(_wrapped(points, period), boxsize=period)
    found = np.asarray(tree.query(tree.data, k=k + 1, p=np.inf)[1])
    keep = found != np.arange(n)[:, None]
    # Of points that coincide, the point itself need not be among the nearest.
    keep[keep.all(1), -1] = False
    return found[keep].reshape(n, k)


def differences(
    a: Float[np.ndarray, "*a d"], b: Float[np.ndarray, "*b d"], period: Period = None
) -> Float[np.ndarray, "*b d"]:
    """Distances coordinate by coordinate, on a circle the short way round."""
    apart = np.abs(a - b)
    if period is None:
        return apart
    around = np.where(period > 0, period, np.inf)
    return np.minimum(apart, np.abs(around - apart))


def edge(points: Float[np.ndarray, "n d"], index: Index, period: Period = None) -> Radius:
    """The largest distance to the neighbours given."""
    if points.shape[1] == 0:
        return np.zeros(len(points))
    points = points.astype(np.float64)
    return differences(points[:, None], points[index], period).max((1, 2))


def last_distance(
    parts: list[tuple[Float[np.ndarray, "n _"], Float[np.ndarray, " _"] | None]], index: Index
) -> tuple[Radius, Radius]:
    """Joint distance to the last of the neighbours given, and the same less its rounding."""
    edges = np.stack([edge(points, index[:, -1:], period) for points, period in parts])
    insides = [
        one - rounding(points, one, period)
        for (points, period), one in zip(parts, edges, strict=True)
    ]
    distance, widest = edges.max(0), edges.argmax(0)[None]
    inside = np.take_along_axis(np.stack(insides), widest, 0)[0]
    # Nothing is nearer than 0, not even what coincides.
    return distance, np.where(distance > 0, inside, -1.0)


def rounding(points: Float[np.ndarray, "n d"], radius: Radius, period: Period = None) -> Radius:
    """What decimals' distances are off by: in binary, 0.3 − 0.2 is not 0.2 − 0.1.

    A thousandth of the distance at most: one large coordinate must not blur the others.
    """
    if points.shape[1] == 0:
        return np.zeros(len(points))
    eps = float(np.finfo(points.dtype).eps)
    size = np.abs(points).max(1) + radius
    if period is not None:
        size = size + 2 * period.max()
    return np.minimum(eps * size, 1e-3 * radius)


def count(points: Float[np.ndarray, "n d"], radius: Radius, period: Period = None) -> Counts:
    """Number of other points no farther than `radius` from each; 0 for a negative one."""
    n, d = points.shape
    if d == 0:
        return np.where(radius >= 0, n - 1, 0)
    if d == 1:
        found = _count_on_line(points[:, 0], radius, None if period is None else period[0])
    else:
        found = _count_in_space(points, radius, period)
    # The point itself is found, but for a negative radius.
    return np.maximum(found - 1, 0)


def _count_on_line(points: np.ndarray, radius: Radius, period: float | None) -> Counts:
    """By sorting, so that ties cost nothing."""
    points = points.astype(np.float64)
    if period:
        points = _wrapped(points[:, None], np.array([period]))[:, 0]
        there = np.sort(points)
        there = np.concatenate([there - period, there, there + period])
        radius = np.minimum(radius, np.nextafter(0.5 * period, 0))
    else:
        there = np.sort(points)
    distinct, counts = np.unique(there, return_counts=True)
    before = np.r_[0, np.cumsum(counts)]
    low = np.searchsorted(distinct, points - radius, "left")
    high = np.searchsorted(distinct, points + radius, "right")
    # x − r is rounded, x − y is not where it matters: what is on the edge is decided by the latter.
    last = len(distinct) - 1
    down, up = np.maximum(low - 1, 0), np.minimum(high, last)
    low = np.where((low > 0) & (points - distinct[down] <= radius), down, low)
    here = np.minimum(low, last)
    low = np.where((low <= last) & (points - distinct[here] > radius), low + 1, low)
    high = np.where((high <= last) & (distinct[up] - points <= radius), high + 1, high)
    top = np.maximum(high - 1, 0)
    high = np.where((high > 0) & (distinct[top] - points > radius), top, high)
    return np.maximum(before[high] - before[low], 0)


def _count_in_space(points: np.ndarray, radius: Radius, period: Period) -> Counts:
    if period is not None:
        tree = KDTree(_wrapped(points, period), boxsize=period)
        return tree.query_ball_point(tree.data, radius, p=np.inf, return_length=True)
    distinct, _first, which, counts = np.unique(
        points, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    if 2 * len(distinct) > len(points):
        tree = KDTree(points)
        workers = torch.get_num_threads()
        order = ORDER["maximum"]
        return tree.query_ball_point(points, radius, p=order, return_length=True, workers=workers)
    # Rows that coincide and ask for the same radius ask once; each place counts for all its rows.
    which = which.reshape(-1)
    asked, back = np.unique(np.stack([which, radius], 1), axis=0, return_inverse=True)
    tree = KDTree(distinct)
    found = np.zeros(len(asked), np.int64)
    for some in np.array_split(np.arange(len(asked)), -(-len(asked) // 4096)):
        place = distinct[asked[some, 0].astype(np.int64)]
        near = tree.query_ball_point(place, asked[some, 1], p=ORDER["maximum"])
        found[some] = [counts[one].sum() for one in near]
    return found[back.reshape(-1)]


def _wrapped(points: np.ndarray, period: np.ndarray) -> np.ndarray:
    on_circle = np.mod(points, np.where(period > 0, period, np.inf))
    on_circle = np.where((period > 0) & (on_circle >= period), 0.0, on_circle)
    return np.where(period > 0, on_circle, points)
