"""Neighbours among few points, such as a batch, in as few steps as can be.

The bounds of `bounds.py`, none negative, keep their order when their bits are read as integers.
With the column written over a bound's lowest bits, which are cleared first and so leave it a bound,
one plain minimum of a row says a bound and whose it is.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

# As many points as leave a bound more than 10 bits of its fraction.
MOST = 4096
INFINITE = 0x7F800000  # the bits of float32's infinity


def lowest(
    query: Float[Tensor, "r d"],
    points: Float[Tensor, "m d"],
    gamma: float,
    k: int,
    own: Int[Tensor, " r"] | None,
) -> tuple[Int[Tensor, "r k"], Float[Tensor, " r"]]:
    """The `k` points with the lowest bounds, and a bound for the others: infinite without any.

    Args:
        query: Centred points in float32.
        points: Centred points in float32 that are searched, at most `MOST`.
        gamma: See `bounds`.
        k: How many, at most all.
        own: Which point each query is, if it is not to be found.
    """
    m = len(points)
    half, offset = ((0.5 - gamma) * z.square().sum(1) for z in (points, query))
    bound = torch.addmm(half, query, points.T, alpha=-1).add_(offset[:, None]).clamp_(min=0)
    column = (1 << (m - 1).bit_length()) - 1
    packed = bound.view(torch.int32).bitwise_and_(~column)
    packed.bitwise_or_(torch.arange(m, dtype=torch.int32, device=packed.device))
    if own is not None:
        packed.scatter_(1, own[:, None], INFINITE)
    found = []
    for _ in range(k):
        found.append((packed.amin(1, keepdim=True) & column).long())
        packed.scatter_(1, found[-1], INFINITE)
    return torch.cat(found, 1), (packed.amin(1) & ~column).view(torch.float32)
