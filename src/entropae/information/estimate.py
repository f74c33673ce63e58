"""Information with its error: standard error, interval, p-value, and what was done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from entropae.entropy.maps import MAPS
from entropae.information.dimensions import why_too_many
from entropae.information.errors import Error, standard_error
from entropae.information.formulas import CHOOSING, CONDITIONAL, MANY, PAIRS
from entropae.information.lags import at_lags, transfer
from entropae.information.mapped import SUITS, against, why_off
from entropae.information.parts import Scale
from entropae.information.settled import why_unsettled
from entropae.information.significance import permutation_test
from entropae.information.terms import (
    WHY,
    Averaged,
    ConditionalMethod,
    Method,
    Sample,
    Settings,
    averaged,
    check_lag,
    sample_of,
)
from entropae.neighbors import as_count
from entropae.variables import Discrete, Period, Resolutions

# Nats that a table of counts is corrected by from which it is worth a warning.
MANY_CLASSES = 0.1


@dataclass(frozen=True)
class InformationEstimate:
    """An information, how far to trust it, and what was done.

    Attributes:
        value: The estimate, in `unit`.
        standard_error: Its standard deviation over samples, estimated. Not its bias.
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
        p_value: Probability of at least this value without dependence; NaN without permutations.
        null_low: Lower end of the interval, of the same confidence, of the values without
            dependence; NaN without permutations.
        null_high: Upper end of the same.
        n: Rows that the estimate is of.
        unit: `"nats"` or `"bits"`.
        method: Which estimator.
        notes: Why that one, and what was done with which column, in words.
        warnings: What speaks against the estimate, in words.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    null_low: float
    null_high: float
    n: int
    unit: str
    method: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        p = "" if math.isnan(self.p_value) else f", p = {self.p_value:.2g}"
        first = f"{self.value:.3f} ± {self.standard_error:.3f} {self.unit} ({self.method}{p})"
        return "\n".join([first, *self.notes, *(f"Warning: {one}" for one in self.warnings)])

    def _repr_html_(self) -> str:
        from entropae.notebook import number, remarks, table

        rows = [
            ("information", f"{number(self.value)} ± {number(self.standard_error)} {self.unit}"),
            ("interval", f"{number(self.low)} to {number(self.high)}"),
            ("p-value", number(self.p_value)),
            ("method", self.method),
        ]
        return table(rows) + remarks(self.notes, self.warnings)


