"""Findings about what the decoder returns: reconstructions and samples."""

from __future__ import annotations

import math

from jaxtyping import Float
from scipy import stats
from torch import Tensor

from entropae.diagnosis import distributions
from entropae.diagnosis.dimension import dimension_of_normal
from entropae.diagnosis.finding import (
    MOST,
    NEGLIGIBLE,
    Check,
    Severity,
    UnmeasuredError,
    Verdict,
    of_error,
    of_share,
)
from entropae.diagnosis.inputs import check_held_out
from entropae.diagnosis.measured import OUTSIDE, Measured

# Of the data's variance: errors below are alike.
LEAST_ERROR = 1e-9
# An error of so small a share of the variance is not worth more dimensions.
LITTLE = 0.02
COMPARED = 500  # samples that are compared with the training samples


def _check_unseen(measured: Measured) -> None:
    """Raise unless there are held-out samples that are not mostly training samples too."""
    check_held_out(measured)
    if measured.leaked >= MOST:
        raise UnmeasuredError("the held-out samples are among the training samples")


def _collapse(measured: Measured) -> Verdict | None:
    one, every = (measured.linear_error(0) - measured.linear_error(d) for d in (1, measured.dim))
    if measured.heard >= NEGLIGIBLE * every:
        return None
    serious = measured.heard < NEGLIGIBLE * one
    share = measured.heard / measured.variance
    return Verdict(
        Severity.SERIOUS if serious else Severity.WARNING,
        one / max(measured.heard, 1e-9 * one),
        1 / NEGLIGIBLE,
        f"codes vary reconstructions {share:.2g} times as much as the data vary, one principal "
        f"component {one / measured.variance:.2g} times, {measured.dim} of them "
        f"{every / measured.variance:.2g} times",
    )


COLLAPSE = Check(
    name="collapse",
    title="The decoder ignores the code",
    meaning="Whatever the code, the output is nearly the same: posterior collapse.",
    how=(
        "½ |x̂ − x̂′|² of reconstructions x̂ of held-out samples, and x̂′ of what they are with "
        "another sample's code: the variance of the reconstructions. Serious if it is less than a "
        "tenth of what one principal component explains, a warning if it is less than a tenth of "
        "what d of them do."
    ),
    cause=(
        "A KL or entropy term so strong that the code is noise; a decoder that does without it; "
        "weights that died."
    ),
    remedy=(
        "Of a variational latent: lower the weight, or use Entropic, whose code cannot be all "
        "noise. Else train longer, with a smaller learning rate; for text, hide words from the "
        "decoder (word_dropout)."
    ),
    judge=_collapse,
    explains=(
        *("undertrained", "weight_large", "latent_small", "weight_small", "holes", "dead"),
        *("scale", "overfitting", "clusters", "latent_large", "shell", "correlation"),
    ),
)


def excess(measured: Measured, linear: float) -> float | None:
    """By how much of it the test error exceeds a linear one, if that is certain."""
    errors = measured.test_errors
    standard = float(errors.std()) / math.sqrt(len(errors))
    if measured.error - linear <= float(stats.norm.isf(measured.level)) * standard:
        return None
    return (measured.error - linear) / max(linear, NEGLIGIBLE**2 * measured.variance)


def is_overfitting(measured: Measured) -> bool:
    """Whether a model worse than a linear one is so because it knows training samples by heart.

    Most of what it lacks on held-out samples, it has on those that it was trained on.
    """
    lack = measured.error - measured.linear_error(measured.dim)
    return lack > 0 and overfitted(measured) >= MOST * lack


def overfitted(measured: Measured) -> float:
    """By how much held-out samples are reconstructed worse than training samples, if at all.

    It is certain where the mean error differs, or the mean logarithm of the error: few held-out
    samples with large errors make their mean uncertain.
    """
    if not measured.has_held_out:
        return 0.0
    seen, unseen = measured.train_errors, measured.test_errors
    difference = float(unseen.mean() - seen.mean())
    least = LEAST_ERROR * measured.variance
    certain = any(
        _exceeds(a, b, measured.level / 2)
        for a, b in ((unseen, seen), ((unseen + least).log(), (seen + least).log()))
    )
    return max(0.0, difference) if certain else 0.0


