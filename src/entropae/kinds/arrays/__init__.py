"""Arrays of numbers that are nothing else: signals, feature vectors, frames of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Shaped
from torch import Tensor

from entropae.kinds.base import Kind
from entropae.kinds.layouts import LAYOUTS
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.values.checks import finite_range, plain_array

MOST_CHANNELS = 16


class Arrays(Kind):
    """Samples of one shape, of numbers.

    Args:
        shape: Of a sample.
    """

    name = "arrays"

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    @classmethod
    def claims(cls, source: Any) -> bool:
        """Any array or tensor."""
        return isinstance(source, Tensor | np.ndarray)

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """An array as it is; channels that come last are brought before the pixels."""
        if reading.size is not None or reading.channels is not None:
            raise ValueError(
                f"`size` and `channels` are for images: got shape {tuple(source.shape)}. Leave "
                "them out."
            )
        array = plain_array(source)
        finite_range(array)
        layout = _layout(source)
        return Samples(array, cls(LAYOUTS[layout].shape(array.shape[1:])), layout)

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Arrays of the model's shape; one sample without the axis of samples, too."""
        if not self.claims(source):
            raise ValueError(
                f"The model takes arrays of shape {self.shape}: got {type(source).__name__}. Give "
                "samples like those that it was trained on."
            )
        source = source[None] if tuple(source.shape) == self.shape else source
        if tuple(source.shape[1:]) == self.shape:
            array = plain_array(source)
            finite_range(array)
            return Samples(array, self)
        found = self.read(source, replace(reading, size=None, channels=None))
        self.check_shape(found.shape)
        return replace(found, kind=self)


def _layout(source: Shaped[Any, "n ..."]) -> str:
    """Whether the last of three axes is a few channels, of an array of bytes."""
    shape = tuple(source.shape)
    bytes_of_pixels = isinstance(source, np.ndarray) and source.dtype == np.uint8
    last = bytes_of_pixels and len(shape) == 4 and shape[3] <= MOST_CHANNELS < min(shape[1:3])
    return "hwc" if last else "values"
