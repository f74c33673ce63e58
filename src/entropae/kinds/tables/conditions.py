"""Conditions on rows, as `species=Gentoo, mass>5000`, and which rows of a table meet them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import HOW, key_of, keys_beside, keys_of
from entropae.kinds.tables.plain import plain
from entropae.messages import unknown

COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SAME = {"=": "==", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
SIGN = re.compile(r"\s*(<=|>=|!=|<>|==|=|<|>|≤|≥|≠)\s*")
WORD = re.compile(
    r"\s+(is\s+not\s+(?:missing|null)|is\s+(?:missing|null)|not\s+in|in)\b\s*", re.IGNORECASE
)
SAID = re.compile(r"is\s+(not\s+)?(?:missing|null)", re.IGNORECASE)
QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`")
NUMBER = re.compile(r"[+-]?\d*[.,]?\d+(?:[eE][+-]?\d+)?")
GROUPED = re.compile(r"[^\w\s,;&'\"`]?-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=\s*(?:[,;&]|and\b|$))")
NEXT = re.compile(r"\s*(?:,|;|&&?|\band\b)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Condition:
    """What is asked of one column.

    Attributes:
        name: Of the column.
        sign: One of `COMPARED`, `in`, `not in`, `missing` or `not missing`.
        values: What it is compared with: one value, or several; texts as they are written.
        other: A column that it is compared with; a name without backquotes is among the values too,
            as it may be one.

    With `missing` the value is the word as it was written, which may be a category of its column.
    """

    name: str
    sign: str
    values: tuple[Any, ...] = ()
    other: str | None = None

    def __str__(self) -> str:
        if "missing" in self.sign and not self.values:
            return f"{self.name} is {self.sign}"
        if self.other is not None:
            return f"{self.name} {self.sign} {self.other}"
        if self.sign in ("in", "not in"):
            words = ("missing" if value is None else str(value) for value in self.values)
            return f"{self.name} {self.sign} ({', '.join(words)})"
        sign = {"==": "=", "missing": "=", "not missing": "!="}.get(self.sign, self.sign)
        return f"{self.name}{sign}{self.values[0]}"


Where = str | Mapping[str, Any] | Callable[[Any], Any]


def conditions(where: str | Mapping[str, Any], names: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions as they are written, or by the names of columns.

    Args:
        where: A text; or values by name: one, several in a list, `None` for missing, or a text that
            begins with a sign, as `{"mass": ">5000"}`.
        names: Of the table's columns.

    Raises:
        ValueError: If it cannot be read, or a column is unknown.

    Examples:
        >>> [str(c) for c in conditions("town != 'Oslo, east', age>=18", ["town", "age"])]
        ['town!=Oslo, east', 'age>=18']
        >>> [str(c) for c in conditions({"town": ["Oslo", "Rome"], "age": None}, ["town", "age"])]
        ['town in (Oslo, Rome)', 'age is missing']
    """
    if not isinstance(where, str | Mapping):
        raise ValueError(
            "`where` must be a text, a mapping from columns to values, or a function from a frame "
            f"to a value for each row: got {type(where).__name__}."
        )
    if isinstance(where, Mapping):
        return tuple(_of_value(str(name), value, names) for name, value in where.items())
    found, rest = [], where.strip()
    while rest:
        one, rest = _first(rest, names)
        found.append(one)
        if rest:
            gap = NEXT.match(rest)
            if not gap:
                raise ValueError(f"{where!r} cannot be read at {rest!r}. {HOW}")
            rest = rest[gap.end() :]
    if not found:
        raise ValueError(f"There is no condition in {where!r}. {HOW}")
    return tuple(found)


