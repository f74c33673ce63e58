"""Train on 50 GB of images, and on a thousandth of them, and compare the memory that it takes.

The images are a sparse .npy file: a few rows of noise, the rest zeros, so that neither the disk nor
the page cache decides. What counts is anonymous resident memory (RssAnon), which the page cache is
no part of, over what there is after the imports. Each size has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader

import entropae as ea
from entropae.kinds import collate, split
from entropae.kinds import read as load
from entropae.latent import Entropic
from entropae.nn import pair
from entropae.training import Loaders, Training
from entropae.training.trainers import quiet_lightning

from _machine import save

SHAPE = (64, 64, 3)
ROWS = 3_000


def anonymous() -> int:
    """Bytes of anonymous memory that are resident now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


class Peak:
    """The most anonymous memory of a block, over what there was before it."""

    def __enter__(self) -> Peak:
        self.before, self.most, self.running = anonymous(), 0, True
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.running = False
        self.thread.join()

    def watch(self) -> None:
        """Look, again and again."""
        while self.running:
            self.most = max(self.most, anonymous() - self.before)
            time.sleep(0.005)


def evenly(n: int) -> np.ndarray:
    """The rows that are not blank."""
    return np.linspace(0, n - 1, min(ROWS, n)).astype(int)


def make(path: Path, n: int) -> None:
    """A sparse file of n images."""
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (n, *SHAPE))
    rng = np.random.default_rng(0)
    for i in evenly(n):
        images[i] = rng.integers(0, 256, SHAPE, np.uint8)
    images.flush()


def measure(path: Path, steps: int) -> dict[str, Any]:
    """Peaks of the parts of a training, in bytes."""
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    with Peak() as loading:
        samples = load(path)
        kept, held_out = split(len(samples))
        train, validation = samples.subset(kept), samples.subset(held_out)
    latent = Entropic(16)
    shape = samples.shape
    model = ea.Autoencoder(*pair("mlp", shape, 16, 16, hidden=(64,)), latent)
    with Peak() as training, quiet_lightning():
        loaders = Loaders(train, validation, 256, least=latent.least_batch, seed=0)
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_steps=steps,
            limit_val_batches=5,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(Training(model), loaders)
    model.eval()
    some = samples.subset(evenly(len(samples)))
    with Peak() as finishing:
        model.calibrate(DataLoader(some, 512, collate_fn=collate))
        model.fit_prior(some, "full")
        model.fit_prior(some, "mixture")
    peaks = {"loading": loading, "training": training, "finishing": finishing}
    for name, peak in peaks.items():
        found[name] = peak.most
    found["samples"], found["file_bytes"] = len(samples), path.stat().st_size
    found["bytes_on_disk"] = path.stat().st_blocks * 512
    found["steps"] = trainer.global_step
    return found


def main(gigabytes: float, steps: int) -> None:
    """Both sizes."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in {"small": gigabytes / 1000, "large": gigabytes}.items():
            path = Path(folder, f"{name}.npy")
            make(path, round(size * 1e9 / np.prod(SHAPE)))
            command = [sys.executable, __file__, "--measure", str(path), "--steps", str(steps)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            results[name] = json.loads(done.stdout.splitlines()[-1])
            print(name, results[name], flush=True)
    save("stream", results, gigabytes=gigabytes, steps=steps, rows_of_finishing=ROWS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=50)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.steps)))
    else:
        main(options.gigabytes, options.steps)
