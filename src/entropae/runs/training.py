"""A training as a recipe says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from entropae.kinds import Samples
from entropae.model import Autoencoder, augmentation
from entropae.model.errors import make_error
from entropae.recipe import Recipe
from entropae.runs.settling import rate_of
from entropae.training import fit
from entropae.training.callbacks import Fading

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback


def fit_by(
    recipe: Recipe,
    model: Autoencoder,
    samples: Samples,
    *,
    callbacks: Sequence[Callback] = (),
    fades: bool = True,
    **options: Any,
) -> list[Any]:
    """Train as a recipe says, with more options of `fit`; returns the log.

    Args:
        recipe: Of the run.
        model: A model as it begins.
        samples: All of them.
        callbacks: More of them.
        fades: Whether dropout falls to 0, where it does for such samples.
        options: Of `fit`.
    """
    fading = [Fading()] if fades and samples.kind.fades else []
    return fit(
        model,
        samples,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=rate_of(recipe, model),
        decay=recipe.decay,
        weight_decay=recipe.weight_decay,
        augment=augmentation(samples.kind, recipe.augment),
        keep=recipe.keep,
        error=None if recipe.model.error == "squared" else make_error(recipe.model.error),
        validation=recipe.validation,
        seed=recipe.seed,
        callbacks=[*callbacks, *fading],
        **options,
    )