def _of_value(name: str, value: Any, names: Sequence[str]) -> Condition:
    if name not in names:
        raise ValueError(unknown("column", name, names))
    if is_missing(value):
        return Condition(name, "missing")
    if isinstance(value, str) and (said := SAID.fullmatch(value.strip())):
        return Condition(name, "not missing" if said[1] else "missing")
    sign = SIGN.match(value) if isinstance(value, str) else None
    if sign:
        rest = value[sign.end() :].strip()
        quoted = QUOTED.fullmatch(rest)
        if not rest:
            raise ValueError(f"A value is missing after {value!r}. {HOW}")
        return _compared(name, sign[1], unquoted(quoted) if quoted else rest, rest, names)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return Condition(name, "in", tuple(None if is_missing(v) else v for v in value))
    return Condition(name, "==", (value,))


def is_missing(value: Any) -> bool:
    """Whether it is `None`, NaN, or what pandas has for them."""
    not_a_number = isinstance(value, float | np.floating) and value != value
    return value is None or bool(not_a_number) or type(value).__name__ in ("NAType", "NaTType")


def _first(text: str, names: Sequence[str]) -> tuple[Condition, str]:
    """The first condition of a text, and what follows."""
    name, rest = name_begun(text, names)
    word, sign = WORD.match(rest), SIGN.match(rest)
    if word:
        what, rest = " ".join(word[1].lower().split()), rest[word.end() :]
        what = what.replace("null", "missing")
        if "missing" in what:
            return Condition(name, what.removeprefix("is ")), rest
        return _among(name, what, rest)
    if not sign:
        raise ValueError(f"{text!r} is no condition. {HOW}")
    rest = rest[sign.end() :]
    grouped = GROUPED.match(rest)  # which no condition could follow
    if grouped:
        return _compared(name, sign[1], grouped[0], grouped[0], names), rest[grouped.end() :]
    begun = rest
    value, _, rest = _value(rest)
    return _compared(name, sign[1], value, begun, names), rest


def _compared(name: str, sign: str, value: str, written: str, names: Sequence[str]) -> Condition:
    """A column compared with a value, or with another column.

    Of columns that are called by numbers those are meant that stand in backquotes.

    Args:
        name: The column.
        sign: Between them.
        value: The value, without quotes.
        written: As it is written, with what follows.
        names: Of the columns.
    """
    sign = SAME.get(sign, sign)
    quoted = bool(QUOTED.match(written))
    named = written.lstrip().startswith("`") if quoted else not NUMBER.fullmatch(value.strip())
    if named and value in names and value != name:
        return Condition(name, sign, () if quoted else (value,), other=value)
    if not quoted and value.lower() == "missing" and sign in ("==", "!="):
        return Condition(name, "missing" if sign == "==" else "not missing", (value,))
    return Condition(name, sign, (value,))


def name_begun(text: str, names: Sequence[str]) -> tuple[str, str]:
    """The column that a text begins with, and what follows."""
    quoted = QUOTED.match(text)
    if quoted:
        name, rest = unquoted(quoted), text[quoted.end() :]
    else:
        begun = [n for n in names if text.startswith(n) and _ends(text[len(n) :])]
        if begun:
            name = max(begun, key=len)
            return name, text[len(name) :]
        cut = re.split(r"\s*(?:<|>|=|!=|≤|≥|≠)|\s+(?:is|in|not)\s", text)[0]
        name, rest = cut.strip(), text[len(cut) :]
    if name not in names:
        said = unknown("column", name, names)
        raise ValueError(said if "Did you mean" in said else f"{said} {HOW}")
    return name, rest


def _ends(rest: str) -> bool:
    return bool(SIGN.match(rest) or WORD.match(rest))


def unquoted(match: re.Match[str]) -> str:
    """What stands in the quotes that `QUOTED` found."""
    return re.sub(r"\\(.)", r"\1", next(part for part in match.groups() if part is not None))


def _value(text: str, ends: str = r"\s*(?:,|;|&|\s+and\s)") -> tuple[str, bool, str]:
    """The value that a text begins with, whether it is in quotes, and what follows."""
    quoted = QUOTED.match(text)
    if quoted:
        return unquoted(quoted), True, text[quoted.end() :]
    end = re.search(ends, text, re.IGNORECASE)
    value = text[: end.start()] if end else text
    if not value.strip():
        raise ValueError(f"A value is missing before {text!r}. {HOW}")
    return value.strip(), False, text[len(value) :]


