"""Principal components of a sample."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# Variance, relative to the largest, below which a direction is one of rounding.
LEAST = 1e-12


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
    values, vectors = largest(centred @ centred.T if wide else centred.T @ centred)
    axes = centred.T @ vectors / values.sqrt() if wide else vectors
    return PrincipalComponents(mean, axes.T, values / max(1, len(x) - 1))


def largest(square: Float[Tensor, "k k"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "k r"]]:
    """Eigenvalues that are more than rounding, the largest first, and their vectors."""
    values, vectors = torch.linalg.eigh(square)
    values, vectors = values.flip(0), vectors.flip(1)
    kept = values > LEAST * values[0].clamp(min=torch.finfo(values.dtype).tiny)
    return values[kept], vectors[:, kept]
