"""Two samples to compare."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors import as_points
from entropae.variables import columns_of


def two_samples(x: Any, y: Any) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    """Two samples of features in double precision, checked against each other.

    Frames that have the same columns are compared column by column, whatever their order.
    """
    of_x, of_y = columns_of(x), columns_of(y)
    if of_x is not None and of_y is not None and set(of_x) == set(of_y):
        x, y = (np.stack([frame[name] for name in of_x], 1) for frame in (of_x, of_y))
    x, y = as_points(x, "x").detach().double(), as_points(y, "y").detach().double()
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"`x` and `y` must have equal dimensions: got {x.shape[1]}, {y.shape[1]}.")
    if min(len(x), len(y)) < 2:
        raise ValueError(f"Each sample must have at least 2 points: got {len(x)} and {len(y)}.")
    return x, y
