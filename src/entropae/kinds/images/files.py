"""Folders of images, decoded once into an array on disk; and arrays of images, resized."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm.auto import tqdm

from entropae.kinds.images.sizes import Asked, Size, suited, told
from entropae.kinds.images.whites import FLAGS, are_flags, span_of, white_of
from entropae.kinds.pictures import Picture, Pictures, opaque
from entropae.kinds.samples import Samples
from entropae.messages import printable
from entropae.storage.foreign import IMAGES, instead, way_on
from entropae.storage.pictures import DAMAGED, FORMATS, check_scans, read_picture

SUFFIXES = frozenset(IMAGES)
# Images of more pixels are decoded one at a time; of more than Pillow's limit, 89 million, not.
LARGE = 1 << 24
ONE_LARGE = threading.Lock()
# Named, so that no file reaches Pillow's PostScript reader, which runs another program.
# Of which the head is known only when all is decoded.
DECODED = ("PNG", "TIFF")

File = Path | Picture


class SizesError(ValueError):
    """Images of several sizes, and what can be done before a model is trained on them.

    Args:
        said: Which they are.

    Attributes:
        later: What can be done when one has been.
    """

    def __init__(self, said: str) -> None:
        super().__init__(
            f"{said} Give `size` (--size), 64 or auto, to crop and resize them, in Python: "
            "entropae.kinds.read(data, size=64)."
        )
        self.later = (
            f"{said} Resize them as the model's are, or train with --size, which crops and "
            "resizes all images that the model is given."
        )


def resized(
    samples: Samples, size: Size, channels: int, progress: bool
) -> UInt8[np.ndarray, "n h w c"]:
    """Images with values in [0, 1], cropped, resized and with other channels, on disk."""
    _, height, width = samples.shape
    shape = _sides(size) if size else (height, width)

    def convert(i: int) -> np.ndarray:
        pixels = samples[i].mul(255).round().byte().permute(1, 2, 0).numpy()
        return _fit(
            Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels),
            size,
            channels,
            None,
        )

    scratch = _scratch((len(samples), *shape, channels))
    for i in tqdm(range(len(samples)), "Resizing", unit="image", disable=not progress):
        scratch[i] = convert(i)
    return scratch


class Decoded(NamedTuple):
    """Images in an array on disk, and what is to be said of them.

    Attributes:
        array: The images.
        skipped: Files that cannot be read, with the reason.
        files: Of the images.
        white: The value of white in those of more than 8 bits, or in all, if that is 1.
        size: To which they were resized.
        told: If nobody asked for that, what was done, in a sentence.
        others: How many files of which other types there are.
    """

    array: UInt8[np.ndarray, "n h w c"]
    skipped: tuple[str, ...]
    files: tuple[File, ...]
    white: float | None
    size: Size
    told: str
    others: str = ""


class Head(NamedTuple):
    """What is known of an image before it is decoded."""

    shape: tuple[int, int]
    grey: bool
    deep: bool  # has more than 8 bits
    span: tuple[float, float] | None  # of its values, if known
    framed: bool  # has several frames


def decoded(
    source: Path | Pictures,
    size: Asked | Size,
    channels: int | None,
    *,
    white: float | None = None,
    strict: bool,
    progress: bool,
) -> Decoded:
    """All images below a folder, or in a file, decoded once; see `Reading` for the arguments.

    `white` is the value of white in images of more than 8 bits; by default as they look.
    """
    if isinstance(source, Path):
        where, (files, others) = str(source), _below(source)
    else:
        where, files, others = source.where, source.each, ""
    # Here and not around each file: the filters are the process's, not a thread's.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        made, bad = _decode(files, where, size, channels, white, strict, progress)
    if bad:
        warnings.warn(f"{len(bad)} of {len(files)} images left out. {_list(bad)}", stacklevel=3)
    return made._replace(others=others)


def _below(folder: Path) -> tuple[list[Path], str]:
    """The images below a folder that are not hidden, and what else is there."""
    seen = sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    files = [path for path in seen if path.suffix.lower() in SUFFIXES]
    if not files:
        raise ValueError(
            f"No images in {printable(folder)}: looked for {', '.join(sorted(SUFFIXES))}. "
            + instead(folder, seen)
        )
    return files, _of_other_types(seen)


def _decode(
    files: Sequence[File],
    where: str,
    asked: Asked | Size,
    channels: int | None,
    white: float | None,
    strict: bool,
    progress: bool,
) -> tuple[Decoded, dict[File, str]]:
    bad: dict[File, str] = {}
    heads = {
        path: head
        for path, head in zip(files, _each(_head, files, "Looking", progress), strict=True)
        if _good(path, head, bad, strict)
    }
    if not heads:
        raise ValueError(f"None of the {len(files)} images in {where} can be read. {_list(bad)}")
    if channels is None:
        channels = 1 if all(head.grey for head in heads.values()) else 3
    deep = [head.span for head in heads.values() if head.deep and head.span]
    flags = white is None and not deep and are_flags([head.span for head in heads.values()])
    white = 1 if flags else white or (white_of(deep) if deep else None)
    shapes = {head.shape: path for path, head in reversed(heads.items())}
    size = suited([head.shape for head in heads.values()]) if asked == "auto" else asked
    if size is None and len(shapes) > 1:
        (one, first), (two, second) = list(shapes.items())[-1:] + list(shapes.items())[:1]
        raise SizesError(
            f"All images must have one size: {first} has {one[1]}×{one[0]} pixels, {second} "
            f"{two[1]}×{two[0]}."
        )
    height, width = _sides(size) if size else next(iter(shapes))
    scratch = _scratch((len(heads), height, width, channels))

    def decode(path: File) -> np.ndarray | str:
        with _turn(heads[path].shape):
            return _attempt(lambda: _fit(_open(path), size, channels, white))

    kept: list[File] = []
    for path, image in zip(heads, _each(decode, list(heads), "Decoding", progress), strict=True):
        if _good(path, image, bad, strict):
            scratch[len(kept)] = image
            kept.append(path)
    if len(kept) < 2:
        why = _list(bad) if bad else _framed(heads)
        raise ValueError(
            f"At least 2 readable images are needed in {where}: got {len(kept)}. {why}".rstrip()
        )
    skipped = tuple(f"{printable(path)}: {reason}" for path, reason in bad.items())
    sized = told(shapes, size) if asked == "auto" else ""
    said = " ".join(filter(None, (FLAGS * flags, sized, _framed(heads))))
    return Decoded(scratch[: len(kept)], skipped, tuple(kept), white, size, said), bad


def _framed(heads: Mapping[File, Head]) -> str:
    """What is left of files of several frames, and how to have them all."""
    files = [file for file, head in heads.items() if head.framed]
    if not files:
        return ""
    way = way_on(files[0]) if isinstance(files[0], Path) else ""
    return f"Of {len(files)} files of several frames only the first is taken. {way}".rstrip()


def _of_other_types(files: Sequence[Path]) -> str:
    """How many files were left out for their type, if any."""
    types = Counter(path.suffix.lower() or "no suffix" for path in files)
    others = [(name, count) for name, count in types.most_common() if name not in SUFFIXES]
    said = ", ".join(f"{count} of {printable(name)}" for name, count in others[:5])
    more = ", …" if len(others) > 5 else ""
    total = sum(count for _, count in others)
    return f"{total} of {len(files)} files are of other types: {said}{more}" if total else ""


def _each(
    function: Callable[[File], Any], paths: Sequence[File], what: str, progress: bool
) -> Iterator[Any]:
    """Results in order, a few ahead of their use: a pool's own map would queue them all."""
    with ThreadPoolExecutor() as pool:
        for start in tqdm(
            range(0, len(paths), 256),
            what,
            unit="×256 images",
            disable=not progress or len(paths) < 256,
        ):
            yield from pool.map(function, paths[start : start + 256])


