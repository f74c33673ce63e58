"""Runs: folders that training made from a recipe, and the verbs that other commands are."""

from entropae.runs.compare import compare, markdown
from entropae.runs.files import METRICS, portable, read_recipe, write_recipe
from entropae.runs.make import make, new_model
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
