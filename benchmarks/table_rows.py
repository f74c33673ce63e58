"""How many rows it takes: the default's two-sample AUC by the number of training rows.

The largest tables of `tables.py`, each with some numbers of rows to train on, beside the same 430
held-out rows, by the default command. Real rows are others of the table. One seed; the boosted
trees see three parts of 430 drawn rows. It runs where `tables.py` does, one table after the other,
and adds to what is there:

    rivals/bin/python benchmarks/table_rows.py census2000 --rows 1000 4000 16000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import tables
from entropae.kinds.tables.comparison import shared
from entropae.kinds.tables.comparison.privacy import privacy
from entropae.kinds.tables.comparison.quality import drawn_auc

from _machine import RESULTS, save

TEST = 430
FIGURES = ("copied", "closer", "membership", "membership_density", "disclosed")


def measured(name: str, rows: list[int], seed: int) -> dict[str, dict[str, float]]:
    """Figures by the number of training rows, and of real rows."""
    table = tables.read(name)
    order = np.random.default_rng(seed).permutation(len(table))
    test, rest = table.take(np.sort(order[:TEST])), order[TEST:]
    others = table.take(np.sort(rest[-3 * TEST :]))
    found = {}
    for n in rows:
        train = table.take(np.sort(rest[:n]))
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            drawn = tables.ours(train, seed, Path(folder))[""]
            seconds = time.perf_counter() - start
        columns = shared(train, test, tables.rounded(drawn, train))
        private = privacy(columns, seed=seed)
        found[str(n)] = {"auc": drawn_auc(columns, seed=seed), "seconds": seconds}
        found[str(n)] |= {key: private[key] for key in FIGURES}
        print(name, n, {k: round(v, 3) for k, v in found[str(n)].items()}, flush=True)
    found["real rows"] = {"auc": drawn_auc(shared(others, test, others), seed=seed)}
    print(name, "real rows", found["real rows"], flush=True)
    return found


def markdown(result: dict[str, dict[str, dict[str, float]]]) -> str:
    """A line for each table and number of training rows."""
    keys = ("auc", *FIGURES, "seconds")
    lines = ["| table | training rows | " + " | ".join(keys) + " |", "|-|-|" + "-|" * len(keys)]
    for name, found in result.items():
        for rows, one in found.items():
            values = [f"{one[key]:.3g}" if key in one else "–" for key in keys]
            lines.append(f"| {name} | {rows} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", help="census2000, cps1988, diamonds.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 4000, 16_000])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    path = RESULTS / "table_rows.json"
    result = json.loads(path.read_text())["result"] if path.is_file() else {}
    for name in options.names:
        result[name] = measured(name, options.rows, options.seed)
        save("table_rows", result, seed=options.seed, held_out=TEST)
        path.with_suffix(".md").write_text(markdown(result))


if __name__ == "__main__":
    main()
