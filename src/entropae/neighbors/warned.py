"""Warnings that point to the caller's line, not to one of this package."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

OWN = str(Path(__file__).parent.parent)


def warn(message: str) -> None:
    """Warn as the first caller outside the package."""
    level, frame = 1, sys._getframe()  # warnings.warn counts in the same way
    # jaxtyping and beartype run between the package's functions.
    inside = (OWN, "beartype", "jaxtyping")
    while frame is not None:
        name = frame.f_code.co_filename
        if not (
            name.startswith(OWN) or name.startswith("<@") or any(w in name for w in inside[1:])
        ):
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
