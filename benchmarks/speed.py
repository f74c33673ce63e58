"""Speed of the neighbour search: entropy from n points beside other packages, in one run.

    python benchmarks/speed.py [--threads 2] [--parts small large loss memory]

Peers that are not installed are left out; `requirements-speed.txt` has them. Each case is measured
in rounds, every contender in turn, and the least time counts: CPU time of the process with one
thread, wall time with more. A contender that would take too long is asked for a share of the points
only, or left out, and the result says which. `products` is the floor: the bare matrix products of
all points with all, in float32. Writes results/speed_1.json (or speed_2.json) and a table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ASKED = argparse.ArgumentParser(description=__doc__)
ASKED.add_argument("--threads", type=int, default=1)
ASKED.add_argument("--parts", nargs="*", default=["small", "large", "loss", "memory"])
ASKED.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)  # contender, n, d: peak memory
OPTIONS = ASKED.parse_args()
# Before any of these libraries is loaded.
os.environ["OMP_NUM_THREADS"] = str(OPTIONS.threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.spatial import KDTree  # noqa: E402

import entropae as ea  # noqa: E402
from entropae.neighbors import kth_distance  # noqa: E402

from _machine import RESULTS, save  # noqa: E402

K = 3
LONGEST = 60.0  # seconds that a contender may be expected to take
CASES = {
    "small": [(10_000, d) for d in (2, 8, 16, 32, 64, 128)],
    "large": [(100_000, d) for d in (2, 3, 8, 16, 32, 64, 128)] + [(1_000_000, 2), (1_000_000, 3)],
}
LOSSES = [(batch, d) for d in (16, 64) for batch in (256, 512, 2048, 8192)]
Array = np.ndarray


def ours(x: Array, rows: int) -> None:
    ea.knn_entropy(x, K)


def scipy_tree(x: Array, rows: int) -> None:
    KDTree(x).query(x[:rows], K + 1, workers=OPTIONS.threads)


def pykdtree(x: Array, rows: int) -> None:
    from pykdtree.kdtree import KDTree as Tree

    Tree(x).query(x[:rows], K + 1)


def sklearn_brute(x: Array, rows: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    NearestNeighbors(n_neighbors=K + 1, algorithm="brute").fit(x).kneighbors(x[:rows])


def faiss_flat(x: Array, rows: int) -> None:
    import faiss

    faiss.omp_set_num_threads(OPTIONS.threads)
    index = faiss.IndexFlatL2(x.shape[1])
    single = x.astype(np.float32)
    index.add(single)  # pyright: ignore[reportCallIssue] its Python wrapper takes one argument
    index.search(single[:rows], K + 1)  # pyright: ignore[reportCallIssue]


def products(x: Array, rows: int) -> None:
    single = torch.from_numpy(x).float()
    for some in single[:rows].split(128):
        for others in single.split(8192):
            some @ others.T


def npeet(x: Array, rows: int) -> None:
    from npeet.entropy_estimators import entropy

    entropy(x, K)


def entropy_estimators(x: Array, rows: int) -> None:
    from entropy_estimators.continuous import get_h

    get_h(x, K, norm="euclidean", workers=OPTIONS.threads)


def infomeasure(x: Array, rows: int) -> None:
    from infomeasure import entropy

    entropy(x, approach="kl", k=K, minkowski_p=2, noise_level=0)


def polars_ds(x: Array, rows: int) -> None:
    import polars as pl
    import polars_ds as pds

    names = [str(i) for i in range(x.shape[1])]
    table = pl.DataFrame(x, schema=names)
    table.select(pds.query_knn_entropy(*names, k=K, parallel=OPTIONS.threads > 1))


# What is asked for a share of the points only where all would take too long.
SEARCHES: dict[str, Callable[[Array, int], None]] = {
    "scipy KDTree": scipy_tree,
    "pykdtree": pykdtree,
    "scikit-learn brute": sklearn_brute,
    "faiss flat": faiss_flat,
    "products": products,
}
PACKAGES: dict[str, Callable[[Array, int], None]] = {
    "npeet": npeet,
    "entropy_estimators": entropy_estimators,
    "infomeasure": infomeasure,
    "polars_ds": polars_ds,
}
MODULE = {"scikit-learn brute": "sklearn", "faiss flat": "faiss", "pykdtree": "pykdtree"}


def contenders() -> dict[str, Callable[[Array, int], None]]:
    """Ours, and what is installed."""
    peers = {
        name: run
        for name, run in (SEARCHES | PACKAGES).items()
        if name in ("scipy KDTree", "products") or find_spec(MODULE.get(name, name))
    }
    return {"entropae": ours} | peers


def sample(n: int, d: int) -> Array:
    return np.random.default_rng(0).standard_normal((n, d))


def clock(run: Callable[[], Any]) -> float:
    now = time.process_time if OPTIONS.threads == 1 else time.perf_counter
    began = now()
    run()
    return now() - began


def measure(n: int, d: int) -> dict[str, dict[str, Any]]:
    """Seconds of each contender, and of how many points."""
    x = sample(n, d)
    runs = contenders()
    asked, left_out = {}, {}
    for name, run in runs.items():
        # A try with few points, of which growth with the square is the worst to expect.
        small = sample(max(1000, n // 16), d)
        try:
            taken = clock(lambda run=run, small=small: run(small, len(small)))
        except ValueError as error:  # pykdtree knows 127 dimensions at most
            left_out[name] = {"seconds": None, "refused": str(error)}
            continue
        expected = taken * (n / len(small)) ** 2
        if expected <= LONGEST or name == "entropae":
            asked[name] = n
        elif name in SEARCHES:
            asked[name] = max(500, int(n * LONGEST / 6 / expected))
        else:
            left_out[name] = {"seconds": None, "expected_at_most": expected}
    seconds = dict.fromkeys(asked, math.inf)
    for _ in range(3 if n <= 10_000 else 2):
        for name, rows in asked.items():
            taken = clock(lambda name=name, rows=rows: runs[name](x, rows))
            seconds[name] = min(seconds[name], taken * n / rows)
    found = {name: {"seconds": seconds[name], "points": rows} for name, rows in asked.items()}
    return found | left_out


def koleo(x: torch.Tensor) -> torch.Tensor:
    """The arithmetic of the KoLeo loss (Sablayrolles et al., 2019), as it is usually written."""
    with torch.no_grad():
        dots = x @ x.T
        dots.view(-1)[:: len(x) + 1].fill_(-torch.inf)
        index = dots.argmax(1)
    return -(torch.linalg.vector_norm(x - x[index], dim=1) + 1e-8).log().mean()


def all_distances(x: torch.Tensor) -> torch.Tensor:
    return -torch.cdist(x, x).topk(2, largest=False).values[:, 1].log().mean()


def our_loss(x: torch.Tensor) -> torch.Tensor:
    return -kth_distance(x).log().mean()


LOSS = {"entropae": our_loss, "KoLeo": koleo, "cdist + topk": all_distances}


def measure_loss(batch: int, d: int) -> dict[str, float]:
    """Seconds of a loss forward and backward."""
    x = torch.randn(batch, d, generator=torch.Generator().manual_seed(0), requires_grad=True)
    seconds = dict.fromkeys(LOSS, math.inf)
    for _ in range(20 if batch < 8192 else 6):
        for name, loss in LOSS.items():
            seconds[name] = min(seconds[name], clock(lambda loss=loss: loss(x).backward()))
    return seconds


def alone(name: str, n: int, d: int) -> None:
    """Print the memory, in bytes, that a contender adds to its input at its peak."""
    x = sample(n, d)
    run = contenders()[name]
    run(x[:1000], 1000)  # loads what it needs
    before = peak()
    run(x, min(n, 20_000) if name in SEARCHES else n)
    print(peak() - before)


def peak() -> int:
    """Peak memory of this process in bytes; `ru_maxrss` would be that of its parent, if larger."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


