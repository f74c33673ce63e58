"""How many passes over few images: held-out errors of `entropae fit` after different numbers.

    OMP_NUM_THREADS=1 python benchmarks/passes.py DATA --sets mnist cifar --passes 40 75 150 300

DATA holds mnist, fashion_mnist and cifar10_jpeg: 1000 images of the first two, 3000 of the third,
as in `small_folders.py`. All else is as the command does it, but for the prior, which has no part
in the error. The default was chosen on MNIST and CIFAR-10 (JPEG); Fashion-MNIST is for report.
Rows are added to those that are there.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from entropae.recipe import Recipe
from entropae.runs import Run, make
from entropy_weight import SETS

from _machine import RESULTS, save

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
        cells = [name, str(passes), str(len(some))]
        cells += [f"{np.mean([row[key] for row in some]):.5f}" for key in ("train",)]
        for values in (
            [row["held_out"] for row in some],
            [row["pca"] for row in some],
            [row["held_out"] / row["pca"] for row in some],
        ):
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4g}{spread}")
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
    path = RESULTS / f"{NAME}.json"
    for name in options.sets:
        for seed in options.seeds:
            with TemporaryDirectory() as folder:
                source = SETS[name](options.data, Path(folder), seed)
                for passes in options.passes:
                    row = measured(source.path, passes, seed)
                    row |= {"set": name, "passes": passes, "seed": seed}
                    rows = json.loads(path.read_text())["result"] if path.is_file() else {}
                    rows[f"{name}, {passes} passes, seed {seed}"] = row
                    save(NAME, rows)
                    (RESULTS / f"{NAME}.md").write_text(table(rows))
                    print(row, flush=True)


if __name__ == "__main__":
    main()
