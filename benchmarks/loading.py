"""Images a second that the loader gives, and that networks learn from, in one thread.

    OMP_NUM_THREADS=1 python benchmarks/loading.py

`loading`: batches of an epoch, shuffled, as `Loaders` makes them, with nobody to use them.
`training`: steps (forward, loss, backward, Adam) on a batch at hand. Both in CPU time; `share` is
what loading takes of a training's step. `by_clock`: loading again, with 0, 1 and 2 worker processes
that make the batches ahead of their use. All take turns; a figure is the best of the rounds. Files
are in the page cache. A folder's images are decoded once, when it is opened (`decoding`, by the
clock, in as many threads as Python's pools have); after that it is a mapped array like the other.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

from entropae.kinds import read as load
from entropae.kinds.samples import Samples, collate
from entropae.latent import Entropic
from entropae.model import Autoencoder
from entropae.nn import pair
from entropae.training import Loaders

from _machine import save

BATCH = 256
DIM = 16
SHAPES = {"28×28, grey": (28, 28, 1), "64×64, colour": (64, 64, 3)}
WORKERS = (0, 1, 2)
STEPS = {"mlp": 8, "conv": 2}


def images(n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Smooth random images, which a JPEG makes small."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n, 8, 8, shape[2]), np.uint8)
    big = torch.nn.functional.interpolate(
        torch.from_numpy(coarse).permute(0, 3, 1, 2).float(), shape[:2], mode="bilinear"
    )
    return big.byte().permute(0, 2, 3, 1).numpy()


def sources(pixels: np.ndarray, folder: Path) -> dict[str, Callable[[], Samples]]:
    """The same images, as an array and as a folder of JPEGs."""
    np.save(folder / "images.npy", pixels)
    (folder / "jpeg").mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image.squeeze()).save(folder / "jpeg" / f"{i:06}.jpg", quality=90)
    return {
        "mapped array": lambda: load(folder / "images.npy"),
        "folder of JPEGs": lambda: load(folder / "jpeg", progress=False),
    }


def with_workers(samples: Samples, workers: int) -> Any:
    """`Loaders` of a training, or the same batches made by other processes."""
    loader = Loaders(samples, None, BATCH, least=2, seed=0).train_dataloader()
    if not workers:
        return loader
    return DataLoader(
        samples,
        batch_sampler=loader.batch_sampler,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=True,
    )


def step_of(network: str, shape: tuple[int, ...]) -> Callable[[torch.Tensor], None]:
    """A step of training."""
    torch.manual_seed(0)
    model = Autoencoder(*pair(network, shape, DIM, DIM), Entropic(DIM))  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    model.latent.forget()

    def step(x: torch.Tensor) -> None:
        optimizer.zero_grad()
        model.loss(x).backward()
        optimizer.step()

    return step


def pace(batches: Any, use: Callable[[torch.Tensor], None], clock: Callable[[], float]) -> float:
    """Images a second over all batches but the first, before which there is much to set up."""
    batches = iter(batches)
    next(batches)
    began, seen = clock(), 0
    for x in batches:
        use(x)
        seen += len(x)
    return seen / (clock() - began)


def best(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The highest pace of each, over rounds in which each has a turn."""
    found = dict.fromkeys(runs, 0.0)
    for _ in range(rounds):
        for name, run in runs.items():
            found[name] = max(found[name], run())
    return found


def measure(samples: Samples, rounds: int) -> dict[str, Any]:
    """Loading and training, in images a second."""

    def nothing(x: torch.Tensor) -> None:
        pass

    loaders = {str(workers): with_workers(samples, workers) for workers in WORKERS}
    by_clock: dict[str, Callable[[], float]] = {
        workers: lambda loader=loader: pace(loader, nothing, time.perf_counter)
        for workers, loader in loaders.items()
    }
    runs: dict[str, Callable[[], float]] = {
        "loading": lambda: pace(loaders["0"], nothing, time.process_time)
    }
    x = samples.first(BATCH)
    for network, steps in STEPS.items():
        step = step_of(network, samples.shape)
        for _ in range(4096 // BATCH):
            step(x)  # until the bank is full
        runs[network] = lambda step=step, steps=steps: pace(
            [x] * (steps + 1), step, time.process_time
        )
    found = best(runs, rounds)
    loading = found.pop("loading")
    return {
        "loading": loading,
        "training": found,
        "share": {network: pace / (pace + loading) for network, pace in found.items()},
        "by_clock": best(by_clock, 2 * rounds),
    }


def main() -> None:
    """Both sizes, from both sources."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for title, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            for name, open_it in sources(images(options.images, shape), Path(folder)).items():
                began = time.perf_counter()
                samples = open_it()
                opened = options.images / (time.perf_counter() - began)
                row = {"images": title, "source": name}
                if name != "mapped array":
                    row["decoding"] = opened
                row |= measure(samples, options.rounds)
                rows.append(row)
                print(row, flush=True)
    save("loading", rows, batch=BATCH, dim=DIM, width=16, latent="Entropic", **vars(options))


if __name__ == "__main__":
    main()
