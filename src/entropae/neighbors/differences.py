"""Neighbours by every difference: slow, and right whatever the numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from entropae.neighbors.progress import tracked
from entropae.neighbors.scale import length
from entropae.neighbors.select import block_size, smallest


def by_differences(
    x: Tensor, y: Tensor, k: int, same: bool, order: float, rows: Tensor | None = None
) -> Tensor:
    """See `nearest`. With `rows`, of these queries only."""
    rows = torch.arange(len(x), device=x.device) if rows is None else rows
    # Squares of float32 numbers neither vanish nor overflow in float64.
    safe = order != 2 or x.dtype == torch.float32
    if order == 2:
        x, y = x.double(), y.double()
    found = []
    for some in tracked(rows.split(max(1, block_size(x) // len(y)))):
        distance = torch.cdist(x[some], y, order, compute_mode="donot_use_mm_for_euclid_dist")
        if not safe:
            wrong = ((distance < 1e-140) | (distance > 1e140)).nonzero()
            for i, j in (part.T for part in wrong.split(max(1, block_size(x) // x.shape[1]))):
                distance[i, j] = length(x[some[i]] - y[j])
        if same:
            distance[torch.arange(len(some), device=x.device), some] = torch.inf
        found.append(smallest(distance, k).indices)
    return torch.cat(found)
