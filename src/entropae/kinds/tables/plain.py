"""A column's values as plain ones (whole numbers, floats, texts), and back to Arrow's types."""

from __future__ import annotations

import decimal
import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from entropae.kinds.tables import spans
from entropae.messages import unknown
from entropae.reader import need_pyarrow

DECIMAL = re.compile(r"decimal(?:128|256)?\((\d{1,2}), (-?\d{1,2})\)")
STAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=([\w+:/-]{1,64}))?\]")
CODED = re.compile(r"dictionary<values=(.+), indices=(u?int\d+), ordered=([01])>")
TIMED = ("date", "timestamp", "time", "duration")  # how the names of types of times begin
SMALL = 18  # digits of a decimal number that 64 bits hold
DECIMALS = {2: 3, 4: 6}  # that floats of so many bytes are looked for, at most
PARTS = (slice(100), slice(None))  # of which the first tells soon


class Plain(NamedTuple):
    """Values of a column: whole numbers, floats, booleans or texts; and which are missing."""

    values: np.ndarray
    absent: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Those that are not missing."""
        return self.values[~self.absent]


@cache
def types() -> dict[str, Any]:
    """Column types without options that are understood, by Arrow's name."""
    import pyarrow as pa

    whole = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
    whole += (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
    known = [
        *(pa.null(), pa.bool_(), pa.string(), pa.large_string()),
        *(pa.float16(), pa.float32(), pa.float64(), *whole, pa.date32(), pa.date64()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    ]
    return {str(kind): kind for kind in known}


@cache
def type_of(name: str) -> Any:
    """The Arrow type of a name: no other is made, whatever a file says.

    Raises:
        ImportError: If pyarrow is not installed.
        ValueError: If it is none that is understood.
    """
    need_pyarrow("Tables")
    import pyarrow as pa

    if name in types():
        return types()[name]
    stamp, number, coded = STAMP.fullmatch(name), DECIMAL.fullmatch(name), CODED.fullmatch(name)
    if stamp:
        return pa.timestamp(stamp[1], stamp[2])
    if number and 1 <= int(number[1]) <= 76:
        digits, places = int(number[1]), int(number[2])
        wide = name.startswith("decimal256")
        return pa.decimal256(digits, places) if wide else pa.decimal128(digits, places)
    if coded and not CODED.fullmatch(coded[1]):
        return pa.dictionary(type_of(coded[2]), type_of(coded[1]), coded[3] == "1")
    raise ValueError(unknown("type", name, types()))


def is_understood(kind: Any) -> bool:
    """Whether a column of an Arrow type can be modelled."""
    try:
        return type_of(str(kind)) == kind
    except ValueError:
        return False


def inner(kind: Any) -> Any:
    """The type of a column's values, of a dictionary's too."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: Any) -> bool:
    """Whether values are texts."""
    import pyarrow as pa

    return pa.types.is_string(inner(kind)) or pa.types.is_large_string(inner(kind))


def is_number(kind: Any) -> bool:
    """Whether values are numbers."""
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_whole(kind: Any) -> bool:
    """Whether values are whole numbers as plain ones: dates, times and decimals too."""
    import pyarrow as pa

    return (
        pa.types.is_integer(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
        or pa.types.is_decimal(kind)
    )


def per_day(column: Any) -> int:
    """How many of the units of a column of Arrow's dates or times are in a day; 0 for others."""
    return 0 if getattr(column, "form", "") else units_per_day(type_of(column.type))


def units_per_day(kind: Any) -> int:
    """How many of the units of one of Arrow's types of dates, times or spans are in a day; or 0."""
    if not str(kind).startswith(TIMED):
        return 0
    unit = {"date32[day]": "D", "date64[ms]": "ms"}.get(str(kind)) or kind.unit
    return {"D": 1}.get(unit) or spans.DAY // spans.SIZES[unit]


def plain(values: Any) -> Plain:
    """The values of a `pyarrow.ChunkedArray`.

    Dates, times and decimal numbers are whole numbers of their unit; NaN is missing.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    absent = values.is_null(nan_is_null=pa.types.is_floating(kind)).to_numpy()
    if pa.types.is_null(kind) or absent.all():
        return Plain(np.zeros(len(values)), np.ones(len(values), bool))
    if pa.types.is_decimal(kind):
        return Plain(_unscaled(values, kind), absent)
    if pa.types.is_temporal(kind):
        narrow = str(kind) in ("date32[day]", "time32[s]", "time32[ms]")
        values = values.cast(pa.int32() if narrow else pa.int64())
    if pa.types.is_floating(kind):
        return Plain(_widened(values.fill_null(0).to_numpy()), absent)
    if pa.types.is_boolean(kind):
        return Plain(values.fill_null(False).to_numpy(), absent)
    if is_text(kind):
        return Plain(np.array(values.fill_null("").to_pylist(), object), absent)
    return Plain(_wide(values.fill_null(0).to_numpy()), absent)


def _wide(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.uint64 else values.astype(np.int64)


def _widened(values: np.ndarray) -> np.ndarray:
    """Floats of 16 or 32 bits as those of 64 that have as few decimals, if all have few: 0.1."""
    wide, there = values.astype(np.float64), ~np.isnan(values)
    for places in range(0 if values.dtype == np.float64 else DECIMALS[values.dtype.itemsize]):
        made = np.round(wide, places)
        if all(
            np.array_equal(made[n].astype(values.dtype)[there[n]], values[n][there[n]])
            for n in PARTS
        ):
            return made
    return wide


def _unscaled(values: Any, kind: Any) -> np.ndarray:
    with decimal.localcontext(prec=80):
        found = [0 if v is None else int(v.scaleb(kind.scale)) for v in values.to_pylist()]
    return np.array(found, np.int64 if kind.precision <= SMALL else object)


def arrow(values: Any, kind: Any, absent: np.ndarray, *, levels: Any = None) -> Any:
    """Plain values as an Arrow column.

    Args:
        values: Of one sort.
        kind: The type.
        absent: Which are missing.
        levels: For a dictionary, all that stand in it, in their order; by default the values.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _coded(values, kind, absent, levels)
    if pa.types.is_null(kind):
        return pa.nulls(len(values))
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        kind = _wide_enough(kind, np.asarray(values)[~absent])
    if pa.types.is_decimal(kind):
        with decimal.localcontext(prec=80):
            made = [
                None if gone else decimal.Decimal(int(v)).scaleb(-kind.scale)
                for v, gone in zip(values, absent, strict=True)
            ]
        return pa.array(made, kind)
    if pa.types.is_temporal(kind):
        narrow = str(kind) in ("date32[day]", "time32[s]", "time32[ms]")
        whole = pa.array(np.asarray(values, np.int32 if narrow else np.int64), mask=absent)
        return whole.cast(kind)
    if pa.types.is_floating(kind):
        dtype = np.float16 if kind == pa.float16() else np.float64
        made = pa.array(np.asarray(values, np.float64).astype(dtype), mask=absent)
        return made if made.type == kind else made.cast(kind, safe=False)
    if pa.types.is_boolean(kind):
        return pa.array(np.asarray(values, bool), mask=absent)
    if is_text(kind):
        return pa.array([None if g else v for v, g in zip(values, absent, strict=True)], kind)
    return pa.array(np.asarray(values, kind.to_pandas_dtype()), mask=absent)


def _wide_enough(kind: Any, values: np.ndarray) -> Any:
    """A type of whole or decimal numbers, or a wider one if some do not fit into it."""
    import pyarrow as pa

    if not len(values):
        return kind
    low, high = values.min(), values.max()
    if pa.types.is_integer(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        return kind if limits.min <= low and high <= limits.max else pa.int64()
    digits = max(len(str(abs(int(end)))) for end in (low, high))
    if digits <= kind.precision:
        return kind
    return (pa.decimal128 if digits <= 38 else pa.decimal256)(digits, kind.scale)


def _coded(values: Any, kind: Any, absent: np.ndarray, levels: Any) -> Any:
    """A column with a dictionary of given order, else in the order of the values."""
    import pyarrow as pa

    if levels is None:
        levels = dict.fromkeys(v for v, gone in zip(list(values), absent, strict=True) if not gone)
    places = {level: i for i, level in enumerate(levels)}
    index = np.array(
        [0 if gone else places[v] for v, gone in zip(list(values), absent, strict=True)], np.int64
    )
    none = np.zeros(len(levels), bool)
    words = arrow(list(levels), kind.value_type, none)
    wide = pa.array(index, mask=absent)
    fits = len(levels) <= 1 << (kind.index_type.bit_width - 1)
    indices = wide.cast(kind.index_type) if fits else wide.cast(pa.int32())
    return pa.DictionaryArray.from_arrays(indices, words, ordered=kind.ordered)


def dictionary_of(values: Any) -> tuple[Any, ...]:
    """All plain values that the dictionary of a column names, in their order."""
    import pyarrow as pa

    found: dict[Any, None] = {}
    for chunk in values.chunks:
        words = plain(pa.chunked_array([chunk.dictionary]))
        found |= dict.fromkeys(words.present.tolist())
    return tuple(found)


def spelt(values: Any) -> Any:
    """A column, of spans of time as texts."""
    import pyarrow as pa

    if not pa.types.is_duration(values.type):
        return values
    size, found = spans.SIZES[values.type.unit], plain(values)
    texts = [spans.written(value * size, spans.USUAL) for value in found.values.tolist()]
    return pa.chunked_array([pa.array(texts, pa.string(), mask=found.absent)])


def _holds(kind: Any, values: Any) -> bool:
    """Whether a type can hold values: whole numbers no decimals, nothing but gaps none at all."""
    import pyarrow as pa

    try:
        return bool(values.cast(kind).type == kind)
    except pa.ArrowException:
        return False


def replaced(before: Any, values: Any, where: np.ndarray) -> Any:
    """A column with other values in some rows, its type as it was, if that can hold them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = before.type
    if pa.types.is_dictionary(kind):
        old, new = plain(before), plain(values)
        words = dict.fromkeys([*dictionary_of(before), *new.present.tolist()])
        made, absent = old.values.astype(object), old.absent.copy()
        made[where], absent[where] = new.values, new.absent
        return arrow(made, kind, absent, levels=tuple(words))
    values = spelt(values) if is_text(kind) else values
    kind = kind if _holds(kind, values) else values.type
    both = pa.chunked_array([*before.cast(kind).chunks, *values.cast(kind).chunks], kind)
    order = np.arange(len(before))
    order[where] = len(before) + np.arange(len(where))
    return pc.take(both, pa.array(order))
