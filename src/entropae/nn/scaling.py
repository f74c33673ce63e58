"""Networks of samples whose values are in units of their own."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.nn.architectures import decoder_of, encoder_of
from entropae.nn.mlp import GAIN
from entropae.nn.normalization import precise


class Scaling(NamedTuple):
    """Where the values of samples lie, and how far they spread.

    Attributes:
        mean: Of each value.
        scale: That a deviation from the mean is divided by.
    """

    mean: Float[Tensor, " m"]
    scale: Float[Tensor, " m"]

    @property
    def is_mixed(self) -> bool:
        """Whether the values are in several units, so that their errors are not to be added."""
        return bool(self.scale.min() < self.scale.max())

    @property
    def said(self) -> str:
        """How far values spread, in words."""
        return f"standard deviations from {self.scale.min():.2g} to {self.scale.max():.2g}"

    def points(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n m"]:
        """Samples as points whose squared distances are errors: divided, if units are mixed."""
        x = x.flatten(1)
        return (x - self.mean.to(x)) / self.scale.to(x) if self.is_mixed else x


class Scaled(nn.Module, ABC):
    """A network beside which lie the mean and the scale of each value of a sample.

    Until `set` these are 0 and 1. Its options are those of the layers inside.
    """

    layers: nn.Module
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        layers: nn.Module,
        shape: Sequence[int],
        *,
        network: str,
        width: int,
        hidden: Sequence[int],
        linear: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.layers, self.shape = layers, tuple(shape)
        self.network, self.width, self.hidden = network, width, tuple(hidden)
        self.linear, self.dropout = linear, dropout
        values = math.prod(shape)
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("scale", torch.ones(values))

    @property
    def scaling(self) -> Scaling:
        """What was set."""
        return Scaling(self.mean, self.scale)

    def set(self, scaling: Scaling) -> None:
        """Set where values lie and how far they spread."""
        self.mean.copy_(scaling.mean)
        self.scale.copy_(scaling.scale)


@final
class ScaledEncoder(Scaled):
    """An encoder of samples from their means, divided by their scales.

    Args:
        shape: Shape of a sample.
        out_features: Numbers per sample that the latent takes.
        network: Its architecture, as those that follow: see `nn.pair`.
        width: Of convolutions.
        hidden: Sizes of the hidden layers.
        linear: Add a linear map of the samples.
        dropout: Of the hidden layers' outputs.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out_features: int,
        *,
        network: str = "mlp",
        width: int = 16,
        hidden: Sequence[int] = (512, 256),
        linear: bool = False,
        dropout: float = 0.0,
    ) -> None:
        options: dict[str, Any] = {"width": width, "hidden": hidden}
        options |= {"linear": linear, "dropout": dropout}
        layers = encoder_of(network, shape, out_features, **options)
        super().__init__(layers, shape, network=network, **options)
        self.out_features = out_features

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n out"]:
        """Samples to `(n, out_features)`."""
        return self.layers(((x.flatten(1) - self.mean) / self.scale).unflatten(1, self.shape))


@final
class ScaledDecoder(Scaled):
    """A decoder whose values are multiplied by the samples' scales and moved to their means.

    Args:
        shape: Shape of a sample.
        in_features: Dimensions of the code.
        network: Its architecture, as those that follow: see `nn.pair`.
        width: Of convolutions.
        hidden: Sizes of the hidden layers, in the order of the encoder's.
        linear: Add a linear map of the code.
        gain: The code is multiplied by it.
        dropout: Of the hidden layers' outputs.
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        network: str = "mlp",
        width: int = 16,
        hidden: Sequence[int] = (512, 256),
        linear: bool = False,
        gain: float = GAIN,
        dropout: float = 0.0,
    ) -> None:
        options: dict[str, Any] = {"width": width, "hidden": hidden}
        options |= {"linear": linear, "dropout": dropout}
        layers = decoder_of(network, shape, in_features, output="linear", gain=gain, **options)
        super().__init__(layers, shape, network=network, **options)
        self.in_features, self.gain = in_features, gain

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Codes to samples."""
        made = self.mean + self.scale * self.layers(z).flatten(1)
        return made.unflatten(1, self.shape)

    def error(
        self, reconstruction: Float[Tensor, "n ..."], x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n m"]:
        """Squared error of each value, in units of its scale.

        Examples:
            >>> decoder = ScaledDecoder((2,), 1)
            >>> decoder.set(Scaling(torch.zeros(2), torch.tensor([1.0, 1000.0])))
            >>> decoder.error(torch.tensor([[1.0, 1000.0]]), torch.zeros(1, 2))
            tensor([[1., 1.]])
        """
        difference = precise(reconstruction) - precise(x)
        return (difference.flatten(1) / self.scale).square()


def points_of(decoder: object, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n m"]:
    """Samples as points whose squared distances are errors as their decoder has them."""
    return decoder.scaling.points(x) if isinstance(decoder, ScaledDecoder) else x.flatten(1)


def mixed_units(decoder: object) -> Scaling | None:
    """Where values lie and how far they spread, of a decoder of values in mixed units."""
    scaling = decoder.scaling if isinstance(decoder, ScaledDecoder) else None
    return scaling if scaling is not None and scaling.is_mixed else None
