"""How many rows it takes: the default's two-sample AUC by the number of training rows.

The three largest tables of `tables.py`, with 1000, 4000 and 16 000 rows to train on, each beside
the same 430 held-out rows, by the default command. Real rows are others of the table. One seed;
the boosted trees see three parts of 430 drawn rows. It runs where `tables.py` does:

    rivals/bin/python benchmarks/table_rows.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import tables
from entropae.kinds.tables.comparison import shared
from entropae.kinds.tables.comparison.privacy import privacy
from entropae.kinds.tables.comparison.quality import drawn_auc

from _machine import save

NAMES = ("census2000", "cps1988", "diamonds")
ROWS = (1000, 4000, 16_000)
TEST = 430
FIGURES = ("copied", "closer", "membership", "membership_density", "disclosed")


def measured(name: str, seed: int) -> dict[str, dict[str, float]]:
    """Figures by the number of training rows, and of real rows."""
    table = tables.read(name)
    order = np.random.default_rng(seed).permutation(len(table))
    test, rest = table.take(np.sort(order[:TEST])), order[TEST:]
    others = table.take(np.sort(rest[-3 * TEST :]))
    found = {}
    for n in ROWS:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    warnings.filterwarnings("ignore")
    result = {}
    for name in NAMES:
        result[name] = measured(name, seed)
        save("table_rows", result, seed=seed, rows=ROWS, held_out=TEST)


if __name__ == "__main__":
    main()
