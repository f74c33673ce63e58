"""Cells of rows as a person reads them: as the file has them that the rows came from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from entropae.kinds.tables.plain import spelt
from entropae.kinds.tables.style import Style

# Rows as vectors: of data, or made by the decoder from codes of some, or from drawn ones.
How = Literal["encoded", "decoded", "drawn"]
Cells = tuple[list[str], list[list[str]]]
NEW = "(in no training row)"
MANY, LEAST = 0.1, 5  # a share and a number of rows, above which there are many


def cells_of_vectors(
    kind: Any, x: Float[Tensor, "n w"], how: How, seed: int | None = None
) -> Cells:
    """Names of columns, and each row's values as texts.

    Only drawn rows have identifiers, which vectors do not hold. What is made keeps the rules.

    Args:
        kind: The `Tables` that they are of.
        x: The vectors.
        how: What they are.
        seed: Of what is drawn besides.
    """
    columns = kind.columns
    if how == "drawn":
        return cells_of_rows(kind, kind.repaired(x, drawn=True, seed=seed)[0])
    table = kind.table(x) if how == "encoded" else kind.repaired(x)[0]
    names, rows = cells_of_rows(kind, table.drop_columns([one.name for one in columns.identifiers]))
    for name, new in columns.unseen(x.cpu().numpy()).items() if how == "encoded" else ():
        for i in np.flatnonzero(new):
            rows[i][names.index(name)] = NEW
    return names, rows


def cells_of_rows(kind: Any, table: Any) -> Cells:
    """Names of columns, and the cells of each row of a `pyarrow.Table`."""
    style: Style = kind.style or Style()
    made = [style.texts_of(name, spelt(table.column(name))) for name in table.column_names]
    return table.column_names, [list(row) for row in zip(*made, strict=True)]


def mostly_new(columns: Any, x: Float[np.ndarray, "n w"]) -> dict[str, float]:
    """Columns of texts of which many rows have one that no training row has, and their share.

    Args:
        columns: What the vectors are of.
        x: Rows that were held out, as vectors.
    """
    labelled = {one.name for one in columns.columns if one.labels is not None}
    found: dict[str, Bool[np.ndarray, " n"]] = columns.unseen(x)
    return {
        name: float(new.mean())
        for name, new in found.items()
        if name in labelled and new.sum() > LEAST and new.mean() > MANY
    }
