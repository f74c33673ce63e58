"""Neighbours by matrix products, certified: for many dimensions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from entropae.neighbors import gaps, packed
from entropae.neighbors.bounds import Lowest
from entropae.neighbors.differences import by_differences
from entropae.neighbors.progress import tracked
from entropae.neighbors.scale import length, power_of_two
from entropae.neighbors.select import block_size

# Candidates beyond k that are measured in float64.
SPARE = 2
# Columns of which a processor multiplies matrices at its full pace.
SHORTEST = 16


def by_products(x: Tensor, y: Tensor, k: int, same: bool, order: float) -> Tensor:
    """See `nearest`.

    In float32, and of what that leaves uncertain again in float64, then by differences.
    """
    if x.dtype == torch.float32 and max(len(x), len(y)) <= gaps.MOST:
        index, certain = gaps.by_gaps(x, y, k, same)
        if certain.all():
            return index
    rows = torch.arange(len(x), device=x.device)
    first = _among_few if len(y) <= packed.MOST else _search
    index, certain = first(x, y, k, rows, same, torch.float32)
    if certain.all():
        return index
    rows = rows[~certain]
    index[rows], certain = _search(x, y, k, rows, same, torch.float64)
    if not certain.all():
        rows = rows[~certain]
        index[rows] = by_differences(x, y, k, same, order, rows)
    return index


def _among_few(
    x: Tensor, y: Tensor, k: int, rows: Tensor, same: bool, dtype: torch.dtype
) -> tuple[Int[Tensor, "r k"], Bool[Tensor, " r"]]:
    """As `_search`, of all rows in float32. One candidate more than k makes nearly all certain."""
    m, d = y.shape
    gamma = 2 * (d + 10) * _unit_roundoff(dtype)
    vanished = (d + 2) * torch.finfo(dtype).tiny
    scale = power_of_two(x, y)
    centre = y.mean(0) if scale == 1 else (y * scale).mean(0)
    points = _centred(y, centre, scale, dtype)
    found, sure = [], []
    for some in tracked(rows.split(max(1, block_size(x) // m))):
        query = points[some] if same else _centred(x[some], centre, scale, dtype)
        candidate, bound = packed.lowest(
            query, points, gamma, min(k + 1, m - same), some if same else None
        )
        distance, place = _distance(x[some], y[candidate]).topk(k, largest=False)
        left_out = (2 * (bound.double() - vanished).clamp(min=0)).sqrt()
        found.append(candidate.gather(1, place))
        sure.append(distance[:, -1] * (scale * (1 + gamma)) <= left_out)
    return torch.cat(found), torch.cat(sure)


def _search(
    x: Tensor, y: Tensor, k: int, rows: Tensor, same: bool, dtype: torch.dtype
) -> tuple[Int[Tensor, "r k"], Bool[Tensor, " r"]]:
    """The k nearest of some rows, and of which it is certain, from products in one precision.

    Points are measured in the k + 1 groups with the smallest bounds. The next bound is one for all
    that were not looked at.
    """
    m, d = y.shape
    gamma = 2 * (d + 10) * _unit_roundoff(dtype)
    # Squares smaller than this vanish.
    vanished = (d + 2) * torch.finfo(dtype).tiny
    scale = power_of_two(x, y)
    centre = y.mean(0) if scale == 1 else (y * scale).mean(0)
    points = _centred(y, centre, scale, dtype)
    lowest = Lowest(points, gamma, k + 1, pairs=same and len(rows) == m)
    take = min(k + 1, lowest.layout.number)
    height = min(lowest.height, max(1, block_size(x) // (take * lowest.layout.size * d)))
    found, sure = [], []
    for some in tracked(rows.split(height)):
        query = _centred(x[some], centre, scale, dtype)
        bound, group = lowest.of(query, some, same)
        candidate = lowest.layout.members(group[:, :take])
        absent = candidate >= m
        if same:
            absent |= candidate == some[:, None]
        # Nothing is certain of bounds that are no numbers.
        left_out = torch.where(bound[:, -1].isnan(), torch.nan, torch.inf).double()
        if take < lowest.layout.number:
            left_out = (2 * (bound[:, -1].double() - vanished).clamp(min=0)).sqrt()
        if candidate.shape[1] > k + SPARE:
            near = lowest.points[candidate.clamp(max=m - 1)]
            squares = (query[:, None] - near).square_().sum(2)
            squares, place = squares.masked_fill_(absent, torch.inf).topk(k + SPARE, largest=False)
            candidate, absent = candidate.gather(1, place), squares.isinf()
            rounding = gamma * torch.linalg.vector_norm(query.double(), dim=1)
            last = squares[:, -1].double().sqrt() * (1 - gamma) - rounding - math.sqrt(vanished)
            left_out = torch.minimum(left_out, last)
        distance = _distance(x[some], y[candidate.clamp(max=m - 1)]).masked_fill_(absent, torch.inf)
        distance, place = distance.topk(k, largest=False)
        found.append(candidate.gather(1, place))
        sure.append(distance[:, -1] * scale * (1 + gamma) <= left_out)
    return torch.cat(found), torch.cat(sure)


def _centred(x: Tensor, centre: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    # In the wider type: the rounding of this difference is counted as that of `dtype`.
    x, centre = (z.to(torch.promote_types(z.dtype, dtype)) for z in (x, centre))
    centred = ((x if scale == 1 else x * scale) - centre).to(dtype)
    # Zeros change no product, and make short ones faster.
    return pad(centred, (0, max(0, SHORTEST - centred.shape[1])))


def _distance(x: Float[Tensor, "r d"], y: Float[Tensor, "r c d"]) -> Float[Tensor, "r c"]:
    difference = x[:, None].double() - y.double()
    # Squares of float32 numbers neither vanish nor overflow in float64.
    safe = x.dtype == torch.float32
    return torch.linalg.vector_norm(difference, dim=2) if safe else length(difference)


def _unit_roundoff(dtype: torch.dtype) -> float:
    """The largest relative error of one rounding in a matrix product of this type."""
    if dtype == torch.float64:
        return 2.0**-53
    # Users may allow TensorFloat-32 or bfloat16 inside float32 products.
    return {"highest": 2.0**-24, "high": 2.0**-11}.get(
        torch.get_float32_matmul_precision(), 2.0**-8
    )
