"""What a rule is that holds in every row of a table."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.plain import plain

# How signs are written in names that stand in backquotes, and what stands for them while a rule is
# read.
ESCAPES = {"\\": r"\\", "`": r"\`", "\n": r"\n", "\r": r"\r"}
WRITTEN = {code: sign for sign, code in ESCAPES.items()}
HIDDEN = {"`": "\ue000", "\n": "\ue001", "\r": "\ue002"}
SHOWN = {code: sign for sign, code in HIDDEN.items()}
ESCAPED = re.compile(r"\\[\\`nr]")
QUOTED = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)


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
    plain_name = re.fullmatch(r"[\w.()/%#-]+(?: [\w.()/%#-]+)*", name) and " / " not in f" {name} "
    if plain_name and not _is_number(name) and not f"{name} ".lower().startswith("unique "):
        return name
    return f"`{''.join(ESCAPES.get(sign, sign) for sign in name)}`"


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def opaque(text: str) -> str:
    """A rule in which signs within quoted names stand for themselves: `clear` gives them back."""

    def inner(match: re.Match[str]) -> str:
        name = ESCAPED.sub(lambda sign: WRITTEN[sign[0]], match[1])
        return f"`{''.join(HIDDEN.get(sign, sign) for sign in name)}`"

    return QUOTED.sub(inner, text)


def clear(name: str) -> str:
    """A name as it is, from a rule that `opaque` made."""
    return "".join(SHOWN.get(sign, sign) for sign in name)
