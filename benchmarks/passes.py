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

import torch

from entropae.recipe import Recipe
from entropae.runs import Run, make
from entropy_weight import SETS, add, sources

from _machine import grouped, table

NAME = "passes"
COLUMNS = {
    "train": "training",
    "held_out": "held out",
    "pca": "principal components",
    "ratio": "ratio",
}


def measured(path: Path, passes: int, seed: int) -> dict[str, Any]:
    """A run, made and measured."""
    with TemporaryDirectory() as folder:
        make(Recipe(data=str(path), seed=seed, epochs=passes, prior="full"), Path(folder) / "run")
        found = Run.open(Path(folder) / "run").metrics
    parts = {"train": "train", "held_out": "validation", "pca": "principal_components"}
    return {name: found[part]["mean_squared_error"] for name, part in parts.items()}


def shown(rows: dict[str, dict[str, Any]]) -> str:
    """A line for each set and number of passes."""
    found = [row | {"ratio": row["held_out"] / row["pca"]} for row in rows.values()]
    return table(grouped(found, "set", "passes"), COLUMNS, "data", "passes")


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
            add(NAME, f"{name}, {passes} passes, seed {seed}", row, shown)


if __name__ == "__main__":
    main()
