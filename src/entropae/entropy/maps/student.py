"""Columns to Student's t, then radii to a normal distribution's: where extremes come together.

Elliptical distributions whose columns were bent, each by itself, as returns of assets or the
inverse hyperbolic sines of measurements are: large values come together more often than a normal
copula has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, ndtri, stdtr, stdtrit

from entropae.entropy.maps import radial
from entropae.entropy.maps.margins import (
    Margin,
    all_scores,
    local_entropy,
    log_normal,
    ranks,
)
from entropae.entropy.maps.radial import Elliptical
from entropae.entropy.maps.reference import Line, Reference, Sample, Unfolded

# Degrees of freedom that are tried.
DEGREES = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


def log_student(t: Sample, degrees: float) -> Line:
    """The sum over columns of the logarithm of Student's density."""
    half = 0.5 * (degrees + 1)
    at_zero = gammaln(half) - gammaln(0.5 * degrees) - 0.5 * np.log(degrees * np.pi)
    return (at_zero - half * np.log1p(t**2 / degrees)).sum(1)


def to_student(z: Sample, degrees: float) -> Sample:
    """Normal scores to those of Student's distribution; by tails, where digits are."""
    return -np.sign(z) * stdtrit(degrees, ndtr(-np.abs(z)))


def to_normal(t: Sample, degrees: float) -> Sample:
    """The inverse."""
    return -np.sign(t) * ndtri(stdtr(degrees, -np.abs(t)))


def likely_degrees(z: Sample) -> float:
    """The degrees of freedom under which the scores' copula is the most elliptical.

    The largest mean of `log q(t) − Σ_c log f(t_c)`, with `q` elliptical and `f` Student's density.
    """

    def fit(degrees: float) -> float:
        t = to_student(z, degrees)
        return float((Elliptical.fit(t).log_density(t) - log_student(t, degrees)).mean())

    return max(DEGREES, key=fit)


@dataclass(frozen=True)
class Student(Reference):
    """An elliptical copula with margins of any shape."""

    margins: tuple[Margin, ...]
    degrees: float
    elliptical: Elliptical

    @classmethod
    def fit(cls, x: Sample) -> Student:
        """Margins from quantiles, then the degrees of freedom, then the radii."""
        margins = tuple(Margin.fit(column) for column in x.T)
        z = all_scores(margins, x)[0]
        degrees = likely_degrees(z)
        return cls(margins, degrees, Elliptical.fit(to_student(z, degrees)))

    def log_density(self, x: Sample) -> Line:
        """`log q(t) − Σ_c log f(t_c) + Σ_c [log φ(s_c) + log s_c']`."""
        z, slopes = all_scores(self.margins, x)
        # So far out that squares are beyond the range of numbers, there is no density to speak of.
        with np.errstate(over="ignore", invalid="ignore"):
            t = to_student(z, self.degrees)
            copula = self.elliptical.log_density(t) - log_student(t, self.degrees)
        return np.nan_to_num(copula + log_normal(z) + slopes, nan=-np.inf)

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """From the elliptical distribution back to the margins."""
        z = to_normal(self.elliptical.draw(n, rng), self.degrees)
        return np.stack([m.inverse(c) for m, c in zip(self.margins, z.T, strict=True)], 1)


def unfold(x: Sample) -> Unfolded:
    """Ranks to Student's quantiles, then as `radial` does.

    Monotone maps of the columns keep their total correlation, so that with `t` of Student's margins

        H(X) = H(T) + Σ_c [H(X_c) − H(T_c)],

    `H(T_c)` being known, as the mean of `−log f` over the quantiles that `t` has.
    """
    z = ndtri(ranks(x))
    degrees = likely_degrees(z)
    t = to_student(z, degrees)
    left, terms, searches = radial.unfold(t)
    d = x.shape[1]
    own = np.sum([local_entropy(x[:, [c]]) for c in range(d)], 0)
    return Unfolded(left, terms + own + log_student(t, degrees), searches + d)