def _exceeds(a: Float[Tensor, " n"], b: Float[Tensor, " m"], level: float) -> bool:
    """Whether the mean of one sample is larger than that of another, by Welch's test."""
    error = math.sqrt(float(a.var()) / len(a) + float(b.var()) / len(b))
    return float(a.mean() - b.mean()) > float(stats.norm.isf(level)) * error


def _is_normal(measured: Measured) -> bool:
    return of_share(measured.far_drawn) is Severity.NOTE


def _weight_large(measured: Measured) -> Verdict | None:
    d, weight = measured.dim, measured.subject.weight
    ratio = excess(measured, measured.linear_error(d))
    if ratio is None or weight == 0 or not _is_normal(measured) or is_overfitting(measured):
        return None
    if measured.readout_error < measured.error:  # then it is the decoder that is at fault
        return None
    known = "" if weight is None else f" with the weight {weight:g}"
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"the squared error is {measured.error / measured.variance:.2g} of the data's variance"
        f"{known}, that of {d} principal components "
        f"{measured.linear_error(d) / measured.variance:.2g}; the code is normal already "
        f"({measured.far_drawn:.0%} of samples fall far from any code)",
    )


WEIGHT_LARGE = Check(
    name="weight_large",
    title="The entropy's weight λ is too large",
    meaning="The code is as normal as can be, and pays for it with what it could tell.",
    how=(
        "Test error against that of principal component analysis with as many components, the "
        "best linear autoencoder: e − e_PCA over its standard error. Found if at the same time "
        "less than a tenth of samples fall far from any code, and no linear map of the codes does "
        "better than the decoder. The effect is (e − e_PCA)/e_PCA."
    ),
    cause="λ (of a VAE: β) is so large that normality outweighs reconstruction.",
    remedy="Lower the weight by some factors of 2, until samples, not codes, get worse.",
    judge=_weight_large,
    explains=("undertrained", "latent_small", "dead"),
)


def check_numeric(measured: Measured) -> None:
    """Raise if samples have no intrinsic dimension that means anything.

    Raises:
        UnmeasuredError: With the reason.
    """
    if not measured.subject.is_numeric:
        raise UnmeasuredError("the dimension of sentences is not known")


def _latent_small(measured: Measured) -> Verdict | None:
    check_numeric(measured)
    n, d, dimension = len(measured.train), measured.dim, measured.data_dimension
    low = dimension.value - float(stats.norm.isf(measured.level)) * dimension.standard_error
    if low <= dimension_of_normal(n, d):
        return None
    needed = max(d + 1, math.ceil(dimension.value))
    ratio = excess(measured, measured.linear_error(needed))
    # Only so much of it can be for want of dimensions as principal components gain by them.
    gain = measured.linear_error(d) - measured.linear_error(needed)
    if ratio is None or gain < MOST * (measured.error - measured.linear_error(needed)):
        return None
    if measured.error < LITTLE * measured.variance:  # noise has as many dimensions as it likes
        return None
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"the data's intrinsic dimension is about {dimension.value:.1f}, where {n} points of "
        f"N(0, I) in {d} dimensions would show {dimension_of_normal(n, d):.1f}; the squared error "
        f"is {measured.error / measured.variance:.2g} of the variance, that of {needed} principal "
        f"components {measured.linear_error(needed) / measured.variance:.2g}",
    )


LATENT_SMALL = Check(
    name="latent_small",
    title="The latent is smaller than the data",
    meaning="The code has not room for all that varies in the data; the rest is lost.",
    how=(
        "Intrinsic dimension m̂ of the training data, against what it is for as many points of "
        "N(0, I) in d dimensions; and a test error above that of ⌈m̂⌉ principal components, of "
        "which most is what d of them lack as well, and more than 2 % of the variance. The effect "
        "is (e − e_PCA)/e_PCA."
    ),
    cause="The latent dimension was chosen smaller than the data's.",
    remedy="Use a latent of at least the data's intrinsic dimension.",
    judge=_latent_small,
    explains=("undertrained", "weight_large", "overfitting"),
)


