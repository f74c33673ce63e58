"""A head on the codes of every method: samples of N(0, I) with and without it, and paths.

    python benchmarks/heads.py mnist DATA --seeds 1

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST. Each method is trained as in
`rivals.py table`, and gets the head that `entropae fit` would give it. The same map as a prior
draws the same codes (`tests/test_flow_matching.py`), so that a column *flow matching* would have
these figures too. Distances are Fréchet distances in the features of the benchmarks' classifier,
10 000 images against the test set; of points on paths, 5000. Times are CPU
seconds of one core. Autoencoders and figures are kept in `runs/heads/`, where a stopped run goes
on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

import entropae as ea
from entropae.cli import read_recipe_file
from entropae.drawing.pictures import save_panels
from entropae.kinds import Samples, read
from entropae.metrics import frechet_distance
from entropae.model.paths import spherical
from entropae.neighbors import kth_distance
from entropae.prior import BARE, FlowMatching
from entropae.runs import new_model
from entropae.runs.making import fit_by

from _machine import RESULTS, save
from classifier import features
from rivals import RECIPES, TASKS, recipe

BATCH = 256
# The published EAE and its rivals with the weights that the search chose, and less entropy.
LATENTS: dict[str, dict[str, Any]] = {
    path.stem.removesuffix("-mnist"): read_recipe_file(path).model.latent
    for path in sorted(RECIPES.glob("*-mnist.yaml"))
}
LATENTS |= {f"eae λ={weight}": LATENTS["eae"] | {"weight": weight} for weight in (0.1, 0.3)}
COLUMNS = {
    "error": "squared error",
    "normal": "N(0, I)",
    "head": "N(0, I), head",
    "perfect": "training codes decoded",
    "nearest": "distance to training codes",
    "middle": "midpoints",
    "middle_head": "midpoints, head",
    "quarter": "quarter points",
    "quarter_head": "quarter points, head",
    "log_normal": "log-likelihood N(0, I)",
    "log_head": "log-likelihood head",
    "seconds": "CPU seconds, autoencoder",
    "seconds_head": "CPU seconds, head",
    "encode": "CPU seconds, 10 000 codes",
    "encode_head": "CPU seconds, 10 000 codes, head",
    "round_trip": "round trip",
}
# Pairs of images and points between them that the picture of paths shows, and samples.
PAIRS, POINTS, SHOWN = 4, 9, 64


def trained(task: str, data: Path, name: str, seed: int, folder: Path) -> ea.Autoencoder:
    """An autoencoder as `rivals.py` trains it, from its folder if it is there."""
    if (folder / "model.json").is_file():
        return ea.load(folder)
    settings = replace(recipe(TASKS[task], data, LATENTS[name]), seed=seed)
    samples = read(Path(settings.data))
    model = new_model(settings, samples)
    began = time.process_time()
    fit_by(settings, model, samples, progress=False)
    model.save(folder)
    (folder / "seconds").write_text(f"{time.process_time() - began:.1f}")
    return model


def measured(
    model: ea.Autoencoder,
    train: Samples,
    test: Tensor,
    task: str,
    seed: int,
    steps: int | None,
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Figures of a model without its head and with it, and pictures."""
    seen, n = features(task, test).double().numpy(), len(test)

    def distance(images: Float[Tensor, "n 1 28 28"]) -> float:
        return frechet_distance(features(task, images).double().numpy(), seen)

    def between(end: str) -> dict[str, float]:
        began = time.process_time()
        a, b = model.encode(test).chunk(2)
        found = {f"encode{end}": time.process_time() - began}
        for name, t in (("middle", 0.5), ("quarter", 0.25)):
            found[name + end] = distance(model.decode(spherical(a, b, torch.tensor(t))))
        return found

    error = (model.reconstruct(test) - test).square().flatten(1).sum(1).mean()
    found = {"error": float(error), "perfect": distance(model.reconstruct(train.some(n)))}
    found["normal"] = distance(model.draw(n, seed=seed))
    found |= between("")
    pictures = {"paths": paths(model, test)}
    usual = TASKS[task].epochs * math.ceil(len(train) / BATCH)
    head = FlowMatching.sized(model.latent.dim, len(train), usual)
    head.steps = steps or head.steps
    began = time.process_time()
    model.fit_head(train, head, seed=seed)
    found["seconds_head"] = time.process_time() - began
    found["head"] = distance(model.draw(n, seed=seed))
    likelihoods = model.choose_prior(train, test, (), seed=seed).likelihoods
    found["log_head"], found["log_normal"] = (likelihoods[name].nats for name in ("normal", BARE))
    found |= between("_head")
    z, codes = model.encode(test[:2000], head=False), model.encode(train, head=False)
    drawn = model.draw_codes(2000, model.priors["normal"], torch.Generator().manual_seed(seed))
    usual = kth_distance(z, codes).median()
    found["nearest"] = float(kth_distance(drawn, codes).median() / usual)
    with torch.no_grad():
        error = head.from_normal(head.to_normal(z)) - z
    found["round_trip"] = float(torch.linalg.vector_norm(error, dim=1).max() / z.std())
    found["steps"], found["parts"] = head.steps, head.parts or 0
    pictures |= {"samples": model.draw(SHOWN, seed=seed + 1), "paths, head": paths(model, test)}
    return found, pictures


