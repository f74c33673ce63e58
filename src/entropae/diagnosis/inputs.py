"""Findings about what the encoder is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from entropae.diagnosis.finding import (
    MOST,
    NEGLIGIBLE,
    Check,
    UnmeasuredError,
    Verdict,
    of_error,
    of_share,
)
from entropae.diagnosis.measured import LEAST, Measured, squared
from entropae.nn.limits import Limits, output_limits
from entropae.nn.scaling import ScaledDecoder
from entropae.nn.units import STANDARDIZED, UNLIKE, scaling_of

ENOUGH = 200  # samples, to see a difference that matters
HALF = 0.5  # of a value's variance, above which it is lost

# What is often done to images by mistake, undone: each with what to say.
CORRECTIONS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "divided by 255": (lambda x: x / 255, "the model knows values 0 … 1; these are 0 … 255"),
    "multiplied by 255": (lambda x: 255 * x, "the model knows values 0 … 255; these are 0 … 1"),
    "inverted, 1 − x": (lambda x: 1 - x, "the model knows the negatives of these images"),
    "inverted, 255 − x": (lambda x: 255 - x, "the model knows the negatives of these images"),
    "divided by 255 and inverted": (
        lambda x: 1 - x / 255,
        "the model knows the negatives of these images, with values 0 … 1",
    ),
    "mapped from 0 … 1 to −1 … 1": (lambda x: 2 * x - 1, "the model knows values −1 … 1"),
    "mapped from −1 … 1 to 0 … 1": (lambda x: (x + 1) / 2, "the model knows values 0 … 1"),
    "given with their channels reversed": (
        lambda x: x.flip(1),
        "red and blue are exchanged, as between RGB and BGR",
    ),
}


def _transformed(measured: Measured) -> Verdict | None:
    x = measured.test[:ENOUGH]
    if not x.is_floating_point():
        raise UnmeasuredError("sentences have neither scale nor colours")
    given = float(measured.test_errors[:ENOUGH].mean()) / measured.variance
    errors = {}
    for name, (correct, _) in CORRECTIONS.items():
        if name.endswith("reversed") and (x.ndim != 4 or x.shape[1] != 3):
            continue
        y = correct(x)
        again = measured.subject.reconstruct(y)
        if torch.isfinite(again).all():
            points = measured.subject.points(y)
            variance = (points - points.mean(0)).square().mean()
            errors[name] = float(squared(again, points).mean() / variance)
    best = min(errors, key=errors.__getitem__)
    # What is right but for what the decoder cannot return was not read or scaled otherwise.
    if limits := _limits(measured):
        within = measured.test_points[:ENOUGH].clamp(limits.low, limits.high)
        inside = float(squared(measured.again[:ENOUGH], within).mean())
        if inside <= errors[best] * float((within - within.mean(0)).square().mean()):
            return None
    excess = (given - errors[best]) / max(errors[best], NEGLIGIBLE**2)
    # A model that is right for the data may do a little better on their mirror image by chance.
    if not excess > 1 or errors[best] > 1:
        return None
    return Verdict(
        of_error(excess),
        excess,
        1.0,
        f"the squared error is {given:.2g} of the data's variance, and {errors[best]:.2g} when "
        f"samples are {best}: {CORRECTIONS[best][1]}",
    )


TRANSFORMED = Check(
    name="input",
    title="The data are not as the model knows them",
    meaning="Codes and reconstructions of such data mean nothing, and nor do other findings.",
    how=(
        "Reconstruct the samples as given, and corrected in each of the usual ways (divided by "
        "255, inverted, channels reversed, …): e = |x − x̂|²/variance. Found if the best "
        "correction at least halves e and then explains some of the variance; the effect is "
        "(e − e′)/e′."
    ),
    cause="They were read or scaled in another way than the training data.",
    remedy="Prepare these data exactly as those that the model was trained on.",
    judge=_transformed,
    explains=("*",),
)


def _limits(measured: Measured) -> Limits | None:
    """What the decoder cannot return numbers beyond, if they are numbers, and that is known."""
    if not measured.test.is_floating_point():
        return None
    subject = measured.subject
    code = torch.zeros(1, measured.dim, dtype=subject.dtype, device=subject.device)
    return output_limits(subject.decoder, code)


def _unreachable(measured: Measured) -> Verdict | None:
    limits = _limits(measured)
    if limits is None:
        return None
    beyond = limits.outside(measured.test)
    outside = float(beyond.square().mean())
    if not outside > 0:
        return None
    ratio = outside / max(measured.error - outside, torch.finfo(torch.float32).tiny)
    share = float((beyond != 0).double().mean())
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"{share:.0%} of the values are out of reach: the decoder returns {limits.said}; that "
        f"alone is {outside / measured.error:.0%} of its squared error",
    )


UNREACHABLE = Check(
    name="range",
    title="The decoder cannot return such values",
    meaning="What lies beyond its last layer's range is cut off, however long it is trained.",
    how=(
        "Squared distance of the samples to the range of what the decoder returns (0 … 1 for a "
        "sigmoid, as codes far out show), over the rest of the reconstruction error."
    ),
    cause="The last layer does not suit the data's range, or the data are scaled otherwise.",
    remedy=(
        "Scale the data into the range (bytes: x / 255; values −1 … 1: (x + 1) / 2), or end the "
        'decoder in a linear layer: output="linear" of built-in ones.'
    ),
    judge=_unreachable,
    explains=("*",),
)


def _logits(measured: Measured) -> Verdict | None:
    x, again = measured.test, measured.again
    if not x.is_floating_point() or x.min() < 0 or x.max() > 1 or not again.min() < 0:
        return None
    error = float(squared(again.sigmoid(), measured.test_points).mean())
    ratio = (measured.error - error) / max(error, NEGLIGIBLE**2 * measured.variance)
    if not ratio > 1 or error > measured.variance:
        return None
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"the squared error is {measured.error / measured.variance:.2g} of the data's variance, "
        f"and {error / measured.variance:.2g} with a sigmoid after the decoder, whose values are "
        f"{float(again.min()):.2g} … {float(again.max()):.2g}",
    )


LOGITS = Check(
    name="logits",
    title="The decoder returns logits",
    meaning="Reconstructions and samples are numbers of any size, of which a sigmoid makes data.",
    how=(
        "Squared error of the decoder's output for data in 0 … 1, and of its sigmoid: e and e′. "
        "Found if e′ is at most a half of e and less than the data's variance; the effect is "
        "(e − e′)/e′."
    ),
    cause="It was trained by a cross-entropy that takes logits, and has no sigmoid at its end.",
    remedy=(
        "Put one there: model.decoder = nn.Sequential(model.decoder, nn.Sigmoid()), and train by "
        "error=nn.functional.binary_cross_entropy, which takes no logits."
    ),
    judge=_logits,
    explains=("*",),
)


def check_held_out(measured: Measured) -> None:
    """Raise unless there are held-out samples.

    Raises:
        UnmeasuredError: If there are too few.
    """
    if not measured.has_held_out:
        raise UnmeasuredError(f"fewer than {LEAST} held-out samples were given")


def _leak(measured: Measured) -> Verdict | None:
    check_held_out(measured)
    share = measured.leaked
    if share < NEGLIGIBLE:
        return None
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"{share:.0%} of the held-out samples are among the training samples, beyond what repeats "
        "itself in these",
    )


LEAK = Check(
    name="leak",
    title="Held-out samples were trained on",
    meaning="Over-fitting and copies cannot be told, and codes of both sets coincide.",
    how=(
        "The share of held-out samples that equal a training sample in every value, less the share "
        "of training samples that equal another one."
    ),
    cause="Data were split after copies were made of them, or one set is part of the other.",
    remedy="Hold out samples that are not in the training data: model.diagnose(train, held_out).",
    judge=_leak,
    explains=("holes", "weight_small", "copies", "clusters", "rings"),
)


def _mixed(measured: Measured) -> Verdict | None:
    x = measured.train
    if not x.is_floating_point() or isinstance(measured.subject.decoder, ScaledDecoder):
        return None
    if bool(((x >= 0) & (x <= 1)).all()):
        return None
    scaling = scaling_of(x)
    if scaling is None or not scaling.is_mixed:
        return None
    given, again = measured.test.flatten(1), measured.again.flatten(1)
    left = ((again - given) / scaling.scale).square().mean(0)
    lost = float((left > HALF).double().mean())
    if not lost:
        return None
    variances = scaling.scale.double().square()
    return Verdict(
        of_share(lost),
        lost,
        MOST,
        f"standard deviations of values are {scaling.scale.min():.2g} … {scaling.scale.max():.2g}, "
        f"so that one has {float(variances.max() / variances.sum()):.0%} of the variance; of "
        f"{lost:.0%} of the values more than half is lost",
        # Of the error that these are found by, the largest unit is nearly all.
        ("collapse", "undertrained", "weight_large", "latent_small"),
    )


MIXED = Check(
    name="units",
    title="The values are in mixed units",
    meaning="The error is that of the values in the largest unit alone: the others are not learnt.",
    how=(
        "Squared error of each value over its variance, where standard deviations of neighbouring "
        f"values differ more than {UNLIKE:g}-fold. Found where it is over a half; the effect is "
        "the share of such values."
    ),
    cause="Features in several units were not standardised.",
    remedy=(f"Standardise the values, {STANDARDIZED}, or train by entropae fit, which does so."),
    judge=_mixed,
    explains=("*",),
)
