"""Gradients of 2 and 4 processes against those of one, for every latent, and what is exchanged.

    python benchmarks/ranks.py

The steps are those of `tests/test_ranks.py`: 32, 13, 3 and 1 samples, so that shares are uneven and
the last ones empty, with a bank and after updates of the weights. The error is the largest over the
steps, relative to the gradient of one process. Beside it, that of the usual data-parallel training,
where each process has the loss of its own share (first step only, whose shares are even), and the
float32 rounding that one process has by itself. Gloo, on CPUs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from _machine import save

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from parallel import CASES, STEPS, Case, difference, run, steps


def work(processes: int, folder: Path) -> dict[str, list[Any]]:
    together = [steps(case) for case in CASES]
    return {"together": together, "alone": [alone(case) for case in CASES]}


def alone(case: Case) -> Any:
    even = dict.fromkeys(STEPS, (32,))
    return steps(case, joined=False, sizes=even)


def error(found: dict[str, Any], expected: dict[str, Any]) -> float:
    pairs = zip(found["gradients"], expected["gradients"], strict=False)
    return max(difference(a, b) for a, b in pairs)


def main() -> None:
    one = {case: steps(case) for case in CASES}
    rows = [{"case": case.name} for case in CASES]
    for row, case in zip(rows, CASES, strict=True):
        if case.dtype == "float32":
            exact = one[case._replace(dtype="float64")]
            row["rounding"] = error(one[case], exact)
    for processes in (2, 4):
        first = run(work, processes)[0]
        for way, results in first.items():
            for row, case, found in zip(rows, CASES, results, strict=True):
                row[f"{way} {processes}"] = error(found, one[case])
    columns = list(dict.fromkeys(column for row in rows for column in row))
    print("| " + " | ".join(columns) + " |\n" + "|-" * len(columns) + "|")
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        print("| " + " | ".join(c if isinstance(c, str) else f"{c:.1e}" for c in cells) + " |")
    save("ranks", rows, steps=STEPS)


if __name__ == "__main__":
    main()
