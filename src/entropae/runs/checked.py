"""A recipe's numbers and names, checked before its data are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from entropae.model.errors import check_error
from entropae.recipe import AUTO, Recipe
from entropae.runs.files import latent_of
from entropae.runs.priors import FLOW
from entropae.training.loggers import check_logger
from entropae.training.trainers import check_trainer

# What torch and NumPy count with. What is too much for the machine is told when it is known.
MOST = (1 << 31) - 1


def check_recipe(recipe: Recipe) -> None:
    """Raise for whatever is wrong with a recipe that can be told without its data.

    Raises:
        ValueError: If a number is out of its range, a name unknown, or devices are not there.
        FileNotFoundError: If the data are not there.
        ImportError: If it asks for what is not installed.
    """
    for name, value, least in _counts(recipe):
        most = (1 << 32) - 1 if name == "seed" else MOST
        if value is not None and not least <= value <= most:
            wrong = f"at least {least}" if value < least else f"at most {most}"
            raise ValueError(f"`{name}` must be {wrong}: got {name}={value}.")
    for name in ("learning_rate", "minutes"):
        value = getattr(recipe, name)
        if value is not None and not 0 < value <= MOST:
            wrong = f"at most {MOST}" if value > MOST else "positive"
            raise ValueError(f"`{name}` must be {wrong}: got {name}={value}.")
    if not 0 <= recipe.weight_decay < math.inf:
        raise ValueError(f"`weight_decay` must be >= 0 and finite: got {recipe.weight_decay}.")
    model = recipe.model
    for name, share in (
        ("validation", recipe.validation),
        ("model.dropout", model.dropout),
        ("model.word_dropout", model.word_dropout),
    ):
        if share is not None and not 0 <= share < 1:
            raise ValueError(f"`{name}` must be in [0, 1): got {name}={share}.")
    latent_of(recipe)
    check_error(model.error)
    if recipe.flow_steps is not None:
        head = model.latent.get("head")
        if head is not None or recipe.prior not in ("auto", FLOW):
            asked = f"prior={recipe.prior!r}" if head is None else f"model.latent.head={head!r}"
            raise ValueError(
                f"`flow_steps` is for flow matching as a prior: got it with {asked}. Leave one of "
                "them out; by default flow matching becomes the head where it is best."
            )
    check_logger(recipe.logger)
    check_trainer(recipe.trainer)


def _counts(recipe: Recipe) -> Iterator[tuple[str, Any, int]]:
    """Whole numbers by name, and the least that each may be."""
    yield "seed", recipe.seed, 0
    for name in ("epochs", "batch_size", "flow_steps", "vocabulary", "length"):
        yield name, getattr(recipe, name), 1
    if recipe.size != AUTO:
        yield "size", recipe.size, 1
    yield "model.width", recipe.model.width, 1
    for size in recipe.model.hidden or ():
        yield "model.hidden", size, 1
    for name in ("num_nodes", "accumulate_grad_batches"):
        yield f"trainer.{name}", getattr(recipe.trainer, name), 1
