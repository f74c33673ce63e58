"""Samples larger than memory: 10 M points mapped from disk, 1 M on Dask with a worker killed.

    python benchmarks/large.py memmap FOLDER
    python benchmarks/large.py dask

`memmap` writes 10 M × 8 float32 points of N(0, I) to FOLDER and estimates their entropy in a
process that may not have more than 4 GiB of data (RLIMIT_DATA). `dask` estimates that of 1 M × 4 on
a LocalCluster of four workers, one of which is killed while cells are searched, and compares with
the value in memory. Each rewrites its own part of the results.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import entropae as ea

from _machine import save, saved

K = 3
LIMIT = 4 << 30
POINTS, DIMENSIONS = 10_000_000, 8
DASK_POINTS, DASK_DIMENSIONS, CHUNKS, WORKERS = 1_000_000, 4, 16, 4


def write_points(path: Path) -> None:
    rng = np.random.default_rng(0)
    shape = (POINTS, DIMENSIONS)
    points = np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=shape)
    for block in np.split(points, 100):
        block[:] = rng.standard_normal(block.shape, np.float32)
    points.flush()


def under_limit(path: Path) -> dict[str, Any]:
    """The estimate, in a process of its own that may not have more data than `LIMIT`."""
    child = [sys.executable, __file__, "child", str(path)]
    done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def child(path: Path) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    wall, cpu = time.perf_counter(), time.process_time()
    estimate = ea.entropy_estimate(np.load(path, mmap_mode="r"), K, progress=True)
    return {
        "n": POINTS,
        "d": DIMENSIONS,
        "k": K,
        "dtype": "float32",
        "value": estimate.value,
        "standard_error": estimate.standard_error,
        "truth": ea.gaussian_entropy(DIMENSIONS),
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "limit_bytes": LIMIT,
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
    }


def on_dask() -> dict[str, Any]:
    import dask.array as da
    from distributed import Client, LocalCluster

    shape = (DASK_POINTS, DASK_DIMENSIONS)
    x = da.random.default_rng(0).standard_normal(shape, chunks=(DASK_POINTS // CHUNKS, -1))
    in_memory = ea.knn_entropy(x.compute(scheduler="synchronous"), K)
    killed: list[int] = []

    def kill_one(client: Client) -> None:
        while not killed:
            time.sleep(0.05)
            for worker, running in client.processing().items():
                if any("_within" in str(task) for task in running):
                    nanny = next(n for n in cluster.workers.values() if n.worker_address == worker)
                    killed.append(nanny.pid)
                    os.kill(nanny.pid, signal.SIGKILL)
                    return

    with (
        LocalCluster(WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        killer = threading.Thread(target=kill_one, args=(client,))
        killer.start()
        wall = time.perf_counter()
        value = ea.knn_entropy(x, K)
        wall = time.perf_counter() - wall
        killer.join()
    return {
        "n": DASK_POINTS,
        "d": DASK_DIMENSIONS,
        "k": K,
        "chunks": CHUNKS,
        "workers": WORKERS,
        "workers_killed": len(killed),
        "value": value,
        "in_memory": in_memory,
        "difference": value - in_memory,
        "wall_seconds": wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("memmap", "dask", "child"))
    parser.add_argument("folder", type=Path, nargs="?")
    options = parser.parse_args()
    if options.part == "child":
        print(json.dumps(child(options.folder)))
        return
    if options.part == "memmap":
        path = options.folder / "points.npy"
        write_points(path)
        result = under_limit(path)
        path.unlink()
    else:
        result = on_dask()
    print(json.dumps(result, indent=1))
    save("large", saved("large") | {options.part: result})


if __name__ == "__main__":
    main()
