"""A table of 50 000 rows and 40 columns from end to end: time and memory of each command.

Sixteen numbers (normal, skewed, with zeros, rounded), twelve categories of 2 to 1000 values, four
dates and times, four booleans, a key, a text column that gives another, and a total of two others;
a tenth of the cells of every third column missing. All depend on five hidden factors.

    python benchmarks/wide_table.py

Each command is a process of its own; its time is that of its work and of starting Python, its
memory the most that it held. Figures are kept after each command, of a run that is stopped those
before; "load" is how many programs ran or waited in the last five minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from _machine import RESULTS, save

ROWS, FACTORS = 50_000, 5
LEVELS = (2, 3, 5, 8, 12, 20, 40, 80, 150, 300, 600, 1000)


def made(n: int, seed: int) -> pa.Table:
    """The table."""
    random = np.random.default_rng(seed)
    factors = random.standard_normal((n, FACTORS))

    def mixed() -> np.ndarray:
        weights = random.standard_normal(FACTORS)
        noise = 0.5 * random.standard_normal(n)
        return factors @ weights / np.linalg.norm(weights) + noise

    columns: dict[str, Any] = {"key": [f"K-{i:06}" for i in range(n)]}
    for i in range(4):
        columns[f"normal {i}"] = mixed()
        columns[f"skewed {i}"] = np.exp(2 * mixed())
        columns[f"zeros {i}"] = np.maximum(0, np.round(10 * mixed(), 1))
        columns[f"whole {i}"] = np.round(100 + 20 * mixed()).astype(np.int64)
    for k in LEVELS:
        ranks = mixed().argsort().argsort() / n
        columns[f"of {k}"] = [f"v{int(k * u**2)}" for u in ranks]
    start = np.datetime64("2020-01-01")
    for i in range(2):
        columns[f"day {i}"] = start + np.round(200 * mixed()).astype("timedelta64[D]")
        columns[f"time {i}"] = start + np.round(1e7 * mixed()).astype("timedelta64[s]")
    for i in range(4):
        columns[f"flag {i}"] = mixed() > i / 2
    town = random.integers(0, 60, n)
    columns["town"] = [f"town {i}" for i in town]
    columns["land"] = [f"land {i % 7}" for i in town]
    columns["total"] = columns["whole 0"] + columns["whole 1"]
    for i, name in enumerate(list(columns)[1:-3]):
        values = pa.array(columns[name])
        gone = random.random(n) < 0.1
        columns[name] = (
            pa.array(values.to_pylist(), values.type, mask=gone) if not i % 3 else values
        )
    return pa.table(columns)


def run(*arguments: str) -> dict[str, float]:
    """Run a command; seconds of wall and processor, megabytes, programs that run (of 5 minutes)."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "entropae.cli", *arguments])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"entropae {' '.join(arguments)} failed")
    print(arguments[0], round(time.perf_counter() - start), used.ru_maxrss // 1024, flush=True)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": round(used.ru_maxrss / 1024),
        "load": round(os.getloadavg()[1], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--minutes", type=float, help="For fit; by default its own budget.")
    options = parser.parse_args()
    minutes = [] if options.minutes is None else ["--minutes", str(options.minutes)]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, out = str(folder / "wide.parquet"), str(folder / "run")
        parquet.write_table(made(options.rows, 0), data)
        for command in (
            ("fit", "--data", data, "--out", out, "--no-report", *minutes),
            ("encode", out, "--out", str(folder / "codes.parquet")),
            ("sample", out, "-n", str(options.rows), "--out", str(folder / "drawn.parquet")),
            ("evaluate", out),
            ("impute", out, "--out", str(folder / "full.parquet")),
        ):
            result[command[0]] = run(*command)
            save("wide_table", result, rows=options.rows, minutes=options.minutes)
            (RESULTS / "wide_table.md").write_text(markdown(result))


def markdown(result: dict[str, dict[str, float]]) -> str:
    lines = ["| command | seconds | of processor | megabytes | load |", "|-|-|-|-|-|"]
    lines += [
        f"| {name} | {one['seconds']:.0f} | {one['processor_seconds']:.0f} | {one['megabytes']} "
        f"| {one['load']:.1f} |"
        for name, one in result.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