def _good(path: File, result: Any, bad: dict[File, str], strict: bool) -> bool:
    if not isinstance(result, str):
        return True
    if strict:
        raise ValueError(f"{printable(path)} cannot be read: {result}.")
    bad[path] = result
    return False


def _list(bad: dict[File, str]) -> str:
    first = "; ".join(f"{printable(path)}: {reason}" for path, reason in list(bad.items())[:5])
    return first + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "") + "."


def _attempt(function: Callable[[], Any]) -> Any:
    """The result, or the reason why there is none. Pillow's errors on bad files are many."""
    try:
        return function()
    except UnidentifiedImageError:
        return "not an image"
    except DAMAGED as error:
        return printable(error).rstrip(".") or type(error).__name__


def _head(path: File) -> Head | str:
    """What is known of an image, without decoding most; or what is wrong."""

    def look() -> Head:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            with _turn(image.size):
                if image.format == "TIFF":
                    image.load()  # which turns it
                # Of PNG this decodes all: what tells the orientation may stand at the end.
                turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            deep, span = image.mode[0] in "IF", None
            if deep:
                with _turn((height, width)):
                    span = span_of(np.asarray(image))
            elif image.mode == "L" and image.format in DECODED:
                values = np.asarray(image)
                span = float(values.min()), float(values.max())
            grey = deep or image.mode in ("1", "L", "LA")
            return Head((height, width), grey, deep, span, _is_framed(image))

    return _attempt(look)


