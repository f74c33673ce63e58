"""Neighbours by matrix products, certified: for many dimensions."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from entropae.neighbors.differences import by_differences, length
from entropae.neighbors.progress import tracked
from entropae.neighbors.select import block_size, group_size

# Columns of a block: with 128 rows it stays in a processor's cache.
COLUMNS = 8192
# Candidates beyond k that are measured in float64.
SPARE = 2


def by_products(x: Tensor, y: Tensor, k: int, same: bool, order: float) -> Tensor:
    """See `nearest`.

    In float32, and of what that leaves uncertain again in float64, then by differences.
    """
    index = torch.empty(len(x), k, dtype=torch.int64, device=x.device)
    rows = torch.arange(len(x), device=x.device)
    for dtype in (torch.float32, torch.float64):
        found = _search(x, y, k, rows, same, dtype)
        index[rows] = found.nearest
        rows = rows[~found.certain]
        if len(rows) == 0:
            return index
    index[rows] = by_differences(x, y, k, same, order, rows)
    return index


class Found(NamedTuple):
    """Neighbours, and for which rows it is certain that no point is nearer."""

    nearest: Int[Tensor, "n k"]
    certain: Bool[Tensor, " n"]


def _search(x: Tensor, y: Tensor, k: int, rows: Tensor, same: bool, dtype: torch.dtype) -> Found:
    """The k nearest of some rows, from products in a floating-point type.

    Half the squared distance is ½|x|² + ½|y|² − x·y. Rounding, that of the centred coordinates
    included, changes it by less than γ (|x|² + |y|²), γ = 2 (d + 8) u (Higham 2002, section 3.1,
    and 2 |x| |y| ≤ |x|² + |y|²). With y's share of that taken off beforehand,

        s = (½ − γ) |y|² − x·y,    ½ |x − y|² ≥ s + (½ − γ) |x|².

    Points are looked at in the k + 1 groups with the smallest minima of s. The next minimum bounds
    the distances of all others from below.
    """
    m, d = y.shape
    scale = _power_of_two(x, y)
    centre = (y * scale).mean(0)
    size = group_size(m, k + 1, d)
    tiles = -(-m // COLUMNS)
    groups = -(-m // (tiles * size))
    columns = groups * size
    take = min(k + 1, tiles * groups)
    height = max(1, min(len(rows), block_size(x) // max(columns, take * size * d)))

    gamma = 2 * (d + 8) * _unit_roundoff(dtype)
    points = torch.zeros(tiles * columns, d, dtype=dtype, device=y.device)
    points[:m] = (y * scale).sub_(centre)
    half = torch.full((tiles * columns,), torch.inf, dtype=dtype, device=y.device)
    half[:m] = (0.5 - gamma) * torch.linalg.vector_norm(points[:m], dim=1).square()

    scores = points.new_empty(height, columns)
    minima = points.new_empty(height, tiles, groups)
    steps = torch.arange(size, device=y.device) * groups
    index = torch.empty(len(rows), k, dtype=torch.int64, device=y.device)
    certain = torch.empty(len(rows), dtype=torch.bool, device=y.device)
    for block in tracked(torch.arange(len(rows), device=y.device).split(height)):
        some = rows[block]
        r = len(some)
        query = (x[some] * scale).sub_(centre).to(dtype)
        for tile in range(tiles):
            part = slice(tile * columns, (tile + 1) * columns)
            score = torch.addmm(half[part], query, points[part].T, alpha=-1, out=scores[:r])
            if same:
                _exclude(score, some - tile * columns)
            torch.amin(score.view(r, size, groups), 1, out=minima[:r, tile])
        lowest, group = minima[:r].view(r, -1).topk(min(take + 1, tiles * groups), largest=False)
        group = group[:, :take]
        first = group // groups * columns + group % groups
        candidate = (first[:, :, None] + steps).view(r, -1)
        squares = (query[:, None] - points[candidate]).square_().sum(2)
        absent = candidate >= m
        if same:
            absent |= candidate == some[:, None]
        squares, place = squares.masked_fill_(absent, torch.inf).topk(
            min(k + SPARE, take * size), largest=False
        )
        candidate = candidate.gather(1, place)
        difference = x[some, None].double() - y[candidate.clamp(max=m - 1)].double()
        distance = (length(difference) * scale).masked_fill_(squares.isinf(), torch.inf)
        distance, place = distance.topk(k, largest=False)
        index[block] = candidate.gather(1, place)

        norm = torch.linalg.vector_norm(query.double(), dim=1)
        # Squares smaller than this vanish.
        vanished = d * torch.finfo(dtype).tiny
        reach = distance[:, -1] * (1 + gamma)
        sure = torch.ones_like(reach, dtype=torch.bool)
        if take < tiles * groups:
            others = lowest[:, -1].double() + (0.5 - gamma) * norm.square() - vanished
            sure &= reach <= (2 * others.clamp(min=0)).sqrt()
        if squares.shape[1] < take * size:
            rounding = gamma * norm + math.sqrt(vanished)
            sure &= reach <= squares[:, -1].double().sqrt() * (1 - gamma) - rounding
        certain[block] = sure
    return Found(index, certain)


def _exclude(score: Tensor, own: Tensor) -> None:
    """Make infinite each row's score of itself, if it is among these columns."""
    columns = score.shape[1]
    inside = (own >= 0) & (own < columns)
    column = own.clamp(0, columns - 1)[:, None]
    score.scatter_(1, column, score.gather(1, column).masked_fill(inside[:, None], torch.inf))


def _power_of_two(x: Tensor, y: Tensor) -> float:
    """What brings the largest coordinate to at most 1, exactly."""
    largest = max(float(bound.abs()) for z in (x, y) for bound in z.aminmax())
    least = -120 if x.dtype == torch.float32 else -1000
    return 2.0 ** -max(math.frexp(largest)[1], least) if math.isfinite(largest) else 1.0


def _unit_roundoff(dtype: torch.dtype) -> float:
    """The largest relative error of one rounding in a matrix product of this type."""
    if dtype == torch.float64:
        return 2.0**-53
    # Users may allow TensorFloat-32 or bfloat16 inside float32 products.
    return {"highest": 2.0**-24, "high": 2.0**-11}.get(
        torch.get_float32_matmul_precision(), 2.0**-8
    )
