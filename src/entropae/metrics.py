"""Numbers from features or codes: distances between samples, and how normal a code is."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy import gaussian_baseline, gaussian_entropy, knn_entropy
from entropae.neighbors import as_points, block_size, kth_distance
from entropae.neighbors.scale import power_of_two


def frechet_distance(x: Any, y: Any) -> float:
    """Fréchet distance between the normal laws fitted to two samples of features.

        |μ_x − μ_y|² + tr(Σ_x + Σ_y − 2 (Σ_x^½ Σ_y Σ_x^½)^½)

    In float64, by symmetric eigenvalues. It is called FID only if the features are those of the
    standard Inception network; otherwise name the feature network beside the figure. It is biased
    upwards for small samples, so compare equal sample sizes only.

    Args:
        x: Features of shape `(n, f)`.
        y: Features of shape `(m, f)`.

    Returns:
        The distance, in squared units of the features. With a warning if a sample has no more
        points than features.

    Raises:
        ValueError: If a sample is not finite, has one point, or the dimensions differ.

    References:
        Dowson and Landau, J. Multivariate Analysis 12 (1982) 450, eq. (4).

    Examples:
        >>> x = torch.tensor([[0.0], [2.0]])
        >>> round(frechet_distance(x, x + 3), 6)
        9.0
    """
    x, y = _pair(x, y)
    fewest, f = min(len(x), len(y)), x.shape[1]
    if fewest <= f:
        warnings.warn(
            f"A Fréchet distance of n={fewest} samples in f={f} features is far too large: their "
            "covariance is singular. Use more than f samples, or the kernel distance, which has "
            "no bias.",
            stacklevel=2,
        )
    scale = power_of_two(x, y)
    x, y = scale * x, scale * y
    cov_x, cov_y = _covariance(x), _covariance(y)
    values, vectors = torch.linalg.eigh(cov_x)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = torch.linalg.eigvalsh(root @ cov_y @ root).clamp(min=0).sqrt().sum()
    means = (x.mean(0) - y.mean(0)).square().sum()
    return float(means + cov_x.trace() + cov_y.trace() - 2 * product) / scale / scale


def _covariance(x: Float[Tensor, "n d"]) -> Float[Tensor, "d d"]:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


class KernelDistance(NamedTuple):
    """Mean over subsets, and standard deviation between subsets."""

    mean: float
    std: float


def kernel_distance(
    x: Any, y: Any, *, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x·y/f + 1)³, unbiased.

    Unlike the Fréchet distance it has no bias at small samples, and may come out negative. It is
    called KID only if the features are those of the standard Inception network.

    Args:
        x: Features of shape `(n, f)`.
        y: Features of shape `(m, f)`.
        subsets: Number of random subsets of both samples.
        size: Points of each subset; at most the smaller sample.
        seed: Of the subsets.

    Raises:
        ValueError: If a sample is not finite or has one point, the dimensions differ, or `subsets`
            or `size` is too small.

    References:
        Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 3 and eq. (4).
    """
    x, y = _pair(x, y)
    size = min(size, len(x), len(y))
    if subsets < 1 or size < 2:
        raise ValueError(
            f"`subsets` must be at least 1 and `size` at least 2: got {subsets}, {size}."
        )
    generator = torch.Generator().manual_seed(seed)
    in_x, in_y = x.new_zeros(len(x), subsets), y.new_zeros(len(y), subsets)
    for subset in range(subsets):
        for member in (in_x, in_y):
            drawn = torch.randperm(len(member), generator=generator)[:size]
            member[drawn.to(member.device), subset] = 1
    within = sum(
        _kernel_sums(z, z, member, member) - member.T @ _cubic(z.square().sum(1) / z.shape[1])
        for z, member in ((x, in_x), (y, in_y))
    )
    values = within / (size * (size - 1)) - 2 * _kernel_sums(x, y, in_x, in_y) / size**2
    return KernelDistance(float(values.mean()), float(values.std(correction=0)))


