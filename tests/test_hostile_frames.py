"""Frames as people have them: what no table can hold is named, with what to do."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest

from entropae.kinds import read

N = 60
RNG = np.random.default_rng(0)
X = RNG.random(N)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [1, "x", 2.5, None] * 15,
            r"'a' holds values of type float and int and str\..*drop=\['a'\]",
        ),
        ([2**70 + i for i in range(N)], r"'a' holds values of type int\..*astype\(str\)"),
        (X + 1j, "'a' holds values of type complex"),
        ([[1, 2]] * N, "'a' has the type list<.*--drop a"),
        ([{"x": 1}] * N, "'a' has the type struct<.*--drop a"),
        ([b"x", b"y"] * 30, "'a' has the type binary.*--drop a"),
        (pd.period_range("2020-01", periods=N, freq="M"), "'a' has the type .*period.*--drop a"),
        (pd.cut(X, 4), "'a' has the type .*interval.*--drop a"),
        ([uuid.UUID(int=i) for i in range(N)], "'a' has the type .*uuid.*--drop a"),
    ],
)
def test_what_no_table_holds_is_named_and_can_be_left_out(values, message):
    frame = pd.DataFrame({"b": X})
    frame["a"] = values
    with pytest.raises(ValueError, match=message):
        read(frame)
    assert list(read(frame, drop=("a",)).kind.types) == ["b"]
    assert list(read(frame, columns={"a": "drop"}).kind.types) == ["b"]


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"More than one column is called 'a'\. Rename them\."):
        read(pd.DataFrame(RNG.random((N, 3)), columns=["a", "a", "b"]))


FRAMES = {
    "all missing": pd.DataFrame({"a": [np.nan] * N, "b": X, "c": [None] * N}),
    "unused categories": pd.DataFrame(
        {"a": pd.Categorical(["x", "y"] * 30, ["z", "y", "x"], ordered=True), "b": X}
    ),
    "categories of days": pd.DataFrame(
        {"a": pd.Categorical(pd.to_datetime(["2020-01-01", "2020-02-01"] * 30)), "b": X}
    ),
    "nullable": pd.DataFrame(
        {
            "a": pd.array([1, None, 3] * 20, "Int64"),
            "b": pd.array([True, None, False] * 20, "boolean"),
            "c": pd.array(["q", None, "w"] * 20, "string"),
            "d": pd.array([1, 2, None] * 20, "int64[pyarrow]"),
        }
    ),
    "zones": pd.DataFrame(
        {"a": pd.date_range("2021-03-27", periods=N, freq="h", tz="Europe/Oslo"), "b": X}
    ),
    "spans": pd.DataFrame({"a": pd.to_timedelta(RNG.integers(0, 999, N), "min"), "b": X}),
    "decimals": pd.DataFrame({"a": [decimal.Decimal(i) / 100 for i in range(N)], "b": X}),
    "days and times": pd.DataFrame(
        {
            "a": [dt.date(2020, 1, 1) + dt.timedelta(i) for i in RNG.integers(0, 900, N).tolist()],
            "b": [dt.time(i % 24, 30) for i in range(N)],
        }
    ),
    "names": pd.DataFrame({"a\nb": X, "": X, "a`b": X, "unique x": X, " a ": X}),
    "numbers as names": pd.DataFrame(RNG.random((N, 3)), columns=[0, 1, 2]),
    "two levels of index": pd.DataFrame(
        {"b": X}, index=pd.MultiIndex.from_product([range(6), range(10)], names=["i", "j"])
    ),
    "polars": pl.DataFrame(
        {
            "a": pl.Series(["x", "y"] * 30, dtype=pl.Enum(["x", "y", "z"])),
            "t": [dt.time(i % 24) for i in range(N)],
            "d": [dt.timedelta(minutes=i * 3) for i in range(N)],
        }
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_types_names_and_index_come_back(name):
    frame = FRAMES[name]
    samples = read(frame)
    made = samples.kind.present(samples.first(40), drawn=True, seed=0)
    assert type(made) is type(frame)
    assert list(made.columns) == list(frame.columns)
    assert list(made.dtypes) == list(frame.dtypes)
    if isinstance(frame, pd.DataFrame):
        assert made.index.names == frame.index.names


def test_sums_of_money_and_shares_as_texts_do_not_number_the_rows():
    frame = pd.DataFrame(
        {"a": [f"{i}%" for i in range(N)], "b": [f"${i},000.50" for i in range(N)]}
    )
    frame["c"] = X
    assert {one.name for one in read(frame).kind.columns.columns} == {"a", "b", "c"}
