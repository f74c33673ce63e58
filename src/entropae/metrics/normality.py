"""How far codes are from N(0, I)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from entropae.entropy import gaussian_baseline, gaussian_entropy, knn_entropy
from entropae.metrics.sliced import sliced_wasserstein
from entropae.neighbors import as_points


class Normality(NamedTuple):
    """How far a sample of codes is from N(0, I). Each figure has its N(0, I) value beside it."""

    mean: float  # largest absolute mean of a coordinate
    variance: tuple[float, float]  # smallest and largest variance of a coordinate
    correlation: float  # root mean square correlation of two coordinates
    kurtosis: float  # mean excess kurtosis of a coordinate; 0 for N(0, I)
    norm_spread: float  # standard deviation of ‖z‖
    norm_spread_normal: float  # of N(0, I)
    entropy: float  # knn_entropy of the codes that differ, nats per dimension
    entropy_normal: float  # mean of the same estimator on N(0, I) samples of the same n, d, k
    entropy_exact: float  # ½ log 2πe
    sliced_wasserstein: float  # from N(0, I)
    sliced_wasserstein_normal: float  # of as many N(0, I) points


def normality(code: Any, *, k: int = 3, limit: int = 4096) -> Normality:
    """Compare codes with N(0, I): moments, the spread of their norm, and their entropy.

    The entropy alone is not enough: in high dimension a thin shell scores higher than a Gaussian
    with the nearest-neighbour estimator. A spread of ‖z‖ below the Gaussian's shows the shell.
    Samples that are there more than once, as short sentences are, have one code, where no density
    is: for the entropy each code counts once.

    Args:
        code: Codes of shape `(n, d)`.
        k: Which neighbour the entropy uses.
        limit: At most so many codes, evenly spaced, enter the entropy, whose cost grows with n².

    Returns:
        The figures; the entropy is -inf if no more than `k` codes differ.

    Raises:
        ValueError: If the codes are not finite or there are not more than `k`.
    """
    z = as_points(code, "code").detach().cpu().double()
    n, d = z.shape
    variance = z.var(0)
    standard = (z - z.mean(0)) / variance.clamp(min=1e-300).sqrt()
    correlation = standard.T @ standard / (n - 1)
    off = correlation - torch.diag(correlation.diagonal())
    some = z[torch.linspace(0, n - 1, min(n, limit)).long()].unique(dim=0)
    few = len(some) <= k < n
    generator = torch.Generator().manual_seed(0)
    mean_norm = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return Normality(
        mean=float(z.mean(0).abs().max()),
        variance=(float(variance.min()), float(variance.max())),
        correlation=float((off.square().sum() / max(1, d * (d - 1))).sqrt()),
        kurtosis=float(standard.pow(4).mean() - 3),
        norm_spread=float(z.norm(dim=1).std()),
        norm_spread_normal=math.sqrt(d - mean_norm**2),
        entropy=-math.inf if few else float(knn_entropy(some, k, resolution=None, scale=None)) / d,
        entropy_normal=gaussian_baseline(k + 1 if few else len(some), d, k).mean / d,
        entropy_exact=gaussian_entropy(1),
        sliced_wasserstein=sliced_wasserstein(z),
        sliced_wasserstein_normal=sliced_wasserstein(torch.randn(z.shape, generator=generator)),
    )
