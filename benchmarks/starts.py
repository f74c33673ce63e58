"""How soon commands work: processor time of whole commands on next to nothing, and of torch.

    python benchmarks/starts.py

Rounds of all of them by turns, so that what else the machine does falls on all alike; of each the
least is kept. Then, once each, what a model of 3000 colour images of 64 × 64 takes to be diagnosed
and reported on. Writes `results/starts.json` and `.md`. Takes about four minutes on one core.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from _machine import RESULTS, save

HERE = [sys.executable, "-m", "entropae.cli"]
FIT = ["--model.hidden", "[8]", "--model.latent.dim", "2", "--epochs", "1", "--no-report"]
# Of each: its arguments. What trains or measures has work to do besides starting.
COMMANDS = {
    "--help": ["--help"],
    "sample": ["sample", "run", "-n", "4", "--out", "s.png"],
    "reconstruct": ["reconstruct", "run", "-n", "4", "--out", "r.png"],
    "interpolate": ["interpolate", "run", "-n", "2", "--out", "i.png"],
    "encode": ["encode", "run", "--out", "c.npy"],
    "entropy": ["entropy", "x.csv"],
    "information": ["information", "x.csv", "--x", "a", "--y", "b"],
}
# On a model of 3000 colour images.
WORK = {"diagnose": ["diagnose", "large"], "report": ["report", "large"]}


def photographs() -> np.ndarray:
    """Smooth colours, shape `(3000, 64, 64, 3)`."""
    few = np.random.default_rng(2).normal(128, 50, (3000, 8, 8, 3))
    return zoom(few, (1, 8, 8, 1), order=1).clip(0, 255).astype(np.uint8)


def processor_seconds(command: list[str], folder: Path) -> float:
    """User's and system's time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ["OMP_NUM_THREADS"] = "1"
    tried = {"import torch": [sys.executable, "-c", "import torch"]}
    tried |= {name: [*HERE, *arguments] for name, arguments in COMMANDS.items()}
    took: dict[str, list[float]] = {name: [] for name in tried}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        rows = np.random.default_rng(0).standard_normal((50, 2))
        np.savetxt(folder / "x.csv", rows, "%.6f", delimiter=",", header="a,b", comments="")
        images = np.random.default_rng(1).integers(0, 256, (300, 8, 8), np.uint8)
        np.save(folder / "images.npy", images)
        fit = [*HERE, "fit", "--data", "images.npy", "--out", "run", *FIT]
        subprocess.run(fit, cwd=folder, check=True, capture_output=True)
        for _ in range(rounds):
            for name, command in tried.items():
                took[name].append(processor_seconds(command, folder))
                print(f"{name}: {took[name][-1]:.2f} s", flush=True)
        np.save(folder / "large.npy", photographs())
        fit = [*HERE, "fit", "--data", "large.npy", "--out", "large", "--epochs", "1"]
        subprocess.run([*fit, "--no-report"], cwd=folder, check=True, capture_output=True)
        for name, arguments in WORK.items():
            took[f"{name}, 3000 images"] = [processor_seconds([*HERE, *arguments], folder)]
            print(f"{name}: {took[f'{name}, 3000 images'][0]:.1f} s", flush=True)
    least = {name: min(seconds) for name, seconds in took.items()}
    torch = least["import torch"]
    result = [
        {"command": name, "seconds": round(value, 3), "of_torch": round(value / torch, 2)}
        for name, value in least.items()
    ]
    save("starts", result, rounds=rounds)
    lines = ["| | processor time | `import torch` = 1 |", "|-|-|-|"]
    lines += [
        f"| `{one['command']}` | {one['seconds']:.2f} s | {one['of_torch']:.2f} |" for one in result
    ]
    (RESULTS / "starts.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
