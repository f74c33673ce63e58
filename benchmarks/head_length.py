"""How long, and how wide, a flow should learn from a few thousand codes.

    OMP_NUM_THREADS=1 python benchmarks/head_length.py mnist DATA --images 12000 5000 --seeds 0 1 2

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST. Of so many images, the first
ones, an autoencoder is trained as `entropae fit` does, and then given one head after the other.
Fréchet distances of 10 000 samples from the test set are in the features of `rivals.py table`; the
distance to the nearest training code is relative to that of test codes: well below 1 means copies.
Settings are chosen on MNIST, and Fashion-MNIST is for report. Rows are added to earlier ones.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import entropae as ea
from entropae.prior import FlowMatching
from entropae.recipe import Recipe
from entropae.runs.making import begun_model
from entropae.runs.training import fit_by

from _machine import RESULTS, grouped, save, saved, table
from heads import distance_to, known, nearest
from rivals import TASKS

NAME = "head_length"
HEADS = [(128, 1500), (128, 4000), (256, 1500), (256, 4000)]  # width and steps
COLUMNS = {
    "head": "N(0, I), head",
    "perfect": "training codes decoded",
    "nearest": "distance to training codes",
    "likelihood": "log-likelihood of test codes",
    "seconds": "CPU seconds, head",
    "training": "CPU seconds, autoencoder",
}


def trained(task: str, data: Path, images: int, seed: int) -> tuple[ea.Autoencoder, Any, float]:
    """An autoencoder, what it learnt from, and how long that took."""
    samples = known(data / TASKS[task].train)
    samples = samples.subset(np.arange(min(images, len(samples))))
    settings = Recipe(str(data / TASKS[task].train), seed=seed)
    halves = samples.split(settings.validation, seed=seed)
    began = time.process_time()
    settings, model, _ = begun_model(settings, samples, *halves, say=False)
    fit_by(settings, model, samples, progress=False)
    return model, halves[0], time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["mnist", "fashion_mnist"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[12_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    test = known(asked.data / TASKS[asked.task].test).first(10_000)
    distance = distance_to(test, TASKS[asked.task].features)
    for seed in asked.seeds:
        for images in asked.images:
            model, train, training = trained(asked.task, asked.data, images, seed)
            perfect = distance(model.reconstruct(train.some(len(test))))
            for hidden, steps in HEADS:
                head = FlowMatching(model.latent.dim, hidden=hidden, steps=steps)
                began = time.process_time()
                model.fit_head(train, head, seed=seed)
                seconds = time.process_time() - began
                row = {"set": asked.task, "images": images, "width": hidden, "steps": steps}
                row |= {"seed": seed, "perfect": perfect, "seconds": seconds, "training": training}
                row["head"] = distance(model.draw(len(test), seed=seed))
                row["nearest"] = nearest(model, train, test, seed)
                model.attach(None)
                z = model.encode(test[:2000])
                row["likelihood"] = float(head.log_prob(z).mean())
                rows = saved(NAME)
                rows[f"{asked.task}, {images}, {hidden}, {steps}, seed {seed}"] = row
                save(NAME, rows)
                groups = grouped(rows.values(), "set", "images", "width", "steps")
                shown = table(groups, COLUMNS, "data", "images", "width", "steps")
                (RESULTS / f"{NAME}.md").write_text(shown)
                print(row, flush=True)


if __name__ == "__main__":
    main()
