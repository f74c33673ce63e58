"""Which points are the nearest: one exact answer, several ways to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.neighbors.differences import by_differences
from entropae.neighbors.points import check_choice, check_k
from entropae.neighbors.products import by_products
from entropae.neighbors.tree import by_tree

Norm = Literal["euclidean", "maximum"]
Method = Literal["auto", "tree", "products", "differences"]

ORDER: dict[str, float] = {"euclidean": 2.0, "maximum": torch.inf}


@torch.no_grad()
def nearest(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"] | None = None,
    k: int = 1,
    *,
    same: bool = False,
    norm: Norm = "euclidean",
    method: Method = "auto",
) -> Int[Tensor, "n k"]:
    """Indices of the `k` nearest points, nearest first. Exact; ties are broken arbitrarily.

    Args:
        x: Query points, shape `(n, d)`.
        y: Points to search, shape `(m, d)`. Without it, `x` itself less the query point.
        k: Number of neighbours.
        same: The first `n` points of `y` are those of `x`, and none is its own neighbour.
        norm: `"euclidean"` or `"maximum"`.
        method: `"tree"` (k-d tree, on the CPU), `"products"` (candidates from blocked matrix
            products, Euclidean only), `"differences"` (every difference), or `"auto"`.

    Returns:
        Indices into `y` (or `x`) of shape `(n, k)`.

    Raises:
        ValueError: If there are fewer than `k` points to search, or `norm` or `method` is unknown.
    """
    check_search(x, y, k, same, norm, method)
    x = x.detach()
    y, same = (x, True) if y is None else (y.detach(), same)
    if not len(x):
        return torch.empty(0, k, dtype=torch.long, device=x.device)
    if method == "auto":
        method = _choose(y, norm)
    if method == "products" and norm != "euclidean":
        raise ValueError(f'`method="products"` needs the Euclidean norm: got norm={norm!r}.')
    return SEARCHES[method](x, y, k, same, ORDER[norm])


def check_search(x: Tensor, y: Tensor | None, k: int, same: bool, norm: str, method: str) -> None:
    """Raise unless `nearest` takes these arguments.

    Raises:
        ValueError: See `nearest`.
    """
    check_choice(norm, ORDER, "norm")
    y, same = (x, True) if y is None else (y, same)
    check_k(k, len(y) - same, f"{len(y)} points")
    check_choice(method, ["auto", *SEARCHES], "method")


def _choose(y: Tensor, norm: Norm) -> Method:
    """The fastest, as measured by `benchmarks/speed.py`; trees know nothing of GPUs."""
    if y.device.type == "cpu" and len(y) >= LEAST_FOR_A_TREE[norm](y.shape[1]):
        return "tree"
    return "products" if norm == "euclidean" else "differences"


def _euclidean_tree(d: int) -> float:
    return 400.0 if d <= 6 else {7: 5e3, 8: 15e3, 9: 100e3}.get(d, math.inf)


def _maximum_tree(d: int) -> float:
    return 80.0 * d**2 if d <= 16 else math.inf


LEAST_FOR_A_TREE: dict[str, Callable[[int], float]] = {
    "euclidean": _euclidean_tree,
    "maximum": _maximum_tree,
}
SEARCHES: dict[str, Callable[[Tensor, Tensor, int, bool, float], Tensor]] = {
    "tree": by_tree,
    "products": by_products,
    "differences": by_differences,
}
