"""The files of a run folder that are not its model's: recipe, metrics, log."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml

from entropae.kinds import NAMES, Reading
from entropae.latent import Latent
from entropae.latent.names import named
from entropae.recipe import RECIPE, Recipe, read_settings, recipe_of
from entropae.registry import settings
from entropae.storage.atomic import write_text

METRICS = "metrics.json"
LOG = "log.csv"


def read_recipe(folder: Path) -> Recipe:
    """The recipe that a run folder was made by.

    Raises:
        FileNotFoundError: If the folder is no run.
        ValueError: If its recipe is damaged.
    """
    path = folder / RECIPE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no run folder: {RECIPE} is missing.")
    try:
        return recipe_of(read_settings(path))
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
    plain["model"]["hidden"] = list(recipe.model.hidden)
    latent = named(recipe.model.latent)
    known = next(name for name, made in Latent.known().items() if type(latent) is made)
    plain["model"]["latent"] = {"name": known} | settings(latent)
    return plain


def reading_of(recipe: Recipe, *, progress: bool = False) -> Reading:
    """How a recipe's data are read."""
    shared = {field.name for field in fields(Reading)} & {field.name for field in fields(Recipe)}
    return Reading(**{name: getattr(recipe, name) for name in shared}, progress=progress)
