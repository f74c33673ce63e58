"""Divergence and cross-entropy of two samples, with gradients."""

from __future__ import annotations

import math
from typing import Any, overload

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from entropae.entropy import called, dependent_columns, entropy_of_distances, log_distance
from entropae.information.parts import Scale
from entropae.information.references import (
    DivergenceMethod,
    check_method,
    referenced,
    why_biased,
)
from entropae.information.result import like
from entropae.information.two_samples import TwoSamples, two_samples
from entropae.neighbors import Norm, check_k, is_opaque, kth_distance, warn
from entropae.variables import Data, Resolutions


@overload
def knn_divergence(
    x: Tensor,
    y: Tensor | Data,
    k: int = ...,
    *,
    method: DivergenceMethod = ...,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_divergence(
    x: Data,
    y: Tensor,
    k: int = ...,
    *,
    method: DivergenceMethod = ...,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_divergence(
    x: Data,
    y: Data,
    k: int = ...,
    *,
    method: DivergenceMethod = ...,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> float: ...
def knn_divergence(
    x: Any,
    y: Any,
    k: int = 3,
    *,
    method: DivergenceMethod = "knn",
    norm: Norm = "euclidean",
    floor: float = 0.0,
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    seed: int = 0,
) -> Tensor | float:
    """Kullback–Leibler divergence KL(P‖Q) from a sample of P and a sample of Q, in nats.

    With `ρ_k(i)` the distance from `x_i` to its k-th nearest neighbour among the other points of
    `x`, and `ν_k(i)` that to its k-th nearest among the points of `y`,

        D̂ = (d/n) Σ_i log(ν_k(i) / ρ_k(i)) + log(m / (n − 1)).

    Consistent for distributions with densities. Not bounded by 0: where P and Q are equal, the
    estimate scatters about it. Biased downwards where P reaches beyond the points of Q: for N(0, 4)
    from N(0, 1) in one dimension, 0.81 nats, it says 0.60 with 5000 points of each. In many
    dimensions it is off by nats: with 4000 points and d = 16, −0.9 for N(0, 1.96 I) from N(0, I),
    which are 2.3 apart. The other methods take away what it is off by between distributions that
    are fitted to the samples, see `references.py`:

    - `"calibrated"`: normal ones;
    - `"copula"`: columns of any shape, of which normal scores are normal together;
    - `"ica"`: sums of independent columns of any shape;
    - `"mixture"`: clusters;
    - `"auto"`: the simplest of these that points held out are near to; `"knn"` up to d = 3.

    `divergence_estimate` says which, how far to trust it, and what speaks against it.

    To minimise it over `x`, take `k = 1`, a `floor`, and a fresh `y` at every step. Points of `x`
    otherwise settle on those of `y`, and at larger `k` they gather in groups of `k`: the estimate
    falls without bound and the samples do not come nearer. Where `x` is drawn anew at every step
    as well, by the generator that is trained, neither can happen, and a larger `k` has less noise.

    Args:
        x: Sample of P, shape `(n, d)`, or `(n,)` for `d = 1`.
        y: Sample of Q, shape `(m, d)`, independent of `x`; `m` need not be `n`.
        k: Which neighbour, in both samples. Larger is less variable and more biased.
        method: Which estimator.
        norm: `"euclidean"` or `"maximum"`, the norm that distances are measured in.
        floor: Below this distance both logarithms continue along their tangents, as in
            `knn_entropy`: value and gradient stay bounded whatever coincides.
        resolution: See `knn_entropy`; the step is that of both samples together.
        scale: `"standard"` to divide each column by its standard deviation in both samples
            together, so that units do not matter; `None` to leave them. Tensors that require a
            gradient are taken as they are.
        seed: Of the spreads, and of the samples of references.

    Returns:
        A scalar tensor with gradient to every point of both samples if `x` or `y` is a tensor
        (by `"knn"`; other methods detach it), else a float; in the wider of the two dtypes. At
        `floor = 0`: `inf` where points of `x` coincide `k + 1` times, as P then has an atom that Q
        lacks; and `inf`, with a warning that names it, where a column is constant in one sample and
        not in the other. With d ≥ 8, a warning where `"knn"` is off for normal distributions.

    Raises:
        ValueError: If a sample is empty, not finite or has more than two axes; if the columns
            differ in number; if `k` is not in `[1, min(n − 1, m)]`; if `floor` is negative. At
            `floor = 0` also where the samples share points to the k-th neighbour, a column is the
            same constant in both, or columns are linearly dependent in both alike, which no value
            of a divergence between densities describes.

    References:
        Wang, Kulkarni and Verdú, IEEE Trans. Inf. Theory 55 (2009) 2392, the estimator with fixed
        k for two samples.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal((5000, 2)), rng.standard_normal((8000, 2)) + [1, 0]
        >>> print(f"{knn_divergence(x, y):.1f}, in truth {1 / 2}")
        0.5, in truth 0.5
    """
    check_method(method, floor)
    samples = two_samples(x, y, resolution=resolution, scale=scale, seed=seed)
    value = by_distances(samples, k, norm, floor)
    if method != "knn" and value.isfinite():
        value = value.new_tensor(referenced(samples.turns, k, norm, method, seed).value)
    elif floor == 0 and not value.requires_grad and not is_opaque(value) and value.isfinite():
        message = why_biased(*samples.turns[0], k, norm, unasked=True)
        if message:
            warn(message)
    _warn_of_repeats(samples, value)
    return like(value.to(samples.x.dtype), x, y)


def by_distances(samples: TwoSamples, k: int, norm: Norm, floor: float) -> Float[Tensor, ""]:
    """The estimate of `"knn"`, with all that is refused or warned of where there is no value."""
    p, q = samples.x, samples.y
    n, m = len(p), len(q)
    check_k(k, min(n - 1, m), f"n={n} points in `x` and m={m} in `y`")
    looks = floor == 0 and not is_opaque(p) and not is_opaque(q)
    if looks:
        singular = _singular_columns(p.detach(), q.detach(), samples.names)
        if singular.any():
            why = "constant in `x` or `y` and not the same in the other"
            _warn_of(singular, samples.names, why, math.inf)
            return p.new_tensor(math.inf)
        samples.check_density()
        samples.check_independent()
    values = [_divergence(*turn, k, norm, floor, looks) for turn in samples.turns]
    value = sum(values[1:], values[0]) / len(values)
    if looks and value.isposinf():
        _warn_of_atoms(k)
    if looks and value.isfinite():
        _check_dimensions(p.detach(), q.detach(), samples.names)
    return value


def _divergence(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], k: int, norm: Norm, floor: float, looks: bool
) -> Float[Tensor, ""]:
    (n, d), m = p.shape, len(q)
    within = kth_distance(p, k=k, norm=norm)
    across = kth_distance(p, q, k=k, norm=norm)
    if looks:
        _check_no_shared_points(across, k)
    ratio = log_distance(across, floor).mean() - log_distance(within, floor).mean()
    return d * ratio + math.log(m / (n - 1))


@overload
def knn_cross_entropy(
    x: Tensor,
    y: Tensor | Data,
    k: int = ...,
    *,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_cross_entropy(
    x: Data,
    y: Tensor,
    k: int = ...,
    *,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_cross_entropy(
    x: Data,
    y: Data,
    k: int = ...,
    *,
    norm: Norm = ...,
    floor: float = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> float: ...
def knn_cross_entropy(
    x: Any,
    y: Any,
    k: int = 3,
    *,
    norm: Norm = "euclidean",
    floor: float = 0.0,
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    seed: int = 0,
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
        resolution: See `knn_entropy`; the step is that of both samples together.
        scale: As in `knn_divergence`; the logarithms of what is divided by are added again.
        seed: Of the spreads.

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

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal(5000), rng.standard_normal(8000) + 1
        >>> print(f"{knn_cross_entropy(x, y):.1f}, in truth {np.log(2 * np.pi) / 2 + 1:.1f}")
        1.9, in truth 1.9
    """
    samples = two_samples(x, y, resolution=resolution, scale=scale, seed=seed)
    p, q = samples.x, samples.y
    d, m = p.shape[1], len(q)
    check_k(k, m, f"m={m} points in `y`")
    looks = floor == 0 and not is_opaque(p) and not is_opaque(q)
    if looks:
        constant = _constant_columns(q.detach())
        if constant.any():
            inside = (p.detach() == q.detach()[0]).all(0)
            value = -math.inf if inside[constant].all() else math.inf
            why = "constant in `y`, so its distribution has no density"
            _warn_of(constant, samples.names, why, value)
            return like(p.new_tensor(value), x, y)
    values = [
        entropy_of_distances(kth_distance(a, b, k=k, norm=norm), d, m, k, norm=norm, floor=floor)
        for a, b in samples.turns
    ]
    value = sum(values[1:], values[0]) / len(values) + samples.shift
    if looks and value.isneginf():
        warn(
            f"Points of `x` coincide with k={k} points of `y`, so the cross-entropy is -inf. Use "
            "samples that share no rows, a larger `k`, or a `floor`; for rounded values, "
            'resolution="auto".'
        )
    _warn_of_repeats(samples, value)
    return like(value.to(p.dtype), x, y)


def _constant_columns(points: Float[Tensor, "n d"]) -> Bool[Tensor, " d"]:
    """One point alone says nothing of its columns."""
    return (points == points[0]).all(0) & (len(points) > 1)


def _singular_columns(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], names: tuple[str, ...]
) -> Bool[Tensor, " d"]:
    """Columns that are constant in one of the samples; the same constant in both is an error."""
    in_p, in_q = _constant_columns(p), _constant_columns(q)
    both = in_p & in_q & (p[0] == q[0])
    if both.any():
        named = called(both.nonzero()[:, 0].tolist(), names, "")
        raise ValueError(
            f"`x` and `y` must vary: got column {named} with one value in both. "
            "Drop the column; it adds nothing to the divergence."
        )
    return in_p | in_q


def _check_dimensions(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], names: tuple[str, ...]
) -> None:
    """Raise if both samples lie in one hyperplane, where a distance counts for too many columns."""
    dependent = dependent_columns(torch.cat([p, q.to(p.dtype)]))
    if dependent:
        raise ValueError(
            f"`x` and `y` must span all columns: got columns {called(dependent, names, '')}, which "
            "are linearly dependent in both alike. Drop one of them; it adds nothing to the "
            "divergence."
        )


def _check_no_shared_points(across: Float[Tensor, " n"], k: int) -> None:
    shared = int((across.detach() == 0).sum())
    if shared:
        raise ValueError(
            f"`x` and `y` must not share points: got {shared} of {len(across)} rows of `x` that "
            f"coincide with k={k} or more points of `y`, which drives the estimate to -inf, no "
            "value of a divergence. Use independent samples, a larger `k`, or a `floor`."
        )


def _warn_of(columns: Bool[Tensor, " d"], names: tuple[str, ...], what: str, value: float) -> None:
    named = called(columns.nonzero()[:, 0].tolist(), names, "")
    warn(f"Column {named} is {what}: the value is {value}. Drop the column to measure the others.")


def _warn_of_repeats(samples: TwoSamples, value: Tensor) -> None:
    if samples.warnings and value.isfinite():
        for message in samples.warnings:
            warn(message)


def _warn_of_atoms(k: int) -> None:
    warn(
        f"More than k={k} points of `x` coincide, where its distribution then has an atom that "
        "that of `y` lacks, so the divergence is inf. Use a larger `k`; in `knn_divergence` also a "
        '`floor`; for rounded values, resolution="auto".'
    )
