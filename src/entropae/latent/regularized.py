"""Deterministic codes of no asked distribution: regularised autoencoders (RAE), and the sphere."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from entropae import distributed
from entropae.latent.base import Latent, LatentOutput, Penalty
from entropae.nn.normalization import precise


class Regularized(Latent):
    """The regularised autoencoder of Ghosh et al. (RAE; not a representation autoencoder).

    The penalty `norm` = ½ mean z² keeps the code small, and something keeps the decoder smooth: the
    penalty `decoder`, which is the sum of its squared weights (`"l2"`) or the mean squared norm of
    the gradient of its summed output in the code, per dimension (`"gradient"`); or spectral
    normalisation of its layers, each of which then has Lipschitz constant 1 (`"spectral"`).

    Args:
        dim: Dimensions of the code.
        weight: Of `norm`, relative (see `Latent`).
        decoder: `"l2"` (RAE-L2), `"gradient"` (RAE-GP) or `"spectral"` (RAE-SN).
        decoder_weight: Of `decoder`, relative. Spectral normalisation has none.
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).

    References:
        Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, section 3.
        Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018.
    """

    def __init__(
        self,
        dim: int,
        weight: float = 0.1,
        *,
        decoder: Literal["l2", "gradient", "spectral"] = "l2",
        decoder_weight: float = 1e-5,
        head: str | None = None,
    ) -> None:
        super().__init__(dim, head)
        if not (weight >= 0 and decoder_weight >= 0):
            raise ValueError(f"Weights must be >= 0: got {weight} and {decoder_weight}.")
        if decoder not in (known := [*DECODER_PENALTIES, "spectral"]):
            raise ValueError(f"`decoder` must be one of {', '.join(known)}: got {decoder!r}.")
        self.weight = weight
        self.decoder = decoder
        self.decoder_weight = decoder_weight

    def forward(self, h: Float[Tensor, "n d"]) -> LatentOutput:
        """The code, and its `norm`."""
        self.check(h)
        code = precise(h)
        return LatentOutput(
            code, {"norm": Penalty(0.5 * distributed.mean(code.square()), float(self.weight))}
        )

    @property
    def constrains(self) -> bool:
        """Whether it normalises the decoder's layers, of which weights of zero become NaN."""
        return self.decoder == "spectral"

    def constrain(self, decoder: nn.Module) -> None:
        """Spectral normalisation of every layer that has none."""
        if not self.constrains:
            return
        for layer in list(decoder.modules()):
            # Normalised layers hold no parameter of that name any more.
            weight = dict(layer.named_parameters(recurse=False)).get("weight")
            if weight is not None and weight.ndim > 1:
                spectral_norm(layer)

    def decoder_penalties(self, decoder: nn.Module, code: Tensor) -> dict[str, Penalty]:
        """The penalty `decoder`, in training."""
        if not self.training or self.decoder == "spectral":
            return {}
        value = DECODER_PENALTIES[self.decoder](decoder, code)
        return {"decoder": Penalty(value, float(self.decoder_weight))}


def squared_weights(decoder: nn.Module, code: Tensor) -> Tensor:
    """Sum of all squared parameters."""
    return torch.stack([parameter.square().sum() for parameter in decoder.parameters()]).sum()


def squared_gradient(decoder: nn.Module, code: Tensor) -> Tensor:
    """Mean square of the gradient of the decoder's summed output in each coordinate of the code."""
    point = code.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(decoder(point).sum(), point, create_graph=True)
    return distributed.mean(gradient.square())


DECODER_PENALTIES = {"l2": squared_weights, "gradient": squared_gradient}


class Spherical(Latent):
    """Codes on the sphere of radius √d, where N(0, I) has nearly all its mass in high dimension.

    Args:
        dim: Dimensions of the code.
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).
    """

    constraints = 1

    def __init__(self, dim: int, *, head: str | None = None) -> None:
        super().__init__(dim, head)

    def forward(self, h: Float[Tensor, "n d"]) -> LatentOutput:
        """The code, and no penalty."""
        self.check(h)
        return LatentOutput(self.project(precise(h)), {})

    def project(self, code: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Along the radius: N(0, I) becomes uniform on the sphere."""
        return math.sqrt(self.dim) * nn.functional.normalize(code, dim=1)
