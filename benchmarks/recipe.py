"""Does the default recipe cure what people report of EAEs made by hand? On MNIST, three seeds.

    python benchmarks/recipe.py DATA

AE, AE + BN and the EAE of the default recipe with the same network, data order, steps and learning
rate. On the 10 000 test images, which training never sees: reconstruction error, and the Fréchet
distance (MNIST classifier) of 10 000 samples of each prior. DATA has MNIST's four IDX files.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from pathlib import Path

import torch

import entropae as ea
from entropae import data, pictures
from entropae.latent import Entropic, Latent, Plain
from entropae.networks import pair

from _machine import RESULTS, save
from classifier import features, read_images

DIM = 16
METHODS = {
    "AE": lambda: Plain(DIM),
    "AE + BN": lambda: Plain(DIM, standardize=True),
    "EAE (default)": lambda: Entropic(DIM),
    "EAE (as published)": lambda: Entropic(DIM, anchored=False),
    "EAE (as published, bank 4096)": lambda: Entropic(DIM, anchored=False, bank=4096),
}
PRIORS = ("normal", "full", "mixture")


def measure(
    latent: Latent, seed: int, samples: data.Samples, test: torch.Tensor, epochs: int | None
) -> dict:
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = ea.Autoencoder(*pair("mlp", samples.shape, latent.in_features, latent.dim), latent)
    ea.fit(model, samples, seed=seed, epochs=epochs)
    seconds = time.perf_counter() - began
    reference = features("mnist", test)
    again = model.reconstruct(test)
    row = {
        "squared_error": float((again - test).square().flatten(1).sum(1).mean()),
        "frechet_reconstructions": ea.frechet_distance(features("mnist", again), reference),
        "code": ea.normality(model.encode(test))._asdict(),
        "seconds": seconds,
    }
    for prior in PRIORS:
        model.fit_prior(samples, prior, seed=seed)
        drawn = model.sample(10_000, seed=seed)
        row[f"frechet_{prior}"] = ea.frechet_distance(features("mnist", drawn), reference)
        row[f"_{prior}"] = drawn[:64]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    samples = data.load(options.data / "train-images-idx3-ubyte.gz")
    test = read_images(options.data / "t10k-images-idx3-ubyte.gz")
    table: dict[str, list[dict]] = {}
    for seed in range(options.seeds):
        for name, make in METHODS.items():
            row = measure(make(), seed, samples, test, options.epochs)
            panels = {f"{name}, {prior}": row.pop(f"_{prior}") for prior in PRIORS}
            if seed == 0:
                slug = "-".join(re.findall(r"\w+", name.lower()))
                pictures.save_panels(panels, RESULTS / f"recipe-{slug}.png")
            table.setdefault(name, []).append(row)
            print(f"{name}, seed {seed}: " + brief(row), flush=True)
    print()
    base = statistics.mean(row["squared_error"] for row in table["AE"])
    print("| | error per image | against AE | rec. | " + " | ".join(PRIORS) + " | spread of ‖z‖ |")
    print("|-|-|-|-|" + "-|" * len(PRIORS) + "-|")
    for name, rows in table.items():
        error = statistics.mean(row["squared_error"] for row in rows)
        cells = [spread(rows, "squared_error", 2), f"{100 * (error / base - 1):+.1f} %"]
        cells += [spread(rows, "frechet_reconstructions", 1)]
        cells += [spread(rows, f"frechet_{prior}", 1) for prior in PRIORS]
        norms = [row["code"]["norm_spread"] for row in rows]
        cells += [f"{statistics.mean(norms):.2f} of {rows[0]['code']['norm_spread_normal']:.2f}"]
        print(f"| {name} | " + " | ".join(cells) + " |")
    save("recipe_mnist", table, seeds=options.seeds, dim=DIM, network="mlp", epochs=options.epochs)


def brief(row: dict) -> str:
    return ", ".join(f"{key} {value:.2f}" for key, value in row.items() if isinstance(value, float))


def spread(rows: list[dict], key: str, digits: int) -> str:
    values = [row[key] for row in rows]
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
