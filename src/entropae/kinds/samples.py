"""Samples of one shape, and their split into those to learn from and those held out."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt64
from torch import Tensor
from torch.utils.data import Dataset

from entropae.kinds.keys import Halves, Rule, halved
from entropae.kinds.layouts import LAYOUTS
from entropae.nn.scaling import Scaling

if TYPE_CHECKING:
    from entropae.kinds.base import Kind

# Numbers that are held of the samples at a time.
NUMBERS = 1 << 26
THUMBNAILS = 25  # that a notebook shows


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Tensor]):
    """Samples of one shape and kind, read from an array when they are asked for.

    Attributes:
        array: Shape `(n, …)`, often mapped from disk.
        kind: What they are, and what can be done with them.
        layout: How stored rows become tensors, a name in `LAYOUTS`.
        skipped: What was left out when they were read, with the reason.
        labels: One for each row of the array, if they came with any.
        keys: One for each row of the array, which is its own whatever rows are added; by default
            the row's number.
        files: What they were read from: one file, or one for each row, or none.
        names: Of these, from the folder that was asked for.
        others: How many files were there that are of other types, in words, if any.
        told: What was done to them that nobody asked for, in a sentence, if anything.
        scaling: Where their values lie and how far they spread, if not about as of N(0, 1).
        kept: Which lines of their file or list were, if some were left out.
        index: Which rows of the array; all if `None`.
    """

    array: np.ndarray = field(repr=False)
    kind: Kind
    layout: str = "values"
    skipped: tuple[str, ...] = ()
    labels: np.ndarray | None = field(default=None, repr=False)
    index: Int[np.ndarray, " m"] | None = field(default=None, repr=False)
    keys: UInt64[np.ndarray, " n"] | None = field(default=None, repr=False)
    files: tuple[Path, ...] = field(default=(), repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    kept: Bool[np.ndarray, " m"] | None = field(default=None, repr=False)
    others: str = ""
    told: str = ""
    scaling: Scaling | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.array if self.index is None else self.index)

    def __getitem__(self, i: int) -> Shaped[Tensor, ...]:
        """One sample, float32; int64 if it is a sentence."""
        return self.__getitems__([range(len(self))[i]])[0]

    def __getitems__(self, indices: Sequence[int]) -> Shaped[Tensor, "n ..."]:
        """A batch of samples."""
        self._check_there()
        rows = np.asarray(indices, dtype=np.int64)
        values = self.array[rows if self.index is None else self.index[rows]]
        batch = torch.from_numpy(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("=")))
        return LAYOUTS[self.layout].tensor(batch)

    def _repr_html_(self) -> str:
        from entropae.kinds.shown import show
        from entropae.notebook import shown

        said = f"{len(self):,} {self.kind.things} of {self.kind.describe_size()}"
        said = said.replace("\u00a0", " ")
        return f"<p>{shown(said)}</p>{show(self.kind, self.spread(THUMBNAILS)).html}"

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

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as it comes out."""
        return LAYOUTS[self.layout].shape(self.array.shape[1:])

    def points(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n m"]:
        """Such samples as points whose squared distances are errors of reconstructions."""
        return x.flatten(1) if self.scaling is None else self.scaling.points(x)

    def first(self, n: int) -> Shaped[Tensor, "m ..."]:
        """A batch of the first `n` samples, or of all if there are fewer."""
        return self.__getitems__(range(min(n, len(self))))

    def some(self, n: int) -> Samples:
        """All samples, or `n` of them at even distances."""
        return self if len(self) <= n else self.subset(evenly(len(self), n))

    def drawn(self, n: int, *, seed: int) -> Shaped[Tensor, "m ..."]:
        """A batch of `n` samples at random, or of all: the first ones are of the first folder."""
        rows = np.random.default_rng(seed).permutation(len(self))[:n]
        return self.__getitems__(rows.tolist())

    def spread(self, n: int) -> Shaped[Tensor, "m ..."]:
        """A batch of `some` samples; of fewer if they are large."""
        rows = evenly(len(self), min(n, max(1, NUMBERS // math.prod(self.shape))))
        return self.__getitems__(rows.tolist())

    def subset(self, indices: Int[np.ndarray, " m"] | Sequence[int]) -> Samples:
        """Some of the samples; nothing is read."""
        indices = np.asarray(indices)
        if indices.dtype == np.bool_:
            raise ValueError("`indices` must be row numbers: got booleans. Use numpy.flatnonzero.")
        indices = indices.astype(np.int64)
        return replace(self, index=indices if self.index is None else self.index[indices])

    def split(
        self,
        validation: float,
        *,
        seed: int = 0,
        below: int | None = None,
        rule: Rule = "keys",
    ) -> tuple[Samples, Samples]:
        """Training and held-out samples; the training ones twice if none are held out.

        Which are held out goes by the samples' keys, so that it does not depend on what else is
        there: see `keys.halved`.
        """
        kept, held_out, _ = self.halves(validation, seed=seed, below=below, rule=rule)
        train = self.subset(kept)
        return train, self.subset(held_out) if len(held_out) else train

    def halves(
        self, validation: float, *, seed: int = 0, below: int | None = None, rule: Rule = "keys"
    ) -> Halves:
        """The rows of both, and where the boundary between them lies."""
        keys = self.all_keys()
        return halved(len(self), validation, seed=seed, keys=keys, below=below, rule=rule)

    def all_keys(self) -> UInt64[np.ndarray, " n"]:
        """What tells each sample from the others: its file's name, its content, or its row."""
        if self.keys is not None:
            return self.keys if self.index is None else self.keys[self.index]
        rows = np.arange(len(self.array)) if self.index is None else self.index
        return rows.astype(np.uint64)


def evenly(n: int, most: int) -> Int[np.ndarray, " m"]:
    """All of `n` rows, or so many of them at even distances."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)


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
    return halved(n, validation, seed=seed)[:2]
