"""Read damaged files with every loader, within a bound of memory and time, and count what happens.

Every loader has a process of its own, whose address space is limited to what it had after the
imports and MEMORY more. An input that takes more than SECONDS, kills the process, or raises what is
not documented is a failure, and is told by its seed: `tests/loaders.py` makes it again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from _machine import save

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from loaders import LOADERS, attempt

MEMORY = 2 << 30
SECONDS = 10


def work(name: str, seeds: range, deadline: float, pipe: Any) -> None:
    """Try seeds one after the other; tell each before and after."""
    loader = LOADERS[name]
    with tempfile.TemporaryDirectory() as folder:
        made, where = Path(folder, "valid"), Path(folder, "work")
        made.mkdir()
        where.mkdir()
        loader.make(made)
        loader.read(made)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for seed in seeds:
            if time.monotonic() > deadline:
                break
            pipe.send(("begin", seed, None))
            signal.alarm(SECONDS)
            try:
                outcome, trace = attempt(loader, made, where, random.Random(seed)), None
            except BaseException as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                outcome = f"! {type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
                trace = traceback.format_exc()
            signal.alarm(0)
            pipe.send(("end", outcome, trace))
    pipe.send(("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, None))


def fuzz(name: str, inputs: int, seconds: float, first: int) -> dict[str, Any]:
    """Outcomes of one loader, with the first seed of each failure."""
    outcomes: Counter[str] = Counter()
    failures: dict[str, int] = {}
    slowest, peak, seed = 0.0, 0, first
    context = multiprocessing.get_context("fork")  # the imports take longer than most inputs
    deadline = time.monotonic() + seconds
    while seed < first + inputs and time.monotonic() < deadline:
        here, there = context.Pipe()
        process = context.Process(
            target=work, args=(name, range(seed, first + inputs), deadline, there)
        )
        process.start()
        there.close()
        began, running = time.monotonic(), False
        while True:
            try:
                kind, value, trace = here.recv()
            except EOFError:
                process.join()
                if running:  # killed by its alarm, by the system or by a crash
                    outcome = f"! died of signal {-(process.exitcode or 0)}"
                    outcomes[outcome] += 1
                    failures.setdefault(outcome, seed)
                    seed += 1
                break
            if kind == "begin":
                seed, began, running = value, time.monotonic(), True
            elif kind == "end":
                slowest = max(slowest, time.monotonic() - began)
                outcomes[value] += 1
                running = False
                if value.startswith("!") and value not in failures:
                    failures[value] = seed
                    print(f"{name}, seed {seed}: {trace}", file=sys.stderr)
                seed += 1
            else:
                peak = max(peak, value)
        if process.exitcode not in (0, None) and not running:
            raise RuntimeError(f"{name}: the process ended with {process.exitcode}.")
    return {
        "inputs": outcomes.total(),
        "outcomes": dict(outcomes.most_common()),
        "failures": failures,
        "slowest_seconds": round(slowest, 2),
        "peak_resident_bytes": peak,
    }


def main(inputs: int, seconds: float, first: int, only: list[str]) -> None:
    """All loaders in turn."""
    results = {}
    for name in only or LOADERS:
        results[name] = fuzz(name, inputs, seconds, first)
        print(name, results[name], flush=True)
    if not only:
        bounds = {"memory_bytes_over_imports": MEMORY, "seconds_per_input": SECONDS}
        total = sum(one["inputs"] for one in results.values())
        failed = sum(len(one["failures"]) for one in results.values())
        result = {"inputs": total, "failures": failed, "loaders": results}
        save("fuzz", result, inputs_each=inputs, seconds_each=seconds, first_seed=first, **bounds)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="At most, of each loader.")
    parser.add_argument("--seconds", type=float, default=50, help="At most, for each loader.")
    parser.add_argument("--first", type=int, default=0, help="The first seed.")
    parser.add_argument("--only", nargs="*", default=[], help="Names of loaders.")
    options = parser.parse_args()
    main(options.inputs, options.seconds, options.first, options.only)
