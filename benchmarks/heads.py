"""A head on the codes of every method: samples of N(0, I) with and without it, and paths.

    python benchmarks/heads.py mnist DATA --seeds 0 1 2
    python benchmarks/heads.py mnist DATA --epochs 25 --flow 384 4 12000 --processes 7

DATA is a folder with the four IDX files of MNIST or Fashion-MNIST, or with the folders `train` and
`test` of CIFAR-10 (JPEG). Each method is trained as in `rivals.py table`, but on photographs with
the networks that `entropae fit` takes, which start at principal components; and gets the head that
`entropae fit` would give it, or one of `--flow`: its width, blocks and steps. The same map as a
prior draws the same codes (`tests/test_flow_matching.py`), so that a column *flow matching* would
have these figures too. Distances are Fréchet distances in the features of the table, 10 000 images
against the test set; of points on paths, 5000. Times are seconds of the processor, also where a
graphics card did the work. Autoencoders and figures are kept in `runs/heads/`, where a stopped run
goes on. Results are added to those that are there, method by method and seed by seed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Shaped
from safetensors.torch import load_file, save_file
from torch import Tensor

import entropae as ea
from entropae.cli import read_recipe_file
from entropae.drawing.pictures import save_panels
from entropae.features import extract, find
from entropae.kinds import Samples, read
from entropae.metrics import frechet_distance
from entropae.model.paths import spherical
from entropae.neighbors import kth_distance
from entropae.prior import BARE, FlowMatching
from entropae.runs.making import begun_model
from entropae.runs.training import fit_by

from _machine import RESULTS, processor, save, saved, table
from rivals import RECIPES, TASKS, recipe

W = TypeVar("W")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 256
# The published EAE and its rivals with the weights that the search chose, and less entropy.
LATENTS: dict[str, dict[str, Any]] = {
    path.stem.removesuffix("-mnist"): read_recipe_file(path).model.latent
    for path in sorted(RECIPES.glob("*-mnist.yaml"))
}
LATENTS |= {f"eae λ={weight}": LATENTS["eae"] | {"weight": weight} for weight in (0.1, 0.3)}
COLUMNS = {
    "error": "squared error",
    "mean_error": "of a pixel",
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


class Work(NamedTuple):
    """One autoencoder to be trained, given a head and measured."""

    task: str
    data: Path
    name: str
    seed: int
    epochs: int
    flow: tuple[int, int, int] | None
    start: str | None = None
    rate: float | None = None

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        passes = "" if self.epochs == TASKS[self.task].epochs else f"-epochs-{self.epochs}"
        begun = f"-start-{self.start}" if self.start else ""
        begun += f"-rate-{self.rate:g}" if self.rate else ""
        return Path("runs/heads") / self.task / self.name / f"seed-{self.seed}{passes}{begun}"

    @property
    def figures(self) -> Path:
        """Where what was measured with this head is kept; pictures beside it."""
        return self.folder / f"figures{ending(self.flow)}.json"


def ending(flow: tuple[int, int, int] | None) -> str:
    return "" if flow is None else "_flow-" + "-".join(map(str, flow))


def trained(
    task: str,
    data: Path,
    name: str,
    seed: int,
    folder: Path,
    epochs: int | None = None,
    start: Any = None,
    rate: float | None = None,
) -> ea.Autoencoder:
    """An autoencoder as `rivals.py` trains it, from its folder if it is there.

    Photographs get the networks that `fit` takes for them, from their start or another.
    """
    if (folder / "model.json").is_file():
        return ea.load(folder)
    settings = replace(recipe(TASKS[task], data, LATENTS[name]), seed=seed)
    settings = replace(settings, epochs=epochs or settings.epochs, learning_rate=rate)
    if settings.model.start == "pca":
        model_settings = replace(settings.model, network="auto", start=start or "pca")
        settings = replace(settings, model=model_settings)
    samples = known(Path(settings.data))
    began = time.process_time()
    halves = samples.split(settings.validation, seed=seed)
    settings, model, _ = begun_model(settings, samples, *halves, say=False)
    fit_by(settings, model, samples, progress=False)
    model.save(folder)
    (folder / "seconds").write_text(f"{time.process_time() - began:.1f}")
    return model


@cache
def known(path: Path) -> Samples:
    return read(path)


def work_on(work: Work, end: float) -> Work:
    """Train and measure what is not yet, unless it is too late; its figures are in its folder."""
    torch.set_num_threads(1)
    if work.figures.is_file() or time.time() > end:
        return work
    model = trained(*work[:4], work.folder, work.epochs, *work[6:]).to(DEVICE)
    train, _ = known(work.data / TASKS[work.task].train).split(0.1, seed=work.seed)
    test = known(work.data / TASKS[work.task].test).first(10_000).to(DEVICE)
    found, pictures = measured(model, train, test, work)
    model.save(work.folder / f"head{ending(work.flow)}")
    found["seconds"] = float((work.folder / "seconds").read_text())
    if not work.seed:
        save_file(
            {name: x.cpu().contiguous() for name, x in pictures.items()},
            work.figures.with_suffix(".safetensors"),
        )
    work.figures.write_text(json.dumps(found))
    return work


def measured(
    model: ea.Autoencoder, train: Samples, test: Tensor, work: Work
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Figures of a model without its head and with it, and pictures."""
    n, seed = len(test), work.seed
    distance = distance_to(test, TASKS[work.task].features)

    def between(end: str) -> dict[str, float]:
        began = time.process_time()
        a, b = model.encode(test).chunk(2)
        found = {f"encode{end}": time.process_time() - began}
        for name, t in (("middle", 0.5), ("quarter", 0.25)):
            points = spherical(a, b, torch.tensor(t, device=a.device))
            found[name + end] = distance(model.decode(points))
        return found

    error = (model.reconstruct(test) - test).square()
    found: dict[str, Any] = {
        "error": float(error.flatten(1).sum(1).mean()),
        "mean_error": float(error.mean()),
    }
    found["perfect"] = distance(model.reconstruct(train.some(n)))
    found["normal"] = distance(model.draw(n, seed=seed))
    found |= between("")
    pictures = {"paths": paths(model, test)}
    usual = work.epochs * math.ceil(len(train) / BATCH)
    head = FlowMatching.sized(model.latent.dim, len(train), usual)
    if work.flow is not None:
        hidden, blocks, steps = work.flow
        head = FlowMatching(model.latent.dim, hidden=hidden, blocks=blocks, steps=steps)
    began = time.process_time()
    model.fit_head(train, head, seed=seed)
    found["seconds_head"] = time.process_time() - began
    found["head"] = distance(model.draw(n, seed=seed))
    likelihoods = model.choose_prior(train, test, (), seed=seed).likelihoods
    found["log_head"], found["log_normal"] = (likelihoods[name].nats for name in ("normal", BARE))
    found |= between("_head")
    found["nearest"] = nearest(model, train, test, seed)
    z = model.encode(test[:2000], head=False)
    with torch.no_grad():
        error = head.from_normal(head.to_normal(z)) - z
    found["round_trip"] = float(torch.linalg.vector_norm(error, dim=1).max() / z.std())
    found |= {"steps": head.steps, "parts": head.parts or 0}
    found["device"] = torch.cuda.get_device_name() if DEVICE == "cuda" else processor()
    pictures |= {"samples": model.draw(SHOWN, seed=seed + 1), "paths, head": paths(model, test)}
    return found, pictures


