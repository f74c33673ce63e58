"""Progress bars of priors that are learnt, shown unless whoever fits them wants none."""

from __future__ import annotations

import sys
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
    often = 0.2 if sys.stderr.isatty() else 10  # seconds; each is a line of its own in a file
    return tqdm(range(steps), doing, unit="step", mininterval=often, disable=not _SHOWN.get())
