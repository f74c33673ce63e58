"""Pictures that are no files of their own: bytes in cells, and pictures of Pillow's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

# How files of images begin.
BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that is opened as a path is.

    Attributes:
        row: Of which sample it is, counted from 0.
        content: The bytes of a file, or of its pixels.
        shape: In which these are, if they are pixels.
        word: What a sample is called in messages.
        damage: Why there are no bytes.
    """

    row: int
    content: bytes | memoryview
    shape: tuple[int, ...] = ()
    word: str = "row"
    damage: str = ""

    def __str__(self) -> str:
        return f"{self.word} {self.row}"

    def open(self, mode: str) -> io.BytesIO:
        """To be read.

        Raises:
            ValueError: If it could not be read before.
        """
        if self.damage:
            raise ValueError(self.damage)
        if not self.shape:
            return io.BytesIO(self.content)
        height, width, *colours = self.shape
        return io.BytesIO(b"P%d %d %d 255\n" % (6 if colours else 5, width, height) + self.content)


class Pictures(NamedTuple):
    """The pictures of a source.

    Attributes:
        where: They are, for messages.
        each: The pictures.
        labels: The class of each, if they have one.
        told: From which column they are, in a sentence.
    """

    where: str
    each: Sequence[Picture]
    labels: np.ndarray | None
    told: str = ""


def is_image(value: Any) -> bool:
    """Whether it is the bytes of an image's file."""
    return isinstance(value, bytes) and value.startswith(BEGINNINGS)


def is_picture(value: Any) -> bool:
    """Whether it is a picture of Pillow's, or the bytes of an image's file."""
    return hasattr(value, "getbands") or is_image(bytes_of(value))


def bytes_of(cell: Any) -> Any:
    """What is in a cell; data sets of Hugging Face have a file's bytes beside its path."""
    return cell.get("bytes") if isinstance(cell, Mapping) else cell


def taken(picture: Any) -> tuple[bytes, tuple[int, ...]]:
    """What is kept of a picture, turned as it is meant to be seen: a file, or pixels in a shape.

    Args:
        picture: One of Pillow's, or the bytes of a file, which stay as they are.

    Raises:
        Exception: One of `storage.pictures.DAMAGED`, if it cannot be read.
    """
    if not hasattr(picture, "getbands"):
        return bytes_of(picture), ()
    from PIL import ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "1" or picture.mode[0] in "IF":  # which have fewer or more than 8 bits
        file = io.BytesIO()
        picture.save(file, "TIFF")
        return file.getvalue(), ()
    pixels = np.asarray(opaque(picture).convert("L" if picture.mode in ("L", "LA") else "RGB"))
    return pixels.tobytes(), pixels.shape


def opaque(picture: Any) -> Any:
    """A picture of Pillow's on white, where it can be seen through."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
