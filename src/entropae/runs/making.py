"""A run, made: trained by a recipe, measured and shown."""

from __future__ import annotations

import json
import os
import platform
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import entropae
from entropae import distributed
from entropae.kinds import NAMES, Reading, Samples, identity, read
from entropae.kinds.labels import say_classes
from entropae.latent.names import named
from entropae.messages import counted
from entropae.metrics.principal import PrincipalComponents
from entropae.model import (
    CONFIG,
    Autoencoder,
    augmentation,
    components_of,
    load,
    memory,
    size_of,
    start_from_pca,
)
from entropae.model.errors import check_suits
from entropae.model.measuring import measure
from entropae.recipe import RECIPE, Recipe
from entropae.runs.checked import check_recipe
from entropae.runs.files import (
    METRICS,
    portable,
    read_recipe,
    reading_of,
    write_recipe,
)
from entropae.runs.priors import fit_priors
from entropae.runs.resuming import is_finished, reopen, resumed_recipe
from entropae.runs.settling import against_pca, first_look, scheduled, settled
from entropae.runs.training import fit_by
from entropae.signals import Stopped
from entropae.storage.atomic import remove_partial, write_text
from entropae.storage.lock import claimed, is_empty
from entropae.training import CHECKPOINT
from entropae.training.budget import worth
from entropae.training.fitting import random_state_kept

CURVES = "curves.png"
# A mixture of 16 dimensions is known well from so many codes; more would take gigabytes.
ENOUGH = 100_000


@dataclass
class _Clock:
    began: float

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self.began, 1)


def make(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    asked: Mapping[str, Any] | None = None,
    profile: bool = False,
) -> Autoencoder:
    """Train by a recipe and fill the folder: model, recipe, log, metrics and pictures.

    Args:
        recipe: All that the run depends on.
        folder: A new or empty folder, unless `resume`.
        resume: Go on with the run that was stopped in this folder, by its own recipe; or with one
            that is finished, for more epochs.
        asked: Settings, by their names with dots, that the run's recipe is held against, which may
            raise its epochs and change where it runs and where its data are.
        profile: Print where the time of training went.

    Raises:
        FileExistsError: If the folder has something in it and `resume` is not given, or another
            process works in it.
        KeyboardInterrupt: If a signal stopped it, with how to go on (`Stopped`).
        OSError: If the folder cannot be written to, or has links in it, which may lead anywhere.
        ValueError: If the recipe names something unknown, the data are unusable, or the model too
            large for the machine.
    """
    # In data-parallel training every process comes by here, and the first writes for all.
    first = distributed.is_first()
    if first:
        _check_folder(folder, resume)
        _check_apart(folder, recipe.data)
    with claimed(folder) if first else nullcontext(), resumable(folder):
        begun = resume and (folder / RECIPE).is_file()
        if resume and not begun and asked is not None and "data" not in asked:
            raise FileNotFoundError(
                f"There is no run in {folder} to go on with. Begin one: entropae fit --data DATA "
                f"--out {shlex.quote(str(folder))}"
            )
        if begun:
            recipe = resumed_recipe(folder, asked or {})
        # A recipe that lay there may be anybody's.
        download = not begun or "data" in (asked or {})
        reading = replace(reading_of(recipe, progress=first), download=download)
        return _make(recipe, folder, reading, resume=resume, profile=profile, first=first)


