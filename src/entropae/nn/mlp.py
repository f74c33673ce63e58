"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Output = Literal["sigmoid", "clip", "linear"]

# Of a decoder's input (see `MLPDecoder`): alone, and beside a linear path, which learns the coarse
# features at once, so that a gain would only let the layers learn the training samples by heart.
GAIN, LINEAR_GAIN = 10.0, 1.0
# Samples below which a network is narrower by default, lest it learn them by heart.
FEW = 10_000


def default_hidden(n: int) -> tuple[int, ...]:
    """Sizes of the hidden layers for so many samples."""
    return (256,) if n < FEW else (512, 256)


class Clip(nn.Module):
    """Values cut to [0, 1], where those beyond have a gradient too if it leads back.

    What lies beyond 0 or 1 costs nothing where the data are at that bound, and is pulled back where
    they are not. So a background of exact zeros stays one in images that nobody trained on; with
    values that are learnt uncut, those near 0 leave a grey grain.
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The values."""
        return _Cut.apply(x) if self.training else x.clamp(0, 1)


class _Cut(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clamp(0, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0] - output)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Tensor:
        (beyond,) = ctx.saved_tensors
        return gradient[0] * (gradient[0] * beyond >= 0)


OUTPUTS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "clip": Clip,
    "linear": nn.Identity,
}


class MLPEncoder(nn.Module):
    """Fully connected encoder for samples of any shape.

    Args:
        shape: Shape of a sample, e.g. `(1, 28, 28)`.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        hidden: Sizes of the hidden layers, each followed by a ReLU.
        linear: Add a linear map of the samples to what the layers return (see `nn.principal`).
        dropout: Share of the hidden layers' outputs that is left out in training.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out_features: int,
        *,
        hidden: Sequence[int] = (512, 256),
        linear: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, self.out_features, self.hidden = tuple(shape), out_features, tuple(hidden)
        self.linear, self.dropout = linear, dropout
        self.layers = fully_connected([math.prod(shape), *hidden, out_features], dropout)
        self.direct = nn.Linear(math.prod(shape), out_features) if linear else None

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n out"]:
        """Samples to `(n, out_features)`."""
        x = x.flatten(1)
        return self.layers(x) if self.direct is None else self.layers(x) + self.direct(x)


class MLPDecoder(nn.Module):
    """Fully connected decoder to samples of any shape.

    Args:
        shape: Shape of a sample.
        in_features: Dimensions of the code.
        hidden: Sizes of the hidden layers, in the order of the encoder's.
        output: `"sigmoid"` or `"clip"` for data in [0, 1], `"linear"` for any other.
        linear: Add a linear map of the code to what the layers return (see `nn.principal`).
        gain: The code is multiplied by it. From few inputs of size 1 a network learns coarse
            features first and fine ones late, if ever; a gain brings them within reach.
        dropout: Share of the hidden layers' outputs that is left out in training.

    References:
        Tancik et al., "Fourier features let networks learn high frequency functions in low
        dimensional domains", NeurIPS 2020, on that bias and the effect of the inputs' scale.
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        hidden: Sequence[int] = (512, 256),
        output: Output = "sigmoid",
        linear: bool = False,
        gain: float = GAIN,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not gain > 0:
            raise ValueError(f"`gain` must be positive: got gain={gain}.")
        self.shape, self.in_features, self.hidden = tuple(shape), in_features, tuple(hidden)
        self.output, self.linear, self.gain, self.dropout = output, linear, gain, dropout
        self.layers = fully_connected(
            [in_features, *reversed(self.hidden), math.prod(shape)], dropout
        )
        self.direct = nn.Linear(in_features, math.prod(shape)) if linear else None
        self.activation = OUTPUTS[output]()

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Codes to samples."""
        x = self.layers(self.gain * z)
        x = x if self.direct is None else x + self.direct(z)
        return self.activation(x).unflatten(1, self.shape)


def fully_connected(sizes: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear layers of these sizes, with a ReLU and dropout between them."""
    between = [nn.ReLU, *([lambda: nn.Dropout(dropout)] if dropout else [])]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), *(make() for make in between)]
    return nn.Sequential(*layers[: -len(between)])
