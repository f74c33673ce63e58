"""The search on one machine: cells in a temporary folder, a few of them in memory at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from tqdm.auto import tqdm

from entropae.neighbors import Norm
from entropae.out_of_core.cells import Cell, Distances, across, parts_of, within
from entropae.out_of_core.extent import Extent, Moments
from entropae.out_of_core.partition import count, partition, sort
from entropae.reader.rows import Rows

# Bytes of a cell's coordinates and distances, and how many cells are kept ready to be searched.
CELL = 1 << 28
KEPT = 4

T = TypeVar("T")


class OnDisk:
    """Rows that are sorted into cells, a file each, in a folder of its own.

    Attributes:
        dtype: float32 or float64.
        extent: What a first pass found.
    """

    def __init__(self, rows: Rows, folder: Path, *, progress: bool = False) -> None:
        self.rows = rows
        self.folder = folder
        self.progress = progress
        self.dtype = rows.dtype
        self.extent = self._measure()
        self.files: list[Path] = []

    def _bar(self, what: str, **options: Any) -> tqdm:
        return tqdm(desc=what, unit=" rows", disable=not self.progress, **options)

    def _measure(self) -> Extent:
        found: Extent | None = None
        with self._bar("reading") as bar:
            for number, block in enumerate(self.rows.blocks()):
                part = Extent.of(block, number, self.rows.source, found.n if found else 0)
                found = Extent.merged(found, part) if found else part
                bar.update(len(block))
        if found is None:
            raise ValueError(f"{self.rows.source} must not be empty: got no rows.")
        return found

    def beginning(self) -> Float[np.ndarray, "n d"]:
        """The first rows, as many as a block has."""
        return next(self.rows.blocks())

    def sort(self, k: int) -> Moments:
        """Make the cells, divided by the extent's power of two, and the moments as divided.

        Raises:
            OSError: If there is no room for them.
        """
        n, d = self.extent.n, len(self.extent.low)
        size, free = n * d * self.dtype.itemsize, shutil.disk_usage(self.folder).free
        if size > free:
            raise OSError(
                f"There is no room to sort {self.rows.source}: {size / 1e9:.1f} GB are needed in "
                f"{self.folder.parent}, {free / 1e9:.1f} GB are free. Set TMPDIR to a folder with "
                "more."
            )
        cells = partition(self.extent.drawn, -(-n * 8 * (d + k + 1) // CELL))
        files = [self.folder / str(cell) for cell in range(count(cells))]
        moments: list[Moments] = []
        with self._bar("sorting", total=n) as bar:
            for block in self.rows.blocks():
                scaled = np.ldexp(block, -self.extent.exponent)
                moments.append(Moments.of(scaled))
                for file, part in zip(files, sort(scaled, cells), strict=True):
                    # One at a time: there may be more cells than files that may be open.
                    with file.open("ab") as out:
                        part.tofile(out)
                bar.update(len(block))
        self.files = [file for file in files if file.stat().st_size]
        return Moments.merged(*moments)

    def search(self, k: int, norm: Norm, summarize: Callable[[list[Distances]], T]) -> list[T]:
        """What `summarize` makes of each cell's distances to the k nearest others.

        Always of the same parts in the same order: sums do not depend on the number of threads.
        """
        cell = lru_cache(maxsize=KEPT)(self._cell)
        turns = len(self.files)
        summaries = []
        with self._bar("searching", total=self.extent.n * turns, unit_scale=1 / turns) as bar:
            for file in self.files:
                own = cell(file)
                parts = parts_of(own)
                found = []
                for part in parts:
                    found.append(within(own, part, k, norm))
                    bar.update(len(found[-1]))
                # Each other cell once for all parts: it may have to be read.
                for other in self.files:
                    if other == file:
                        continue
                    asked = cell(other)
                    for i, part in enumerate(parts):
                        found[i] = across(own.points[part], found[i], asked, norm)
                        bar.update(len(found[i]))
                summaries.append(summarize(found))
        return summaries

    def _cell(self, file: Path) -> Cell:
        d = len(self.extent.low)
        return Cell.of(np.fromfile(file, self.dtype).reshape(-1, d))


@contextmanager
def on_disk(rows: Rows, *, progress: bool = False) -> Iterator[OnDisk]:
    """The rows with a temporary folder, which is gone at the end, whatever the end."""
    with tempfile.TemporaryDirectory(prefix="entropae-") as folder:
        yield OnDisk(rows, Path(folder), progress=progress)
