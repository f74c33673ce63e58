"""Distributions without a density: constant and linearly dependent columns, found and named."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.whitening import standardize

# Smallest eigenvalue of a matrix of correlations that is far from where rounding could hide a 0.
SAFE = 1e-8
FEW = 8  # columns that are named


@torch.no_grad()
def why_degenerate(points: Float[Tensor, "n d"], names: Sequence[str] = ()) -> str | None:
    """Which columns keep the distribution from having a density, in words; None if none do.

    Dependence is looked for where there are more points than dimensions; it is exact when what is
    left of a combination of columns is no more than the rounding of the columns themselves.

    Args:
        points: The sample.
        names: What its columns are called; by default their numbers.
    """
    if _is_plainly_dense(points):
        return None
    constant = (points == points[0]).all(0).nonzero()[:, 0].tolist()
    if constant:
        return say_constant(constant, names)
    dependent = _dependent(points)
    return say_dependent(dependent, names) if dependent else None


@torch.no_grad()
def dependent_columns(points: Float[Tensor, "n d"]) -> list[int]:
    """Which columns are linearly dependent, but for rounding; see `why_degenerate`."""
    return [] if _is_plainly_dense(points) else _dependent(points)


def _is_plainly_dense(points: Float[Tensor, "n d"]) -> bool:
    """Whether the columns' correlations alone, in few steps, rule out what is looked for.

    They do if the matrix of correlations less `SAFE` is still positive definite, where no column's
    offset is so large that rounding would matter.
    """
    n, d = points.shape
    if n <= d:
        return False
    x = points.double()
    centred = x - x.mean(0)
    scale = torch.linalg.vector_norm(centred, dim=0)
    standard = centred / scale
    correlation = standard.T @ standard
    correlation.diagonal().sub_(SAFE)
    failed = torch.linalg.cholesky_ex(correlation)[1]
    offset = x.abs().amax(0) / scale * n**0.5
    # No number passes that is not one: a comparison with NaN is false.
    return bool((failed == 0) & (offset.amax() * torch.finfo(points.dtype).eps < 1e-6))


def infinite(points: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """−∞, whose gradient is no number, as that of points which coincide."""
    return (0 * points.sum()).abs().log()


def say_constant(columns: list[int], names: Sequence[str] = ()) -> str:
    """Constant columns named."""
    which, are = ("Column", "is") if len(columns) == 1 else ("Columns", "are")
    return (
        f"{which} {called(columns, names)} {are} constant, so the distribution has no density, the "
        "entropy is -inf. Drop what is constant to measure the entropy of the others."
    )


def say_dependent(columns: list[int], names: Sequence[str] = ()) -> str:
    """Linearly dependent columns named."""
    return (
        f"Columns {called(columns, names)} are linearly dependent, so the distribution has no "
        "density, the entropy is -inf. Drop one of them to measure the entropy of the others."
    )


def called(columns: list[int], names: Sequence[str], sample: str = " of `x`") -> str:
    """The first few columns, by their names or by their numbers in a sample."""
    few = [names[i] if names else str(i) for i in columns[:FEW]]
    return ", ".join(few) + ", …" * (len(columns) > FEW) + ("" if names else sample)


def _dependent(points: Tensor) -> list[int]:
    n, d = points.shape
    if d == 1 or n <= d:
        return []
    x = points.double()
    standard, scale = standardize(x)
    most = rounding(x.abs().amax(0) / scale, points.dtype)
    # Squaring costs half the digits but little time, and nearly always answers.
    if torch.linalg.eigvalsh(standard.T @ standard / n)[0] > max(1e-10, 4 * most**2):
        return []
    return null_columns(torch.linalg.qr(standard, mode="r")[1] / n**0.5, most)


def rounding(largest: Float[Tensor, " d"], dtype: torch.dtype) -> float:
    """What rounding to a sample's own precision adds to columns of unit variance.

    Args:
        largest: Largest absolute value of each column, in standard deviations.
        dtype: The sample's own.
    """
    own, ours = torch.finfo(dtype).eps, torch.finfo(torch.float64).eps
    return float(largest.max()) * own + 16 * len(largest) * ours


def null_columns(factor: Float[Tensor, "d d"], most: float) -> list[int]:
    """Columns of `X`, of unit variance, in combinations that vanish but for rounding.

    Args:
        factor: `R` of `X'X/n = R'R`.
        most: What rounding can leave of such a combination.
    """
    _, values, directions = torch.linalg.svd(factor)
    null = directions[values <= most]
    return (null.abs() > 1e-6).any(0).nonzero()[:, 0].tolist()
