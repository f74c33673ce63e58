"""Columns and indices of pandas that are called by other things than texts."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import entropae as ea
from entropae.recipe import ModelConfig

QUICK = {"model": ModelConfig(hidden=(16,)), "epochs": 1, "progress": False}
VALUES = np.random.default_rng(0).normal(size=(200, 3))
PLAIN = pd.DataFrame(VALUES)
LABELS = {
    "numbers": PLAIN.columns,
    "numbers and texts": pd.Index([0, 1, "target"]),
    "categories": pd.CategoricalIndex(["q1", "q2", "q3"], name="quarter"),
    "categories of numbers": pd.CategoricalIndex([1, 2, 3]),
    "pairs": pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]),
}


@pytest.mark.parametrize("labels", LABELS)
def test_drawn_rows_have_the_same_columns(labels):
    frame = PLAIN.set_axis(LABELS[labels], axis=1)
    drawn = ea.synthesize(frame, **QUICK).sample(3, seed=0)
    assert list(drawn.columns) == list(frame.columns)
    assert drawn.columns.name == frame.columns.name
    assert np.isfinite(drawn.to_numpy()).all()


def test_intervals_are_called_by_their_texts():
    frame = PLAIN.set_axis(pd.IntervalIndex.from_breaks([0, 1, 2, 3]), axis=1)
    assert list(ea.synthesize(frame, **QUICK).sample(2).columns) == ["(0, 1]", "(1, 2]", "(2, 3]"]


def test_a_number_and_its_text_are_one_name():
    with pytest.raises(ValueError, match=r"More than one column is called '1'\. Rename them"):
        ea.synthesize(PLAIN.set_axis([1, "1", "x"], axis=1), **QUICK)


def test_an_index_of_periods_is_told_how_to_become_texts():
    frame = PLAIN.set_axis(pd.period_range("2000", periods=200))
    with pytest.raises(ValueError, match="not understood") as caught:
        ea.synthesize(frame, **QUICK)
    (line,) = re.findall(r"frame\.index = frame\.index\.astype\(str\)", str(caught.value))
    exec(line, {"frame": frame})
    assert len(ea.synthesize(frame, **QUICK).sample(2)) == 2


CODES = [f"C-{i:04d}" for i in range(200)]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"id": pd.Categorical(CODES), "a": VALUES[:, 0]}),
        pl.DataFrame({"id": CODES, "a": VALUES[:, 0]}, schema_overrides={"id": pl.Categorical}),
    ],
    ids=["pandas", "polars"],
)
def test_identifiers_that_are_categories_are_drawn_anew(frame):
    drawn = ea.synthesize(frame, **QUICK).sample(400, seed=0)
    names = drawn["id"].to_list()
    assert len(set(names)) == 400
    assert all(re.fullmatch(r"C-\d{4,}", name) for name in names)
    assert "cat" in str(drawn["id"].dtype).lower()


def test_columns_that_are_equal_to_their_decimals_have_no_order():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=500)})
    frame["b"], frame["c"] = frame["a"] + 1e-9, rng.choice(["x", "y"], 500)
    made = ea.synthesize(frame, **QUICK)
    assert made.rules == ("a = b",)
    assert len(made.sample(10, seed=0)) == 10


def test_no_rows_have_no_codes():
    frame = pd.DataFrame({"c": ["x", "y"] * 100, "a": VALUES[:, 0]})
    made = ea.synthesize(frame, **QUICK)
    assert made.model.encode(frame.head(0)).shape == (0, made.model.latent.dim)


def test_labels_of_a_data_set_may_be_floats():
    x = torch.from_numpy(VALUES).float()
    y = torch.arange(200) % 3
    model = ea.Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3), ea.Plain(2))
    model.fit_prior(TensorDataset(x, y.float()), "mixture", labels=True)
    assert model.priors["mixture"].classes == ("0", "1", "2")
    with pytest.raises(ValueError, match="without labels"):
        model.fit_prior(TensorDataset(x, y + 0.5), "mixture", labels=True)
    few = (torch.arange(200) < 4).long()
    with pytest.raises(ValueError, match=r"Classes of fewer than \d+ .* to learn from: 1 4"):
        model.fit_prior(TensorDataset(x, few), "mixture", labels=True)
    with pytest.raises(ValueError, match="are of one class, 0"):
        model.fit_prior(TensorDataset(x, 0 * y), "mixture", labels=True)


@pytest.mark.parametrize(
    ("labels", "one", "other"),
    [
        (pd.RangeIndex(3), 0, 1),
        (pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]), ("a", "x"), ("a", "y")),
    ],
    ids=["numbers", "pairs"],
)
def test_columns_are_named_as_the_frame_names_them(labels, one, other):
    frame = PLAIN.set_axis(labels, axis=1)
    frame[other] = np.arange(200) % 3
    made = ea.synthesize(frame, columns={other: "category"}, seed=np.int64(0), **QUICK)
    assert made.columns[str(other)] == "category"
    equal = made.sample(300, seed=0, shares={other: "equal"})
    assert equal[other].value_counts().tolist() == [100] * 3
    gaps = frame.where(frame[one] > -1)
    filled = made.impute(gaps, only=[one])
    assert not filled[one].isna().any()
    assert filled[other].isna().any()
    assert one not in ea.synthesize(frame, drop=[one], **QUICK).sample(2).columns


def test_options_of_estimators_name_columns_by_their_numbers():
    rng = np.random.default_rng(0)
    named = pd.DataFrame({"0": rng.integers(0, 50, 300), "1": rng.random(300), "2": VALUES[0, 0]})
    named["2"] = named["1"] + rng.random(300)
    frame = named.set_axis([0, 1, 2], axis=1)
    by_text = {"discrete": ["0"], "period": {"1": 1.0}, "resolution": {"2": 0.1}}
    by_number = {"discrete": [0], "period": {1: 1.0}, "resolution": {2: 0.1}}
    for estimate in (
        lambda f, **options: ea.information_matrix(f, **options).values,
        lambda f, **options: ea.rank_features(f, f.columns[2], permutations=0, **options).values,
        lambda f, **options: ea.knn_total_correlation(f, **options),
        lambda f, **options: ea.knn_transfer_entropy(f.iloc[:, :2], f.iloc[:, 2:], **options),
    ):
        np.testing.assert_array_equal(estimate(frame, **by_number), estimate(named, **by_text))
    by_number, by_text = ({"resolution": one["resolution"]} for one in (by_number, by_text))
    assert ea.knn_entropy(frame[[2]], **by_number) == ea.knn_entropy(named[["2"]], **by_text)
    for estimate in (
        lambda **options: ea.knn_entropy(frame[[2]], **options),
        lambda **options: ea.divergence_estimate(frame[[2]][:99], frame[[2]][99:], **options),
    ):
        with pytest.raises(ValueError, match="`resolution`: Unknown column 'x2'"):
            estimate(resolution={"x2": 0.1})


def test_integers_of_128_bits():
    values = np.random.default_rng(0).integers(0, 10**6, 300)
    frame = pl.DataFrame({"a": pl.Series(values.tolist(), dtype=pl.Int128)})
    assert ea.knn_entropy(frame) == pytest.approx(ea.knn_entropy(values.astype(float)))