def mutual_information_estimate(
    x: Any,
    y: Any,
    k: int = 3,
    *,
    method: Method = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    lag: int = 0,
    permutations: int = 0,
    confidence: float = 0.95,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> InformationEstimate:
    """`knn_mutual_information` with standard error, interval, p-value, and what was done.

    The interval is normal, about the value. It tells of variance only, see `standard_error` in
    `entropae.information.errors`. Where rows depend on those before, which is recognised, the
    error is from groups of consecutive rows.

    Args:
        x: First parts, see `knn_mutual_information`.
        y: Second parts.
        k: Which neighbour.
        method: Which estimator.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: See `knn_mutual_information`.
        period: See `knn_mutual_information`.
        exclude: See `knn_mutual_information`.
        lag: `x` this many rows before `y`.
        permutations: Permuted samples for a p-value, each as dear as the estimate; 0 for none. The
            least p-value is 1/(1 + permutations).
        confidence: Probability of the interval, in (0, 1).
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar of the permutations.

    Returns:
        The estimate.

    Raises:
        ValueError: As `knn_mutual_information`; if `confidence` is not in (0, 1) or `permutations`
            is below 0.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> height = rng.normal(1.7, 0.1, 1000)
        >>> mass = 60 + 80 * (height - 1.7) + 6 * rng.standard_normal(1000)
        >>> print(mutual_information_estimate(height.round(2), mass.round(), permutations=99))
        0.5... ± 0.03... nats (ksg1, p = 0.01)
        all parts are continuous
        x: spread over steps of 0.01
        y: spread over steps of 1
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    if lag:
        (sample,) = at_lags(x, y, [lag], settings, **options)
    else:
        check_lag(lag, 2)
        sample = sample_of({"x": x, "y": y}, settings, PAIRS, **options)
    return estimate(sample, permutations, confidence, bits, progress)


def conditional_mutual_information_estimate(
    x: Any,
    y: Any,
    z: Any,
    k: int = 3,
    *,
    method: ConditionalMethod = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    permutations: int = 0,
    confidence: float = 0.95,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> InformationEstimate:
    """`knn_conditional_mutual_information` with standard error, interval, p-value and notes.

    Args:
        x: First parts.
        y: Second parts.
        z: Parts that are given.
        k: Which neighbour.
        method: Which estimator, see `knn_conditional_mutual_information`.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: See `knn_mutual_information`.
        period: See `knn_mutual_information`.
        exclude: See `knn_mutual_information`.
        permutations: Local permutations for a p-value, see `permutation_test`; 0 for none.
        confidence: Probability of the interval, in (0, 1).
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar of the permutations.

    Returns:
        The estimate.

    Raises:
        ValueError: As `mutual_information_estimate`.
    """
    settings = Settings(k, method, scale, exclude, seed)
    samples = {"x": x, "y": y, "z": z}
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    sample = sample_of(samples, settings, CONDITIONAL, **options)
    return estimate(sample, permutations, confidence, bits, progress)


def total_correlation_estimate(
    x: Any,
    k: int = 3,
    *,
    method: ConditionalMethod = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    permutations: int = 0,
    confidence: float = 0.95,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> InformationEstimate:
    """`knn_total_correlation` with standard error, interval, p-value, and what was done.

    Args:
        x: Sample of shape `(n, d)`, `d ≥ 2`.
        k: Which neighbour.
        method: Which estimator, see `knn_total_correlation`.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: See `knn_mutual_information`.
        period: See `knn_mutual_information`.
        exclude: See `knn_mutual_information`.
        permutations: Samples of which all columns are permuted, for a p-value; 0 for none.
        confidence: Probability of the interval, in (0, 1).
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar of the permutations.

    Returns:
        The estimate.

    Raises:
        ValueError: As `mutual_information_estimate`, or if there are fewer than two columns.
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    sample = sample_of({"x": x}, settings, MANY, each=True, **options)
    return estimate(sample, permutations, confidence, bits, progress)


def transfer_entropy_estimate(
    x: Any,
    y: Any,
    lag: int = 1,
    history: int = 1,
    *,
    source_history: int = 1,
    k: int = 3,
    method: ConditionalMethod = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    permutations: int = 0,
    confidence: float = 0.95,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> InformationEstimate:
    """`knn_transfer_entropy` with standard error, interval, p-value, and what was done.

    Args:
        x: The source.
        y: The target.
        lag: Rows from the source's last value to the target's present one.
        history: Past values of the target that are given.
        source_history: Values of the source, `lag` rows back and before.
        k: Which neighbour.
        method: Which estimator, see `knn_conditional_mutual_information`.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: See `knn_mutual_information`.
        period: See `knn_mutual_information`.
        exclude: See `knn_mutual_information`.
        permutations: Local permutations for a p-value, see `permutation_test`; 0 for none.
        confidence: Probability of the interval, in (0, 1).
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar of the permutations.

    Returns:
        The estimate.

    Raises:
        ValueError: As `knn_transfer_entropy` and `mutual_information_estimate`.
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    sample = transfer(x, y, lag, history, source_history, settings, **options)
    return estimate(sample, permutations, confidence, bits, progress)


def estimate(
    sample: Sample,
    permutations: int = 0,
    confidence: float = 0.95,
    bits: bool = False,
    progress: bool = False,
    parallel: bool = True,
) -> InformationEstimate:
    """The estimate of a sample whose estimator is chosen, see `mutual_information_estimate`."""
    check_confidence(confidence)
    permutations = as_count("permutations", permutations, 0)
    found = averaged(sample)
    error = standard_error(sample, found)
    reach = float(ndtri(0.5 + 0.5 * confidence)) * error.value
    p_value = null_low = null_high = math.nan
    if permutations:
        test = permutation_test(
            sample, permutations, seed=sample.settings.seed, parallel=parallel, progress=progress
        )
        p_value = test.p_value
        tails = 0.5 - 0.5 * confidence
        null_low, null_high = np.quantile(test.null, [tails, 1 - tails]).tolist()
    unit = 1 / math.log(2) if bits else 1.0
    return InformationEstimate(
        value=found.value * unit,
        standard_error=error.value * unit,
        low=(found.value - reach) * unit,
        high=(found.value + reach) * unit,
        p_value=p_value,
        null_low=null_low * unit,
        null_high=null_high * unit,
        n=len(found.terms.values),
        unit="bits" if bits else "nats",
        method=found.terms.map or sample.method,
        notes=_notes(sample, found),
        warnings=_warnings(sample, found, error, permutations),
    )


def check_confidence(confidence: Any) -> None:
    """Raise unless a confidence is a probability.

    Raises:
        ValueError: If it is not.
    """
    number = isinstance(confidence, float | int) and not isinstance(confidence, bool)
    if not number or not 0 < confidence < 1:
        raise ValueError(
            f"`confidence` must be in (0, 1): got confidence={confidence!r}. Use 0.95."
        )


def _notes(sample: Sample, found: Averaged) -> tuple[str, ...]:
    if sample.method == CHOOSING:
        return (SUITS[found.terms.map], *sample.notes)
    chosen = sample.settings.method == "auto" or sample.method == "none"
    return ((WHY[sample.method],) if chosen else ()) + sample.notes


def _warnings(sample: Sample, found: Averaged, error: Error, permuted: int) -> tuple[str, ...]:
    made, tied = [*sample.doubts, *sample.warnings], found.terms.tied
    if tied and sample.method in ("ksg1", "ksg2", "ross"):
        made.append(
            f"{tied} of {sample.n} rows coincide with k={sample.settings.k} or more others, so the "
            'distribution has no density. Use resolution="auto".'
        )
    lost = found.terms.freedom / (2 * sample.n)
    if lost > MANY_CLASSES:
        made.append(
            f"Classes are many for n={sample.n} rows: {lost:.2f} nats were subtracted for those "
            "that chance makes, and as much may be missing. Group classes, or use more rows."
        )
    if error.reach and error.reach > sample.settings.exclude:
        late = "the estimate too large"
        if permuted and not sample.settings.exclude:
            late += " and the p-value too small"
        table = "" if sample.in_order else " or a sorted table"
        said = (
            f"Rows are like those up to {error.reach} rows apart, as in a time series{table}, so "
            "the standard error is that of groups of consecutive rows. In a time series, "
            f"neighbours in time also make {late}: use exclude={error.reach}."
        )
        if table:
            said += " If the table is only sorted, shuffle its rows for a smaller standard error."
        made.append(said)
    parts = [part.values for part in sample.turn(0)] if found.terms.map else []
    if found.terms.map in MAPS:
        made += against(parts, sample.settings.k, found.terms.map)
    many = why_too_many(sample, found.value, error.value)
    reasons = (
        many,
        why_off(parts, found.terms.map, found.value),
        None if many else why_unsettled(sample, found, error.value),
    )
    return (*made, *(reason for reason in reasons if reason))
