"""What a trained model is worth: metrics of its reconstructions and of samples of each prior."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from entropae import pictures, run
from entropae.config import Recipe
from entropae.data import Samples
from entropae.features import Features, Remembering, extract, find, title
from entropae.files import printable, replacing, write_text
from entropae.metrics import fidelity, frechet_distance, kernel_distance, normality
from entropae.model import CONFIG, Autoencoder, load
from entropae.neighbors import kth_distance
from entropae.tabular import Columns, compare_tables

# Neighbour metrics cost the square of the sample; more points hardly change them.
NEIGHBOURS = 2000


def evaluate(
    model: Autoencoder,
    train: Samples,
    test: Samples,
    features: Features,
    *,
    n: int = 10_000,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Measure a model on samples that it has not been trained on.

    Args:
        model: A trained model; every prior that it has fitted is measured.
        train: Its training samples, to see whether samples are copies of them.
        test: Held-out samples, the reference of every distance.
        features: Images to feature vectors.
        n: At most so many held-out samples, and as many drawn ones.
        seed: Of the drawn samples.
        progress: Show a bar.

    Returns:
        `mean_squared_error` per element; `code`, the normality of the held-out codes; and for
        `reconstructions` and each prior `frechet`, `kernel`, `precision`, `recall`, `density`,
        `coverage` and `nearest`: the median distance of a drawn sample to its nearest training
        image in the features, over that of a held-out image. Well below 1 means copies.

    Raises:
        ValueError: If the samples are sentences.
    """
    if train.tokenizer is not None:
        raise ValueError(
            "Sentences have no features. Measure them with entropae.language.evaluate_text "
            "(entropae evaluate RUN)."
        )
    n = min(n, len(test))
    x, seen = test.first(n), train.first(n)
    if not isinstance(features, Remembering):
        features = Remembering(features)
    reference, known = features(x), features(seen)
    usual = kth_distance(reference[:NEIGHBOURS], known).median()
    again = model.reconstruct(x).cpu()
    result: dict[str, Any] = {
        "samples": n,
        "mean_squared_error": float((again - x).square().mean()),
        "code": normality(model.encode(x))._asdict(),
    }
    for name in tqdm(["reconstructions", *model.priors], "Measuring", disable=not progress):
        is_prior = name in model.priors
        images = model.sample(n, seed=seed, prior=name).cpu() if is_prior else again
        found = extract(features.features, images)
        kernel = kernel_distance(found, reference)
        nearest = kth_distance(found[:NEIGHBOURS], known).median()
        result[name] = {
            "frechet": frechet_distance(found, reference),
            "kernel": kernel.mean,
            "kernel_std": kernel.std,
            **fidelity(reference[:NEIGHBOURS], found[:NEIGHBOURS])._asdict(),
            "nearest": float(nearest / usual),
        }
    return result


