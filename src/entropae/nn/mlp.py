"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

Output = Literal["sigmoid", "linear"]

OUTPUTS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "linear": nn.Identity}


class MLPEncoder(nn.Module):
    """Fully connected encoder for samples of any shape.

    Args:
        shape: Shape of a sample, e.g. `(1, 28, 28)`.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        hidden: Sizes of the hidden layers, each followed by a ReLU.
    """

    def __init__(
        self, shape: Sequence[int], out_features: int, *, hidden: Sequence[int] = (512, 256)
    ) -> None:
        super().__init__()
        self.shape, self.out_features, self.hidden = tuple(shape), out_features, tuple(hidden)
        self.layers = _mlp([math.prod(shape), *hidden, out_features])

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n out"]:
        """Samples to `(n, out_features)`."""
        return self.layers(x.flatten(1))


class MLPDecoder(nn.Module):
    """Fully connected decoder to samples of any shape.

    Args:
        shape: Shape of a sample.
        in_features: Dimensions of the code.
        hidden: Sizes of the hidden layers, in the order of the encoder's.
        output: `"sigmoid"` for data in [0, 1], `"linear"` for any other.
        gain: The code is multiplied by it. From few inputs of size 1 a network learns coarse
            features first and fine ones late, if ever; a gain brings them within reach.

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
        gain: float = 10.0,
    ) -> None:
        super().__init__()
        if not gain > 0:
            raise ValueError(f"`gain` must be positive: got gain={gain}.")
        self.shape, self.in_features, self.hidden = tuple(shape), in_features, tuple(hidden)
        self.output, self.gain = output, gain
        self.layers = _mlp([in_features, *reversed(self.hidden), math.prod(shape)])
        self.activation = OUTPUTS[output]()

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Codes to samples."""
        return self.activation(self.layers(self.gain * z)).unflatten(1, self.shape)


def _mlp(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
