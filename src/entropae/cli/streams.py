"""Output for terminals that do not know all letters: nothing is lost to one of them."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Any

SPELT = {
    **{"±": "+/-", "×": "x", "–": "-", "—": "-", "‖": "||", "’": "'", "“": '"', "”": '"'},
    **{"…": "...", "→": "->", "λ": "lambda", "²": "^2", "≈": "~", "≥": ">=", "≤": "<=", "½": "1/2"},
    **{"\u00a0": " ", "é": "e", "√": "sqrt", "μ": "mu", "σ": "sigma", "─": "-", "│": "|", "█": "#"},
}


def spell(error: UnicodeError) -> tuple[str, int]:
    """What is written for a letter that the terminal has not."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    shown = "".join(SPELT.get(c, c.encode("ascii", "backslashreplace").decode()) for c in part)
    return shown, error.end


def never_fail() -> None:
    """Make the standard streams write something for every letter, and to nowhere if closed."""
    codecs.register_error("entropae", spell)
    # Python has none for one that was closed before it began, as of a service.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- for good
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        found: Any = stream
        if hasattr(found, "reconfigure"):
            found.reconfigure(errors="entropae")
