"""A model of a table measured: rows of each prior, and real ones beside them."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from entropae.kinds.measures import Evaluating
from entropae.kinds.samples import Samples
from entropae.kinds.tables import forms
from entropae.kinds.tables.cells import mostly_new
from entropae.kinds.tables.column import numbers_of, read_values
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.comparison import (
    compare_tables,
    marginal,
    more_held_out,
    real_rows,
    shared,
)
from entropae.kinds.tables.pictures import write_pictures
from entropae.kinds.tables.plain import type_of
from entropae.prior import BARE

REAL = "real rows"
# Arrow's types of what texts write, by its meaning and what it is counted in.
TIMES = {
    ("date", "D"): "date32[day]",
    ("date-time", "s"): "timestamp[s]",
    ("date-time", "us"): "timestamp[us]",
    ("time", "s"): "time32[s]",
    ("time", "us"): "time64[us]",
    ("time span", "ns"): "duration[ns]",
}
FEW = 5  # held-out rows of a class, below which nothing is said of its prediction


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
    known, others = (
        comparable(kind.columns, kind.table(rows.first(len(rows)))) for rows in (train, test)
    )
    gone = _left_out(kind.columns, test, options.target)
    known, others = known.drop_columns(gone), others.drop_columns(gone)
    if options.target is not None and options.target in kind.categories:
        _warn_of_few(known, others, options.target)
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
        n = drawn_beside(len(train), len(test))
        drawn = comparable(kind.columns, kind.drawn(model, n, seed=options.seed, **how)[0])
        drawn = drawn.drop_columns(gone)
        result[name] = compare_tables(known, others, drawn, **asked)
        columns = shared(known, others, drawn, categories=kind.categories)
        by_column[name] = {column.name: marginal(column) for column in columns}
        if options.out is not None:
            write_pictures(columns, options.out, name)
    result |= {REAL: real_rows(known, others, **asked), "columns": by_column}
    return result


def _left_out(columns: Columns, test: Samples, target: str | None) -> list[str]:
    """Columns of texts that held-out rows have mostly others of than training rows.

    What no training row has is taken for one text, by which real rows would be told from real rows.
    """
    gone = mostly_new(columns, test.first(len(test)).numpy())
    gone.pop(target or "", None)
    if len(gone) == len(columns.columns):
        return []
    for name, share in gone.items():
        warnings.warn(
            f"The column {name!r} is left out of the figures: {share:.0%} of the held-out rows "
            "have a text in it that no training row has. Drawn rows have those of training rows.",
            stacklevel=4,
        )
    return list(gone)


def _warn_of_few(train: Any, test: Any, target: str) -> None:
    """Say if so few rows of a class are held out that its prediction is hardly measured."""
    counts = Counter(test.column(target).to_pylist())
    classes = Counter(value for value in train.column(target).to_pylist() if value is not None)
    rarest = min(classes, key=lambda value: (counts[value], str(value)), default=None)
    if rarest is not None and counts[rarest] < FEW:
        warnings.warn(
            f"{counts[rarest]} of {len(test)} held-out rows have {target}={rarest}: how well it is "
            f"predicted is hardly measured. {more_held_out(FEW, counts[rarest] + classes[rarest])}",
            stacklevel=4,
        )


def drawn_beside(train: int, test: int) -> int:
    """How many rows are drawn to be compared with so many training and held-out ones."""
    return max(train, 3 * test)


def comparable(columns: Columns, table: Any) -> Any:
    """Rows as they are compared: without identifiers, which are made anew; dates of texts as such.

    Args:
        columns: Of the rows, and maybe others.
        table: The rows, a `pyarrow.Table`.
    """
    import pyarrow as pa

    made = {}
    for column in columns.columns:
        if column.name not in table.column_names:
            continue
        values = table.column(column.name)
        if column.form:
            found = read_values(column, values)
            numbers, known = numbers_of(column, found)
            values = pa.array(numbers, mask=found.absent | ~known)
            kind = TIMES.get((column.meaning, forms.unit_of(column.form)))
            if kind is not None:
                whole = pa.int32() if "32" in kind else pa.int64()
                values = values.cast(whole).cast(type_of(kind))
        made[column.name] = values
    return pa.table(made)
