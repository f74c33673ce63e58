"""Rows that are there more than once, which is something else than rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from entropae.variables.kind import Variable

# Share of a column's ties that must be those of whole rows.
WHOLE = 0.5


def repeated_rows(variables: Sequence[Variable]) -> Bool[np.ndarray, " n"] | None:
    """Which rows are there more than once, if that is why columns without a step have ties.

    A table of which rows were drawn several times, or pasted twice, has ties in all its columns at
    the same rows. Spread in each column, they would be rows of their own, which they are not.

    Args:
        variables: The columns, at least two for rows to differ from values.

    Returns:
        Booleans of shape `(n,)`; `None` if rows do not repeat, or their values would anyway.
    """
    without_step = [v for v in variables if v.cells is not None and v.cells.step is None]
    if len(variables) < 2 or not without_step:
        return None
    columns = np.stack([_codes(variable) for variable in variables], 1)
    repeated = _occur_again(columns)
    tied = np.mean([_occur_again(v.values[:, None]).mean() for v in without_step])
    return repeated if repeated.mean() >= WHOLE * tied else None


def without_gaps(variables: Sequence[Variable]) -> list[Variable]:
    """The columns, those whose ties are of repeated rows taken as they are."""
    if repeated_rows(variables) is None:
        return list(variables)
    return [v.unspread() if v.cells and v.cells.step is None else v for v in variables]


def _codes(variable: Variable) -> np.ndarray:
    if variable.kind == "discrete" and variable.classes is not None:
        return variable.classes.astype(np.float64)
    return variable.values.astype(np.float64)


def _occur_again(rows: np.ndarray) -> Bool[np.ndarray, " n"]:
    _, which, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return counts[which.reshape(-1)] > 1
