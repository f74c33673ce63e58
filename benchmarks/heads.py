"""A head on the codes of several latents: samples of N(0, I) with and without it, and paths.

    python benchmarks/heads.py DATA --name mnist --seeds 1

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST. Each latent is trained for 5
epochs with the networks of `rivals.py`, and gets the head that `entropae fit` would give it.
Distances are Fréchet distances in the features of the benchmarks' classifier, 10 000 images against
the test set. Autoencoders and figures are kept in `runs/heads/`, where a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

import entropae as ea
from entropae.drawing.pictures import save_panels
from entropae.kinds import Samples, read
from entropae.metrics import frechet_distance
from entropae.model.paths import spherical
from entropae.neighbors import kth_distance
from entropae.prior import FlowMatching
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import new_model

from _machine import RESULTS, save
from classifier import features

DIM, EPOCHS = 16, 5
LATENTS: dict[str, dict[str, Any]] = {
    "AE + BN": {"name": "plain", "standardize": True},
    "sphere": {"name": "spherical"},
    "EAE λ = 0.1": {"name": "entropic", "weight": 0.1},
    "EAE λ = 0.3": {"name": "entropic", "weight": 0.3},
    "EAE λ = 1": {"name": "entropic", "weight": 1.0},
}
COLUMNS = {
    "error": "squared error",
    "normal": "N(0, I)",
    "mixture": "mixture",
    "head": "N(0, I), head",
    "perfect": "training codes decoded",
    "nearest": "distance to training codes",
    "middle": "midpoints",
    "middle_head": "midpoints, head",
    "log_normal": "log-likelihood N(0, I)",
    "log_mixture": "log-likelihood mixture",
    "log_head": "log-likelihood head",
    "seconds": "seconds, autoencoder",
    "seconds_head": "seconds, head",
    "round_trip": "round trip",
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


def measured(
    model: ea.Autoencoder, train: Samples, test: Tensor, name: str, seed: int, steps: int | None
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Figures of a model without its head and with it, and pictures."""
    seen = features(name, test).double().numpy()
    n = len(test)

    def distance(images: Float[Tensor, "n 1 28 28"]) -> float:
        return frechet_distance(features(name, images).double().numpy(), seen)

    def middle() -> Tensor:
        u = model.encode(test)
        half = len(u) // 2
        return model.decode(spherical(u[:half], u[half:], torch.tensor(0.5)))

    some = train.some(n)
    error = (model.reconstruct(test) - test).square().flatten(1).sum(1).mean()
    found = {"error": float(error), "perfect": distance(model.reconstruct(some))}
    choice = model.choose_prior(train, test, ("mixture",), seed=seed)
    for prior in ("normal", "mixture"):
        found[prior] = distance(model.draw(n, seed=seed, prior=prior))
        found[f"log_{prior}"] = choice.likelihoods[prior].nats
    pictures = {"without a head": model.draw(64, seed=seed + 1, prior="normal")}
    found["middle"] = distance(middle())
    head = FlowMatching.sized(DIM, len(train), EPOCHS * math.ceil(len(train) / 256))
    head.steps = steps or head.steps
    began = time.perf_counter()
    model.fit_head(train, head, seed=seed)
    found["seconds_head"] = time.perf_counter() - began
    found["head"] = distance(model.draw(n, seed=seed))
    found["log_head"] = model.choose_prior(train, test, (), seed=seed).likelihoods["normal"].nats
    found["middle_head"] = distance(middle())
    z, codes = model.encode(test[:2000], head=False), model.encode(train, head=False)
    drawn = model.draw_codes(2000, model.priors["normal"], torch.Generator().manual_seed(seed))
    usual = kth_distance(z, codes).median()
    found["nearest"] = float(kth_distance(drawn, codes).median() / usual)
    with torch.no_grad():
        error = head.from_normal(head.to_normal(z)) - z
    found["round_trip"] = float(torch.linalg.vector_norm(error, dim=1).max())
    found["steps"], found["parts"] = head.steps, head.parts or 0
    pictures["through a head"] = model.draw(64, seed=seed + 1)
    return found, pictures


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """A row a latent: means over seeds, with standard deviations where there are several."""
    lines = [f"| latent | {' | '.join(COLUMNS.values())} |", "|-" * (len(COLUMNS) + 1) + "|"]
    for name, runs in results.items():
        cells = []
        for key in COLUMNS:
            values = [run[key] for run in runs]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4g}{spread}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", default="mnist")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--latents", nargs="*", default=list(LATENTS))
    parser.add_argument("--steps", type=int, help="Of the head; by default as `fit` chooses.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    samples = read(asked.data / "train-images-idx3-ubyte.gz")
    test = read(asked.data / "t10k-images-idx3-ubyte.gz").first(10_000)
    results: dict[str, list[dict[str, float]]] = {}
    sheets: dict[str, Tensor] = {}
    for seed in range(asked.seeds):
        for name in asked.latents:
            folder = Path("runs/heads") / asked.name / name.replace(" ", "") / f"seed-{seed}"
            model = trained(samples, LATENTS[name], seed, folder)
            kept = folder / f"figures-{asked.steps or 'default'}.json"
            train, _ = samples.split(0.1, seed=seed)
            if not kept.is_file():
                found, pictures = measured(model, train, test, asked.name, seed, asked.steps)
                found["seconds"] = float((folder / "seconds").read_text())
                save_file(pictures, kept.with_suffix(".safetensors"))
                kept.write_text(json.dumps(found))
            found = json.loads(kept.read_text())
            results.setdefault(name, []).append(found)
            if seed == 0:
                for title, images in load_file(kept.with_suffix(".safetensors")).items():
                    sheets[f"{name}, {title}"] = images
            print(name, seed, {key: round(value, 4) for key, value in found.items()}, flush=True)
    result = f"heads_{asked.name}" + (f"_{asked.steps}" if asked.steps else "")
    save_panels(sheets, RESULTS / f"{result}.png")
    text = table(results)
    print(text)
    (RESULTS / f"{result}.md").write_text(text)
    save(result, results, dim=DIM, epochs=EPOCHS, latents=LATENTS, steps=asked.steps)


if __name__ == "__main__":
    main()
