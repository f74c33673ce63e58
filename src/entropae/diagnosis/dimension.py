"""How many dimensions data really have."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from entropae.entropy.distances import neighbour_distances
from entropae.neighbors import as_points, check_k


class Dimension(NamedTuple):
    """An estimated intrinsic dimension and its standard error."""

    value: float
    standard_error: float


def intrinsic_dimension(x: Any, *, k: int = 10) -> Dimension:
    """Dimension of the manifold that points lie on, from distances to their nearest neighbours.

    If the density is about constant within reach of the k-th neighbour, the logarithms
    `log T_k/T_j` of the ratios of a point's neighbour distances are exponential with rate m.
    Levina and Bickel average the points' estimates of m; MacKay and Ghahramani, rightly, their
    inverses, which is maximum likelihood of all ratios together:

        1/m̂ = 1/(n (k − 1)) Σ_i Σ_{j<k} log T_k(i)/T_j(i).

    The standard error is that of the mean of the points' inverses, by the delta method.
    Distances in many dimensions hardly differ, so m̂ is too small there: compare it with
    `dimension_of_normal` for the same number of points.

    Args:
        x: Points of shape `(n, D)`; samples of other shapes flattened.
        k: Which neighbour is the farthest one used.

    Returns:
        Estimate and standard error. Points that coincide with their k-th neighbour tell nothing
        and are left out; the dimension is 0 if all do.

    Raises:
        ValueError: If the points are not finite, `k` is less than 2 or more than `n − 1`.

    References:
        Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension", NeurIPS 2004,
        eq. (8). MacKay and Ghahramani, "Comments on 'Maximum likelihood estimation of intrinsic
        dimension'", 2005.

    Examples:
        >>> angle = torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 6.2832
        >>> circle = torch.stack([angle.cos(), angle.sin(), angle.cos() * angle.sin()], 1)
        >>> round(intrinsic_dimension(circle).value, 1)
        1.0
    """
    points = as_points(x).detach().double()
    if k < 2:
        raise ValueError(f"`k` must be at least 2: got k={k}. The ratios of distances need two.")
    check_k(k, len(points) - 1, f"n={len(points)} points")
    distance = neighbour_distances(points, range(1, k + 1), "euclidean")
    distance = distance[distance[:, -1] > 0]
    # A point's duplicates are at no distance: the first neighbour that is not stands for them.
    least = torch.where(distance > 0, distance, torch.inf).amin(1, keepdim=True)
    inverse = (distance[:, -1:] / distance[:, :-1].maximum(least)).log().mean(1)
    if len(inverse) < 2 or not float(inverse.mean()) > 0:
        return Dimension(0.0, 0.0)
    value = 1 / float(inverse.mean())
    return Dimension(value, value**2 * float(inverse.std()) / math.sqrt(len(inverse)))


@lru_cache(maxsize=256)
def dimension_of_normal(n: int, d: int, k: int = 10) -> float:
    """What `intrinsic_dimension` says of `n` points of N(0, I) in `d` dimensions, on average.

    Examples:
        >>> round(dimension_of_normal(500, 20), 1)
        14.6
    """
    generator = torch.Generator().manual_seed(0)
    repeats = max(2, 4000 // n)
    values = [
        intrinsic_dimension(torch.randn(n, d, generator=generator), k=k).value
        for _ in range(repeats)
    ]
    return sum(values) / repeats
