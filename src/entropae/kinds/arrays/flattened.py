"""Rows of numbers that are images, flattened."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

SMALLEST, FEWEST = 8, 50  # pixels a side, and samples by which they are told
NEAR, MORE = 0.3, 0.1  # correlation of pixels one below the other; more than of those between


def shape_of(x: Float[Tensor, "n m"]) -> tuple[int, ...] | None:
    """The shape of images whose pixels stand in rows of numbers, if they seem to.

    A row's width apart, pixels of images lie one below the other: they are alike, and more so than
    those half as far apart, which of signals are more alike.

    Examples:
        >>> import torch
        >>> small = torch.rand(60, 1, 5, 5, generator=torch.Generator().manual_seed(0))
        >>> images = torch.nn.functional.interpolate(small, (20, 20), mode="bilinear")
        >>> shape_of(images.flatten(1))
        (20, 20)
        >>> shape_of(small.flatten(1))
    """
    n, m = x.shape
    for channels in (1, 3):
        side = math.isqrt(m // channels)
        if n < FEWEST or side < SMALLEST or channels * side**2 != m or x.min() < 0:
            continue
        centred = x.double() - x.double().mean(0)
        plane = centred[:, : side**2]
        below, between = (_correlation(plane, apart) for apart in (side, side // 2))
        if below > NEAR and below > between + MORE:
            return (side, side) if channels == 1 else (channels, side, side)
    return None


def _correlation(x: Float[Tensor, "n m"], apart: int) -> float:
    """Of values so many places apart."""
    a, b = x[:, :-apart], x[:, apart:]
    scale = (a.square().sum() * b.square().sum()).sqrt()
    return float((a * b).sum() / scale) if scale > 0 else 0.0
