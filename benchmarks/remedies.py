"""What following the diagnosis does: models with two faults each, on small folders of images.

Each is trained, examined, and trained or sampled again as its first finding says, up to three times
over. The figure of a finding about reconstructions is the error on held-out images, as a share of
their variance; of one about samples, the energy distance (Székely and Rizzo 2013) between samples
and held-out images, as a share of the mean distance between held-out images: the mean of several
draws, with its standard error. A change of less than two of these is called none.

python benchmarks/remedies.py DATA [--only digits] [--minutes 15]

DATA is the folder that has `fashion_mnist/` and `cifar10_jpeg/`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import math
import random
import tarfile
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from entropae.diagnosis import Diagnosis, Finding, Severity
from entropae.recipe import Recipe, recipe_of
from entropae.runs import Run, make
from entropae.runs.files import portable
from entropae.runs.resuming import leaves, nested

from _machine import RESULTS, save

ROUNDS, DRAWS = 3, 8
# Findings whose figure is the reconstruction error; that of others is of samples.
RECONSTRUCTION = {
    *("input", "range", "units", "statistics", "batch", "steps", "collapse", "latent_small"),
    *("weight_large", "undertrained", "overfitting"),
}
# Two faults each; the last are the defaults.
FAULTS: dict[str, dict[str, Any]] = {
    "few steps and λ = 30": {"epochs": 5, "model.latent.weight": 30.0},
    "λ = 0 and too many steps": {"epochs": 300, "model.latent.weight": 0.0},
    "1 dimension and few steps": {"epochs": 5, "model.latent.dim": 1},
    "codes of any scale, in 64 dimensions": {
        "epochs": 60,
        "model.latent": {"name": "plain", "dim": 64},
    },
    "batches of 8 and λ = 30": {"epochs": 10, "batch_size": 8, "model.latent.weight": 30.0},
    "VAE of weight 30 and a small rate": {
        "epochs": 60,
        "learning_rate": 3e-4,
        "model.latent": {"name": "variational", "dim": 16, "weight": 30.0},
    },
    "no correction, no bank, 64 dimensions": {
        "epochs": 60,
        "model.latent.correction": "none",
        "model.latent.bank": 0,
        "model.latent.dim": 64,
    },
    "none: 100 epochs of the defaults": {"epochs": 100},
}


def digits(_: Path, out: Path) -> None:
    """500 of scikit-learn's digits."""
    images = load_digits().images
    for i in np.random.default_rng(0).choice(len(images), 500, replace=False):
        Image.fromarray((images[i] * 255 / 16).astype(np.uint8)).save(out / f"{i:05}.png")


def fashion(data: Path, out: Path) -> None:
    """1000 of Fashion-MNIST."""
    file = next((data / "fashion_mnist").glob("train-images*"))
    images = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
    images = images.reshape(-1, 28, 28)
    for i in np.random.default_rng(0).choice(len(images), 1000, replace=False):
        Image.fromarray(images[i]).save(out / f"{i:05}.png")


def cifar(data: Path, out: Path) -> None:
    """3000 of CIFAR-10 (JPEG), in folders of their classes, at 16 × 16 pixels."""
    with tarfile.open(next((data / "cifar10_jpeg").glob("*.tar.xz"))) as archive:
        files = [one for one in archive if one.isfile() and "/train/" in f"/{one.name}"]
        names = sorted(one.name for one in files)
        chosen = set(random.Random(0).sample(names, 3000))
        for one in files:  # in the archive's order, which is read only forwards
            if one.name not in chosen:
                continue
            content = archive.extractfile(one)
            assert content is not None
            path = out / Path(one.name).parent.name / Path(one.name).with_suffix(".png").name
            path.parent.mkdir(exist_ok=True)
            image = Image.open(io.BytesIO(content.read()))
            image.resize((16, 16), Image.Resampling.LANCZOS).save(path)


DATA = {"digits": digits, "fashion": fashion, "cifar": cifar}


def changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """A recipe with other settings, given by their names with dots."""
    flat = dict(leaves(portable(recipe)))
    for name, value in settings.items():
        if isinstance(value, Mapping):  # in whose place no option of before may stay
            flat = {key: old for key, old in flat.items() if not key.startswith(f"{name}.")}
            flat |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            flat[name] = value
    return recipe_of(nested(flat))


def energy_distance(x: torch.Tensor, y: torch.Tensor) -> float:
    """Between two samples, as a share of the mean distance within the second."""
    x, y = x.flatten(1).double(), y.flatten(1).double()
    within = torch.pdist(y).mean()
    return float((2 * torch.cdist(x, y).mean() - torch.pdist(x).mean() - within) / within)


