"""The distance to the k-th neighbour, with gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors.operators import is_wrapped, operator
from entropae.neighbors.scale import length
from entropae.neighbors.search import Method, Norm, check_search, nearest


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

    Differentiable any number of times, in both ends of each pair, also by `torch.func` and inside
    `torch.compile`. Where the two points coincide the distance is 0 and has no gradient of its own;
    each row is then given a fixed random direction of unit length (a subgradient of the norm at 0),
    so that an ascent separates coincident points. Its second derivative is 0.

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
    check_search(x, y, k, same, norm, method)
    with torch.autocast(x.device.type, enabled=False):
        others = None if y is None else y.detach()
        index = _kth_nearest(x.detach(), others, k, same, norm, method)
        y = x.view_as(x) if y is None else y
        if is_wrapped(x) or is_wrapped(y):
            return _TransformedDistance.apply(x, y, index, norm)[0]  # pyright: ignore[reportOptionalSubscript]
        return _Distance.apply(x, y, index, norm)  # pyright: ignore[reportReturnType]


class _Distance(torch.autograd.Function):
    """|x_i − y_index(i)|, with its gradient in closed form: a batch's time is that of its steps.

    For a second derivative the gradient `Δ/|Δ|` is made again from the points, so that its own
    derivative, `(I − Δ Δ'/|Δ|²)/|Δ|`, reaches them too.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, index: Tensor, norm: Norm) -> Tensor:
        difference = x - y[index]
        distance = LENGTH[norm](difference)
        ctx.save_for_backward(x, y, index, difference, distance)
        ctx.norm = norm
        return distance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, y, index, difference, distance = ctx.saved_tensors
        if torch.is_grad_enabled():
            difference = x - y[index]
            distance = LENGTH[ctx.norm](difference)
        gradient = _unit(difference, distance, ctx.norm) * gradients[0][:, None]
        other = None
        if ctx.needs_input_grad[1]:
            other = torch.zeros_like(y, dtype=gradient.dtype).index_add(
                0, index, gradient, alpha=-1
            )
        return gradient, other, None, None


class _TransformedDistance(torch.autograd.Function):
    """The same as `torch.func` wants it, with a forward derivative; dearer, not for compilers."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, index: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        difference = x - y[index]
        return LENGTH[norm](difference), difference

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, y, index, ctx.norm = inputs
        distance, difference = output
        ctx.mark_non_differentiable(difference)
        ctx.save_for_backward(x, y, index, difference, distance)
        ctx.save_for_forward(index, difference, distance)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Distance.backward(ctx, *gradients)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        index, difference, distance = ctx.saved_tensors
        dx, dy = tangents[:2]
        change = (0 if dx is None else dx) - (0 if dy is None else dy[index])
        return (_unit(difference, distance, ctx.norm) * change).sum(1), None


def _unit(
    difference: Float[Tensor, "n d"], distance: Float[Tensor, " n"], norm: Norm
) -> Float[Tensor, "n d"]:
    """The gradient of the distances; for coincident points, a direction of its own for each row."""
    tied = distance == 0
    slope = SLOPE[norm](difference, distance.masked_fill(tied, 1))
    return torch.where(tied[:, None], _directions(difference.detach()), slope)


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


def _search(x: Tensor, y: Tensor | None, k: int, same: bool, norm: Any, method: Any) -> Tensor:
    return nearest(x, y, k, same=same, norm=norm, method=method)[:, -1].contiguous()


def _unit_vectors(like: Tensor) -> Tensor:
    """Drawn without touching the global random state."""
    n, d = like.shape
    make = _kept_vectors if n * d <= KEPT else _new_vectors
    return make(n, d, like.dtype, like.device).clone()


def _new_vectors(n: int, d: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(n, d, generator=generator, dtype=dtype).to(device)
    return torch.nn.functional.normalize(normal, dim=1)


# Numbers of directions that are kept, such as those of a batch.
KEPT = 1 << 18
_kept_vectors = lru_cache(maxsize=8)(_new_vectors)

_kth_nearest = operator(
    "kth_nearest",
    "(Tensor x, Tensor? y, int k, bool same, str norm, str method) -> Tensor",
    _search,
    lambda x, y, k, same, norm, method: x.new_empty(len(x), dtype=torch.int64),
)
# Unit vectors of a shape, the same at every call.
_directions = operator("directions", "(Tensor like) -> Tensor", _unit_vectors, torch.empty_like)
