"""The distance to the k-th neighbour, with gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors.scale import length
from entropae.neighbors.search import Method, Norm, nearest


def kth_distance(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"] | None = None,
    *,
    k: int = 1,
    same: bool = False,
    norm: Norm = "euclidean",
    method: Method = "auto",
) -> Float[Tensor, " n"]:
    """Distance from each point of `x` to its k-th nearest point of `y`.

    Differentiable in both ends of each pair. Where the two points coincide the distance is 0 and
    has no gradient of its own; each row is then given a fixed random direction of unit length (a
    subgradient of the norm at 0), so that an ascent separates coincident points.

    Args:
        x: Query points, shape `(n, d)`, float32 or float64.
        y: Points to search, shape `(m, d)`. Without it, the other `n − 1` points of `x`.
        k: Which neighbour, from 1.
        same: The first `n` points of `y` are those of `x`, and none is its own neighbour.
        norm: `"euclidean"` or `"maximum"` (largest absolute difference of a coordinate).
        method: How to search, see `nearest`.

    Returns:
        Distances of shape `(n,)`, in the dtype of `x`.
    """
    with torch.autocast(x.device.type, enabled=False):
        if y is None:
            y, same = x, True
        index = nearest(x, y, k, same=same, norm=norm, method=method)[:, -1]
        difference = x - y[index]
        distance = LENGTH[norm](difference)
        if not difference.requires_grad:
            return distance
        tied = distance.detach() == 0
        if not tied.any():
            return distance
        return distance + torch.where(tied, (difference * _directions(difference)).sum(1), 0.0)


def _directions(like: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Unit vectors, the same at every call, drawn without touching the global random state."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
    return torch.nn.functional.normalize(normal, dim=1)


def _euclidean(difference: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    if difference.dtype == torch.float64:
        return length(difference)
    return torch.linalg.vector_norm(difference, dim=1, dtype=torch.float64).to(difference.dtype)


def _maximum(difference: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    return torch.linalg.vector_norm(difference, torch.inf, dim=1)


LENGTH: dict[str, Callable[[Tensor], Tensor]] = {"euclidean": _euclidean, "maximum": _maximum}