def distance_to(test: Tensor, features: str) -> Callable[[Shaped[Tensor, "n ..."]], float]:
    """How far images are from test images: a Fréchet distance, in features of that name."""
    see = find(features)
    seen = extract(see, test).double().numpy()
    return lambda images: frechet_distance(extract(see, images).double().numpy(), seen)


def nearest(model: ea.Autoencoder, train: Samples, test: Tensor, seed: int) -> float:
    """The median distance of 2000 drawn codes from training codes, over that of test codes."""
    z, codes = model.encode(test[:2000], head=False), model.encode(train, head=False)
    drawn = model.draw_codes(2000, model.priors["normal"], torch.Generator().manual_seed(seed))
    return float(kth_distance(drawn, codes).median() / kth_distance(z, codes).median())


def paths(model: ea.Autoencoder, test: Tensor) -> Tensor:
    """Arcs between test images, row by row."""
    ends = test[:PAIRS], test[PAIRS : 2 * PAIRS]
    return model.interpolate(*ends, steps=POINTS, path="spherical").flatten(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="*", default=list(LATENTS))
    parser.add_argument("--epochs", type=int, help="Of the autoencoder; else as in the table.")
    parser.add_argument("--flow", type=int, nargs=3, help="Width, blocks and steps of the head.")
    parser.add_argument("--start", choices=["random"], help="Of photographs; else components.")
    parser.add_argument("--rate", type=float, help="Learning rate; else that of `fit`.")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="None is begun after it.")
    asked = parser.parse_args()
    usual = TASKS[asked.task].epochs
    epochs, flow = asked.epochs or usual, asked.flow and tuple(asked.flow)
    result = f"heads_{asked.task}" + ("" if epochs == usual else f"_epochs-{epochs}") + ending(flow)
    result += f"_start-{asked.start}" if asked.start else ""
    result += f"_rate-{asked.rate:g}" if asked.rate else ""
    works = [
        Work(asked.task, asked.data, name, seed, epochs, flow, asked.start, asked.rate)
        for seed in asked.seeds
        for name in asked.methods
    ]
    # Pictures of methods that were measured elsewhere stay; those of the others lie beside them.
    names = ("_others" if i == 1 else f"_others-{i}" for i in count(1))
    others = next(name for name in names if not (RESULTS / f"{result}{name}.png").is_file())
    end = time.time() + 60 * asked.minutes
    for work in worked(work_on, works, end, asked.processes):
        if work.figures.is_file():
            print(work.name, work.seed, work.figures.read_text(), flush=True)
            write(result, [w for w in works if w.figures.is_file()], others)


