"""An entropy with its error: standard error, interval, and what a Gaussian would show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from entropae.entropy.baseline import Baseline, simulate
from entropae.entropy.blocks import ByBlocks, entropy_by_blocks
from entropae.entropy.distances import Pointwise, is_count, is_number, neighbour_distances
from entropae.entropy.halves import change, halves, matters
from entropae.entropy.maps import (
    MAPPED,
    Check,
    check_calibrated,
    mapped_entropy,
    say_repeats,
)
from entropae.entropy.maps.estimation import LEAST
from entropae.entropy.methods import METHODS, EntropyMethod, check_options, kl_spread
from entropae.entropy.prepared import Prepared, Scale, check_by_blocks, coincident, prepared
from entropae.entropy.whitening import (
    default_repeats,
    gaussian_entropy,
    slope_on_squares,
    standardize,
    whiten,
    whitened_normal,
)
from entropae.neighbors import Norm, showing_progress
from entropae.out_of_core.sources import is_large
from entropae.variables import Resolutions
from entropae.variables.order import by_groups, reach_of, say_ordered

# Terms of neighbouring points go together: the variance of their mean is that of independent ones
# and 0.6 (0.35 … 0.75, for k = 1 … 20 and d = 1 … 6, simulated on tori) of what neighbours add.
SHARED = 0.6
# Bias on a Gaussian, in nats, that is worth a warning whatever the standard error, and that is not,
# however small the error.
WORTH_A_WARNING = 0.1
NOT_WORTH_A_WARNING = 0.02
# Methods that have a check of their own, or whose every estimate is too dear.
CHECKED = frozenset((*MAPPED, "calibrated", "kpn"))


class Estimate(NamedTuple):
    """An entropy in nats, and how far to trust it.

    Attributes:
        value: The estimate.
        standard_error: Its standard deviation over samples, estimated. Not its bias.
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
        baseline: What the same method says, in the mean, of `n` points of N(0, Σ̂). NaN if there
            are not more points than dimensions, or no baseline was asked for.
        exact_normal: What it should say there, ½ log det 2πe Σ̂.
        warnings: What speaks against the estimate, in words.
        notes: What was done with which column, in words.
        method: The method that was used; with `"auto"`, the one chosen.
        upper_bound: For `"calibrated"` and maps: the least cross-entropy of all references on
            points held out, which exceeds the entropy in the mean over samples. NaN if unknown.
        reference: The map whose reference that is.
    """

    value: float
    standard_error: float
    low: float
    high: float
    baseline: float
    exact_normal: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    method: str = ""
    upper_bound: float = math.nan
    reference: str = ""

    @property
    def bias_if_normal(self) -> float:
        """How far off a normal distribution of this size and covariance would be, in nats."""
        return self.baseline - self.exact_normal

    def _repr_html_(self) -> str:
        from entropae.notebook import number, remarks, table

        rows = [
            ("entropy", f"{number(self.value)} ± {number(self.standard_error)} nats"),
            ("interval", f"{number(self.low)} to {number(self.high)}"),
            ("a normal distribution would show", number(self.baseline)),
            ("where its entropy is", number(self.exact_normal)),
        ]
        return table(rows) + remarks(self.notes, self.warnings)


@torch.no_grad()
def entropy_estimate(
    x: Any,
    k: int | Sequence[int] = 3,
    *,
    method: EntropyMethod = "kl",
    confidence: float = 0.95,
    norm: Norm = "euclidean",
    p: int | None = None,
    repeats: int | None = None,
    resolution: Resolutions = "auto",
    scale: Scale = "auto",
    seed: int = 0,
    check: bool = True,
    progress: bool = False,
) -> Estimate:
    """`knn_entropy` with standard error, confidence interval, and the bias of a Gaussian.

    The estimate is a mean of terms `t_i`, `d log ε_k(i)` but for constants. Its variance is

        [var t + 0.6 ψ'(k) + (1/a² − 1) b² var ½|z|²] / n,

    the second term for neighbours sharing their distances, the third for distances so long that the
    terms vary less than log-densities do: `b` is the terms' slope on half the square `½ |z|²` of
    the whitened points, `a` the same on normal samples, where it should be 1. `"calibrated"` adds
    the variance of its correction. Where rows depend on those before, which is recognised, var t is
    from groups of consecutive rows.

    The interval is normal, about the value. It tells of variance only, and holds the estimator's
    mean as often as it says: 95 % intervals of 1000 points did so in 94 to 97 % of samples. The
    truth it holds as often only where bias is small beside the standard error: for smooth
    distributions in one or two dimensions. A bias of once, twice the standard error leaves 83 %,
    48 %. On Gaussians, baseline and exact value show that bias, and one beyond the standard error
    is warned of; `"calibrated"` takes it away. Where the distribution has edges, as the cube,
    nothing in one sample shows it: there `"kl"` with `k = 1` has the least.
    `benchmarks/coverage.py` has the figures.

    Args:
        x: Sample of shape `(n, d)`, or `(n,)` for `d = 1`, or one larger than memory, see
            `knn_entropy`.
        k: Which neighbour, or several, see `knn_entropy`.
        method: Which estimator, see `knn_entropy`.
        confidence: Probability of the interval, in (0, 1).
        norm: As in `knn_entropy`.
        p: As in `knn_entropy`.
        repeats: Normal samples that the baseline is simulated from, each as dear as the estimate.
            By default about 50 000 points in all, at least 4 samples and at most 64; 0 for none, if
            `method` is not `"calibrated"`, whose correction is the baseline. For a sample read by
            blocks it is 0, as each normal sample would be as large as that.
        resolution: As in `knn_entropy`; the variance of the spreads is part of the error.
        scale: As in `knn_entropy`.
        seed: As in `knn_entropy`.
        check: Whether to compare `"calibrated"` with other references, as maps always are, and
            `"kl"`, `"whitened"` and `"weighted"` with themselves in halves of the sample, which
            costs as much as the estimate.
        progress: As in `knn_entropy`.

    Returns:
        The estimate. If there is no density, see `knn_entropy`, or points coincide with their k-th
        neighbour: value, interval and, for columns, exact normal entropy are `-inf`,
        standard error and, for columns, baseline are NaN, and a warning among the estimate's own
        says why.

    Raises:
        ValueError: If `confidence` is not in (0, 1), if `repeats` is 1 or below 0, or not 0 for a
            sample read by blocks, or as `knn_entropy`.
        OSError: As `knn_entropy`.

    References:
        Berrett, Samworth and Yuan, Annals of Statistics 47 (2019) 288, for the limit.

    Examples:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).standard_normal((1000, 2))
        >>> estimate = entropy_estimate(x)
        >>> print(f"{estimate.value:.1f} ± {estimate.standard_error:.2f}")
        2.8 ± 0.04
    """
    if not is_number(confidence, 0) or not 0 < confidence < 1:
        raise ValueError(
            f"`confidence` must be in (0, 1): got confidence={confidence!r}. Use 0.95."
        )
    if repeats is not None and (not is_count(repeats, 0) or repeats == 1):
        raise ValueError(
            f"`repeats` must be 0, or at least 2, an integer: got repeats={repeats!r}."
        )
    if is_large(x):
        check_by_blocks(resolution)
        if repeats:
            raise ValueError(
                f"`repeats` must be 0 for a sample read by blocks: got repeats={repeats}. Ask "
                "`gaussian_baseline` of fewer points, which bounds the bias of more."
            )
        how: dict[str, Any] = {"method": method, "norm": norm, "p": p, "progress": progress}
        found = entropy_by_blocks(x, k, floor=0.0, as_it_is=resolution is None, **how)
        return _of_blocks(found, confidence)._replace(method=method)
    sample = prepared(
        x.detach() if isinstance(x, Tensor) else x, resolution=resolution, scale=scale, seed=seed
    )
    points, *others = sample.turns
    n, d = points.shape
    ks = check_options(points, k, method=method, p=p)
    message = sample.why_singular
    if message:
        return _infinite(message)
    rows = reach_of(points.double().cpu().numpy())
    ordered = (say_ordered(rows, n),) if rows else ()
    if method in MAPPED:
        with showing_progress(progress):
            found = _by_map(points, ks, method, norm, confidence)
        return _in_units(found._replace(warnings=ordered + found.warnings), sample)
    with showing_progress(progress):
        entropy = METHODS[method].pointwise(points, ks, norm, 0.0, p)
        again = [METHODS[method].pointwise(turn, ks, norm, 0.0, p).value for turn in others]
        white, exact, baseline, slope = _normal(points, ks, method, norm, p, repeats)
    value = float(entropy.value)
    if value == -math.inf:
        why = coincident(ks), *sample.warnings
        return _infinite(*why, baseline=baseline.mean + sample.shift, exact=exact + sample.shift)
    terms = entropy.terms.double()
    own = float(terms.var())
    if rows:
        own = max(own, n * by_groups(terms.cpu().numpy()))
    variance = own + SHARED * entropy.spread
    if white is not None and 0 < slope < 1:
        half_square = 0.5 * white.square().sum(1)
        # On a normal distribution, the variance of ½ |z|² is that of −log f.
        own = slope_on_squares(terms, white) ** 2 * float(half_square.var())
        variance += (1 / slope**2 - 1) * own
    variance /= n
    if method == "calibrated":
        variance += baseline.standard_error**2
    if again:
        values = torch.stack([entropy.value, *again]).double()
        value, variance = float(values.mean()), variance + float(values.var()) / len(values)
    error = math.sqrt(variance)
    warnings = ordered + _warnings(n, d, method, exact, baseline, error)
    if check and n > d and method not in CHECKED:
        warnings += _unsettled(points, ks, method, norm, entropy, error, baseline.mean - exact)
    warnings += tuple(one for one in sample.warnings if n > d or one != sample.warnings[0])
    found = _finite(value, variance, confidence, baseline.mean, exact, warnings)
    if method == "calibrated" and check:
        found = _with_check(found, check_calibrated(points, ks, norm))
    return _in_units(found._replace(method=method), sample)


def _in_units(found: Estimate, sample: Prepared) -> Estimate:
    """The estimate of columns that were scaled, of the columns as they came."""
    shifted = ("value", "low", "high", "baseline", "exact_normal", "upper_bound")
    moved = {name: getattr(found, name) + sample.shift for name in shifted}
    return found._replace(**moved, notes=sample.notes)


def _by_map(
    points: Tensor, ks: tuple[int, ...], method: str, norm: Norm, confidence: float
) -> Estimate:
    found = mapped_entropy(points, ks, norm, method)
    exact = float(whiten(points)[1]) + gaussian_entropy(points.shape[1])
    if found.entropy.value == -math.inf:
        coincide = neighbour_distances(points, ks, norm).eq(0).any()
        why = coincident(ks) if coincide else say_repeats(found.method)
        return _infinite(why, baseline=exact, exact=exact)
    value, variance = found.entropy.value, found.entropy.variance
    estimate = _finite(value, variance, confidence, exact, exact, ())
    return _with_check(estimate._replace(method=found.method), found.check)


def _with_check(found: Estimate, check: Check) -> Estimate:
    return found._replace(
        warnings=found.warnings + check.warnings,
        upper_bound=check.upper_bound,
        reference=check.reference,
    )


def _of_blocks(found: ByBlocks, confidence: float) -> Estimate:
    if found.degenerate:
        return _infinite(found.degenerate)
    if found.value == -math.inf:
        why = coincident(found.ks, by_blocks=True), *found.warnings
        return _infinite(*why, exact=found.exact_normal)
    variance = (found.variance + SHARED * kl_spread(found.ks)) / found.n
    warnings = found.ordered + (() if found.n > found.d else (_too_few(found.n, found.d),))
    warnings += found.warnings
    return _finite(found.value, variance, confidence, math.nan, found.exact_normal, warnings)


def _finite(
    value: float,
    variance: float,
    confidence: float,
    baseline: float,
    exact: float,
    warnings: tuple[str, ...],
) -> Estimate:
    error = math.sqrt(variance)
    reach = float(ndtri(0.5 + 0.5 * confidence)) * error
    return Estimate(value, error, value - reach, value + reach, baseline, exact, warnings)


def _infinite(*why: str, baseline: float = math.nan, exact: float = -math.inf) -> Estimate:
    return Estimate(-math.inf, math.nan, -math.inf, -math.inf, baseline, exact, why)


def _normal(
    points: Tensor,
    ks: tuple[int, ...],
    method: EntropyMethod,
    norm: Norm,
    p: int | None,
    repeats: int | None,
) -> tuple[Tensor | None, float, Baseline, float]:
    """The whitened sample, the exact entropy of N(0, Σ̂), what the method says of it, its slope."""
    n, d = points.shape
    nothing = Baseline(math.nan, math.nan, math.nan)
    if n <= d:
        return None, math.nan, nothing, 1.0
    white, half_log_det = whiten(points)
    exact = float(half_log_det) + gaussian_entropy(d)
    if method == "calibrated":
        # Its own correction, whatever `repeats` says, so that the error is that of the value.
        normal = whitened_normal(n, d, ks, norm, default_repeats(n))
        return white, exact, Baseline(exact, normal.std, normal.standard_error), normal.slope
    repeats = default_repeats(n) if repeats is None else repeats
    if repeats == 0:
        return white, exact, nothing, 1.0
    if method == "whitened":
        normal = whitened_normal(n, d, ks, norm, repeats)
        baseline = Baseline(exact + normal.bias, normal.std, normal.standard_error)
        return white, exact, baseline, normal.slope
    standard, scale = standardize(points.double())
    factor = torch.linalg.qr(standard, mode="r")[1].T / math.sqrt(n - 1) * scale[:, None]
    baseline, slope = simulate(n, factor.cpu(), ks, method, norm, repeats, p)
    return white, exact, baseline, slope


def _warnings(
    n: int, d: int, method: str, exact: float, baseline: Baseline, error: float
) -> tuple[str, ...]:
    if n <= d:
        return (_too_few(n, d),)
    bias = baseline.mean - exact
    # Beyond its standard error, the interval holds the truth five times in six, not 19 in 20.
    least = max(NOT_WORTH_A_WARNING, min(WORTH_A_WARNING, error))
    if not abs(bias) > max(least, 2 * baseline.standard_error):
        return ()
    other = ', or, for distributions near to a normal one, method="calibrated"'
    return (
        f"n={n} points are few for d={d} dimensions: of a Gaussian with this covariance, "
        f'method="{method}" says {abs(bias):.2f} nats too {"much" if bias > 0 else "little"}. Use '
        f"more points{other if n > LEAST else ''}.",
    )


def _unsettled(
    points: Tensor,
    ks: tuple[int, ...],
    method: EntropyMethod,
    norm: Norm,
    entropy: Pointwise,
    error: float,
    bias: float,
) -> tuple[str, ...]:
    """What halves of the sample say against the estimate, beyond its bias on a Gaussian."""
    n, d = points.shape
    if n // 2 <= max(*ks, d):
        return ()
    of_halves = np.full(n, np.nan)
    for rows in halves(n):
        half = METHODS[method].pointwise(points[rows], ks, norm, 0.0, None)
        of_halves[rows] = half.terms.double().cpu().numpy()
    changed = change(of_halves, entropy.terms.double().cpu().numpy())
    if not matters(changed, error) or abs(bias) > abs(changed) > 0 > changed * bias:
        return ()
    remedy = "Use more points" if method == "weighted" else 'Use more points, or method="auto"'
    if d > 1:
        remedy += "; if one column is a function of others, leave it out, as there is no density"
    return (
        f"Half of the points say {abs(changed):.2f} nats {'more' if changed < 0 else 'less'} than "
        "all, which would agree if the distribution were even around each point: the estimate may "
        f"be off by as much or more, which the interval does not show. {remedy}.",
    )


def _too_few(n: int, d: int) -> str:
    return (
        f"n={n} points are too few for d={d} dimensions: their covariance has no inverse, and "
        "there is no normal distribution to compare with. Use more points or fewer columns."
    )
