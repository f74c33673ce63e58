"""What to do about a finding, given what the model already has.

Advice is in words; with a recipe, also the settings that follow it. `benchmarks/remedies.py`
follows each on real data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from entropae.diagnosis.finding import MOST, NEGLIGIBLE, UnmeasuredError
from entropae.diagnosis.measured import Measured
from entropae.latent import Entropic, Plain, Variational
from entropae.prior import Normal

# A remedy is a change large enough to be seen, and small enough not to overshoot.
FACTOR = 4
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 1.0  # of the entropy, that have served: beyond, back to them
LARGE = 10  # standard deviations of data that networks take long to learn, or its inverse
ENOUGH = 1000  # steps, for most of what there is to learn in a few thousand samples


@dataclass(frozen=True)
class Advice:
    """A remedy.

    Attributes:
        text: In words.
        settings: Of the recipe, by their names with dots, as they should be.
        prior: What to sample from, if that is the remedy.
        cause: What probably brought the finding about, if more is known of it than usually.
    """

    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    prior: str = ""
    cause: str = ""


def advice(name: str, measured: Measured) -> Advice | None:
    """What to do about a finding by its name, if there is more to say than its general remedy."""
    make = ADVICE.get(name)
    found = make(measured) if make else None
    if found is None or not found.prior or found.settings or _likelier(measured, found.prior):
        return found
    return Advice(
        "Keep to N(0, I): a distribution fitted to the training codes is further from the held-out "
        "ones. More data, or fewer passes, would bring the two together.",
        cause="Held-out codes lie elsewhere than those of the training data.",
    )


def _likelier(measured: Measured, name: str) -> bool:
    """Whether the codes of the test samples are likelier under a fitted prior than under N(0, I).

    A head that few codes were enough to learn by heart spreads others wider than those.
    """
    if measured.subject.prior_name != "normal":
        return True
    try:
        fitted = measured.full if name == "full" else measured.mixture
    except UnmeasuredError:
        return True
    code = measured.code
    return bool(fitted.log_prob(code).mean() > Normal(measured.dim).log_prob(code).mean())


def _more_steps(measured: Measured) -> Advice | None:
    epochs, history = measured.subject.recipe.get("epochs"), measured.subject.history
    if not epochs or history is None:
        return None
    more = max(FACTOR, math.ceil(ENOUGH / max(1, history.steps))) * epochs
    return Advice(
        f"Train for {more} epochs instead of {epochs}: with batches of this size that is "
        f"{more * history.steps // epochs} steps.",
        {"epochs": more},
    )


def _is_untrained(measured: Measured) -> bool:
    """Whether outputs vary, and not even their mean is the data's, which is learnt first."""
    alive = measured.heard > NEGLIGIBLE**4 * measured.variance
    return alive and measured.off > NEGLIGIBLE * measured.variance


UNTRAINED = Advice(
    "Look at the loss: if it still fell, train longer, or at ten times the learning rate; if it "
    "jumped about, at a tenth. Of networks that are trained already, see that their weights are "
    "loaded, and that these data are prepared as theirs were.",
    cause=(
        "Not even the data's mean comes back, which is learnt first: the networks are hardly "
        "trained, or were trained on other data."
    ),
)


def _slower(measured: Measured) -> Advice | None:
    recipe = measured.subject.recipe
    if not recipe.get("epochs"):
        size = math.sqrt(measured.variance)
        if measured.subject.is_numeric and not 1 / LARGE < size < LARGE:
            return Advice(
                f"Divide the data by their standard deviation, {size:.2g}, and train again: "
                "networks begin with outputs of about size 1.",
                cause=f"The data are of about size {size:.2g}, which takes many steps to learn.",
            )
        return UNTRAINED if _is_untrained(measured) else None
    epochs, rate = FACTOR * recipe["epochs"], recipe.get("learning_rate")
    if not rate:  # it goes by the data
        return Advice(f"Train for {epochs} epochs.", {"epochs": epochs})
    rate = float(f"{rate / 3:.2g}")
    return Advice(
        f"Train for {epochs} epochs at a learning rate of {rate:g}.",
        {"epochs": epochs, "learning_rate": rate},
    )


def _larger_batch(measured: Measured) -> Advice | None:
    recipe = measured.subject.recipe
    size = measured.subject.batch_size
    if not size or not recipe.get("epochs"):
        return None
    large = max(FACTOR * size, 10 * measured.dim)
    # As many steps as before.
    epochs = math.ceil(recipe["epochs"] * large / size)
    return Advice(
        f"Train with batches of {large} instead of {size}, and as many steps: {epochs} epochs.",
        {"batch_size": large, "epochs": epochs},
    )


def _awaken(measured: Measured) -> Advice | None:
    subject = measured.subject
    if isinstance(subject.latent, Variational) and not subject.latent.batch_norm:
        weight = subject.latent.weight / 10
        return Advice(
            f"Lower the weight from {subject.latent.weight:g} to {weight:g}; or use Entropic, "
            "whose code cannot be all noise.",
            {"model.latent.weight": weight},
        )
    if subject.is_numeric and _is_untrained(measured):
        return UNTRAINED
    if subject.is_numeric:
        return Advice("Train again with a smaller learning rate: weights may have died.")
    hidden = subject.recipe.get("model.word_dropout", 0.0)
    more = 0.3 if hidden < 0.3 else min(0.9, hidden + 0.2)
    return Advice(
        "Hide words from the decoder, so that it has to ask the code: word_dropout="
        f"{more:g} instead of {hidden:g}.",
        {"model.word_dropout": more},
    )


def _dimensions(d: int, measured: Measured) -> Advice:
    return Advice(
        f"Use a latent of {d} dimensions instead of {measured.dim}.", {"model.latent.dim": d}
    )


