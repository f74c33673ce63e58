"""Cells as tasks of a Dask graph, on whatever scheduler is in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import dask
import numpy as np
from dask import array
from dask.delayed import Delayed, delayed

from entropae.large.cell import Cell, in_order, log_distances, may_reach
from entropae.large.cells import Cells
from entropae.large.scan import Bounds, merge, scan
from entropae.large.splits import Splits, cell_size, split
from entropae.neighbors import Norm

T = TypeVar("T")

# Rows of each chunk that tell where to split.
SOME = 1 << 11


class OnDask(Cells):
    """Cells of a Dask array. What a lost worker held is computed again by Dask.

    Args:
        x: Array of shape `(n, d)` or `(n,)`; lengths of chunks may be unknown.

    Raises:
        ValueError: If it is not of real numbers, not finite, empty, or has more than two axes.
    """

    def __init__(self, x: array.Array) -> None:
        if x.dtype.kind not in "biuf":
            raise ValueError(f"`x` must be of real numbers: got dtype {x.dtype}.")
        if x.ndim not in (1, 2):
            raise ValueError(f"`x` must have shape (n, d) or (n,): got {x.ndim} axes.")
        x = x[:, None] if x.ndim == 1 else x.rechunk({1: -1})
        narrow = x.dtype.kind == "f" and x.dtype.itemsize <= 4
        self.dtype = np.dtype(np.float32 if narrow else np.float64)
        chunks = [delayed(_checked)(chunk, i, self.dtype) for i, chunk in enumerate(_chunks(x))]
        found: tuple[Bounds, ...] = dask.compute(*[delayed(scan)(chunk, SOME) for chunk in chunks])
        bounds = merge(found)
        if not bounds.n or not x.shape[1]:
            raise ValueError(f"`x` must not be empty: got shape {x.shape}.")
        self.bounds = bounds._replace(some=bounds.some[:0])
        splits = split(bounds.some, -(-bounds.n // cell_size(x.shape[1])))
        parts = [delayed(_cut, nout=splits.cells)(chunk, splits) for chunk in chunks]
        cells = dask.persist(*[delayed(_join)([p[c] for p in parts]) for c in range(splits.cells)])
        lengths = dask.compute(*[delayed(len)(cell) for cell in cells])
        self._cells = [cell for cell, length in zip(cells, lengths, strict=True) if length]

    def map(self, function: Callable[[np.ndarray], T]) -> list[T]:
        """See `Cells`."""
        return list(dask.compute(*[delayed(function)(cell) for cell in self._cells]))

    def map_distances(
        self, k: int, norm: Norm, function: Callable[[np.ndarray, np.ndarray], T]
    ) -> list[T]:
        """See `Cells`."""
        exponent = self.bounds.exponent
        cells = [delayed(Cell)(cell, exponent, k, norm) for cell in self._cells]
        kept: tuple[Delayed, ...] = dask.persist(*cells, *[delayed(_within)(c) for c in cells])
        cells, distances = kept[: len(cells)], list(kept[len(cells) :])
        found = dask.compute(*[delayed(_extent)(*each) for each in zip(*[cells, distances])])
        for j, (box, _) in enumerate(found):
            for i, (own, farthest) in enumerate(found):
                if i != j and may_reach(own, box, farthest, norm):
                    distances[i] = delayed(_across)(cells[i], cells[j], distances[i])
        return list(
            dask.compute(
                *[
                    delayed(_measure)(cell, each, function)
                    for cell, each in zip(cells, distances, strict=True)
                ]
            )
        )


def _chunks(x: array.Array) -> list[Delayed]:
    return list(x.to_delayed()[:, 0])


def _checked(chunk: Any, i: int, dtype: np.dtype) -> np.ndarray:
    block = np.ascontiguousarray(chunk, dtype)
    finite = np.isfinite(block).all(1)
    if not finite.all():
        raise ValueError(
            f"`x` must be finite: got NaN or inf in {(~finite).sum()} rows of chunk {i}, the first "
            f"in row {finite.argmin()} of it. Remove or impute these rows."
        )
    return block


def _cut(block: np.ndarray, splits: Splits) -> list[np.ndarray]:
    cell = splits.cell_of(block)
    counts = np.bincount(cell, minlength=splits.cells)
    return np.split(block[cell.argsort(kind="stable")], counts.cumsum()[:-1])


def _join(parts: list[np.ndarray]) -> np.ndarray:
    points = np.concatenate(parts)
    return in_order(points) if len(points) else points


def _within(cell: Cell) -> np.ndarray:
    return cell.within()


def _extent(cell: Cell, distances: np.ndarray) -> tuple[np.ndarray, float]:
    return cell.box, float(distances[:, -1].max())


def _across(cell: Cell, other: Cell, distances: np.ndarray) -> np.ndarray:
    return cell.across(other, distances)


def _measure(cell: Cell, distances: np.ndarray, function: Callable[..., T]) -> T:
    return function(cell.points, log_distances(distances, cell.exponent))
