"""Two related tables: are drawn siblings as alike, and as many, as those of the data?

A simulated shop, of which the truth is known: customers with a town and an income, and orders,
between 1.5 (elsewhere) and 4 (in Oslo) of them on average. Amounts (their logarithms) depend on
the income and on a taste of the customer that no column has; items are mostly tea or mostly coffee;
notes depend on the town alone. 600 customers are learnt from, of which a tenth is held out; figures
are of 5000 new ones beside 5000 that were drawn. "Plain means": what children have in common is
their plain mean and commonest value instead of a draw from its posterior.

    .venv/bin/python benchmarks/related.py --seeds 3
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa

import entropae as ea
from entropae.kinds.tables.comparison.related import intraclass
from entropae.kinds.tables.related import parents_of
from entropae.kinds.tables.siblings import Siblings

from _machine import RESULTS, save, table

LEARNT, NEW = 600, 5000
COLUMNS = {"amount": False, "item": True, "note": True}  # whether of categories
SAID = {
    "amount": "likeness of amounts",
    "item": "of items",
    "note": "of notes",
    "count": "orders, in Oslo",
    "elsewhere": "elsewhere",
    "income": "amount and income",
}


def shop(n: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """Customers, and their orders."""
    random = np.random.default_rng(seed)
    town = random.choice(["Oslo", "Rome", "Bath"], n)
    income, taste = random.normal(size=n), random.normal(size=n)
    ids = np.array([f"C-{i:06}" for i in random.permutation(10 * n)[:n]])
    of = np.repeat(np.arange(n), random.poisson(np.where(town == "Oslo", 4, 1.5)))
    logs = 0.6 * income[of] + 0.5 * taste[of] + np.sqrt(0.39) * random.normal(size=len(of))
    tea = random.random(len(of)) < np.where(random.random(n) < 0.5, 0.85, 0.15)[of]
    note = random.random(len(of)) < np.where(town == "Rome", 0.8, 0.3)[of]
    customers = {"id": ids, "town": town, "income": np.exp(10 + 0.4 * income).round(-2)}
    orders = {
        "customer": ids[of],
        "amount": np.exp(3 + logs).round(2),
        "item": np.where(tea, "tea", "coffee"),
        "note": np.where(note, "ciao", "hi"),
    }
    return pa.table(customers), pa.table(orders)


def figures(customers: pa.Table, orders: pa.Table) -> dict[str, float]:
    """How alike siblings are, how many there are, and how amounts go with incomes."""
    places = parents_of(customers, orders, "id", "customer")
    values = {
        "amount": np.log(orders["amount"].to_numpy()),
        "item": (orders["item"].to_numpy(zero_copy_only=False) == "tea").astype(float),
        "note": (orders["note"].to_numpy(zero_copy_only=False) == "ciao").astype(float),
    }
    found = {name: intraclass(values[name], places) for name in COLUMNS}
    counts = np.bincount(places, minlength=len(customers))
    oslo = customers["town"].to_numpy(zero_copy_only=False) == "Oslo"
    incomes = np.log(customers["income"].to_numpy())[places]
    return found | {
        "count": float(counts[oslo].mean()),
        "elsewhere": float(counts[~oslo].mean()),
        "income": float(np.corrcoef(incomes, values["amount"])[0, 1]),
    }


def drawn(seed: int, *, plain: bool) -> dict[str, float]:
    """Figures of what a model draws."""
    customers, orders = shop(LEARNT, seed)
    never = mock.PropertyMock(return_value=False)
    how: Any = {"key": "id", "foreign_key": "customer", "seed": seed, "progress": False}
    if plain:
        with mock.patch.object(Siblings, "are_enough", never):
            model = ea.synthesize_related(customers, orders, **how)
    else:
        model = ea.synthesize_related(customers, orders, **how)
    return figures(*model.sample(NEW, seed=seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    result: dict[str, list[dict[str, float]]] = {
        "new real rows": [],
        "drawn": [],
        "plain means": [],
    }
    for seed in range(options.seeds):
        result["new real rows"].append(figures(*shop(NEW, 100 + seed)))
        result["drawn"].append(drawn(seed, plain=False))
        result["plain means"].append(drawn(seed, plain=True))
    save("related", result, seeds=options.seeds, learnt=LEARNT, new=NEW)
    shown = table(result, SAID, "orders")
    (RESULTS / "related.md").write_text(shown)
    print(shown)


if __name__ == "__main__":
    main()
