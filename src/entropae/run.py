"""A run folder: made by training from a recipe, read again by every other command."""

from __future__ import annotations

import json
import os
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

import entropae
from entropae import data, pictures, ranks, tabular
from entropae.config import Recipe, build, read_settings, recipe_of, settings, unknown
from entropae.data import Samples
from entropae.diagnosis import Diagnosis
from entropae.files import remove_partial, write_text
from entropae.language import evaluate_text, score
from entropae.latent import Latent
from entropae.metrics import normality
from entropae.model import CONFIG, Autoencoder, batches, load, memory, size_of
from entropae.networks import MLPEncoder, Output, TableDecoder, pair, text_pair
from entropae.reader import dialect_of
from entropae.tabular import TABLE, Columns, TableLoss, TableSamples
from entropae.text import SequenceDecoder, Tokenizer
from entropae.text.tokenizer import FILE as TOKENIZER
from entropae.training import fit

RECIPE = "recipe.yaml"
METRICS = "metrics.json"
PICTURED = ("overview.png", "curves.png")
SENTENCES = "samples.txt"
SHOWN = 64
# A mixture of 16 dimensions is known well from so many codes; more would take gigabytes.
ENOUGH = 100_000
# Which neighbour the entropy of the finished code is measured with.
NEIGHBOUR = 3


def make(
    recipe: Recipe, folder: Path, *, resume: bool = False, profile: bool = False
) -> Autoencoder:
    """Train by a recipe and fill the folder: model, recipe, log, metrics and pictures.

    Args:
        recipe: All that the run depends on.
        folder: A new or empty folder, unless `resume`.
        resume: Go on with the run that was stopped in this folder, by its own recipe.
        profile: Print where the time of training went.

    Raises:
        FileExistsError: If the folder has something in it and `resume` is not given.
        OSError: If the folder cannot be written to, or has links in it, which may lead anywhere.
        ValueError: If the recipe names something unknown, the data are unusable, or the model too
            large for the machine.
    """
    # In data-parallel training every process comes by here, and the first writes for all.
    first = ranks.is_first()
    if first:
        _check_folder(folder, resume)
    if resume and (folder / RECIPE).is_file():
        recipe = read_recipe(folder)
    elif first and folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} is not empty. Give another --out, or --resume to go on with the run in it."
        )
    if resume and (folder / CONFIG).is_file():
        print(f"{folder} is finished: nothing to resume.")
        return load(folder)
    samples = read_samples(recipe, strict=recipe.strict)
    model = new_model(recipe, samples)
    train, held_out = split_samples(recipe, samples)
    if first:
        folder.mkdir(parents=True, exist_ok=True)
        write_recipe(recipe, folder)
        if samples.tokenizer:
            samples.tokenizer.save(folder)
    began = time.perf_counter()
    log = fit(
        model,
        samples,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        decay=recipe.decay,
        error=_loss(samples, train),
        validation=recipe.validation,
        seed=recipe.seed,
        folder=folder,
        resume=resume,
        on_nonfinite=recipe.on_nonfinite,
        trainer=recipe.trainer,
        compile=recipe.compile,
        profile=profile,
    )
    with ranks.together():
        _fit_priors(model, _some(train, ENOUGH), recipe.seed)
        measured = measure(model, train, held_out)
    if not first:
        return model
    skipped = int(sum(row.get("train/skipped", 0) for row in log))
    metrics = measured | {
        "epochs": int(log[-1]["epoch"]),
        "steps": int(log[-1]["step"]),
        "seconds": round(time.perf_counter() - began, 1),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "skipped_steps": skipped,
        "skipped_files": list(samples.skipped),
        "versions": versions(),
    }
    write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
    if len(log) > 1:
        pictures.save_curves(log, folder / "curves.png")
    if samples.is_image:
        draw(model, held_out, folder, seed=recipe.seed)
    elif isinstance(samples, TableSamples):
        x = _some(held_out, ENOUGH).first(ENOUGH)
        samples.columns.fit_noise(x.numpy(), model.reconstruct(x).cpu().numpy())
        samples.columns.save(folder)
    elif samples.tokenizer:
        drawn = samples.tokenizer.decode(model.sample(SHOWN, seed=recipe.seed).tolist())
        write_text(folder / SENTENCES, "".join(f"{line}\n" for line in drawn))
    model.save(folder)  # last: a folder with a model is a finished run
    shown = (*PICTURED, SENTENCES)
    pictured = " and ".join(str(folder / name) for name in shown if (folder / name).exists())
    print(f"Done: look at {pictured or folder}; the figures are in {folder / METRICS}.")
    if skipped:
        print(f"{skipped} steps that were not finite were left out; nonfinite.json names them.")
    if samples.skipped and samples.tokenizer:
        print(f"Of the text: {', '.join(samples.skipped)}.")
    elif samples.skipped:
        print(f"{len(samples.skipped)} unreadable files were left out; {METRICS} names them.")
    return model


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


