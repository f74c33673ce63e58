"""What a user says of a column, in a word or a few: `category`, `number step 0.5`, `[S, M, L]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from entropae.kinds.tables.grid import Grid
from entropae.messages import unknown

MEANINGS = ("number", "whole number", "category", "date", "time", "date-time", "time span", "text")
MEANINGS += ("identifier",)
# What pandas and other programs call them.
ALSO = {
    "whole number": ("int", "integer"),
    "number": ("float", "numeric", "numerical"),
    "category": ("categorical", "boolean", "bool", "constant"),
    "date-time": ("datetime", "timestamp"),
    "time span": ("duration", "timedelta"),
    "text": ("string", "str"),
    "identifier": ("id",),
}
CALLED = {other: meaning for meaning, others in ALSO.items() for other in others}
WORDS = re.compile(
    r"(?P<meaning>whole number|time span|date-time|[a-z]+)(?:,? steps? (?:of )?(?P<step>[\d.]+))?"
    r"(?: (?P<form>\S*%.*))?"
)


@dataclass(frozen=True)
class Declared:
    """What is said of a column.

    Attributes:
        meaning: One of `MEANINGS`; empty if nothing is said.
        step: Of the grid of its numbers, as it is written.
        form: Of dates and times, such as `%d/%m/%Y`.
        order: Of its categories.
    """

    meaning: str = ""
    step: str | None = None
    form: str = ""
    order: tuple[Any, ...] | None = None

    def grid(self, values: np.ndarray) -> Grid | None:
        """The grid of the step that was given, through the smallest value."""
        if self.step is None or not len(values):
            return None
        places = len(self.step.partition(".")[2])
        unit = 10**places
        step = round(float(self.step) * unit)
        origin = round(float(values.min()) * unit)
        return Grid(places if values.dtype.kind == "f" else 0, origin, step)


def declared(words: Any) -> Declared:
    """What a word, a few, or a list of categories in their order say.

    Raises:
        ValueError: If they say nothing that is known.

    Examples:
        >>> declared("number, step 0.5")
        Declared(meaning='number', step='0.5', form='', order=None)
        >>> declared("datetime %d/%m/%Y %H:%M")
        Declared(meaning='date-time', step=None, form='%d/%m/%Y %H:%M', order=None)
        >>> declared(["S", "M", "L"]).order
        ('S', 'M', 'L')
    """
    if isinstance(words, list | tuple):
        return Declared("category", order=tuple(words))
    found = WORDS.fullmatch(str(words).strip())
    meaning = CALLED.get(found["meaning"], found["meaning"]) if found else ""
    if not found or meaning not in MEANINGS:
        raise ValueError(
            unknown("meaning of a column", str(words), MEANINGS)
            + " Or a list of its categories in their order; or drop."
        )
    return Declared(meaning, found["step"], found["form"] or "")


def columns_file(path: str | Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a YAML file says of columns, and the rules in it.

    Either the columns by name, or `columns:` with them and `rules:`, a list.

    Raises:
        ValueError: If it says something else.
        FileNotFoundError: If there is none.
    """
    from entropae.recipe import read_settings

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        found = read_settings(path, of_columns=True)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    parted = set(found) <= {"columns", "rules"} and isinstance(found.get("columns", {}), Mapping)
    columns = dict(found.get("columns", {})) if parted else found
    rules = found.get("rules", []) if parted else []
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise ValueError(f"`rules` in {path} must be a list of texts: got {rules!r}.")
    for words in columns.values():
        if words != "drop":
            declared(words)
    return {str(name): words for name, words in columns.items()}, tuple(rules)
