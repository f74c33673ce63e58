"""How much entropy a code needs that is drawn through a head, on small folders; or a sphere's.

    python benchmarks/entropy_weight.py DATA --sets digits mnist --weights 1 0.1 sphere

DATA holds mnist, fashion_mnist and cifar10_jpeg. Each row is a run with the defaults but for the
weight, or with codes on a sphere: held-out squared error; kernel distances of up to 1000 images
from as many that nobody trained on, of samples, of samples of N(0, I) without the head, of
reconstructed training images and of the middles of spherical paths between held-out images; and
what the diagnosis finds. Of many images `heads.py` tells. The default was chosen on MNIST and the
digits; Fashion-MNIST and CIFAR-10 are for report. Rows are added to those that are there.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from entropae.features import extract, find
from entropae.metrics.kernel import kernel_distance
from entropae.model.paths import spherical
from entropae.recipe import AUTO, ModelConfig, Recipe
from entropae.runs import Run, make
from small_folders import NUMBER, Source, cifar, digits, fashion, thousand

from _machine import RESULTS, mean, save, saved

NAME = "entropy_weight"
COLUMNS = {
    "dim": "d",
    "error": "squared error, held out",
    "samples": "samples",
    "bare": "N(0, I) without the head",
    "reconstructed": "training images, reconstructed",
    "middles": "middles of paths",
}


def mnist(data: Path, out: Path, seed: int) -> Source:
    """1000 images of MNIST."""
    return thousand(data / "mnist", out, seed, "classifier:mnist")


SETS = {"digits": digits, "mnist": mnist, "fashion": fashion, "cifar": cifar}


def latent_of(weight: str) -> dict[str, Any]:
    """An EAE of some weight, or what is so called."""
    if weight.replace(".", "").isdigit():
        return {"name": "entropic", "dim": AUTO, "weight": float(weight)}
    return {"name": weight, "dim": AUTO}


def measured(source: Source, weight: str, seed: int, minutes: float | None) -> dict[str, Any]:
    """A run, made and measured."""
    latent = latent_of(weight)
    recipe = Recipe(
        data=str(source.path), seed=seed, minutes=minutes, model=ModelConfig(latent=latent)
    )
    features = find(source.features)
    n = min(NUMBER, len(source.others))
    seen = extract(features, source.others[:n])

    def far(images: Tensor) -> float:
        size = min(500, len(images), n)
        return kernel_distance(extract(features, images.clamp(0, 1)), seen, size=size).mean

    with TemporaryDirectory() as folder:
        make(recipe, Path(folder) / "run")
        run = Run.open(Path(folder) / "run")
        model = run.model
        a, b = model.encode(run.held_out.first(2 * (len(run.held_out) // 2))).chunk(2)
        found = run.diagnose(progress=False)
        return {
            "dim": model.latent.dim,
            "error": run.metrics["validation"]["mean_squared_error"],
            "drawn_from": model.drawn_from(),
            "samples": far(run.sample(n, seed=seed)),
            "bare": far(model.draw(n, seed=seed, prior="normal", head=False)),
            "reconstructed": far(model.reconstruct(run.train.spread(n))),
            "middles": far(model.decode(spherical(a, b, torch.tensor(0.5)))),
            "findings": {one.name: one.severity.name.lower() for one in found.findings},
        }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Means over seeds, and standard deviations."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows.values():
        groups.setdefault((row["set"], f"{row['weight']}".removesuffix(".0")), []).append(row)
    titles = ["data", "λ, or latent", "seeds", *COLUMNS.values(), "drawn from", "findings"]
    lines = [f"| {' | '.join(titles)} |", "|-" * len(titles) + "|"]
    for (name, weight), some in sorted(groups.items(), key=lambda one: list(SETS).index(one[0][0])):
        cells = [name, weight, str(len(some))]
        cells += [mean([row[key] for row in some]) for key in COLUMNS]
        cells.append("; ".join(sorted({row["drawn_from"] for row in some})))
        found = [f"{k} ({level})" for row in some for k, level in row["findings"].items()]
        cells.append(", ".join(f"{found.count(one)} × {one}" for one in dict.fromkeys(found)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sources(options: argparse.Namespace) -> Iterator[tuple[str, int, Source]]:
    """Each of the sets with each seed, while it is worked on."""
    for name in options.sets:
        for seed in options.seeds:
            with TemporaryDirectory() as folder:
                yield name, seed, SETS[name](options.data, Path(folder), seed)


def add(
    name: str, key: str, row: dict[str, Any], table: Callable[[dict[str, dict[str, Any]]], str]
) -> None:
    """Add a row to a result that may be there, and write its table."""
    rows = saved(name) | {key: row}
    save(name, rows)
    (RESULTS / f"{name}.md").write_text(table(rows))
    print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--weights", nargs="+", default=["1", "0.1", "sphere"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, help="For training; else all passes.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name, seed, source in sources(options):
        for weight in options.weights:
            row = measured(source, weight, seed, options.minutes)
            row |= {"set": name, "weight": weight, "seed": seed}
            add(NAME, f"{name}, λ = {weight}, seed {seed}", row, table)


if __name__ == "__main__":
    main()
