"""Neighbours by a k-d tree, for few dimensions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from entropae.neighbors.progress import tracked
from entropae.neighbors.scale import power_of_two

# More points in a leaf than scipy's default pay from six dimensions, and cost nothing below.
LEAF = 32
# Points asked for at a time.
QUERIES = 1 << 16
# Points with more than k others at their place from which those are searched apart.
MANY = 256
# Bytes of points that a processor's cache holds wherever they lie.
CACHED = 1 << 22


def by_tree(x: Tensor, y: Tensor, k: int, same: bool, order: float) -> Tensor:
    """See `nearest`.

    Points are asked for in the order of a tree's leaves, and many also stored in that order, so
    that one query finds in the cache what the last one left there.
    """
    from scipy.spatial import KDTree

    scale = power_of_two(x, y)
    queries, points = ((z if scale == 1 else z.double() * scale).cpu().numpy() for z in (x, y))
    finite = int(np.isfinite(points).all(1).sum())
    if finite < len(points):
        raise ValueError(
            f"Neighbours are sought among finite points: got NaN or inf in {len(points) - finite} "
            f"of {len(points)}. Look for it in the data; in training also at the loss, and lower "
            "the learning rate."
        )
    if same and len(x) == len(y):
        copies = _copies(points, k)
        if copies is not None:
            return torch.as_tensor(_among_copies(points, *copies, k, order), device=x.device)
    tree = KDTree(points, LEAF)
    places = rows = tree.indices
    if points.nbytes > CACHED:
        tree = KDTree(points[places], LEAF)
    if not same:
        rows = KDTree(queries, LEAF).indices
    elif len(x) < len(y):
        rows = places[places < len(x)]
    workers = torch.get_num_threads()
    result = np.empty((len(x), k), np.int64)
    for block in tracked(torch.from_numpy(rows).split(QUERIES)):
        some = block.numpy()
        _, found = tree.query(queries[some], k=k + same, p=order, workers=workers)
        index = np.asarray(found).reshape(len(some), k + same)
        if points.nbytes > CACHED:
            index = places[index]
        result[some] = _others(index, some) if same else index
    return torch.as_tensor(result, device=x.device)


def _copies(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows sorted by place, and where each place's rows begin; `None` if few places repeat.

    A leaf of points that coincide cannot be split, and each of its points would look at them all.
    """
    n, d = points.shape
    # Equal rows have equal sums, of the same terms in the same order.
    mixed = points[:, 0].astype(np.float64)
    for column in range(1, d):
        mixed = mixed + np.sqrt(column + 1.0) * points[:, column]
    in_order = np.sort(mixed)
    repeats = int((in_order[: n - k] == in_order[k:]).sum()) if n > k else 0
    if repeats < MANY:
        return None
    order = np.lexsort(points.T)
    first = np.r_[True, (np.diff(points[order], axis=0) != 0).any(1)]
    return order, np.flatnonzero(first)


def _among_copies(
    points: np.ndarray, order: np.ndarray, first: np.ndarray, k: int, p: float
) -> np.ndarray:
    """Neighbours where many points coincide: no point needs more than k of those at one place."""
    from scipy.spatial import KDTree

    n = len(points)
    size = np.diff(np.r_[first, n])
    rank = np.arange(n) - np.repeat(first, size)
    kept = order[rank <= k]
    result = np.empty((n, k), np.int64)
    # A place with more than k points holds all the neighbours of each of them.
    crowded = np.repeat(size > k, size)
    start = np.repeat(first, size)[crowded]
    near = order[start[:, None] + np.arange(k)]
    # The point itself gives way to the one after the first k.
    own = near == order[crowded][:, None]
    result[order[crowded]] = np.where(own, order[start + k][:, None], near)
    rest = order[~crowded]
    if len(rest):
        tree = KDTree(points[kept], LEAF)
        workers = torch.get_num_threads()
        _, found = tree.query(points[rest], k=k + 1, p=p, workers=workers)
        result[rest] = _others(kept[np.asarray(found).reshape(len(rest), k + 1)], rest)
    return result


def _others(index: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The neighbours that are not the point itself."""
    if (index[:, 0] == own).all():
        return index[:, 1:]
    # With duplicates the point itself need not come first, or at all: then drop the last.
    keep = index != own[:, None]
    keep[keep.all(1), -1] = False
    return index[keep].reshape(len(own), -1)
