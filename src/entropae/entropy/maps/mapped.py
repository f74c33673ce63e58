"""An entropy by way of a map: what the map says, and the neighbours' estimate of what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import polygamma

from entropae.entropy.maps import gaussianization, ica, normal, radial, scores, student
from entropae.entropy.maps.margins import NEIGHBOUR, local_entropy
from entropae.entropy.maps.mixture import Mixture
from entropae.entropy.maps.normal import Normal
from entropae.entropy.maps.reference import Line, Reference, Sample, Unfolded
from entropae.entropy.maps.residual import Bias, normal_bias, terms
from entropae.neighbors import Norm

# Samples of a fitted mixture that its bias is taken from.
DRAWS = 4


@dataclass(frozen=True)
class Map:
    """An entry of `MAPS`.

    Attributes:
        reference: The density that the map stands for.
        unfold: Maps a sample; for a mixture there is nothing but itself.
        form: What the mapped sample is brought into, see `residual`.
        spaced: Needs columns without repeated values.
        searched: Has structure that is sought in the sample, and found only in part.
    """

    reference: type[Reference]
    unfold: Callable[[Sample], Unfolded]
    form: str
    spaced: bool = True
    searched: bool = False


# From the simplest on.
MAPS: dict[str, Map] = {
    "calibrated": Map(Normal, normal.unfold, "plain", spaced=False),
    "copula": Map(scores.Scores, scores.unfold, "scores"),
    "radial": Map(radial.Elliptical, radial.unfold, "radial"),
    "student": Map(student.Student, student.unfold, "radial"),
    "ica": Map(ica.Components, ica.unfold, "scores", searched=True),
    "mixture": Map(Mixture, normal.unfold, "plain", spaced=False),
    "tree": Map(gaussianization.Forest, gaussianization.unfold, "scores", searched=True),
}


class Mapped(NamedTuple):
    """An entropy by way of a map, in nats.

    Attributes:
        terms: What the estimate is the mean of, shape `(n,)`.
        variance: Its variance over samples, estimated: distances, derivatives and the simulated
            bias together.
        rise: How much more the tenth neighbour says than the first, each without its bias: 0 but
            for `rise_error` where the map left nothing but normal points.
        rise_error: Standard error of `rise`.
        slope: What share of the variation of log-densities the distances show, see `Bias`.
    """

    terms: Line
    variance: float
    rise: float
    rise_error: float
    slope: float

    @property
    def value(self) -> float:
        """The estimate."""
        return float(self.terms.mean())


def mapped(x: Sample, ks: tuple[int, ...], norm: Norm, method: str) -> Mapped:
    """The entropy of a sample by one of `MAPS`.

    Args:
        x: Sample of more points than dimensions.
        ks: Which neighbours.
        norm: See `knn_entropy`.
        method: Which map.
    """
    n, d = x.shape
    if d == 1 and method not in ("calibrated", "mixture"):
        own = local_entropy(x)
        variance = (float(own.var(ddof=1)) + _shared(1)) / n
        return Mapped(own, variance, 0.0, math.inf, 1.0)
    z, own, searches = MAPS[method].unfold(x)
    left = terms(z, ks, norm)
    form = MAPS[method].form
    if method == "mixture":
        bias, log_q = _mixture_bias(x, ks, norm)
        scale = -log_q
    else:
        bias = normal_bias(n, d, ks, norm, form)
        scale = left.half_square
    total = own + left.asked - bias.mean
    if not np.isfinite(total).all():
        return Mapped(np.full(n, -math.inf), math.nan, 0.0, math.inf, bias.slope)
    centred = scale - scale.mean()
    slope = float(centred @ left.asked / (centred @ centred))
    if form == "plain":
        # Distances show only a part of what log-densities vary by.
        hidden = max(0.0, 1 / bias.slope**2 - 1) if 0 < bias.slope < 1 else 0.0
        variance = float(total.var(ddof=1)) + hidden * slope**2 * float(scale.var(ddof=1))
    else:
        # The mean of ½ |z|² is the same for all samples.
        variance = float((total - slope * centred).var(ddof=1))
    variance = (variance + _shared(searches + 1)) / n + bias.error**2
    rises = left.far - left.near
    rise_error = math.hypot(float(rises.std(ddof=1)) / n**0.5, bias.rise_error)
    return Mapped(total, variance, float(rises.mean()) - bias.rise, rise_error, bias.slope)


def _shared(searches: int) -> float:
    """What neighbours that share their distances add to a term's variance, see `estimate`."""
    return 0.6 * searches * float(polygamma(1, NEIGHBOUR))


def _mixture_bias(x: Sample, ks: tuple[int, ...], norm: Norm) -> tuple[Bias, Line]:
    """What the whitened estimate is off by on samples of the mixture, and `log q` of the sample."""
    reference = Mixture.fit(x)
    rng = np.random.default_rng(0)
    means, rises, slopes = [], [], []
    for _ in range(DRAWS):
        drawn = reference.draw(len(x), rng)
        found, log_q = terms(drawn, ks, norm), reference.log_density(drawn)
        means.append(float((found.asked + log_q).mean()))
        rises.append(float((found.far - found.near).mean()))
        centred = log_q.mean() - log_q
        slopes.append(float(centred @ found.asked / (centred @ centred)))
    return Bias.of(means, rises, slopes), reference.log_density(x)
