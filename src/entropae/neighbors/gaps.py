"""Neighbours among very few points: one product in float64, certain where a gap says so."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# Points up to which a product in float64 is faster than the more steps of `packed`.
MOST = 320


def by_gaps(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], k: int, same: bool
) -> tuple[Int[Tensor, "n k"], Bool[Tensor, " n"]]:
    """The k nearest of each row, nearest first, and of which rows they are certain.

    The scores are the squared distances less `|x|²`, which orders the points of a row. Rounding
    changes each by less than half the tolerance, so that the first `k` of a row are the nearest,
    in this order, if each score exceeds the one before by the tolerance.

    Args:
        x: Query points in float32: in float64 their squares neither vanish nor overflow.
        y: Points that are searched.
        k: Number of neighbours.
        same: See `nearest`.
    """
    n, (m, d) = len(x), y.shape
    points = y.double()
    centre = points.mean(0)
    points -= centre
    query = points[:n] if same else x.double() - centre
    squares = points.square().sum(1)
    score = torch.addmm(squares, query, points.T, alpha=-2)
    if same:
        score.diagonal().fill_(torch.inf)
    # Twice the bound of `bounds`, for |x|² and |y|² no larger than the largest.
    most = squares.amax() if same else torch.maximum(squares.amax(), query.square().sum(1).amax())
    tolerance = (16 * (d + 10) * torch.finfo(torch.float64).eps) * most
    if k == 1:  # the most frequent, and faster than by sorting
        first, index = score.min(1, keepdim=True)
        second = score.scatter_(1, index, torch.inf).amin(1)
        return index, second - first[:, 0] > tolerance
    value, index = score.topk(min(k + 1, m), largest=False)
    return index[:, :k], (value.diff(dim=1) > tolerance).all(1)
