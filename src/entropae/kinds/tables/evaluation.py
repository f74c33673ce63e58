"""A model of a table measured: rows of each prior, and real ones beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm.auto import tqdm

from entropae.kinds.measures import Evaluating
from entropae.kinds.samples import Samples
from entropae.kinds.tables.comparison import compare_tables, marginal, real_rows, shared
from entropae.kinds.tables.pictures import write_pictures
from entropae.prior import BARE

REAL = "real rows"


def evaluate(
    kind: Any, model: Any, train: Samples, test: Samples, options: Evaluating
) -> dict[str, Any]:
    """Measure drawn rows of each prior against held-out ones.

    Args:
        kind: The `Tables` that the samples are of.
        model: A trained model.
        train: Its training rows.
        test: Held-out rows.
        options: How many of these, the target, and where pictures go.

    Returns:
        `samples`, how many rows were held out; the figures of reconstructions; for each prior, and
        for `real rows`, what `compare_tables` returns; and `columns`, for each prior how far each
        column is from the held-out one, as `marginal` has it.

    Raises:
        ValueError: If there are too few rows.
    """
    test = test.subset(np.arange(min(options.n, len(test))))
    known, others = (kind.table(rows.first(len(rows))) for rows in (train, test))
    asked: Any = {
        "target": options.target,
        "categories": kind.categories,
        "seed": options.seed,
    }
    result: dict[str, Any] = {"samples": len(test), **kind.figures(model, test)}
    by_column = {}
    made: dict[str, dict[str, Any]] = {name: {"prior": name} for name in model.priors}
    made |= {} if model.head is None else {BARE: {"prior": "normal", "head": False}}
    for name, how in tqdm(made.items(), "Measuring", disable=not options.progress):
        x = model.draw(max(len(train), 3 * len(test)), seed=options.seed, **how)
        drawn = kind.table(x, drawn=True, seed=options.seed)
        result[name] = compare_tables(known, others, drawn, **asked)
        columns = shared(known, others, drawn, categories=kind.categories)
        by_column[name] = {column.name: marginal(column) for column in columns}
        if options.out is not None:
            write_pictures(columns, options.out, name)
    result |= {REAL: real_rows(known, others, **asked), "columns": by_column}
    return result
