"""The search as a Dask graph: any scheduler runs it, and makes again what a lost worker had."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from dask.array import Array
from dask.base import compute, persist
from dask.delayed import delayed
from jaxtyping import Float

from entropae.neighbors import Norm
from entropae.out_of_core.cells import Cell, Distances, across, parts_of, reaches, within
from entropae.out_of_core.extent import Extent, Moments
from entropae.out_of_core.partition import count, partition, sort
from entropae.reader.rows import check_table, narrowest

T = TypeVar("T")
# Results merged in one task.
MERGED = 16


class OnDask:
    """The rows of a dask array, sorted into cells that stay on the workers.

    Attributes:
        dtype: float32 or float64.
        extent: What a first pass found.

    Raises:
        ValueError: If they are not real numbers, not of one or two axes, none, or not finite.
    """

    def __init__(self, x: Array) -> None:
        check_table(x, "`x`")
        table = x[:, None] if x.ndim == 1 else x
        self.dtype = narrowest(table.dtype)
        whole_rows: Any = {1: -1}
        self.chunks = list(table.astype(self.dtype).rechunk(whole_rows).to_delayed().ravel())
        extents = [
            delayed(_extent)(chunk, i, f"`x`, chunk {i},") for i, chunk in enumerate(self.chunks)
        ]
        (self.extent,) = compute(_merged(Extent.merged, extents))
        if self.extent is None:
            raise ValueError("`x` must not be empty: got no rows in any chunk.")
        self.cells: list[Any] = []

    def beginning(self) -> Float[np.ndarray, "n d"]:
        """The first rows, as many as the first chunk with some has."""
        return next(rows for (rows,) in map(compute, self.chunks) if len(rows))

    def sort(self, k: int) -> Moments:
        """Make the cells, divided by the extent's power of two, and the moments as divided.

        There are as many cells as chunks: chunks of a size that suits the workers make cells that
        do.
        """
        cells = partition(self.extent.drawn, len(self.chunks))
        number = count(cells)
        sort_chunk = delayed(partial(_sort, cells=cells, exponent=self.extent.exponent))
        pieces: list[Any] = [sort_chunk(chunk) for chunk in self.chunks]
        moments = _merged(Moments.merged, [piece[number] for piece in pieces])
        made = [delayed(_cell)([piece[i] for piece in pieces]) for i in range(number)]
        moments, *self.cells = persist(moments, *made)
        return compute(moments)[0]

    def search(self, k: int, norm: Norm, summarize: Callable[[list[Distances]], T]) -> list[T]:
        """What `summarize` makes of each cell's distances to the k nearest others.

        Which others a cell asks is known when its own distances are: there are two graphs.
        """
        own = persist(*(delayed(_within)(cell, k, norm) for cell in self.cells))
        boxes = compute(*(delayed(_box)(cell) for cell in self.cells))
        asked = compute(
            *(
                delayed(_asked)(cell, found, boxes, i, norm)
                for i, (cell, found) in enumerate(zip(self.cells, own, strict=True))
            )
        )
        summaries = []
        for i, (cell, found, others) in enumerate(zip(self.cells, own, asked, strict=True)):
            for other in others:
                found = delayed(_across)(cell, found, self.cells[other], norm)
            if boxes[i] is not None:
                summaries.append(delayed(summarize)(found))
        return list(compute(*summaries))


def _merged(merge: Callable[..., Any], parts: list[Any]) -> Any:
    """The parts merged, a few at a time, in their order."""
    while len(parts) > 1:
        groups = [parts[i : i + MERGED] for i in range(0, len(parts), MERGED)]
        parts = [delayed(partial(_merge, merge))(group) for group in groups]
    return parts[0]


def _merge(merge: Callable[..., Any], parts: list[Any]) -> Any:
    there = [part for part in parts if part is not None]
    return merge(*there) if there else None


def _extent(chunk: np.ndarray, seed: int, source: str) -> Extent | None:
    return Extent.of(chunk, seed, source) if len(chunk) else None


def _sort(chunk: np.ndarray, cells: Any, exponent: int) -> list[Any]:
    """The rows of each cell, then the moments of all."""
    scaled = np.ldexp(chunk, -exponent)
    return [*sort(scaled, cells), Moments.of(scaled) if len(scaled) else None]


def _cell(pieces: list[np.ndarray]) -> Cell | None:
    points = np.concatenate(pieces)
    return Cell.of(points) if len(points) else None


def _within(cell: Cell | None, k: int, norm: Norm) -> list[Distances]:
    return [within(cell, part, k, norm) for part in parts_of(cell)] if cell else []


def _box(cell: Cell | None) -> Cell | None:
    """The cell without its points."""
    return cell._replace(points=cell.points[:0], tree=None) if cell else None


def _asked(
    cell: Cell | None, found: list[Distances], boxes: list[Cell | None], own: int, norm: Norm
) -> list[int]:
    """Numbers of the other cells that balls of these sizes reach."""
    if cell is None:
        return []
    parts = [cell.points[part] for part in parts_of(cell)]
    return [
        i
        for i, box in enumerate(boxes)
        if i != own
        and box is not None
        and any(reaches(*one, box, norm) for one in zip(parts, found, strict=True))
    ]


def _across(cell: Cell, found: list[Distances], other: Cell, norm: Norm) -> list[Distances]:
    parts = parts_of(cell)
    return [
        across(cell.points[part], distances, other, norm)
        for part, distances in zip(parts, found, strict=True)
    ]