def _undertrained(measured: Measured) -> Verdict | None:
    d = measured.dim
    ratio = excess(measured, measured.linear_error(d))
    if ratio is None:
        return None
    variance = measured.variance
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"the squared error is {measured.error / variance:.2g} of the data's variance, that of {d} "
        f"principal components {measured.linear_error(d) / variance:.2g}, that of a linear map of "
        f"the codes {measured.readout_error / variance:.2g}",
        # Of a model that has not learnt enough yet, what it knows by heart matters less.
        explains=() if is_overfitting(measured) else ("overfitting",),
    )


UNDERTRAINED = Check(
    name="undertrained",
    title="Reconstruction is worse than a linear one",
    meaning="Principal components would do better with as many numbers.",
    how=(
        "Test error against that of principal component analysis with d components: e − e_PCA "
        "over its standard error. The effect is (e − e_PCA)/e_PCA."
    ),
    cause="Too few steps, or a learning rate that is too small or too large.",
    remedy="Look at the curves; train for four times as many epochs, at a third of the rate.",
    judge=_undertrained,
)


def _overfitting(measured: Measured) -> Verdict | None:
    _check_unseen(measured)
    difference = overfitted(measured)
    if not difference:
        return None
    share = difference / max(measured.error, NEGLIGIBLE**2 * measured.variance)
    linear, known = measured.linear_error(measured.dim), float(measured.train_errors.mean())
    severity = of_share(share)
    if measured.error < linear:  # what was learnt by heart has not been learnt instead
        severity = Severity.NOTE if share < MOST else Severity.WARNING
    return Verdict(
        severity,
        share,
        MOST,
        f"the squared error is {known / measured.variance:.2g} of the variance on training "
        f"samples, {measured.error / measured.variance:.2g} on held-out ones (of "
        f"{measured.dim} principal components: {linear / measured.variance:.2g})",
        explains=("undertrained", "latent_small") if is_overfitting(measured) else None,
    )


OVERFITTING = Check(
    name="overfitting",
    title="Over-fitting",
    meaning="The networks know training samples by heart; held-out ones are reconstructed worse.",
    how=(
        "Mean error of held-out samples less that of training samples, over its standard error; or "
        "the same of the errors' logarithms. The effect is the difference as a share of the "
        "held-out error; serious only if held-out samples are also reconstructed worse than by d "
        "principal components, else a note if it is less than half."
    ),
    cause="Too few training samples for networks of this size, or too many epochs.",
    remedy="Smaller networks; more data.",
    judge=_overfitting,
    explains=("shell",),
)


def _copies(measured: Measured) -> Verdict | None:
    _check_unseen(measured)
    limit = measured.nearness(measured.test_points).quantile(1 - OUTSIDE)
    samples = measured.samples[:COMPARED]
    share = float((measured.nearness(samples) < limit).double().mean())
    tested = len(measured.test), len(samples)
    if share <= distributions.upper_share(*tested, OUTSIDE, measured.level):
        return None
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"{share:.0%} of samples are nearer to one training sample than {float(limit):.2g} of the "
        f"distance to the next, which {1 - OUTSIDE:.0%} of held-out samples are",
    )


COPIES = Check(
    name="copies",
    title="Samples are copies of training samples",
    meaning="The model returns what it was trained on instead of new samples.",
    how=(
        "r = |s − x₁|/|s − x₂|, the distances of a sample to its nearest and second nearest "
        "training sample. The effect is the share of samples with r under the 1 % quantile of r "
        "over held-out data."
    ),
    cause="A decoder large enough to keep the training set, and few training samples.",
    remedy="More data, a smaller decoder, fewer epochs, a smaller latent.",
    judge=_copies,
    explains=("overfitting", "undertrained", "holes", "weight_small", "clusters"),
)
