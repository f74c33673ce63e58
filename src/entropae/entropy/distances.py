"""From distances to entropy: the volume of a ball, the logarithm, the digamma constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import digamma, gammaln
from torch import Tensor

from entropae.neighbors import ORDER, Norm, check_k, is_opaque, kth_distance, nearest


class Pointwise(NamedTuple):
    """An entropy as `d` times a mean over the points, plus what is the same for all of them.

    Attributes:
        log_distance: Each point's `log ε_i`, or what a method has in its place, shape `(n,)`.
        d: Dimensions.
        constant: Volume of the unit ball, digamma functions, log-determinant.
        spread: Σ_jl w_j w_l ψ'(max(j, l)): the variance that a term has in a uniform distribution.
    """

    log_distance: Float[Tensor, " n"]
    d: int
    constant: float | Float[Tensor, ""]
    spread: float

    @property
    def value(self) -> Float[Tensor, ""]:
        """The estimate."""
        return self.d * self.log_distance.mean() + self.constant

    @property
    def terms(self) -> Float[Tensor, " n"]:
        """What the estimate is the mean of."""
        return self.d * self.log_distance + self.constant


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


def log_distance(distance: Float[Tensor, "*n"], floor: float = 0.0) -> Float[Tensor, "*n"]:
    """`log ε`, continued along its tangent below `floor`; `-inf` at 0 when `floor` is 0.

    Raises:
        ValueError: If `floor` is negative or not finite.
    """
    if not is_number(floor, 0):
        raise ValueError(f"`floor` must be a finite distance >= 0: got floor={floor!r}.")
    if floor == 0:
        return distance.log()
    tangent = math.log(floor) + distance / floor - 1
    return torch.where(distance < floor, tangent, distance.clamp(min=floor).log())


def is_number(value: Any, least: int | float) -> bool:
    """Whether an option is a real number that is finite as a float and not below `least`."""
    number: Any = value if isinstance(value, Real) else math.nan
    number = float(number) if isinstance(number, np.floating) else number
    return bool(least <= number <= sys.float_info.max)


def is_count(value: Any, least: int) -> bool:
    """Whether an option is an integer not below `least`."""
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return bool(integer and value >= least)


def neighbour_distances(
    points: Float[Tensor, "n d"], ks: Sequence[int], norm: Norm
) -> Float[Tensor, "n m"]:
    """Distances from each point to its k-th neighbour for each of `m` values of k.

    One search serves them all unless a gradient is asked for, when each has its own.
    """
    if len(ks) == 1 or points.requires_grad or is_opaque(points):
        return torch.stack([kth_distance(points, k=k, norm=norm) for k in ks], 1)
    index = nearest(points, k=max(ks), norm=norm)
    return torch.stack([_length(points - points[index[:, k - 1]], norm) for k in ks], 1)


def _length(difference: Float[Tensor, "n d"], norm: Norm) -> Float[Tensor, " n"]:
    """Norm of each row, also where squares would leave the range of numbers."""
    largest = difference.abs().amax(1)
    unit = torch.where(largest > 0, largest, 1.0)
    return unit * torch.linalg.vector_norm(difference / unit[:, None], ORDER[norm], dim=1)


def as_tuple(k: int | Sequence[int], n: int) -> tuple[int, ...]:
    """The values of k asked for, each checked against a sample of `n` points.

    Raises:
        ValueError: If one is not an integer in `[1, n − 1]`, or there is none.
    """
    ks = tuple(np.atleast_1d(k)) if isinstance(k, Sequence | np.ndarray) else (k,)
    if not ks:
        raise ValueError("`k` must name at least one neighbour: got an empty sequence. Use k=3.")
    for one in ks:
        check_k(one, n - 1, f"n={n} points")
    return tuple(map(int, ks))


def _log_euclidean_ball(d: int) -> float:
    return 0.5 * d * math.log(math.pi) - float(gammaln(1 + 0.5 * d))


def _log_maximum_ball(d: int) -> float:
    return d * math.log(2)


LOG_UNIT_BALL: dict[str, Callable[[int], float]] = {
    "euclidean": _log_euclidean_ball,
    "maximum": _log_maximum_ball,
}
