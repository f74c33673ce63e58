"""Pictures that people look at: sheets of images, and curves of a training's log."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from entropae.drawing.saved import LEVEL, save
from entropae.storage.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 2
# Smaller images are enlarged, smoothly, to about so many pixels: digits of 8×8 cannot be read else.
SEEN = 48


def sheet(
    images: Float[Tensor, "n c h w"], columns: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Images side by side on white, row by row.

    Args:
        images: Values in [0, 1] (others are clipped), 1 or 3 channels.
        columns: Images a row; by default about a square.

    Raises:
        ValueError: If these are not images.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"Images must have shape (n, 1 or 3, h, w): got {tuple(images.shape)}.")
    columns = columns or math.ceil(math.sqrt(len(images)))
    pixels = _pixels(images)
    factor = SEEN // min(images.shape[2:])
    if factor > 1:
        pixels = np.stack([_enlarged(image, factor) for image in pixels])
    _, h, w, _ = pixels.shape
    rows = math.ceil(len(pixels) / columns)
    canvas = np.full((rows * (h + MARGIN) + MARGIN, columns * (w + MARGIN) + MARGIN, 3), 255)
    for i, image in enumerate(pixels):
        top, left = (MARGIN + (i // columns) * (h + MARGIN), MARGIN + (i % columns) * (w + MARGIN))
        canvas[top : top + h, left : left + w] = image
    return canvas.astype(np.uint8)


def _pixels(images: Float[Tensor, "n c h w"]) -> UInt8[np.ndarray, "n h w c"]:
    values = (images.detach().cpu().float().clamp(0, 1) * 255).round().byte()
    return values.permute(0, 2, 3, 1).numpy()


def _enlarged(pixels: UInt8[np.ndarray, "h w c"], factor: int) -> UInt8[np.ndarray, "H W 3"]:
    image = Image.fromarray(pixels.repeat(4 - pixels.shape[2], 2)[..., :3])
    return np.asarray(
        image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    )


def save_images(images: Float[Tensor, "n c h w"], folder: Path) -> None:
    """Write each image as a PNG of its own, pixel for pixel."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(_pixels(images)):
        with replacing(folder / f"{i:06d}.png") as path:
            Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(path)


def save_sheet(
    images: Float[Tensor, "n c h w"], path: str | Path, columns: int | None = None
) -> None:
    """Write `sheet` as a picture file; the format goes by the path's suffix."""
    with replacing(Path(path)) as temporary:
        Image.fromarray(sheet(images, columns)).save(temporary, compress_level=LEVEL)


def save_panels(
    panels: Mapping[str, Float[Tensor, "n c h w"]], path: Path, *, columns: int | None = None
) -> None:
    """Write titled sheets beside each other, e.g. samples of several priors.

    Args:
        panels: Images by their titles.
        path: Where to write the picture.
        columns: Images a row of each sheet; by default about a square.
    """
    sheets = {title: sheet(images, columns) for title, images in panels.items()}
    columns = min(3, len(sheets))
    rows = math.ceil(len(sheets) / columns)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * columns, 4.3 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])  # else they are placed, although nobody sees them
        axis.axis("off")
    for axis, (title, pixels) in zip(axes, sheets.items(), strict=False):
        axis.imshow(pixels, interpolation="nearest")
        axis.set_title(title, y=1, parse_math=False)
    with replacing(path) as temporary:
        save(figure, temporary, dpi=150)


def save_curves(rows: Sequence[Mapping[str, int | float]], path: Path, **titles: str) -> None:
    """Write `curves` as a picture file."""
    with replacing(path) as temporary:
        save(curves(rows, **titles), temporary, dpi=120)


def curves(rows: Sequence[Mapping[str, int | float]], **titles: str) -> Figure:
    """Plot every part of the loss against the step, training and held-out samples together.

    Args:
        rows: A training's log, as `fit` returns it.
        titles: What parts are called, where not as in `TITLES`.
    """
    parts = list(dict.fromkeys(name.split("/")[1] for row in rows for name in row if "/" in name))
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(5 * len(parts), 3.6), layout="constrained")
    for axis, part in zip(np.atleast_1d(figure.subplots(1, len(parts))), parts, strict=True):
        for stage, style in (("train", "-"), ("validation", "--")):
            points = [
                (row["step"], row[f"{stage}/{part}"]) for row in rows if f"{stage}/{part}" in row
            ]
            if points:
                axis.plot(*zip(*points, strict=True), style, label=stage)
        axis.set_xlabel("step")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title((TITLES | titles).get(part, part))
        axis.grid(alpha=0.3)
        axis.legend(loc="upper right")
        if part == "reconstruction":
            axis.set_yscale("log")
    return figure


TITLES = {
    "reconstruction": "reconstruction error",
    "entropy": "entropy, nats per dimension",
    "anchor": "log distance of codes and N(0, I)",
}


def titles_of(errors: Mapping[str, str]) -> dict[str, str]:
    """What parts of the loss are called for a kind of these errors, where not as in `TITLES`."""
    return {"reconstruction": errors["nll"].lower()} if "nll" in errors else {}


def save_lines(
    groups: Mapping[str, Float[np.ndarray, "n m"]], path: Path, *, panels: bool = False
) -> None:
    """Write `lines` as a picture file; the format, PNG or SVG, goes by the path's suffix."""
    with replacing(path) as temporary:
        figure = lines(groups, panels=panels)
        save(figure, temporary, format=path.suffix[1:].lower(), dpi=120)


def lines(groups: Mapping[str, Float[np.ndarray, "n m"]], *, panels: bool = False) -> Figure:
    """Draw samples as lines over the numbers of their values.

    Args:
        groups: Samples, by the titles of their groups.
        panels: Draw each group in a panel of its own, on one scale; else all over each other, a
            colour for each.
    """
    n = len(groups) if panels else 1
    columns = min(3, n)
    rows = math.ceil(n / columns)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis in axes[n:]:
        axis.axis("off")
    for i, (title, values) in enumerate(groups.items()):
        axis = axes[i if panels else 0]
        colour = None if panels or len(groups) == 1 else f"C{i}"
        for j, line in enumerate(values):
            label = title if title and not panels and j == 0 else None
            axis.plot(line, color=colour, linewidth=1, alpha=0.8, label=label)
        axis.grid(alpha=0.3)
        axis.set_xlabel("index of the value")
        if panels:
            axis.set_title(title, parse_math=False)
    if not panels and len(groups) > 1:
        axes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


def as_png(pixels: UInt8[np.ndarray, "height width *channels"]) -> bytes:
    """Pixels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def pixels_of(figure: Figure) -> UInt8[np.ndarray, "height width 3"]:
    """A figure as it is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
