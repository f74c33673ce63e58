"""Arrays of numbers that are nothing else: signals, feature vectors, frames of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from entropae.kinds.arrays.advice import advice
from entropae.kinds.arrays.whole import to_whole, whole_dtype, whole_places
from entropae.kinds.base import Kind
from entropae.kinds.layouts import LAYOUTS
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.values.checks import array_of, check_single, finite_range, plain_array
from entropae.nn.scaling import Scaling

MOST_CHANNELS = 16
FEWEST, MOST = 3, 20_000  # samples that anything is learnt from, and that scales are
LOOKED = 500  # by which it is told that rows are something else
BYTES = 255  # by which networks get them divided
PICTURED = 4  # places each way of a plane that are drawn as a picture


class Arrays(Kind):
    """Samples of one shape, of numbers.

    Args:
        shape: Of a sample.
        dtype: Of whole numbers or flags, which samples come back as; empty for others.
        whole: Where along the first axis whole numbers are, with their range: see `whole_places`.
    """

    name = "arrays"

    def __init__(
        self, shape: Sequence[int], dtype: str = "", whole: Sequence[Sequence[int]] = ()
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.whole = whole

    @classmethod
    def claims(cls, source: Any) -> bool:
        """Any array or tensor."""
        return isinstance(source, Tensor | np.ndarray)

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """An array as it is; channels that come last are brought before the pixels."""
        array = plain_array(source)
        low, high = finite_range(array)
        check_single(array)
        layout = _layout(source)
        samples = Samples(array, cls(LAYOUTS[layout].shape(array.shape[1:])), layout)
        samples = _whole(_advised(samples), whole_dtype(source))
        is_unit = low >= 0 and high <= 1 and array.dtype != np.uint8
        return samples if is_unit else _scaled(samples, reading)

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Arrays of the model's shape; one sample without the axis of samples, too."""
        if not self.claims(source):
            raise ValueError(
                f"The model takes arrays of shape {self.shape}: got {type(source).__name__}. Give "
                "samples like those that it was trained on; of a frame the column that holds them, "
                "frame[key], of a file ea.kinds.read(path, key=key)."
            )
        source = source[None] if tuple(source.shape) == self.shape else source
        if self.dtype and whole_dtype(source):
            source = _cast(plain_array(source), self.dtype)
        given = array_of(source, self)
        if given is not None:
            return given
        found = self.read(source, replace(reading, size=None, channels=None))
        self.check_shape(found.shape)
        return replace(found, kind=self)

    def describe_size(self) -> str:
        """How many values a sample has."""
        return "1 value" if self.shape == (1,) else super().describe_size()

    def present(
        self, x: Shaped[Tensor, "n ..."], *, drawn: bool = False, seed: int | None = None
    ) -> Shaped[Tensor, "n ..."]:
        """Whole numbers and flags as such, where those that were learnt from were."""
        if not self.whole:
            return x
        x = x * BYTES if self.dtype == "uint8" else x
        x = to_whole(x, self.whole, drawn=drawn, seed=seed)
        return x.to(getattr(torch, self.dtype)) if self.dtype else x

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """Write new samples, see `present`."""
        return super().write(self.present(made, drawn=True, seed=seed), out)

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """Write samples and their reconstructions, see `present`."""
        return super().write_pairs(self.present(x), self.present(again), out)

    def write_paths(self, between: Shaped[Tensor, "n steps ..."], out: str) -> str:
        """Write decoded paths between samples, see `present`."""
        return super().write(self.present(between.flatten(0, 1)), out)

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

    if len(samples) < FEWEST:  # to be encoded: too few to learn from
        return samples
    train, _ = samples.split(reading.validation, seed=reading.seed, rule=reading.rule)
    scaling = scaling_of(train.spread(MOST))
    if scaling is None or not scaling.is_mixed:
        return replace(samples, scaling=scaling)
    bytes_of = BYTES if samples.array.dtype == np.uint8 else 1
    own = Scaling(*(part * bytes_of for part in scaling))
    told = f"The values are in mixed units ({own.said}): each is taken in its own."
    told = " ".join(filter(None, (told, samples.told)))
    return replace(samples, scaling=scaling, told=told)


def _whole(samples: Samples, dtype: str) -> Samples:
    """Samples that know where their values are whole numbers: all, or some of a row of features."""
    is_row = len(samples.shape) == 1
    if not dtype and not is_row:
        return samples
    x = samples.spread(MOST)
    if not dtype and bool(((x == 0) | (x == 1)).all()):
        return samples  # of floats, which may well be shares or pixels
    whole = whole_places(x * BYTES if dtype == "uint8" else x)
    are_all = len(whole) == samples.shape[0]
    kind = Arrays(samples.shape, dtype if are_all else "", whole)
    if not whole or not is_row or samples.told:
        return replace(samples, kind=kind)
    which = "All" if are_all else f"{len(whole)} of {samples.shape[0]}"
    what = "flags" if dtype == "bool" else "whole numbers"
    return replace(samples, kind=kind, told=f"{which} values are {what}, and are drawn as such.")


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """Whole numbers as others that the model learnt from: bytes alone are divided."""
    if dtype == "bool":
        return np.where(array == 0, np.uint8(0), np.uint8(BYTES))
    info = np.iinfo(dtype)
    fits = array.min() >= info.min and array.max() <= info.max
    return array.astype(dtype if fits else np.float32)


def _advised(samples: Samples) -> Samples:
    """Rows of numbers with what to do if they are something else."""
    if len(samples.shape) > 1 or len(samples) < FEWEST:
        return samples
    return replace(samples, told=advice(samples.spread(LOOKED), len(samples)))


def _layout(source: Shaped[Any, "n ..."]) -> str:
    """Whether the last of three axes is a few channels, of an array of bytes."""
    shape = tuple(source.shape)
    bytes_of_pixels = isinstance(source, np.ndarray) and source.dtype == np.uint8
    last = bytes_of_pixels and len(shape) == 4 and shape[3] <= MOST_CHANNELS < min(shape[1:3])
    return "hwc" if last else "values"
