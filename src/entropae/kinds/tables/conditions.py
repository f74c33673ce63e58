"""Conditions on rows, as `species=Gentoo, mass>5000`, and which rows of a table meet them."""

from __future__ import annotations

import datetime as dt
import decimal
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables import forms
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.plain import inner, is_text, plain, type_of
from entropae.messages import unknown
from entropae.reader import quantities

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
NOTHING = ("none", "null", "na", "nan", "nat", "")
QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`")
GROUPED = re.compile(r"[^\w\s,;&'\"`]?-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=\s*(?:[,;&]|and\b|$))")
NEXT = re.compile(r"\s*(?:,|;|&&?|\band\b)\s*", re.IGNORECASE)
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
HOW = (
    "Write 'name=value', with =, !=, <, <=, >, >=, 'name in (a, b)' or 'name is missing', more of "
    "them with commas between; texts that hold commas or signs in quotes."
)


@dataclass(frozen=True)
class Condition:
    """What is asked of one column.

    Attributes:
        name: Of the column.
        sign: One of `COMPARED`, `in`, `not in`, `missing` or `not missing`.
        values: What it is compared with: one value, or several; texts as they are written.
        other: A column that it is compared with.
    """

    name: str
    sign: str
    values: tuple[Any, ...] = ()
    other: str | None = None

    def __str__(self) -> str:
        if "missing" in self.sign:
            return f"{self.name} is {self.sign}"
        if self.other is not None:
            return f"{self.name} {self.sign} {self.other}"
        if "in" in self.sign:
            words = ("missing" if value is None else str(value) for value in self.values)
            return f"{self.name} {self.sign} ({', '.join(words)})"
        sign = "=" if self.sign == "==" else self.sign
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
    if _is_missing(value):
        return Condition(name, "missing")
    sign = SIGN.match(value) if isinstance(value, str) else None
    if sign:
        rest = value[sign.end() :].strip()
        quoted = QUOTED.fullmatch(rest)
        if not rest:
            raise ValueError(f"A value is missing after {value!r}. {HOW}")
        return _compared(name, sign[1], _unquoted(quoted) if quoted else rest, bool(quoted), names)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return Condition(name, "in", tuple(None if _is_missing(v) else v for v in value))
    return Condition(name, "==", (value,))


def _is_missing(value: Any) -> bool:
    """Whether it is `None`, NaN, or what pandas has for them."""
    not_a_number = isinstance(value, float | np.floating) and value != value
    return value is None or bool(not_a_number) or type(value).__name__ in ("NAType", "NaTType")


def _first(text: str, names: Sequence[str]) -> tuple[Condition, str]:
    """The first condition of a text, and what follows."""
    name, rest = _name(text, names)
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
        return _compared(name, sign[1], grouped[0], False, names), rest[grouped.end() :]
    value, quoted, rest = _value(rest)
    return _compared(name, sign[1], value, quoted, names), rest


def _compared(name: str, sign: str, value: str, quoted: bool, names: Sequence[str]) -> Condition:
    """A column compared with a value as it is written, or with another column."""
    sign = SAME.get(sign, sign)
    if not quoted and value in names and value != name:
        return Condition(name, sign, (value,), other=value)
    if not quoted and value.lower() == "missing" and sign in ("==", "!="):
        return Condition(name, "missing" if sign == "==" else "not missing")
    return Condition(name, sign, (value,))


def _name(text: str, names: Sequence[str]) -> tuple[str, str]:
    """The column that a text begins with."""
    quoted = QUOTED.match(text)
    if quoted:
        name, rest = _unquoted(quoted), text[quoted.end() :]
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