def _make(
    recipe: Recipe,
    folder: Path,
    reading: Reading,
    *,
    resume: bool,
    profile: bool,
    first: bool,
) -> Autoencoder:
    begun = resume and (folder / RECIPE).is_file()
    if first and not begun and not is_empty(folder):
        raise FileExistsError(
            f"{folder} is not empty. Give another --out, or --resume to go on with the run in it."
        )
    finished = begun and is_finished(folder, recipe)
    if finished and read_recipe(folder).data == portable(recipe)["data"]:
        return _nothing_to_do(folder)
    _check_apart(folder, recipe.data)
    check_recipe(recipe)
    rule = identity.rule_of(folder, begun=begun and (folder / CHECKPOINT).is_file())
    try:
        samples = read(recipe.data, **vars(replace(reading, rule=rule)))
    except FileNotFoundError as error:
        if not begun:
            raise
        raise FileNotFoundError(
            f"{error} Put the data of the run back, or name them: --data {shlex.quote(recipe.data)}"
        ) from error
    if first:
        print(f"Read {len(samples):,} {samples.kind.things} of {samples.kind.describe_size()}.")
        if samples.told:
            print(samples.told)
        if samples.others:
            print(f"Left out: {samples.others}.")
    halves = identity.resumed(folder, samples, recipe.validation, seed=recipe.seed, rule=rule)
    train = samples.subset(halves.train)
    held_out = samples.subset(halves.held_out) if len(halves.held_out) else train
    if finished:  # and its data lie elsewhere now
        write_recipe(recipe, folder)
        return _nothing_to_do(folder)
    if first:
        for said in filter(None, (say_classes(train), samples.kind.introduction)):
            print(said)
    recipe, model, components = begun_model(recipe, samples, train, held_out, say=first)
    if not begun:
        recipe = scheduled(recipe, model, train)
    if first:
        if (folder / CONFIG).is_file():
            reopen(folder)
        if not begun:  # first, since a recipe without it is not gone on with
            identity.write(folder, samples, halves)
        write_recipe(recipe, folder)
    clock = _Clock(time.perf_counter())
    log = fit_by(
        recipe,
        model,
        samples,
        callbacks=[first_look(train, held_out, folder, seed=recipe.seed)] if first else [],
        folder=folder,
        resume=resume,
        logger=recipe.logger,
        on_nonfinite=recipe.on_nonfinite,
        trainer=recipe.trainer,
        compile=recipe.compile,
        profile=profile,
    )
    with distributed.together():
        others = held_out if len(halves.held_out) else None
        steps = int(log[-1]["step"]) * worth(model)
        chosen = fit_priors(model, train.some(ENOUGH), others, recipe, steps)
        measured = measure(model, train, held_out) | ({"priors": chosen} if chosen else {})
    if first:
        if components is not None and "mean_squared_error" in measured["validation"]:
            known, error = (measured[of]["mean_squared_error"] for of in ("train", "validation"))
            compared = against_pca(model, held_out, components, error, known)
            measured["principal_components"] = compared
        metrics = measured | _account(log, samples, clock)
        _finish(model, train, held_out, log, metrics, folder, seed=recipe.seed)
        _say(folder, samples, metrics)
        print(f"Samples are drawn from {model.drawn_from()}.")
        if model.classes:
            one = max(model.classes[:2], key=bool)  # which has a name
            of_one = shlex.join(["entropae", "sample", str(folder), "--label", one])
            print(f"Samples of one of {len(model.classes)} classes: {of_one}")
    return model