def paths(model: ea.Autoencoder, test: Tensor) -> Tensor:
    """Arcs between test images, row by row."""
    ends = test[:PAIRS], test[PAIRS : 2 * PAIRS]
    return model.interpolate(*ends, steps=POINTS, path="spherical").flatten(0, 1)


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """A row a method: means over seeds, with standard deviations where there are several."""
    lines = [
        f"| method (seeds) | {' | '.join(COLUMNS.values())} |",
        "|-" * (len(COLUMNS) + 1) + "|",
    ]
    for name, runs in results.items():
        cells = []
        for key in COLUMNS:
            values = [run[key] for run in runs]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4g}{spread}")
        lines.append(f"| {name} ({len(runs)}) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["mnist", "fashion_mnist"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="*", default=list(LATENTS))
    parser.add_argument("--steps", type=int, help="Of the head; by default as `fit` chooses.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    task, ending = asked.task, "" if asked.steps is None else f"_{asked.steps}"
    samples = read(asked.data / TASKS[task].train)
    test = read(asked.data / TASKS[task].test).first(10_000)
    results: dict[str, list[dict[str, float]]] = {}
    shown: dict[str, dict[str, Tensor]] = {"samples": {}, "paths": {}}
    for seed in range(asked.seeds):
        for name in asked.methods:
            folder = Path("runs/heads") / task / name / f"seed-{seed}"
            model = trained(task, asked.data, name, seed, folder)
            kept = folder / f"figures{ending}.json"
            if not kept.is_file():
                train, _ = samples.split(0.1, seed=seed)
                found, pictures = measured(model, train, test, task, seed, asked.steps)
                model.save(folder / f"head{ending}")
                found["seconds"] = float((folder / "seconds").read_text())
                save_file(pictures, kept.with_suffix(".safetensors"))
                kept.write_text(json.dumps(found))
            found = json.loads(kept.read_text())
            results.setdefault(name, []).append(found)
            if seed == 0:
                pictures = load_file(kept.with_suffix(".safetensors"))
                shown["samples"][name] = pictures["samples"]
                both = [pictures["paths"], pictures["paths, head"]]
                shown["paths"][f"{name}: without and with"] = torch.cat(both)
            print(name, seed, {key: round(value, 4) for key, value in found.items()}, flush=True)
            write(f"heads_{task}{ending}", results, shown)
    print(table(results))


def write(result: str, results: dict[str, Any], shown: dict[str, dict[str, Tensor]]) -> None:
    """Tables and pictures of what has been measured so far."""
    save_panels(shown["samples"], RESULTS / f"{result}.png")
    save_panels(shown["paths"], RESULTS / f"{result}_paths.png", columns=POINTS)
    (RESULTS / f"{result}.md").write_text(table(results))
    save(result, results, latents={name: LATENTS[name] for name in results})


if __name__ == "__main__":
    main()