def _enough(measured: Measured) -> int:
    """Dimensions that the data fill: curved surfaces need more than they have."""
    return math.ceil(2 * measured.data_dimension.value)


def _independent(measured: Measured) -> Advice:
    d = measured.white.shape[1]
    # As many as are independent may follow from each other once more where the data fill few.
    return _mixture_or(min(d, _enough(measured)) if measured.subject.is_numeric else d, measured)


def _fewer(measured: Measured) -> Advice:
    return _mixture_or(max(1, min(measured.dim - 1, _enough(measured))), measured)


def _mixture_or(d: int, measured: Measured) -> Advice:
    """A mixture, which costs no training, where it fits; and fewer dimensions."""
    less, mixture = _dimensions(d, measured), _mixture(measured)
    if mixture is None or not _likelier(measured, mixture.prior):
        return less
    return Advice(f"{mixture.text} Or: {less.text}", less.settings, mixture.prior)


def _more(measured: Measured) -> Advice:
    return _dimensions(max(measured.dim + 1, math.ceil(measured.data_dimension.value)), measured)


def _lighter(measured: Measured) -> Advice | None:
    weight = measured.subject.weight
    if not weight:
        return None
    lower = weight / FACTOR
    if isinstance(measured.subject.latent, Entropic):
        lower = min(lower, MOST_WEIGHT)
    return Advice(f"Lower the weight from {weight:g} to {lower:g}.", {"model.latent.weight": lower})


def _heavier(measured: Measured) -> Advice | None:
    subject = measured.subject
    if subject.weight:
        weight = FACTOR * subject.weight
        if isinstance(subject.latent, Entropic):
            weight = max(weight, LEAST_WEIGHT)
        return Advice(
            f"Raise the weight from {subject.weight:g} to {weight:g}: λ is the share of "
            "reconstruction error that may be paid for one nat per dimension.",
            {"model.latent.weight": weight},
        )
    if isinstance(subject.latent, Entropic):
        return Advice("Give the entropy a weight: 1.", {"model.latent.weight": 1.0})
    if isinstance(subject.latent, Plain):
        return Advice(
            "Train with an Entropic latent: nothing asks this code for entropy.",
            {"model.latent": {"name": "entropic", "dim": measured.dim}},
        )
    return None


def _standardize(measured: Measured) -> Advice | None:
    latent = measured.subject.latent
    if isinstance(latent, Plain) and not latent.standardize:
        return Advice(
            "Use a latent that standardises its code (Entropic), or sample from a distribution "
            'fitted to the codes: prior "full".',
            {"model.latent": {"name": "entropic", "dim": measured.dim}},
            "full",
        )
    if hasattr(latent, "norm"):  # which standardises, by what it was told
        return Advice(
            "model.calibrate(batches) of the training data; or sample from a distribution fitted "
            'to the codes: prior "full".',
            prior="full",
        )
    return Advice('Sample from a distribution fitted to the codes: prior "full".', prior="full")


def _smaller(measured: Measured) -> Advice | None:
    recipe = measured.subject.recipe
    hidden, width = recipe.get("model.hidden"), recipe.get("model.width")
    if measured.error < measured.linear_error(measured.dim):
        return Advice(
            "More data. Held-out samples are reconstructed better than by principal components all "
            "the same; smaller networks, noise and fewer epochs seldom change that for the better."
        )
    spare = measured.train_errors.mean() < MOST * measured.linear_error(measured.dim, train=True)
    if not spare:
        return Advice(
            "More data. The networks have nothing to spare: they do not know training samples much "
            "better than principal components do."
        )
    if not hidden or not width or not measured.subject.is_numeric:
        return None
    if measured.subject.is_convolutional:
        if width < 8:
            return None
        return Advice(
            f"Smaller networks: a width of {width // 2} instead of {width}; more data help most.",
            {"model.width": width // 2},
        )
    small = [max(16, hidden[0] // FACTOR)]
    if small == list(hidden):
        return None
    return Advice(
        f"Smaller networks: hidden layers of {small} instead of {list(hidden)}; more data help "
        "most.",
        {"model.hidden": small},
    )


def _round(measured: Measured) -> Advice | None:
    """Off a shell."""
    latent = measured.subject.latent
    if isinstance(latent, Entropic) and latent.weight:
        if latent.correction == "none":
            return Advice(
                'Use the corrected entropy: correction="potential".',
                {"model.latent.correction": "potential"},
            )
        if latent.bank == 0:
            return Advice(
                "Give the latent a bank of recent codes: 4096.", {"model.latent.bank": 4096}
            )
    return _mixture(measured)


def _full(measured: Measured) -> Advice:
    return Advice(
        'Sample from a normal distribution fitted to the codes: prior "full".', prior="full"
    )


def _mixture(measured: Measured) -> Advice | None:
    if measured.subject.prior_name != "normal":
        return None
    return Advice(
        'Sample from a mixture of normal distributions fitted to the codes: prior "mixture".',
        prior="mixture",
    )


ADVICE: dict[str, Callable[[Measured], Advice | None]] = {
    "batch": _larger_batch,
    "steps": _more_steps,
    "collapse": _awaken,
    "dead": lambda measured: _dimensions(int(measured.active.sum()), measured),
    "duplicates": _independent,
    "latent_small": _more,
    "weight_large": _lighter,
    "undertrained": _slower,
    "scale": _standardize,
    "correlation": _full,
    "tails": _mixture,
    "shell": _round,
    "rings": _mixture,
    "latent_large": _fewer,
    "clusters": _mixture,
    "holes": _mixture,
    "weight_small": _heavier,
    "overfitting": _smaller,
}
