"""Parts less what is linear in the part that is given, which leaves conditional information as is.

    I(X; Y | Z) = I(X − A Z; Y − B Z | Z),    for any A and B.

Of a part that is nearly told by what is given, as the next value of a slow series by its last,
hardly anything is left within the distance to a neighbour: counts then say that X and Y are
independent. What is not linear in Z is as wide as any other part.
"""

from __future__ import annotations

import numpy as np

from entropae.information.parts import Part

# Share of a column's variance that is left beside what is linear in what is given, below which
# that is taken away, and below which it may be rounding.
LEFT, ROUNDING = 0.5, 1e-24
# Rows for each column that is given, to tell what is linear in it.
ROWS = 20


def less_given(part: Part, given: Part) -> Part:
    """A part, of each column what is not linear in those of another, with the variance it had.

    Args:
        part: Coordinates, left as they are if there are classes or periods, or few rows.
        given: What is linear in these is taken away.
    """
    n, d = given.values.shape
    special = any(one.classes is not None or one.period is not None for one in (part, given))
    if special or not d or n < ROWS * d:
        return part
    x, z = (one.values - one.values.mean(0) for one in (part, given))
    rest = x - z @ np.linalg.lstsq(z, x, rcond=None)[0]
    variance = x.var(0)
    left = rest.var(0) / np.where(variance > 0, variance, 1.0)
    taken = (left < LEFT) & (left > ROUNDING)
    return Part(np.where(taken, rest / np.sqrt(np.where(taken, left, 1.0)), part.values))
