"""Progress bars of long searches, shown where somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor
from tqdm.auto import tqdm

_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)


@contextmanager
def showing_progress(shown: bool) -> Iterator[None]:
    """Within this block, searches show bars, or do not."""
    token = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def tracked(blocks: Sequence[Tensor]) -> Iterator[Tensor]:
    """Blocks of query points, with a bar of how many points are done if it is to be shown."""
    total = sum(len(block) for block in blocks)
    hidden = not _SHOWN.get() or len(blocks) < 2
    with tqdm(
        desc="Neighbours", total=total, unit=" points", unit_scale=True, leave=False, disable=hidden
    ) as bar:
        for block in blocks:
            yield block
            bar.update(len(block))
