"""What goes wrong in many dimensions: the picture of `docs/derivation.md`.

    python benchmarks/high_dimension.py

Bias per dimension of three estimators, k = 3, on normal and on Laplace laws, and the distance to
the nearest neighbour over the radius √d at which the points lie. Takes about two minutes of one
core. Writes `results/high_dimension.json` and `docs/high_dimension.png`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from _machine import save

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import entropae as ea
from entropae.neighbors import kth_distance

from laws import LAWS

DIMENSIONS = (1, 2, 4, 8, 16, 32, 64)
SIZES = {100: 40, 1_000: 10, 10_000: 3}  # points: samples
METHODS = {"kl": "-", "whitened": "--", "calibrated": ":"}


def measure(name: str, d: int, n: int) -> dict[str, Any]:
    law, rng = LAWS[name], np.random.default_rng([d, n])
    samples = [law.sample(rng, n, d) for _ in range(SIZES[n])]
    row: dict[str, Any] = {"law": name, "d": d, "n": n}
    for method in METHODS:
        found = [ea.knn_entropy(x, 3, method=method) for x in samples]
        row[method] = round((float(np.mean(found)) - law.entropy(d)) / d, 4)
    if name == "normal":
        nearest = [float(kth_distance(torch.from_numpy(x)).median()) for x in samples]
        row["nearest"] = round(float(np.mean(nearest)) / math.sqrt(d), 4)
    return row


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Two panels of bias and one of distances; colour is the number of points, line the method."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    *biases, distances = figure.subplots(1, 3)
    for axis, name in zip(biases, ("normal", "laplace"), strict=True):
        for color, n in enumerate(SIZES):
            for method, line in METHODS.items():
                values = [row[method] for row in rows if row["law"] == name and row["n"] == n]
                label = f"{method}, n = {n}" if name == "normal" else None
                axis.plot(DIMENSIONS, values, line, color=f"C{color}", label=label)
        axis.axhline(0, color="grey", linewidth=0.8)
        axis.set_title(f"{name.capitalize()} laws: bias per dimension, nats")
    for color, n in enumerate(SIZES):
        values = [row["nearest"] for row in rows if row["law"] == "normal" and row["n"] == n]
        distances.plot(DIMENSIONS, values, color=f"C{color}")
    distances.axhline(math.sqrt(2), color="grey", linewidth=0.8)
    distances.text(1, math.sqrt(2), "two points drawn at random", va="bottom", color="grey")
    distances.set_ylim(0, 1.6)
    distances.set_title("Normal laws: nearest neighbour over √d")
    for axis in (*biases, distances):
        axis.set_xscale("log", base=2)
        axis.set_xticks(DIMENSIONS, [str(d) for d in DIMENSIONS])
        axis.set_xlabel("dimensions d")
    figure.legend(loc="outside lower center", ncols=len(SIZES))
    figure.savefig(path, dpi=90)


def main() -> None:
    torch.set_num_threads(1)
    cases = [(name, d, n) for name in ("normal", "laplace") for d in DIMENSIONS for n in SIZES]
    rows = [measure(*case) for case in tqdm(cases)]
    save("high_dimension", rows, k=3, samples=SIZES)
    draw(rows, Path(__file__).parent.parent / "docs" / "high_dimension.png")


if __name__ == "__main__":
    main()