def _is_framed(image: Image.Image) -> bool:
    """Whether there are frames after the first, which is taken although others may be damaged."""
    try:
        return getattr(image, "is_animated", False)
    except DAMAGED:
        return False


@contextmanager
def _turn(shape: tuple[int, int]) -> Iterator[None]:
    """Wait for one's turn with a large image, lest as many as there are threads fill the memory."""
    with ONE_LARGE if math.prod(shape) > LARGE else nullcontext():
        yield


def _open(path: File) -> Image.Image:
    with path.open("rb") as file:
        return read_picture(file)


def read_image(
    file: IO[bytes], shape: Sequence[int], *, pixels: int = LARGE, white: float | None = None
) -> Float[Tensor, "c h w"]:
    """One image from anybody's file as a sample: cropped to its centre, resized, in [0, 1].

    Args:
        file: BMP, GIF (the first picture), JPEG, PNG, PPM, TIFF or WebP.
        shape: Of a sample, `(1 or 3, height, width)`.
        pixels: At most so many are decoded.
        white: The value of white if it has more than 8 bits; by default as it looks.

    Raises:
        ValueError: If it is none of these, damaged, or larger.
    """

    def decode() -> np.ndarray:
        check_scans(file)
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > pixels:
                raise ValueError(f"it has {image.width}×{image.height} pixels, over {pixels:,}")
            channels, height, width = shape
            return _fit(ImageOps.exif_transpose(image), (height, width), channels, white)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on oddities that do no harm
        result = _attempt(decode)
    if isinstance(result, str):
        raise ValueError(f"The image cannot be read: {result}.")
    return torch.from_numpy(result.copy()).permute(2, 0, 1).float().div(255)


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size


def _fit(image: Image.Image, size: Size, channels: int, white: float | None) -> np.ndarray:
    """An image as uint8 `(height, width, channels)`: on white, cropped and resized if asked."""
    if image.mode[0] in "IF":  # of 16 or 32 bits
        deep = np.asarray(image).astype(np.float64)
        top = white or white_of([span_of(np.asarray(image))])
        image = Image.fromarray((deep * (255 / top) + 0.5).clip(0, 255).astype(np.uint8))
    elif image.mode == "L" and white == 1:
        image = image.point([0] + [255] * 255)
    image = opaque(image).convert("L" if channels == 1 else "RGB")
    if size:
        height, width = _sides(size)
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], channels)


def _scratch(shape: tuple[int, ...]) -> np.ndarray:
    """A writable array of bytes on disk, gone when the process ends."""
    needed, free = math.prod(shape), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise OSError(
            f"The decoded images need {needed:,} bytes in {tempfile.gettempdir()}, where {free:,} "
            "are free. Set TMPDIR to a larger disk, or give a smaller `size`."
        )
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):
            # Writing to a map whose disk is full would kill the process without a message.
            os.posix_fallocate(file.fileno(), 0, needed)
        return np.memmap(file, np.uint8, "w+", 0, shape)
