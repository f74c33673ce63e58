"""What counts as a large sample: files, arrays mapped from disk, dask arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entropae.out_of_core.disk import OnDisk, on_disk
from entropae.reader.rows import Rows, open_table, rows_of

if TYPE_CHECKING:
    import dask.array

    from entropae.out_of_core.cluster import OnDask

# A sample to be read by blocks, besides dask arrays.
Large = str | Path | np.memmap | Rows


def is_large(x: Any) -> bool:
    """Whether a sample is to be read by blocks."""
    return isinstance(x, Large) or is_dask(x)


def is_dask(x: Any) -> bool:
    """Whether `x` is a dask array. There is none unless somebody has imported dask."""
    module = sys.modules.get("dask.array")
    return module is not None and isinstance(x, module.Array)


@contextmanager
def opened(x: Large | dask.array.Array, *, progress: bool = False) -> Iterator[OnDisk | OnDask]:
    """The sample, its extent known, ready to be sorted and searched.

    Args:
        x: A file (all its columns of numbers), rows of one, an array mapped from disk, or a dask
            array.
        progress: Whether to show how far the passes are; Dask has its own dashboard.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, is not of numbers, is empty, or has NaN or inf.
    """
    if not isinstance(x, Large):
        from entropae.out_of_core.cluster import OnDask

        yield OnDask(x)
        return
    if isinstance(x, np.memmap):
        rows = rows_of(x, "`x`")
    else:
        rows = x if isinstance(x, Rows) else open_table(x)
    with on_disk(rows, progress=progress) as sample:
        yield sample
