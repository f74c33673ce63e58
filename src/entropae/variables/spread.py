"""Rounded values spread over what was rounded to them."""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Float

from entropae.variables.lattice import Cells


def spread(
    values: Float[np.ndarray, " n"], cells: Cells, *, seed: int = 0, turn: int = 0, copy: int = 0
) -> Float[np.ndarray, " n"]:
    """Each value at a random place of its cell, evenly.

    `X + U` tells `X`, and `U` tells nothing, so `X + U` has the same information on anything else
    as `X` has, exactly; its entropy is that of the rounded values plus the mean logarithm of the
    cells' widths.

    The places depend on the seed and on the column alone, so that a column is spread in the same
    way wherever it occurs.

    Args:
        values: A column.
        cells: The cell of each value.
        seed: For other places.
        turn: Which of several spreads of the same column.
        copy: Which occurrence of the same column in one estimate: copies are spread independently,
            else they would share digits that neither has.

    Returns:
        Values of shape `(n,)`.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).digest()
    key = [seed, turn, copy, int.from_bytes(digest, "little")]
    place = np.random.default_rng(key).random(len(values))
    return values - cells.below + place * (cells.below + cells.above)
