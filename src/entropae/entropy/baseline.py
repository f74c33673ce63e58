"""What the estimators say of normal distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.distances import as_tuple, is_count
from entropae.entropy.methods import METHODS, EntropyMethod, check_options
from entropae.entropy.whitening import (
    default_repeats,
    gaussian_entropy,
    slope_on_squares,
    whitened_normal,
)
from entropae.neighbors import Norm


class Baseline(NamedTuple):
    """What an estimator says of N(0, I): mean and standard deviation over samples, in nats."""

    mean: float
    std: float
    standard_error: float = math.nan  # of the mean, which is simulated


def gaussian_baseline(
    n: int,
    d: int,
    k: int | Sequence[int] = 3,
    *,
    method: EntropyMethod = "kl",
    norm: Norm = "euclidean",
    repeats: int | None = None,
) -> Baseline:
    """What `knn_entropy` says of `n` points drawn from N(0, I) in `d` dimensions, in nats.

    An estimate below it says 'less entropy than a Gaussian' even where both exceed the closed
    form, as they do in high dimension. Seeded, and kept for the life of the process.

    Args:
        n: Points of each sample.
        d: Dimensions.
        k: Which neighbour, or several.
        method: As in `knn_entropy`. `"calibrated"` has the closed form for its mean, as it is made
            to; the standard error is that of the correction.
        norm: As in `knn_entropy`.
        repeats: Number of samples. By default about 50 000 points in all, at least 4 samples and at
            most 64.

    Returns:
        Mean and standard deviation of the estimate over samples, and standard error of the mean.

    Raises:
        ValueError: If `k` is not in `[1, n − 1]` or `repeats` is less than 2; if the method cannot
            take `n`, `d` and `k`.

    Examples:
        >>> baseline = gaussian_baseline(100, 16, k=1)
        >>> print(f"{baseline.mean:.1f}, in truth {gaussian_entropy(16):.1f}")
        23.7, in truth 22.7
    """
    for name, value in (("n", n), ("d", d)):
        if not is_count(value, 1):
            raise ValueError(f"`{name}` must be an integer of at least 1: got {name}={value!r}.")
    if repeats is not None and not is_count(repeats, 2):
        raise ValueError(f"`repeats` must be an integer of at least 2: got repeats={repeats!r}.")
    ks = as_tuple(k, n)
    repeats = default_repeats(n) if repeats is None else repeats
    return _gaussian_baseline(n, d, ks, method, norm, repeats)


@lru_cache(maxsize=1024)
def _gaussian_baseline(
    n: int, d: int, ks: tuple[int, ...], method: EntropyMethod, norm: Norm, repeats: int
) -> Baseline:
    if method in ("whitened", "calibrated"):
        normal = whitened_normal(n, d, ks, norm, repeats)
        bias = normal.bias if method == "whitened" else 0.0
        return Baseline(gaussian_entropy(d) + bias, normal.std, normal.standard_error)
    return simulate(n, torch.eye(d, dtype=torch.float64), ks, method, norm, repeats)[0]


@torch.no_grad()
def simulate(
    n: int,
    factor: Float[Tensor, "d d"],
    ks: tuple[int, ...],
    method: EntropyMethod,
    norm: Norm,
    repeats: int,
    p: int | None = None,
) -> tuple[Baseline, float]:
    """What a method says of samples of N(0, L L'), and the slope of its terms on `½ |L⁻¹ x|²`.

    Args:
        n: Points of each sample.
        factor: `L`, of shape `(d, d)`.
        ks: Which neighbours.
        method: As in `knn_entropy`.
        norm: As in `knn_entropy`.
        repeats: Number of samples.
        p: As in `knn_entropy`.
    """
    d = len(factor)
    check_options(factor.new_zeros(n, d), ks, method=method, p=p)
    generator = torch.Generator().manual_seed(0)
    values, slopes = [], []
    for _ in range(repeats):
        white = torch.randn(n, d, generator=generator, dtype=torch.float64)
        entropy = METHODS[method].pointwise(white @ factor.T, ks, norm, 0.0, p)
        values.append(entropy.value)
        slopes.append(slope_on_squares(entropy.terms, white))
    value = torch.stack(values)
    std = float(value.std())
    return Baseline(float(value.mean()), std, std / math.sqrt(repeats)), sum(slopes) / repeats
