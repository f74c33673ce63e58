"""Texts of times whose offset changes with the time, as in summer."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import keys_beside, keys_of
from entropae.kinds.tables.conditions import conditions, meets
from entropae.kinds.tables.files import TABLE
from entropae.kinds.tables.offsets import Offsets
from entropae.kinds.tables.words import words_of

N = 800
RNG = np.random.default_rng(0)
BEGUN = pd.Timestamp("2023-06-01", tz="UTC") + pd.to_timedelta(
    RNG.integers(0, 700 * 1440, N), unit="min"
)
# The hour that is there twice, and the one that never is, lie between these.
BEGUN = BEGUN.append(pd.date_range("2023-10-28 22:10", "2023-10-29 03:00", freq="20min", tz="UTC"))
ENDED = BEGUN + pd.to_timedelta(RNG.gamma(2, 20, len(BEGUN)).round() + 1, unit="min")


def local(times: pd.DatetimeIndex, zone: str = "Europe/Oslo") -> list[str]:
    """Times as texts with the offsets of a place."""
    return [when.isoformat(timespec="minutes") for when in times.tz_convert(zone)]


TABLES = pa.table({"begun": local(BEGUN), "ended": local(ENDED)})


def test_texts_come_back_and_the_time_tells_the_offset():
    columns = Columns.fit(TABLES)
    assert columns.decode(columns.encode(TABLES)).equals(TABLES)
    for column in columns.columns:
        assert column.groups == (0,)
        assert {*column.offsets.zones} == {"+01:00", "+02:00"}
        assert len(column.offsets.starts) == 5
    changed = pd.to_datetime(columns.columns[0].offsets.starts[1:], unit="s")
    real = ["2023-10-29 01:00", "2024-03-31 01:00", "2024-10-27 01:00", "2025-03-30 01:00"]
    assert (abs(changed - pd.DatetimeIndex(real)) < pd.Timedelta(days=7)).all()


def test_an_end_is_counted_from_its_start():
    columns = Columns.fit(TABLES).counted(TABLES)
    assert columns.columns[1].gap.since == "begun"
    drawn = columns.decode(np.random.default_rng(1).standard_normal((2000, 2))).to_pandas()
    begun, ended = (pd.to_datetime(drawn[name], utc=True) for name in drawn)
    minutes = (ended - begun) / pd.Timedelta(minutes=1)
    real = pd.Series((ENDED - BEGUN) / pd.Timedelta(minutes=1))
    assert minutes.between(1, real.max()).all()
    assert abs(minutes.median() - real.median()) < 4
    told = local(pd.DatetimeIndex(begun))
    assert np.mean([text == other for text, other in zip(told, drawn.begun, strict=True)]) > 0.98


def test_what_is_first_is_first_also_where_clocks_go_back():
    """At 02:50 summer time, and half an hour later at 02:20."""
    table = pa.table({"a": ["2023-10-29T02:50+02:00"], "b": ["2023-10-29T02:20+01:00"]})
    columns = Columns.fit(TABLES.rename_columns(["a", "b"]))
    values = tuple(table.column(name).to_numpy(zero_copy_only=False) for name in "ab")
    first, second = keys_beside(columns, ("a", "b"), values)
    assert (second - first).tolist() == [1800]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("begun >= 2024-07-01T10:00+02:00", "2024-07-01 08:00"),
        ("begun >= 2024-07-01T10:00", "2024-07-01 08:00"),
        ("begun >= 2024-01-01 10:00:00", "2024-01-01 09:00"),
        ("begun >= 2024-07-01T08:00Z", "2024-07-01 08:00"),
        ("begun >= 01.07.2024 10:00", "2024-07-01 08:00"),
        ({"begun": f">={pd.Timestamp('2024-07-01 10:00', tz='Europe/Oslo')}"}, "2024-07-01 08:00"),
    ],
)
def test_conditions_are_of_moments(written, moment):
    columns = Columns.fit(TABLES)
    found = meets(TABLES, conditions(written, TABLES.column_names), columns)
    assert found.tolist() == (pd.Timestamp(moment, tz="UTC") <= BEGUN).tolist()
    day = {"begun": dt.date(2024, 7, 1)}
    assert not meets(TABLES, conditions(day, TABLES.column_names), columns).any()


OTHERS = {
    "two places": [*local(BEGUN[: N // 2]), *local(BEGUN[N // 2 :], "Asia/Tokyo")],
    "midnights": local(pd.date_range("2020-01-01", periods=N, freq="D", tz="Europe/Oslo")),
    "clocks": [text[11:] for text in local(BEGUN)],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_offsets_are_as_they_were(name):
    table = pa.table({"when": OTHERS[name]})
    columns = Columns.fit(table)
    assert getattr(columns.columns[0], "offsets", None) is None
    assert columns.decode(columns.encode(table)).equals(table)


def test_a_time_without_an_offset_has_the_one_of_its_day():
    found = Offsets("%Y-%m-%dT%H:%M", (0, 1_711_846_800, 1_729_990_800), ("+01", "+02", "+01"))
    assert [found.moment(f"2024-{day}T12:00") for day in ("03-30", "03-31", "10-28")] == [
        int(pd.Timestamp(f"2024-{day}", tz="UTC").timestamp())
        for day in ("03-30 11:00", "03-31 10:00", "10-28 11:00")
    ]
    assert found.texts(np.array([found.moment("2024-03-31T02:30")]))[0] == "2024-03-31T03:30+02"


@pytest.mark.parametrize(
    "damaged",
    [[[0, 1], ["+01:00"]], [[1, 0], ["Z", "+01:00"]], [[0, 1.5], ["Z", "Z"]], [[0, 1], ["Z", "x"]]],
)
def test_columns_are_saved_and_damaged_ones_refused(tmp_path, damaged):
    columns = Columns.fit(TABLES).counted(TABLES)
    columns.save(tmp_path)
    assert Columns.load(tmp_path).columns[0].offsets == columns.columns[0].offsets
    said = json.loads((tmp_path / TABLE).read_text("utf-8"))
    said["columns"][0]["offsets"] = damaged
    (tmp_path / TABLE).write_text(json.dumps(said), "utf-8")
    with pytest.raises(ValueError, match=r"column .begun. is not readable: its offsets are none"):
        Columns.load(tmp_path)


ZONED = {
    "begun": TABLES["begun"],
    "midnight": local(BEGUN.tz_convert("Europe/Oslo").normalize()),
    "elsewhere": local(ENDED, "America/New_York"),
    "utc": [text.replace("+00:00", "Z") for text in local(ENDED, "UTC")],
    "two places": [*local(BEGUN[: N // 2]), *local(BEGUN[N // 2 :], "Asia/Tokyo")],
}


@pytest.mark.parametrize("name", [name for name in ZONED if name != "begun"])
def test_times_with_offsets_are_compared_as_moments(name):
    table = pa.table({name: ZONED[name], "begun": ZONED["begun"]})
    columns = Columns.fit(table)
    values = tuple(one.to_numpy() for one in table.itercolumns())
    other, begun = keys_beside(columns, (name, "begun"), values)
    real = pd.to_datetime(pd.Series(ZONED[name]), utc=True) - pd.to_datetime(
        pd.Series(ZONED["begun"].to_pylist()), utc=True
    )
    assert (other - begun).tolist() == real.dt.total_seconds().tolist()


def test_times_of_two_places_are_counted_from_each_other():
    table = pa.table({"begun": ZONED["utc"], "ended": ZONED["elsewhere"]})
    columns = Columns.fit(table).counted(table)
    assert columns.columns[1].gap is not None
    assert columns.decode(columns.encode(table)).equals(table)


def test_moments_are_read_as_texts_of_the_column():
    columns, moments = Columns.fit(TABLES), pa.array(BEGUN.as_unit("us"))
    texts = columns.encode(TABLES)
    for values in (moments, moments.cast(pa.timestamp("ns", "Europe/Oslo"))):
        table = TABLES.set_column(0, "begun", values)
        assert (columns.encode(table) == texts).all()
    days = pa.table({"day": [f"{day:%d.%m.%Y}" for day in BEGUN], "x": range(len(BEGUN))})
    of_days = Columns.fit(days)
    as_dates = days.set_column(0, "day", pa.array(BEGUN.date))
    assert (of_days.encode(as_dates) == of_days.encode(days)).all()


def test_rules_of_what_cannot_be_read_are_let_be():
    columns = Columns.fit(TABLES)
    values = np.array(["2024-07-01 late", TABLES["begun"][0].as_py()], object)
    assert keys_of(columns, "begun", values)[0] == 0


def test_words_for_what_is_missing_among_times_with_offsets():
    texts = [*TABLES["begun"].to_pylist(), "N/A", "N/A"]
    assert words_of(pa.table({"begun": texts})) == {"begun": "N/A"}
