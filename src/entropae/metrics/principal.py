"""Principal components of a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# Variance, relative to the largest, below which a direction is one of rounding.
LEAST = 1e-12
# Numbers per sample up to which the square matrix of all of them is made.
SQUARE = 1024
# Of the iteration for more of them: directions besides those sought, and passes.
BESIDES = 16
PASSES = 12


class PrincipalComponents(NamedTuple):
    """Directions in which a sample varies, the one of the largest variance first."""

    mean: Float[Tensor, " m"]
    axes: Float[Tensor, "r m"]  # unit vectors
    variances: Float[Tensor, " r"]  # along them

    def scores(self, x: Float[Tensor, "n m"]) -> Float[Tensor, "n r"]:
        """Coordinates of points along the axes."""
        return (x.double() - self.mean) @ self.axes.T


def principal_components(x: Float[Tensor, "n m"]) -> PrincipalComponents:
    """Principal components, in double precision, from the smaller of the two square matrices.

    Args:
        x: Points, of which there are at least two.

    Returns:
        As many components as the points vary in, none if they coincide.

    Examples:
        >>> found = principal_components(torch.tensor([[1.0, 0.0], [1.0, 4.0], [1.0, 2.0]]))
        >>> found.axes.abs().tolist(), found.variances.tolist()
        ([[0.0, 1.0]], [4.0])
    """
    x = x.double()
    mean = x.mean(0)
    centred = x - mean
    wide = x.shape[0] < x.shape[1]
    values, vectors = torch.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    values, vectors = values.flip(0), vectors.flip(1)
    kept = values > LEAST * values[0].clamp(min=torch.finfo(values.dtype).tiny)
    values, vectors = values[kept], vectors[:, kept]
    axes = centred.T @ vectors / values.sqrt() if wide else vectors
    return PrincipalComponents(mean, axes.T, values / max(1, len(x) - 1))


def leading_components(
    batches: Callable[[], Iterable[Float[Tensor, "n m"]]], most: int, *, seed: int = 0
) -> PrincipalComponents:
    """The principal components of largest variance, from batches that are gone through repeatedly.

    Up to 1024 numbers per sample they are those of the exact covariance matrix; beyond, subspace
    iteration finds them in memory proportional to the numbers per sample.

    Args:
        batches: Gives all samples anew at each call.
        most: How many components; fewer if the samples vary in fewer directions.
        seed: Of the directions that the iteration begins with.

    Returns:
        The components, in double precision.

    References:
        Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011,
        algorithm 4.4.

    Examples:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 4.0], [1.0, 2.0]])
        >>> leading_components(lambda: x.split(2), 2).variances.tolist()
        [4.0]
    """
    n, mean = 0, torch.zeros(())
    for x in batches():
        n += len(x)
        mean = mean + x.sum(0, dtype=torch.float64)
    mean = mean / n

    def spread(q: Tensor | None = None) -> Tensor:
        """The covariance matrix, or its product with some directions."""
        total = torch.zeros(())
        for x in batches():
            centred = (x - mean.to(x.dtype)).to(torch.float64 if q is None else x.dtype)
            part = centred.T @ (centred if q is None else centred @ q.to(x.dtype))
            total = total + part.double()
        return total / max(1, n - 1)

    m = len(mean)
    if m <= SQUARE:
        values, vectors = torch.linalg.eigh(spread())
    else:
        generator = torch.Generator().manual_seed(seed)
        width = min(2 * most + BESIDES, n, m)
        q = torch.randn(m, width, generator=generator, dtype=torch.float64)
        for _ in range(PASSES):
            q = torch.linalg.qr(spread(q)).Q
        values, inner = torch.linalg.eigh(q.T @ spread(q))
        vectors = q @ inner
    values, vectors = values.flip(0)[:most], vectors.flip(1)[:, :most]
    # Rounding of single precision, in which the products are where the matrix is not made.
    least = LEAST if m <= SQUARE else 1e-7
    kept = values > least * values[0].clamp(min=torch.finfo(values.dtype).tiny)
    return PrincipalComponents(mean, vectors[:, kept].T, values[kept])
