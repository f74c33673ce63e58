"""Where formula (1) fails as written, and what repairs it: a grid of short trainings on MNIST.

    python benchmarks/ablation.py DATA [--processes 2]

Weight × correction × bank × batch × dimensions of the code, with a small network and equally many
samples seen, one seed. Of each: the reconstruction error, the spread of ‖z‖ over that of N(0, I) on
held-out images (1 is right, 0 a sphere), and the Fréchet distance of N(0, I) samples in the
features of the MNIST classifier. Writes results/ablation.json and results/ablation.png.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from tqdm import tqdm

import entropae as ea
from entropae.kinds import read
from entropae.latent import Entropic, Plain
from entropae.latent.entropic import Correction
from entropae.nn import pair

from _machine import RESULTS, save
from classifier import features, read_images

DIMS = (8, 16, 32, 64)
BATCHES = (64, 512)
WEIGHTS = (0.0, 1.0, 2.0)
SEEN = 12_000  # images, of which a tenth is held out
EPOCHS = 8

VARIANTS: dict[tuple[Correction, int], str] = {
    ("none", 0): "as published",
    ("none", 4096): "bank 4096",
    ("potential", 0): "potential",
    ("potential", 4096): "potential, bank 4096 (default)",
    ("anchors", 4096): "anchors, bank 4096",
}

Case = tuple[int, int, Correction, int, float]  # dim, batch, correction, bank, weight


def cases() -> list[Case]:
    """The grid. Without entropy there is nothing to correct, and no bank."""
    grid = product(DIMS, BATCHES, VARIANTS, WEIGHTS)
    return list(dict.fromkeys(_case(*point) for point in grid))


def _case(dim: int, batch: int, variant: tuple[Correction, int], weight: float) -> Case:
    return (dim, batch, *(variant if weight else ("none", 0)), weight)


def measure(case: Case, path: Path) -> dict[str, Any]:
    """Train and measure one case."""
    dim, batch, correction, bank, weight = case
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples = read(path / "train-images-idx3-ubyte.gz")
    x = samples.first(SEEN)
    latent = (
        Entropic(dim, weight, correction=correction, bank=bank)
        if weight
        else Plain(dim, standardize=True)
    )
    model = ea.Autoencoder(*pair("mlp", samples.shape, dim, dim, hidden=(256,)), latent)
    ea.fit(model, x, epochs=EPOCHS, batch_size=batch, progress=False)
    test = read_images(path / "t10k-images-idx3-ubyte.gz")[:5000]
    again = model.reconstruct(test)
    code = ea.normality(model.encode(test))
    drawn = features("mnist", model.sample(5000, seed=0))
    return {
        "squared_error": float((again - test).square().flatten(1).sum(1).mean()),
        "spread": code.norm_spread / code.norm_spread_normal,
        "frechet": ea.frechet_distance(drawn, features("mnist", test)),
    }


def draw(table: dict[Case, dict[str, Any]], path: Path) -> None:
    """Rows: what is measured. Columns: dimensions. A line a variant and batch, over the weight."""
    rows = {
        "frechet": "Fréchet distance\nof N(0, I) samples",
        "spread": "spread of ‖z‖\nover that of N(0, I)",
        "squared_error": "squared error\nper image",
    }
    figure = Figure(figsize=(15, 10), layout="constrained")
    axes = figure.subplots(len(rows), len(DIMS), sharex=True)
    styles = dict(zip(BATCHES, ("--", "-"), strict=True))
    for (row, (key, label)), (column, dim) in product(enumerate(rows.items()), enumerate(DIMS)):
        axis = axes[row][column]
        for color, (variant, name) in enumerate(VARIANTS.items()):
            for batch in BATCHES:
                found = [table[_case(dim, batch, variant, w)][key] for w in WEIGHTS]
                axis.plot(
                    WEIGHTS,
                    found,
                    styles[batch],
                    color=f"C{color}",
                    marker=".",
                    label=f"{name}, batch {batch}",
                )
        if key == "spread":
            axis.axhline(1, color="grey", linewidth=0.8)
        if row == 0:
            axis.set_title(f"{dim} dimensions")
        if column == 0:
            axis.set_ylabel(label)
        if row == len(rows) - 1:
            axis.set_xlabel("weight λ (0: batch normalisation alone)")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(VARIANTS))
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    grid = cases()
    table: dict[Case, dict[str, Any]] = {}
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        futures = {case: pool.submit(measure, case, options.data) for case in grid}
        for case in tqdm(grid, unit="run"):
            table[case] = futures[case].result()
    names = ("dim", "batch", "correction", "bank", "weight")
    rows = [dict(zip(names, case, strict=True)) | row for case, row in table.items()]
    save("ablation", rows, seen=SEEN, epochs=EPOCHS, hidden=[256])
    draw(table, RESULTS / "ablation.png")


if __name__ == "__main__":
    main()
