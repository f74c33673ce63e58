"""The files of a run folder that are not its model's: recipe, metrics, log."""

from __future__ import annotations

import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
import yaml

from entropae.kinds import NAMES, Reading, Samples
from entropae.latent import Latent
from entropae.latent.names import named
from entropae.messages import printable
from entropae.model import CONFIG
from entropae.recipe import AUTO, RECIPE, Recipe, read_settings, recipe_of
from entropae.registry import settings
from entropae.storage.atomic import write_text

METRICS = "metrics.json"
LOG = "log.csv"
# What recipes meant that were written before they could say it.
EARLIER: dict[str, Any] = {"keep": "last", "augment": "none", "model": {"start": "random"}}


def read_recipe(folder: Path) -> Recipe:
    """The recipe that a run folder was made by.

    Raises:
        FileNotFoundError: If the folder is no run.
        ValueError: If its recipe is damaged.
    """
    path = folder / RECIPE
    if not path.is_file():
        from entropae.training.checkpoints import CHECKPOINT

        alone = (
            f" It holds a model alone: `entropae sample {shlex.quote(str(folder))}` draws from it; "
            "in Python `ea.load` reads it, to encode, reconstruct or impute other data."
        )
        kept = (
            " It holds the training of a model in Python, which ea.fit with this folder goes on "
            "with; model.save(folder) writes the model there, and model.diagnose(data) examines it."
        )
        there = (folder / CONFIG).is_file()
        trained = kept if (folder / CHECKPOINT).is_file() else ""
        raise FileNotFoundError(
            f"{folder} is no run folder: {RECIPE} is missing.{alone if there else trained}"
        )
    try:
        found = read_settings(path)
        if "keep" not in found:
            found = EARLIER | found
            if isinstance(found["model"], dict):
                found["model"] = EARLIER["model"] | found["model"]
        return recipe_of(found)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def write_recipe(recipe: Recipe, folder: Path) -> None:
    """Write a recipe so that the run can be made again from anywhere."""
    write_text(folder / RECIPE, yaml.safe_dump(portable(recipe), sort_keys=False))


def portable(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values: paths absolute, and all options of the latent spelt out."""
    plain = asdict(recipe)
    if Path(recipe.data).exists() and recipe.data not in NAMES:
        plain["data"] = str(Path(recipe.data).absolute())
    plain["drop"], plain["rules"] = list(recipe.drop), list(recipe.rules)
    plain["columns"] = {
        name: list(words) if isinstance(words, tuple) else words
        for name, words in recipe.columns.items()
    }
    if recipe.labels is not None and Path(recipe.labels).is_file():
        plain["labels"] = str(Path(recipe.labels).absolute())
    hidden = recipe.model.hidden
    plain["model"]["hidden"] = None if hidden is None else list(hidden)
    latent = latent_of(recipe)
    known = next(name for name, made in Latent.known().items() if type(latent) is made)
    plain["model"]["latent"] = {"name": known} | settings(latent)
    if recipe.model.latent.get("dim") == AUTO:
        plain["model"]["latent"]["dim"] = AUTO
    if leaves_latent(recipe):
        plain["model"]["latent"] = {"name": AUTO} | recipe.model.latent
    return plain


def leaves_latent(recipe: Recipe) -> bool:
    """Whether a recipe leaves it to the data which latent it has: it gives no option of any."""
    asked = recipe.model.latent
    return asked.get("name", AUTO) == AUTO and asked.keys() <= {"name", "dim", "head"}


def latent_of(recipe: Recipe) -> Latent:
    """The latent of a recipe, for its options; of one dimension, where that is to be chosen.

    It is Entropic where no latent is named.

    Raises:
        ValueError: If a name or an option is unknown.
    """
    asked = recipe.model.latent
    if asked.get("name", AUTO) == AUTO:
        asked = asked | {"name": "entropic"}
    with torch.device("meta"):  # no memory for what may be of any size
        return named(asked | {"dim": 1} if asked.get("dim") == AUTO else asked)


def reading_of(recipe: Recipe, *, progress: bool = False) -> Reading:
    """How a recipe's data are read."""
    shared = {field.name for field in fields(Reading)} & {field.name for field in fields(Recipe)}
    return Reading(**{name: getattr(recipe, name) for name in shared}, progress=progress)


def some_of(source: Any, samples: Samples) -> Samples:
    """Samples that were read from a source, if there are any.

    Raises:
        ValueError: If there are none.
    """
    if not len(samples):
        where = printable(source) if isinstance(source, str | Path) else "The data"
        raise ValueError(f"{where} has no {samples.kind.things}. Give others.")
    return samples
