"""Values of a table's columns, and those that are written in conditions, as what is compared."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from contextlib import suppress
from typing import Any

import numpy as np

from entropae.kinds.tables import forms, spans
from entropae.kinds.tables.column import Column, number_of, written
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.offsets import Offsets, moment_of
from entropae.kinds.tables.plain import inner, is_text, per_day, plain, type_of
from entropae.messages import unknown
from entropae.variables import quantities

NOTHING = ("none", "null", "na", "nan", "nat", "")
# Of types, by how their names begin.
WRITTEN = {
    "date": "Write it as 2021-03-27.",
    "timestamp": "Write it as 2021-03-27, or with a time as 2021-03-27 12:30.",
    "time": "Write it as 12:30 or 12:30:59.",
    "duration": "Write it as 2 days, 2 days 03:00:00 or 51:00:00.",
}
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
HOW = (
    "Write 'name=value', with =, !=, <, <=, >, >=, 'name in (a, b)' or 'name is missing', more of "
    "them with commas between; texts that hold commas or signs in quotes."
)


def keys_of(
    columns: Columns, name: str, values: np.ndarray, *, in_utc: bool | None = None
) -> np.ndarray:
    """Plain values as what is compared: dates of texts as numbers, categories by their order.

    Args:
        columns: Those that there are.
        name: Of one.
        values: Its values.
        in_utc: Whether texts with an offset are so, or as clocks show them; `None`: as is learnt.
    """
    column = columns.named(name)
    kind = type_of(column.type)
    order, form = getattr(column, "order", None), getattr(column, "form", "")
    if order is not None:
        places = {level: i for i, level in enumerate(order)}
        return np.array([places.get(v, -1) for v in values.tolist()])
    if form and isinstance(column, Column):
        known: dict[Any, float] = {}
        for value in set(values.tolist()) - {"", 0}:
            with suppress(ValueError):  # of others it has been said that they are unknown
                known[value] = _number(column, str(value), in_utc)
        dtype = np.float64 if forms.is_of_numbers(form) else np.int64
        return np.array([known.get(v, 0) for v in values.tolist()], dtype)
    if str(kind).startswith("decimal"):
        return values.astype(np.float64) / 10.0**kind.scale
    return values


def keys_beside(
    columns: Columns, names: tuple[str, str], values: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Plain values of two columns as what is compared, times in the finer one of their units."""
    zoned = [is_zoned(columns.named(name)) for name in names]
    in_utc = all(zoned) if any(zoned) else None
    left, right = (
        keys_of(columns, name, own, in_utc=in_utc) for name, own in zip(names, values, strict=True)
    )
    one, other = (per_day(columns.named(name)) for name in names)
    if not one or not other or one == other:
        return left, right
    if one < other:
        return _times(left, other // one), right
    return left, _times(right, one // other)


def family(column: Any) -> str:
    """What columns can be compared with."""
    kind = column.type
    if column.form and not forms.is_of_numbers(column.form):
        return f"form {column.form}{' in UTC' if is_zoned(column) else ''}"
    if kind.startswith(("date", "timestamp")):
        return "moment, zoned" if "tz=" in kind else "moment"
    return re.sub(r"\d*\[.*", "", kind) if per_day(column) else "number"


def is_zoned(column: Any) -> bool:
    """Whether its texts are of times with offsets."""
    return bool(getattr(column, "zones", ()) or getattr(column, "offsets", None))


def _number(column: Column, text: str, in_utc: bool | None) -> float:
    if in_utc is None or not is_zoned(column):
        return number_of(column, text)
    form = column.form
    return moment_of(text, form) if in_utc else forms.parsed(forms.without_zone(text), form)


def _times(keys: np.ndarray, factor: int) -> np.ndarray:
    """Whole numbers times another, exactly."""
    wide = np.abs(keys).max(initial=0) * float(factor) > 1 << 62
    return (keys.astype(object) if wide else keys) * factor


def key_of(columns: Columns, name: str, value: Any) -> Any:
    """A value as it was written, in Python or in words, as `keys_of` has it.

    Raises:
        ValueError: If it is none of its column.
    """
    column = columns.named(name)
    kind = inner(type_of(column.type))
    order, form = getattr(column, "order", None), getattr(column, "form", "")
    try:
        if offsets := getattr(column, "offsets", None):
            return _in_utc(value, offsets)
        if form:
            return _of_form(value, form)
        if not is_text(kind) and str(value).strip().lower() in NOTHING:
            raise ValueError("nothing")
        made = _typed(value, kind)
    except (ValueError, decimal.InvalidOperation, OverflowError) as error:
        raise ValueError(
            f"{value!r} is no value of the column {name!r}, which is of type {column.type}."
            f"{_hint(column, value, kind)}"
        ) from error
    known = getattr(column, "categories", None)
    if known is not None and is_text(kind) and made not in known:
        said = unknown(f"category of {name!r}:", str(made), [*map(str, known)][:50])
        raise ValueError(said + _hint(column, value, kind))
    return made if order is None else order.index(made)


def _hint(column: Any, value: Any, kind: Any) -> str:
    """What may have been meant by a value that is none of its column."""
    text = str(value).strip().lower()
    if text in NOTHING:
        return f" For missing values write '{column.name} is missing'."
    if re.search(r"\s(or|like|between)\s", f" {text} "):
        return f" There is no 'or', 'like' or 'between'. {HOW}"
    if re.match(r"[<>=]", text) or re.search(r"(?:,|\band\b)\s*[<>=]", text):
        return f" Conditions stand in one text, as '{column.name}>=a, {column.name}<b'."
    if getattr(column, "form", ""):
        most = column.knots[-1:]
        values = most if column.grid is None else column.grid.values(most)
        return f" Write it as {written(column, values)[0]}."
    return next((f" {how}" for start, how in WRITTEN.items() if str(kind).startswith(start)), "")


def _of_form(value: Any, form: str) -> float:
    if forms.is_of_numbers(form):
        return _of_number(value, form)
    if isinstance(value, dt.date | dt.time):
        return forms.parsed(value.strftime(forms.usual(form)), form)
    text = str(value)
    if form in spans.FORMS:
        return spans.parsed(text)
    try:
        return forms.parsed(text, form)
    except ValueError:
        stamp = dt.datetime.fromisoformat(text)
        return forms.parsed(stamp.strftime(forms.usual(form)), form)


def _in_utc(value: Any, offsets: Offsets) -> int:
    """A time with an offset, or without one, as a number in UTC."""
    if not isinstance(value, dt.date):
        try:
            return offsets.moment(str(value))
        except ValueError:
            value = _read(str(value))
    return offsets.moment(value.strftime(forms.usual(offsets.form)) + value.strftime("%z"))


def _of_number(value: Any, form: str) -> float:
    """A number as it is, or as a text with or without its signs and units."""
    if not isinstance(value, str):
        return float(value)
    try:
        return forms.parsed(value, form)
    except ValueError:
        own = quantities.form_of([value])
        return forms.parsed(value, own) if _units(own) == _units(form) else float(value)


def _units(form: str) -> tuple[str, str] | None:
    """What stands around numbers, with a space between or not."""
    known = quantities.sections(form) if form else ()
    return (known[0].before.strip(), known[0].after.strip()) if known else None


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
        return _span(value, kind)
    if isinstance(value, str):
        whole = re.fullmatch(r"[+-]?\d+", value)
        form = quantities.form_of([value])  # signs of money and percent, but no units
        return int(value) if whole else _of_number(value, "" if re.search("[a-z]", form) else form)
    return value.item() if isinstance(value, np.generic) else value


def _moment(value: Any, kind: Any) -> int:
    """A date or a time as a whole number of a type's unit; without an offset, in its own zone."""
    import pyarrow as pa

    when = _read(value) if isinstance(value, str) else value
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


def _read(text: str) -> dt.datetime:
    """A date or a time as ISO writes it, or in another form that can be no other: 31.12.2024."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        form = forms.form_of([text], (*forms.DAYS, *forms.TIMED))
        if not form:
            raise
        return dt.datetime.strptime(text, forms.usual(form))


def _span(value: Any, kind: Any) -> int:
    """A span of time as a whole number of a type's unit: a text, or a number of seconds."""
    size = spans.SIZES[kind.unit]
    if isinstance(value, np.timedelta64):
        return int(value.astype("timedelta64[ns]").astype(np.int64)) // size
    try:
        return spans.parsed(str(value)) // size
    except ValueError:
        return round(float(value) * spans.SECOND) // size


def _whole(scalar: Any) -> int:
    """The number that a scalar of a date, a time or a span is."""
    import pyarrow as pa

    found = plain(pa.chunked_array([pa.array([scalar.as_py()], scalar.type)]))
    return int(found.values[0])
