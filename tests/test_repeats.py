"""Rows that are there more than once: what estimates say of them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import entropae as ea
from entropae.cli import main

SAID = r"\d+% of the rows are there more than once"
RNG = np.random.default_rng(0)
ONCE, OTHER = RNG.normal(size=(400, 2)), RNG.normal(size=(500, 2))
TWICE = np.concatenate([ONCE, ONCE[:80]])


@pytest.mark.parametrize(
    "estimate",
    [
        lambda x: ea.knn_entropy(x),
        lambda x: ea.knn_divergence(x, OTHER),
        lambda x: ea.knn_divergence(OTHER, x),
        lambda x: ea.knn_cross_entropy(OTHER, x),
        lambda x: ea.knn_mutual_information(x[:, 0], x[:, 1]),
        lambda x: ea.knn_conditional_mutual_information(x[:, 0], x[:, 1], x.sum(1)),
    ],
)
def test_values_come_with_a_warning(estimate):
    with pytest.warns(UserWarning, match=SAID):
        estimate(TWICE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate(ONCE)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda x: ea.entropy_estimate(x),
        lambda x: ea.divergence_estimate(x, OTHER),
        lambda x: ea.mutual_information_estimate(x[:, 0], x[:, 1]),
    ],
)
def test_estimates_have_it_among_their_warnings(estimate):
    assert any(
        "33% of the rows are there more than once" in one for one in estimate(TWICE).warnings
    )
    assert not estimate(ONCE).warnings


def test_the_remedies_are_as_said():
    whole = ea.knn_entropy(ONCE)
    assert ea.knn_entropy(np.unique(TWICE, axis=0)) == pytest.approx(whole)
    assert ea.knn_entropy(pd.DataFrame(TWICE).drop_duplicates()) == pytest.approx(whole)


@pytest.mark.parametrize("rounded", [1, 2])
def test_rounded_rows_are_not_copies(rounded):
    """Their ties are those of each column, which is spread over its step."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ea.knn_entropy(RNG.normal(size=(3000, 2)).round(rounded))


def test_the_command_says_it(tmp_path, capsys):
    pd.DataFrame(TWICE, columns=["a", "b"]).to_csv(tmp_path / "twice.csv", index=False)
    assert not main(["entropy", str(tmp_path / "twice.csv")])
    assert "33% of the rows are there more than once" in capsys.readouterr().out
