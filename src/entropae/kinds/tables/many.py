"""Categories that are too many for a state each: their order, in which neighbours are alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from entropae.kinds.tables.column import Column

PRIOR = 5.0  # rows by which the mean of a category's rows is drawn to that of all


def ordered(
    column: Column, place: Int[np.ndarray, " n"], others: Float[np.ndarray, "n w"]
) -> Column:
    """A column of many categories, in the order of what the other columns have beside them.

    A category's place is where the mean of its rows lies along the first principal direction of
    these means, so that a score a little off is a category much alike.

    Args:
        column: With its categories in any order.
        place: Which of them each row has; −1 for none.
        others: The other columns of these rows as vectors.
    """
    if not others.shape[1]:
        return column
    there = place >= 0
    place, x = place[there], others[there] - others[there].mean(0)
    x = x / np.maximum(x.std(0), 1e-9)
    assert column.labels is not None
    counts = np.bincount(place, minlength=len(column.labels))
    sums = np.zeros((len(counts), x.shape[1]))
    np.add.at(sums, place, x)
    means = sums / (counts + PRIOR)[:, None]
    weighted = means * np.sqrt(counts)[:, None]
    direction = np.linalg.eigh(weighted.T @ weighted)[1][:, -1]
    order = np.argsort(means @ direction, kind="stable")
    labels = tuple(column.labels[i] for i in order)
    return replace(column, labels=labels, knots=column.knots[order])
