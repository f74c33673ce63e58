"""Columns one at a time: normal scores, entropies on lines and in planes, smooth densities."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, gammaln, ndtr, ndtri

from entropae.entropy.maps.reference import Line, Sample

# Entropy of N(0, 1), and the logarithm of its density at 0.
NORMAL = 0.5 * math.log(2 * math.pi * math.e)
AT_ZERO = -0.5 * math.log(2 * math.pi)
# Which neighbour on lines and in planes, where bias is small and variance counts.
NEIGHBOUR = 3


def ranks(x: Sample) -> Sample:
    """The place of each number in its column, as a probability: `(rank − ½)/n`."""
    return (x.argsort(0).argsort(0) + 0.5) / len(x)


def scores(x: Sample) -> Sample:
    """The normal scores `Φ⁻¹((rank − ½)/n)` of each column."""
    return ndtri(ranks(x))


def local_entropy(x: Sample) -> Line:
    """Terms of which the Kozachenko–Leonenko estimate of few columns is the mean."""
    from scipy.spatial import KDTree

    n, d = x.shape
    distance = KDTree(x).query(x, NEIGHBOUR + 1)[0][:, -1]
    ball = 0.5 * d * math.log(math.pi) - gammaln(1 + 0.5 * d)
    # Where points coincide there is no density: −inf, as it is for all of them.
    with np.errstate(divide="ignore"):
        return d * np.log(distance) + ball + digamma(n) - digamma(NEIGHBOUR)


class Margin(NamedTuple):
    """A smooth monotone map `s` of a column to normal scores, and the density `φ(s) s'` it implies.

    A cubic through quantiles at evenly spaced scores, monotone after Fritsch and Carlson, and
    straight beyond the first and the last: tails are those of a normal distribution of the width
    that the outermost quantiles suggest.

    References:
        Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980) 238, the monotone slopes.
    """

    quantile: Line
    score: Line
    slope: Line

    @classmethod
    def fit(cls, y: Line) -> Margin:
        """From about `1.5 n^(1/3)` quantiles."""
        from scipy.interpolate import PchipInterpolator

        n = len(y)
        last = float(ndtri(1 - 1 / (n + 1)))
        score = np.linspace(-last, last, int(np.clip(1.5 * n ** (1 / 3), 6, 64)))
        quantile, first = np.unique(np.quantile(y, ndtr(score)), return_index=True)
        score = score[first]
        if len(quantile) < 2:
            raise ValueError(f"A column must vary: got {y[0]} nearly everywhere.")
        secant = np.diff(score) / np.diff(quantile)
        slope = np.concatenate([secant[:1], secant[-1:]])
        if len(quantile) > 2:
            slope = PchipInterpolator(quantile, score).derivative()(quantile)
            slope[[0, -1]] = secant[[0, -1]]
        return cls(quantile, score, slope)

    def __call__(self, y: Line) -> tuple[Line, Line]:
        """Scores of some numbers, and the logarithm of the map's derivative there."""
        from scipy.interpolate import CubicHermiteSpline

        inside = np.clip(y, self.quantile[0], self.quantile[-1])
        curve = CubicHermiteSpline(self.quantile, self.score, self.slope)
        end = np.where(y < self.quantile[0], self.slope[0], self.slope[-1])
        score = curve(inside) + end * (y - inside)
        derivative = np.where(y == inside, curve.derivative()(inside), end)
        return score, np.log(np.maximum(derivative, np.finfo(float).tiny))

    def inverse(self, score: Line) -> Line:
        """The numbers that have some scores."""
        grid = np.interp(
            np.linspace(0, 1, 16 * len(self.quantile)),
            np.linspace(0, 1, len(self.quantile)),
            self.quantile,
        )
        inside = np.clip(score, self.score[0], self.score[-1])
        end = np.where(score < self.score[0], self.slope[0], self.slope[-1])
        return np.interp(inside, self(grid)[0], grid) + (score - inside) / end


def log_normal(z: Sample) -> Line:
    """`log φ` of points in all their columns."""
    return AT_ZERO * z.shape[1] - 0.5 * (z**2).sum(1)


def all_scores(margins: tuple[Margin, ...], y: Sample) -> tuple[Sample, Line]:
    """Scores of all columns, and the logarithm of the map's determinant."""
    pairs = [margin(column) for margin, column in zip(margins, y.T, strict=True)]
    return np.stack([s for s, _ in pairs], 1), np.sum([slope for _, slope in pairs], 0)
