"""All pairs of a table, rankings, p-values and standard errors."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from scipy.stats import kstest

import entropae as ea
from entropae.information.significance import _restricted


def table(n=300):
    rng = np.random.default_rng(0)
    height = rng.normal(1.7, 0.1, n)
    mass = 60 + 80 * (height - 1.7) + 5 * rng.standard_normal(n)
    smoker = rng.uniform(size=n) < 0.3
    return {
        "height": height.round(2),
        "mass": np.where(rng.uniform(size=n) < 0.1, np.nan, mass.round()),
        "smoker": smoker,
        "city": np.where(smoker, "Bonn", rng.choice(["Bonn", "Ulm", None], n)).tolist(),
        "born": [date(1990, 1, 1).fromordinal(726_000 + int(i)) for i in rng.integers(0, 9000, n)],
        "name": [f"person {i}" for i in range(n)],
        "planet": ["earth"] * n,
    }


def test_a_matrix_of_all_kinds():
    found = ea.information_matrix(table())
    at = {name: i for i, name in enumerate(found.names)}
    methods = {
        ("height", "mass"): "ksg1",
        ("height", "smoker"): "ross",
        ("smoker", "city"): "plugin",
        ("born", "mass"): "ksg1",
        ("height", "planet"): "none",
    }
    for (a, b), method in methods.items():
        assert found.methods[at[a], at[b]] == found.methods[at[b], at[a]] == method
    assert found.values[at["height"], at["mass"]] > 0.4
    assert found.values[at["smoker"], at["city"]] > 0.1
    assert found.values[at["planet"], at["height"]] == 0
    assert np.isnan(np.delete(found.values[at["name"]], at["planet"])).all()
    assert np.isnan(found.values.diagonal()).all()
    np.testing.assert_array_equal(found.values, found.values.T)
    assert np.isnan(found.p_values).all()
    assert "height: spread over steps of 0.01" in found.notes
    assert any(note.startswith("mass: ") and "without a value" in note for note in found.notes)
    assert any("has a class of its own" in note for note in found.notes)


def test_a_matrix_is_made_of_the_estimates_of_its_pairs():
    columns = {name: values for name, values in table().items() if name in ("height", "smoker")}
    columns["noise"] = np.random.default_rng(3).standard_normal(300)
    found = ea.information_matrix(columns, permutations=9, bits=True)
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            if i <= j:
                continue
            one = ea.mutual_information_estimate(
                {a: columns[a]}, {b: columns[b]}, permutations=9, bits=True
            )
            assert found.values[i, j] == one.value
            assert found.standard_errors[i, j] == one.standard_error
            assert found.p_values[i, j] == one.p_value
    nats = ea.information_matrix(columns)
    np.testing.assert_allclose(found.values, nats.values / math.log(2))
    assert (found.unit, nats.unit) == ("bits", "nats")


def test_rows_without_a_value_are_left_out_pair_by_pair():
    columns = table()
    found = ea.information_matrix(columns, columns=["height", "mass", "born"])
    there = ~np.isnan(columns["mass"])
    kept = ea.knn_mutual_information(columns["height"][there], columns["mass"][there])
    assert found.values[0, 1] == pytest.approx(kept, abs=0.03)
    assert (
        found.values[0, 2]
        == ea.information_matrix(columns, columns=["height", "born"]).values[0, 1]
    )


def test_arrays_are_named_by_number():
    x = np.random.default_rng(0).standard_normal((200, 3))
    x[:, 2] = x[:, 0] > 0
    x[3, 1] = np.nan
    found = ea.information_matrix(x, discrete=["1"])
    assert found.names == ("0", "1", "2")
    assert found.methods[0, 2] == "ross"
    assert set(found.frame()) == {"row", "0", "1", "2"}


def test_a_ranking():
    columns = table()
    found = ea.rank_features(columns, "mass", permutations=19)
    assert found.names[0] == "height"
    assert found.names[-1] == "name"
    assert found.target == "mass"
    assert found.p_values[0] == 0.05
    assert np.isnan(found.values[-1])
    assert list(found.values[:-1]) == sorted(found.values[:-1], reverse=True)
    assert found.methods[0] == "ksg1"
    others = {name: values for name, values in columns.items() if name != "mass"}
    beside = ea.rank_features(others, columns["mass"])
    assert beside.names == found.names
    np.testing.assert_array_equal(beside.values, found.values)
    assert list(found.frame()) == ["column", "nats", "standard_error", "p_value", "method"]
    some = ea.rank_features(columns, "mass", columns=["born", "height"])
    assert some.names == ("height", "born")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "xarray"])
def test_frames_come_back_as_they_came(library):
    module = pytest.importorskip(library)
    columns = {"a": np.arange(40.0) ** 1.5, "b": np.arange(40.0) % 7, "c": np.arange(40) % 2 == 0}
    frame = {
        "pandas": lambda: module.DataFrame(columns),
        "polars": lambda: module.DataFrame(columns),
        "pyarrow": lambda: module.table(columns),
        "xarray": lambda: module.Dataset({k: ("i", v) for k, v in columns.items()}),
    }[library]()
    plain = ea.information_matrix(columns)
    found = ea.information_matrix(frame)
    assert found.names == ("a", "b", "c")
    np.testing.assert_array_equal(found.values, plain.values)
    assert type(found.frame()) is type(frame)
    assert type(ea.rank_features(frame, "c").frame()) is type(frame)
    assert ea.knn_mutual_information(
        frame[["a", "b"]] if library != "pyarrow" else frame.select(["a", "b"]), columns["c"]
    ) == ea.knn_mutual_information({"a": columns["a"], "b": columns["b"]}, columns["c"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: ea.information_matrix(t, columns=["height"]), "at least 2 columns"),
        (lambda t: ea.information_matrix(t, columns=["height", "hight"]), "hight"),
        (lambda t: ea.information_matrix(t, discrete=["hight"]), "`discrete`.*hight"),
        (lambda t: ea.information_matrix(t, method="best"), "`method` must be one of"),
        (lambda t: ea.information_matrix(t, permutations=-1), "`permutations` must be"),
        (lambda t: ea.information_matrix(t, k=300), "`k` must be in"),
        (lambda t: ea.rank_features(t, "wealth"), "wealth"),
        (lambda t: ea.rank_features(t, np.zeros(3)), "as many rows as each other"),
        (lambda t: ea.rank_features({"a": np.zeros(9)}, "a"), "columns beside the target"),
    ],
)
def test_tables_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call(table())


# Significance


def uniform(p_values, permutations):
    """p-values on a grid, spread over its steps, against the uniform distribution."""
    steps = np.random.default_rng(0).uniform(size=len(p_values)) / (permutations + 1)
    return kstest(np.array(p_values) - steps, "uniform").pvalue


@pytest.mark.long
@pytest.mark.parametrize("kind", ["continuous", "rounded", "classes", "tables"])
def test_p_values_are_uniform_without_dependence(kind):
    p_values = []
    for seed in range(100):
        rng = np.random.default_rng([seed, 1])
        x, y = rng.standard_normal((2, 30))
        if kind == "rounded":
            x, y = x.round(1), y.round(1)
        if kind in ("classes", "tables"):
            y = rng.integers(0, 3, 30)
        if kind == "tables":
            x = np.sign(x)
        p_values.append(ea.mutual_information_estimate(x, y, permutations=19).p_value)
    if kind == "tables":  # few tables: ties make the test conservative, never too bold
        assert np.mean(np.array(p_values) <= 0.1) <= 0.1 + 3 * math.sqrt(0.09 / 100)
        return
    assert uniform(p_values, 19) > 0.01


@pytest.mark.long
def test_local_permutations_keep_what_the_condition_explains():
    """x and y share z alone: free permutations would call that significant, local ones do not."""
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng([seed, 2])
        z, *noise = rng.standard_normal((3, 100))
        found = ea.conditional_mutual_information_estimate(
            z + noise[0], z + noise[1], z, permutations=19
        )
        p_values.append(found.p_value)
    assert uniform(p_values, 19) > 0.01
    rng = np.random.default_rng(0)
    z, *noise = rng.standard_normal((3, 300))
    x = z + noise[0]
    dependent = ea.conditional_mutual_information_estimate(x, x + noise[1], z, permutations=19)
    assert dependent.p_value == 0.05


@pytest.mark.long
def test_series_are_shifted_and_not_shuffled():
    """Shuffled, independent smooth series would be significant more often than not."""
    kernel = np.exp(-0.5 * (np.arange(-15, 16) / 3) ** 2)
    shifted, shuffled = [], []
    for seed in range(40):
        rng = np.random.default_rng([seed, 3])
        x, y = (np.convolve(rng.standard_normal(230), kernel, "valid") for _ in range(2))
        one = ea.mutual_information_estimate(x, y, exclude=10, permutations=19)
        shifted.append(one.p_value)
        shuffled.append(ea.mutual_information_estimate(x, y, permutations=19).p_value)
    assert uniform(shifted, 19) > 0.01
    assert np.mean(np.array(shuffled) <= 0.05) > 0.3


def test_a_null_interval_and_a_least_p_value():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200)
    found = ea.mutual_information_estimate(x, x + rng.standard_normal(200), permutations=99)
    assert found.p_value == 0.01
    assert found.null_low < 0 < found.null_high < found.value
    again = ea.mutual_information_estimate(x, x + 0, permutations=0)
    assert math.isnan(again.p_value)
    total = ea.total_correlation_estimate(
        np.stack([x, x**2, rng.uniform(size=200)], 1), permutations=19
    )
    assert total.p_value == 0.05
    for bad in (-1, 2.5, True):
        with pytest.raises(ValueError, match="`permutations` must be an integer"):
            ea.mutual_information_estimate(x, x, permutations=bad)


def test_a_restricted_permutation_stays_near():
    near = (np.arange(200)[:, None] + np.arange(-2, 3)) % 200
    order = _restricted(near, np.random.default_rng(0))
    assert all(order[i] in near[i] for i in range(200))
    assert len(np.unique(order)) > 180


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_standard_errors_are_the_deviation_over_samples(rho, k):
    found = []
    for seed in range(80):
        x, noise = np.random.default_rng([seed, k]).standard_normal((2, 400))
        y = rho * x + math.sqrt(1 - rho**2) * noise
        found.append(ea.mutual_information_estimate(x, y, k))
    deviation = np.std([one.value for one in found], ddof=1)
    ratio = np.mean([one.standard_error for one in found]) / deviation
    assert 0.75 < ratio < 1.6


@pytest.mark.parametrize("kind", ["ross", "plugin"])
def test_standard_errors_of_classes(kind):
    found = []
    for seed in range(100):
        rng = np.random.default_rng([seed, 5])
        y = rng.integers(0, 3, 400)
        x = y + rng.standard_normal(400)
        found.append(ea.mutual_information_estimate(x if kind == "ross" else x > 1, y))
    deviation = np.std([one.value for one in found], ddof=1)
    assert {one.method for one in found} == {kind}
    assert 0.75 < np.mean([one.standard_error for one in found]) / deviation < 1.5
