"""Rounded values spread over what was rounded to them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from entropae.variables.lattice import Cells

# Relative size of a cell from which float64 has too few digits for places in it.
ROUNDED = 1e-11


def spread(
    values: Float[np.ndarray, " n"], cells: Cells, *, seed: int = 0, turn: int = 0, copy: int = 0
) -> Float[np.ndarray, " n"]:
    """Each value at a random place of its cell, evenly.

    `X + U` tells `X`, and `U` tells nothing, so `X + U` has the same information on anything else
    as `X` has, exactly; its entropy is that of the rounded values plus the mean logarithm of the
    cells' widths.

    The places depend on the seed and on the order of the column's values alone, so that a column is
    spread in the same way wherever it occurs, and in whatever unit.

    Args:
        values: A column.
        cells: The cell of each value.
        seed: For other places.
        turn: Which of several spreads of the same column.
        copy: Which occurrence of the same column in one estimate: copies are spread independently,
            else they would share digits that neither has.

    Returns:
        Values of shape `(n,)`; far from 0, where places in a cell would be rounded away, less the
        least of them.
    """
    key = [seed, turn, copy, int.from_bytes(fingerprint(cells), "little")]
    place = np.random.default_rng(key).random(len(values))
    width = cells.below + cells.above
    exact = values.astype(np.float64)
    if np.abs(exact).max() * ROUNDED > width[width > 0].min(initial=np.inf):
        exact = exact - exact.min()
    return exact - cells.below + place * width


def fingerprint(cells: Cells) -> bytes:
    """What columns share that are copies of each other but for their units."""
    return hashlib.blake2b(cells.rank.tobytes(), digest_size=8).digest()


def copies_of(cells: Sequence[Cells | None]) -> list[int]:
    """Which occurrence of the same column each one is, from 0; 0 for those that are not rounded."""
    seen: dict[bytes, int] = {}
    found = []
    for one in cells:
        key = b"" if one is None else fingerprint(one)
        found.append(0 if one is None else seen.get(key, 0))
        seen[key] = found[-1] + 1
    return found
