"""Frames as people have them: what no table can hold is named, with what to do."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import entropae as ea
from entropae.kinds import read
from entropae.kinds.measures import Evaluating
from entropae.kinds.tables.comparison import compare_tables
from entropae.recipe import ModelConfig

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
        (
            pd.period_range("2020-01", periods=N, freq="M"),
            "'a' has the type .*period.*astype.*--drop a",
        ),
        (pd.arrays.SparseArray([0.0, 1.0] * 30), r"'a' is sparse\. .*\['a'\]\.sparse\.to_dense"),
        (pd.cut(X, 4), "'a' has the type .*interval.*--drop a"),
        ([uuid.UUID(int=i) for i in range(N)], "'a' has the type .*uuid.*--drop a"),
    ],
)
def test_what_no_table_holds_is_named_and_can_be_left_out(values, message):
    frame = pd.DataFrame({"b": X})
    frame["a"] = values
    with pytest.raises(ValueError, match=message) as caught:
        read(frame)
    if "as by frame['a'].astype(str)" in str(caught.value):
        frame["a"] = frame["a"].astype(str)
        assert set(read(frame).kind.types) == {"a", "b"}
    frame["a"] = values
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
            "e": pd.array(["u", None, "w"] * 20, pd.ArrowDtype(pa.string())),
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


def small(frame, **options):
    model = ModelConfig(hidden=(8,), latent={"name": "entropic", "dim": 2})
    return ea.synthesize(frame, model=model, epochs=1, progress=False, **options)


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_arrays([["u", "v"] * 30, range(N)], names=["group", "visit"]),
        pd.Index(RNG.permutation(1000)[:N]),  # of a frame that was filtered, or shuffled
        pd.Index([f"p-{i:03}" for i in range(N)], name="patient"),
    ],
)
def test_an_index_that_names_rows_is_made_anew_with_all_its_levels(index):
    frame = pd.DataFrame({"x": X, "c": list("ab") * 30}, index=index)
    drawn = small(frame).sample(30, seed=0)
    assert drawn.index.is_unique
    assert drawn.index.names == index.names
    assert drawn.index.dtype == index.dtype


@pytest.mark.filterwarnings("ignore:Read as. columns without a name called index")
def test_rows_that_a_file_numbers_without_a_name_are_numbered_on(tmp_path):
    numbers = RNG.permutation(1000)[:N]
    for name, said in (("", "index"), ("Unnamed: 0", "Unnamed: 0")):
        frame = pd.DataFrame({name: numbers, "x": X.round(3), "c": list("ab") * 30})
        frame.to_csv(tmp_path / "t.csv", index=False)
        kind = read(tmp_path / "t.csv").kind
        assert [one.name for one in kind.columns.identifiers] == [said]


@pytest.mark.parametrize(
    "data",
    [
        pd.Series(X, name="a"),
        [{"a": x, "b": "uv"[i % 2]} for i, x in enumerate(X)],
        None,
        RNG.random((N, 3)),
    ],
)
def test_what_is_no_table_is_told_how_to_become_one(data):
    with pytest.raises(ValueError, match=r"must be a table: got .*pandas\.DataFrame\(data\)"):
        small(data)
    if data is not None:
        assert len(small(pd.DataFrame(data)).sample(5)) == 5


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": [1] * N, "b": ["x"] * N}), "All columns are constant"),
        (pd.DataFrame({"a": [np.nan] * N, "id": range(N)}), "All columns are constant"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "At least 3 rows are needed, one of them"),
    ],
)
def test_tables_that_nothing_can_be_learnt_from(frame, message):
    with pytest.raises(ValueError, match=message):
        small(frame)


def test_nothing_is_warned_of_in_ordinary_tables():
    """Texts that are all different, words for missing numbers, and two flags."""
    small(pd.DataFrame({"zip": [f"{i:05}" for i in RNG.permutation(9999)[:N]], "x": X}))
    small(pd.DataFrame({"a": [f"{x:.2f}" for x in X[:-1]] + [""], "x": X}))
    small(pd.DataFrame({"a": X < 0.5, "b": X < 0.2}))
    lazy = pl.DataFrame({"a": X, "b": ["u", "v"] * 30}).lazy()
    assert isinstance(small(lazy).sample(5), pl.DataFrame)
    view = pa.table({"v": pa.array(["u", "v"] * 30, pa.string_view()), "x": X})
    assert set(small(view).sample(20)["v"].to_pylist()) == {"u", "v"}


def test_one_name_stands_for_a_list_of_them():
    frame = pd.DataFrame({"age": X, "low": X.round(1), "high": X.round(1) + 1})
    model = small(frame, drop="age", rules="low < high")
    assert set(model.columns) == {"low", "high"}
    assert "low < high" in model.rules
    gaps = frame.mask(RNG.random(frame.shape) < 0.2)
    done = model.impute(gaps, only="low", seed=0)
    assert not done["low"].isna().any()
    assert done["high"].isna().any()


WORDS = pd.DataFrame(
    {
        "paid": [" " if i % 9 == 0 else f"{x:.2f}" for i, x in enumerate(800 * X)],
        "power": ["?" if i % 7 == 0 else str(i + 70) for i in range(N)],
        "day": ["N/A" if i % 5 == 0 else f"2020-{i % 12 + 1:02}-{i % 27 + 1:02}" for i in range(N)],
        "town": ["Oslo" if i % 3 else "?" for i in range(N)],
    }
)


def test_words_for_missing_numbers_are_no_reason_for_texts(tmp_path):
    model = small(WORDS)
    assert {
        "paid": "number",
        "power": "whole number",
        "day": "date",
    }.items() <= model.columns.items()
    said = r"power  whole number, written 0, \d+ to \d+, 15.0% missing, written '\?'"
    assert re.search(said, model.kind.introduction)
    drawn = model.sample(300, seed=0)
    assert (drawn.dtypes == WORDS.dtypes).all()
    for name, word in (("paid", " "), ("power", "?"), ("day", "N/A")):
        assert 0 < (drawn[name] == word).mean() < 0.5
        rest = drawn[name][drawn[name] != word]
        assert rest.str.fullmatch(r"[\d.-]+").all()
    assert set(drawn["town"]) == {"Oslo", "?"}
    assert set(model.sample(9, where="power is missing", seed=0)["power"]) == {"?"}
    assert model.sample(9, where="power>100", seed=0)["power"].astype(int).min() > 100
    model.save(tmp_path)
    assert ea.load(tmp_path).sample(300, seed=0).equals(drawn)
    # Declared otherwise, the word is one of the texts.
    assert small(WORDS, columns={"power": "category"}).columns["power"] == "category"


def test_words_are_filled_in_and_stay_where_they_are_not_to_be(tmp_path):
    model = small(WORDS)
    model.save(tmp_path)
    done = ea.load(tmp_path).impute(WORDS, only="power", seed=0)
    known = WORDS["power"] != "?"
    assert (done["power"][known] == WORDS["power"][known]).all()
    assert done["power"].str.fullmatch(r"\d+").all()
    assert done.drop(columns="power").equals(WORDS.drop(columns="power"))


def test_a_class_that_is_hardly_held_out_is_named():
    frame = pd.DataFrame(
        {"x": RNG.random(200), "y": np.arange(200) % 40 == 0, "z": ["u", "v"] * 100}
    )
    model = small(frame)
    options = Evaluating(n=1000, target="y", progress=False)
    held_out = sum(model.kind.table(model.held_out.first(20))["y"].to_pylist())
    assert held_out < 5
    with pytest.warns(
        UserWarning, match=rf"{held_out} of 20 held-out rows have y=True: .* more rows"
    ):
        model.kind.evaluate(model.model, model.train, model.held_out, options)
    more = Evaluating(n=1000, target="z", progress=False)
    model.kind.evaluate(model.model, model.train, model.held_out, more)


def test_a_model_and_any_frames_are_measured_in_a_line():
    frame = pd.DataFrame({"x": RNG.random(200), "c": ["u", "v"] * 100})
    model = small(frame)
    found = model.evaluate(target="c")
    assert found["samples"] == 20
    assert {"auc", "accuracy", "membership"} <= set(found[model.model.prior])
    assert {"auc", "accuracy"} <= set(found["real rows"])
    with pytest.raises(ValueError, match=r"Unknown target 'C'.*Did you mean 'c'"):
        model.evaluate(target="C")
    for target in (["c"], frame["c"]):
        with pytest.raises(ValueError, match="Unknown target: one name is meant, got"):
            model.evaluate(target=target)  # type: ignore
    remedy = r"At least 10 .*got 54, 6, .*fit --validation 0\.2 \(validation=0\.2 in Python\)"
    with pytest.raises(ValueError, match=remedy):
        small(frame.head(60)).evaluate()
    assert small(frame.head(60), validation=0.2).evaluate()["samples"] == 12
    with pytest.raises(ValueError, match=r"No rows are held out .* with validation=0\.1\.$"):
        small(frame, validation=0).evaluate()
    with pytest.raises(ValueError, match=r"got 13, 2, .*\. Train on more rows\.$"):
        small(frame.head(15)).evaluate()
    # Frames as they come from a split, in whatever order.
    shuffled = frame.sample(frac=1, random_state=0)
    parts = shuffled.head(100), shuffled.tail(100), model.sample(100, seed=0)
    assert compare_tables(*parts) == compare_tables(*map(pl.from_pandas, parts))


def test_columns_that_are_equal_are_one_rule():
    frame = pd.DataFrame({"a": X, "b": X, "c": X + 0.05 * RNG.random(N)})
    found = set(small(frame).rules)
    assert "a = b" in found or "b = a" in found
    assert not {"a <= b", "b <= a"} & found
    assert {"a < c", "b < c", "a <= c", "b <= c"} & found


def test_columns_are_declared_by_the_words_of_other_programs():
    frame = pd.DataFrame(
        {"zip": RNG.integers(1000, 1100, N), "x": X, "key": RNG.permutation(N) * 7}
    )
    said = {"zip": "categorical", "x": "float", "key": "id"}
    assert small(frame, columns=said).columns == {
        "zip": "category",
        "x": "number",
        "key": "identifier",
    }
    with pytest.raises(ValueError, match=r"as \{'zip': 'category'\}: got list"):
        small(frame, columns=["zip"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'x' is declared as date, and is of type double"):
        small(frame, columns={"x": "date"})
    frame["x"] = pd.to_datetime(frame["x"], unit="s")
    assert small(frame, columns={"x": "date-time"}).columns["x"] == "date-time"
    with pytest.raises(ValueError, match="Unknown meaning of a column 'postcode': known are"):
        small(frame, columns={"zip": "postcode"})


@pytest.mark.parametrize("word", ["five", "9" * 10, " " * 1000])
def test_words_of_strangers_are_checked(word, tmp_path):
    small(WORDS).save(tmp_path)
    path = tmp_path / "model.json"
    said = path.read_text("utf-8")
    assert '"power": "?"' in said
    path.write_text(said.replace('"power": "?"', f'"power": "{word}"'), "utf-8")
    with pytest.raises(ValueError, match="the word for what is missing in 'power' is none"):
        ea.load(tmp_path)
