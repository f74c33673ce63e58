"""Kill or stop a training at random moments, resume it, compare its weights with a whole run's.

A round begins a run and sends it SIGKILL, SIGTERM or SIGINT after a random time, resumes it, and so
on until it ends; a quarter of the signals wait for a file that is being written, and hit that.
Rounds go on until there have been enough. After each, what the run folder holds must be readable.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from entropae.runs import read_recipe
from entropae.storage.atomic import PARTIAL
from entropae.training.checkpoints import CHECKPOINT, PREVIOUS, read

from _machine import save

FIT = [sys.executable, "-m", "entropae.cli", "fit", "--data", "digits"]
MODEL = ["--model.hidden", "[32]", "--model.latent.dim", "4"]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# What is in the folder tells how far the run had come, the last first.
PHASES = {
    "writing the results": "metrics.json",
    "training": CHECKPOINT,
    "before the first checkpoint": "recipe.yaml",
}


def begin(folder: Path, epochs: int) -> subprocess.Popen[bytes]:
    command = [*FIT, "--epochs", str(epochs), *MODEL, "--out", str(folder), "--resume"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def kill(
    process: subprocess.Popen[bytes], folder: Path, after: float, writing: bool, number: int
) -> str | None:
    """Send a run a signal; the phase it was in, or `None` if it had ended."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        deadline = time.monotonic() + 10
        while writing and process.poll() is None and time.monotonic() < deadline:
            if any(folder.glob(f".*{PARTIAL}*")):
                break
        process.send_signal(number)
    output = process.communicate()[0]
    if process.returncode == 0:
        return None
    stopped = process.returncode == 128 + number and b"Stopped" in output
    # Before a command has begun to listen, a signal ends it as it ends any program.
    if process.returncode != -number and not stopped:
        raise RuntimeError(f"It ended by itself, and badly:\n{output.decode()}")
    return next((k for k, name in PHASES.items() if (folder / name).exists()), "starting")


def look(folder: Path) -> None:
    """Raise if the folder holds a file that cannot be read."""
    for name in (CHECKPOINT, PREVIOUS):
        if (folder / name).exists():
            read(folder / name)
    if (folder / "recipe.yaml").exists():
        read_recipe(folder)


def main(kills: int, epochs: int, seed: int) -> None:
    """Kill, resume, compare."""
    draw = random.Random(seed)
    # In the background of a shell it is ignored, by whatever is begun here too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work = Path(tempfile.mkdtemp())
    began = time.perf_counter()
    process = begin(work / "whole", epochs)
    if process.wait() != 0:
        raise RuntimeError(process.communicate()[0].decode())
    whole = time.perf_counter() - began
    expected = weights(work / "whole")
    phases: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    partial = rounds = same = 0
    while phases.total() < kills:
        folder = work / f"round-{rounds}"
        while True:
            process = begin(folder, epochs)
            enough = phases.total() >= kills
            after = 1e9 if enough else draw.uniform(0, whole)
            number = draw.choice(SIGNALS)
            phase = kill(process, folder, after, draw.random() < 0.25, number)
            look(folder)
            if phase is None:
                break
            phases[phase] += 1
            sent[signal.Signals(number).name] += 1
            partial += any(folder.glob(f".*{PARTIAL}*"))
            print(f"kill {phases.total()}: {phase}", flush=True)
        rounds += 1
        same += weights(folder) == expected
        left = [path.name for path in folder.glob(".*")]
        if left:
            raise RuntimeError(f"Left behind in {folder}: {left}.")
        shutil.rmtree(folder)
    shutil.rmtree(work)
    result = {
        "kills": phases.total(),
        "kills_by_phase": dict(phases),
        "kills_by_signal": dict(sent),
        "kills_with_a_file_half_written": partial,
        "runs": rounds,
        "runs_that_end_with_the_same_weights": same,
        "unreadable_checkpoints": 0,
        "sha256": expected,
        "seconds": round(time.perf_counter() - began),
    }
    save("kills", result, kills=kills, epochs=epochs, seed=seed)
    if same < rounds:
        raise RuntimeError(f"Only {same} of {rounds} runs ended with the same weights.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    main(options.kills, options.epochs, options.seed)
