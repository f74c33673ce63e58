"""What samples say of each other: divergence, cross-entropy, mutual information. In nats.

Divergence and cross-entropy are functions of `kth_distance` and so have gradients. The estimators
of mutual information count points inside a distance: counts are steps, and have none.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any, Literal, overload

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from scipy.spatial import KDTree
from scipy.special import digamma
from torch import Tensor

from entropae.entropy import entropy_of_distances, log_distance
from entropae.neighbors import ORDER, Norm, as_points, check_k, kth_distance, nearest

Estimator = Literal["ksg1", "ksg2", "gao"]
Index = Int[np.ndarray, "n k"]
Counts = Int[np.ndarray, " n"]
Radius = Float[np.ndarray, " n"]


@overload
def knn_divergence(
    x: Tensor, y: Tensor | ArrayLike, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> Tensor: ...
@overload
def knn_divergence(
    x: ArrayLike, y: Tensor, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> Tensor: ...
@overload
def knn_divergence(
    x: ArrayLike, y: ArrayLike, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> float: ...
def knn_divergence(
    x: Any, y: Any, k: int = 3, *, norm: Norm = "euclidean", floor: float = 0.0
) -> Tensor | float:
    """Kullback–Leibler divergence KL(P‖Q) from a sample of P and a sample of Q, in nats.

    With `ρ_k(i)` the distance from `x_i` to its k-th nearest neighbour among the other points of
    `x`, and `ν_k(i)` that to its k-th nearest among the points of `y`,

        D̂ = (d/n) Σ_i log(ν_k(i) / ρ_k(i)) + log(m / (n − 1)).

    Consistent for laws with densities. Not bounded by 0: where P and Q are equal, the estimate
    scatters about it. Biased downwards where P reaches beyond the points of Q: for N(0, 4) from
    N(0, 1) in one dimension, 0.81 nats, it says 0.60 with 5000 points of each.

    To minimise it over `x`, take `k = 1`, a `floor`, and a fresh `y` at every step. Points of `x`
    otherwise settle on those of `y`, and at larger `k` they gather in groups of `k`: the estimate
    falls without bound and the samples do not come nearer.

    Args:
        x: Sample of P, shape `(n, d)`, or `(n,)` for `d = 1`.
        y: Sample of Q, shape `(m, d)`, independent of `x`; `m` need not be `n`.
        k: Which neighbour, in both samples. Larger is less variable and more biased.
        norm: `"euclidean"` or `"maximum"`, the norm that distances are measured in.
        floor: Below this distance both logarithms continue along their tangents, as in
            `knn_entropy`: value and gradient stay bounded whatever coincides.

    Returns:
        A scalar tensor with gradient to every point of both samples if `x` or `y` is a tensor,
        else a float; in the wider of the two dtypes. At `floor = 0`: `inf` where points of `x`
        coincide `k + 1` times, as P then has an atom that Q lacks; and `inf`, with a warning that
        names it, where a column is constant in one sample and not in the other.

    Raises:
        ValueError: If a sample is empty, not finite or has more than two axes; if the columns
            differ in number; if `k` is not in `[1, min(n − 1, m)]`; if `floor` is negative. At
            `floor = 0` also where the samples share points to the k-th neighbour or a column is
            the same constant in both, which no value of a divergence between densities describes.

    References:
        Wang, Kulkarni and Verdú, IEEE Trans. Inf. Theory 55 (2009) 2392, the estimator with fixed
        k for two samples.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal((5000, 2)), rng.standard_normal((8000, 2)) + [1, 0]
        >>> print(f"{knn_divergence(x, y):.1f}, in truth {1 / 2}")
        0.5, in truth 0.5
    """
    p, q = _two_samples(x, y)
    (n, d), m = p.shape, len(q)
    check_k(k, min(n - 1, m), f"n={n} points in `x` and m={m} in `y`")
    if floor == 0:
        singular = _singular_columns(p.detach(), q.detach())
        if singular.any():
            _warn_of(singular, "constant in `x` or `y` and not the same in the other", math.inf)
            return _like(p.new_tensor(math.inf), x, y)
    within = kth_distance(p, k=k, norm=norm)
    across = kth_distance(p, q, k=k, norm=norm)
    if floor == 0:
        _check_no_shared_points(across, k)
    ratio = log_distance(across, floor).mean() - log_distance(within, floor).mean()
    return _like(d * ratio + math.log(m / (n - 1)), x, y)


@overload
def knn_cross_entropy(
    x: Tensor, y: Tensor | ArrayLike, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> Tensor: ...
@overload
def knn_cross_entropy(
    x: ArrayLike, y: Tensor, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> Tensor: ...
@overload
def knn_cross_entropy(
    x: ArrayLike, y: ArrayLike, k: int = ..., *, norm: Norm = ..., floor: float = ...
) -> float: ...
def knn_cross_entropy(
    x: Any, y: Any, k: int = 3, *, norm: Norm = "euclidean", floor: float = 0.0
) -> Tensor | float:
    """Cross-entropy −E_P log q from a sample of P and a sample of Q, in nats.

    With `ν_k(i)` the distance from `x_i` to its k-th nearest neighbour among the `m` points of
    `y`, and `B_d` the volume of the unit ball,

        Ĉ = (d/n) Σ_i log ν_k(i) + log B_d + ψ(m + 1) − ψ(k).

    The constants follow from the ball about `x_i` through its k-th neighbour: its mass under Q is
    Beta(k, m + 1 − k), with E log mass = ψ(k) − ψ(m + 1), whatever Q. At `m = n − 1` they are those
    of `knn_entropy`, each of whose points has n − 1 others, and so

        knn_divergence = knn_cross_entropy − knn_entropy + log(m/(n − 1)) − ψ(m + 1) + ψ(n),

    where the last three terms, which cancel at `m = n − 1`, are 1/(2(n − 1)) − 1/(2m) to first
    order: the price of the divergence's published constant.

    Args:
        x: Sample of P, shape `(n, d)`, or `(n,)` for `d = 1`. One point is enough.
        y: Sample of Q, shape `(m, d)`, independent of `x`.
        k: Which neighbour.
        norm: `"euclidean"` or `"maximum"`, the norm that distances are measured in.
        floor: See `knn_entropy`.

    Returns:
        A scalar tensor with gradient to every point of both samples if `x` or `y` is a tensor,
        else a float; in the wider of the two dtypes. At `floor = 0`: `-inf` where a point of `x`
        coincides with `k` points of `y`, the true value for a Q with atoms there. A column that is
        constant in `y` gives, with a warning that names it, `inf` (P lies off the support of Q),
        or `-inf` if it is the same constant in `x`.

    Raises:
        ValueError: If a sample is empty, not finite or has more than two axes; if the columns
            differ in number; if `k` is not in `[1, m]`; if `floor` is negative.

    References:
        Leonenko, Pronzato and Savani, Annals of Statistics 36 (2008) 2153, section 2, for the
        estimator; there with log m in place of ψ(m + 1).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal(5000), rng.standard_normal(8000) + 1
        >>> print(f"{knn_cross_entropy(x, y):.1f}, in truth {np.log(2 * np.pi) / 2 + 1:.1f}")
        1.9, in truth 1.9
    """
    p, q = _two_samples(x, y)
    check_k(k, len(q), f"m={len(q)} points in `y`")
    if floor == 0:
        constant = _constant_columns(q.detach())
        if constant.any():
            inside = (p.detach() == q.detach()[0]).all(0)
            value = -math.inf if inside[constant].all() else math.inf
            _warn_of(constant, "constant in `y`, so its law has no density", value)
            return _like(p.new_tensor(value), x, y)
    across = kth_distance(p, q, k=k, norm=norm)
    return _like(entropy_of_distances(across, p.shape[1], len(q), k, norm=norm, floor=floor), x, y)


@overload
def knn_mutual_information(
    x: Tensor, y: Tensor | ArrayLike, k: int = ..., *, method: Estimator = ...
) -> Tensor: ...
@overload
def knn_mutual_information(
    x: ArrayLike, y: Tensor, k: int = ..., *, method: Estimator = ...
) -> Tensor: ...
@overload
def knn_mutual_information(
    x: ArrayLike, y: ArrayLike, k: int = ..., *, method: Estimator = ...
) -> float: ...
def knn_mutual_information(
    x: Any, y: Any, k: int = 3, *, method: Estimator = "ksg1"
) -> Tensor | float:
    """Mutual information I(X; Y) from a sample of pairs, in nats.

    Distances are in the maximum norm, within and across `x` and `y`. With `ε(i)` the distance from
    pair `i` to its k-th nearest pair, `n_x(i)` and `n_y(i)` the numbers of other points within
    that distance in one of the two alone, and `⟨·⟩` the mean over `i`:

        ksg1    ψ(k) + ψ(n) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩      n_x: ‖x_j − x_i‖ < ε(i)
        ksg2    ψ(k) − 1/k + ψ(n) − ⟨ψ(n_x) + ψ(n_y)⟩        n_x: ‖x_j − x_i‖ ≤ ε_x(i)
        gao     log n + ⟨ψ(k̃) − ψ(n_x + 1) − ψ(n_y + 1)⟩     n_x: ‖x_j − x_i‖ < ε(i), or = 0

    `ε_x(i)` is the largest distance in `x` alone to the k nearest pairs. Where `ε(i) = 0`, `k̃(i)`
    is the number of pairs equal to pair `i`, itself included, and `n_x`, `n_y` count equal points;
    elsewhere it is `k`. The first two are for laws with densities; `"gao"` is also right for
    discrete laws and for mixtures of both. Distances that differ by no more than the rounding of
    the coordinates count as equal, so that decimals are tied as integers are.

    Nothing is scaled: a change of a column's unit changes which pairs are near, and so the
    estimate, although not the truth. Standardise columns of unlike units first.

    Args:
        x: First parts, shape `(n, d_x)`, or `(n,)` for `d_x = 1`.
        y: Second parts, shape `(n, d_y)`, row by row the partners of `x`.
        k: Which neighbour. Smaller is less biased, larger less variable.
        method: `"ksg1"`, `"ksg2"` or `"gao"`. `ksg2` has a little less bias than `ksg1` where
            dependence is strong and dimensions are many, and a little more variance.

    Returns:
        A scalar tensor without gradient if `x` or `y` is a tensor, else a float. May be negative,
        chiefly for independent parts: it is not clipped, so that the mean over samples is kept.
        If `k` other pairs coincide with some pair, `ksg1` and `ksg2` mean little, and a warning
        says so.

    Raises:
        ValueError: If a part is empty, not finite or has more than two axes; if `x` and `y` differ
            in length; if `k` is not in `[1, n − 1]`; if `method` is unknown.

    References:
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eqs. (8) and (9).
        Gao, Kannan, Oh and Viswanath, NeurIPS 30 (2017) 5986, as computed by their program
        (github.com/wgao9/mixed_KSG). Their algorithm 1 has log(n_x + 1) with n_x: ‖x_j − x_i‖ ≤ ε
        instead, and with it a bias that no sample size removes while `k` is fixed.

    Example:
        >>> import numpy as np
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 5000))
        >>> estimate = knn_mutual_information(x, 0.6 * x + 0.8 * noise)
        >>> print(f"{estimate:.1f}, in truth {-np.log(1 - 0.6**2) / 2:.1f}")
        0.2, in truth 0.2
    """
    if method not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise ValueError(f"`method` must be one of {known}: got {method!r}.")
    parts = _paired(k, x=x, y=y)
    index = _nearest(parts, k)
    if method != "gao":
        _warn_of_ties(_distance(parts, index)[0], k, 'Use `method="gao"`, which is made for ties.')
    return _like(ESTIMATORS[method](parts, index), x, y)


@overload
def knn_conditional_mutual_information(
    x: Tensor, y: Tensor | ArrayLike, z: Tensor | ArrayLike, k: int = ...
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike, y: Tensor, z: Tensor | ArrayLike, k: int = ...
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike, y: ArrayLike, z: Tensor, k: int = ...
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike, y: ArrayLike, z: ArrayLike, k: int = ...
) -> float: ...
def knn_conditional_mutual_information(x: Any, y: Any, z: Any, k: int = 3) -> Tensor | float:
    """Conditional mutual information I(X; Y | Z) from a sample of triples, in nats.

    Distances are in the maximum norm. With `ε(i)` the distance from triple `i` to its k-th nearest
    triple, and `n_xz(i)`, `n_yz(i)`, `n_z(i)` the numbers of other points strictly within that
    distance in the parts named,

        Î = ψ(k) − ⟨ψ(n_xz + 1) + ψ(n_yz + 1) − ψ(n_z + 1)⟩.

    For laws with densities. Biased towards 0 where dependence is strong or dimensions are many.
    Nothing is scaled, see `knn_mutual_information`.

    Args:
        x: First parts, shape `(n, d_x)`, or `(n,)` for `d_x = 1`.
        y: Second parts, shape `(n, d_y)`.
        z: Parts that are given, shape `(n, d_z)`.
        k: Which neighbour.

    Returns:
        A scalar tensor without gradient if any part is a tensor, else a float. May be negative.
        If `k` other triples coincide with some triple, the estimate means little, and a warning
        says so.

    Raises:
        ValueError: If a part is empty, not finite or has more than two axes; if the parts differ in
            length; if `k` is not in `[1, n − 1]`.

    References:
        Frenzel and Pompe, Phys. Rev. Lett. 99 (2007) 204101; there with h_N = −Σ_{j≤N} 1/j, which
        is −γ − ψ(N + 1).

    Example:
        >>> import numpy as np
        >>> z, *noise = np.random.default_rng(0).standard_normal((3, 5000))
        >>> x, y = z + noise[0], z + noise[1]
        >>> dependent = knn_mutual_information(x, y)
        >>> given_z = knn_conditional_mutual_information(x, y, z)
        >>> print(f"{dependent:.1f}, given z {abs(given_z):.1f}")
        0.1, given z 0.0
    """
    a, b, c = parts = _paired(k, x=x, y=y, z=z)
    distance, inside = _distance(parts, _nearest(parts, k))
    _warn_of_ties(distance, k, "Add a little noise to break the ties.")
    within_xz, within_yz, within_z = (
        digamma(_count_within(part, inside) + 1)
        for part in (np.hstack([a, c]), np.hstack([b, c]), c)
    )
    estimate = digamma(k) - np.mean(within_xz + within_yz - within_z)
    return _like(float(estimate), x, y, z)


@overload
def knn_total_correlation(x: Tensor, k: int = ...) -> Tensor: ...
@overload
def knn_total_correlation(x: ArrayLike, k: int = ...) -> float: ...
def knn_total_correlation(x: Any, k: int = 3) -> Tensor | float:
    """Total correlation Σ_c H(X_c) − H(X) of the columns of `x`, in nats: 0 if independent.

    Distances are in the maximum norm. With `ε(i)` the distance from `x_i` to its k-th nearest
    neighbour and `n_c(i)` the number of other points strictly within it in column `c` alone,

        T̂ = ψ(k) + (d − 1) ψ(n) − ⟨Σ_c ψ(n_c + 1)⟩.

    At `d = 2` this is `knn_mutual_information` of the two columns, `"ksg1"`. For laws with
    densities. Biased towards 0 where dependence is strong or columns are many. Nothing is scaled.

    Args:
        x: Sample of shape `(n, d)`, `d ≥ 2`.
        k: Which neighbour.

    Returns:
        A scalar tensor without gradient if `x` is a tensor, else a float. May be negative. If `k`
        other points coincide with some point, the estimate means little, and a warning says so.

    Raises:
        ValueError: If `x` is empty, not finite, or not of shape `(n, d)` with `d ≥ 2`; if `k` is
            not in `[1, n − 1]`.

    References:
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eq. (23), with the
        counts of eq. (8).

    Example:
        >>> import numpy as np
        >>> common, *own = np.random.default_rng(0).standard_normal((4, 5000))
        >>> x = 2 * common[:, None] + np.stack(own, axis=1)  # three correlations of 0.8
        >>> print(f"{knn_total_correlation(x):.1f}, in truth {-np.log(0.2**2 * 2.6) / 2:.1f}")
        1.1, in truth 1.1
    """
    (points,) = _paired(k, x=x)
    n, d = points.shape
    if d < 2:
        raise ValueError(f"`x` must have at least 2 columns: got d={d}. Stack what may depend.")
    columns = np.hsplit(points, d)
    distance, inside = _distance(columns, _nearest(columns, k))
    _warn_of_ties(distance, k, "Add a little noise to break the ties.")
    marginal = sum(digamma(_count_within(column, inside) + 1) for column in columns)
    estimate = digamma(k) + (d - 1) * digamma(n) - np.mean(marginal)
    return _like(float(estimate), x)


def _ksg1(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    _, inside = _distance(parts, index)
    marginal = sum(digamma(_count_within(part, inside) + 1) for part in parts)
    return float(digamma(k) + digamma(n) - np.mean(marginal))


def _ksg2(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    marginal = sum(digamma(_count_up_to(part, _edge(part, index))) for part in parts)
    return float(digamma(k) - 1 / k + digamma(n) - np.mean(marginal))


def _gao(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    distance, inside = _distance(parts, index)
    tied, zero = distance == 0, np.zeros(n)
    multiplicity = np.where(tied, _count_up_to(np.hstack(parts), zero) + 1, k)
    marginal = sum(
        digamma(np.where(tied, _count_up_to(part, zero), _count_within(part, inside)) + 1)
        for part in parts
    )
    return float(np.mean(digamma(multiplicity) - marginal) + math.log(n))


ESTIMATORS: dict[str, Callable[[list[np.ndarray], Index], float]] = {
    "ksg1": _ksg1,
    "ksg2": _ksg2,
    "gao": _gao,
}


def _nearest(parts: list[np.ndarray], k: int) -> Index:
    joint = torch.from_numpy(np.hstack(parts).astype(np.float64))
    return nearest(joint, k=k, norm="maximum").numpy()


def _edge(part: np.ndarray, index: Index) -> Radius:
    """The largest distance in one part to the neighbours given."""
    part = part.astype(np.float64)
    return np.abs(part[:, None] - part[index]).max((1, 2))


def _distance(parts: list[np.ndarray], index: Index) -> tuple[Radius, Radius]:
    """Joint distance to the last of the neighbours given, and the same less its rounding."""
    edges = np.stack([_edge(part, index[:, -1:]) for part in parts])
    insides = [edge - _rounding(part, edge) for part, edge in zip(parts, edges, strict=True)]
    distance, widest = edges.max(0), edges.argmax(0)[None]
    inside = np.take_along_axis(np.stack(insides), widest, 0)[0]
    # Nothing is nearer than 0, not even what coincides.
    return distance, np.where(distance > 0, inside, -1.0)


def _count_within(points: np.ndarray, inside: Radius) -> Counts:
    """Number of other points nearer than a distance, of which `inside` is less its rounding."""
    return _count(points, inside - _rounding(points, inside))


def _count_up_to(points: np.ndarray, radius: Radius) -> Counts:
    """Number of other points no farther than `radius` from each, but for rounding."""
    return _count(points, radius + 2 * _rounding(points, radius))


def _rounding(points: np.ndarray, radius: Radius) -> Radius:
    """What decimals' distances are off by: in binary, 0.3 − 0.2 is not 0.2 − 0.1.

    A thousandth of the distance at most: one large coordinate must not blur the others.
    """
    rounding = float(np.finfo(points.dtype).eps) * (np.abs(points).max(1) + radius)
    return np.minimum(rounding, 1e-3 * radius)


def _count(points: np.ndarray, radius: Radius) -> Counts:
    tree = KDTree(points)
    found = tree.query_ball_point(
        points, radius, p=ORDER["maximum"], return_length=True, workers=torch.get_num_threads()
    )
    # The point itself is found, but for a negative radius.
    return np.maximum(found - 1, 0)


def _two_samples(x: Any, y: Any) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    p, q = as_points(x, "x"), as_points(y, "y")
    if p.shape[1] != q.shape[1]:
        raise ValueError(
            f"`x` and `y` must have the same number of columns: got d={p.shape[1]} and "
            f"d={q.shape[1]}. Both are samples of laws on one space."
        )
    dtype = torch.promote_types(p.dtype, q.dtype)
    device = p.device if isinstance(x, Tensor) else q.device
    return p.to(device, dtype), (q if isinstance(y, Tensor) else q.to(device)).to(dtype)


def _paired(k: int, **samples: Any) -> list[np.ndarray]:
    """The parts of one sample, checked, on the CPU, where the trees are."""
    parts = [as_points(sample, name).detach() for name, sample in samples.items()]
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        names = " and ".join(f"`{name}`" for name in samples)
        raise ValueError(
            f"{names} must have as many rows as each other: got n={lengths}. "
            "Each row is one observation of all of them."
        )
    check_k(k, lengths[0] - 1, f"n={lengths[0]} points")
    return [part.cpu().numpy() for part in parts]


def _like(value: Float[Tensor, ""] | float, *samples: Any) -> Tensor | float:
    """`value` as the caller will have it: a tensor where a sample was one, else a float."""
    tensors = [sample for sample in samples if isinstance(sample, Tensor)]
    if not tensors or isinstance(value, Tensor):
        return value if tensors else float(value)
    dtype = reduce(torch.promote_types, (as_points(sample).dtype for sample in samples))
    return torch.tensor(value, dtype=dtype, device=tensors[0].device)


def _constant_columns(points: Float[Tensor, "n d"]) -> Bool[Tensor, " d"]:
    """One point alone says nothing of its columns."""
    return (points == points[0]).all(0) & (len(points) > 1)


def _singular_columns(p: Float[Tensor, "n d"], q: Float[Tensor, "m d"]) -> Bool[Tensor, " d"]:
    """Columns that are constant in one of the samples; the same constant in both is an error."""
    in_p, in_q = _constant_columns(p), _constant_columns(q)
    both = in_p & in_q & (p[0] == q[0])
    if both.any():
        raise ValueError(
            f"`x` and `y` must vary: got column {_names(both)} with one value in both. "
            "Drop the column; it adds nothing to the divergence."
        )
    return in_p | in_q


def _check_no_shared_points(across: Float[Tensor, " n"], k: int) -> None:
    shared = int((across.detach() == 0).sum())
    if shared:
        raise ValueError(
            f"`x` and `y` must not share points: got {shared} of {len(across)} rows of `x` that "
            f"coincide with k={k} or more points of `y`, which drives the estimate to -inf, no "
            "value of a divergence. Use independent samples, a larger `k`, or a `floor`."
        )


def _warn_of(columns: Bool[Tensor, " d"], what: str, value: float) -> None:
    warnings.warn(
        f"Column {_names(columns)} is {what}: the value is {value}. "
        "Drop the column to measure the others.",
        stacklevel=3,
    )


def _names(columns: Bool[Tensor, " d"]) -> str:
    index = columns.nonzero()[:, 0].tolist()
    return ", ".join(map(str, index[:8])) + (", …" if len(index) > 8 else "")


def _warn_of_ties(distance: Float[np.ndarray, " n"], k: int, remedy: str) -> None:
    tied = int((distance == 0).sum())
    if tied:
        warnings.warn(
            f"{tied} of {len(distance)} points coincide with k={k} or more others, so the law has "
            f"no density and the estimate means little. {remedy}",
            stacklevel=3,
        )
