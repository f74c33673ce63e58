"""Mutual information, conditional and of many columns, by counting neighbours."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import digamma
from torch import Tensor

from entropae.entropy.maps import MAPPED
from entropae.entropy.maps.margins import scores
from entropae.entropy.methods import Mapping
from entropae.information.counting import (
    Index,
    count_up_to,
    count_within,
    distance_to_last,
    edge,
    nearest_pairs,
)
from entropae.information.mapped import (
    conditional_information_by_map,
    mutual_information_by_map,
    total_correlation_by_map,
)
from entropae.information.result import like
from entropae.neighbors import as_points, check_choice, check_k

Counting = Literal["ksg1", "ksg2", "gao"]
Estimator = Counting | Mapping


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
            dependence is strong and dimensions are many, and a little more variance. Or a map of
            `knn_entropy`, such as `"copula"`, for H(X) + H(Y) − H(X, Y), which loses less of strong
            dependence in many columns; `"auto"` chooses the map, and counts in three columns or
            fewer and where entropies fail.

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

    Examples:
        >>> import numpy as np
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 5000))
        >>> estimate = knn_mutual_information(x, 0.6 * x + 0.8 * noise)
        >>> print(f"{estimate:.1f}, in truth {-np.log(1 - 0.6**2) / 2:.1f}")
        0.2, in truth 0.2
    """
    check_choice(method, [*ESTIMATORS, *MAPPED], "method")
    a, b = parts = _paired(k, x=x, y=y)
    if method in MAPPED:
        found = mutual_information_by_map(a, b, k, method, lambda: _counted(parts, k))
        return like(found.value, x, y)
    index = nearest_pairs(parts, k)
    if method != "gao":
        _warn_of_ties(
            distance_to_last(parts, index)[0], k, 'Use `method="gao"`, which is made for ties.'
        )
    return like(ESTIMATORS[method](parts, index), x, y)


