"""Estimates that more rows would change: what is said of them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import entropae as ea
from entropae.cli import main

N = 1000
RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(3, N))
HALF = r"Half of the (points|rows) say \d\.\d\d nats"


def said(found):
    return [one for one in found.warnings if one.startswith("Half of")]


@pytest.mark.parametrize(
    ("sample", "truth"),
    [
        (RNG.lognormal(0, 5, (N, 2)), math.log(2 * math.pi * math.e * 25)),
        (RNG.random((N, 10)), 0.0),
    ],
)
def test_entropy_that_a_normal_baseline_calls_right(sample, truth):
    """Wrong by 5 standard errors or more, and the remedy as printed is not."""
    found = ea.entropy_estimate(sample)
    assert abs(found.value - truth) > 5 * found.standard_error
    (one,) = said(found)
    assert "nats more than all" in one
    assert 'method="auto"' in one
    again = ea.entropy_estimate(sample, method="auto")
    assert abs(again.value - truth) < 3 * again.standard_error


@pytest.mark.parametrize("method", ["kl", "whitened"])
def test_entropy_on_a_curve(method):
    (one,) = said(ea.entropy_estimate(np.c_[X, X**2], method=method))
    assert "if one column is a function of others, leave it out" in one


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("n", [20, 100, N])
def test_what_is_settled_is_left_alone(n, d):
    for x in (RNG.normal(size=(n, d)), RNG.exponential(size=(n, 1))):
        assert not said(ea.entropy_estimate(x, repeats=0))
    for slope in (0, 0.5, 1):
        y = slope * X[:n] + Y[:n]
        assert not said(ea.mutual_information_estimate(X[:n], y))
        assert not said(ea.conditional_mutual_information_estimate(X[:n], y, Z[:n]))
    assert not said(ea.mutual_information_estimate(X > 0, Y + X))


@pytest.mark.parametrize(
    "estimate",
    [
        lambda: ea.mutual_information_estimate(X, X),
        lambda: ea.mutual_information_estimate(X, X**2),
        lambda: ea.mutual_information_estimate(X, X.round(2)),
        lambda: ea.mutual_information_estimate(X, X + 1e-3 * Y),
        lambda: ea.mutual_information_estimate(X, X**2, method="map"),
        lambda: ea.conditional_mutual_information_estimate(X, X, Z),
        lambda: ea.total_correlation_estimate(RNG.dirichlet([1, 1, 1], N)),
        lambda: ea.conditional_mutual_information_estimate(
            X, 2 * X + Y, RNG.integers(0, N // 4, N).astype(str)
        ),
    ],
)
def test_information_beyond_what_the_rows_can_tell(estimate):
    (one,) = said(estimate())
    assert "rather a lower bound" in one


def test_classes_that_are_too_many_say_too_much():
    x, y = RNG.integers(0, 100, (2, N)).astype(str)  # independent
    found = ea.mutual_information_estimate(x, y)
    assert found.value > 1
    assert any("may be too large" in one for one in said(found))


def test_divergence_where_the_second_sample_has_no_points():
    apart = ea.divergence_estimate(X, Y + 6)  # in truth 18
    assert apart.value < 10
    assert any(
        "of the points of `x` lie beyond those of `y`" in one and "lower bound" in one
        for one in apart.warnings
    )
    wide = ea.divergence_estimate(X * 2, Y)  # in truth 0.81
    assert any("Use more points of `y`" in one for one in wide.warnings)
    more = ea.divergence_estimate(X * 2, RNG.normal(size=100 * N))
    assert abs(more.value - 0.807) < abs(wide.value - 0.807)
    assert not ea.divergence_estimate(X, Y).warnings
    assert not ea.divergence_estimate(X, 2 * Y).warnings
    assert not ea.divergence_estimate(RNG.standard_cauchy(N), RNG.standard_cauchy(N)).warnings


def test_divergence_by_references_that_have_no_points_in_common():
    x, y = RNG.random((N, 5)), 2 + RNG.random((N, 5))
    found = ea.divergence_estimate(x, y)
    assert found.value > 0
    assert found.method == "knn"
    assert any("lie beyond those of `y`" in one for one in found.warnings)


def test_divergence_in_a_hyperplane():
    """Shares sum to 1: with all of them, each distance counts for one column too many."""
    x, y = RNG.dirichlet([1, 1, 1], N), RNG.dirichlet([2, 2, 2], N)
    for divergence in (ea.knn_divergence, ea.divergence_estimate):
        with pytest.raises(ValueError, match=r"columns 0, 1, 2, .* Drop one of them"):
            divergence(x, y)
    # E log of the ratio of the densities 2 and 120 abc, and E log a = ψ(1) − ψ(3) = −3/2.
    truth = math.log(2 / 120) + 3 * 1.5
    found = ea.divergence_estimate(x[:, :2], y[:, :2])
    assert found.value == pytest.approx(truth, abs=4 * found.standard_error)


@pytest.mark.parametrize("rows", [400, 4000])
def test_divergence_along_a_curve(rows):
    """Distances along it count for one column only, not for three."""
    rng = np.random.default_rng(0)
    t, u = rng.normal(0, 0.5, rows), rng.normal(0.5, 0.5, rows)  # in truth 1/2
    found = ea.divergence_estimate(*(np.c_[np.cos(a), np.sin(a), np.sin(2 * a)] for a in (t, u)))
    (said,) = (one for one in found.warnings if "spread as in" in one)
    times = float(re.findall(r"is (\S+) times too large", said)[0])
    assert times == pytest.approx(3, rel=0.1)
    assert found.value / times == pytest.approx(0.5, abs=found.standard_error)
    assert not ea.divergence_estimate(t, u).warnings


@pytest.mark.parametrize("shape", ["normal", "exponential", "standard_cauchy", "random"])
@pytest.mark.parametrize(("rows", "columns"), [(200, 2), (1000, 3)])
def test_divergence_of_what_fills_its_columns_is_not_of_a_curve(shape, rows, columns):
    rng = np.random.default_rng(0)
    x, y = (getattr(rng, shape)(size=(rows, columns)) for _ in range(2))
    warnings = ea.divergence_estimate(x, 1.5 * y + 0.2).warnings
    assert not any("spread as in" in one for one in warnings)


@pytest.mark.parametrize("command", ["renyi", "tsallis"])
def test_entropies_of_other_orders(command, tmp_path, capsys):
    for name, x in {"curve": np.c_[X, X**2], "cloud": np.c_[X, Y]}.items():
        path = tmp_path / f"{name}.csv"
        np.savetxt(path, x, delimiter=",", header="a,b", comments="")
        assert not main([command, str(path)])
        said = "if one column is a function of others, leave it out" in capsys.readouterr().out
        assert said == (name == "curve")
