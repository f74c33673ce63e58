"""The plain autoencoder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from entropae.latent.base import Coded, Latent, Standardize


class Plain(Latent):
    """No law asked: the code is the encoder's output (AE), standardised or not (AE + BN).

    Args:
        dim: Dimensions of the code.
        standardize: Batch normalisation without affine parameters.
    """

    def __init__(self, dim: int, *, standardize: bool = False) -> None:
        super().__init__(dim)
        self.standardize = standardize
        if standardize:
            self.norm = Standardize(dim)

    def forward(self, h: Float[Tensor, "n d"]) -> Coded:
        """The code, and no penalty."""
        self.check(h)
        return Coded(self.norm(h), {})
