"""Convolutional networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.nn.mlp import OUTPUTS, Output

# How weights of convolutions lie in memory, and so their outputs: a step takes a fifth less time.
CHANNELS_LAST = torch.channels_last
SIDES = (8, 256)  # pixels of a side, at least and at most


class ConvEncoder(nn.Module):
    """The convolutional encoder that RAE's and EAE's published tables share.

    4×4 convolutions of stride 2, each with batch normalisation and ReLU, channels width · (1, 2, 4,
    8, 8, …), then a linear layer. Four of them up to 64 pixels (fewer below 16, so that a pixel is
    left), one more for each doubling beyond.

    Args:
        shape: Shape of an image, `(channels, height, width)`, height and width from 8 to 256.
        out_features: Numbers per image that the latent takes (`latent.in_features`).
        width: Channels of the first convolution. 128 as published; 16 trains on a CPU.
        linear: Add a linear map of the images to what the layers return (see `nn.principal`).

    References:
        Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, appendix D.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out_features: int,
        *,
        width: int = 128,
        linear: bool = False,
    ) -> None:
        super().__init__()
        channels, height, wide = _image_shape(shape)
        self.shape, self.out_features, self.width = tuple(shape), out_features, width
        self.linear = linear
        deepest = math.floor(math.log2(min(height, wide)))
        stages = min(deepest, 4 + max(0, math.ceil(math.log2(max(height, wide) / 64))))
        sizes = [channels, *(width * min(8, 2**i) for i in range(stages))]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            convolution = nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(fan_out), nn.ReLU()]
        features = sizes[-1] * (height >> stages) * (wide >> stages)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, out_features))
        self.direct = nn.Linear(math.prod(shape), out_features) if linear else None
        self.to(memory_format=CHANNELS_LAST)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n out"]:
        """Images to `(n, out_features)`."""
        h = self.layers(x)
        return h if self.direct is None else h + self.direct(x.flatten(1))


class ConvDecoder(nn.Module):
    """The convolutional decoder that RAE's and EAE's published tables share.

    A linear layer to 8 · width channels of about 8×8 pixels, 4×4 transposed convolutions of
    stride 2 with batch normalisation and ReLU (two up to 32 pixels, one more for each doubling
    beyond), each halving the channels, and a 4×4 convolution of stride 1. Odd sizes are cropped
    from the next size up.

    Args:
        shape: Shape of an image, `(channels, height, width)`, height and width from 8 to 256.
        in_features: Dimensions of the code.
        width: As the encoder's.
        output: `"sigmoid"` or `"clip"` for data in [0, 1], `"linear"` for any other.
        linear: Add a linear map of the code to what the layers return (see `nn.principal`).
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        width: int = 128,
        output: Output = "sigmoid",
        linear: bool = False,
    ) -> None:
        super().__init__()
        channels, height, wide = _image_shape(shape)
        self.shape, self.in_features, self.width = tuple(shape), in_features, width
        self.output, self.linear = output, linear
        stages = max(2, math.ceil(math.log2(max(height, wide) / 8)))
        start = (8 * width, math.ceil(height / 2**stages), math.ceil(wide / 2**stages))
        sizes = [max(8 * width >> i, 1) for i in range(stages + 1)]
        layers: list[nn.Module] = [
            nn.Linear(in_features, math.prod(start), bias=False),
            nn.Unflatten(1, start),
            nn.BatchNorm2d(start[0]),
            nn.ReLU(),
        ]
        for fan_in, fan_out in pairwise(sizes):
            convolution = nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(fan_out), nn.ReLU()]
        last = nn.Conv2d(sizes[-1], channels, 4)
        self.layers = nn.Sequential(*layers, nn.ZeroPad2d((1, 2, 1, 2)), last)
        self.direct = nn.Linear(in_features, math.prod(shape)) if linear else None
        self.to(memory_format=CHANNELS_LAST)  # type: ignore[call-overload]
        self.activation = OUTPUTS[output]()

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        """Codes to images."""
        _, height, width = self.shape
        x = self.layers(z)[..., :height, :width]
        return self.activation(
            x if self.direct is None else x + self.direct(z).unflatten(1, self.shape)
        )


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[0] < 1 or not all(SIDES[0] <= s <= SIDES[1] for s in shape[1:]):
        raise ValueError(
            "Convolutional networks take images of shape (channels, height, width) with height and "
            f"width from 8 to 256: got {tuple(shape)}. Resize the images or use the mlp."
        )
    return shape[0], shape[1], shape[2]