def new_model(recipe: Recipe, samples: Samples) -> Autoencoder:
    """Networks and latent of a recipe, with weights drawn from its seed.

    Raises:
        ValueError: If training them takes more memory than the machine has.
    """
    with torch.device("meta"):
        nbytes = size_of(_build(recipe, samples, "linear"))
    # Of every weight its gradient, and Adam's two averages.
    if 4 * nbytes > memory():
        raise ValueError(
            f"Training this model takes {4 * nbytes:,} bytes, the machine has {memory():,}. Make "
            "the images or the networks smaller."
        )
    some = samples.first(1024)
    bounded = bool(((some >= 0) & (some <= 1)).all())
    torch.manual_seed(recipe.seed)
    return _build(recipe, samples, "sigmoid" if bounded else "linear")


def _loss(samples: Samples, train: Samples) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The reconstruction error of tables; others have the default of `fit`."""
    if isinstance(samples, TableSamples):
        return TableLoss(samples.columns.groups, _some(train, ENOUGH).first(ENOUGH))
    return None


def _build(recipe: Recipe, samples: Samples, output: Output) -> Autoencoder:
    config = recipe.model
    latent = build(Latent.known(), config.latent, "latent")
    if isinstance(samples, TableSamples):
        if config.network not in ("auto", "mlp"):
            raise ValueError(f"`--model.network` must be mlp for a table: got {config.network}.")
        encoder = MLPEncoder(samples.shape, latent.in_features, hidden=config.hidden)
        decoder = TableDecoder(samples.columns.groups, latent.dim, hidden=config.hidden)
        return Autoencoder(encoder, decoder, latent)
    if samples.tokenizer:
        networks = text_pair(
            config.network,
            len(samples.tokenizer),
            samples.shape[0],
            latent.in_features,
            latent.dim,
            hidden=config.hidden[-1],
            dropout=config.dropout,
            word_dropout=config.word_dropout,
        )
        return Autoencoder(*networks, latent)
    networks = pair(
        config.network,
        samples.shape,
        latent.in_features,
        latent.dim,
        width=config.width,
        hidden=config.hidden,
        output=output,
    )
    return Autoencoder(*networks, latent)


def read_samples(
    recipe: Recipe, source: str | None = None, *, strict: bool = False, folder: Path | None = None
) -> Samples:
    """Samples of a source, by default the recipe's own, as the recipe says.

    Args:
        recipe: For the size and channels of images, the columns of a table, the tokens of a text.
        source: What `data.load` takes, or a table's file.
        strict: Stop at the first bad file.
        folder: A finished run, whose columns a table has, and whose tokens a text.

    Raises:
        ValueError: If the run is of a table and the source is none, or else.
    """
    columns = tokenizer = None
    if folder is not None:
        columns = Columns.load(folder) if (folder / TABLE).is_file() else None
        tokenizer = tokenizer_of(folder)
    path = source or recipe.data
    if tabular.is_table(path):
        if folder is not None and columns is None:
            raise ValueError(f"{folder} is not of a table, and {path} is one.")
        return tabular.encoded(
            path,
            columns,
            drop=recipe.drop,
            dialect=dialect_of(recipe.dialect),
            validation=recipe.validation,
            seed=recipe.seed,
        )
    if columns is not None:
        raise ValueError(f"{folder} is of a table: {path} must be a .csv, .tsv or .parquet file.")
    return data.load(
        source or recipe.data,
        recipe.size,
        channels=recipe.channels,
        strict=strict,
        progress=ranks.is_first(),
        tokenizer=tokenizer or recipe.tokenizer,
        vocabulary=recipe.vocabulary,
        length=recipe.length,
    )


def tokenizer_of(folder: Path) -> Tokenizer | None:
    """The tokenizer of a run folder, if its samples are sentences."""
    return Tokenizer.load(folder) if (folder / TOKENIZER).is_file() else None


def split_samples(recipe: Recipe, samples: Samples) -> tuple[Samples, Samples]:
    """Training and held-out samples of a run; the training ones twice if none are held out."""
    kept, held_out = data.split(len(samples), recipe.validation, seed=recipe.seed)
    train = samples.subset(kept)
    return train, samples.subset(held_out) if len(held_out) else train


def _fit_priors(model: Autoencoder, samples: Samples, seed: int) -> None:
    """Fit the full normal and the mixture, if there are codes enough for a covariance."""
    least = model.latent.dim + 1
    if len(samples) < least:
        warnings.warn(
            f"Only N(0, I) is there to sample from: the full normal and the mixture of codes of "
            f"{model.latent.dim} dimensions need {least} training samples, there are "
            f"{len(samples)}. Train on more, or lower model.latent.dim.",
            stacklevel=3,
        )
        return
    for prior in ("full", "mixture"):
        model.fit_prior(samples, prior, seed=seed)
    model.prior = "normal"


def measure(model: Autoencoder, train: Samples, held_out: Samples) -> dict[str, Any]:
    """Reconstruction error and the code's normality on training and on held-out samples.

    Of so few samples that they have no third neighbour, `code` is left out with a warning.
    """
    result: dict[str, Any] = {}
    for name, samples in (("train", train), ("validation", held_out)):
        some = _some(samples, 10_000)
        result[name] = {
            "samples": len(some),
            **_error(model, some),
        }
        if len(some) <= NEIGHBOUR:
            warnings.warn(
                f"How normal the code of the {name} samples is, is left out of {METRICS}: that "
                f"takes more than {NEIGHBOUR} samples, there are {len(some)}. Train on more, or "
                "hold out a larger share (validation).",
                stacklevel=3,
            )
            continue
        result[name]["code"] = normality(model.encode(some), k=NEIGHBOUR)._asdict()
    return result


def _error(model: Autoencoder, samples: Samples) -> dict[str, float]:
    """How far reconstructions are from their samples."""
    if isinstance(model.decoder, SequenceDecoder):
        return score(model.decoder, model.encode(samples), samples.first(len(samples)))._asdict()
    errors = []
    for x in batches(samples, 1024):  # of this process's share
        with ranks.alone():
            difference = model.reconstruct(x) - x.to(model.device)
        errors.append(difference.double().square().flatten(1).mean(1))
    return {"mean_squared_error": float(ranks.gather(torch.cat(errors)).mean())}


def _some(samples: Samples, most: int) -> Samples:
    """All of the samples, or so many of them at even distances."""
    if len(samples) <= most:
        return samples
    return samples.subset(np.linspace(0, len(samples) - 1, most).astype(int))


def diagnose(
    folder: Path, source: str | None = None, *, n: int = 2000, prior: str | None = None
) -> Diagnosis:
    """What is wrong with the model of a run folder.

    Args:
        folder: A finished run.
        source: What `data.load` takes, to examine the model on; by default its held-out samples.
        n: At most so many samples.
        prior: Examine samples of this prior; by default of the one that `sample` uses.

    Raises:
        ValueError: If the prior has not been fitted, or the samples are of another shape.
    """
    recipe = read_recipe(folder)
    train, held_out = split_samples(recipe, read_samples(recipe, folder=folder))
    others = held_out if recipe.validation else None
    if source is not None:
        others = read_samples(recipe, source, folder=folder)
    model = load(folder)
    if prior is not None:
        if prior not in model.priors:
            raise ValueError(unknown("prior", prior, model.priors))
        model.prior = prior
    return model.diagnose(train, others, batch_size=recipe.batch_size, n=n)


def evaluate_sentences(
    folder: Path, source: str | None = None, *, n: int = 1000
) -> dict[str, float]:
    """Figures of a run on text (see `evaluate_text`), on its held-out sentences or on others.

    Args:
        folder: A finished run.
        source: A text file; by default the run's held-out sentences.
        n: At most so many sentences.
    """
    recipe, tokenizer = read_recipe(folder), tokenizer_of(folder)
    train, held_out = split_samples(recipe, read_samples(recipe, folder=folder))
    if source is not None:
        held_out = read_samples(recipe, source, folder=folder)
    characters = tokenizer is not None and tokenizer.kind == "character"
    return evaluate_text(load(folder), train, held_out, n=n, characters=characters)


def draw(model: Autoencoder, samples: Samples, folder: Path, *, seed: int) -> None:
    """The pictures of a run: samples of each prior, reconstructions, interpolations."""
    x = samples.first(SHOWN)
    again = model.reconstruct(x).cpu()
    drawn = {
        f"samples from {TITLES[name]}": model.sample(SHOWN, seed=seed, prior=name)
        for name in model.priors
    }
    pictures.save_panels(drawn, folder / "samples.png")
    pictures.save_panels(
        {"held-out images": x, "their reconstructions": again} | drawn, folder / "overview.png"
    )
    save_reconstructions(x, again, folder / "reconstructions.png")
    half = min(8, len(x) // 2)
    if half:
        between = model.interpolate(x[:half], x[half : 2 * half], steps=10)
        pictures.save_sheet(between.flatten(0, 1), folder / "interpolations.png", columns=10)


def save_reconstructions(x: torch.Tensor, again: torch.Tensor, path: Path) -> None:
    """A picture of rows of images, each row with its reconstructions below it."""
    rows = [row for both in zip(x.split(8), again.split(8), strict=True) for row in both]
    pictures.save_sheet(torch.cat(rows), path, columns=min(8, len(x)))


TITLES = {
    "normal": "N(0, I)",
    "full": "the full normal",
    "mixture": "the mixture",
    "flow": "the flow",
    "two-stage": "the second stage",
}


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
    """A recipe as plain values: paths absolute, and the latent's options all spelt out."""
    plain = asdict(recipe)
    if Path(recipe.data).exists() and recipe.data not in data.NAMES:
        plain["data"] = str(Path(recipe.data).absolute())
    plain["drop"] = list(recipe.drop)
    plain["model"]["hidden"] = list(recipe.model.hidden)
    latent = recipe.model.latent
    options = settings(build(Latent.known(), latent, "latent"))
    plain["model"]["latent"] = {"name": latent["name"]} | options
    return plain


def versions() -> dict[str, str]:
    """What the figures of a run may depend on."""
    return {
        "entropae": entropae.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