def worked(
    function: Callable[[W, float], W], works: Sequence[W], end: float, processes: int
) -> Iterator[W]:
    """All of them, in the order in which they end."""
    if processes == 1:
        yield from (function(work, end) for work in works)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(function, work, end) for work in works]):
            yield future.result()


def collected(
    result: str, works: Sequence[Any], order: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """What was measured before, whose rows without a seed are in its order, and now, by name."""
    known = {
        name: {row.get("seed", i): row for i, row in enumerate(rows)}
        for name, rows in saved(result).items()
    }
    for work in works:
        found = json.loads(work.figures.read_text()) | {"seed": work.seed}
        known.setdefault(work.name, {})[work.seed] = found
    return {name: [known[name][i] for i in sorted(known[name])] for name in order if name in known}


def write(result: str, works: Sequence[Work], others: str) -> None:
    """Tables and pictures of what has been measured, now and before."""
    rows = collected(result, works, LATENTS)
    files = {w.name: w.figures.with_suffix(".safetensors") for w in works if not w.seed}
    shown = [name for name in rows if name in files and files[name].is_file()]
    which = result if len(shown) == len(rows) else result + others
    if shown:
        pictures = {name: load_file(files[name]) for name in shown}
        samples = {name: one["samples"] for name, one in pictures.items()}
        ways = {
            f"{name}: without and with": torch.cat([one["paths"], one["paths, head"]])
            for name, one in pictures.items()
        }
        save_panels(samples, RESULTS / f"{which}.png")
        save_panels(ways, RESULTS / f"{which}_paths.png", columns=POINTS)
    (RESULTS / f"{result}.md").write_text(table(rows, COLUMNS, "method"))
    save(result, rows, latents={name: LATENTS[name] for name in rows})


if __name__ == "__main__":
    main()
