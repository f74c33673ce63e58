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


@pytest.mark.parametrize("n", [300, 3000])
@pytest.mark.parametrize("draw", [RNG.standard_normal, RNG.standard_cauchy, RNG.random])
def test_a_single_column_of_copies(n, draw):
    """Drawn again, or pasted twice: the entropy is too small, and a warning says why."""
    once = draw(size=n)
    for x in (RNG.choice(once, n), np.concatenate([once, once[: n // 5]])):
        found = ea.entropy_estimate(x)
        assert any("of the rows are there more than once" in said for said in found.warnings)
        assert np.isfinite(found.value)
        compared = ea.divergence_estimate(x, draw(size=n))
        assert any("of the rows are there more than once" in said for said in compared.warnings)
    assert not any("more than once" in said for said in ea.entropy_estimate(once).warnings)


@pytest.mark.parametrize("scale", [100, 1000, 30_000])
@pytest.mark.parametrize("made", [np.log, np.sqrt, np.reciprocal, lambda c: c**1.5])
def test_values_that_can_be_no_others_are_no_copies(scale, made):
    """Ties of a column that was computed from whole numbers are spread, and are no mistake."""
    counts = np.floor(RNG.lognormal(0, 1, 1000) * scale) + 1
    found = ea.entropy_estimate(made(counts))
    assert not any("more than once" in said for said in found.warnings)


def test_an_infinite_divergence_says_why():
    """Of rows drawn again in two columns, which have no density."""
    again = ONCE[RNG.integers(0, 400, 1000)]
    found = ea.divergence_estimate(again, OTHER)
    assert found.value == np.inf
    assert any("of `x` coincide" in said for said in found.warnings)
    assert any("more than once" in said for said in found.warnings)
    assert any("more than once" in said for said in ea.entropy_estimate(again).warnings)


@pytest.mark.parametrize(("n", "m"), [(500, 1000), (50, 5000), (2000, 500), (300, 300)])
@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_rounded_samples_of_any_sizes_are_compared(n, m, decimals):
    """Values that are alike by chance are no rows of one in the other."""
    x, y = RNG.normal(size=n).round(decimals), RNG.normal(size=m).round(decimals)
    assert abs(ea.knn_divergence(x, y)) < 0.6
    narrow = (0.1 * RNG.normal(size=n)).round(decimals)
    # Of steps of 0.1, the narrow one is hardly more than three values.
    assert ea.knn_divergence(narrow, y) > 1
    logs = np.log(RNG.poisson(300, n) + 1), np.log(RNG.poisson(300, m) + 1)
    assert abs(ea.knn_divergence(*logs)) < 0.6


@pytest.mark.parametrize(("n", "m"), [(500, 1000), (50, 5000), (300, 300)])
def test_rows_of_one_in_the_other_are_found(n, m):
    x, y = RNG.normal(size=(n, 2)).round(2), RNG.normal(size=(m, 2)).round(2)
    assert abs(ea.knn_divergence(x, y)) < 0.6
    with pytest.raises(ValueError, match="must be independent samples"):
        ea.knn_divergence(np.concatenate([x, y[: n // 2]]), y)


def test_the_command_says_it(tmp_path, capsys):
    pd.DataFrame(TWICE, columns=["a", "b"]).to_csv(tmp_path / "twice.csv", index=False)
    assert not main(["entropy", str(tmp_path / "twice.csv")])
    assert "33% of the rows are there more than once" in capsys.readouterr().out
