"""Progress bars of priors that are learnt, shown unless whoever fits them wants none."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from tqdm.auto import tqdm

from entropae.neighbors.progress import set_within

_SHOWN: ContextVar[bool] = ContextVar("shown", default=True)


def showing_steps(shown: bool) -> AbstractContextManager[None]:
    """Within this block, the steps of learning a prior have a bar, or have none."""
    return set_within(_SHOWN, shown)


def counted(steps: int, doing: str) -> tqdm[Any]:
    """A bar of training steps."""
    return tqdm(range(steps), doing, unit="step", mininterval=interval(), disable=not _SHOWN.get())


def interval() -> float:
    """Seconds between two states of a bar, of which each is a line of its own in a file."""
    return 0.2 if sys.stderr.isatty() else 10
