"""The same work on many items, on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")
Made = TypeVar("Made")


def mapped(
    function: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    name: str = "Estimates",
    progress: bool = False,
) -> list[Made]:
    """The function's results, in the order of the items.

    By threads: sorting and searching trees, which take the time, run side by side in them.

    Args:
        function: What to do.
        items: With what.
        name: What to call the work beside the bar.
        progress: Whether to show a bar.
    """
    with (
        ThreadPoolExecutor(processors()) as pool,
        tqdm(desc=name, total=len(items), leave=False, disable=not progress) as bar,
    ):
        made = []
        for one in pool.map(function, items):
            made.append(one)
            bar.update()
    return made


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
