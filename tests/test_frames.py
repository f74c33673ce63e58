"""Frames of every library hold the same columns."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

import entropae as ea
from entropae.variables.frames import columns_of, like_frame

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
xr = pytest.importorskip("xarray")

NOON = dt.datetime(2020, 1, 1, 12)
ROWS = {
    "whole": [1, 2, 3],
    "big": [2**60 + 1, 2, 3],
    "gap": [1, None, 3],
    "real": [1.5, None, 2.5],
    "price": [decimal.Decimal("1.5"), None, decimal.Decimal("2")],
    "yes": [True, False, True],
    "text": ["a", None, "b"],
    "at": [NOON, None, NOON],
    "on": [dt.date(2020, 1, 1), None, dt.date(2020, 1, 2)],
    "since": [dt.timedelta(hours=1), None, dt.timedelta(1)],
    "clock": [dt.time(1, 2), None, dt.time(3)],
}
KINDS = dict(zip(ROWS, "iifffbOMMmm", strict=True))
ZONED = dt.datetime(2020, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))

MAKE = {
    "dict": dict,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "pyarrow": pa.table,
    "pandas": pd.DataFrame,
    "nullable": lambda rows: pd.DataFrame(rows).convert_dtypes(),
    "pandas on arrow": lambda rows: pa.table(rows).to_pandas(types_mapper=pd.ArrowDtype),
}


@pytest.mark.parametrize("library", MAKE)
def test_every_library_gives_the_same_columns(library):
    found = columns_of(MAKE[library](ROWS))
    assert list(found) == list(ROWS)
    for name, values in found.items():
        assert values.dtype.kind == KINDS[name], name
        missing = [value is None for value in ROWS[name]]
        if KINDS[name] == "f":
            np.testing.assert_array_equal(
                values, [np.nan if value is None else float(value) for value in ROWS[name]]
            )
        elif KINDS[name] in "mM":
            assert np.isnat(values).tolist() == missing
        else:
            assert values.tolist() == ROWS[name]
    assert found["at"][0] == np.datetime64("2020-01-01T12:00")
    assert found["on"][2] == np.datetime64("2020-01-02")
    assert found["clock"][0] == np.timedelta64(62, "m")


@pytest.mark.parametrize("library", ["dict", "polars", "pyarrow", "pandas"])
def test_times_with_a_zone_are_in_utc(library):
    assert columns_of(MAKE[library]({"t": [ZONED]}))["t"] == np.datetime64("2020-01-01T12:00")


def test_categories_are_labels_whatever_they_are():
    frame = pd.DataFrame({"class": pd.Categorical([3, 1, 3]), "when": pd.Categorical([NOON] * 3)})
    assert columns_of(frame)["class"].dtype == object
    assert columns_of(frame)["class"].tolist() == [3, 1, 3]
    assert columns_of(frame)["when"].dtype == object
    kind = pl.Enum(["a", "b"])
    found = columns_of(pl.DataFrame({"e": pl.Series(["b", None], dtype=kind)}))
    assert found["e"].tolist() == ["b", None]


def test_missing_whole_numbers_keep_all_digits():
    """Beyond 2⁵³ they are no float64; such are numbers of things, not quantities."""
    frame = pd.DataFrame({"id": pd.array([2**60 + 1, None], "Int64")})
    assert columns_of(frame)["id"].tolist() == [2**60 + 1, None]
    logical = pd.DataFrame({"b": pd.array([True, None], "boolean")})
    assert columns_of(logical)["b"].tolist() == [True, None]


def test_series_and_xarray_and_structured_arrays():
    assert list(columns_of(pd.Series([1, 2], name="w"))) == ["w"]
    assert list(columns_of(pl.Series([1, 2]))) == ["0"]
    data = xr.Dataset({"a": ("t", [1.0, 2]), "b": ("t", ["x", "y"])})
    found = columns_of(data)
    assert (found["a"].tolist(), found["b"].tolist()) == ([1, 2], ["x", "y"])
    wide = xr.DataArray([[1, 2], [3, 4]], dims=("t", "v"), coords={"v": ["p", "q"]})
    assert columns_of(wide)["q"].tolist() == [2, 4]
    structured = np.array([(1, "a"), (2, "b")], [("n", "i4"), ("s", "U1")])
    assert columns_of(structured)["s"].tolist() == ["a", "b"]
    masked = np.ma.array([1, 2], mask=[False, True])
    np.testing.assert_array_equal(columns_of({"m": masked})["m"], [1, np.nan])


@pytest.mark.parametrize("what", [None, "t.csv", 3, [1.0], [[1, 2]], np.zeros((2, 2))])
def test_what_is_no_frame(what):
    assert columns_of(what) is None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' 2 times"),
        (pl.DataFrame({"a": [[1, 2]]}), "'a' holds List"),
        ({"a": [{}, 1]}, "'a' holds dict"),
        ({"a": [1], "b": [1, 2]}, "same number of rows"),
        ({"a": np.zeros((2, 2))}, r"one axis: got shape \(2, 2\)"),
        ({"a": np.array([1j])}, "complex"),
        (xr.Dataset({"a": ("t", [1]), "b": ("s", [1, 2])}), "same dimensions"),
        (xr.DataArray(np.zeros((1, 2, 3))), "one dimension, or two"),
    ],
)
def test_frames_that_are_of_no_use(frame, message):
    with pytest.raises(ValueError, match=message):
        columns_of(frame)


def test_some_columns_in_another_order():
    frame = {"a": [1], "b": [[1, 2]], "c": [3]}
    assert list(columns_of(frame, ["c", "a"])) == ["c", "a"]
    with pytest.raises(ValueError, match="Did you mean 'c'"):
        columns_of(frame, ["cc"])


@pytest.mark.parametrize(
    "like",
    [
        pd.DataFrame({"x": [1]}),
        pl.DataFrame({"x": [1]}),
        pa.table({"x": [1]}),
        {"x": [1]},
        np.zeros(1, [("x", "f4")]),
        xr.Dataset({"x": ("t", [1])}),
    ],
    ids=lambda like: type(like).__module__.partition(".")[0],
)
def test_results_are_frames_of_the_same_library(like):
    made = like_frame({"p": np.array([0.5, 1]), "q": ["u", "v"]}, like, rows=["p", "q"])
    assert type(made) is type(like)
    found = columns_of(made, ["q", "p"])
    assert (found["p"].tolist(), found["q"].tolist()) == ([0.5, 1], ["u", "v"])
    names = {"pandas": lambda: list(made.index), "xarray": lambda: made["row"].to_numpy().tolist()}
    library = type(like).__module__.partition(".")[0]
    rows = names.get(library, lambda: columns_of(made)["row"].tolist())()
    assert rows == ["p", "q"]


def test_results_of_what_is_no_frame_are_a_dict():
    assert like_frame({"a": [1]}, np.zeros((2, 2))) == {"a": [1]}


@pytest.mark.parametrize("series", [pd.Series, pl.Series, lambda values: xr.DataArray(values)])
def test_series_without_a_name_are_called_as_the_sample(series):
    x = np.random.default_rng(0).integers(0, 3, 60)
    found = ea.mutual_information_estimate(series(x), series(x))
    assert found.notes[1:] == ("x: 3 classes", "y: 3 classes")
    named = ea.mutual_information_estimate(pd.Series(x, name="0"), pd.Series(x, name="b"))
    assert named.notes[1:] == ("0: 3 classes", "b: 3 classes")
