"""Rows that are there more than once, which is something else than rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from entropae.variables.kind import Variable

# Different rows for each different value of a column up to which the rows are what repeats.
FEW = 1.05
# Of one column: share of rows with ties, and rows of a value on average, of which copies are told.
SOME, MANY = 0.05, 3.0
# Values around one that say how wide a gap is there, and small gaps that chance must make.
AROUND, ENOUGH = 21, 10


def repeated_rows(variables: Sequence[Variable]) -> Bool[np.ndarray, " n"] | None:
    """Which rows are there more than once, if that is why columns without a step have ties.

    A table of which rows were drawn several times, or pasted twice, has ties in all its columns at
    the same rows, and so hardly more different rows than a column has values. Spread in each
    column, they would be rows of their own, which they are not. Of a single column, see `copied`.

    Args:
        variables: The columns.

    Returns:
        Booleans of shape `(n,)`; `None` if rows do not repeat, or their values would anyway.
    """
    numbers = [v for v in variables if v.kind not in ("discrete", "constant")]
    without_step = [v for v in numbers if v.cells is not None and v.cells.step is None]
    if not without_step:
        return None
    if len(numbers) == 1:
        return copied(without_step[0].values.astype(np.float64))
    rows = np.stack([v.values.astype(np.float64) for v in numbers], 1)
    different, which, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    least = min(len(np.unique(v.values)) for v in without_step)
    return counts[which.reshape(-1)] > 1 if len(different) <= FEW * least else None


def copied(values: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"] | None:
    """Which values of a column without a step are there more than once, if they are copies.

    Values that can be no others, such as logarithms of whole numbers, have ties as well, but no two
    of them are nearer than the gap between those that they can be, which the share of ties tells.
    Values of a density have gaps of all sizes between them, whichever are drawn again.

    Args:
        values: The column.

    Returns:
        Booleans of shape `(n,)`; `None` if there are few ties, or they are no copies.

    Examples:
        >>> x = np.random.default_rng(0).lognormal(4, 1, 1000)
        >>> copied(np.random.default_rng(1).choice(x, 1000)).mean().round(1)
        np.float64(0.6)
        >>> copied(np.log(x.round())) is None
        True
    """
    from scipy.ndimage import median_filter

    different, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    tied = counts[which] > 1
    share = float(tied.mean())
    if share < SOME or counts.mean() > MANY:
        return None
    # On a lattice, a value is there so many times on average, and no gap is below its step.
    rate = -np.log1p(-min(share, 1 - 1e-9))
    least = min(0.5, rate / 2)
    gaps = np.diff(different)
    small = int((gaps < least * median_filter(gaps, AROUND)).sum())
    by_chance = len(gaps) * (1 - 2**-least)
    return tied if by_chance >= ENOUGH and small >= by_chance / 2 else None


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
    """The columns, of several those whose ties are of repeated rows taken as they are.

    A single one keeps its cells: without, all distances to its copies would be 0.

    Args:
        variables: The columns.
        repeated: See `repeated_rows`.
    """
    if repeated is None or len(variables) == 1:
        return list(variables)
    return [v.unspread() if v.cells and v.cells.step is None else v for v in variables]
