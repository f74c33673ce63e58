"""Columns close to a line of another one are counted from it."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import entropae as ea
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import TABLE
from entropae.recipe import ModelConfig

N = 400
RNG = np.random.default_rng(0)
BORN = np.datetime64("1940-01-01") + RNG.integers(0, 24_000, N) * np.timedelta64(1, "D")
TODAY = np.datetime64("2026-01-01")
AGE = np.array(
    [2026 - b.year - ((b.month, b.day) > (1, 1)) for b in BORN.astype(dt.date)], np.int64
)
CELSIUS = RNG.normal(15, 8, N).round(1)
SPREAD = RNG.lognormal(3, 1, N)
TABLE_OF = pa.table(
    {
        "born": BORN.astype("datetime64[s]"),
        "celsius": CELSIUS,
        "fahrenheit": (1.8 * CELSIUS + 32).round(1),
        "age": AGE,
        "more as it grows": SPREAD,
        "grown": 3 * SPREAD * RNG.normal(1, 0.01, N),
        **{f"noise {i}": RNG.normal(size=N).round(2) for i in range(12)},
    }
)
SMALL = {"model": ModelConfig(hidden=(32,)), "epochs": 10, "progress": False}


@pytest.fixture(scope="module")
def made():
    return ea.synthesize(TABLE_OF, **SMALL)


def columns_of(table: pa.Table) -> Columns:
    return Columns.fit(table).counted(table)


def test_lines_are_found_and_rows_come_back(tmp_path):
    columns = columns_of(TABLE_OF)
    found = {one.name: (one.gap.since, one.gap.slope) for one in columns.columns if one.gap}
    assert {*found} == {"age", "fahrenheit"}
    assert found["fahrenheit"] == ("celsius", pytest.approx(1.8, rel=1e-2))
    assert found["age"] == ("born", pytest.approx(-1 / (365.2425 * 86_400), rel=1e-3))
    again = columns.decode(columns.encode(TABLE_OF))
    for name in ("born", "celsius", "fahrenheit", "age"):
        assert again[name].to_pylist() == TABLE_OF[name].to_pylist()
    columns.save(tmp_path)
    loaded = Columns.load(tmp_path)
    assert loaded.decode(columns.encode(TABLE_OF)).equals(again)


def test_lines_through_many_zeros():
    x = np.where(RNG.random(N) < 0.2, 0, RNG.gamma(2, 50, N)).round(2)
    table = pa.table({"total": x, "limit": (1.5 * x + 10).round(2)})
    columns = columns_of(table)
    assert [one.gap and one.gap.since for one in columns.columns] == [None, "total"]
    drawn = columns.draw(RNG.normal(size=(500, columns.width)), seed=0)
    line = 1.5 * drawn["total"].to_numpy() + 10
    assert np.abs(drawn["limit"].to_numpy() - line).max() < 0.011


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_lines_of_other_units_and_types(unit):
    seconds = np.arange(N) * 977
    stamps = (BORN[0] + seconds.astype("timedelta64[s]")).astype(f"datetime64[{unit}]")
    table = pa.table({"a": seconds, "b": 60 * seconds + RNG.integers(0, 900, N), "c": stamps})
    columns = columns_of(table)
    assert [one.gap and one.gap.since for one in columns.columns] == [None, "a", "a"]
    assert columns.decode(columns.encode(table)).equals(table)


def test_lines_are_found_in_spite_of_slips_gaps_and_columns_that_are_less_close():
    x = RNG.normal(100, 20, N).round(2)
    slips = np.where(np.arange(N) == 5, 1e6, 3 * x + RNG.normal(0, 0.1, N))
    for name, other, slope in (
        ("slip", slips, 3),
        ("gaps", pa.array(3 * x, mask=RNG.random(N) < 0.2), 3),
        ("falling", (500 - 2.5 * x).round(2), -2.5),
        ("euro and pound", (0.86 * x).round(2), 0.86),  # not what one is more than the other
        ("floats", 2.5 * x + 3, 2.5),
        ("whole", (100 * x).round().astype(np.int64), 100),
        ("decimal", pa.array([f"{2 * v:.2f}" for v in x]).cast(pa.decimal128(9, 2)), 200),
    ):
        table = pa.table({"a": x, name: other})
        columns = columns_of(table)
        found = [one.gap and one.gap.slope for one in columns.columns]
        assert found == [None, pytest.approx(slope, rel=1e-3)], name
        again = columns.decode(columns.encode(table))
        assert again["a"].equals(table["a"])
        pd.testing.assert_frame_equal(again.to_pandas(), table.to_pandas())


@pytest.mark.parametrize("slope", [0, "steep", None, float("inf")])
def test_a_strangers_line_is_checked(tmp_path, slope):
    columns_of(TABLE_OF).save(tmp_path)
    said = json.loads((tmp_path / TABLE).read_text())
    next(one for one in said["columns"] if one["name"] == "age")["gap"]["slope"] = slope
    (tmp_path / TABLE).write_text(json.dumps(said))
    with pytest.raises(ValueError, match="cannot be read"):
        Columns.load(tmp_path)


def test_drawn_rows_keep_to_lines(made):
    drawn = made.sample(500, seed=0).to_pydict()
    # All numbers are those of a line, rounded: to a tenth here.
    line = 1.8 * np.array(drawn["celsius"]) + 32
    assert np.abs(np.array(drawn["fahrenheit"]) - line).max() <= 0.0501
    # Within the year that real rows are within, and the rounding to whole years.
    born = np.array(drawn["born"], "datetime64[s]").astype("datetime64[D]")
    years = (TODAY - born).astype(float) / 365.2425
    assert (years - np.array(drawn["age"])).min() > -1.01
    assert (years - np.array(drawn["age"])).max() < 1.51


def test_missing_values_on_a_line_are_filled_in_beside_it(made):
    rows = TABLE_OF.slice(0, 50)
    gone = rows.set_column(3, "age", pa.array([None] * 50, pa.int64()))
    gone = gone.set_column(2, "fahrenheit", pa.array([None] * 50, pa.float64()))
    filled = made.impute(gone, seed=0)
    np.testing.assert_allclose(filled["fahrenheit"], rows["fahrenheit"], atol=1e-9)
    assert np.abs(filled["age"].to_numpy() - rows["age"].to_numpy()).max() <= 1


def test_what_a_line_starts_from_follows_from_what_is_counted(made):
    rows = TABLE_OF.slice(0, 50)
    gone = rows.set_column(1, "celsius", pa.array([None] * 50, pa.float64()))
    filled = made.impute(gone, seed=0)
    np.testing.assert_allclose(filled["celsius"], rows["celsius"], atol=0.0501)


def test_no_line_where_what_is_beside_it_is_wide_or_grows():
    x = RNG.normal(size=N)
    wide = pa.table({"x": x, "y": 2 * x + 0.2 * RNG.normal(size=N)})
    few = pa.table({"x": x[:12], "y": 2 * x[:12]})
    for table in (wide, few, TABLE_OF.select(["more as it grows", "grown"])):
        assert all(one.gap is None for one in columns_of(table).columns)
