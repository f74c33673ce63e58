"""Rows of numbers that another form would suit better are told which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from entropae.kinds import read

RANDOM = np.random.default_rng(0)


def test_samples_in_columns():
    x = RANDOM.standard_normal((3, 500))
    said, _, command = read(x).told.partition(" columns, save the array as ")
    assert said.endswith("If the samples are the 500")
    assert len(read(eval(command, {"x": x}))) == 500


def test_heavy_tails_become_a_table(tmp_path, monkeypatch):
    """Of which the quartiles are kept exactly."""
    monkeypatch.chdir(tmp_path)
    x = np.exp(2 * RANDOM.standard_normal((300, 4)))
    x[:, 0] = RANDOM.standard_normal(300)
    said, _, command = read(x).told.partition("To train on a table: ")
    assert "3 of 4 values spread over orders of magnitude" in said
    eval(command, {"x": x, "pandas": pd})
    kind = read("x.csv").kind
    assert kind.name == "tables"
    assert [one.split()[1] for one in kind.introduction.splitlines()[1:5]] == ["number,"] * 4


def test_seconds_since_1970_become_a_table(tmp_path, monkeypatch):
    """Which keeps them to the second; arrays, in single precision, to 128 of them."""
    monkeypatch.chdir(tmp_path)
    x = np.stack([RANDOM.integers(1_700_000_000, 1_700_086_400, 300), RANDOM.poisson(9, 300)], 1)
    said, _, command = read(x).told.partition("To train on a table: ")
    assert "1 of 2 values vary so little beside their size" in said
    eval(command, {"x": x, "pandas": pd})
    assert (
        f"x0  whole number, {x[:, 0].min()} to {x[:, 0].max()}" in read("x.csv").kind.introduction
    )


@pytest.mark.parametrize(
    "x",
    [
        RANDOM.standard_normal((300, 4)),
        RANDOM.exponential(size=(300, 4)),
        np.exp(RANDOM.standard_normal((300, 4))),
        RANDOM.standard_t(4, (300, 4)),
        RANDOM.random((300, 4)) < 0.05,
        RANDOM.poisson(2, (300, 4)),
        load_wine().data,
        RANDOM.standard_normal((20, 300)),
        1000 + RANDOM.standard_normal((300, 4)),
        RANDOM.integers(0, 10**9, (300, 4)),
        np.full((300, 4), 1e9),
    ],
    ids=[
        *["normal", "exponential", "lognormal", "t", "flags", "counts", "wine", "genes"],
        *["shifted", "large", "constant"],
    ],
)
def test_others_are_not(x):
    told = read(x).told
    assert "magnitude" not in told
    assert "columns" not in told
    assert "single precision" not in told
