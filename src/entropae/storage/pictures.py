"""Files of images from anybody, and what goes wrong with them."""

from __future__ import annotations

from typing import IO

from PIL import Image, ImageOps

from entropae.storage.limits import SCANS

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

# Pillow's errors on bad files are many.
DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError),
    *(TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def read_picture(file: IO[bytes]) -> Image.Image:
    """A picture, turned as it is meant to be seen.

    Raises:
        Exception: One of `DAMAGED`, if it is none, of another format, or takes too much to decode.
    """
    check_scans(file)
    with Image.open(file, formats=FORMATS) as image:
        return ImageOps.exif_transpose(image)


def check_scans(file: IO[bytes]) -> None:
    """Refuse a JPEG of more passes over its pixels than any that is meant to be seen.

    In coded pixels the byte 0xFF is always followed by another than the one that begins a scan.
    """
    start = file.tell()
    scans = 0
    if file.read(2) == b"\xff\xd8":
        last = b""
        for part in iter(lambda: file.read(1 << 20), b""):
            scans += (last + part).count(b"\xff\xda")
            last = part[-1:] if part[-1:] == b"\xff" else b""
    file.seek(start)
    if scans > SCANS:
        raise ValueError(f"it has {scans:,} scans, and {SCANS} is the limit")
