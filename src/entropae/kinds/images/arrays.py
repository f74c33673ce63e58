"""Arrays of images: where their channels are, other channels, and other ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from entropae.neighbors import warn
from entropae.nn.units import UNLIKE

# Ranges of values that are usual, the narrowest first.
RANGES = ((-1.0, 1.0), (0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 16383.0), (0.0, 65535.0))
ENOUGH = 0.02  # share of a range, to which values come at its ends if it is theirs
SMALLEST = 8  # pixels a side; a few numbers a row are a signal of several channels
ENDS = 0.8  # share of the pixels that are opaque or not there, in images with opacity
LOOKED, COLOURS = 500, 3  # images by which units are told; channels of colours
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
        return "hw" if min(shape[1:]) >= SMALLEST else None
    if len(shape) == 4 and shape[1] in (1, 3) and shape[3] in (1, 3):
        raise ValueError(
            f"Shape {shape} is ambiguous: its channels may be axis 1 or axis 3. Give grey images "
            "as (n, h, w); pad colour images to more than 3 pixels."
        )
    if len(shape) == 4 and shape[3] in (1, 3):
        return "hwc"
    return "chw" if len(shape) == 4 and shape[1] in (1, 3) else None


def has_units(images: Any) -> bool:
    """Whether three channels are no colours but quantities, each in a unit of its own.

    Colours beyond [0, 1] that are no whole numbers are rare; such of which one spreads more than
    ten times as far as another are rather temperatures beside pressures.
    """
    layout, shape = layout_of(images), tuple(images.shape)
    if layout is None or layout == "hw":
        return False
    axis = 3 if layout == "hwc" else 1
    some = images[:: max(1, shape[0] // LOOKED)]
    real = some.is_floating_point() if isinstance(some, Tensor) else some.dtype.kind == "f"
    if shape[axis] != COLOURS or not real or not len(some):
        return False
    some = some.double() if isinstance(some, Tensor) else torch.from_numpy(some.astype(float))
    spread = some.movedim(axis, 0).flatten(1).std(1)
    is_plain = some.min() >= -1 and some.max() <= 1
    return not is_plain and bool(spread.max() > UNLIKE * spread.min() > 0)


def has_opacity(images: Any) -> bool:
    """Whether the last of two or four channels of an array is opacity: it is mostly all or none.

    A fourth band of a satellite's image is not.
    """
    shape = tuple(images.shape)
    if not isinstance(images, np.ndarray) or len(shape) != 4 or shape[3] not in (2, 4):
        return False
    if min(shape[1:3]) < SMALLEST or images.dtype.kind not in "uf":
        return False
    alpha, full = images[..., -1], _full(images)
    ends = int(((alpha == 0) | (alpha == full)).sum())
    return bool((alpha == full).any()) and ends >= ENDS * alpha.size


def on_white(images: Shaped[np.ndarray, "n h w c"]) -> Shaped[np.ndarray, "n h w b"]:
    """Images with their last channel, opacity, taken off, as those of files are."""
    full, made = _full(images), np.empty((*images.shape[:3], images.shape[3] - 1), images.dtype)
    for i, one in enumerate(images):
        share = one[..., -1:].astype(np.float32) / full
        mixed = share * one[..., :-1] + (1 - share) * full
        made[i] = mixed.round() if images.dtype.kind == "u" else mixed
    return made


def _full(images: np.ndarray) -> int:
    """The value of white, and of what is opaque."""
    return np.iinfo(images.dtype).max if images.dtype.kind == "u" else 1


def in_range(images: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bytes from black to white, if these are not 0 and 1; anything else as it is."""
    if images.dtype != np.uint8 or (low, high) == (0, 1):
        return images
    if (low, high) not in RANGES:
        warn(
            f"Black and white were taken to be {low:g} and {high:g}, the least and largest value "
            "that the model was trained on. If its images were normalised channel by channel, give "
            "tensors that are normalised likewise."
        )
    return np.float32(low) + images * np.float32((high - low) / 255)


def check_range(least: float, most: float, own: tuple[float, float]) -> None:
    """Warn of values of images that seem to be in another range than a model's.

    They seem so if they go from one end of a usual range to the other, and the model's is none such
    or another; or if they leave the model's by more than its width.
    """
    low, high = own
    width = high - low

    def fills(ends: tuple[float, float]) -> bool:
        near = ENOUGH * (ends[1] - ends[0])
        return 0 <= least - ends[0] <= near and 0 <= ends[1] - most <= near

    usual = ((0.0, 1.0), *RANGES[:2])
    theirs = next((r for r in usual if r[0] <= least and most <= r[1]), None)
    away = 0.0 if theirs is None else abs(theirs[0] - low) + abs(theirs[1] - high)
    outside = least < low - width or most > high + width
    if not outside and not (theirs and fills(theirs) and away >= width / 2):
        return
    way = "as the images that it was trained on"
    if theirs and own in usual:
        way = _call(theirs, own)
    warn(
        f"The images have values from {least:g} to {most:g}, and the model was trained on "
        f"{low:g} to {high:g}. Give them in that range: {way}."
    )


def _call(theirs: tuple[float, float], own: tuple[float, float]) -> str:
    """What brings values `x` from one range to another.

    Examples:
        >>> _call((0, 255), (-1, 1)), _call((-1, 1), (0, 1))
        ('x / 127.5 - 1', '(x + 1) / 2')
    """
    scale = (own[1] - own[0]) / (theirs[1] - theirs[0])
    x = f"(x + {-theirs[0]:g})" if theirs[0] else "x"
    x = f"{scale:g} * {x}" if scale > 1 else f"{x} / {1 / scale:g}"
    return f"{x} - {-own[0]:g}" if own[0] else x


def with_channels(x: Float[Tensor, "n c h w"], channels: int) -> Float[Tensor, "n d h w"]:
    """Grey images of colour ones, or grey ones with their three equal channels."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        return torch.einsum("nchw,c->nhw", x, x.new_tensor(LUMA))[:, None]
    return x.repeat(1, 3, 1, 1)
