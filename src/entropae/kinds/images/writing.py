"""Images as pictures, files and thumbnails."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from entropae.drawing import pictures
from entropae.kinds.samples import Samples
from entropae.prior import TITLES
from entropae.storage.atomic import replacing

if TYPE_CHECKING:
    from entropae.kinds.images import Images

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
SHOWN = 64
ROW = 8
THUMBNAIL = 32


def check_out(out: str) -> None:
    """Raise unless images can be written under a name."""
    suffix = Path(out).suffix.lower()
    if out == "-" or (suffix and suffix not in (*PICTURES, ".npy")):
        raise ValueError(
            f"`--out` must be a picture ({', '.join(PICTURES)}), an .npy file or a folder: got "
            f"{out}."
        )


def write(kind: Images, images: Tensor, out: str, *, columns: int | None = None) -> str:
    """Write images as a sheet, one file each, or an array of values."""
    check_out(out)
    images, path = images.cpu(), Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = ""
    if path.suffix.lower() in PICTURES:
        pictures.save_sheet(kind.unit(images), path, columns)
    elif path.suffix:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, images.numpy())
    else:
        pictures.save_images(kind.unit(images), path)
        others = len(list(path.glob("*.png"))) - len(images)
        beside = f", beside {others} that were there" if others else ""
    return f"Wrote {len(images)} images to {out}{beside}."


def write_pairs(kind: Images, x: Tensor, again: Tensor, out: str) -> str:
    """Write images with their reconstructions, or these alone where they are values."""
    if Path(out).suffix.lower() not in PICTURES:
        return write(kind, again, out)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    save_pairs(kind, x, again, Path(out))
    return f"Wrote {out}: each row of images has its reconstructions below it."


def save_pairs(kind: Images, x: Tensor, again: Tensor, path: Path) -> None:
    """A picture of rows of images, each row with its reconstructions below it."""
    pictures.save_sheet(_interleaved(kind, x, again), path, columns=min(ROW, len(x)))


def _interleaved(kind: Images, x: Tensor, again: Tensor) -> Tensor:
    """Rows of images, each followed by the row of their reconstructions."""
    rows = [
        kind.unit(row) for both in zip(x.split(ROW), again.split(ROW), strict=True) for row in both
    ]
    missing = len(rows[0]) - len(rows[-1])
    if missing:  # white
        rows[-2:] = (torch.cat([row, row.new_ones(missing, *kind.shape)]) for row in rows[-2:])
    return torch.cat(rows)


def picture(kind: Images, x: Tensor, again: Tensor | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """Images as one, with reconstructions below each row if these are given."""
    if again is None:
        return pictures.sheet(kind.unit(x.cpu()))
    return pictures.sheet(_interleaved(kind, x.cpu(), again.cpu()), min(ROW, len(x)))


def illustrate(
    kind: Images, model: Any, held_out: Samples, folder: Path, *, seed: int
) -> list[Path]:
    """The pictures of a run: samples of each prior, reconstructions, interpolations."""
    x = held_out.drawn(SHOWN, seed=seed)
    again = model.reconstruct(x).cpu()
    drawn = {
        f"samples from {TITLES.get(name, name)}": kind.unit(
            model.draw(SHOWN, seed=seed, prior=name).cpu()
        )
        for name in model.priors
    }
    pictures.save_panels(drawn, folder / "samples.png")
    real = {"held-out images": kind.unit(x), "their reconstructions": kind.unit(again)}
    pictures.save_panels(real | drawn, folder / "overview.png")
    save_pairs(kind, x, again, folder / "reconstructions.png")
    half = min(8, len(x) // 2)
    if half:
        between = model.interpolate(x[:half], x[half : 2 * half], steps=10)
        write(kind, between.flatten(0, 1), str(folder / "interpolations.png"), columns=10)
    return [folder / "overview.png"]


def compare_samples(kind: Images, models: Mapping[str, Any], folder: Path) -> Path:
    """Samples of several models in one picture."""
    titled = {
        f"{name}, samples from {model.drawn_from()}": kind.unit(model.draw(25, seed=0).cpu())
        for name, model in models.items()
    }
    pictures.save_panels(titled, folder / "samples.png")
    return folder / "samples.png"


def thumbnails(images: Tensor) -> dict[str, Any]:
    """One PNG of small images, as many a row as make it about square."""
    pixels = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    n, height, width, channels = pixels.shape
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    columns = math.ceil(math.sqrt(n))
    sheet = Image.new(
        "L" if channels == 1 else "RGB", (columns * size[0], math.ceil(n / columns) * size[1])
    )
    for i, one in enumerate(pixels):
        image = Image.fromarray(one.squeeze(2) if channels == 1 else one)
        image = image.resize(size, Image.Resampling.LANCZOS) if scale < 1 else image
        sheet.paste(image, (i % columns * size[0], i // columns * size[1]))
    png = pictures.as_png(np.asarray(sheet))
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    return {"source": source, "columns": columns, "width": size[0], "height": size[1]}
