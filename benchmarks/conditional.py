"""Samples of each class, judged by a classifier that has seen nothing of what they were made from.

    python benchmarks/conditional.py mnist DATA

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST. The autoencoder is one of
`heads.py`; its head is fitted with the labels. The judge is a support vector
machine that learns from half of the *test* images; the other half tells how good it is. Fréchet
distances are between as many samples and test images of a class, in the features of the benchmarks'
classifier.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from sklearn.svm import SVC
from torch import Tensor

from entropae.drawing.pictures import save_sheet
from entropae.kinds import read
from entropae.kinds.labels import names, with_labels
from entropae.metrics import frechet_distance
from entropae.prior import FlowMatching

from _machine import RESULTS, save
from classifier import features
from heads import BATCH, trained
from rivals import TASKS

SHOWN = 10  # samples of each class in the picture


def judge(images: Tensor, labels: list[str]) -> Any:
    """A support vector machine, which has nothing in common with the networks."""
    return SVC(C=10, gamma="scale").fit(images.flatten(1).numpy(), labels)


def per_class(
    drawn: dict[str, Float[Tensor, "n 1 28 28"]], real: dict[str, Tensor], machine: Any, task: str
) -> dict[str, dict[str, float]]:
    """Share that the judge takes for what was asked for, and the distance to test images."""
    found = {}
    for label, images in drawn.items():
        said = machine.predict(images.flatten(1).numpy())
        seen = (features(task, x).double().numpy() for x in (images, real[label]))
        found[label] = {
            "accuracy": float(np.mean(said == label)),
            "frechet": frechet_distance(*seen),
        }
    return found


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """A row a class, and their mean."""
    titles = [f"{source}, {figure}" for source in results for figure in ("accuracy", "Fréchet")]
    lines = [f"| class | {' | '.join(titles)} |", "|-" * (len(titles) + 1) + "|"]
    rows = {label: [results[s][label] for s in results] for label in next(iter(results.values()))}
    cells = {
        label: [value for one in row for value in (one["accuracy"], one["frechet"])]
        for label, row in rows.items()
    }
    cells["mean"] = list(np.mean(list(cells.values()), 0))
    for label, values in cells.items():
        lines.append(f"| {label} | {' | '.join(f'{value:.4g}' for value in values)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["mnist", "fashion_mnist"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--method", default="spherical")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    task, data = asked.task, asked.data
    model = trained(
        task, data, asked.method, 0, Path("runs/heads") / task / asked.method / "seed-0"
    )
    labels = str(data / "train-labels-idx1-ubyte.gz")
    train, _ = with_labels(read(data / TASKS[task].train), labels).split(0.1, seed=0)
    samples = with_labels(read(data / TASKS[task].test), str(data / "t10k-labels-idx1-ubyte.gz"))
    test, known = samples.first(10_000), names(samples.labels)
    half = len(test) // 2
    machine = judge(test[:half], known[:half])
    sure = float(np.mean(machine.predict(test[half:].flatten(1).numpy()) == known[half:]))
    print(f"The judge knows {sure:.4f} of the other half of the test images.", flush=True)
    real = {c: test[[i for i, k in enumerate(known) if k == c]] for c in sorted(set(known))}
    head = FlowMatching.sized(
        model.latent.dim, len(train), TASKS[task].epochs * math.ceil(len(train) / BATCH)
    )
    model.fit_head(train, head, labels=True)
    drawn = {c: model.draw(len(x), label=c, seed=0) for c, x in real.items()}
    results = {"samples": per_class(drawn, real, machine, task)}
    shown = [x[:SHOWN] for x in drawn.values()]
    again = {c: model.reconstruct(x) for c, x in real.items()}
    results["reconstructions"] = per_class(again, real, machine, task)
    text = (
        f"The judge knows {sure:.2%} of the test images that it has not seen.\n\n{table(results)}"
    )
    print(text)
    name = f"conditional_{task}"
    (RESULTS / f"{name}.md").write_text(text)
    save_sheet(torch.cat(shown), RESULTS / f"{name}.png", columns=SHOWN)
    save(name, results | {"judge": sure}, method=asked.method, steps=head.steps)


if __name__ == "__main__":
    main()
