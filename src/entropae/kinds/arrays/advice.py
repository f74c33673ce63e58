"""What to do with rows of numbers that are something else, or would suit another kind better."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from entropae.kinds.arrays.flattened import shape_of

# Rows up to which, and values for each from which, rows may well be meant to be values.
FEW, MANY = 20, 20
# Standard deviations of a normal distribution with the same quartiles; of a lognormal one whose
# logarithm has a deviation of 1 there are 2, of 1.5 about 5.
HEAVY, QUARTILES = 3.0, 1.349
WIDEST = 1000  # values of a row that may be a table's


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
    heavy = int(_is_heavy(x).sum()) if x.shape[1] <= WIDEST else 0
    if not heavy:
        return ""
    which = "All values" if heavy == x.shape[1] else f"{heavy} of {x.shape[1]} values"
    return (
        f"{which} spread over orders of magnitude, of which tables keep the shape. To train on a "
        "table: pandas.DataFrame(x).to_csv('x.csv', index=False)"
    )


def _is_heavy(x: Float[Tensor, "n m"]) -> Tensor:
    """Which values have tails so heavy that a mean and a deviation say little of them."""
    x = x.double()
    low, high = x.quantile(x.new_tensor([0.25, 0.75]), 0)
    return (x.std(0) * QUARTILES > HEAVY * (high - low)) & (high > low)
