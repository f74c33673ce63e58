"""Rényi and Tsallis entropy from a sample, by nearest neighbours."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln
from torch import Tensor

from entropae.entropy.degenerate import infinite
from entropae.entropy.distances import LOG_UNIT_BALL, is_number
from entropae.entropy.prepared import Scale, coincident, prepared
from entropae.neighbors import Norm, check_k, is_opaque, kth_distance, warn
from entropae.variables import Resolutions


@overload
def knn_renyi_entropy(
    x: Tensor,
    order: float,
    *,
    k: int = ...,
    norm: Norm = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_renyi_entropy(
    x: ArrayLike,
    order: float,
    *,
    k: int = ...,
    norm: Norm = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> float: ...
def knn_renyi_entropy(
    x: Any,
    order: float,
    *,
    k: int = 3,
    norm: Norm = "euclidean",
    resolution: Resolutions = "auto",
    scale: Scale = "auto",
    seed: int = 0,
) -> Tensor | float:
    """Rényi entropy `log ∫ f^q / (1 − q)` of order `q` of the distribution of a sample, in nats.

    With `V_i = B_d ε_k(i)^d` the volume of the ball that reaches the k-th neighbour of `x_i`,

        Î_q = Γ(k) Γ(n + 1 − q) / (Γ(k + 1 − q) Γ(n)) · (1/n) Σ_i V_i^(1−q),
        Ĥ_q = log Î_q / (1 − q).

    The published constant has `(n − 1)^(1−q)` for `Γ(n + 1 − q)/Γ(n)`, which is equal to first
    order; as it is here, an even density is estimated without bias at every `n`, and q → 1 gives
    `knn_entropy` exactly.

    Args:
        x: Sample of shape `(n, d)`, or `(n,)` for `d = 1`.
        order: `q`, above 0. At 1, Shannon's entropy.
        k: Which neighbour, more than `q − 1`. The variance is finite if `k > 2 (q − 1)`.
        norm: As in `knn_entropy`.
        resolution: As in `knn_entropy`.
        scale: As in `knn_entropy`.
        seed: As in `knn_entropy`.

    Returns:
        A scalar tensor with gradient to every point if `x` is a tensor, else a float. If columns
        are constant or exactly linearly dependent: `-inf`, with a warning that names them. If
        points coincide with their k-th neighbour and `q ≥ 1`, or all do: `-inf`.

    Raises:
        ValueError: If `order` is not a finite number above 0, if `k` is not in `[1, n − 1]` or not
            more than `order − 1`; for `x` as in `knn_entropy`.

    References:
        Leonenko, Pronzato and Savani, Annals of Statistics 36 (2008) 2153, eqs. (3.1) and (3.2).

    Examples:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).uniform(0, 2, 10_000)
        >>> print(f"{knn_renyi_entropy(x, 2):.2f}, in truth {np.log(2):.2f}")
        0.69, in truth 0.69
    """
    entropy = _over_spreads(x, order, k, norm, resolution, scale, seed)
    return entropy if isinstance(x, Tensor) else float(entropy)


@overload
def knn_tsallis_entropy(
    x: Tensor,
    order: float,
    *,
    k: int = ...,
    norm: Norm = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_tsallis_entropy(
    x: ArrayLike,
    order: float,
    *,
    k: int = ...,
    norm: Norm = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
) -> float: ...
def knn_tsallis_entropy(
    x: Any,
    order: float,
    *,
    k: int = 3,
    norm: Norm = "euclidean",
    resolution: Resolutions = "auto",
    scale: Scale = "auto",
    seed: int = 0,
) -> Tensor | float:
    """Tsallis entropy `(1 − ∫ f^q) / (q − 1)` of order `q` of the distribution of a sample.

    From the `Î_q` of `knn_renyi_entropy`: `Ĥ = (1 − Î_q) / (q − 1)`. Not in nats unless `q` is 1: a
    power of a density has the unit of `x` in it.

    Args:
        x: Sample of shape `(n, d)`, or `(n,)` for `d = 1`.
        order: `q`, above 0. At 1, Shannon's entropy.
        k: Which neighbour, more than `q − 1`.
        norm: As in `knn_entropy`.
        resolution: As in `knn_entropy`.
        scale: As in `knn_entropy`.
        seed: As in `knn_entropy`.

    Returns:
        As `knn_renyi_entropy`; where that is `-inf`, `-1/(1 − q)` for `q < 1` and `-inf` otherwise.
        Where a power of the density is beyond the largest number, `inf` or `-inf`.

    Raises:
        ValueError: As `knn_renyi_entropy`.

    References:
        Leonenko, Pronzato and Savani, Annals of Statistics 36 (2008) 2153, eqs. (3.1) and (3.2).

    Examples:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).uniform(0, 2, 10_000)
        >>> print(f"{knn_tsallis_entropy(x, 2):.2f}, in truth {1 - 1 / 2:.2f}")
        0.50, in truth 0.50
    """
    entropy = _over_spreads(x, order, k, norm, resolution, scale, seed)
    if order != 1:
        entropy = torch.expm1((1 - order) * entropy) / (1 - order)
    return entropy if isinstance(x, Tensor) else float(entropy)


def _over_spreads(
    x: Any,
    order: float,
    k: int,
    norm: Norm,
    resolution: Resolutions,
    scale: Scale,
    seed: int,
) -> Float[Tensor, ""]:
    """Rényi entropy, the mean over spreads of what is rounded."""
    sample = prepared(x, resolution=resolution, scale=scale, seed=seed)
    points = sample.points
    n = len(points)
    if not is_number(order, 0) or order == 0:
        raise ValueError(f"`order` must be a finite number above 0: got order={order!r}.")
    check_k(k, n - 1, f"n={n} points")
    order = float(order) if isinstance(order, np.floating) else order
    if k <= order - 1:
        raise ValueError(
            f"`k` must be more than order - 1: got k={k} with order={order}. "
            f"Use k={math.floor(order)} or larger."
        )
    for message in sample.warnings:
        warn(message)
    looks = not is_opaque(points)
    message = sample.why_singular if looks else None
    if message:
        warn(message)
        return infinite(points)
    values = [_renyi(turn, order, k, norm) for turn in sample.turns]
    entropy = (sum(values[1:], values[0]) / len(values) + sample.shift).to(points.dtype)
    if looks and entropy.isneginf():
        warn(coincident((k,), points.requires_grad))
    return entropy


def _renyi(points: Float[Tensor, "n d"], order: float, k: int, norm: Norm) -> Float[Tensor, ""]:
    n, d = points.shape
    log_volume = LOG_UNIT_BALL[norm](d) + d * kth_distance(points, k=k, norm=norm).log()
    power = 1.0 - order
    constant = _log_gamma_slope(n, power) - _log_gamma_slope(k, power)
    if power == 0:
        return log_volume.mean() + constant
    mean = torch.logsumexp(power * log_volume, 0) - math.log(n)
    if abs(power) < 1e-2:
        # The same without the cancellation in log(1 + small) / small.
        centre = log_volume.detach().mean()
        near = power * centre + torch.expm1(power * (log_volume - centre)).mean().log1p()
        mean = torch.where(torch.isfinite(centre), near, mean)
    return mean / power + constant


def _log_gamma_slope(a: int, step: float) -> float:
    """`(log Γ(a + step) − log Γ(a)) / step`, ψ(a) in the limit."""
    if abs(step) < 1e-4:
        return float(digamma(a + 0.5 * step))
    return float(gammaln(a + step) - gammaln(a)) / step
