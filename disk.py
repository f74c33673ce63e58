"""Cells as files of a temporary folder, of which no more than two are in memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from tqdm.auto import tqdm

from entropae.large.cell import Cell, in_order, log_distances, may_reach
from entropae.large.cells import Cells
from entropae.large.rows import Rows
from entropae.large.scan import Bounds, merge, scan
from entropae.large.splits import cell_size, split
from entropae.neighbors import Norm

T = TypeVar("T")

# Rows that tell where to split, in all and of each cell.
SOME, SOME_EACH = 1 << 14, 64


class Piece(NamedTuple):
    """Rows of a cell's file: all of them, but where a cell holds more than planned."""

    path: Path
    start: int
    stop: int


@contextmanager
def on_disk(rows: Rows, *, progress: bool = False) -> Iterator[OnDisk]:
    """Cells of a sample in a temporary folder, which is gone at the end of the block.

    Raises:
        ValueError: If the sample is not finite, or all rows were dropped.
        OSError: If there is no room on disk.
    """
    bounds = _bounds(rows, progress)
    if not bounds.n:
        raise ValueError(f"{rows.name} must not be empty: every row has missing values.")
    with tempfile.TemporaryDirectory(prefix="entropae-") as folder:
        yield OnDisk(rows, bounds, Path(folder), progress)


class OnDisk(Cells):
    """See `on_disk`."""

    def __init__(self, rows: Rows, bounds: Bounds, folder: Path, progress: bool) -> None:
        self.bounds, self.dtype = bounds._replace(some=bounds.some[:0]), rows.dtype
        self._folder, self._progress, self._d = folder, progress, len(rows.columns)
        self._check_room(bounds.n * self._d * self.dtype.itemsize, "a copy of the sample")
        self._pieces = self._write(rows, bounds)

    def map(self, function: Callable[[np.ndarray], T]) -> list[T]:
        """See `Cells`."""
        return [function(self._points(piece)) for piece in self._pieces]

    def map_distances(
        self, k: int, norm: Norm, function: Callable[[np.ndarray, np.ndarray], T]
    ) -> list[T]:
        """See `Cells`."""
        self._check_room(self.bounds.n * k * 8, f"distances to k={k} neighbours")
        self._search(k, norm)
        exponent = self.bounds.exponent
        return [
            function(self._points(piece), log_distances(np.load(self._found(i)), exponent))
            for i, piece in enumerate(self._pieces)
        ]

    def _search(self, k: int, norm: Norm) -> None:
        pieces = range(len(self._pieces))
        boxes, farthest = [], np.empty(len(pieces))
        with self._bar("Neighbours", 2 * self.bounds.n) as bar:
            for i in pieces:
                cell = self._cell(i, k, norm)
                distances = cell.within()
                np.save(self._found(i), distances)
                boxes.append(cell.box)
                farthest[i] = distances[:, -1].max()
                bar.update(len(distances))
            for j in pieces:
                # Its tree answers all the others before the next is built.
                other = self._cell(j, k, norm)
                for i in pieces:
                    if i == j or not may_reach(boxes[i], boxes[j], farthest[i], norm):
                        continue
                    distances = self._cell(i, k, norm).across(other, np.load(self._found(i)))
                    np.save(self._found(i), distances)
                    farthest[i] = distances[:, -1].max()
                bar.update(len(other.points))

    def _cell(self, i: int, k: int, norm: Norm) -> Cell:
        return Cell(self._points(self._pieces[i]), self.bounds.exponent, k, norm)

    def _found(self, i: int) -> Path:
        return self._folder / f"distances-{i}.npy"

    def _points(self, piece: Piece) -> np.ndarray:
        width = self._d * self.dtype.itemsize
        count = (piece.stop - piece.start) * self._d
        read = np.fromfile(piece.path, self.dtype, count, offset=piece.start * width)
        return read.reshape(-1, self._d)

    def _write(self, rows: Rows, bounds: Bounds) -> list[Piece]:
        size = cell_size(self._d)
        splits = split(bounds.some, -(-bounds.n // size))
        counts = np.zeros(splits.cells, np.int64)
        paths = [self._folder / f"cell-{cell}" for cell in range(splits.cells)]
        with self._bar("Cutting into cells", bounds.n) as bar:
            for block in rows.blocks():
                cell = splits.cell_of(block)
                order, found = cell.argsort(kind="stable"), np.bincount(cell, minlength=len(paths))
                parts = np.split(block[order], found.cumsum()[:-1])
                for path, part in zip(paths, parts, strict=True):
                    if len(part):
                        with path.open("ab") as file:
                            part.tofile(file)
                counts += found
                bar.update(len(block))
        if counts.sum() != bounds.n:
            raise ValueError(
                f"{rows.name} must not change while it is read: got {counts.sum()} rows after "
                f"{bounds.n}. Wait for what writes to it, or copy it."
            )
        pieces = [
            # Cells of many equal points, or of regions that few rows told of, are the larger ones.
            Piece(path, start, min(start + size, int(count)))
            for path, count in zip(paths, counts, strict=True)
            for start in range(0, int(count), size)
        ]
        for piece in pieces:
            ordered = in_order(self._points(piece))
            with piece.path.open("r+b") as file:
                file.seek(piece.start * self._d * self.dtype.itemsize)
                ordered.tofile(file)
        return pieces

    def _check_room(self, needed: int, what: str) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise OSError(
                f"The folder for temporary files must have room for {what}, {needed:,} bytes: "
                f"{self._folder.parent} has {free:,}. Make room, or name another in TMPDIR."
            )

    def _bar(self, what: str, points: int) -> tqdm:
        return _bar(what, points, self._progress)


def _bounds(rows: Rows, progress: bool) -> Bounds:
    cells = -(-rows.length // cell_size(len(rows.columns)))
    blocks = -(-rows.length // rows.block)
    some = -(-max(SOME, SOME_EACH * cells) // blocks)
    found = []
    with _bar("Reading", rows.length, progress) as bar:
        for block in rows.blocks():
            found.append(scan(block, some))
            bar.update(len(block))
    return merge(found)


def _bar(what: str, points: int, progress: bool) -> tqdm:
    return tqdm(
        desc=what, total=points, unit=" points", unit_scale=True, leave=False, disable=not progress
    )
