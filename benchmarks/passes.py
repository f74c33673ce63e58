"""How many passes over few images: held-out errors of `entropae fit` after different numbers.

    OMP_NUM_THREADS=1 python benchmarks/passes.py DATA --sets mnist cifar --passes 40 75 150 300

DATA holds mnist, fashion_mnist and cifar10_jpeg: 1000 images of the first two, 3000 of the third,
as in `small_folders.py`. All else is as the command does it, but for the prior, which has no part
in the error. The default was chosen on MNIST and CIFAR-10 (JPEG); Fashion-MNIST is for report.
Rows are added to those that are there.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from entropae.recipe import Recipe
from entropae.runs import Run, make
from entropy_weight import SETS, add, sources

from _machine import mean

NAME = "passes"


def measured(path: Path, passes: int, seed: int) -> dict[str, Any]:
    """A run, made and measured."""
    with TemporaryDirectory() as folder:
        make(Recipe(data=str(path), seed=seed, epochs=passes, prior="full"), Path(folder) / "run")
        found = Run.open(Path(folder) / "run").metrics
    parts = {"train": "train", "held_out": "validation", "pca": "principal_components"}
    return {name: found[part]["mean_squared_error"] for name, part in parts.items()}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Means over seeds, and standard deviations."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows.values():
        groups.setdefault((row["set"], row["passes"]), []).append(row)
    titles = ["data", "passes", "seeds", "training", "held out", "principal components", "ratio"]
    lines = [f"| {' | '.join(titles)} |", "|-" * len(titles) + "|"]
    for (name, passes), some in sorted(groups.items()):
        train = np.mean([row["train"] for row in some])
        cells = [name, str(passes), str(len(some)), f"{train:.5f}"]
        cells += [mean([row[key] for row in some]) for key in ("held_out", "pca")]
        cells.append(mean([row["held_out"] / row["pca"] for row in some]))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--passes", type=int, nargs="+", default=[40, 75, 150, 300])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name, seed, source in sources(options):
        for passes in options.passes:
            row = measured(source.path, passes, seed)
            row |= {"set": name, "passes": passes, "seed": seed}
            add(NAME, f"{name}, {passes} passes, seed {seed}", row, table)


if __name__ == "__main__":
    main()
