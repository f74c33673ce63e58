"""What statistics of codes of N(0, I) come to: exact distributions, and simulated ones."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from entropae.entropy.whitening import whiten


def largest_mean(n: int, d: int, level: float) -> float:
    """What the largest absolute mean of `d` coordinates exceeds with probability `level`.

    The means are independent N(0, 1/n) (Šidák 1967).

    Examples:
        >>> round(largest_mean(100, 1, 0.05), 3)
        0.196
    """
    each = 1 - (1 - level) ** (1 / d)
    return float(stats.norm.isf(each / 2)) / n**0.5


def extreme_variances(n: int, d: int, level: float) -> tuple[float, float]:
    """The interval that all `d` variances are in with probability `1 − level`.

    `(n − 1) s²` of each coordinate is χ² with `n − 1` degrees of freedom, independently.
    """
    each = 1 - (1 - level) ** (1 / d)
    chi2 = stats.chi2(n - 1)
    return float(chi2.ppf(each / 2)) / (n - 1), float(chi2.isf(each / 2)) / (n - 1)


def root_mean_correlation(n: int, d: int, level: float) -> float:
    """What the root mean square correlation of two coordinates exceeds with probability `level`.

    `n Σ_{j<k} r_jk²` is about χ² with `d (d − 1)/2` degrees of freedom (Schott 2005 gives its exact
    mean and variance: 1/(n − 1) for each `r²`, which is used here).

    References:
        Schott, "Testing for complete independence in high dimensions", Biometrika 92 (2005) 951.
    """
    pairs = d * (d - 1) // 2
    if pairs == 0:
        return 0.0
    return (float(stats.chi2(pairs).isf(level)) / ((n - 1) * pairs)) ** 0.5


def upper_share(n: int, m: int, quantile: float, level: float) -> float:
    """A share of `m` draws above the sample `quantile` of `n` others, exceeded with `level`.

    For two samples of one distribution the number above the r-th of `n` order statistics is
    beta-binomial.
    """
    above = max(1, round(n * (1 - quantile)))
    return float(stats.betabinom(m, above, n - above + 1).isf(level)) / m


class Shape(NamedTuple):
    """Spread and kurtosis of the whitened sample, the same for every normal distribution."""

    spread: float  # standard deviation of ‖w‖
    kurtosis: float  # mean excess kurtosis of a coordinate


def shape(white: Float[Tensor, "n d"]) -> Shape:
    """Spread of the norm and mean excess kurtosis of a whitened sample."""
    return Shape(float(white.norm(dim=1).std()), float(white.pow(4).mean() - 3))


@lru_cache(maxsize=64)
def shape_of_normal(n: int, d: int, level: float) -> tuple[Shape, Shape]:
    """Lower and upper limits of `shape` for normal samples, each passed with probability `level`.

    Mean and deviation of 100 simulated samples, and the normal distribution that such averages
    over `n` points come near to.
    """
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(100):
        sample = torch.randn(n, d, generator=generator, dtype=torch.float64)
        found.append(shape(whiten(sample)[0]))
    values = torch.tensor(found)
    reach = float(stats.norm.isf(level)) * values.std(0)
    low, high = values.mean(0) - reach, values.mean(0) + reach
    return Shape(*low.tolist()), Shape(*high.tolist())


def spread_of_normal(d: int) -> float:
    """Standard deviation of ‖z‖ for N(0, I) in `d` dimensions.

    Examples:
        >>> round(spread_of_normal(16), 2)
        0.7
    """
    return float(stats.chi(d).std())
