"""The plain autoencoder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from entropae.latent.base import Latent, LatentOutput
from entropae.nn.normalization import Standardize


class Plain(Latent):
    """No distribution asked: the code is the encoder's output (AE), standardised or not (AE + BN).

    Args:
        dim: Dimensions of the code.
        standardize: Batch normalisation without affine parameters.
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).
    """

    def __init__(self, dim: int, *, standardize: bool = False, head: str | None = None) -> None:
        super().__init__(dim, head)
        self.standardize = standardize
        if standardize:
            self.norm = Standardize(dim)

    def forward(self, h: Float[Tensor, "n d"]) -> LatentOutput:
        """The code, and no penalty."""
        self.check(h)
        return LatentOutput(self.norm(h), {})
