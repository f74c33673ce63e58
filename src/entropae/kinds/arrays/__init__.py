"""Arrays of numbers that are nothing else: signals, feature vectors, frames of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from torch import Tensor

from entropae.kinds.base import Kind
from entropae.kinds.layouts import LAYOUTS
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.values.checks import array_of, finite_range, plain_array

MOST_CHANNELS = 16
MOST = 20_000  # samples that scales are learnt from
LOOKED = 500  # by which flattened images are told
PICTURED = 4  # places each way of a plane that are drawn as a picture


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
        if reading.size not in (None, "auto") or reading.channels is not None:
            raise ValueError(
                f"`size` and `channels` are for images: got shape {tuple(source.shape)}. Leave "
                "them out."
            )
        array = plain_array(source)
        low, high = finite_range(array)
        layout = _layout(source)
        samples = Samples(array, cls(LAYOUTS[layout].shape(array.shape[1:])), layout)
        samples = replace(samples, told=_flattened(samples))
        return samples if low >= 0 and high <= 1 else _scaled(samples, reading)

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Arrays of the model's shape; one sample without the axis of samples, too."""
        if not self.claims(source):
            raise ValueError(
                f"The model takes arrays of shape {self.shape}: got {type(source).__name__}. Give "
                "samples like those that it was trained on."
            )
        source = source[None] if tuple(source.shape) == self.shape else source
        given = array_of(source, self)
        if given is not None:
            return given
        found = self.read(source, replace(reading, size=None, channels=None))
        self.check_shape(found.shape)
        return replace(found, kind=self)

    def subject(self, make: Any, parts: dict[str, Any], given: Tensor) -> Any:
        """Values in mixed units as the networks take them."""
        from entropae.nn import ScaledDecoder

        if not isinstance(parts["decoder"], ScaledDecoder):
            return super().subject(make, parts, given)
        from entropae.kinds.arrays.subject import Mixed

        return Mixed(**parts)

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """Channels over a plane as pictures, anything else as lines."""
        if not self._is_grid:
            return super().illustrate(model, held_out, folder, seed=seed)
        from entropae.kinds.arrays import grids

        return grids.illustrate(model, held_out, folder, seed=seed)

    @property
    def sections(self) -> Any:
        """Channels over a plane as pictures, anything else as lines."""
        if not self._is_grid:
            return super().sections
        from entropae.kinds.arrays import grids

        nearest = super().sections[-1]
        return (grids.samples, grids.reconstructions, grids.interpolations, nearest)

    @property
    def _is_grid(self) -> bool:
        return len(self.shape) == 3 and min(self.shape[1:]) >= PICTURED


def _scaled(samples: Samples, reading: Reading) -> Samples:
    """Samples with where their values lie, learnt from those that are not held out."""
    from entropae.nn.units import scaling_of

    train, _ = samples.split(reading.validation, seed=reading.seed, rule=reading.rule)
    scaling = scaling_of(train.spread(MOST))
    if scaling is None or not scaling.is_mixed:
        return replace(samples, scaling=scaling)
    told = f"The values are in mixed units ({scaling.said}): each is taken in its own."
    told = " ".join(filter(None, (told, samples.told)))
    return replace(samples, scaling=scaling, told=told)


def _flattened(samples: Samples) -> str:
    """What to do with rows of pixels."""
    from entropae.kinds.arrays.flattened import shape_of

    shape = shape_of(samples.spread(LOOKED)) if len(samples.shape) == 1 else None
    if shape is None:
        return ""
    return (
        f"They may be images of {shape[-1]} × {shape[-2]} pixels, flattened. To train on images, "
        f"save the array as these: x.reshape(-1, {', '.join(map(str, shape))})"
    )


def _layout(source: Shaped[Any, "n ..."]) -> str:
    """Whether the last of three axes is a few channels, of an array of bytes."""
    shape = tuple(source.shape)
    bytes_of_pixels = isinstance(source, np.ndarray) and source.dtype == np.uint8
    last = bytes_of_pixels and len(shape) == 4 and shape[3] <= MOST_CHANNELS < min(shape[1:3])
    return "hwc" if last else "values"
