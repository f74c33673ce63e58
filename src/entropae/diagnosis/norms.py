"""Findings about batch normalisation, of the code and inside the networks."""

from __future__ import annotations

from entropae.diagnosis.finding import Check, Severity, Verdict, of_error
from entropae.diagnosis.measured import Measured
from entropae.diagnosis.outputs import excess
from entropae.latent import Entropic, Matching

AGREE = 1e-3  # standard deviations between statistics that are the same


def _disagree(measured: Measured) -> Verdict | None:
    if not measured.subject.batch_norms:
        return None
    ratio = measured.batch_shift / measured.visible
    if of_error(ratio) is Severity.NOTE:
        return None
    where, shift = measured.worst_norm
    if shift < AGREE:
        return None  # heavy tails, of which batches have few or many
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"running statistics move reconstructions by {ratio:.2g} times the model's squared error "
        f"with batch statistics; the farthest off is {where}, by {shift:.2g} standard deviations",
    )


DISAGREE = Check(
    name="statistics",
    title="Training and inference disagree",
    meaning=(
        "Batch normalisation uses the batch's statistics in training and running ones at "
        "inference. Where these differ, codes are shifted and scaled, and reconstructions wrong."
    ),
    how=(
        "Reconstructions x̂ at inference, and x̂_A, x̂_B with the statistics of two random "
        "divisions into batches: |x̂ − x̂_A|² − ½ |x̂_A − x̂_B|², which is 0 on average if running "
        "statistics are those of the data, over the squared reconstruction error. Not found if "
        "running statistics are within a thousandth of a deviation of the data's."
    ),
    cause=(
        "Running statistics lag behind the weights, were taken from other data, or were never "
        "updated (a momentum too small, a frozen layer, eval() in training)."
    ),
    remedy=(
        "model.calibrate(batches) recomputes all of them over the training set (`fit` does so at "
        "its end). If data differ from the training data, train on data like them."
    ),
    judge=_disagree,
    explains=(
        *("scale", "correlation", "shell", "tails", "holes", "clusters", "weight_small"),
        *("weight_large", "undertrained", "overfitting", "collapse", "latent_small", "duplicates"),
        *("latent_large", "dead"),
    ),
)


def _small_batch(measured: Measured) -> Verdict | None:
    subject, d = measured.subject, measured.dim
    n = subject.batch_size
    if n is None or not subject.batch_norms or len(measured.train) < 2 * n:
        return None
    noise = measured.batch_noise / measured.visible
    # It explains no more of the error than there is to explain.
    ratio = min(noise, excess(measured, measured.linear_error(d)) or 0.0)
    severity = of_error(ratio)
    figure = (
        f"in batches of {n} the other samples of its batch move a reconstruction by {noise:.2g} "
        "times the model's squared error"
    )
    known = n + getattr(subject.latent, "bank", 0)
    if known <= d + 1 and isinstance(subject.latent, Entropic | Matching):
        severity, ratio = Severity.SERIOUS, (d + 1) / known
        figure += f"; and of {known} codes none sees their distribution in {d} dimensions"
    if severity is Severity.NOTE:
        return None
    return Verdict(severity, ratio, 1.0, figure)


SMALL_BATCH = Check(
    name="batch",
    title="The batch is too small",
    meaning=(
        "Statistics of a small batch are noise, which the code carries in training; and of fewer "
        "codes than dimensions the distribution cannot be seen."
    ),
    how=(
        "½ |x̂_A − x̂_B|² of reconstructions with the statistics of two random divisions into "
        "batches of the training's size, over the squared reconstruction error, but no more than "
        "the error's excess over that of d principal components. Serious too if the latent "
        "looks at no more than d + 1 codes (the memory bank included), whose covariance is "
        "singular."
    ),
    cause="Batches of few samples, for memory or by habit.",
    remedy="Train with larger batches, at least some ten times d, or fewer latent dimensions.",
    judge=_small_batch,
    explains=(
        *("scale", "correlation", "shell", "tails", "holes", "clusters", "weight_small"),
        *("undertrained", "latent_large", "duplicates", "weight_large"),
    ),
)
