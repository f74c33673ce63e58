"""Distances to the k-th nearest neighbour: search without gradient, distance with.

Every entropy of this package is a function of `kth_distance`. The search decides *which* point is
the k-th neighbour and takes no part in the gradient; the distance to that point is then computed
by subtraction. The expanded form `|x|² + |y|² − 2 x·y` is used to find candidates only: it loses
small distances to cancellation, often returning exactly 0, whose logarithm is −∞.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from torch import Tensor

Norm = Literal["euclidean", "maximum"]
Method = Literal["auto", "tree", "products", "differences"]

ORDER: dict[str, float] = {"euclidean": 2.0, "maximum": torch.inf}

# Candidates kept beyond k: a few spare ones let nearly every row be certified exact.
SPARE = 4
# Elements of the largest block of distances held at once.
BLOCK = 1 << 22


def as_points(x: Any, name: str = "x") -> Float[Tensor, "n d"]:
    """The sample as `n` points of `d` dimensions, in float32 or float64.

    Args:
        x: A tensor or array-like of shape `(n, d)`, or `(n,)` for `n` points of one dimension.
        name: What to call the sample in messages.

    Returns:
        A tensor of shape `(n, d)`. Half precision becomes float32, integers and booleans float64.

    Raises:
        ValueError: If `x` is complex, empty, of another number of axes, or has NaN or inf.
    """
    points = x if isinstance(x, Tensor) else torch.as_tensor(_as_array(x, name))
    if points.is_complex():
        raise ValueError(f"`{name}` must be real: got {points.dtype}. Stack its parts as columns.")
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2:
        raise ValueError(
            f"`{name}` must have shape (n, d) or (n,): got {tuple(points.shape)}. "
            "Flatten each sample to one row."
        )
    if points.numel() == 0:
        raise ValueError(f"`{name}` must not be empty: got shape {tuple(points.shape)}.")
    if not points.is_floating_point():
        points = points.double()
    elif points.dtype in (torch.float16, torch.bfloat16):
        points = points.float()
    finite = torch.isfinite(points.detach()).all(1)
    if not finite.all():
        bad = (~finite).nonzero()[:, 0]
        raise ValueError(
            f"`{name}` must be finite: got NaN or inf in {len(bad)} of {len(points)} rows, "
            f"the first in row {int(bad[0])}. Remove or impute these rows."
        )
    return points


def _as_array(x: Any, name: str) -> np.ndarray:
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"`{name}` must be numeric: got dtype {array.dtype}.")
    wide = np.complex128 if array.dtype.kind == "c" else np.float64
    # torch knows neither foreign byte orders, nor negative strides, nor long doubles.
    kept = array.dtype if array.dtype in (np.float16, np.float32) else np.dtype(wide)
    return np.ascontiguousarray(array, kept.newbyteorder("="))


def check_k(k: int, available: int, points: str) -> None:
    """Raise unless `k` neighbours can be found among `available` points.

    Raises:
        ValueError: If `k` is not an integer in [1, available].
    """
    if not isinstance(k, int) or isinstance(k, bool):
        raise ValueError(f"`k` must be an integer: got k={k!r}.")
    if not 1 <= k <= available:
        raise ValueError(
            f"`k` must be in [1, {available}]: got k={k} with {points}. "
            "Use a smaller `k` or a larger sample."
        )


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
        distance = torch.linalg.vector_norm(difference, ORDER[norm], dim=1)
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
    if norm not in ORDER:
        raise ValueError(f"`norm` must be one of {', '.join(ORDER)}: got {norm!r}.")
    if y is None:
        y, same = x, True
    check_k(k, len(y) - same, f"{len(y)} points")
    if method == "auto":
        method = _choose(y, norm)
    if method not in SEARCHES:
        raise ValueError(f"`method` must be auto or one of {', '.join(SEARCHES)}: got {method!r}.")
    if method == "products" and norm != "euclidean":
        raise ValueError(f'`method="products"` needs the Euclidean norm: got norm={norm!r}.')
    return SEARCHES[method](x.detach(), y.detach(), k, same, norm)


def _choose(y: Tensor, norm: Norm) -> Method:
    """Trees win where there are few dimensions and many points; they know nothing of GPUs."""
    m, d = y.shape
    if y.device.type == "cpu" and (m >= 512 if d <= 3 else d <= 8 and m >= 10_000):
        return "tree"
    return "products" if norm == "euclidean" else "differences"


def _by_tree(x: Tensor, y: Tensor, k: int, same: bool, norm: Norm) -> Tensor:
    tree = KDTree(y.cpu().numpy())
    workers = torch.get_num_threads()
    _, found = tree.query(x.cpu().numpy(), k=k + same, p=ORDER[norm], workers=workers)
    index = np.asarray(found).reshape(len(x), k + same)
    if same:
        # With duplicates the point itself need not come first, or at all: then drop the last.
        keep = index != np.arange(len(index))[:, None]
        keep[keep.all(1), -1] = False
        index = index[keep].reshape(-1, k)
    return torch.as_tensor(index, dtype=torch.int64, device=x.device)


def _by_differences(
    x: Tensor, y: Tensor, k: int, same: bool, norm: Norm, rows: Tensor | None = None
) -> Tensor:
    rows = torch.arange(len(x), device=x.device) if rows is None else rows
    found = []
    for some in rows.split(max(1, BLOCK // len(y))):
        distance = torch.cdist(x[some], y, ORDER[norm], compute_mode="donot_use_mm_for_euclid_dist")
        if same:
            distance[torch.arange(len(some), device=x.device), some] = torch.inf
        found.append(distance.topk(k, largest=False).indices)
    return torch.cat(found)


def _by_products(x: Tensor, y: Tensor, k: int, same: bool, norm: Norm) -> Tensor:
    """Candidates by ½|y|² − x·y, re-measured by subtraction, each row certified or done again.

    The k nearest of the candidates are the k nearest of all if the last candidate, less all that
    rounding can have added, is still farther than the k-th. The product's error is at most
    γ (|x| + |y|)², γ ≈ (d + 2) u (Higham 2002, eq. 3.5), the centring's u (|x| + |y|).
    """
    centre = y.mean(0)
    x_centred, y_centred = x - centre, y - centre
    half = 0.5 * y_centred.square().sum(1)
    reach = y_centred.square().sum(1).max().sqrt()
    u = _unit_roundoff(x)
    gamma = 2 * (x.shape[1] + 4) * u
    candidates = min(k + SPARE, len(y) - same)
    complete = candidates == len(y) - same
    index = torch.empty(len(x), k, dtype=torch.int64, device=x.device)
    certified = torch.empty(len(x), dtype=torch.bool, device=x.device)
    for some in torch.arange(len(x), device=x.device).split(max(1, BLOCK // len(y))):
        query = x_centred[some]
        score = torch.addmm(half, query, y_centred.T, alpha=-1)
        if same:
            score[torch.arange(len(some), device=x.device), some] = torch.inf
        score, candidate = score.topk(candidates, largest=False)
        distance = torch.linalg.vector_norm(x[some, None] - y[candidate], dim=2)
        distance, order = distance.topk(k, largest=False)
        index[some] = candidate.gather(1, order)
        norms = torch.linalg.vector_norm(query, dim=1)
        size = norms + reach
        bound = 2 * score[:, -1] + norms.square() - gamma * size.square()
        certified[some] = bound.clamp(min=0).sqrt() - 2 * u * size >= distance[:, -1]
    if not complete and not certified.all():
        again = (~certified).nonzero()[:, 0]
        index[again] = _by_differences(x, y, k, same, norm, again)
    return index


def _unit_roundoff(x: Tensor) -> float:
    """The largest relative error of one rounding in a matrix product of this dtype."""
    if x.dtype == torch.float64:
        return 2.0**-53
    # Users may allow TensorFloat-32 or bfloat16 inside float32 products.
    return {"highest": 2.0**-24, "high": 2.0**-11}.get(
        torch.get_float32_matmul_precision(), 2.0**-8
    )


SEARCHES: dict[str, Callable[[Tensor, Tensor, int, bool, Norm], Tensor]] = {
    "tree": _by_tree,
    "products": _by_products,
    "differences": _by_differences,
}
