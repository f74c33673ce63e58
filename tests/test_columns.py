"""Columns of a table by their meaning: every kind comes back exactly, from files and frames."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.declared import declared
from entropae.kinds.tables.files import read_file, write_file
from entropae.kinds.tables.forms import form_of, parsed, written
from entropae.kinds.tables.frames import metadata_of, to_library, to_table
from entropae.kinds.tables.grid import grid_of
from entropae.kinds.tables.plain import arrow

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
HOSTILE = st.sampled_from(["", "NA", "null", "00123", "1e5", '"', "a,b", "true", " x ", "=1+1"])
STAMPS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
SECONDS = STAMPS.map(lambda v: v.replace(microsecond=0))
OFFSETS = st.sampled_from(["+01:00", "-05:30", "Z"])
CENTS = st.integers(-(10**12), 10**12)
SWAPPED = str.maketrans(".,", ",.")
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
    "money": (pa.string(), CENTS.map(lambda v: f"{'-' * (v < 0)}${abs(v) / 100:,.2f}")),
    "euros": (pa.string(), CENTS.map(lambda v: f"{v / 100:,.2f} EUR".translate(SWAPPED))),
    "account": (pa.string(), CENTS.map(lambda v: f"({-v:,})" if v < 0 else f"{v:,}")),
    "unit": (pa.large_string(), st.integers(-(10**6), 10**6).map(lambda v: f"{v / 8} kg")),
    "share": (pa.string(), st.integers(0, 100).map("{}%".format)),
    "power": (pa.string(), st.floats(1e-90, 1e90).map("{:.2e}".format)),
    "change": (pa.string(), st.integers(-99, 99).map("{:+}".format)),
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


@pytest.mark.long
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


# Of a CSV file nothing but texts is left of these, and what they are is found out again.
IN_CSV = ("boolean", "word", "code", "price", "weight", "day", "number of a day", "written day")
IN_CSV += ("stamp", "hour", "clock", "decimal", "float", "money", "euros", "account", "unit")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(IN_CSV))
def test_what_a_csv_file_holds_comes_back_from_a_file_that_is_written(table):
    # A line with nothing in it is no row.
    assume(table.num_columns > 1 or table.column(0).null_count == 0)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how it was read
        first, second = Path(folder) / "a.csv", Path(folder) / "b.csv"
        write_file(table, first)
        assume(b"-0\n" not in first.read_bytes().replace(b",", b"\n"))  # which comes back as 0
        read = read_file(first)
        columns, known = modelled(read)
        if columns is None:
            return
        again = columns.decode(columns.encode(read)).select(known.column_names)
        same(again, known)
        write_file(again, second)
        write_file(known, first)
        assert second.read_bytes() == first.read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["parquet", "pandas", "polars"]))
def test_every_kind_comes_back_through_parquet_and_frames(table, way):
    if way == "parquet":
        with TemporaryDirectory() as folder:
            write_file(table, Path(folder) / "a.parquet")
            given_ = read_file(Path(folder) / "a.parquet")
        columns, known = modelled(given_)
        if columns is not None:
            same(columns.decode(columns.encode(given_)).select(known.column_names), known)
        return
    unlike = {"half", "huge", "day of 64 bits", "number as class", "nothing"}
    table = table.drop_columns([name for name in table.column_names if name in unlike])
    if not table.num_columns:
        return
    frame = table.to_pandas() if way == "pandas" else pl.from_arrow(table)
    read = to_table(frame)
    columns, known = modelled(read)
    if columns is None:
        return
    metadata = metadata_of(frame)
    again = to_library(columns.decode(columns.encode(read)), way, metadata)
    names = known.column_names
    assert type(again) is type(frame)
    if way == "pandas":
        pd.testing.assert_frame_equal(again[names], frame[names])
    else:
        assert again[names].schema == frame[names].schema
        assert again[names].equals(frame[names])


def test_a_frame_keeps_categories_that_no_row_has_and_its_index():
    n = 60
    index = [f"no-{i:03}" for i in range(n)]
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 30, ["b", "a", "z"])}, index=index)
    table = to_table(frame)
    columns = Columns.fit(table)
    made = to_library(columns.draw(columns.encode(table), seed=0), "pandas", metadata_of(frame))
    assert made["c"].cat.categories.tolist() == ["b", "a", "z"]
    assert made.index.str.fullmatch(r"no-\d{3}").all()
    assert made.index.is_unique
    enum = pl.DataFrame({"e": pl.Series(["u", "v"] * 10, dtype=pl.Enum(["v", "u", "w"]))})
    table = to_table(enum)
    columns = Columns.fit(table)
    again = to_library(columns.decode(columns.encode(table)), "polars", metadata_of(enum))
    assert again.equals(enum)
    assert again.schema == enum.schema


def test_columns_of_dtype_object_stay_so():
    frame = pd.DataFrame(
        {"o": pd.Series(["a", None] * 9, dtype=object), "s": pd.Series(["b", "c"] * 9)}
    )
    frame["n"] = pd.Series([*range(12), None, 13, 14, 15, 16, 17], dtype=object)
    table = to_table(frame)
    columns = Columns.fit(table)
    made = to_library(columns.decode(columns.encode(table)), "pandas", metadata_of(frame))
    pd.testing.assert_frame_equal(made, frame)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["Nov 09, 2020", "Jan 11, 2021"], "%b %d, %Y"),
        (["Nov 9, 2020", "Jan 11, 2021"], "%b %-d, %Y"),
        (["November 09, 2020", "May 11, 2021"], "%B %d, %Y"),
        (["23-May-22", "01-Jun-21"], "%d-%b-%y"),
        (["3-May-22", "11-Jun-21"], "%-d-%b-%y"),
        (["3-May-2022", "11-Jun-2021"], "%-d-%b-%Y"),
    ],
)
def test_dates_with_names_of_months_are_written_as_they_came(texts, form):
    assert form_of(texts) == form
    assert [written(parsed(text, form), form) for text in texts] == texts


def test_grids_forms_and_meanings_of_known_columns():
    assert grid_of(np.array([2.54 * i for i in range(20)]).round(2)).size == 2.54
    assert grid_of(np.array([math.pi, math.e])) is None
    assert form_of(["31.12.2020 23:59", "01.02.2021 00:00"]) == "%d.%m.%Y %H:%M"
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "day": [int(f"2020{m:02}{d:02}") for m in range(1, 13) for d in range(1, 26)],
            "store": random.choice([3, 17, 101, 250, 999, 1200, 1507, 2001, 3003, 4040, 9999], 300),
            "age": random.integers(18, 90, 300),
            "price": random.integers(2, 400, 300) / 2,
            "sku": [f"A{i:04}-{c}" for i, c in enumerate(random.choice(list("XY"), 300))],
            "rooms": random.integers(1, 8, 300),
        }
    )
    columns = Columns.fit(table)
    said = {c.name: c.meaning for c in columns.columns}
    numbers = {"age": "whole number", "price": "number", "rooms": "whole number"}
    assert said == {"day": "date", "store": "category", **numbers}
    assert [one.name for one in columns.identifiers] == ["sku"]
    drawn = columns.draw(random.normal(size=(2000, columns.width)), seed=0)
    for value in drawn["day"].to_pylist():
        assert dt.datetime.strptime(str(value), "%Y%m%d").year == 2020
    assert {2 * price % 1 for price in drawn["price"].to_pylist()} == {0}
    assert len(set(drawn["sku"].to_pylist())) == 2000


def test_numbers_of_any_size_keep_their_digits(tmp_path):
    random = np.random.default_rng(0)
    values = [float(f"{v:.2e}") for v in np.exp(30 * random.normal(size=300))]
    table = pa.table({"x": values, "y": random.normal(size=300)})
    columns = Columns.fit(table)
    columns.save(tmp_path)
    drawn = Columns.load(tmp_path).draw(random.normal(size=(500, columns.width)), seed=0)
    assert all(float(f"{v:.2e}") == v for v in drawn["x"].to_pylist())
    assert not all(float(f"{v:.8e}") == v for v in drawn["y"].to_pylist())
    assert set(columns.decode(columns.encode(table))["x"].to_pylist()) <= set(values)


def test_thousands_of_categories_keep_their_shares_and_what_is_beside_them():
    random = np.random.default_rng(0)
    levels = np.array([f"item {i * 7919 % 3000}" for i in range(3000)])
    place = (3000 * random.beta(2, 5, 20_000)).astype(int)
    table = pa.table({"item": levels[place], "x": place / 3000 + 0.01 * random.normal(size=20_000)})
    columns = Columns.fit(table)
    assert columns.width == 2
    again = columns.decode(columns.encode(table))
    assert again["item"].to_pylist() == table["item"].to_pylist()
    # A score a little off is an item that is much alike: its x is near.
    x = columns.encode(table)
    x[:, 0] += 0.02 * random.normal(size=len(x))
    where = {name: i / 3000 for i, name in enumerate(levels)}
    other = np.array([where[v] for v in columns.decode(x)["item"].to_pylist()])
    assert np.median(np.abs(other - place / 3000)) < 0.03


def made_of(columns: Columns, name: str, n: int) -> list:
    one = next(one for one in columns.identifiers if one.name == name)
    return one.make(n, np.random.default_rng(0)).to_pylist()


@pytest.mark.parametrize(
    "keys",
    [
        [f"{a} {b}" for a in ("Anna", "Bob", "Carl", "Dora") for b in "ABCDEFGHIJKLM"],
        [3.0 * i + 7 for i in range(50)],
        [decimal.Decimal(7 * i) for i in range(50)],
        [decimal.Decimal(i).scaleb(-2) for i in range(50)],
        [dt.date(2020, 1, 1) + dt.timedelta(3 * i % 50) for i in range(50)],
        [dt.datetime(2020, 1, 1) + dt.timedelta(minutes=7 * i) for i in range(50)],
        [f"{i}.0" for i in range(50)],
    ],
)
def test_what_is_said_to_be_an_identifier_is_made_anew(keys):
    table = pa.table({"who": pa.array(keys), "x": np.arange(len(keys)) % 7})
    columns = Columns.fit(table, declared={"who": declared("identifier")})
    made = made_of(columns, "who", 500)
    assert len({*made}) == 500
    assert {*made}.isdisjoint(keys)


def test_addresses_have_whole_providers_and_years_are_those_seen():
    random, n = np.random.default_rng(0), 300
    firms = ["gmail.com", "web.de", "mit.edu", "yahoo.co.uk"]
    people = [f"{random.choice(['ann', 'bo'])}{random.choice(['.', '_', ''])}{i}" for i in range(n)]
    table = pa.table(
        {
            "mail": [f"{one}@{random.choice(firms)}" for one in people],
            "own": [f"a{i}@firm{i}.com" for i in range(n)],
            "order": [f"ORD-{random.choice([2019, 2020, 2021])}-{i:05d}" for i in range(n)],
            "phone": [f"+49 {random.choice([30, 89, 221])} {7 * i + 10**6}" for i in range(n)],
            "x": random.normal(size=n),
        }
    )
    columns = Columns.fit(table)
    made = {name: made_of(columns, name, 1500) for name in table.column_names[:-1]}
    assert all(len({*texts}) == 1500 for texts in made.values())
    assert {one.partition("@")[2] for one in made["mail"]} == {*firms}
    assert {*made["mail"]}.isdisjoint(table["mail"].to_pylist())
    assert all(re.fullmatch(r"[a-z]+\d*@[a-z]+\.com", one) for one in made["own"])
    assert {one[:9] for one in made["order"]} == {f"ORD-{year}-" for year in (2019, 2020, 2021)}
    assert {one.split()[1] for one in made["phone"]} == {"30", "89", "221"}


def test_types_grow_where_numbers_do_not_fit():
    none = np.zeros(2, bool)
    made = arrow(np.array([-5, 40_629]), pa.int16(), none)
    assert made.to_pylist() == [-5, 40_629]
    made = arrow([1, 123_456], pa.decimal128(5, 2), none)
    assert made.to_pylist() == [decimal.Decimal("0.01"), decimal.Decimal("1234.56")]
    assert arrow([1, 12_345], pa.decimal128(5, 2), none).type == pa.decimal128(5, 2)
    assert arrow(np.array([-128, 127]), pa.int8(), none).type == pa.int8()


def test_words_of_identifiers_are_those_seen_but_not_the_names_of_persons(tmp_path):
    random = np.random.default_rng(0)
    names, firms = ["anna", "bert", "cleo", "dora"], ["gmail", "yahoo", "posteo"]
    mails = [
        f"{random.choice(names)}{i}@{random.choice(firms, p=[0.7, 0.2, 0.1])}.com"
        for i in range(400)
    ]
    codes = [f"{random.choice(['DE', 'FR'])}-{i:05}" for i in range(400)]
    once = [f"{''.join(random.choice(list('ABCDEFG'), 5))}-{i:05}" for i in range(400)]
    table = pa.table({"mail": mails, "code": codes, "once": once, "x": random.normal(size=400)})
    columns = Columns.fit(table)
    assert [one.name for one in columns.identifiers] == ["mail", "code", "once"]
    assert {*made_of(columns, "mail", 200)}.isdisjoint(mails)
    columns.save(tmp_path)
    made = [one.make(4000, np.random.default_rng(1)) for one in Columns.load(tmp_path).identifiers]
    mails, codes, once = (one.to_pylist() for one in made)
    assert all(len({*texts}) == 4000 for texts in (mails, codes, once))
    found = [re.fullmatch(r"([a-z]+)\d+@([a-z]+)\.com", mail).groups() for mail in mails]
    assert not {*names} >= {name for name, _ in found}
    shares = [np.mean([firm == own for _, own in found]) for firm in firms]
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.06)
    assert {code[:3] for code in codes} == {"DE-", "FR-"}
    assert len({text[:5] for text in once}) > 3000
