"""Spans of time, floats of 32 bits, and numbers within names: modelled, compared and drawn."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entropae.kinds.tables import spans
from entropae.kinds.tables.column import read_values
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditions import conditions, meets
from entropae.kinds.tables.declared import declared
from entropae.kinds.tables.files import read_file, write_file
from entropae.kinds.tables.plain import replaced
from entropae.kinds.tables.shown import introduction

RNG = np.random.default_rng(0)
N = 200
SECONDS = RNG.integers(0, 900_000, N)
FIRST = int(SECONDS[0])
TABLE = pa.table(
    {
        "span": pa.array(SECONDS, pa.duration("s")),
        "text": pd.Series(pd.to_timedelta(SECONDS, unit="s")).astype(str).to_list(),
        "watch": [f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}" for s in SECONDS],
        "single": pa.array(SECONDS % 100 / 100, pa.float32()),
        "half": pa.array((SECONDS % 10 / 10).astype(np.float16)),
        "kg": [f"{s % 90} kg" for s in SECONDS],
        "state": pa.array([("paid", "missing", None)[s % 3] for s in SECONDS]),
        "count": SECONDS % 12,
    }
)
COLUMNS = Columns.fit(TABLE)


def met(where):
    names = COLUMNS.order
    return meets(TABLE, conditions(where, names), COLUMNS)


@given(st.timedeltas(dt.timedelta(days=-90_000), dt.timedelta(days=90_000)))
def test_spans_are_read_as_pandas_and_python_write_them(span):
    nanoseconds = span // dt.timedelta(microseconds=1) * 1000
    for text, form in ((str(pd.Timedelta(span)), spans.USUAL), (str(span), spans.FORMS[-1])):
        assert spans.parsed(text) == nanoseconds
        assert spans.written(nanoseconds, form) == text


def test_spans_are_numbers_and_no_names_of_rows():
    said = introduction(TABLE, COLUMNS, ())
    assert {c.name: c.meaning for c in COLUMNS.columns if "span" in c.meaning} == dict.fromkeys(
        ("span", "text", "watch"), "time span"
    )
    first, last = (str(pd.Timedelta(seconds=int(s))) for s in (SECONDS.min(), SECONDS.max()))
    assert f"time span, {first} to {last}" in said
    assert f"time span, written d days hh:mm:ss, {first} to {last}" in said
    again = COLUMNS.decode(COLUMNS.encode(TABLE))
    for name in ("span", "text", "watch"):
        assert again.column(name).to_pylist() == TABLE.column(name).to_pylist()


def test_spans_are_written_as_texts_and_read_again(tmp_path):
    table = pa.table(
        {
            "span": pa.array([93_784_005, None, -1], pa.duration("ms")),
            "x": [1, 2, 3],
        }
    )
    write_file(table, tmp_path / "a.csv")
    again = read_file(tmp_path / "a.csv")
    assert again["span"].to_pylist() == ["1 days 02:03:04.005000", None, "-1 days +23:59:59.999000"]
    (column, _) = Columns.fit(table).columns
    was, found = (read_values(column, one["span"]) for one in (table, again))
    np.testing.assert_array_equal(was.absent, found.absent)
    np.testing.assert_array_equal(was.present, found.present)
    filled = replaced(again["span"], table["span"].slice(0, 1), np.array([1]))
    assert filled.to_pylist()[:2] == ["1 days 02:03:04.005000"] * 2


def test_clocks_are_spans_if_declared_and_scores_of_games_are_none():
    clocks = pa.table({"x": [f"0:{m:02}:07" for m in range(60)]})
    assert Columns.fit(clocks).columns[0].meaning == "time"
    known = Columns.fit(clocks, declared={"x": declared("duration")})
    assert known.columns[0].form == "[h]:mm:ss"
    scores = pa.table({"x": [f"25:{b:02}" for b in range(10, 24)] * 2})
    assert Columns.fit(scores, declared={"x": declared("category")}).columns[0].form == ""
    assert Columns.fit(scores).columns[0].form == ""
    with pytest.raises(ValueError, match=r"known are 2 days 03:00:00, 51:00:00 and 51:00\.$"):
        Columns.fit(pa.table({"x": ["1h 5m", "2h 7m"]}), declared={"x": declared("time span")})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("span>2 days", SECONDS > 172_800),
        ("span<=2 days 03:00:00", SECONDS <= 183_600),
        ("text>51:00:00", SECONDS > 183_600),
        ("watch>'1 day, 2:00:00'", SECONDS > 93_600),
        ("span>600", SECONDS > 600),
        ({"span": ">1 days"}, SECONDS > 86_400),
        ({"span": [dt.timedelta(seconds=FIRST)]}, SECONDS == FIRST),
        ({"text": pd.Timedelta(seconds=FIRST)}, SECONDS == FIRST),
        ("single=0.1", SECONDS % 100 == 10),
        ("single in (0.1, 0.7)", np.isin(SECONDS % 100, [10, 70])),
        ("single>0.7", SECONDS % 100 > 70),
        ("half=0.3", SECONDS % 10 == 3),
        ("kg>'50kg'", SECONDS % 90 > 50),
        ("state=missing", SECONDS % 3 == 1),
        ("state!=missing", SECONDS % 3 == 0),
        ("state is missing", SECONDS % 3 == 2),
        ("count in (2.5, 3)", SECONDS % 12 == 3),
        ("count not in (2.5, 3)", SECONDS % 12 != 3),
        ("count in (3, 100000000000000000000)", SECONDS % 12 == 3),
    ],
)
def test_conditions_on_spans_units_and_short_floats_are_exact(where, expected):
    np.testing.assert_array_equal(met(where), expected)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("span>long", "Write it as 2 days, 2 days 03:00:00 or 51:00:00."),
        ("watch>long", f"Write it as {SECONDS.max() // 3600}:"),
        ("kg>heavy", f"Write it as {(SECONDS % 90).max()} kg."),
    ],
)
def test_a_value_that_cannot_be_read_is_told_how_to_write_one_that_can(where, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        met(where)
    example = str(caught.value).rpartition("Write it as ")[2].partition(",")[0].rstrip(".")
    met(f"{where.partition('>')[0]}>={example}")


def test_floats_of_32_bits_keep_their_decimals():
    prices = pa.table({"x": pa.array(np.round(RNG.exponential(50, 5000), 2), pa.float32())})
    columns = Columns.fit(prices)
    drawn = columns.decode(RNG.standard_normal((1000, 1))).column("x")
    assert all(len(str(np.float32(v)).partition(".")[2]) <= 2 for v in drawn.to_pylist())


def test_numbers_within_names_keep_their_range():
    bytes_ = RNG.integers(0, 256, (N, 4)).tolist()
    table = pa.table({"ip": [".".join(map(str, b)) for b in bytes_], "x": SECONDS})
    (ip,) = Columns.fit(table).identifiers
    for address in ip.make(1000, RNG).to_pylist():
        assert all(str(int(part)) == part and int(part) < 256 for part in address.split("."))
    codes = pa.table({"code": [f"K-{i}" for i in range(1, 301)], "x": range(0, 900, 3)})
    new = Columns.fit(codes).identifiers[0].make(2000, RNG).to_pylist()
    assert len(set(new)) == 2000
    assert all(str(int(c[2:])) == c[2:] for c in new)


@pytest.mark.parametrize(
    ("write", "pattern"),
    [
        ("{0}h {1:02}m", r"(1?\d)h \d\dm"),
        ("PT{0}M{1}S", r"PT(1?\d)M(\d|[1-5]\d)S"),
        ("{1}x{0} cm", r"(\d|[1-5]\d)x(1?\d) cm"),
        ("{2}{1:02}{2}", r"[A-Z]\d\d[A-Z]"),
        ("{3}/{4}", r"1[0-7]\d/[6-9]\d"),
    ],
)
def test_letters_and_digits_of_names_stay_apart(write, pattern):
    """Of few rows, what is measured may be different in each, as if it were their name."""
    values = {
        write.format(a, b, c, d, e)
        for a, b, c, d, e in zip(
            range(1, 12),
            RNG.permutation(60)[:11],
            "ABCABCABCAB",
            (100, 179, 179, *RNG.integers(100, 180, 8)),
            (60, 99, 60, *RNG.integers(60, 100, 8)),
            strict=True,
        )
    }
    (made,) = Columns.fit(pa.table({"a": sorted(values), "x": range(0, 22, 2)})).identifiers[:1]
    assert all(re.fullmatch(pattern, new) for new in made.make(40, RNG).to_pylist())


def test_measured_numbers_in_one_cell_are_no_name_of_the_row():
    places = [f"{a:.4f}, {b:.4f}" for a, b in RNG.normal(40, 20, (N, 2))]
    columns = Columns.fit(pa.table({"where": places, "x": SECONDS}))
    assert [c.meaning for c in columns.columns] == ["text", "whole number"]
    # What has two points in it, as a version, is no number.
    versions = [f"1.{i // 10}.{i % 10}" for i in range(60)]
    assert Columns.fit(pa.table({"where": versions, "x": range(0, 180, 3)})).identifiers
