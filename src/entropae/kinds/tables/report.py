"""Sections of a report about rows of a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from entropae.drawing.blocks import Block, Table
from entropae.kinds import written
from entropae.kinds.values.errors import squared_errors
from entropae.kinds.values.report import COMPARED
from entropae.prior import TITLES

COMMON = 3  # values of a column that are named

interpolations = written.interpolations


def samples(run: Any) -> list[Block]:
    """Samples of each prior beside real ones, and what each column has."""
    return [*written.samples(run), _columns(run)]


def _columns(run: Any) -> Table:
    kind = run.train.kind
    said = {f"real, {run.others}": _said(kind.table(run.held_out.spread(COMPARED)))}
    for name in run.model.priors:
        drawn = kind.table(run.samples(COMPARED, name), drawn=True, seed=run.seed)
        said[f"from {TITLES.get(name, name)}"] = _said(drawn)
    names = [column.name for column in kind.columns.columns]
    rows = [[name, *(table[name] for table in said.values())] for name in names]
    caption = "Each column: mean ± standard deviation, or the commonest values and their shares."
    return Table(caption, ["column", *said], rows, words=True)


def _said(table: Any) -> dict[str, str]:
    """What the columns of a `pyarrow.Table` have, in a few words each."""
    return {name: _column(table.column(name).to_pylist()) for name in table.column_names}


def _column(values: list[Any]) -> str:
    there = [value for value in values if value is not None]
    missing = f"; missing {1 - len(there) / len(values):.0%}" if len(there) < len(values) else ""
    numbers = all(isinstance(value, int | float) and value is not True for value in there)
    if numbers and len(set(there)) > COMMON:
        return f"{np.mean(there):.3g} ± {np.std(there):.3g}{missing}"
    common = Counter(map(str, there)).most_common(COMMON)
    return ", ".join(f"{value} {n / len(values):.0%}" for value, n in common) + missing


def reconstructions(run: Any) -> list[Block]:
    """Held-out rows and what comes out."""
    return written.reconstructions(run, squared_errors, "squared error per value")


def nearest(run: Any) -> list[Block]:
    """Whether rows are copies."""
    return written.nearest(run, "between rows as the model sees them")
