"""Samples of one shape, and their split into those to learn from and those held out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor
from torch.utils.data import Dataset

from entropae.text.sequences import trimmed
from entropae.text.tokenizer import Tokenizer

Layout = Literal["hw", "hwc", "chw"]


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Tensor]):
    """Samples of one shape, read from an array when they are asked for.

    Attributes:
        array: Shape `(n, …)`, often mapped from disk. uint8 comes out divided by 255.
        layout: Where an image's channels are: `"hw"` (grey), `"hwc"`, `"chw"`; `None` for samples
            that are no images, which come out in the shape they have.
        skipped: `"path: reason"` of every file that was left out; of a text, how many lines, and
            why.
        tokenizer: What the numbers of sentences mean, which come out as int64, cut to the longest
            of their batch; `None` for samples that are no sentences.
        index: Which rows of the array; all if `None`.
    """

    array: np.ndarray = field(repr=False)
    layout: Layout | None = None
    skipped: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = field(default=None, repr=False)
    index: Int[np.ndarray, " m"] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.array if self.index is None else self.index)

    def __getitem__(self, i: int) -> Shaped[Tensor, ...]:
        """One sample, float32; of a text, int64."""
        return self.__getitems__([range(len(self))[i]])[0]

    def __getitems__(self, indices: Sequence[int]) -> Shaped[Tensor, "n ..."]:
        """A batch of samples, float32; images as `(n, channels, height, width)`; texts int64."""
        self._check_there()
        rows = np.asarray(indices, dtype=np.int64)
        values = self.array[rows if self.index is None else self.index[rows]]
        batch = torch.from_numpy(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("=")))
        if self.tokenizer is not None:
            return trimmed(batch).long()
        batch = batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()
        if self.layout == "hw":
            return batch[:, None]
        return batch.permute(0, 3, 1, 2).contiguous() if self.layout == "hwc" else batch

    def _check_there(self) -> None:
        """Refuse to read on in a mapped file that has been cut: the system kills who does."""
        name = getattr(self.array, "filename", None)
        if not isinstance(self.array, np.memmap) or name is None:
            return
        try:
            size = os.stat(name).st_size
        except FileNotFoundError:
            return  # removed, or another put in its place: what is mapped stays
        if size < self.array.offset + self.array.nbytes:
            raise OSError(f"{name} has been cut to {size} bytes since it was opened. Put it back.")

    def first(self, n: int) -> Shaped[Tensor, "m ..."]:
        """A batch of the first `n` samples, or of all if there are fewer."""
        return self.__getitems__(range(min(n, len(self))))

    @property
    def is_image(self) -> bool:
        """Whether samples come out as `(channels, height, width)`."""
        return self.layout is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as it comes out."""
        shape = self.array.shape[1:]
        if self.layout == "hw":
            return (1, *shape)
        return (shape[2], shape[0], shape[1]) if self.layout == "hwc" else shape

    def subset(self, indices: Int[np.ndarray, " m"]) -> Samples:
        """Some of the samples; nothing is read."""
        indices = np.asarray(indices)
        if indices.dtype == np.bool_:
            raise ValueError("`indices` must be row numbers: got booleans. Use numpy.flatnonzero.")
        indices = indices.astype(np.int64)
        return replace(self, index=indices if self.index is None else self.index[indices])


def collate(batch: Any) -> Any:
    """For a `DataLoader` over `Samples`, which hand out whole batches: nothing is left to do."""
    return batch


def split(
    n: int, validation: float = 0.1, *, seed: int = 0
) -> tuple[Int[np.ndarray, " train"], Int[np.ndarray, " validation"]]:
    """Disjoint random rows for training and validation, sorted.

    Args:
        n: Number of samples.
        validation: Share that is held out; at least one sample unless it is 0.
        seed: For the same split again.

    Raises:
        ValueError: If the share is not in [0, 1), or leaves fewer than 2 samples to train on.

    Examples:
        >>> train, held_out = split(10, 0.2)
        >>> len(train), len(held_out), len(set(train) & set(held_out))
        (8, 2, 0)
    """
    if not 0 <= validation < 1:
        raise ValueError(f"`validation` must be in [0, 1): got validation={validation}.")
    held_out = max(1, round(n * validation)) if validation else 0
    if n - held_out < 2:
        raise ValueError(
            f"At least 2 samples must be left to train on: got n={n} with {held_out} held out."
        )
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
