"""Residual networks that correct what principal components make of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.nn.convolutions import CHANNELS_LAST
from entropae.nn.mlp import OUTPUTS, Output, fully_connected

# Cells a side that images are cut into: what convolutions of three cells see nearly all of.
CELLS = 8
GROUPS = 8
# Of the layers' output: the reconstruction error of principal components is of this order, so that
# first steps, which are of the learning rate's size, do not add more than the layers could remove.
SCALE = 0.1


class ResidualEncoder(nn.Module):
    """A linear map of an image's pixels, corrected by a fully connected network.

    Args:
        shape: Shape of an image, `(channels, height, width)`.
        out_features: Numbers per image that the latent takes (`latent.in_features`).
        hidden: Sizes of the hidden layers, each followed by a ReLU.
        linear: The linear map is set to that of principal components, and not trained: see
            `nn.principal`. Else there is none.
        dropout: Share of the hidden layers' outputs that is left out in training.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out_features: int,
        *,
        hidden: Sequence[int] = (256,),
        linear: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, self.out_features, self.hidden = tuple(shape), out_features, tuple(hidden)
        self.linear, self.dropout = linear, dropout
        self.layers = fully_connected([math.prod(shape), *hidden, out_features], dropout)
        self.direct = _set(nn.Linear(math.prod(shape), out_features)) if linear else None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n out"]:
        """Images to `(n, out_features)`."""
        x = x.flatten(1)
        h = self.layers(x)
        return h if self.direct is None else SCALE * h + self.direct(x)


class ResidualDecoder(nn.Module):
    """A linear map of the code to an image, and convolutions that correct that image.

    What the linear map returns, as principal component analysis would, is blurred; convolutions
    with residual blocks see it, cut into about 8×8 cells, beside the code, and add what it lacks.
    The same weights serve all places, so that few images are enough to learn them from.

    Args:
        shape: Shape of an image, `(channels, height, width)`.
        in_features: Dimensions of the code.
        width: Channels of the convolutions.
        blocks: Residual blocks.
        output: `"sigmoid"` or `"clip"` for data in [0, 1], `"linear"` for any other.
        linear: The linear map is set to that of principal components, and not trained: see
            `nn.principal`. Else there is none, and the convolutions see the code alone.

    References:
        He et al., "Identity mappings in deep residual networks", ECCV 2016, for the blocks.
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        width: int = 64,
        blocks: int = 1,
        output: Output = "sigmoid",
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.in_features = tuple(shape), in_features
        self.width, self.blocks, self.output, self.linear = width, blocks, output, linear
        self.cells = Cells(shape)
        self.code = nn.Sequential(
            nn.Linear(in_features, width * math.prod(self.cells.grid)),
            nn.Unflatten(1, (width, *self.cells.grid)),
        )
        self.seen = nn.Conv2d(self.cells.channels, width, 3, padding=1) if linear else None
        self.layers = nn.Sequential(
            *(Block(width) for _ in range(blocks)),
            *(nn.GroupNorm(_groups(width), width), nn.ReLU()),
            nn.Conv2d(width, self.cells.channels, 3, padding=1),
        )
        self.direct = _set(nn.Linear(in_features, math.prod(shape))) if linear else None
        self.activation = OUTPUTS[output]()
        self.to(memory_format=CHANNELS_LAST)  # type: ignore[call-overload]

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        """Codes to images."""
        h = self.code(z)
        if self.direct is None or self.seen is None:
            return self.activation(self.cells.joined(self.layers(h)))
        x = self.direct(z).unflatten(1, self.shape)
        h = h + self.seen(self.cells.cut(x))
        return self.activation(x + SCALE * self.cells.joined(self.layers(h)))


class Block(nn.Module):
    """Two convolutions whose output is added to their input.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.GroupNorm(_groups(width), width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The same shape."""
        return x + self.layers(x)


class Cells(nn.Module):
    """Images cut into square cells, about eight a side, and joined again.

    Args:
        shape: Shape of an image; sides that are no multiple of a cell's are continued by their last
            pixels, and cropped again.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(
                "Residual networks take images of shape (channels, height, width): got "
                f"{tuple(shape)}. Use the mlp."
            )
        _, self.height, self.wide = shape
        self.side = max(1, round(max(shape[1:]) / CELLS))
        self.grid = (math.ceil(self.height / self.side), math.ceil(self.wide / self.side))
        self.channels = shape[0] * self.side**2

    def cut(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cells rows columns"]:
        """Pixels of a cell as channels, from about -1 to 1 where they are in [0, 1]."""
        more = (self.grid[1] * self.side - self.wide, self.grid[0] * self.side - self.height)
        if any(more):
            x = nn.functional.pad(x, (0, more[0], 0, more[1]), mode="replicate")
        return nn.functional.pixel_unshuffle(2 * x - 1, self.side)

    def joined(self, x: Float[Tensor, "n cells rows columns"]) -> Float[Tensor, "n c h w"]:
        """Images again."""
        return nn.functional.pixel_shuffle(x, self.side)[..., : self.height, : self.wide]


def _groups(width: int) -> int:
    """Groups of channels that are normalised together."""
    return math.gcd(width, GROUPS)


def _set(linear: nn.Linear) -> nn.Linear:
    """A map that training leaves as it is: Adam's steps would lose principal components again."""
    with torch.no_grad():
        linear.bias.zero_()
    return linear.requires_grad_(False)  # pyright: ignore[reportReturnType]
