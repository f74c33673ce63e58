"""What a user sees in the first minute of `entropae fit`, of each kind of data, with the seconds.

    OMP_NUM_THREADS=1 python benchmarks/first_minute.py

Data that are installed anyhow: scikit-learn's digits as images, its wines as a table, its cells as
an array of numbers, and the sentences of Python's own help as text. Each line of output has the
second at which it came, and so has the moment when the first picture, or text of samples, was in
the run's folder. Beside it stands the processor's time that the command had had by then, which on
a machine that does nothing else is about the same. After a minute, or `--seconds`, the command is
stopped as by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import pydoc_data.topics
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine

from _machine import RESULTS, processor

FIRST = ("overview.*", "samples.*")


def images(folder: Path) -> str:
    """Digits, which the command knows by name."""
    return "digits"


def table(folder: Path) -> str:
    """Wines: 178 rows of 13 measurements and a class."""
    wines = load_wine(as_frame=True).frame
    names = ", ".join(wines.columns)
    rows = [", ".join(map(str, row)) for row in wines.itertuples(index=False)]
    (folder / "wines.csv").write_text("\n".join([names, *rows]) + "\n")
    return str(folder / "wines.csv")


def array(folder: Path) -> str:
    """Cells: 569 rows of 30 measurements, standardised."""
    x = load_breast_cancer().data
    np.save(folder / "cells.npy", ((x - x.mean(0)) / x.std(0)).astype(np.float32))
    return str(folder / "cells.npy")


def text(folder: Path) -> str:
    """Sentences of Python's help, a line each."""
    whole = " ".join(" ".join(pydoc_data.topics.topics.values()).split())
    lines = [one for one in re.split(r"(?<=[a-z]\.) (?=[A-Z])", whole) if 20 < len(one) < 200]
    (folder / "help.txt").write_text("\n".join(dict.fromkeys(lines)) + "\n")
    return str(folder / "help.txt")


KINDS: dict[str, Callable[[Path], str]] = {
    "images": images,
    "table": table,
    "array": array,
    "text": text,
}


def processor_seconds(process: int) -> float:
    """The processor's time that a process has had (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watched(source: str, run: Path, seconds: float) -> list[tuple[float, float, str]]:
    """Lines of the command, and the first picture, each with its seconds."""
    line = [sys.executable, "-u", "-m", "entropae.cli", "fit", "--data", source, "--out", str(run)]
    seen: list[tuple[float, float, str]] = []
    began = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = process.stdout

    used = 0.0

    def note(said: str) -> None:
        nonlocal used
        with suppress(OSError):  # when it has ended
            used = processor_seconds(process.pid)
        seen.append((time.perf_counter() - began, used, said))

    def read() -> None:
        part = b""
        while byte := output.read(1):
            if byte in b"\r\n":
                if part.strip():
                    note(part.decode(errors="replace"))
                part = b""
            else:
                part += byte

    reader = threading.Thread(target=read)
    reader.start()
    picture = False
    while process.poll() is None and time.perf_counter() - began < seconds:
        found = [path for name in FIRST for path in run.glob(name)]
        if found and not picture:
            picture = True
            note(f"[{found[0].name} is in the folder]")
        time.sleep(0.1)
    if process.poll() is None:
        note("[stopped here, as by Ctrl-C]")
        process.send_signal(signal.SIGINT)
    process.wait()
    reader.join()
    return sorted(seen)


def main() -> None:
    """Watch each kind and write the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    lines = ["# The first minute of `entropae fit`", ""]
    lines += [f"{time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} cores.", ""]
    lines += [f"Processes that wanted a core at the start: {os.getloadavg()[0]:.1f}.", ""]
    lines += ["Seconds from the start, and the processor's among them.", ""]
    for kind in options.kinds:
        with TemporaryDirectory() as folder:
            source = KINDS[kind](Path(folder))
            found = watched(source, Path(folder) / "run", options.seconds)
            shown = [
                f"{at:6.1f} {used:6.1f}  {said}".replace(folder + "/", "")
                for at, used, said in found
            ]
        name = source.replace(folder + "/", "")
        lines += [f"## {kind}: `entropae fit --data {name} --out run`", "", "```text"]
        lines += [*shown, "```", ""]
        print("\n".join(shown), flush=True)
    (RESULTS / "first_minute.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