@overload
def knn_conditional_mutual_information(
    x: Tensor,
    y: Tensor | ArrayLike,
    z: Tensor | ArrayLike,
    k: int = ...,
    *,
    method: Literal["ksg1"] | Mapping = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike,
    y: Tensor,
    z: Tensor | ArrayLike,
    k: int = ...,
    *,
    method: Literal["ksg1"] | Mapping = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    z: Tensor,
    k: int = ...,
    *,
    method: Literal["ksg1"] | Mapping = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    z: ArrayLike,
    k: int = ...,
    *,
    method: Literal["ksg1"] | Mapping = ...,
) -> float: ...
def knn_conditional_mutual_information(
    x: Any, y: Any, z: Any, k: int = 3, *, method: Literal["ksg1"] | Mapping = "ksg1"
) -> Tensor | float:
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
        method: `"ksg1"`, the formula above, or a map, see `knn_mutual_information`.

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

    Examples:
        >>> import numpy as np
        >>> z, *noise = np.random.default_rng(0).standard_normal((3, 5000))
        >>> x, y = z + noise[0], z + noise[1]
        >>> dependent = knn_mutual_information(x, y)
        >>> given_z = knn_conditional_mutual_information(x, y, z)
        >>> print(f"{dependent:.1f}, given z {abs(given_z):.1f}")
        0.1, given z 0.0
    """
    check_choice(method, ["ksg1", *MAPPED], "method")
    a, b, c = parts = _paired(k, x=x, y=y, z=z)
    if method in MAPPED:
        found = conditional_information_by_map(
            a, b, c, k, method, lambda: _conditional(parts, k, warn=False)
        )
        return like(found.value, x, y, z)
    return like(_conditional(parts, k), x, y, z)


def _conditional(parts: list[np.ndarray], k: int, *, warn: bool = True) -> float:
    a, b, c = parts
    distance, inside = distance_to_last(parts, nearest_pairs(parts, k))
    if warn:
        _warn_of_ties(distance, k, "Add a little noise to break the ties.", stacklevel=4)
    within_xz, within_yz, within_z = (
        digamma(count_within(part, inside) + 1)
        for part in (np.hstack([a, c]), np.hstack([b, c]), c)
    )
    return float(digamma(k) - np.mean(within_xz + within_yz - within_z))


@overload
def knn_total_correlation(
    x: Tensor, k: int = ..., *, method: Literal["ksg1"] | Mapping = ...
) -> Tensor: ...
@overload
def knn_total_correlation(
    x: ArrayLike, k: int = ..., *, method: Literal["ksg1"] | Mapping = ...
) -> float: ...
def knn_total_correlation(
    x: Any, k: int = 3, *, method: Literal["ksg1"] | Mapping = "ksg1"
) -> Tensor | float:
    """Total correlation Σ_c H(X_c) − H(X) of the columns of `x`, in nats: 0 if independent.

    Distances are in the maximum norm. With `ε(i)` the distance from `x_i` to its k-th nearest
    neighbour and `n_c(i)` the number of other points strictly within it in column `c` alone,

        T̂ = ψ(k) + (d − 1) ψ(n) − ⟨Σ_c ψ(n_c + 1)⟩.

    At `d = 2` this is `knn_mutual_information` of the two columns, `"ksg1"`. For laws with
    densities. Biased towards 0 where dependence is strong or columns are many. Nothing is scaled.

    Args:
        x: Sample of shape `(n, d)`, `d ≥ 2`.
        k: Which neighbour.
        method: `"ksg1"`, the formula above, or a map, see `knn_mutual_information`.

    Returns:
        A scalar tensor without gradient if `x` is a tensor, else a float. May be negative. If `k`
        other points coincide with some point, the estimate means little, and a warning says so.

    Raises:
        ValueError: If `x` is empty, not finite, or not of shape `(n, d)` with `d ≥ 2`; if `k` is
            not in `[1, n − 1]`.

    References:
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eq. (23), with the
        counts of eq. (8).

    Examples:
        >>> import numpy as np
        >>> common, *own = np.random.default_rng(0).standard_normal((4, 5000))
        >>> x = 2 * common[:, None] + np.stack(own, axis=1)  # three correlations of 0.8
        >>> print(f"{knn_total_correlation(x):.1f}, in truth {-np.log(0.2**2 * 2.6) / 2:.1f}")
        1.1, in truth 1.1
    """
    check_choice(method, ["ksg1", *MAPPED], "method")
    (points,) = _paired(k, x=x)
    d = points.shape[1]
    if d < 2:
        raise ValueError(f"`x` must have at least 2 columns: got d={d}. Stack what may depend.")
    if method in MAPPED:
        found = total_correlation_by_map(points, k, method, lambda: _total(points, k, warn=False))
        return like(found.value, x)
    return like(_total(points, k), x)


def _total(points: np.ndarray, k: int, *, warn: bool = True) -> float:
    n, d = points.shape
    columns = np.hsplit(points, d)
    distance, inside = distance_to_last(columns, nearest_pairs(columns, k))
    if warn:
        _warn_of_ties(distance, k, "Add a little noise to break the ties.", stacklevel=4)
    marginal = sum(digamma(count_within(column, inside) + 1) for column in columns)
    return float(digamma(k) + (d - 1) * digamma(n) - np.mean(marginal))


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


def _warn_of_ties(
    distance: Float[np.ndarray, " n"], k: int, remedy: str, *, stacklevel: int = 3
) -> None:
    tied = int((distance == 0).sum())
    if tied:
        warnings.warn(
            f"{tied} of {len(distance)} points coincide with k={k} or more others, so the law has "
            f"no density and the estimate means little. {remedy}",
            stacklevel=stacklevel,
        )


def _counted(parts: list[np.ndarray], k: int) -> float:
    """`"ksg1"` of normal scores, which carry the same information, or of repeated values."""
    spaced = all(len(np.unique(c)) == len(c) for part in parts for c in part.T)
    parts = [scores(part) for part in parts] if spaced else parts
    return _ksg1(parts, nearest_pairs(parts, k))


def _ksg1(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    _, inside = distance_to_last(parts, index)
    marginal = sum(digamma(count_within(part, inside) + 1) for part in parts)
    return float(digamma(k) + digamma(n) - np.mean(marginal))


def _ksg2(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    marginal = sum(digamma(count_up_to(part, edge(part, index))) for part in parts)
    return float(digamma(k) - 1 / k + digamma(n) - np.mean(marginal))


def _gao(parts: list[np.ndarray], index: Index) -> float:
    n, k = index.shape
    distance, inside = distance_to_last(parts, index)
    tied, zero = distance == 0, np.zeros(n)
    multiplicity = np.where(tied, count_up_to(np.hstack(parts), zero) + 1, k)
    marginal = sum(
        digamma(np.where(tied, count_up_to(part, zero), count_within(part, inside)) + 1)
        for part in parts
    )
    return float(np.mean(digamma(multiplicity) - marginal) + math.log(n))


ESTIMATORS: dict[str, Callable[[list[np.ndarray], Index], float]] = {
    "ksg1": _ksg1,
    "ksg2": _ksg2,
    "gao": _gao,
}
