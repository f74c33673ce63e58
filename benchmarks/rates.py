"""How fast convolutions learn beside a linear path that starts at principal components.

    OMP_NUM_THREADS=1 python benchmarks/rates.py cifar10_jpeg DATA --epochs 3
    OMP_NUM_THREADS=1 python benchmarks/rates.py fashion_mnist DATA --epochs 3 --seeds 0 1 2

With the convolutions of `entropae fit`, all data and few passes: one rate for all weights, that of
fully connected networks which start at components, or as `fit` has it, a larger one for the layers.
The rates were chosen on CIFAR-10 (JPEG); Fashion-MNIST is for report. DATA is as for `heads.py`.
Squared errors are those of an image, on test images. Rows are added to those that are there.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import entropae as ea
from entropae.kinds import read
from entropae.runs.making import begun_model
from entropae.runs.settling import rate_of
from entropae.training.fitting import RATES

from _machine import RESULTS, grouped, save, saved, table
from heads import LATENTS
from rivals import TASKS, recipe

NAME = "rates"
BATCH = 256
VARIANTS = ("one rate", "as fit has it")
COLUMNS = {"error": "squared error", "begun": "at the start", "seconds": "CPU seconds"}


def measured(
    task: str, data: Path, latent: str, variant: str, epochs: int, seed: int
) -> dict[str, Any]:
    """A training, and the error on test images before and after it."""
    settings = replace(recipe(TASKS[task], data, LATENTS[latent]), seed=seed, epochs=epochs)
    model = replace(settings.model, network="conv", start="pca")
    settings = replace(settings, model=model)
    samples = read(Path(settings.data))
    test = read(data / TASKS[task].test).first(10_000)
    halves = samples.split(settings.validation, seed=seed)
    settings, made, _ = begun_model(settings, samples, *halves, say=False)

    def error() -> float:
        return float((made.eval().reconstruct(test) - test).square().flatten(1).sum(1).mean())

    options: dict[str, Any] = {"learning_rate": rate_of(settings, made)}
    if variant == "one rate":
        options = {"optimizer": lambda weights: torch.optim.AdamW(weights, RATES["pca"])}
    begun, began = error(), time.process_time()
    ea.fit(
        made,
        halves[0],
        epochs=epochs,
        batch_size=BATCH,
        validation=halves[1],
        keep="last",
        seed=seed,
        progress=False,
        **options,
    )
    return {"error": error(), "begun": begun, "seconds": time.process_time() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--latents", nargs="+", default=["spherical"], choices=list(LATENTS))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for seed in asked.seeds:
        for latent in asked.latents:
            for variant in asked.variants:
                row = {"set": asked.task, "latent": latent, "variant": variant, "seed": seed}
                row |= {"epochs": asked.epochs}
                found = measured(asked.task, asked.data, latent, variant, asked.epochs, seed)
                print(row | found, flush=True)
                rows = saved(NAME)
                rows[" ".join(map(str, row.values()))] = row | found
                save(NAME, rows)
                groups = grouped(rows.values(), "set", "latent", "epochs", "variant")
                shown = table(groups, COLUMNS, "data", "latent", "passes", "rates")
                (RESULTS / f"{NAME}.md").write_text(shown)


if __name__ == "__main__":
    main()
