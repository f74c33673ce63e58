"""Columns of a table by their meaning: every kind comes back exactly, from files and frames."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import read_file, write_file
from entropae.kinds.tables.forms import form_of
from entropae.kinds.tables.frames import to_library, to_table
from entropae.kinds.tables.grid import grid_of

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
HOSTILE = st.sampled_from(["", "NA", "null", "00123", "1e5", '"', "a,b", "true", " x ", "=1+1"])
STAMPS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
SECONDS = STAMPS.map(lambda v: v.replace(microsecond=0))
OFFSETS = st.sampled_from(["+01:00", "-05:30", "Z"])
CENTS = st.integers(-(10**12), 10**12)
# Each kind of column: its Arrow type, and a value.
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy]] = {
    "boolean": (pa.bool_(), st.booleans()),
    "word": (pa.string(), WORDS | HOSTILE),
    "long word": (pa.large_string(), WORDS),
    "code": (pa.string(), st.integers(0, 99999).map("{:05}".format)),
    "float": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "half": (pa.float16(), st.floats(-1000, 1000, width=16)),
    "single": (pa.float32(), st.floats(-(2**60), 2**60, width=32)),
    "price": (pa.float64(), st.integers(0, 10**6).map(lambda v: v / 100)),
    "weight": (pa.int64(), st.integers(100, 300).map(lambda v: 25 * v)),
    "byte": (pa.int8(), st.integers(-128, 127)),
    "large": (pa.int64(), st.integers(-(2**52), 2**52)),
    "unsigned": (pa.uint64(), st.integers(2**64 - 2**52, 2**64 - 1)),
    "decimal": (pa.decimal128(16, 2), CENTS.map(lambda v: decimal.Decimal(v).scaleb(-2))),
    "huge": (pa.decimal256(40, 0), CENTS.map(lambda v: decimal.Decimal(10**30 + v))),
    "day": (pa.date32(), st.dates()),
    "day of 64 bits": (pa.date64(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "number of a day": (pa.int64(), st.dates().map(lambda v: int(f"{max(v.year, 1)}{v:%m%d}"))),
    "written day": (pa.string(), st.dates(dt.date(1900, 1, 1)).map("{:%d/%m/%Y}".format)),
    "written month": (pa.string(), st.dates(dt.date(1900, 1, 1)).map("{:%Y-%m}".format)),
    "offset": (
        pa.string(),
        st.tuples(SECONDS, OFFSETS).map(lambda v: f"{v[0]:%Y-%m-%dT%H:%M:%S}{v[1]}"),
    ),
    "stamp": (pa.timestamp("us"), STAMPS),
    "zone": (pa.timestamp("ms", "Europe/Berlin"), SECONDS.map(lambda v: v.replace(tzinfo=dt.UTC))),
    "clock": (pa.time64("us"), st.times()),
    "hour": (pa.time32("s"), st.integers(0, 23).map(dt.time)),
    "span": (pa.duration("s"), st.integers(-(10**6), 10**6).map(lambda v: dt.timedelta(seconds=v))),
    "class": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from("abc")),
    "size": (pa.dictionary(pa.int8(), pa.string(), True), st.sampled_from("SML")),
    "number as class": (pa.dictionary(pa.int32(), pa.int64()), st.integers(1, 5)),
    "constant": (pa.int64(), st.just(7)),
    "nothing": (pa.null(), st.none()),
}


@st.composite
def tables(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS)) -> pa.Table:
    n = draw(st.integers(2, 30))
    made = {}
    for name in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4, unique=True)):
        kind, cells = KINDS[name]
        cells = st.none() | cells if draw(st.booleans()) else cells
        values = draw(st.lists(cells, min_size=n, max_size=n))
        coded = pa.types.is_dictionary(kind)
        array = pa.array(values, kind.value_type if coded else kind)
        made[name] = array.dictionary_encode().cast(kind) if coded else array
    return pa.table(made)


def modelled(table: pa.Table) -> tuple[Columns | None, pa.Table]:
    """The columns of a table, and what of it is modelled: the rest names the rows."""
    try:
        columns = Columns.fit(table)
    except ValueError as error:
        assert "All columns identify the rows" in str(error)  # noqa: PT017
        return None, table
    return columns, table.select([column.name for column in columns.columns])


def same(a: pa.Table, b: pa.Table) -> None:
    """Equal in names, types, what is missing, and every value."""
    assert a.schema == b.schema
    for name in a.column_names:
        assert a.column(name).to_pylist() == b.column(name).to_pylist(), name


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_every_kind_of_column_comes_back_exactly(table):
    columns, known = modelled(table)
    if columns is None:
        return
    again = columns.decode(columns.encode(table))
    assert again.schema == table.schema
    same(again.select(known.column_names), known)
    with TemporaryDirectory() as folder:
        columns.save(folder)
        loaded = Columns.load(folder)
    same(loaded.decode(loaded.encode(table)), again)
    for own in columns.identifiers:
        new, seen = again.column(own.name).to_pylist(), table.column(own.name).to_pylist()
        assert len(set(new)) == len(new)
        assert len(seen) == len(new)