def _kernel_sums(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> Tensor:
    """Kernel values summed over each subset's pairs, all subsets in one pass over the pairs."""
    total = x.new_zeros(in_x.shape[1])
    for rows, member in zip(x.split(1024), in_x.split(1024), strict=True):
        total += (member * (_cubic(rows @ y.T / y.shape[1]) @ in_y)).sum(0)
    return total


def _cubic(product: Tensor) -> Tensor:
    return (product + 1).pow(3)


class Fidelity(NamedTuple):
    """Shares in [0, 1] (density may exceed 1): quality of samples, and diversity."""

    precision: float  # samples within reach of some real point
    recall: float  # real points within reach of some sample
    density: float  # real points within whose reach a sample is, over k
    coverage: float  # real points with a sample within reach


def fidelity(real: Any, samples: Any, *, k: int = 5) -> Fidelity:
    """Improved precision and recall, density and coverage.

    A point's reach is the distance to its k-th nearest neighbour in its own sample.

    Args:
        real: Features of real data, shape `(n, f)`.
        samples: Features of generated data, shape `(m, f)`.
        k: Which neighbour.

    Raises:
        ValueError: If a sample is not finite or has `k` points or fewer, or the dimensions differ.

    References:
        Kynkäänniemi et al., NeurIPS 2019, eq. (1) and (2) (precision, recall); Naeem et al.,
        "Reliable fidelity and diversity metrics", ICML 2020, eq. (3) and (4) (density, coverage).
    """
    real, samples = _pair(real, samples)
    centre = real.mean(0)  # against cancellation in products; in float64 that is enough here
    real, samples = real - centre, samples - centre
    reach_real, reach_samples = kth_distance(real, k=k), kth_distance(samples, k=k)
    near_real = torch.zeros(len(samples), dtype=torch.int64, device=real.device)
    recalled, covered = [], []
    for rows in torch.arange(len(real), device=real.device).split(
        max(1, block_size(real) // len(samples))
    ):
        distance = torch.cdist(real[rows], samples)
        within = distance < reach_real[rows, None]
        near_real += within.sum(0)
        covered.append(within.any(1))
        recalled.append((distance < reach_samples).any(1))
    return Fidelity(
        precision=float((near_real > 0).double().mean()),
        recall=float(torch.cat(recalled).double().mean()),
        density=float(near_real.double().mean() / k),
        coverage=float(torch.cat(covered).double().mean()),
    )


def _pair(x: Any, y: Any) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    x, y = as_points(x, "x").detach().double(), as_points(y, "y").detach().double()
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"`x` and `y` must have equal dimensions: got {x.shape[1]}, {y.shape[1]}.")
    if min(len(x), len(y)) < 2:
        raise ValueError(f"Each sample must have at least 2 points: got {len(x)} and {len(y)}.")
    return x, y


class Normality(NamedTuple):
    """How far a sample of codes is from N(0, I). Each figure has its N(0, I) value beside it."""

    mean: float  # largest absolute mean of a coordinate
    variance: tuple[float, float]  # smallest and largest variance of a coordinate
    correlation: float  # root mean square correlation of two coordinates
    kurtosis: float  # mean excess kurtosis of a coordinate; 0 for N(0, I)
    norm_spread: float  # standard deviation of ‖z‖
    norm_spread_normal: float  # of N(0, I)
    entropy: float  # knn_entropy, nats per dimension
    entropy_normal: float  # mean of the same estimator on N(0, I) samples of the same n, d, k
    entropy_exact: float  # ½ log 2πe
    sliced_wasserstein: float  # from N(0, I)
    sliced_wasserstein_normal: float  # of as many N(0, I) points


def normality(code: Any, *, k: int = 3, limit: int = 4096) -> Normality:
    """Compare codes with N(0, I): moments, the spread of their norm, and their entropy.

    The entropy alone is not enough: in high dimension a thin shell scores higher than a Gaussian
    with the nearest-neighbour estimator. A spread of ‖z‖ below the Gaussian's shows the shell.

    Args:
        code: Codes of shape `(n, d)`.
        k: Which neighbour the entropy uses.
        limit: At most so many codes, evenly spaced, enter the entropy, whose cost grows with n².

    Returns:
        The figures.

    Raises:
        ValueError: If the codes are not finite or there are not more than `k`.
    """
    z = as_points(code, "code").detach().cpu().double()
    n, d = z.shape
    variance = z.var(0)
    standard = (z - z.mean(0)) / variance.clamp(min=1e-300).sqrt()
    correlation = standard.T @ standard / (n - 1)
    off = correlation - torch.diag(correlation.diagonal())
    some = z[torch.linspace(0, n - 1, min(n, limit)).long()]
    generator = torch.Generator().manual_seed(0)
    mean_norm = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return Normality(
        mean=float(z.mean(0).abs().max()),
        variance=(float(variance.min()), float(variance.max())),
        correlation=float((off.square().sum() / max(1, d * (d - 1))).sqrt()),
        kurtosis=float(standard.pow(4).mean() - 3),
        norm_spread=float(z.norm(dim=1).std()),
        norm_spread_normal=math.sqrt(d - mean_norm**2),
        entropy=float(knn_entropy(some, k, resolution=None)) / d,
        entropy_normal=gaussian_baseline(len(some), d, k).mean / d,
        entropy_exact=gaussian_entropy(1),
        sliced_wasserstein=sliced_wasserstein(z),
        sliced_wasserstein_normal=sliced_wasserstein(torch.randn(z.shape, generator=generator)),
    )


def sliced_wasserstein(x: Any, *, slices: int = 256, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance of a sample from N(0, I).

    The root of the mean, over random directions, of ∫ (F⁻¹(p) − Φ⁻¹(p))² dp, the squared distance
    between the projected sample's quantiles and the normal's, by the midpoint rule over the sample.
    It is not 0 for N(0, I) points either: `normality` gives both.

    Args:
        x: Sample of shape `(n, d)`.
        slices: Number of directions.
        seed: Of the directions.

    Raises:
        ValueError: If the sample is not finite.

    References:
        Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", JMIV 51 (2015).

    Examples:
        >>> round(sliced_wasserstein(torch.full((100, 1), 3.0)) ** 2, 1)  # 3² + 1
        10.0
    """
    x = as_points(x, "x").detach().cpu().double()
    n, d = x.shape
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(d, slices, generator=generator, dtype=torch.float64)
    directions = torch.nn.functional.normalize(directions, dim=0).T
    quantiles = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    total = 0.0
    for some in directions.split(max(1, block_size(x) // n)):
        total += float(((some @ x.T).sort(1).values - quantiles).square().mean(1).sum())
    return math.sqrt(total / slices)
