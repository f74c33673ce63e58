"""What every committed result says of where it came from."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch

import entropae

RESULTS = Path(__file__).parent / "results"


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def mean(values: Sequence[float]) -> str:
    """The mean of some seeds' values, and their standard deviation where there are several."""
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{spread}"


def table(
    groups: Mapping[Any, Sequence[Mapping[str, Any]]], columns: Mapping[str, str], *names: str
) -> str:
    """Markdown of means over seeds: a line a group, whose key has these names."""
    titles = [*names[:-1], f"{names[-1]} (seeds)", *columns.values()]
    lines = [f"| {' | '.join(titles)} |", "|-" * len(titles) + "|"]
    for key, some in groups.items():
        *first, last = map(str, key if isinstance(key, tuple) else (key,))
        cells = [mean([row[name] for row in some]) for name in columns]
        lines.append(f"| {' | '.join([*first, f'{last} ({len(some)})', *cells])} |")
    return "\n".join(lines) + "\n"


def grouped(
    rows: Iterable[Mapping[str, Any]], *keys: str
) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Rows that have the same values of these keys, in their order."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return dict(sorted(groups.items()))


def saved(name: str) -> Any:
    """The result that `save` wrote before; empty if there is none."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text())["result"] if path.is_file() else {}


def save(name: str, result: Any, **settings: Any) -> None:
    """Write a result beside the script that made it, with machine, versions, settings and date."""
    RESULTS.mkdir(exist_ok=True)
    about = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "entropae": entropae.__version__,
        },
        "settings": settings,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"about": about, "result": result}, indent=1) + "\n")
    print(f"Wrote {path}.")
