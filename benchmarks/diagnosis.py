"""What the diagnosis says of models broken in one known way, and of healthy ones.

python benchmarks/diagnosis.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from entropae.diagnosis import FINDINGS, Diagnosis

from _machine import RESULTS, save

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import plants

MARKS = {"serious": "●", "warning": "○", "note": "·"}


def examine(name: str, build: Callable[[], plants.Patient], expected: str | None) -> dict[str, Any]:
    torch.manual_seed(0)
    found: Diagnosis = build().diagnose()
    names = [finding.name for finding in found.findings]
    right = names[:1] == [expected] if expected else not found.serious
    print(f"{'+' if right else '−'} {name}: {', '.join(names[:4])}", flush=True)
    return {
        "expected": expected,
        "right": right,
        "findings": {
            one.name: {
                "severity": one.severity.word,
                "value": one.value,
                "threshold": one.threshold,
                "follows_from": one.follows_from,
            }
            for one in found.findings
        },
    }


def table(results: list[dict[str, dict[str, Any]]]) -> str:
    """Plants by findings, of the first seed; named first and, in brackets, what follows from it."""
    used = [
        name for name in FINDINGS if any(name in one["findings"] for one in results[0].values())
    ]
    lines = ["| model | named first | " + " | ".join(used) + " |", "|-|-|" + "-|" * len(used)]
    for name, one in results[0].items():
        first = next(iter(one["findings"]), None)
        cells = []
        for finding in used:
            about = one["findings"].get(finding)
            mark = MARKS[about["severity"]] if about else ""
            if about and about["follows_from"]:
                mark = f"({mark})"
            cells.append(f"**{mark}**" if finding == first else mark)
        count = sum(result[name]["right"] for result in results)
        lines.append(f"| {name} | {count} of {len(results)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    results = []
    for plants.SEED in range(seeds):
        found = {name: examine(name, *what) for name, what in plants.PLANTS.items()}
        found |= {name: examine(name, build, None) for name, build in plants.HEALTHY.items()}
        results.append(found)
    save("diagnosis", results, seeds=seeds)
    head = (
        "● serious, ○ warning, · note; in brackets what is said to follow from another finding; in "
        "bold the finding named first. Healthy models, at the end, are right if none is serious. "
        "The marks are of the first seed.\n\n"
    )
    (RESULTS / "diagnosis.md").write_text(head + table(results))


if __name__ == "__main__":
    main()
