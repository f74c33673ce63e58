"""Run a command, or a search with Dask, and write down which part of its work it is in.

    python benchmarks/_moments.py entropae WORDS …
    python benchmarks/_moments.py dask ARRAY

For `stops.py`. The file that the variable MOMENTS names gets a line for each change: seconds since
the start, and the moment. It is told from outside, by which functions the main thread is in.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

LOOK = 0.005  # seconds between two looks
# The moment that a function of the package is, the outermost counts.
MOMENTS = {
    ("kinds/__init__.py", "read"): "reading",
    ("kinds/reading.py", "read"): "reading",
    ("model/loading.py", "load"): "reading",
    ("reader/rows.py", "count"): "reading",
    ("out_of_core/disk.py", "_measure"): "reading",
    ("out_of_core/cluster.py", "__init__"): "reading",
    ("out_of_core/disk.py", "sort"): "sorting",
    ("out_of_core/cluster.py", "sort"): "sorting",
    ("out_of_core/disk.py", "search"): "searching",
    ("out_of_core/cluster.py", "search"): "searching",
    ("training/fitting.py", "fit"): "training",
    ("runs/priors.py", "fit_priors"): "fitting a prior",
    ("model/measuring.py", "measure"): "measuring",
    ("runs/making.py", "_finish"): "writing results",
    ("report/__init__.py", "write"): "reporting",
    ("explorer/export.py", "export"): "exporting",
    ("runs/comparison.py", "_in_processes"): "training in processes",
    ("kinds/values/evaluation.py", "evaluate"): "evaluating",
    ("runs/examined.py", "examine"): "diagnosing",
    ("model/autoencoder.py", "draw"): "sampling",
    ("model/autoencoder.py", "encode"): "encoding",
}
PACKAGE = f"{os.sep}entropae{os.sep}"


def moment(frame: FrameType | None) -> str:
    """What the innermost frame's thread is doing."""
    found = "starting"
    while frame is not None:
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        found = MOMENTS.get((path.rpartition(PACKAGE)[2].replace(os.sep, "/"), name), found)
        if name == "main" and path.endswith("cli/__init__.py") and found == "starting":
            found = "importing, opening"
        frame = frame.f_back
    return found


def watch(path: Path, thread: int) -> None:
    """Write the moments of a thread, from another one."""
    began, last = time.monotonic(), ""
    with path.open("w", buffering=1) as file:
        while True:
            now = moment(sys._current_frames().get(thread))
            if now != last:
                file.write(f"{time.monotonic() - began:.3f} {now}\n")
                last = now
            time.sleep(LOOK)


def entropae(words: list[str]) -> int:
    import entropae.cli.entropy
    from entropae.cli import main

    entropae.cli.entropy.LARGE = 0  # larger than memory is what is larger than nothing
    return main(words)


def dask(words: list[str]) -> int:
    """The entropy of an array, by two workers that are processes of their own."""
    import dask.array
    import numpy as np
    from distributed import Client, LocalCluster

    import entropae as ea

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        rows = dask.array.from_array(np.load(words[0]), chunks=(30_000, -1))
        print(f"{ea.knn_entropy(rows):.12f}")
    return 0


def main(words: list[str]) -> NoReturn:
    watching = (Path(os.environ["MOMENTS"]), threading.get_ident())
    threading.Thread(target=watch, args=watching, daemon=True).start()
    sys.argv[0] = "entropae"
    sys.exit({"entropae": entropae, "dask": dask}[words[0]](words[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