def _nothing_to_do(folder: Path) -> Autoencoder:
    print(f"{folder} is finished: nothing to resume. With more --epochs it goes on.")
    return load(folder)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Inside, a signal that stops a command says how to go on with the run."""
    try:
        yield
    except KeyboardInterrupt as error:
        stop = error if isinstance(error, Stopped) else Stopped()
        shown = shlex.quote(str(folder))
        epoch = "" if stop.epoch is None else f" at epoch {stop.epoch}"
        if (folder / CONFIG).is_file():
            then = f"Stopped; the run is finished. Its report: entropae report {shown}"
        elif (folder / RECIPE).is_file():
            then = f"Stopped{epoch}; go on with: entropae fit --resume --out {shown}"
        else:
            then = "Stopped before training began; nothing was written."
        # Of several processes one speaks for all.
        said = then if distributed.is_first() else ""
        raise Stopped(stop.number, said, epoch=stop.epoch) from error


def begun_model(
    recipe: Recipe, samples: Samples, train: Samples, held_out: Samples, *, say: bool
) -> tuple[Recipe, Autoencoder, PrincipalComponents | None]:
    """A model before its first step, with what the data settle of its recipe: see `settled`."""
    recipe, components = settled(recipe, train, held_out, say=say)
    model = new_model(recipe, samples)
    check_suits(recipe.model.error, model, samples)
    if recipe.model.start == "pca":
        if components is not None:
            augment = augmentation(train.kind, recipe.augment)
            changed = None
            if augment is not None:
                changed = components_of(train, model.latent.dim, seed=recipe.seed, augment=augment)
            start_from_pca(model, train, found=changed or components)
        train.kind.begin(model, train, seed=recipe.seed)
    return recipe, model, components


def new_model(recipe: Recipe, samples: Samples) -> Autoencoder:
    """Networks and latent of a recipe, with weights drawn from its seed.

    Torch's random state is what it was before.

    Raises:
        ValueError: If training them takes more memory than the machine has.
    """
    with torch.device("meta"):
        nbytes = size_of(_build(recipe, samples))
    # Of every weight its gradient, and Adam's two averages.
    if 4 * nbytes > memory():
        raise ValueError(
            f"Training this model takes {4 * nbytes:,} bytes, the machine has {memory():,}. Make "
            f"the {samples.kind.things} or the networks smaller."
        )
    with random_state_kept():
        torch.manual_seed(recipe.seed)
        return _build(recipe, samples)


def _build(recipe: Recipe, samples: Samples) -> Autoencoder:
    latent = named(recipe.model.latent)
    return Autoencoder(*samples.kind.networks(recipe.model, latent, samples), latent)


def _check_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder before any work is done, if that cannot be kept in it."""
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise PermissionError(
            f"Nothing can be written to {folder}: {parent} is no folder that you may write to. "
            "Give another --out."
        )
    if resume and folder.is_dir():
        remove_partial(folder)
        links = [path for path in folder.rglob("*") if path.is_symlink()]
        if links:
            raise OSError(
                f"{folder} has links in it, through which files elsewhere would be overwritten: "
                f"{links[0]}. Remove them."
            )


def _check_apart(folder: Path, data: str) -> None:
    """Refuse a run folder among its own data, of which it would become a part."""
    source = Path(data)
    if (
        data
        and data not in NAMES
        and source.is_dir()
        and folder.resolve().is_relative_to(source.resolve())
    ):
        raise ValueError(
            f"The run folder {folder} lies in the folder of its data, {data}: its pictures would "
            "be read as data. Give an --out elsewhere, or --data a folder of nothing but data."
        )


def _account(log: Sequence[Mapping[str, float]], samples: Samples, clock: _Clock) -> dict[str, Any]:
    """What the training took, and what it left out."""
    return {
        "epochs": int(log[-1]["epoch"]),
        "steps": int(log[-1]["step"]),
        "seconds": clock.seconds,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "skipped_steps": int(sum(row.get("train/skipped", 0) for row in log)),
        "skipped_files": list(samples.skipped),
        "versions": versions(),
    }


def _finish(
    model: Autoencoder,
    train: Samples,
    held_out: Samples,
    log: Sequence[Mapping[str, float]],
    metrics: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
) -> None:
    """Write what a finished run has, the model last: a folder with a model is finished."""
    write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
    if len(log) > 1:
        from entropae.drawing.pictures import save_curves, titles_of

        save_curves(log, folder / CURVES, **titles_of(train.kind.errors))
    kind = held_out.kind
    kind.learn(model, held_out.some(ENOUGH), train)
    kind.illustrate(model, held_out, folder, seed=seed)
    model.save(folder)


def _say(folder: Path, samples: Samples, metrics: Mapping[str, Any]) -> None:
    """Tell where to look, and what was left out."""
    shown = [path for path in sorted(folder.glob("*.*")) if path.stem in ("overview", "samples")]
    first = next((p for p in shown if p.stem == "overview"), None) or next(iter(shown), folder)
    curves = folder / CURVES
    looked = " and ".join(map(str, [first, *([curves] if curves.exists() else [])]))
    print(f"Done: look at {looked}; the figures are in {folder / METRICS}.")
    steps = metrics["skipped_steps"]
    if steps:
        print(f"{steps} steps that were not finite were left out; nonfinite.json names them.")
    if samples.skipped:
        print(f"Left out: {counted(samples.skipped)}; {METRICS} names all.")


def versions() -> dict[str, str]:
    """What the figures of a run may depend on."""
    return {
        "entropae": entropae.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
