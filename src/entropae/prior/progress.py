"""Progress bars of priors that are learnt, shown unless whoever fits them wants none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm.auto import tqdm

_SHOWN: ContextVar[bool] = ContextVar("shown", default=True)


@contextmanager
def showing_steps(shown: bool) -> Iterator[None]:
    """Within this block, the steps of learning a prior have a bar, or have none."""
    token = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def counted(steps: int, doing: str) -> tqdm[Any]:
    """A bar of training steps."""
    return tqdm(range(steps), doing, unit="step", disable=not _SHOWN.get())
