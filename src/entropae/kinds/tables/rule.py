"""What a rule is that holds in every row of a table."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.plain import plain


class Rule(ABC):
    """What holds in every row."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Of the columns."""

    @abstractmethod
    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """In which rows of a `pyarrow.Table` it holds; where a value is missing, it does."""

    @property
    def gives(self) -> tuple[str, ...]:
        """Columns that follow from the others; the first is the one that is usually set."""
        return ()

    def repaired(self, table: Any, columns: Columns, name: str | None = None) -> Any:
        """The table with what follows from other columns set to it.

        Args:
            table: The rows.
            columns: What its columns are.
            name: The column that is set, one of `gives`; by default the first.
        """
        return table

    def settings(self) -> dict[str, Any]:
        """Plain values of which `rule_from` makes it again."""
        return {"rule": str(self)}


def listed(column: Any) -> list[Any]:
    """Plain values, `None` where they are missing."""
    found = plain(column)
    values = found.values.tolist()
    if not found.absent.any():
        return values
    return [None if gone else value for value, gone in zip(values, found.absent, strict=True)]


def quoted(name: str) -> str:
    """A column's name in a rule: in backquotes if it has signs that mean something there."""
    plain_name = re.fullmatch(r"[\w.()/%#-]+(?: [\w.()/%#-]+)*", name) and " / " not in name
    return name if plain_name else f"`{name}`"
