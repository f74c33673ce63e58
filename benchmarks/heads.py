"""A head on the codes of several latents: samples of N(0, I) with and without, and paths.

    python benchmarks/heads.py DATA --name mnist     # MNIST or Fashion-MNIST, 5 epochs each

DATA is a folder with the data set's four IDX files. Trained autoencoders are kept in `runs/heads/`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

import entropae as ea
from entropae.kinds import Samples, read
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import new_model

from _machine import RESULTS, save

DIM, EPOCHS = 16, 5
LATENTS: dict[str, dict[str, Any]] = {
    "AE + BN": {"name": "plain", "standardize": True},
    "sphere": {"name": "spherical"},
    "EAE λ = 0.1": {"name": "entropic", "weight": 0.1},
    "EAE λ = 0.3": {"name": "entropic", "weight": 0.3},
    "EAE λ = 1": {"name": "entropic", "weight": 1.0},
}


def trained(samples: Samples, latent: dict[str, Any], seed: int, folder: Path) -> ea.Autoencoder:
    """An autoencoder as `entropae fit` trains it, from its folder if it is there."""
    if (folder / "model.json").is_file():
        return ea.load(folder)
    config = ModelConfig(network="mlp", latent=latent | {"dim": DIM})
    model = new_model(Recipe(seed=seed, model=config), samples)
    began = time.perf_counter()
    ea.fit(model, samples, epochs=EPOCHS, seed=seed, progress=False)
    model.save(folder)
    (folder / "seconds").write_text(f"{time.perf_counter() - began:.1f}")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", default="mnist")
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    samples = read(asked.data / "train-images-idx3-ubyte.gz")
    for seed in range(asked.seeds):
        for name, latent in LATENTS.items():
            folder = Path("runs/heads") / asked.name / name.replace(" ", "") / f"seed-{seed}"
            trained(samples, latent, seed, folder)
            print(folder, flush=True)


if __name__ == "__main__":
    main()
