"""Laws without a density: constant and linearly dependent columns, found and named."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.whitening import standardize


@torch.no_grad()
def why_degenerate(points: Float[Tensor, "n d"]) -> str | None:
    """Which columns keep the sample's law from having a density, in words; None if none do.

    Dependence is looked for where there are more points than dimensions; it is exact when what is
    left of a combination of columns is no more than the rounding of the columns themselves.
    """
    constant = (points == points[0]).all(0).nonzero()[:, 0].tolist()
    if constant:
        which = "Column {} of `x` is" if len(constant) == 1 else "Columns {} of `x` are"
        return (
            f"{which.format(_names(constant))} constant, so the law has no density, the entropy is "
            "-inf. Drop what is constant to measure the entropy of the others."
        )
    dependent = _dependent(points)
    if dependent:
        return (
            f"Columns {_names(dependent)} of `x` are linearly dependent, so the law has no "
            "density, the entropy is -inf. Drop one of them to measure the entropy of the others."
        )
    return None


def _dependent(points: Tensor) -> list[int]:
    n, d = points.shape
    if d == 1 or n <= d:
        return []
    x = points.double()
    standard, scale = standardize(x)
    # What rounding to the sample's own precision adds to columns of unit variance.
    eps = torch.finfo(points.dtype).eps
    rounding = float((x.abs().amax(0) / scale).max()) * eps + 16 * d * torch.finfo(x.dtype).eps
    # Squaring costs half the digits but little time, and nearly always answers.
    if torch.linalg.eigvalsh(standard.T @ standard / n)[0] > max(1e-10, 4 * rounding**2):
        return []
    _, values, directions = torch.linalg.svd(torch.linalg.qr(standard, mode="r")[1] / n**0.5)
    null = directions[values <= rounding]
    return (null.abs() > 1e-6).any(0).nonzero()[:, 0].tolist()


def _names(columns: list[int]) -> str:
    return ", ".join(map(str, columns[:8])) + (", …" if len(columns) > 8 else "")
