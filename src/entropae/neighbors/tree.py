"""Neighbours by a k-d tree, for few dimensions."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from entropae.neighbors.progress import tracked
from entropae.neighbors.scale import power_of_two

# More points in a leaf than scipy's default pay from six dimensions, and cost nothing below.
LEAF = 32
# Points asked for at a time.
QUERIES = 1 << 16
# Bytes of points that a processor's cache holds wherever they lie.
CACHED = 1 << 22


def by_tree(x: Tensor, y: Tensor, k: int, same: bool, order: float) -> Tensor:
    """See `nearest`.

    Points are asked for in the order of a tree's leaves, and many also stored in that order, so
    that one query finds in the cache what the last one left there.
    """
    scale = power_of_two(x, y)
    queries, points = ((z if scale == 1 else z.double() * scale).cpu().numpy() for z in (x, y))
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


def _others(index: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The neighbours that are not the point itself."""
    if (index[:, 0] == own).all():
        return index[:, 1:]
    # With duplicates the point itself need not come first, or at all: then drop the last.
    keep = index != own[:, None]
    keep[keep.all(1), -1] = False
    return index[keep].reshape(len(own), -1)
