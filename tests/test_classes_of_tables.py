"""Rows of a class are so in the column of classes, in Python as by the command."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import entropae as ea
from entropae.cli import main

N = 400
RNG = np.random.default_rng(0)
K = RNG.integers(0, 3, N)
TABLE = pd.DataFrame(
    {
        "v": RNG.normal(size=N) + 0.3 * K,  # hardly tells them apart
        "w": RNG.normal(size=N),
        "town": np.array(["A", "B", "C"])[K],
        "gap": np.array(["low", "middle", None], object)[K],
        "size": 5 * K,
    }
)
TABLE.loc[:5, "town"], TABLE.loc[6:11, "town"] = "rare", "rarer"
ASKED = ["--epochs", "3", "--prior", "mixture", "--no-report", "--model.latent.dim", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    data = str(folder / "data.csv")
    TABLE.to_csv(data, index=False)
    for column in ("town", "gap", "size"):
        out = str(folder / column)
        assert main(["fit", "--data", data, "--labels", column, "--out", out, *ASKED]) == 0
    return folder


def drawn(runs, column, n=30, **asked):
    """By `sample` in Python, and by the command."""
    made = ea.load(runs / column).sample(n, seed=0, **asked)[column].to_pylist()
    out, label = runs / "out.csv", asked.get("label")
    way = ["--balanced"] if label is None else ["--label", str(label)]
    assert main(["sample", str(runs / column), "-n", str(n), *way, "--out", str(out)]) == 0
    written = pd.read_csv(out)[column]
    shown = ["None" if value != value else str(value) for value in written.tolist()]
    assert Counter(shown) == Counter(map(str, made))
    return Counter(made)


@pytest.mark.parametrize(
    ("column", "label", "values"),
    [
        ("town", "A", {"A"}),
        ("town", "rare", {"rare"}),  # of few rows, which have no class of their own
        ("town", "rare classes", {"rare", "rarer"}),
        ("gap", "low", {"low"}),
        ("gap", "", {None}),
        ("size", 5, {5}),
        ("size", "10", {10}),
    ],
)
def test_rows_of_a_class(runs, column, label, values):
    assert set(drawn(runs, column, label=label)) == values


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        ("town", {"A": 8, "B": 8, "C": 8, "rare": 4, "rarer": 4}),
        ("gap", {"low": 10, "middle": 10, None: 10}),
        ("size", {0: 10, 5: 10, 10: 10}),
    ],
)
def test_balanced_rows(runs, column, counts):
    assert drawn(runs, column, sum(counts.values()), balanced=True) == counts


def test_of_a_class_under_conditions(runs):
    model = ea.load(runs / "town")
    for where in ("v>0", {"v": ">0"}, lambda frame: np.array(frame["v"]) > 0):
        made = model.sample(20, seed=0, label="A", where=where).to_pandas()
        assert set(made["town"]) == {"A"}
        assert (made["v"] > 0).all()


def test_unknown_classes(runs, capsys):
    for column, known in (("town", "A, B, C, rare, rare classes, rarer"), ("gap", "'', low, mi")):
        with pytest.raises(ValueError, match=f"Unknown label 'D': known are {known}"):
            ea.load(runs / column).sample(3, label="D")
        assert main(["sample", str(runs / column), "--label", "D"]) == 1
        assert f"known are {known}" in capsys.readouterr().err


def test_paths_between_rows_are_rows(runs):
    model = ea.load(runs / "town")
    (path,) = model.interpolate(TABLE[:1], TABLE[1:2], steps=3)
    assert path.to_pandas().shape == (3, TABLE.shape[1])
    ends = pd.concat([model.reconstruct(part).to_pandas() for part in (TABLE[:1], TABLE[1:2])])
    assert path.to_pandas()["town"].tolist()[::2] == ends["town"].tolist()
    np.testing.assert_allclose(path.to_pandas()["v"][::2], ends["v"], atol=1e-4)