def evaluate_run(
    folder: Path,
    test: str | None,
    features: str,
    *,
    n: int = 10_000,
    priors: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the model of a run folder, and keep the result in it as `evaluation-FEATURES.json`.

    Args:
        folder: A finished run.
        test: What `data.load` takes; by default the run's own held-out samples.
        features: What `features.find` takes.
        n: At most so many samples.
        priors: Fit these to the training codes too, if the model has them not.

    Raises:
        ValueError: If the features or a prior are unknown, or the test images of another shape.
    """
    network = _remembering(features)
    recipe = run.read_recipe(folder)
    train, held_out = run.split_samples(recipe, run.read_samples(recipe, folder=folder))
    if test is not None:
        held_out = run.read_samples(recipe, test, folder=folder)
    if held_out.shape != train.shape:
        raise ValueError(
            f"Test samples must have the training samples' shape {train.shape}: got "
            f"{held_out.shape}. Give --data images of that size."
        )
    model = load(folder)
    for prior in sorted(set(priors) - set(model.priors)):
        model.fit_prior(train, prior, seed=recipe.seed)
    asked = {"test": test, "n": n, "priors": sorted(priors)}
    result = {"features": title(features), "asked": asked}
    result |= evaluate(model, train, held_out, network, n=n)
    write_text(_kept(folder, features), json.dumps(result, indent=2) + "\n")
    return result


def evaluate_table(folder: Path, test: str | None = None) -> dict[str, dict[str, float]]:
    """Measure the model of a table, and keep the result in its folder as `evaluation-table.json`.

    Args:
        folder: A finished run.
        test: A file of rows; by default the run's own held-out ones.

    Returns:
        For each prior the figures of `tabular.compare_tables`.

    Raises:
        ValueError: If the rows are not of the run's columns, or fewer than 10.
    """
    recipe = run.read_recipe(folder)
    train, held_out = run.split_samples(recipe, run.read_samples(recipe, folder=folder))
    if test is not None:
        held_out = run.read_samples(recipe, test, folder=folder)
    columns, model = Columns.load(folder), load(folder)
    real = [columns.decode(rows.first(len(rows)).numpy()) for rows in (train, held_out)]
    result = {}
    for name in model.priors:
        x = model.sample(max(len(train), len(held_out)), seed=recipe.seed, prior=name)
        drawn = columns.draw(x.cpu().numpy(), seed=recipe.seed)
        result[name] = compare_tables(columns, real[0], real[1], drawn, seed=recipe.seed)
    write_text(folder / "evaluation-table.json", json.dumps(result, indent=2) + "\n")
    return result


@cache
def _remembering(features: str) -> Remembering:
    return Remembering(find(features))


def _kept(folder: Path, features: str) -> Path:
    return folder / f"evaluation-{title(features).replace(' ', '-')}.json"


def compare(
    recipes: Mapping[str, Recipe],
    out: Path,
    *,
    seeds: int = 3,
    test: str | None = None,
    features: str = "pixels",
    n: int = 10_000,
    priors: Sequence[str] = (),
    processes: int = 1,
) -> list[dict[str, Any]]:
    """Train recipes with several seeds, measure each, and write tables and a picture.

    Runs that exist are not done again, so a comparison that was stopped goes on.

    Args:
        recipes: By the name of their row. They may differ in the latent only.
        out: A folder for the runs (`NAME/seed-K`), `table.md`, `table.csv`, `results.json` and
            `samples.png`.
        seeds: Number of seeds, from 0.
        test: Samples to measure on; by default each run's held-out share.
        features: What `features.find` takes.
        n: At most so many samples.
        priors: Fit these too, besides the full normal and the mixture.
        processes: Runs at a time, which share the processor's cores.

    Returns:
        A row a recipe: mean and standard deviation of every figure over seeds.

    Raises:
        ValueError: If recipes differ in more than the latent, a run in `out` was made by another
            recipe, or `seeds` is less than 1.
    """
    if seeds < 1:
        raise ValueError(f"`seeds` must be at least 1: got seeds={seeds}.")
    _check_alike(recipes)
    asked = {"test": test, "n": n, "priors": sorted(priors)}
    jobs = [
        (replace(recipe, seed=seed), out / name / f"seed-{seed}", features, asked)
        for name, recipe in recipes.items()
        for seed in range(seeds)
    ]
    for recipe, folder, *_ in jobs:
        if (folder / run.RECIPE).is_file():
            _check_same(recipe, folder)
    found = _in_processes(jobs, processes) if processes > 1 else [_finish(*job) for job in jobs]
    results = {name: found[i * seeds : (i + 1) * seeds] for i, name in enumerate(recipes)}
    rows = [summary(name, found) for name, found in results.items()]
    write_text(out / "results.json", json.dumps(results, indent=1) + "\n")
    with replacing(out / "table.csv") as path, path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    write_text(out / "table.md", markdown(rows, title(features)))
    drawn = {
        name: load(out / name / "seed-0").sample(25, seed=0, prior="normal") for name in recipes
    }
    if all(images.ndim == 4 for images in drawn.values()):
        titled = {f"{name}, samples from N(0, I)": images for name, images in drawn.items()}
        pictures.save_panels(titled, out / "samples.png")
    return rows


def _finish(
    recipe: Recipe, folder: Path, features: str, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Train and measure one run, as far as that has not been done."""
    if not (folder / CONFIG).is_file():
        print(f"{folder}:")
        run.make(recipe, folder, resume=True)
    kept = _kept(folder, features)
    found = json.loads(kept.read_text()) if kept.is_file() else {}
    if found.get("asked") != asked:
        found = evaluate_run(folder, features=features, **asked)
    return found | {"seconds": json.loads((folder / run.METRICS).read_text())["seconds"]}


def _in_processes(jobs: Sequence[tuple[Any, ...]], processes: int) -> list[dict[str, Any]]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    with ProcessPoolExecutor(
        processes,
        # A forked process may hang in the threads that torch has started.
        mp_context=get_context("spawn"),
        initializer=_quietly,
        initargs=(threads,),
    ) as pool:
        futures = [pool.submit(_finish, *job) for job in jobs]
        for future in tqdm(as_completed(futures), "Comparing", len(futures), unit="run"):
            if future.exception():
                pool.shutdown(cancel_futures=True)
        return [future.result() for future in futures]


def _quietly(threads: int) -> None:
    """Settings of a process among others: its share of the cores, and no bars of its own."""
    torch.set_num_threads(threads)
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 as long as the process


def _check_same(recipe: Recipe, folder: Path) -> None:
    """Refuse to go on with a run of another recipe, where it trains being of no account."""
    asked, found = (
        {key: value for key, value in _leaves(run.portable(one)) if not key.startswith("trainer.")}
        for one in (recipe, run.read_recipe(folder))
    )
    for key in asked.keys() | found.keys():
        if asked.get(key) != found.get(key):
            raise ValueError(
                f"The run in {folder} was made with {key}={found.get(key)!r}, the recipe now has "
                f"{asked.get(key)!r}. Give another --out, or remove that run."
            )


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _check_alike(recipes: Mapping[str, Recipe]) -> None:
    """Refuse a comparison in which more than the latent differs."""
    (first_name, first), *others = recipes.items()
    for name, recipe in others:
        for key, value in _common(first).items():
            other = _common(recipe)[key]
            if value != other:
                raise ValueError(
                    f"Recipes to compare may differ in the latent only: {key} is {value!r} in "
                    f"{first_name}, {other!r} in {name}. Make it the same in both."
                )


def _common(recipe: Recipe) -> dict[str, Any]:
    """All of a recipe but its latent, its seed and where it runs."""
    settings = asdict(recipe)
    model = settings.pop("model")
    del settings["seed"], settings["trainer"], model["latent"]
    return settings | {f"model.{key}": value for key, value in model.items()}


def summary(name: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of every number, under flat names."""
    flat = [dict(_flat(one)) for one in found]
    row: dict[str, Any] = {"recipe": name, "seeds": len(found)}
    for key in flat[0]:
        values = [one[key] for one in flat if key in one]
        row[key] = statistics.fmean(values)
        spread = len(values) > 1 and all(map(math.isfinite, values))
        row[f"{key} sd"] = statistics.stdev(values) if spread else math.nan
    return row


def _flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in found.items():
        if isinstance(value, Mapping) and key != "asked":
            yield from _flat(value, f"{prefix}{key} ")
        elif isinstance(value, int | float):
            yield prefix + key, float(value)


def markdown(rows: Sequence[Mapping[str, Any]], features: str) -> str:
    """The tables of a comparison: the figures that decide it, and how normal the codes are.

    Args:
        rows: What `compare` returns.
        features: The feature network's name, which the distances carry.
    """
    parts = [key.split()[0] for key in rows[0] if key.endswith(" frechet")]
    name = "FID" if features == "inception" else f"Fréchet ({features})"
    columns = {"mean_squared_error": "squared error"}
    columns |= {f"{part} frechet": f"{name}, {part}" for part in parts}
    columns |= {f"{part} kernel": f"kernel ({features}), {part}" for part in parts}
    columns["seconds"] = "seconds"
    codes = {f"code {key}": value for key, value in CODES.items()}
    return _table(rows, columns) + "\nThe held-out codes:\n\n" + _table(rows, codes)


CODES = {
    "norm_spread": "spread of ‖z‖",
    "norm_spread_normal": "of N(0, I)",
    "correlation": "correlation",
    "kurtosis": "excess kurtosis",
    "entropy": "entropy (nats per dimension)",
    "entropy_normal": "of N(0, I)",
    "sliced_wasserstein": "sliced Wasserstein",
    "sliced_wasserstein_normal": "of N(0, I)",
}


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    lines = [
        f"| recipe ({rows[0]['seeds']} seeds) | " + " | ".join(columns.values()) + " |",
        "|-|" + "-|" * len(columns),
    ]
    for row in rows:
        cells = [f"{row[key]:.4g}{_deviation(row[f'{key} sd'])}" for key in columns]
        lines.append(f"| {escaped(row['recipe'])} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def escaped(name: str) -> str:
    r"""A name as it is, in a cell of a Markdown table.

    Examples:
        >>> escaped("a|b <i>")
        'a\\|b \\<i\\>'
    """
    return re.sub(r"([\\`*\[\]<>|&!])", r"\\\1", printable(name))


def _deviation(value: float) -> str:
    return "" if math.isnan(value) else f" ± {value:.2g}"
