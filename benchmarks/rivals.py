"""EAE and its rivals: the search for each method's weights, and the table of all of them.

    python benchmarks/rivals.py search mnist DATA    # MNIST, on held-out training images
    python benchmarks/rivals.py table mnist DATA     # on the test images, three seeds
    python benchmarks/rivals.py table mnist DATA --features efficientnet-lite0:64 --number 2000

DATA is a folder with the data set: the four IDX files of MNIST or Fashion-MNIST, or the folders
`train` and `test` of CIFAR-10 (JPEG). Every method gets the same networks, data order, steps and
learning rate. What the search chose is in `recipes/`, and serves all data sets. Runs go to `runs/`,
where a stopped one goes on; `--processes 2` trains two at a time. Results are written beside this
file.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from entropae.cli import read_recipe_file
from entropae.features import title
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import Run, compare, markdown

from _machine import RESULTS, save


class Task(NamedTuple):
    """A data set, what its images are seen through, and what two cores can train on it."""

    train: str
    test: str
    features: str
    dim: int
    epochs: int
    number: int
    model: dict[str, Any] = {"network": "mlp", "start": "random"}  # noqa: RUF012 -- never changed


TASKS = {
    "mnist": Task(
        "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz", "classifier:mnist", 16, 5, 10000
    ),
    "fashion_mnist": Task(
        "train-images-idx3-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "classifier:fashion_mnist",
        16,
        5,
        10000,
    ),
    # From a random start perceptrons stay twice as far from photographs as principal components.
    "cifar10_jpeg": Task(
        "train", "test", "efficientnet-lite0:64", 64, 5, 2000, {"network": "mlp", "start": "pca"}
    ),
}

RECIPES = Path(__file__).parent.parent / "recipes"
Settings = dict[str, Any]
# Three settings for each method that has a weight, from weak to strong, or four.
SEARCH: dict[str, list[Settings]] = {
    "ae": [{"name": "plain"}],
    "ae-bn": [{"name": "plain", "standardize": True}],
    "vae": [{"name": "variational", "weight": w} for w in (0.01, 0.03, 0.1, 0.3)],
    "bn-vae": [{"name": "variational", "batch_norm": 0.8, "weight": w} for w in (0.03, 0.1, 0.3)],
    "balanced": [{"name": "balanced", "least": t} for t in (0.5, 0.8, 0.95)],
    "wae": [{"name": "matching", "distance": "mmd", "weight": w} for w in (1.0, 3.0, 10.0)],
    "cramer-wold": [
        {"name": "matching", "distance": "cramer_wold", "weight": w} for w in (10.0, 30.0, 100.0)
    ],
    "sigreg": [
        {"name": "matching", "distance": "sigreg", "standardize": True, "weight": w}
        for w in (0.03, 0.1, 0.3)
    ],
    "rae-l2": [
        {"name": "regularized", "decoder": "l2", "decoder_weight": w} for w in (1e-6, 1e-5, 1e-4)
    ],
    "rae-gp": [
        {"name": "regularized", "decoder": "gradient", "decoder_weight": w}
        for w in (1e-6, 1e-5, 1e-4)
    ],
    "rae-sn": [
        {"name": "regularized", "decoder": "spectral", "weight": w} for w in (1e-4, 1e-3, 1e-2)
    ],
    "spherical": [{"name": "spherical"}],
    "eae": [{"name": "entropic", "weight": w} for w in (1.0, 1.5, 2.0)],
    "eae-published": [
        {"name": "entropic", "correction": "none", "bank": 0, "weight": w} for w in (1.0, 1.5, 2.0)
    ],
}


def recipe(task: Task, data: Path, latent: Settings) -> Recipe:
    """Training on a data set with a latent; all else is alike."""
    return Recipe(
        data=str((data / task.train).absolute()),
        epochs=task.epochs,
        augment="none",
        keep="last",
        prior="normal",  # without a head, for which see `heads.py`
        model=ModelConfig(**task.model, latent=latent | {"dim": task.dim}),
    )


def label(method: str, latent: Settings) -> str:
    """The name of a setting's run."""
    last = list(latent.items())[-1]
    return method if len(SEARCH[method]) == 1 else f"{method} {last[0]}={last[1]:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["search", "table"])
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--methods", nargs="*", help="Only these; of others the table keeps the earlier rows."
    )
    parser.add_argument("--features", help="Other features, for a table of its own.")
    parser.add_argument("--number", type=int, help="Of test images and samples.")
    asked = parser.parse_args()
    task = TASKS[asked.task]
    name = f"{asked.what}_{asked.task}"
    out, result = Path("runs") / name, name
    if asked.features:
        task = task._replace(features=asked.features)
        result += f"_{asked.features.partition(':')[0]}"
    if asked.number:
        task = task._replace(number=asked.number)
    options: dict[str, Any] = {"features": task.features, "n": task.number}
    if asked.what == "search":
        options |= {"seeds": 1}
        latents = {
            label(method, latent): latent
            for method in asked.methods or SEARCH
            for latent in SEARCH[method]
        }
    else:
        options |= {"seeds": asked.seeds, "test": str(asked.data / task.test)}
        found = {path.stem.removesuffix("-mnist"): path for path in RECIPES.glob("*-mnist.yaml")}
        latents = {
            name: read_recipe_file(found[name]).model.latent
            for name in asked.methods or sorted(found)
        }
    recipes = {name: recipe(task, asked.data, latent) for name, latent in latents.items()}
    rows = compare(recipes, out, processes=asked.processes, **options)
    path = RESULTS / f"{result}.json"
    if asked.methods and path.is_file():
        before = json.loads(path.read_text())
        rows += [row for name, row in before["result"].items() if name not in latents]
        latents = before["about"]["settings"]["latents"] | latents
    else:
        shutil.copy(out / "samples.png", RESULTS / f"{name}.png")
    rows.sort(key=lambda row: row["recipe"])
    kind = Run.open(out / next(iter(recipes)) / "seed-0").kind
    text = markdown(rows, kind, title(task.features))
    print(text)
    settings = task._asdict() | options | {"test": task.test}
    save(result, {row["recipe"]: row for row in rows}, latents=latents, **settings)
    (RESULTS / f"{result}.md").write_text(text)


if __name__ == "__main__":
    main()
