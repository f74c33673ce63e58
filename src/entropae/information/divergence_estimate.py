"""A divergence with its error, and what speaks against it."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import torch
from scipy.special import ndtri

from entropae.information.divergence import by_distances
from entropae.information.estimate import check_confidence
from entropae.information.jackknife import jackknife
from entropae.information.overlap import why_misled
from entropae.information.parts import Scale
from entropae.information.references import (
    Corrected,
    DivergenceMethod,
    check_method,
    choose_references,
    compare,
    referenced,
    why_biased,
    why_vague,
)
from entropae.information.two_samples import TwoSamples, two_samples
from entropae.neighbors import Norm
from entropae.variables import Resolutions
from entropae.variables.order import reach_of, say_ordered

# Groups of rows that are left out in turn.
GROUPS = 10
# Standard error from which an estimate by references is void: in nats, and beside its value.
VAGUE, OF_VALUE = 1.0, 0.25
WHY = {
    "knn": "up to three columns, few rows, or samples far apart: by neighbours alone",
    "calibrated": "both samples are near to normal distributions",
    "copula": "columns of any shape, of which normal scores are normal together",
    "ica": "sums of independent columns of any shape",
    "mixture": "clusters",
}


class DivergenceEstimate(NamedTuple):
    """A divergence in nats, and how far to trust it.

    Attributes:
        value: The estimate.
        standard_error: Its standard deviation over samples, estimated. Not its bias.
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
        method: The method that was used; with `"auto"`, the one chosen.
        bias: What neighbours alone were off by between the references, and what was taken away; 0
            for `"knn"`.
        notes: Why this method, in words.
        warnings: What speaks against the estimate, in words.
    """

    value: float
    standard_error: float
    low: float
    high: float
    method: str
    bias: float = 0.0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        from entropae.notebook import number, remarks, table

        rows = [
            ("divergence", f"{number(self.value)} ± {number(self.standard_error)} nats"),
            ("interval", f"{number(self.low)} to {number(self.high)}"),
            ("method", self.method),
            ("bias taken away", number(self.bias)),
        ]
        return table(rows) + remarks(self.notes, self.warnings)


@torch.no_grad()
def divergence_estimate(
    x: Any,
    y: Any,
    k: int = 3,
    *,
    method: DivergenceMethod = "auto",
    confidence: float = 0.95,
    norm: Norm = "euclidean",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    seed: int = 0,
) -> DivergenceEstimate:
    """`knn_divergence` with standard error, interval, and what speaks against it, in nats.

    The standard error is that of the jackknife, which leaves out a tenth of the rows of each sample
    in turn, and of the samples of references. It tells of variance only.

    Args:
        x: Sample of P, shape `(n, d)`, or `(n,)` for `d = 1`, or a frame.
        y: Sample of Q, shape `(m, d)`.
        k: Which neighbour.
        method: Which estimator, see `knn_divergence`.
        confidence: Probability of the interval, in (0, 1).
        norm: `"euclidean"` or `"maximum"`.
        resolution: See `knn_entropy`.
        scale: See `knn_divergence`.
        seed: Of spreads, of the samples of references, and of the rows that are left out.

    Returns:
        The estimate. Where it is infinite, see `knn_divergence`, its error is NaN.

    Raises:
        ValueError: As `knn_divergence`; if `confidence` is not in (0, 1), or a sample has fewer
            than 10 points.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = 1.4 * rng.standard_normal((2000, 8)), rng.standard_normal((2000, 8))
        >>> found = divergence_estimate(x, y)
        >>> print(f"{found.value:.1f}, where neighbours alone say {found.value + found.bias:.1f}")
        1.2, where neighbours alone say -0.2
        >>> print(f"in truth {8 * (0.98 - 0.5 - np.log(1.4)):.1f}")
        in truth 1.1
    """
    check_confidence(confidence)
    check_method(method, 0.0)
    samples = two_samples(x, y, resolution=resolution, scale=scale, seed=seed)
    first = samples.turns[0]
    least = min(map(len, first))
    if least < GROUPS:
        raise ValueError(
            f"`x` and `y` must have at least {GROUPS} points for a standard error: got {least}. "
            "Use `knn_divergence` for a value alone."
        )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        raw = float(by_distances(samples, k, norm, 0.0))
    if not math.isfinite(raw):
        why = (*(str(one.message) for one in said), *samples.warnings)
        return DivergenceEstimate(raw, math.nan, raw, raw, "knn", warnings=why)
    compared = None if method == "knn" else compare(*first)
    chosen: DivergenceMethod = choose_references(compared) if method == "auto" else method
    found, error = _with_error(samples, k, norm, chosen, seed)
    if method == "auto" and chosen != "knn" and _is_void(error, found.value):
        # References that have no points in common say nothing, by thousands of nats.
        chosen = "knn"
        found, error = _with_error(samples, k, norm, chosen, seed)
    reach = float(ndtri(0.5 + 0.5 * confidence)) * error
    if chosen == "knn":
        reasons = [why_biased, why_misled] if method == "knn" else [why_misled, why_biased]
        found_out = (why(*first, k, norm, error) for why in reasons)
        biased = next((one for one in found_out if one), None)
    else:
        biased = why_vague(compared, chosen) or _why_void(error, found.value)
    reaches = [reach_of(sample.cpu().numpy()) for sample in first]
    ordered = [
        say_ordered(rows, len(sample), name)
        for name, sample, rows in zip("xy", first, reaches, strict=True)
        if rows
    ]
    return DivergenceEstimate(
        value=found.value,
        standard_error=error,
        low=found.value - reach,
        high=found.value + reach,
        method=chosen,
        bias=found.bias,
        notes=(WHY[chosen],) if method == "auto" else (),
        warnings=(*samples.warnings, *ordered, *([biased] if biased else [])),
    )


def _with_error(
    samples: TwoSamples, k: int, norm: Norm, method: DivergenceMethod, seed: int
) -> tuple[Corrected, float]:
    """The estimate by a method, and its standard error."""

    def again(p: torch.Tensor, q: torch.Tensor) -> float:
        return referenced([(p, q)], k, norm, method, seed).value

    found = referenced(samples.turns, k, norm, method, seed)
    spread = jackknife(again, *samples.turns[0], paired=False, groups=GROUPS, seed=seed)
    return found, math.hypot(spread, found.error)


def _is_void(error: float, value: float) -> bool:
    return error > max(VAGUE, OF_VALUE * abs(value))


def _why_void(error: float, value: float) -> str | None:
    if not _is_void(error, value):
        return None
    return (
        "The standard error is large beside the value: references that have hardly points in "
        'common say nothing of how far apart the samples are. Use method="knn".'
    )
