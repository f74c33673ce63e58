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


def by_tree(x: Tensor, y: Tensor, k: int, same: bool, order: float) -> Tensor:
    """See `nearest`.

    The points are searched and asked for in the order of a tree's leaves, so that one query finds
    in the cache what the last one left there.
    """
    scale = power_of_two(x, y)
    queries, points = ((z if scale == 1 else z.double() * scale).cpu().numpy() for z in (x, y))
    places = KDTree(points, LEAF).indices
    tree = KDTree(points[places], LEAF)
    rows = places[places < len(x)] if same else KDTree(queries, LEAF).indices
    workers = torch.get_num_threads()
    result = np.empty((len(x), k), np.int64)
    for block in tracked(torch.from_numpy(rows).split(QUERIES)):
        some = block.numpy()
        _, found = tree.query(queries[some], k=k + same, p=order, workers=workers)
        index = places[np.asarray(found).reshape(len(some), k + same)]
        if same:
            # With duplicates the point itself need not come first, or at all: then drop the last.
            keep = index != some[:, None]
            keep[keep.all(1), -1] = False
            index = index[keep].reshape(-1, k)
        result[some] = index
    return torch.as_tensor(result, device=x.device)
