"""Progress bars of long searches, shown where somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeVar

import torch
from tqdm.auto import tqdm

Block = TypeVar("Block")

_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)


def showing_progress(shown: bool) -> AbstractContextManager[None]:
    """Within this block, searches show bars, or do not; in a compiled graph they never do."""
    return nullcontext() if torch.compiler.is_compiling() else set_within(_SHOWN, shown)


@contextmanager
def set_within(variable: ContextVar[bool], value: bool) -> Iterator[None]:
    """Within this block a variable has a value, and after it that of before."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def tracked(
    blocks: Sequence[Block],
    size: Callable[[Block], int] = len,  # pyright: ignore[reportArgumentType]
    name: str = "Neighbours",
    unit: str = " points",
) -> Iterator[Block]:
    """Blocks, of query points if not said otherwise, with a bar if it is to be shown."""
    total = sum(size(block) for block in blocks)
    hidden = not _SHOWN.get() or len(blocks) < 2
    with tqdm(
        desc=name, total=total, unit=unit, unit_scale=True, leave=False, disable=hidden
    ) as bar:
        for block in blocks:
            yield block
            bar.update(size(block))