def memory() -> dict[str, dict[str, float]]:
    """Peak memory over the input's, in megabytes, of each contender in a process of its own."""
    found: dict[str, dict[str, float]] = {}
    for n, d in ((100_000, 3), (100_000, 64)):
        found[f"n={n} d={d}"] = {}
        for name in contenders():
            if d > 8 and (name in PACKAGES or "tree" in name.lower()):
                continue
            command = [sys.executable, __file__, "--alone", name, str(n), str(d)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[f"n={n} d={d}"][name] = round(int(done.stdout) / 1e6, 1)
    return found


def markdown(result: dict[str, Any]) -> str:
    """Seconds of ours, and how many times as long the others took, or would over a minute: –."""
    lines = []
    cases = [*result.get("small", {}).items(), *result.get("large", {}).items()]
    if cases:
        names = [name for name in contenders() if name != "entropae"]
        lines += ["| | entropae, s | " + " | ".join(names) + " |", "|-|-|" + "-|" * len(names)]
        for case, row in cases:
            own = row["entropae"]["seconds"]
            cells = [_times(row.get(name, {}).get("seconds"), own) for name in names]
            lines.append(f"| {case} | {own:.2f} | " + " | ".join(cells) + " |")
    if "loss" in result:
        names = [name for name in LOSS if name != "entropae"]
        lines += ["", "| forward + backward | entropae, ms | " + " | ".join(names) + " |"]
        lines.append("|-|-|" + "-|" * len(names))
        for case, row in result["loss"].items():
            cells = [_times(row[name], row["entropae"]) for name in names]
            lines.append(f"| {case} | {1e3 * row['entropae']:.1f} | " + " | ".join(cells) + " |")
    if "memory" in result:
        for case, row in result["memory"].items():
            lines += ["", f"Peak memory over the input's, {case}: "]
            lines[-1] += ", ".join(f"{name} {value:.0f} MB" for name, value in row.items()) + "."
    return "\n".join(lines) + "\n"


def _times(seconds: float | None, own: float) -> str:
    return "–" if seconds is None else f"× {seconds / own:.2f}"


def main() -> None:
    if OPTIONS.alone:
        name, n, d = OPTIONS.alone
        alone(name, int(n), int(d))
        return
    torch.set_num_threads(OPTIONS.threads)
    path = RESULTS / f"speed_{OPTIONS.threads}.json"
    result = json.loads(path.read_text())["result"] if path.is_file() else {}
    for part in OPTIONS.parts:
        if part in CASES:
            result[part] = {}
            for n, d in CASES[part]:
                result[part][f"n={n} d={d}"] = found = measure(n, d)
                print(n, d, {name: row["seconds"] for name, row in found.items()}, flush=True)
        elif part == "loss":
            result[part] = {f"B={b} d={d}": measure_loss(b, d) for b, d in LOSSES}
        else:
            result[part] = memory()
        save(path.stem, result, k=K, threads=OPTIONS.threads, longest=LONGEST)
    table = markdown(result)
    path.with_suffix(".md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
