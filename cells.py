"""A sample cut into cells, wherever they are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from entropae.large.rows import Rows
from entropae.large.scan import Bounds
from entropae.neighbors import Norm

T = TypeVar("T")


class Cells(ABC):
    """A sample in cells of points near to each other.

    Attributes:
        bounds: Size and range of the sample.
        dtype: What its numbers are rounded to.
    """

    bounds: Bounds
    dtype: np.dtype

    @abstractmethod
    def map(self, function: Callable[[Float[np.ndarray, "m d"]], T]) -> list[T]:
        """What a function says of the points of each cell, in an order of their own."""

    @abstractmethod
    def map_distances(
        self, k: int, norm: Norm, function: Callable[[np.ndarray, np.ndarray], T]
    ) -> list[T]:
        """What a function says of each cell's points and logarithms of distances.

        The second are `log ε_j(i)`, j = 1 … k, shape `(m, k)`, to the nearest other points of the
        whole sample, whatever cell they are in.
        """


@contextmanager
def partition(x: Rows | Any, *, progress: bool = False) -> Iterator[Cells]:
    """`Rows` or a Dask array, cut into cells.

    Cells of `Rows` are in a temporary folder, which is gone at the end of the block.

    Raises:
        ValueError: If the sample is empty, not finite or not numeric.
        OSError: If there is no room on disk.
    """
    if isinstance(x, Rows):
        from entropae.large.disk import on_disk

        with on_disk(x, progress=progress) as cells:
            yield cells
    else:
        from entropae.large.graph import OnDask

        yield OnDask(x)
