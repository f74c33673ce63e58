"""Runs: folders that training made from a recipe, and the verbs that other commands are.

Names are loaded when first used: most commands open a run, and need nothing of what trains one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entropae.runs.comparison import compare, markdown
    from entropae.runs.files import METRICS, portable, read_recipe, write_recipe
    from entropae.runs.making import make, new_model
    from entropae.runs.run import Run

__all__ = [
    "METRICS",
    "Run",
    "compare",
    "make",
    "markdown",
    "new_model",
    "portable",
    "read_recipe",
    "write_recipe",
]

_HOMES = {
    "comparison": ("compare", "markdown"),
    "files": ("METRICS", "portable", "read_recipe", "write_recipe"),
    "making": ("make", "new_model"),
    "run": ("Run",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
