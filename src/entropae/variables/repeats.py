"""Rows that are there more than once, which is something else than rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from entropae.variables.kind import Variable

# Different rows for each different value of a column up to which the rows are what repeats.
FEW = 1.05


def repeated_rows(variables: Sequence[Variable]) -> Bool[np.ndarray, " n"] | None:
    """Which rows are there more than once, if that is why columns without a step have ties.

    A table of which rows were drawn several times, or pasted twice, has ties in all its columns at
    the same rows, and so hardly more different rows than a column has values. Spread in each
    column, they would be rows of their own, which they are not.

    Args:
        variables: The columns.

    Returns:
        Booleans of shape `(n,)`; `None` if rows do not repeat, or their values would anyway.
    """
    numbers = [v for v in variables if v.kind not in ("discrete", "constant")]
    without_step = [v for v in numbers if v.cells is not None and v.cells.step is None]
    if len(numbers) < 2 or not without_step:
        return None
    rows = np.stack([v.values.astype(np.float64) for v in numbers], 1)
    different, which, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    least = min(len(np.unique(v.values)) for v in without_step)
    return counts[which.reshape(-1)] > 1 if len(different) <= FEW * least else None


def say_repeated(share: float) -> str:
    """What such rows do to estimates by nearest neighbours, and what to do, in words.

    Args:
        share: Of the rows, those that are there more than once.
    """
    return (
        f"{share:.0%} of the rows are there more than once, and are each other's nearest "
        "neighbours: an entropy comes out too small, a divergence or a mutual information too "
        "large. If they are copies, as after a join or of rows drawn again, leave the second ones "
        "out: drop_duplicates() of a frame, np.unique(x, axis=0) of an array."
    )


def without_gaps(
    variables: Sequence[Variable], repeated: Bool[np.ndarray, " n"] | None
) -> list[Variable]:
    """The columns, those whose ties are of repeated rows taken as they are.

    Args:
        variables: The columns.
        repeated: See `repeated_rows`.
    """
    if repeated is None:
        return list(variables)
    return [v.unspread() if v.cells and v.cells.step is None else v for v in variables]
