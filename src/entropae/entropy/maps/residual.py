"""The entropy of what a map leaves, by nearest neighbours, without their bias on normal samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from entropae.entropy.distances import neighbour_distances
from entropae.entropy.maps.margins import scores
from entropae.entropy.maps.radial import to_chi
from entropae.entropy.maps.reference import Line, Sample
from entropae.entropy.whitening import (
    default_repeats,
    gaussian_entropy,
    kl_constant,
    whiten,
    whitened_normal,
)
from entropae.neighbors import Norm

# Neighbours whose estimates are compared: bias grows from the first to the second.
NEAR, FAR = 1, 10


class Terms(NamedTuple):
    """The whitened Kozachenko–Leonenko estimate of a sample, point by point.

    Attributes:
        asked: For the neighbours asked for, their mean, shape `(n,)`.
        near: For the neighbour `NEAR`.
        far: For the neighbour `FAR`, or the farthest that there is.
        half_square: `½ |z|²` of the whitened points.
    """

    asked: Line
    near: Line
    far: Line
    half_square: Line


def terms(z: Sample, ks: tuple[int, ...], norm: Norm) -> Terms:
    """Of a sample of more points than dimensions; `-inf` where points coincide."""
    n, d = z.shape
    white, half_log_det = whiten(torch.from_numpy(np.ascontiguousarray(z)))
    every = (*ks, NEAR, min(FAR, n - 1))
    logs = (d * neighbour_distances(white, every, norm).log()).numpy()
    logs += [kl_constant(n, d, (k,), norm) + float(half_log_det) for k in every]
    half_square = 0.5 * white.square().sum(1).numpy()
    return Terms(logs[:, : len(ks)].mean(1), logs[:, -2], logs[:, -1], half_square)


class Bias(NamedTuple):
    """What the estimate is off by where the map is perfect, in nats.

    Attributes:
        mean: For the neighbours asked for.
        error: Its standard error.
        rise: What it is larger by for the neighbour `FAR` than for `NEAR`.
        rise_error: Its standard error.
        slope: Of the terms on `½ |z|²`, see `slope_on_squares`.
    """

    mean: float
    error: float
    rise: float
    rise_error: float
    slope: float

    @classmethod
    def of(cls, means: list[float], rises: list[float], slopes: list[float]) -> Bias:
        """From some samples of each."""
        errors = [float(np.std(v, ddof=1)) / len(v) ** 0.5 for v in (means, rises)]
        return cls(
            float(np.mean(means)),
            errors[0],
            float(np.mean(rises)),
            errors[1],
            float(np.mean(slopes)),
        )


@lru_cache(maxsize=256)
def normal_bias(n: int, d: int, ks: tuple[int, ...], norm: Norm, form: str) -> Bias:
    """The bias on N(0, I) samples that were brought into the form that a map gives its samples.

    Args:
        n: Points.
        d: Dimensions.
        ks: Which neighbours.
        norm: See `knn_entropy`.
        form: One of `FORMS`.
    """
    rng = np.random.default_rng(0)
    means, rises, slopes = [], [], []
    for _ in range(default_repeats(n)):
        found = terms(FORMS[form](rng.standard_normal((n, d))), ks, norm)
        means.append(float(found.asked.mean()) - gaussian_entropy(d))
        rises.append(float((found.far - found.near).mean()))
        centred = found.half_square - found.half_square.mean()
        slopes.append(float(centred @ found.asked / (centred @ centred)))
    found = Bias.of(means, rises, slopes)
    if form == "plain":
        # The same as "calibrated" takes away.
        whitened = whitened_normal(n, d, ks, norm, default_repeats(n))
        return found._replace(mean=whitened.bias, error=whitened.standard_error)
    return found


def _radial(z: Sample) -> Sample:
    return to_chi(z, np.zeros(z.shape[1]), np.eye(z.shape[1]))


def _plain(z: Sample) -> Sample:
    return z


# What is fixed in the samples of a map, and so must be in the normal ones.
FORMS: dict[str, Callable[[Sample], Sample]] = {
    "plain": _plain,
    "scores": scores,
    "radial": _radial,
}
