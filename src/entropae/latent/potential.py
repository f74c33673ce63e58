"""The potential in which N(0, I) codes feel no push from the entropy of a finite batch.

The entropy pushes a code z twice: away from its own neighbour, and, where z is the neighbour of
another code, away from that one. Among n codes of N(0, I) the sum of both is a function of ‖z‖
alone, known by quadrature. Its potential Φ, subtracted, leaves no push on the average at N(0, I),
whatever n and d. As n grows, Φ tends to ‖z‖² / 2d + constant, and entropy − Φ to
−KL(Z ‖ N(0, I)) / d.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from scipy.interpolate import CubicSpline, PPoly
from scipy.special import gammaln, xlog1py, xlogy
from torch import Tensor

# Nodes of the quadratures, and radii between which the potential is interpolated.
QUANTILES, ANGLES, DISTANCES, RADII = 48, 48, 320, 64
# Share of N(0, I) codes on either side of whose norms the limit takes over, within their spread.
UNUSUAL = 0.02


class Potential(NamedTuple):
    """Φ and its derivative at radii 0, step, 2 step, …; beyond them Φ goes on straight."""

    step: float
    value: Float[Tensor, " r"]
    slope: Float[Tensor, " r"]

    def __call__(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Φ of each code, 0 at ‖z‖ = √d."""
        place = torch.linalg.vector_norm(code, dim=1) / self.step
        value, slope = self.value.to(code), self.slope.to(code) * self.step
        last = len(value) - 2
        left = place.detach().nan_to_num(0.0, posinf=last).clamp(max=last).long()
        t = place - left
        rise = value[left + 1] - value[left]
        # Hermite's cubic: the values and slopes of both ends.
        bend = slope[left] - rise + (slope[left] + slope[left + 1] - 2 * rise) * -t
        inside = value[left] + t * (rise + (1 - t) * bend)
        outside = value[-1] + (place - len(value) + 1) * slope[-1]
        return torch.where(t > 1, outside, inside)


@lru_cache(maxsize=256)
def potential(n: int, d: int, k: int, others: int) -> Potential:
    """The potential of a batch.

        Φ'(r) = d/dr E log ν_k(r) + (n − 1) E[(z − y)·(z/r) / |z − y|²; z is k-th neighbour of y]

    with ν_k(r) the distance from a point z of norm r to the k-th nearest of `others` N(0, I)
    points, and y one of them. |z − y| follows the noncentral χ distribution, so that both are plain
    quadratures. At norms that N(0, I) codes hardly have, where it says nothing of other codes, and
    in one and two dimensions, where the entropy has hardly a bias, the limit r/d of many codes is
    taken instead.

    Args:
        n: Codes of the batch, which push each other.
        d: Dimensions.
        k: Which neighbour the entropy is made of.
        others: Points that a code's neighbours are sought among: n − 1 and the bank's.
    """
    normal = _standard_normal(d)
    slope = normal.radii / d
    if d > 2:
        push = _own_neighbour(normal, k, others) + _neighbour_of(normal, n, k, others)
        slope += normal.usual * (push - slope)
    curve = CubicSpline(normal.radii, slope).antiderivative()
    value = curve(normal.radii) - curve(np.sqrt(d))
    return Potential(normal.radii[1], torch.from_numpy(value), torch.from_numpy(slope))


def _own_neighbour(normal: StandardNormal, k: int, others: int) -> Float[np.ndarray, " r"]:
    """The push from the code's own neighbour: d/dr E log ν_k(r).

    The share of points nearer than the k-th of m has the distribution Beta(k, m − k + 1).
    """
    share, weights = _unit_nodes(QUANTILES)
    share = np.log(stats.beta.ppf(share, k, others - k + 1))
    mean = [weights @ np.interp(share, row, np.log(normal.distance)) for row in normal.log_nearer]
    # Even in r, so flat at 0: the curve of both signs of r is.
    radii, mean = np.concatenate([-normal.radii[:0:-1], normal.radii]), np.array(mean)
    curve = CubicSpline(radii, np.concatenate([mean[:0:-1], mean]))
    return curve.derivative()(normal.radii)


def _neighbour_of(normal: StandardNormal, n: int, k: int, others: int) -> Float[np.ndarray, " r"]:
    """The push from all codes y whose k-th neighbour the code z is: over y − z in polar form."""
    d = normal.d
    angle, weights = _unit_nodes(ANGLES)
    cosine, sine = np.cos(np.pi * angle), np.sin(np.pi * angle)
    # Of the sphere of dimension d − 2 that has this angle to z.
    log_area = math.log(2 * np.pi) + (d - 1) / 2 * math.log(np.pi) - gammaln((d - 1) / 2)
    ways = gammaln(others) - gammaln(k) - gammaln(others - k + 1)
    push = np.zeros_like(normal.radii)
    for t, log_nearer in zip(normal.distance, normal.curves, strict=True):
        squared = normal.radii[:, None] ** 2 + t**2 + 2 * t * normal.radii[:, None] * cosine
        norms = np.sqrt(squared).clip(max=normal.radii[-1])
        nearer = np.exp(log_nearer(norms)).clip(max=1)
        # That y is there, and that k − 1 of the other points are nearer to it.
        log_density = (
            log_area + (d - 2) * np.log(t * sine) - (squared + d * math.log(2 * np.pi)) / 2
        )
        chosen = ways + xlogy(k - 1, nearer) + xlog1py(others - k, -nearer)
        # dy = t^(d−1) dt dω, and dt = t d log t.
        push -= t * np.exp(log_density + chosen) @ (weights * cosine)
    return (n - 1) * push * math.log(normal.distance[1] / normal.distance[0])


class StandardNormal(NamedTuple):
    """N(0, I) points in `d` dimensions, as seen from points of some norms."""

    d: int
    radii: Float[np.ndarray, " r"]  # from 0 on, evenly
    distance: Float[np.ndarray, " t"]  # in even ratios
    log_nearer: Float[np.ndarray, "r t"]  # log probability that one is nearer than that
    curves: tuple[PPoly, ...]  # its columns as functions of the radius
    usual: Float[np.ndarray, " r"]  # 1 at radii that the points have, 0 far from them


@lru_cache(maxsize=8)
def _standard_normal(d: int) -> StandardNormal:
    radii = np.linspace(0, 2.5 * np.sqrt(d) + 2, RADII)
    distance = np.geomspace(1e-3, 2 * radii[-1], DISTANCES)
    nearer = stats.ncx2.cdf(distance**2, d, np.maximum(radii[:, None] ** 2, 1e-9))
    low, high = stats.chi.ppf([UNUSUAL, 1 - UNUSUAL], d)
    outside = np.maximum(low - radii, radii - high) / stats.chi.std(d)
    log_nearer = np.log(np.maximum(nearer, 1e-300))
    # One spline of all columns takes hardly longer than that of one.
    parts = np.moveaxis(CubicSpline(radii, log_nearer).c, 2, 0)
    curves = tuple(PPoly.construct_fast(np.ascontiguousarray(part), radii) for part in parts)
    return StandardNormal(d, radii, distance, log_nearer, curves, 1 - outside.clip(0, 1))


def _unit_nodes(number: int) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
    """Nodes and weights of Gauss and Legendre's quadrature on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(number)
    return (nodes + 1) / 2, weights / 2
