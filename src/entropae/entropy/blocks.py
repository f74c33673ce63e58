"""The Kozachenko–Leonenko estimator of samples that are read by blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from entropae.entropy.degenerate import null_columns, rounding, say_constant, say_dependent
from entropae.entropy.distances import as_tuple, log_distance
from entropae.entropy.prepared import IN_MEMORY
from entropae.entropy.whitening import gaussian_entropy, kl_constant
from entropae.neighbors import ORDER, Norm, check_choice
from entropae.out_of_core.extent import Moments
from entropae.out_of_core.sources import opened
from entropae.variables.order import reach_of, say_ordered
from entropae.variables.repeats import SOME, say_repeated
from entropae.variables.scale import UNLIKE

FIRST = 50_000  # rows by which it is told whether they are like those before


class ByBlocks(NamedTuple):
    """What `knn_entropy` and `entropy_estimate` say of a sample, before they say it."""

    n: int
    d: int
    ks: tuple[int, ...]
    value: float
    variance: float  # of the terms that the value is the mean of
    exact_normal: float  # NaN if there are not more points than dimensions
    degenerate: str | None  # why the value is -inf, if columns are to blame
    warnings: tuple[str, ...] = ()  # of rows that are there several times, and unlike columns
    ordered: tuple[str, ...] = ()  # of rows that are like those before


def entropy_by_blocks(
    x: Any,
    k: int | Sequence[int],
    *,
    method: str,
    norm: Norm,
    floor: float,
    p: int | None,
    progress: bool,
    as_it_is: bool = False,
) -> ByBlocks:
    """`method="kl"` of a large sample, see `entropae.out_of_core`; arguments as of `knn_entropy`.

    Nothing is said of rows that are there several times if they are to be taken `as_it_is`.

    Raises:
        ValueError: If the method is another, or as `knn_entropy`.
        OSError: If there is no room on disk.
    """
    if method != "kl" or p is not None:
        raise ValueError(
            f'`method` must be "kl" for a sample read by blocks: got method={method!r}, p={p!r}. '
            "Read it, or some of its rows, into memory for the others: np.asarray(x)."
        )
    check_choice(norm, ORDER, "norm")
    log_distance(torch.ones(1), floor)  # raises before the work is done
    with opened(x, progress=progress) as sample:
        extent, dtype = sample.extent, torch.float32 if sample.dtype == "f4" else torch.float64
        n, d = extent.n, len(extent.low)
        ks = as_tuple(k, n)
        nothing = ByBlocks(n, d, ks, -math.inf, math.nan, -math.inf, None)
        first = sample.beginning()[:FIRST]
        constant = (extent.low == extent.high).nonzero()[0].tolist()
        if constant and floor == 0:
            return nothing._replace(degenerate=say_constant(constant))
        moments = sample.sort(max(ks))
        exact, dependent, unlike = math.nan, [], ()
        if n > d and not constant:
            factor = torch.from_numpy(moments.factor) / math.sqrt(n)
            scale = torch.linalg.vector_norm(factor, dim=0)
            unlike = _say_unlike(float(scale.max() / scale.min()))
            largest = np.ldexp(np.maximum(-extent.low, extent.high), -extent.exponent)
            most = rounding(torch.from_numpy(largest.astype(np.float64)) / scale, dtype)
            dependent = null_columns(factor / scale, most) if d > 1 else []
            log_det = factor.diagonal().abs().log().sum() + 0.5 * d * math.log(n / (n - 1))
            exact = float(log_det) + d * extent.exponent * math.log(2) + gaussian_entropy(d)
        if dependent and floor == 0:
            return nothing._replace(degenerate=say_dependent(dependent))
        summarize = partial(_log_moments, ks=ks, floor=math.ldexp(floor, -extent.exponent))
        parts = sample.search(max(ks), norm, summarize)
    found, twice = zip(*parts, strict=True)
    share, reach = sum(twice) / n, reach_of(first.astype(np.float64))
    looked = share >= SOME and not as_it_is
    repeated = (f"{say_repeated(share)} If they are rounded, {IN_MEMORY}.",) if looked else ()
    ordered = (say_ordered(reach, n),) if reach else ()
    nothing = nothing._replace(warnings=(*repeated, *unlike), ordered=ordered)
    there = [part for part in found if part is not None]
    if len(there) < len(parts):
        return nothing._replace(exact_normal=exact)
    logs = Moments.merged(*there)
    mean = float(logs.mean[0]) + extent.exponent * math.log(2)
    variance = (d * float(logs.factor[0, 0])) ** 2 / (n - 1)
    value = d * mean + kl_constant(n, d, ks, norm)
    return nothing._replace(value=value, variance=variance, exact_normal=exact)


def _say_unlike(ratio: float) -> tuple[str, ...]:
    """What columns of unlike scales do to the estimate, in words; nothing if they are alike."""
    if ratio <= UNLIKE:
        return ()
    return (
        f"The standard deviations of the columns of `x` differ by a factor of {ratio:.3g}, so that "
        "neighbours are those of the widest columns. Samples read by blocks are taken as they are: "
        "divide columns by their standard deviations before, and add the logarithms of these to "
        "the entropy.",
    )


def _log_moments(
    distances: list[np.ndarray], ks: tuple[int, ...], floor: float
) -> tuple[Moments | None, int]:
    """Moments of the points' mean `log ε_k`; None if one is `-inf`. And how many have a twin."""
    chosen = [part[:, [k - 1 for k in ks]] for part in distances]
    logs = log_distance(torch.from_numpy(np.concatenate(chosen)), floor).mean(1, keepdim=True)
    twice = sum(int((part[:, 0] == 0).sum()) for part in distances)
    return None if logs.isneginf().any() else Moments.of(logs.numpy()), twice
