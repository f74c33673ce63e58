"""The size of images that networks are trained on in minutes."""

from __future__ import annotations

import math
from collections.abc import Collection
from statistics import median
from typing import Literal

# Pixels a side of images of which a network learns something in ten minutes of two cores.
SIDE = 64

# Of a side, of height and width, or none: as they are.
Size = int | tuple[int, int] | None
Asked = int | Literal["auto"] | None


def suited(shapes: Collection[tuple[int, int]]) -> Size:
    """What images are resized to if nobody says: cropped only if they are of several shapes.

    Args:
        shapes: Height and width of each, or each of them once.

    Examples:
        >>> suited([(28, 28)]), suited([(480, 640)]), suited([(480, 640), (640, 480)])
        (None, (55, 74), 64)
    """
    if len(set(shapes)) > 1:
        return max(1, min(SIDE, round(median(map(min, shapes)))))
    height, width = next(iter(shapes))
    if height * width <= SIDE**2:
        return None
    scale = SIDE / math.sqrt(height * width)
    made = (max(1, round(height * scale)), max(1, round(width * scale)))
    return SIDE if made == (SIDE, SIDE) else made


def told(shapes: Collection[tuple[int, int]], size: Size) -> str:
    r"""What was done to images whose size nobody said, in a sentence, if anything.

    Examples:
        >>> told([(480, 640)], (55, 74))
        'Made smaller: they have 640\xa0×\xa0480 pixels (--size).'
    """
    if size is None:
        return ""
    ordered = sorted(set(shapes), key=lambda shape: (math.prod(shape), shape))
    least, most = _pixels(ordered[0]), _pixels(ordered[-1])
    if least == most:
        return f"Made smaller: they have {least} pixels (--size)."
    return f"Cropped to a square and resized: they have {least} to {most} pixels (--size)."


def _pixels(shape: tuple[int, int]) -> str:
    return f"{shape[1]}\u00a0×\u00a0{shape[0]}"
