"""Small data sets by the default command: held-out squared error against as many components.

    python benchmarks/small_folders.py DATA --minutes 10 --seeds 3

DATA holds mnist, fashion_mnist and cifar10_jpeg (a folder of images). Defaults were chosen on
subsets of CIFAR-10 and MNIST; Fashion-MNIST and the digits are for report.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from entropae.storage.arrays import read_array

from _machine import save


def digits(data: Path, out: Path, seed: int) -> Path:
    """500 of scikit-learn's digits."""
    images = load_digits().images / 16
    rows = np.random.default_rng(seed).permutation(len(images))[:500]
    np.save(out / "digits.npy", images[rows].astype(np.float32))
    return out / "digits.npy"


def fashion(data: Path, out: Path, seed: int) -> Path:
    """1000 images of Fashion-MNIST."""
    images = read_array(data / "fashion_mnist" / "train-images-idx3-ubyte.gz")
    rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:1000])
    np.save(out / "fashion.npy", np.asarray(images)[rows])
    return out / "fashion.npy"


def cifar(data: Path, out: Path, seed: int) -> Path:
    """3000 images of CIFAR-10, as class folders."""
    with tarfile.open(data / "cifar10_jpeg" / "cifar10_jpegs.tar.xz") as archive:
        names = [name for name in archive.getnames() if name.endswith(".jpg")]
        rows = np.random.default_rng(seed).permutation(len(names))[:3000]
        chosen = {names[row] for row in rows}
        members = [one for one in archive.getmembers() if one.name in chosen]
        archive.extractall(out / "cifar", members, filter="data")
    return out / "cifar"


SETS: dict[str, Callable[[Path, Path, int], Path]] = {
    "digits": digits,
    "fashion": fashion,
    "cifar": cifar,
}


def trained(source: Path, run: Path, options: list[str]) -> dict[str, Any]:
    """The figures of a run of the command."""
    command = [sys.executable, "-m", "entropae.cli", "fit", "--data", str(source)]
    subprocess.run([*command, "--out", str(run), "--no-report", *options], check=True)
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        "train": metrics["train"]["mean_squared_error"],
        "held_out": metrics["validation"]["mean_squared_error"],
        **{f"pca_{key}": value for key, value in metrics["principal_components"].items()},
        "epochs": metrics["epochs"],
        "seconds": metrics["seconds"],
    }


def main() -> None:
    """Train and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.sets:
        for seed in range(options.seeds):
            with TemporaryDirectory() as folder:
                source = SETS[name](options.data, Path(folder), seed)
                asked = ["--minutes", str(options.minutes), "--seed", str(seed)]
                for label, own in {
                    "default": [],
                    "random start": ["--model.start", "random"],
                }.items():
                    out = Path(folder) / label.replace(" ", "-")
                    found[f"{name}, seed {seed}, {label}"] = trained(source, out, asked + own)
    for label, row in found.items():
        print(label, row)
    save("small_folders", found, minutes=options.minutes, seeds=options.seeds)


if __name__ == "__main__":
    main()
