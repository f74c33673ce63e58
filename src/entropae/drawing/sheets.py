"""Images inside the page, as data addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import PIL.Image
import PIL.ImageColor
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from entropae.drawing import pictures
from entropae.drawing.blocks import Image
from entropae.drawing.palette import shades

# Larger images are reduced: a page of many has to be mailed.
LARGEST = 96
# Smaller ones are shown larger, so that they can be seen.
SEEN = 44
FRAME = 2  # pixels, in the colour of a class


def sheet(
    images: Float[Tensor, "n c h w"], alt: str, *, columns: int | None = None, most: int = LARGEST
) -> Image:
    """Images side by side, with nothing between them.

    Args:
        images: Values in [0, 1], 1 or 3 channels.
        alt: What they show.
        columns: Images a row; by default about a square.
        most: Pixels of the longer side of each, at most.
    """
    images = reduced(images, most)
    pixels = pictures.sheet(images, columns)
    # What a sheet of black images leaves white is between the images.
    between = pictures.sheet(0 * images, columns)[..., :1]
    found = encoded(np.concatenate([pixels, 255 - between], 2), alt)
    side = min(images.shape[2:])
    scale = max(1.0, SEEN / (side * max(1, pictures.SEEN // side)))
    return replace(found, width=round(scale * found.width), height=round(scale * found.height))


def reduced(images: Float[Tensor, "n c h w"], most: int) -> Float[Tensor, "n c h w"]:
    """Images of at most so many pixels a side, by averages."""
    if max(images.shape[2:]) <= most:
        return images
    return nn.functional.interpolate(images, _size(images, most), mode="area")


def encoded(pixels: UInt8[np.ndarray, "h w 4"], alt: str) -> Image:
    """An image as a data address: exact if it is grey, else of high quality."""
    grey = bool(
        (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all()
    )
    buffer = io.BytesIO()
    # Without loss, `quality` is the effort: more of it takes twice the time for 5 % of the size.
    how = {"quality": 50, "method": 2} if grey else {"quality": 88}
    PIL.Image.fromarray(pixels).save(buffer, "WEBP", lossless=grey, **how)
    source = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Image(source, alt, pixels.shape[1], pixels.shape[0])


def mapped(
    images: Float[Tensor, "n c h w"],
    places: Float[np.ndarray, "n 2"],
    alt: str,
    *,
    side: int = 960,
    thumbnail: int = 32,
    labels: Sequence[str] | None = None,
) -> Image:
    """Images each at its place of a map, the later over the earlier.

    Args:
        images: Values in [0, 1], 1 or 3 channels.
        places: x and y, of any scale.
        alt: What they show.
        side: Pixels of the map's longer side.
        thumbnail: Pixels of the longer side of each image.
        labels: The class of each, for frames in the classes' colours.
    """
    h, w = _size(images, thumbnail)
    down = max(images.shape[2:]) > thumbnail
    small = nn.functional.interpolate(images, (h, w), mode="area" if down else "bicubic")
    pixels = (255 * small.clamp(0, 1)).round().byte().expand(-1, 3, -1, -1)
    pixels = pixels.permute(0, 2, 3, 1).numpy().copy()
    colours = shades(labels)
    if labels is not None and colours:
        _frame(pixels, [colours[label] for label in labels])
    low, high = places.min(0), places.max(0)
    scaled = (places - low) / np.maximum((high - low).max(), np.finfo(float).tiny)
    corners = (scaled * (side - thumbnail)).round().astype(int)
    canvas = np.zeros((corners[:, 1].max() + h, corners[:, 0].max() + w, 4), np.uint8)
    for one, (x, y) in zip(pixels, corners, strict=True):
        canvas[y : y + h, x : x + w] = 255
        canvas[y : y + h, x : x + w, :3] = one
    return encoded(canvas, alt)


def _frame(pixels: UInt8[np.ndarray, "n h w c"], colours: Sequence[str]) -> None:
    """Give images frames, in place."""
    rgb = np.array([PIL.ImageColor.getrgb(one) for one in colours], np.uint8)[:, None, None]
    for edge in (np.s_[:, :FRAME], np.s_[:, -FRAME:], np.s_[:, :, :FRAME], np.s_[:, :, -FRAME:]):
        pixels[edge] = rgb


def _size(images: Float[Tensor, "n c h w"], longer: int) -> tuple[int, int]:
    h, w = images.shape[2:]
    return max(1, round(h * longer / max(h, w))), max(1, round(w * longer / max(h, w)))