def _among(name: str, sign: str, text: str) -> tuple[Condition, str]:
    """The values in brackets."""
    opening = text[:1]
    closing = {"(": ")", "[": "]", "{": "}"}.get(opening)
    if closing is None:
        raise ValueError(f"`{sign}` needs its values in brackets: got {text!r}. {HOW}")
    values, rest = [], text[1:]
    while True:
        value, _, rest = _value(rest.lstrip(), rf"\s*(?:,|{re.escape(closing)})")
        values.append(value)
        rest = rest.lstrip()
        if rest.startswith(closing):
            return Condition(name, sign, tuple(values)), rest[1:]
        if not rest.startswith(","):
            raise ValueError(f"A {closing} is missing in {text!r}. {HOW}")
        rest = rest[1:]


def meant(one: Condition, columns: Columns, words: Mapping[str, str]) -> Condition:
    """A condition on a category of which a column has the name, or on what is missing.

    Args:
        one: As it is read.
        columns: Those that there are.
        words: That stand for what is missing, by column.
    """
    if one.other is not None:
        return replace(one, other=None) if _is_category(one, columns) else one
    word = words.get(one.name)
    if word is None or word not in one.values:
        return one
    if one.sign in ("in", "not in"):
        return replace(one, values=tuple(None if v == word else v for v in one.values))
    sign = {"==": "missing", "!=": "not missing"}.get(one.sign)
    return one if sign is None else Condition(one.name, sign)


def meets(table: Any, asked: Iterable[Condition], columns: Columns) -> Bool[np.ndarray, " n"]:
    """Which rows of a table meet all conditions. What is missing meets none but `is missing`.

    Raises:
        ValueError: If a value is none of its column.
    """
    held = np.ones(len(table), bool)
    for one in asked:
        held &= _met(table, one, columns)
    return held


def _met(table: Any, one: Condition, columns: Columns) -> np.ndarray:
    values = table.column(one.name)
    found = plain(values)
    if "missing" in one.sign and not _is_category(one, columns):
        return found.absent if one.sign == "missing" else ~found.absent
    if one.other is not None:
        return _columns_meet(table, one, columns)
    left = _narrow(keys_of(columns, one.name, found.values), columns.named(one.name).type)
    right = [key_of(columns, one.name, value) for value in one.values if value is not None]
    if one.sign in ("in", "not in"):
        among = np.zeros(len(left), bool)
        for value in right:
            among |= (left == value).astype(bool) & ~found.absent
        if one.sign == "in":
            return among | (found.absent & (None in one.values))
        return ~among & ~found.absent
    sign = {"missing": "==", "not missing": "!="}.get(one.sign, one.sign)
    return COMPARED[sign](left, right[0]).astype(bool) & ~found.absent


def _is_category(one: Condition, columns: Columns) -> bool:
    """Whether a column has the category "missing" that it is compared with."""
    known = getattr(columns.named(one.name), "categories", None) or ()
    return bool(one.values) and one.values[0] in known


def _columns_meet(table: Any, one: Condition, columns: Columns) -> np.ndarray:
    assert one.other is not None
    a, b = plain(table.column(one.name)), plain(table.column(one.other))
    left, right = keys_beside(columns, (one.name, one.other), (a.values, b.values))
    if (left.dtype == object) != (right.dtype == object):
        raise ValueError(f"{one}: numbers and texts cannot be compared.")
    return COMPARED[one.sign](left, right).astype(bool) & ~a.absent & ~b.absent


def _narrow(values: np.ndarray, kind: str) -> np.ndarray:
    """Floats of 16 or 32 bits as those, in which 0.1 is theirs."""
    dtype = {"halffloat": np.float16, "float": np.float32}.get(kind)
    return values if dtype is None else values.astype(dtype)
