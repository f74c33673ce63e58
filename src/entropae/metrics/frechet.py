"""The Fréchet distance."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.metrics.pairs import two_samples
from entropae.neighbors.scale import power_of_two


def frechet_distance(x: Any, y: Any) -> float:
    """Fréchet distance between the normal distributions fitted to two samples of features.

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
    x, y = two_samples(x, y)
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
