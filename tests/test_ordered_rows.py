"""Rows that depend on those before: what entropies and divergences say of them."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

import entropae as ea
from entropae.cli import main

N, KEPT = 4000, 0.98
TRUTH = 0.5 * math.log(2 * math.pi * math.e / (1 - KEPT**2))


def series(seed):
    """An autoregressive series of order 1, of normal distribution."""
    noise = np.random.default_rng(seed).normal(size=N + 500)
    for t in range(1, len(noise)):
        noise[t] += KEPT * noise[t - 1]
    return noise[500:]


def said(found):
    return [one for one in found.warnings if "rows apart, as in a time series" in one]


def test_entropy_of_a_series():
    """Taken as independent, it is off by more than 3 errors every other time."""
    off = []
    for seed in range(8):
        x = series(seed)
        found = ea.entropy_estimate(x, repeats=0)
        (one,) = said(found)
        off.append((found.value - TRUTH) / found.standard_error)
        every = re.search(r"`(x\[::\d+\])`", one)
        again = ea.entropy_estimate(eval(every[1]) if every else x[::100])
        assert not said(again)
        assert abs(again.value - TRUTH) < 3.5 * again.standard_error
    assert np.std(off) < 2


@pytest.mark.parametrize("method", ["whitened", "calibrated", "auto", "copula"])
def test_every_method_says_it(method):
    x = np.stack([series(0), series(1)], 1)[:1000]
    assert said(ea.entropy_estimate(x, method=method))


def test_divergence_of_series():
    (of_x, of_y) = said(ea.divergence_estimate(series(0), series(1)))
    assert of_x.startswith("Rows of `x`")
    assert of_y.startswith("Rows of `y`")


def test_shuffled_rows_are_as_good_as_independent_ones():
    x = np.sort(np.random.default_rng(0).normal(size=1000))
    (one,) = said(ea.entropy_estimate(x))
    assert "only sorted, shuffle its rows" in one
    assert not said(ea.entropy_estimate(np.random.default_rng(1).permutation(x)))


def test_the_command_says_it(tmp_path, capsys):
    pd.DataFrame({"level": series(0)}).to_csv(tmp_path / "river.csv", index=False)
    assert not main(["entropy", str(tmp_path / "river.csv")])
    assert "as in a time series or a sorted table" in capsys.readouterr().out