def _unquoted(match: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", next(part for part in match.groups() if part is not None))


def _value(text: str, ends: str = r"\s*(?:,|;|&|\s+and\s)") -> tuple[str, bool, str]:
    """The value that a text begins with, whether it is in quotes, and what follows."""
    quoted = QUOTED.match(text)
    if quoted:
        return _unquoted(quoted), True, text[quoted.end() :]
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
    if "missing" in one.sign:
        return found.absent if one.sign == "missing" else ~found.absent
    if one.other is not None:
        return _columns_meet(table, one, columns)
    left = keys_of(columns, one.name, found.values)
    right = [key_of(columns, one.name, value) for value in one.values if value is not None]
    if one.sign in ("in", "not in"):
        among = np.isin(left, np.array(right, left.dtype)) & ~found.absent
        if one.sign == "in":
            return among | (found.absent & (None in one.values))
        return ~among & ~found.absent
    return COMPARED[one.sign](left, right[0]).astype(bool) & ~found.absent


def _columns_meet(table: Any, one: Condition, columns: Columns) -> np.ndarray:
    assert one.other is not None
    a, b = plain(table.column(one.name)), plain(table.column(one.other))
    left, right = keys_of(columns, one.name, a.values), keys_of(columns, one.other, b.values)
    if (left.dtype == object) != (right.dtype == object):
        raise ValueError(f"{one}: numbers and texts cannot be compared.")
    return COMPARED[one.sign](left, right).astype(bool) & ~a.absent & ~b.absent


def keys_of(columns: Columns, name: str, values: np.ndarray) -> np.ndarray:
    """Plain values as what is compared: dates of texts as numbers, categories by their order."""
    column = columns.named(name)
    kind = type_of(column.type)
    order, form = getattr(column, "order", None), getattr(column, "form", "")
    if order is not None:
        places = {level: i for i, level in enumerate(order)}
        return np.array([places.get(v, -1) for v in values.tolist()])
    if form:
        known: dict[Any, float] = {}
        for value in set(values.tolist()) - {"", 0}:
            text = str(value)
            known[value] = forms.parsed(
                forms.without_zone(text) if getattr(column, "zones", ()) else text, form
            )
        dtype = np.float64 if forms.is_of_numbers(form) else np.int64
        return np.array([known.get(v, 0) for v in values.tolist()], dtype)
    if str(kind).startswith("decimal"):
        return values.astype(np.float64) / 10.0**kind.scale
    return values


def key_of(columns: Columns, name: str, value: Any) -> Any:
    """A value as it was written, in Python or in words, as `keys_of` has it.

    Raises:
        ValueError: If it is none of its column.
    """
    column = columns.named(name)
    kind = inner(type_of(column.type))
    order, form = getattr(column, "order", None), getattr(column, "form", "")
    try:
        if form:
            return _of_form(value, form)
        if not is_text(kind) and str(value).strip().lower() in NOTHING:
            raise ValueError("nothing")
        made = _typed(value, kind)
    except (ValueError, decimal.InvalidOperation, OverflowError) as error:
        raise ValueError(
            f"{value!r} is no value of the column {name!r}, which is of type {column.type}."
            f"{_hint(name, value, kind)}"
        ) from error
    known = getattr(column, "categories", None)
    if known is not None and is_text(kind) and made not in known:
        said = unknown(f"category of {name!r}:", str(made), [*map(str, known)][:50])
        raise ValueError(said + _hint(name, value, kind))
    return made if order is None else order.index(made)


def _hint(name: str, value: Any, kind: Any) -> str:
    """What may have been meant by a value that is none of its column."""
    text = str(value).strip().lower()
    if text in NOTHING:
        return f" For missing values write '{name} is missing'."
    if re.search(r"\s(or|like|between)\s", f" {text} "):
        return f" There is no 'or', 'like' or 'between'. {HOW}"
    if str(kind).startswith(("date", "timestamp")):
        return " Write it as 2021-03-27, a time after it as 2021-03-27 12:30."
    return ""


def _of_form(value: Any, form: str) -> float:
    if forms.is_of_numbers(form):
        return _of_number(value, form)
    if isinstance(value, dt.date | dt.time):
        return forms.parsed(value.strftime(forms.usual(form)), form)
    text = str(value)
    try:
        return forms.parsed(text, form)
    except ValueError:
        stamp = dt.datetime.fromisoformat(text)
        return forms.parsed(stamp.strftime(forms.usual(form)), form)


def _of_number(value: Any, form: str) -> float:
    """A number as it is, or as a text with or without its signs and units."""
    if not isinstance(value, str):
        return float(value)
    try:
        return forms.parsed(value, form)
    except ValueError:
        return float(value)


def _typed(value: Any, kind: Any) -> Any:
    """A value of an Arrow type as a plain one."""
    import pyarrow as pa

    if is_text(kind):
        return str(value)
    if pa.types.is_boolean(kind):
        text = str(value).lower()
        if text not in (*TRUE, *FALSE):
            raise ValueError("no boolean")
        return text in TRUE
    if pa.types.is_decimal(kind):
        return float(decimal.Decimal(str(value)))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _moment(value, kind)
    if pa.types.is_time(kind):
        clock = dt.time.fromisoformat(value) if isinstance(value, str) else value
        return _whole(pa.scalar(clock, kind))
    if pa.types.is_duration(kind):
        span = value if isinstance(value, dt.timedelta) else dt.timedelta(seconds=float(value))
        return _whole(pa.scalar(span, kind))
    if isinstance(value, str):
        whole = re.fullmatch(r"[+-]?\d+", value)
        form = quantities.form_of([value])  # signs of money and percent, but no units
        return int(value) if whole else _of_number(value, "" if re.search("[a-z]", form) else form)
    return value.item() if isinstance(value, np.generic) else value


def _moment(value: Any, kind: Any) -> int:
    """A date or a time as a whole number of a type's unit; without an offset, in its own zone."""
    import pyarrow as pa

    when = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(when, dt.date) and not isinstance(when, dt.datetime):
        when = dt.datetime(when.year, when.month, when.day)
    zone = getattr(kind, "tz", None)
    if zone and when.tzinfo is None:
        from zoneinfo import ZoneInfo

        when = when.replace(tzinfo=ZoneInfo(zone) if "/" in zone or zone == "UTC" else dt.UTC)
    if pa.types.is_date(kind):
        return _whole(pa.scalar(when.date(), kind))
    naive = when.astimezone(dt.UTC).replace(tzinfo=None) if when.tzinfo else when
    return _whole(pa.scalar(naive, pa.timestamp(kind.unit)))


def _whole(scalar: Any) -> int:
    """The number that a scalar of a date, a time or a span is."""
    import pyarrow as pa

    found = plain(pa.chunked_array([pa.array([scalar.as_py()], scalar.type)]))
    return int(found.values[0])
