"""What changes samples of N(0, I) through a head: one thing at a time, from an EAE of λ = 0.1.

    python benchmarks/head_grid.py mnist DATA --seeds 0 1 2
    python benchmarks/head_grid.py mnist DATA --long --variants sphere "λ = 0.1"
    python benchmarks/head_grid.py mnist DATA --long --images 12000 --variants "λ = 0.1" components

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST. Networks, data order and steps
are those of `rivals.py table`, or with `--long` those of `entropae fit` (8000 steps), which also
chooses the dimensions; those called "components" start at principal components. The head is that of
`fit`. With `--images` only so many are read, and start at random weights, too, unless called so.
Fréchet distances are in the features of the table, 10 000 images against the test set.
Settings are chosen on MNIST, and Fashion-MNIST is for report. Figures are kept in `runs/`, where a
stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from entropae.nn import MLPDecoder
from entropae.prior import FlowMatching
from entropae.recipe import ModelConfig, Recipe
from entropae.runs.making import begun_model
from entropae.runs.training import fit_by

from _machine import RESULTS, save, table
from heads import LATENTS, collected, distance_to, known, nearest, worked
from rivals import TASKS, recipe


class Variant(NamedTuple):
    """What is unlike the first: an EAE with 16 dimensions and a weight of 0.1.

    Attributes:
        latent: Options of the latent, or another latent.
        hidden: Sizes of the encoder's hidden layers, if not [512, 256].
        gain: What the decoder's gain is multiplied by.
        model: Other settings of the model.
        rate: The learning rate at its highest, if not the network's own.
        more: Dimensions beside those that are given or chosen.
        fades: Whether dropout falls to 0, as `fit` lets it.
    """

    latent: dict[str, Any] = {}  # noqa: RUF012 -- never changed
    hidden: tuple[int, ...] | None = None
    gain: float = 1.0
    model: dict[str, Any] = {}  # noqa: RUF012 -- never changed
    rate: float | None = None
    more: int = 0
    fades: bool = True


PCA = {"start": "pca"}
VARIANTS = {
    "λ = 0.1": Variant(),
    **{f"λ = {weight:g}": Variant({"weight": weight}) for weight in (0.0, 0.03, 0.3, 1.0)},
    **{f"{d} dimensions": Variant({"dim": d}) for d in (8, 12, 24, 32, 48, 64)},
    "layers of 256, 128": Variant(hidden=(256, 128)),
    "layers of 1024, 512": Variant(hidden=(1024, 512)),
    **{
        f"{d} dimensions, layers of 1024, 512": Variant({"dim": d}, hidden=(1024, 512))
        for d in (24, 32, 48)
    },
    **{f"gain × {gain:g}": Variant(gain=gain) for gain in (0.25, 0.5, 2.0, 4.0, 8.0)},
    **{f"noise {std:g}": Variant({"noise": (std, std)}) for std in (0.05, 0.1, 0.2)},
    "no bank": Variant({"bank": 0}),
    **{
        f"λ = {weight:g}, no batch normalisation": Variant({"weight": weight, "standardize": False})
        for weight in (0.1, 0.3)
    },
    "bank of all codes": Variant({"bank": 54_000}),
    "sphere": Variant({"name": "spherical"}),
    "sphere, one dimension fewer": Variant({"name": "spherical"}, more=-1),
    "components": Variant(model=PCA),
    **{
        label: Variant({key: value for key, value in LATENTS[name].items() if key != "dim"})
        for label, name in {"WAE": "wae", "Cramér–Wold": "cramer-wold"}.items()
    },
    "components, sphere": Variant({"name": "spherical"}, model=PCA),
    "components, steady dropout": Variant(model=PCA, fades=False),
    "components, sphere, steady dropout": Variant({"name": "spherical"}, model=PCA, fades=False),
    "sphere, dropout 0.1": Variant({"name": "spherical"}, model={"dropout": 0.1}),
    "sphere, dropout 0.02": Variant({"name": "spherical"}, model={"dropout": 0.02}),
    "components, sphere, no dropout": Variant({"name": "spherical"}, model=PCA | {"dropout": 0.0}),
    "components, 32 dimensions": Variant({"dim": 32}, model=PCA),
    "components, layers of 1024, 512": Variant(hidden=(1024, 512), model=PCA),
    "components, gain × 4": Variant(gain=4.0, model=PCA),
    "components, no dropout": Variant(model=PCA | {"dropout": 0.0}),
    "components, no dropout, gain × 10, rate 3e-3": Variant(
        gain=10.0, model=PCA | {"dropout": 0.0}, rate=3e-3
    ),
}
COLUMNS = {
    "dim": "dimensions",
    "error": "squared error",
    "normal": "N(0, I)",
    "head": "N(0, I), head",
    "perfect": "training codes decoded",
    "nearest": "distance to training codes",
    "seconds": "CPU seconds, autoencoder",
    "seconds_head": "CPU seconds, head",
}


class Work(NamedTuple):
    """One autoencoder to be trained, given a head and measured."""

    task: str
    data: Path
    name: str
    seed: int
    long: bool
    images: int | None = None

    @property
    def result(self) -> str:
        """The name of the table that it is in."""
        few = "" if self.images is None else f"_images-{self.images}"
        return f"head_grid_{self.task}" + ("_long" if self.long else "") + few

    @property
    def figures(self) -> Path:
        """Where what was measured is kept."""
        return Path("runs") / self.result / f"{self.name}, seed {self.seed}.json"

    def recipe(self) -> Recipe:
        """Of its autoencoder."""
        task, variant = TASKS[self.task], VARIANTS[self.name]
        found, dim = recipe(task, self.data, {}), task.dim
        if self.long:
            found, dim = Recipe(found.data, model=ModelConfig(start="random")), "auto"
        usual = {} if "name" in variant.latent else LATENTS["eae λ=0.1"]
        latent = usual | {"dim": dim} | variant.latent
        changed: dict[str, Any] = {"latent": latent, "hidden": variant.hidden}
        model = replace(found.model, **changed | variant.model)
        return replace(found, seed=self.seed, model=model, learning_rate=variant.rate)


def work_on(work: Work, end: float) -> Work:
    """Train and measure what is not yet, unless it is too late."""
    torch.set_num_threads(1)
    if work.figures.is_file() or time.time() > end:
        return work
    task, variant = TASKS[work.task], VARIANTS[work.name]
    samples, test = known(work.data / task.train), known(work.data / task.test).first(10_000)
    samples = samples.subset(np.arange(work.images or len(samples)))
    settings = work.recipe()
    began = time.process_time()
    train, held_out = samples.split(settings.validation, seed=work.seed)
    settings, model, _ = begun_model(settings, samples, train, held_out, say=False)
    if variant.more:
        latent = settings.model.latent | {"dim": model.latent.dim + variant.more}
        settings = replace(settings, model=replace(settings.model, latent=latent))
        settings, model, _ = begun_model(settings, samples, train, held_out, say=False)
    assert isinstance(model.decoder, MLPDecoder)
    model.decoder.gain *= variant.gain
    log = fit_by(settings, model, samples, progress=False, fades=variant.fades)
    found: dict[str, Any] = {"seed": work.seed, "seconds": time.process_time() - began}
    n, distance = len(test), distance_to(test, task.features)
    error = (model.reconstruct(test) - test).square()
    found["dim"] = model.latent.dim
    found["error"] = float(error.flatten(1).sum(1).mean())
    found["perfect"] = distance(model.reconstruct(train.some(n)))
    found["normal"] = distance(model.draw(n, seed=work.seed))
    head = FlowMatching.sized(model.latent.dim, len(train), int(log[-1]["step"]))
    began = time.process_time()
    model.fit_head(train, head, seed=work.seed)
    found["seconds_head"] = time.process_time() - began
    found["head"] = distance(model.draw(n, seed=work.seed))
    found["nearest"] = nearest(model, train, test, work.seed)
    work.figures.parent.mkdir(parents=True, exist_ok=True)
    work.figures.write_text(json.dumps(found))
    return work


def write(result: str, works: Sequence[Work]) -> None:
    """The table, with rows that were measured before."""
    rows = collected(result, works, VARIANTS)
    (RESULTS / f"{result}.md").write_text(table(rows, COLUMNS, "variant"))
    save(result, rows, variants={name: VARIANTS[name]._asdict() for name in rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["mnist", "fashion_mnist"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--long", action="store_true", help="Trained as `entropae fit` does.")
    parser.add_argument("--images", type=int, help="The first so many; else all.")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="None is begun after it.")
    asked = parser.parse_args()
    works = [
        Work(asked.task, asked.data, name, seed, asked.long, asked.images)
        for seed in asked.seeds
        for name in asked.variants
    ]
    end = time.time() + 60 * asked.minutes
    for work in worked(work_on, works, end, asked.processes):
        if work.figures.is_file():
            print(work.name, work.seed, work.figures.read_text(), flush=True)
            write(work.result, [w for w in works if w.figures.is_file()])


if __name__ == "__main__":
    main()
