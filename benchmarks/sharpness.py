"""Errors to train on, and what they do to sharpness, measured in features that none was trained on.

    OMP_NUM_THREADS=1 python benchmarks/sharpness.py DATA --epochs 40 --seeds 0 1 2

3000 images of CIFAR-10 (JPEG) as class folders, a code of 30 dimensions, images mirrored and
shifted, as the command chooses for them, samples from N(0, I); figures are of 1000 other images.
Beside squared and absolute error: the energy of the gradients of reconstructions and of samples,
as a share of that of the images (1 is as sharp, less is blurred), and kernel distances of both in
random convolutional features of three scales, which are no trained network, and so none that an
error was made of. `images` has what other images come to.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from entropae.metrics.kernel import kernel_distance
from entropae.model import ERRORS
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import Run, make
from small_folders import NUMBER, cifar

from _machine import RESULTS, save


def random_features(seed: int = 0) -> Callable[[Tensor], Tensor]:
    """Means and deviations of the channels of three random convolutions, one after another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Conv2d(a, b, 5, padding=2) for a, b in ((3, 64), (64, 64), (64, 64))]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)

    @torch.no_grad()
    def features(x: Tensor) -> Tensor:
        found = []
        h = 4 * (x - 0.5)
        for layer in layers:
            h = layer(h).relu()
            found += [h.mean((2, 3)), h.std((2, 3))]
            h = nn.functional.avg_pool2d(h, 2)
        return torch.cat(found, 1)

    return features


def energy(x: Tensor) -> float:
    """Mean squared difference of neighbouring pixels."""
    return float((x.diff(dim=2).square().mean() + x.diff(dim=3).square().mean()) / 2)


def measured(run: Run, others: Tensor, features: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Figures of a run on images that nobody trained on."""
    again = run.model.reconstruct(others).cpu()
    samples = run.sample(len(others), seed=0).cpu()
    reference = features(others)
    return {
        "squared": float((again - others).square().mean()),
        "l1": float((again - others).abs().mean()),
        "gradients": energy(again) / energy(others),
        "gradients_samples": energy(samples) / energy(others),
        "reconstructions": kernel_distance(features(again), reference, size=500).mean,
        "samples": kernel_distance(features(samples), reference, size=500).mean,
    }


def recipe(source: Path, error: str, epochs: int, seed: int) -> Recipe:
    """The same for all errors."""
    model: Any = {"error": error, "latent": {"name": "entropic", "dim": 30}}
    return Recipe(
        str(source),
        epochs=epochs,
        seed=seed,
        augment="flip-shift",
        prior="normal",
        model=ModelConfig(**model),
    )


def row(found: dict[str, Any], name: str) -> str:
    """A row as Markdown: means over the seeds."""
    runs = [one for key, one in found.items() if key.startswith(f"{name},")]
    cells = [sum(one[key] for one in runs) / len(runs) for key in runs[0]]
    return f"| {name} | {len(runs)} | " + " | ".join(f"{cell:.4g}" for cell in cells) + " |"


def main() -> None:
    """Train with each error and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--errors", nargs="+", default=list(ERRORS))
    options = parser.parse_args()
    features = random_features()
    found: dict[str, Any] = {}
    for seed in options.seeds:
        with TemporaryDirectory() as folder:
            source = cifar(options.data, Path(folder), seed)
            for name in options.errors:
                run, began = Path(folder) / name, time.process_time()
                make(recipe(source.path, name, options.epochs, seed), run)
                taken = time.process_time() - began
                found[f"{name}, seed {seed}"] = measured(Run.open(run), source.others, features) | {
                    "processor_seconds": taken
                }
                print(row(found, name), flush=True)
            train = Run.open(run).train.spread(NUMBER)
            found[f"images, seed {seed}"] = {
                "squared": 0.0,
                "l1": 0.0,
                "gradients": 1.0,
                "gradients_samples": energy(train) / energy(source.others),
                "reconstructions": 0.0,
                "samples": kernel_distance(features(train), features(source.others), size=500).mean,
                "processor_seconds": 0.0,
            }
        save("sharpness", found, epochs=options.epochs)
    head = (
        "| trained on | seeds | squared error | absolute error | gradients | gradients of samples "
    )
    head += "| kernel distance of reconstructions | of samples | processor seconds |"
    rows = [row(found, name) for name in [*options.errors, "images"]]
    (RESULTS / "sharpness.md").write_text("\n".join([head, "|-|-|-|-|-|-|-|-|-|", *rows]) + "\n")


if __name__ == "__main__":
    main()
