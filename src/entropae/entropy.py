"""Differential entropy from a sample, by nearest neighbours. In nats throughout."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, overload

import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln
from torch import Tensor

from entropae.neighbors import Norm, as_points, check_k, kth_distance


@overload
def knn_entropy(x: Tensor, k: int = ..., *, norm: Norm = ..., floor: float = ...) -> Tensor: ...
@overload
def knn_entropy(x: ArrayLike, k: int = ..., *, norm: Norm = ..., floor: float = ...) -> float: ...
def knn_entropy(
    x: Any, k: int = 3, *, norm: Norm = "euclidean", floor: float = 0.0
) -> Tensor | float:
    """Differential entropy of the law that `x` is a sample of, in nats.

    The Kozachenko–Leonenko estimator: with `ε_k(i)` the distance from `x_i` to its k-th nearest
    neighbour among the other points, and `B_d` the volume of the unit ball,

        Ĥ = (d/n) Σ_i log ε_k(i) + log B_d + ψ(n) − ψ(k).

    Consistent for smooth laws; biased for finite `n`, upwards and strongly when `d` is large.
    Set it beside `gaussian_baseline(n, d, k)` before comparing it with a closed form.

    Args:
        x: Sample of shape `(n, d)`, or `(n,)` for `d = 1`. Half precision is computed in float32,
            integers in float64.
        k: Which neighbour. Smaller is less biased, larger less variable.
        norm: `"euclidean"` or `"maximum"`, the norm that distances are measured in.
        floor: Below this distance, `log ε` continues along its tangent, `log floor + ε/floor − 1`,
            which keeps value and gradient bounded. At the default, 0, coincident points make the
            estimate `-inf`, the true value for a law with atoms.

    Returns:
        A scalar tensor with gradient to every point if `x` is a tensor, else a float. If columns
        are constant and `floor` is 0: `-inf`, with a warning that names them.

    Raises:
        ValueError: If `x` is empty, not finite, or has more than two axes; if `k` is not in
            `[1, n − 1]`; if `floor` is negative.

    References:
        Kozachenko and Leonenko, Problems of Information Transmission 23 (1987) 95.
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eq. (20), for any k.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).standard_normal((10_000, 2))
        >>> print(f"{knn_entropy(x):.1f}, in truth {gaussian_entropy(2):.1f}")
        2.8, in truth 2.8
    """
    points = as_points(x)
    n = len(points)
    check_k(k, n - 1, f"n={n} points")
    if floor == 0 and _has_constant_column(points.detach()):
        degenerate = points.new_tensor(-math.inf)
        return degenerate if isinstance(x, Tensor) else -math.inf
    distance = kth_distance(points, k=k, norm=norm)
    entropy = entropy_of_distances(distance, points.shape[1], n - 1, k, norm=norm, floor=floor)
    return entropy if isinstance(x, Tensor) else float(entropy)


def entropy_of_distances(
    distance: Float[Tensor, " n"],
    d: int,
    m: int,
    k: int,
    *,
    norm: Norm = "euclidean",
    floor: float = 0.0,
) -> Float[Tensor, ""]:
    """Formula of `knn_entropy` for distances already found, each among `m` other points.

    Args:
        distance: Distances to the k-th neighbour, shape `(n,)`.
        d: Dimensions of the space.
        m: Number of other points searched for each distance: `n − 1` within one sample.
        k: Which neighbour the distances are to.
        norm: The norm they were measured in.
        floor: See `knn_entropy`.
    """
    constant = LOG_UNIT_BALL[norm](d) + float(digamma(m + 1) - digamma(k))
    return d * log_distance(distance, floor).mean() + constant


def log_distance(distance: Float[Tensor, " n"], floor: float = 0.0) -> Float[Tensor, " n"]:
    """`log ε`, continued along its tangent below `floor`; `-inf` at 0 when `floor` is 0.

    Raises:
        ValueError: If `floor` is negative or not finite.
    """
    if not 0 <= floor < math.inf:
        raise ValueError(f"`floor` must be a finite distance >= 0: got floor={floor}.")
    if floor == 0:
        return distance.log()
    tangent = math.log(floor) + distance / floor - 1
    return torch.where(distance < floor, tangent, distance.clamp(min=floor).log())


def _has_constant_column(points: Tensor) -> bool:
    constant = (points == points[0]).all(0).nonzero()[:, 0].tolist()
    if constant:
        names = ", ".join(map(str, constant[:8])) + (", …" if len(constant) > 8 else "")
        warnings.warn(
            f"Column {names} of `x` is constant, so the law has no density, the entropy is -inf. "
            "Drop the column to measure the entropy of the others.",
            stacklevel=3,
        )
    return bool(constant)


def gaussian_entropy(d: int) -> float:
    """Entropy of N(0, I) in `d` dimensions, ½ d log 2πe nats: the largest for unit variances.

    Example:
        >>> round(gaussian_entropy(16), 2)
        22.7
    """
    return 0.5 * d * math.log(2 * math.pi * math.e)


class Baseline(NamedTuple):
    """What an estimator says of N(0, I): mean and standard deviation over samples, in nats."""

    mean: float
    std: float


@lru_cache(maxsize=1024)
def gaussian_baseline(
    n: int, d: int, k: int = 3, *, norm: Norm = "euclidean", repeats: int | None = None
) -> Baseline:
    """What `knn_entropy` says of `n` points drawn from N(0, I) in `d` dimensions, in nats.

    An estimate below it says 'less entropy than a Gaussian' even where both exceed the closed
    form, as they do in high dimension. Seeded, and kept for the life of the process.

    Args:
        n: Points of each sample.
        d: Dimensions.
        k: Which neighbour.
        norm: As in `knn_entropy`.
        repeats: Number of samples. By default about 50 000 points in all, at least 4 samples and at
            most 64.

    Returns:
        Mean and standard deviation of the estimate over samples (not of the mean).

    Raises:
        ValueError: If `k` is not in `[1, n − 1]` or `repeats` is less than 2.

    Example:
        >>> baseline = gaussian_baseline(100, 16, k=1)
        >>> print(f"{baseline.mean:.1f}, in truth {gaussian_entropy(16):.1f}")
        23.7, in truth 22.7
    """
    check_k(k, n - 1, f"n={n} points")
    repeats = min(64, max(4, 50_000 // n)) if repeats is None else repeats
    if repeats < 2:
        raise ValueError(f"`repeats` must be at least 2: got repeats={repeats}.")
    generator = torch.Generator().manual_seed(0)
    values = torch.stack(
        [
            knn_entropy(torch.randn(n, d, generator=generator, dtype=torch.float64), k, norm=norm)
            for _ in range(repeats)
        ]
    )
    return Baseline(float(values.mean()), float(values.std()))


def _log_euclidean_ball(d: int) -> float:
    return 0.5 * d * math.log(math.pi) - float(gammaln(1 + 0.5 * d))


def _log_maximum_ball(d: int) -> float:
    return d * math.log(2)


LOG_UNIT_BALL: dict[str, Callable[[int], float]] = {
    "euclidean": _log_euclidean_ball,
    "maximum": _log_maximum_ball,
}
