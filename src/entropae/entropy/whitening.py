"""Entropy of the whitened sample, and what whitening is off by on normal distributions."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy.special import digamma, polygamma
from torch import Tensor

from entropae.entropy.distances import LOG_UNIT_BALL, log_distance, neighbour_distances
from entropae.neighbors import Norm, constant, is_opaque, operator


def gaussian_entropy(d: int) -> float:
    """Entropy of N(0, I) in `d` dimensions, ½ d log 2πe nats: the largest for unit variances.

    Examples:
        >>> round(gaussian_entropy(16), 2)
        22.7
    """
    return 0.5 * d * math.log(2 * math.pi * math.e)


def whiten(points: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Float[Tensor, ""]]:
    """The sample with mean 0 and covariance I, and ½ log det Σ̂ of the map that undoes it.

    With the factors `X − X̄ = Q R`, the whitened points are `√(n−1) Q`: those of the Cholesky factor
    `R'/√(n−1)` of Σ̂, without squaring its condition. Computed in float64, with gradient.

    Raises:
        ValueError: If there are not more points than dimensions.
    """
    n, d = points.shape
    if n <= d:
        raise ValueError(
            f"`x` must have more points than dimensions to be whitened: got n={n}, d={d}. "
            'Use more points, fewer columns, or method="kl".'
        )
    x = points.double()
    # Columns of like size: else the factors lose the small ones.
    standard, scale = standardize(x)
    q, r = torch.linalg.qr(standard)
    half_log_det = r.diagonal().abs().log().sum() + scale.log().sum()
    return math.sqrt(n - 1) * _coincide(q, x), half_log_det - 0.5 * d * math.log(n - 1)


def standardize(x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Float[Tensor, " d"]]:
    """Columns of mean 0 and variance 1, none of them constant, and what they were divided by."""
    # The sums and squares of what is very small or large would leave the range of numbers.
    size = x.detach().abs().amax(0)
    power = size / (2 * torch.frexp(size).mantissa)  # of two, so that no digit is lost
    near = x / power
    centred = near - near.mean(0)
    unit = centred.detach().abs().amax(0)
    scaled = centred / unit
    scale = scaled.detach().std(0)
    return scaled / scale, scale * unit * power


def _coincide(q: Float[Tensor, "n d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """`q` with rows exactly equal where those of `x` are, each with its own gradient.

    Rounding sets equal rows of `x` apart, and log ε of what it leaves would be some −35.
    """
    equal = _equal_rows(x.detach())
    return q + (q[equal] - q).detach()


def _one_of_equal_rows(x: Tensor) -> Tensor:
    """For each row the index of one that is equal to it, the same for all of them."""
    rows = torch.arange(len(x), device=x.device)
    # To sort a column takes a fraction of the time that it takes to sort the rows.
    if any(bool((column.sort().values.diff() != 0).all()) for column in x.T):
        return rows
    different, which = torch.unique(x, dim=0, return_inverse=True)
    first = torch.empty(len(different), dtype=torch.int64, device=x.device)
    first[which] = rows
    return first[which]


_equal_rows = operator(
    "equal_rows",
    "(Tensor x) -> Tensor",
    _one_of_equal_rows,
    lambda x: x.new_empty(len(x), dtype=torch.int64),
)


def mean_log_distances(
    points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm, floor: float = 0.0
) -> Float[Tensor, " n"]:
    """Each point's `log ε_k`, its mean over the values of k."""
    return log_distance(neighbour_distances(points, ks, norm), floor).mean(1)


@constant
def kl_constant(n: int, d: int, ks: tuple[int, ...], norm: Norm) -> float:
    """What the Kozachenko–Leonenko estimator adds to `d` times the mean logarithm."""
    return _kl_constant(n, d, ks, norm)


@lru_cache(maxsize=1024)
def _kl_constant(n: int, d: int, ks: tuple[int, ...], norm: Norm) -> float:
    return LOG_UNIT_BALL[norm](d) + float(digamma(n) - sum(digamma(k) for k in ks) / len(ks))


class WhitenedNormal(NamedTuple):
    """How the whitened estimate is distributed on normal distributions, in nats."""

    bias: float
    std: float
    standard_error: float  # of the bias
    slope: float  # of the terms on ½ |z|², see `slope_on_squares`


@lru_cache(maxsize=1024)
@torch.no_grad()
def whitened_normal(
    n: int, d: int, ks: tuple[int, ...], norm: Norm, repeats: int
) -> WhitenedNormal:
    """Bias and standard deviation of the whitened estimate on any normal distribution, in nats.

    The whitened sample does not depend on the mean and covariance, so N(0, I) stands for all, and
    it is independent of Σ̂ (Basu's theorem). So only its entropy is simulated; the other part is
    known, (n − 1) Σ̂ having a Wishart distribution:

        E log det Σ̂ = Σ_i ψ((n − i)/2) + d log(2/(n − 1)),   var log det Σ̂ = Σ_i ψ'((n − i)/2),

    for i = 1 … d.
    """
    generator = torch.Generator().manual_seed(0)
    constant = kl_constant(n, d, ks, norm)
    entropies, slopes = [], []
    for _ in range(repeats):
        white, _ = whiten(torch.randn(n, d, generator=generator, dtype=torch.float64))
        logs = mean_log_distances(white, ks, norm)
        entropies.append(d * logs.mean() + constant)
        slopes.append(slope_on_squares(d * logs, white))
    entropy = torch.stack(entropies)
    freedom = 0.5 * (n - torch.arange(1, d + 1, dtype=torch.float64).numpy())
    log_det = float(digamma(freedom).sum()) + d * math.log(2 / (n - 1))
    return WhitenedNormal(
        bias=float(entropy.mean()) + 0.5 * log_det - gaussian_entropy(d),
        std=math.sqrt(float(entropy.var()) + 0.25 * float(polygamma(1, freedom).sum())),
        standard_error=float(entropy.std()) / math.sqrt(repeats),
        slope=sum(slopes) / repeats,
    )


def normal_bias(points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm) -> float | Tensor:
    """The bias of `whitened_normal` for a sample of this size, also inside `torch.compile`."""
    if is_opaque(points):
        return _normal_bias(points.detach(), list(ks), norm)
    n, d = points.shape
    return whitened_normal(n, d, ks, norm, default_repeats(n)).bias


def _bias_as_tensor(points: Tensor, ks: list[int], norm: Norm) -> Tensor:
    return torch.tensor(
        normal_bias(points, tuple(ks), norm), dtype=torch.float64, device=points.device
    )


_normal_bias = operator(
    "normal_bias",
    "(Tensor points, int[] ks, str norm) -> Tensor",
    _bias_as_tensor,
    lambda points, ks, norm: points.new_empty((), dtype=torch.float64),
)


def slope_on_squares(terms: Float[Tensor, " n"], white: Float[Tensor, "n d"]) -> float:
    """Slope of an estimate's terms on `½ |z|²`, which for a Gaussian is −log f but for a constant.

    It is 1 there for large `n`, and less where neighbours are so far that the terms of points at
    the centre and outside differ less than the densities do.
    """
    half_square = 0.5 * white.square().sum(1)
    half_square = half_square - half_square.mean()
    return float((half_square * terms).sum() / half_square.square().sum())


def default_repeats(n: int) -> int:
    """Samples of a baseline: about 50 000 points in all, between 4 samples and 64."""
    return min(64, max(4, 50_000 // n))
