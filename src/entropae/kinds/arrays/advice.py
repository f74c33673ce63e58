"""What to do with rows of numbers that are something else, or would suit another kind better."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.kinds.arrays.flattened import shape_of

# Rows up to which, and values for each from which, rows may well be meant to be values.
FEW, MANY = 20, 20
# Standard deviations of a normal distribution with the same quartiles; of a lognormal one whose
# logarithm has a deviation of 1 there are 2, of 1.5 about 5.
HEAVY, QUARTILES = 3.0, 1.349
WIDEST = 1000  # values of a row that may be a table's
COARSE = 1e-3  # of a deviation: steps of single precision from which a table is better


def advice(x: Float[Tensor, "n m"], n: int) -> str:
    """What to do, in a sentence or two; empty if these seem to be features.

    Args:
        x: Some of the rows.
        n: How many there are.
    """
    shape = shape_of(x)
    if shape is not None:
        return (
            f"They may be images of {shape[-1]} × {shape[-2]} pixels, flattened. To train on "
            f"images, save the array as these: x.reshape(-1, {', '.join(map(str, shape))})"
        )
    if n <= FEW and x.shape[1] >= MANY * n:
        return f"If the samples are the {x.shape[1]:,} columns, save the array as x.T"
    if x.shape[1] > WIDEST:
        return ""
    for where, what in (
        (_is_coarse(x), "vary so little beside their size that single precision rounds them off"),
        (_is_heavy(x), "spread over orders of magnitude, of which tables keep the shape"),
    ):
        if number := int(where.sum()):
            which = "All values" if number == x.shape[1] else f"{number} of {x.shape[1]} values"
            return (
                f"{which} {what}. To train on a table: "
                "pandas.DataFrame(x).add_prefix('x').to_csv('x.csv', index=False)"
            )
    return ""


def _is_coarse(x: Float[Tensor, "n m"]) -> Tensor:
    """Which values lie so far from 0 that the steps between numbers there are seen in them."""
    steps = x.abs().amax(0) * torch.finfo(torch.float32).eps
    deviations = x.double().std(0)
    return (deviations > 0) & (steps > COARSE * deviations)


def _is_heavy(x: Float[Tensor, "n m"]) -> Tensor:
    """Which values have tails so heavy that a mean and a deviation say little of them."""
    x = x.double()
    low, high = x.quantile(x.new_tensor([0.25, 0.75]), 0)
    return (x.std(0) * QUARTILES > HEAVY * (high - low)) & (high > low)
