"""What `knn_entropy` and `entropy_estimate` call: an entropy by a map, or by the best of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.maps.bias import corrected
from entropae.entropy.maps.check import Check, check
from entropae.entropy.maps.choice import choose, cross_entropies, has_enough, usable
from entropae.entropy.maps.mapped import MAPS, Mapped, mapped
from entropae.entropy.maps.reference import Sample
from entropae.entropy.whitening import standardize
from entropae.neighbors import Norm

# Methods that are of this room alone: "calibrated" is older, and has a gradient.
MAPPED = ("copula", "radial", "student", "ica", "mixture", "tree", "auto")
# Fewest points of a sample that is mapped.
LEAST = 8
# Rows of a sample on which an estimate by another way is checked.
ROWS = 20_000


class Found(NamedTuple):
    """An entropy by a map, and its check."""

    entropy: Mapped
    method: str  # which map it was
    check: Check


def mapped_points(
    points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm, method: str
) -> Float[Tensor, " n"]:
    """The terms of which an entropy by a map is the mean, without gradient.

    Raises:
        ValueError: If there are too few points.
    """
    x, log_unit = _standard(points, method)
    found, _ = corrected(x, ks, norm, choose(x) if method == "auto" else method)
    return torch.as_tensor(found.terms + log_unit, device=points.device)


def mapped_entropy(
    points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm, method: str
) -> Found:
    """An entropy by a map, with its check.

    Raises:
        ValueError: If there are too few points.
    """
    x, log_unit = _standard(points, method)
    comparison = cross_entropies(x, usable(x)) if has_enough(*x.shape) else None
    if method == "auto":
        method = "calibrated" if comparison is None else comparison.choice
    found, seen = corrected(x, ks, norm, method)
    checked = check(x, found, method, comparison, seen=seen, taken=True, log_unit=log_unit)
    return Found(found._replace(terms=found.terms + log_unit), method, checked)


def check_calibrated(points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm) -> Check:
    """The check of an estimate by `"calibrated"`, made of some rows of a large sample."""
    if len(points) > ROWS:
        rows = np.random.default_rng(0).choice(len(points), ROWS, replace=False)
        points = points[torch.from_numpy(rows).to(points.device)]
    x, log_unit = _standard(points, "calibrated")
    found = mapped(x, ks, norm, "calibrated")
    return check(x, found, "calibrated", log_unit=log_unit)


def say_repeats(method: str) -> str:
    """Why an entropy by a map is `-inf` where the sample's points differ."""
    if not MAPS[method].spaced:
        return (
            "Columns span so many orders of magnitude that points which differ coincide by "
            f'rounding for method="{method}". Take logarithms, whose entropy is less by the mean '
            'of the logarithms, or use method="kl".'
        )
    return (
        f'Columns have repeated values, which method="{method}" cannot take: it looks at columns '
        'alone, and there these have no density. Use method="calibrated" or "mixture".'
    )


def _standard(points: Float[Tensor, "n d"], method: str) -> tuple[Sample, float]:
    """The sample in units of its columns' spread, and the logarithm of these, all added up."""
    n, d = points.shape
    if n <= max(LEAST, d):
        raise ValueError(
            f'`x` must have more than max({LEAST}, d) points for method="{method}": got n={n}, '
            f'd={d}. Use more points, fewer columns, or method="kl".'
        )
    x, scale = standardize(points.detach().cpu().double())
    return x.numpy(), float(scale.log().sum())
