"""What may change when a run goes on, and what may not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from entropae.kinds import identity
from entropae.messages import printable
from entropae.model import CONFIG
from entropae.recipe import AUTO, Recipe, recipe_of
from entropae.runs.files import LOG, latent_of, leaves_latent, portable, read_recipe
from entropae.storage.records import last_row

# Settings that change where and how a run goes on, not what it is.
FREE = ("trainer.", "compile", "logger", "on_nonfinite", "data", "epochs", "strict")

# Settings that the data settle when a run begins, and what leaves them to the data.
LEFT_OPEN = {
    "model.start": AUTO,
    "model.latent.name": AUTO,
    "model.latent.dim": AUTO,
    "model.latent.noise": None,
    "model.latent.weight": None,
    "augment": AUTO,
    "batch_size": None,
}


def resumed_recipe(folder: Path, asked: Mapping[str, Any]) -> Recipe:
    """The recipe that a run goes on with: its own, with more epochs or elsewhere if that is asked.

    Args:
        folder: Of the run.
        asked: Settings that were given, by their names with dots.

    Raises:
        ValueError: Naming all settings that differ and may not, or fewer epochs than were trained.
    """
    found = _as_begun(read_recipe(folder))
    own = dict(leaves(portable(found)))
    asked = {name: value for name, value in asked.items() if not is_open(name, value)}
    wanted = dict(leaves(portable(recipe_of(nested(own | dict(asked))))))
    said = [
        f"--{name} {_shown(own.get(name))}, now {_shown(wanted.get(name))}"
        for name in asked
        if not name.startswith(FREE) and wanted.get(name) != own.get(name)
    ]
    if said:
        raise ValueError(
            f"The run in {folder} was begun with {'; '.join(said)}. Leave out what differs, or "
            "train in another folder (--out)."
        )
    _check_epochs(folder, asked.get("epochs"))
    if identity.read(folder) is None:
        _check_named(folder, own["data"], wanted["data"] if "data" in asked else None)
    changed = {name: wanted[name] for name in own if name.startswith(FREE) and name in asked}
    return replace(found, **vars_of(recipe_of(nested(own | changed)), changed))


def _as_begun(recipe: Recipe) -> Recipe:
    """A run that does not say the weight of its entropy has the latent's own, whatever the data."""
    latent = recipe.model.latent
    if latent.get("name") != "entropic":
        return recipe
    return replace(recipe, model=replace(recipe.model, latent={"weight": 1.0} | latent))


def _check_named(folder: Path, own: str, named: str | None) -> None:
    """Refuse the data of a recipe, which may name any file, unless they are named too."""
    if named is None:
        raise ValueError(
            f"The run in {folder} does not say what was in its data, and its recipe may name any "
            f"file: {printable(own)}. If that is meant, give --data {shlex.quote(own)}."
        )
    if named != own:
        raise ValueError(
            f"The run in {folder} was begun with --data {own}, now {named}. It does not say what "
            f"was in these data: give --data {shlex.quote(own)}."
        )


def is_open(name: str, value: Any) -> bool:
    """Whether a setting leaves something to the data, so that any run is one of it."""
    return name in LEFT_OPEN and value == LEFT_OPEN[name]


def left_open(recipe: Recipe, settings: Iterable[str]) -> set[str]:
    """Those settings of a run that a recipe leaves to the data, or to its latent."""
    given = dict(leaves(asdict(recipe)))
    found = {name for name in LEFT_OPEN if is_open(name, given.get(name))}
    if leaves_latent(recipe):
        options = {name for name in settings if name.startswith("model.latent.")}
        found |= {"model.latent.name"} | (options - given.keys())
    if recipe.epochs is None:
        found.add("epochs")
    if latent_of(recipe).constrains:
        found.add("model.start")
    return found


def vars_of(recipe: Recipe, names: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a recipe that these names, with dots, are in."""
    return {top: getattr(recipe, top) for top in {name.partition(".")[0] for name in names}}


def is_finished(folder: Path, recipe: Recipe) -> bool:
    """Whether nothing is left to do: there is a model, trained for as long as the recipe says."""
    if not (folder / CONFIG).is_file():
        return False
    return recipe.epochs is None or recipe.epochs <= trained(folder)


def trained(folder: Path) -> int:
    """Epochs that a run has behind it.

    Raises:
        ValueError: If its log is damaged.
    """
    path = folder / LOG
    if not path.is_file():
        return 0
    epoch = last_row(path).get("epoch", "0")
    if not re.fullmatch("[0-9]{1,18}", epoch):
        raise ValueError(f"{path} is damaged: its last epoch is {epoch[:40]!r}. Remove it.")
    return int(epoch)


def reopen(folder: Path) -> None:
    """Make a finished run one that is not: what was measured is of the model as it was.

    Raises:
        ValueError: If it has no checkpoint to go on from.
    """
    from entropae.training import CHECKPOINT

    if not (folder / CHECKPOINT).is_file():
        raise ValueError(f"{folder} has no {CHECKPOINT} to train on from: train in another folder.")
    (folder / CONFIG).unlink()
    for path in folder.glob("evaluation-*.json"):
        path.unlink()


def leaves(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by names with dots."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `leaves` took apart."""
    whole: dict[str, Any] = {}
    for name, value in settings.items():
        part = whole
        *above, last = name.split(".")
        for key in above:
            part = part.setdefault(key, {})
        part[last] = value
    return whole


def _check_epochs(folder: Path, epochs: int | None) -> None:
    done = trained(folder)
    if epochs is not None and epochs < done:
        raise ValueError(
            f"The run in {folder} has been trained for {done} epochs: got --epochs {epochs}. Ask "
            "for more, or train in another folder (--out)."
        )


def _shown(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)
