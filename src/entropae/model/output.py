"""What an autoencoder makes of a batch: the code, the reconstruction, its error and the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from entropae.latent import Penalty
from entropae.nn.normalization import precise

# From a reconstruction and its batch to their error: a number, one per sample, or one per element.
ErrorFunction = Callable[[Tensor, Tensor], Tensor]


class AutoencoderOutput(NamedTuple):
    """What a batch becomes on its way through an autoencoder.

    Attributes:
        code: Shape `(n, dim)`.
        reconstruction: Shape of the batch; `None` for a decoder with a likelihood of its own, which
            is asked for the probability of the batch instead (see `Autoencoder`).
        error: The reconstruction error, a scalar: a mean over the batch. In nats per sample where
            the decoder has a likelihood of its own.
        penalties: What the latent asks besides, by name.
        loss: What training minimises (see `total_loss`).
    """

    code: Float[Tensor, "n d"]
    reconstruction: Shaped[Tensor, "n ..."] | None
    error: Float[Tensor, ""]
    penalties: dict[str, Penalty]
    loss: Float[Tensor, ""]


def squared_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Squared error of each element: the default reconstruction error."""
    return (precise(reconstruction) - precise(x)).square()


def error_function(decoder: nn.Module) -> ErrorFunction:
    """The decoder's own `error`, if it has such a method, else the squared error."""
    return getattr(decoder, "error", squared_error)


def total_loss(
    error: Float[Tensor, ""], penalties: Mapping[str, Penalty], *, nats: int | None = None
) -> Float[Tensor, ""]:
    """`log(error) + Σ weight · value`, what training minimises.

    The logarithm makes weights relative (see `Latent`); it is the Gaussian likelihood with its
    variance fitted, and for a plain autoencoder it changes nothing but the gradient's scale.

    Args:
        error: The reconstruction error.
        penalties: Of the latent.
        nats: Dimensions of the code, if the error is in nats: then it is divided by these, as
            penalties are, instead of taking its logarithm.

    References:
        Rybkin et al., "Simple and effective VAE training with calibrated decoders", ICML 2021.
    """
    floor = torch.finfo(error.dtype).tiny
    loss = (error + floor).log() if nats is None else error / nats
    for penalty in penalties.values():
        loss = loss + penalty.weight * penalty.value
    return loss
