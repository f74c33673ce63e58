"""The distance to the k-th neighbour, with gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

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

    Differentiable once, in both ends of each pair. Where the two points coincide the distance is 0
    and has no gradient of its own; each row is then given a fixed random direction of unit length
    (a subgradient of the norm at 0), so that an ascent separates coincident points.

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
        return _Distance.apply(x, y, index, norm)  # pyright: ignore[reportReturnType]


class _Distance(torch.autograd.Function):
    """|x_i − y_index(i)|, with its gradient in closed form: a batch's time is that of its steps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, index: Tensor, norm: Norm) -> Tensor:
        difference = x - y[index]
        distance = LENGTH[norm](difference)
        ctx.save_for_backward(difference, distance, index)
        ctx.norm, ctx.searched = norm, len(y)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        upper = gradients[0]
        difference, distance, index = ctx.saved_tensors
        gradient = SLOPE[ctx.norm](difference, distance) * upper[:, None]
        if not distance.all():
            tied = (distance == 0)[:, None]
            gradient = torch.where(tied, _directions(difference) * upper[:, None], gradient)
        other = None
        if ctx.needs_input_grad[1]:
            other = gradient.new_zeros(ctx.searched, gradient.shape[1])
            other.index_add_(0, index, gradient, alpha=-1)
        return gradient, other, None, None


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


def _euclidean_slope(
    difference: Float[Tensor, "n d"], distance: Float[Tensor, " n"]
) -> Float[Tensor, "n d"]:
    return difference / distance[:, None]


def _maximum_slope(
    difference: Float[Tensor, "n d"], distance: Float[Tensor, " n"]
) -> Float[Tensor, "n d"]:
    """The sign of the largest coordinate; where several are, they share it."""
    largest = difference.abs() == distance[:, None]
    return difference.sign() * largest / largest.sum(1, keepdim=True)


LENGTH: dict[str, Callable[[Tensor], Tensor]] = {"euclidean": _euclidean, "maximum": _maximum}
SLOPE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "euclidean": _euclidean_slope,
    "maximum": _maximum_slope,
}
