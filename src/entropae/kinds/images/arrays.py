"""Arrays of images: where their channels are, and other channels."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# Ranges of values that are usual, the narrowest first.
RANGES = ((-1.0, 1.0), (0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 16383.0), (0.0, 65535.0))
LARGE = 1 << 24  # pixels of an image that a stranger may hand in
# Brightness of red, green and blue (ITU-R BT.601), as Pillow has it.
LUMA = (0.299, 0.587, 0.114)


def layout_of(images: Any) -> str | None:
    """Where the channels of an array of images are; `None` if it is of something else.

    Tensors are in the shape that a network takes: no axis of theirs is added or moved.

    Raises:
        ValueError: If the channels may be either of two axes.
    """
    shape = tuple(images.shape)
    if isinstance(images, Tensor):
        return "chw" if len(shape) == 4 and shape[1] in (1, 3) else None
    if len(shape) == 3:
        # A few numbers a row is a signal of several channels, not an image.
        return "hw" if min(shape[1:]) >= 8 else None
    if len(shape) == 4 and shape[1] in (1, 3) and shape[3] in (1, 3):
        raise ValueError(
            f"Shape {shape} is ambiguous: its channels may be axis 1 or axis 3. Give grey images "
            "as (n, h, w); pad colour images to more than 3 pixels."
        )
    if len(shape) == 4 and shape[3] in (1, 3):
        return "hwc"
    return "chw" if len(shape) == 4 and shape[1] in (1, 3) else None


def with_channels(x: Float[Tensor, "n c h w"], channels: int) -> Float[Tensor, "n d h w"]:
    """Grey images of colour ones, or grey ones with their three equal channels."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        return torch.einsum("nchw,c->nhw", x, x.new_tensor(LUMA))[:, None]
    return x.repeat(1, 3, 1, 1)
