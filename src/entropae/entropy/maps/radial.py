"""Radii to those of a normal distribution: for elliptical distributions, such as Student's t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, gammaln

from entropae.entropy.maps.margins import Margin, local_entropy, log_normal, ranks
from entropae.entropy.maps.reference import Centre, Factor, Line, Reference, Sample, Unfolded


def scatter(x: Sample) -> tuple[Centre, Factor]:
    """The median of each column, and the factor `L`, of determinant 1, of Tyler's scatter matrix.

        V = (d/n) Σ_i (x_i − m)(x_i − m)' / (x_i − m)' V⁻¹ (x_i − m)

    It needs no moments, so that tails as heavy as Cauchy's do not disturb it.

    References:
        Tyler, Annals of Statistics 15 (1987) 234, eq. (1.1).
    """
    d = x.shape[1]
    centre = np.median(x, 0)
    y = x - centre
    # Points at the centre have no direction.
    y = y[(y != 0).any(1)]
    factor = np.diag(np.median(np.abs(y), 0) + np.finfo(float).tiny)
    for _ in range(100):
        white = np.linalg.solve(factor, y.T)
        unit = white / np.linalg.norm(white, axis=0)
        step = np.linalg.cholesky(d / len(y) * unit @ unit.T)
        factor = factor @ step
        if np.abs(step - np.eye(d)).max() < 1e-6:
            break
    return centre, factor / np.exp(np.log(factor.diagonal()).mean())


def polar(x: Sample, centre: Centre, factor: Factor) -> tuple[Sample, Line]:
    """Directions and radii of `L⁻¹(x − m)`."""
    white = np.linalg.solve(factor, (x - centre).T).T
    radius = np.maximum(np.linalg.norm(white, axis=1), np.finfo(float).tiny)
    return white / radius[:, None], radius


@dataclass(frozen=True)
class Elliptical(Reference):
    """`x = m + r L u` with `u` uniform on the sphere and `log r` of any shape."""

    centre: Centre
    factor: Factor
    log_radius: Margin

    @classmethod
    def fit(cls, x: Sample) -> Elliptical:
        """Tyler's scatter, then the radii's quantiles."""
        centre, factor = scatter(x)
        return cls(centre, factor, Margin.fit(np.log(polar(x, centre, factor)[1])))

    def log_density(self, x: Sample) -> Line:
        """`log f(log r) − d log r − log |sphere|`, the determinant of `L` being 1."""
        d = x.shape[1]
        log_radius = np.log(polar(x, self.centre, self.factor)[1])
        score, slope = self.log_radius(log_radius)
        sphere = np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(0.5 * d)
        return log_normal(score[:, None]) + slope - d * log_radius - sphere

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """`m + r L u`."""
        normal = rng.standard_normal((n, len(self.centre)))
        radius = np.exp(self.log_radius.inverse(rng.standard_normal(n)))
        unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        return self.centre + (radius[:, None] * unit) @ self.factor.T


def to_chi(x: Sample, centre: Centre, factor: Factor) -> Sample:
    """`L⁻¹(x − m)` with its radii replaced by the χ distribution's at the same ranks."""
    unit, radius = polar(x, centre, factor)
    return unit * np.sqrt(2 * gammaincinv(0.5 * x.shape[1], ranks(radius[:, None])))


def chi_constant(d: int) -> float:
    """`H(log ρ) + d E log ρ` of the norm ρ of N(0, I) in `d` dimensions.

    For `s = log ρ`, `H(s) = H(ρ) − E log ρ`; the entropy of the χ distribution and its mean
    logarithm hold the same digamma, which goes.
    """
    return float(gammaln(0.5 * d)) + 0.5 * (d + (d - 2) * float(np.log(2)))


def unfold(x: Sample) -> Unfolded:
    """The sample with the radii of N(0, I).

    Directions and radii may depend on each other in any way; a monotone map of radii changes
    nothing in this, so that with `s = log r`, `σ = log ρ` and `|det L| = 1`

        H(X) = H(Z) + [H(s) + d E s] − [H(σ) + d E σ],

    `ρ` having the χ distribution by construction, and `H(s)` being estimated on a line.
    """
    d = x.shape[1]
    centre, factor = scatter(x)
    log_radius = np.log(polar(x, centre, factor)[1])
    terms = local_entropy(log_radius[:, None]) + d * log_radius - chi_constant(d)
    return Unfolded(to_chi(x, centre, factor), terms, 1)
