"""The sliced Wasserstein distance from N(0, I)."""

from __future__ import annotations

import math
from typing import Any

import torch

from entropae.messages import whole
from entropae.neighbors import as_points, block_size


def sliced_wasserstein(x: Any, *, slices: int = 256, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance of a sample from N(0, I).

    The root of the mean, over random directions, of ∫ (F⁻¹(p) − Φ⁻¹(p))² dp, the squared distance
    between the projected sample's quantiles and the normal's, by the midpoint rule over the sample.
    It is not 0 for N(0, I) points either: `normality` gives both.

    Args:
        x: Sample of shape `(n, d)`.
        slices: Number of directions.
        seed: Of the directions.

    Raises:
        ValueError: If the sample is not finite, or there is no direction.

    References:
        Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", JMIV 51 (2015).

    Examples:
        >>> round(sliced_wasserstein(torch.full((100, 1), 3.0)) ** 2, 1)  # 3² + 1
        10.0
    """
    x = as_points(x, "x").detach().cpu().double()
    n, d = x.shape
    slices = whole("slices", slices, 1)
    generator = torch.Generator().manual_seed(whole("seed", seed, 0))
    directions = torch.randn(d, slices, generator=generator, dtype=torch.float64)
    directions = torch.nn.functional.normalize(directions, dim=0).T
    quantiles = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    total = 0.0
    for some in directions.split(max(1, block_size(x) // n)):
        total += float(((some @ x.T).sort(1).values - quantiles).square().mean(1).sum())
    return math.sqrt(total / slices)