def figures(run: Run, found: Diagnosis, prior: str) -> dict[str, float]:
    real = run.held_out.first(1000)
    apart = [
        energy_distance(run.model.draw(500, seed=seed, prior=prior).cpu(), real)
        for seed in range(DRAWS)
    ]
    return {
        "error": float(found.figures["error"]),
        "samples": float(np.mean(apart)),
        "samples ±": float(np.std(apart, ddof=1)) / DRAWS**0.5,
    }


def remedy(found: Diagnosis, done: set[str]) -> Finding | None:
    """The first cause that matters and can be acted on, and that has not been."""
    for one in found.causes:
        acts = one.settings or (one.prior and f"prior {one.prior}" not in done)
        if acts and one.severity > Severity.NOTE:
            return one
    return None


def follow(recipe: Recipe, folder: Path) -> list[dict[str, Any]]:
    """Rows of what each remedy did, one after the other."""
    rows: list[dict[str, Any]] = []
    prior, done = "normal", set[str]()
    run = trained(recipe, folder / "0")
    found = run.diagnose(progress=False, prior=prior)
    before = figures(run, found, prior)
    for turn in range(1, ROUNDS + 1):
        finding = remedy(found, done)
        if finding is None:
            break
        settings = dict(finding.settings)
        if finding.prior and f"prior {finding.prior}" not in done:
            prior = finding.prior  # which costs nothing, so it is tried first
            done.add(f"prior {prior}")
            settings = {"prior": prior}
        else:
            recipe, prior = changed(run.recipe, settings), "normal"
            run = trained(recipe, folder / str(turn))
        found = run.diagnose(progress=False, prior=prior)
        after = figures(run, found, prior)
        figure = "error" if finding.name in RECONSTRUCTION else "samples"
        rows.append(
            {
                "finding": finding.name,
                "severity": finding.severity.word,
                "explains": [one.name for one in found.explained(finding)],
                "remedy": settings,
                "figure": figure,
                "before": before,
                "after": after,
                "change": change(before, after, figure),
                "left": {one.name: one.severity.word for one in found.causes},
            }
        )
        print(finding.name, settings, figure, before, after, flush=True)
        before = after
    return rows


def change(before: Mapping[str, float], after: Mapping[str, float], figure: str) -> str:
    """Whether a figure became better or worse, by more than chance."""
    by = after[figure] - before[figure]
    chance = 2 * math.hypot(before.get(f"{figure} ±", 0), after.get(f"{figure} ±", 0))
    return "none" if abs(by) <= chance else "worse" if by > 0 else "better"


def trained(recipe: Recipe, folder: Path) -> Run:
    make(recipe, folder)
    return Run.open(folder)


def table(results: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> str:
    lines = [
        "| folder | faults | finding | remedy | figure | before | after | change |",
        "|-|-|-|-|-|-|-|-|",
    ]
    for data, models in results.items():
        for name, rows in models.items():
            for row in rows:
                said = ", ".join(f"{key} {value}" for key, value in row["remedy"].items())
                figure = row["figure"]
                values = (
                    f"{row[when][figure]:.3g}"
                    + (f" ± {row[when]['samples ±']:.1g}" if figure == "samples" else "")
                    for when in ("before", "after")
                )
                cells = (data, name, row["finding"], said, figure, *values, row["change"])
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=DATA, default=list(DATA))
    parser.add_argument("--minutes", type=float, default=15)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    began = time.perf_counter()
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for data in options.only:
            images = Path(scratch, data)
            images.mkdir()
            DATA[data](options.data, images)
            for i, (name, settings) in enumerate(FAULTS.items()):
                if time.perf_counter() - began > 60 * options.minutes:
                    print(f"Out of time: {data}, {name} left out", flush=True)
                    continue
                print(f"{data}: {name}", flush=True)
                recipe = Recipe(data=str(images), validation=0.25)
                rows = follow(changed(recipe, settings), Path(scratch, f"{data}-{i}"))
                results.setdefault(data, {})[name] = rows
                keep(results, options.minutes)


def keep(results: Mapping[str, Mapping[str, list[dict[str, Any]]]], minutes: float) -> None:
    save("remedies", results, minutes=minutes)
    head = (
        "`error`: of held-out images, as a share of their variance. `samples`: energy distance "
        "between samples and held-out images, mean and standard error of draws. One seed; each "
        "remedy is that of the finding named first, and the next row goes on from there.\n\n"
    )
    (RESULTS / "remedies.md").write_text(head + table(results))


if __name__ == "__main__":
    main()
