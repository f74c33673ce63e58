"""What columns are recognised as, and what rounded ones are spread over."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entropae.variables import (
    check_names,
    recognise,
    scale_of,
    scales_of,
    spread,
    standardized,
    step_of,
    variables_of,
)

NORMAL = np.random.default_rng(0).standard_normal(1000)


def step(values, **options):
    found = recognise("x", values, **options)
    return found.kind, None if found.cells is None else found.cells.step


@settings(deadline=None, max_examples=60)
@given(
    step=st.sampled_from([0.1, 0.01, 0.25, 1.0, 5.0, 1 / 3, 1 / 60, 2.54, 1e-7, 3e6]),
    offset=st.floats(-1000, 1000),
    sites=st.integers(5, 400),
    seed=st.integers(0, 100),
)
def test_the_step_of_a_lattice_is_found_wherever_it_lies(step, offset, sites, seed):
    places = np.unique(np.random.default_rng(seed).integers(0, sites, 300))
    found = step_of(step * offset + step * places, np.finfo(float).eps)
    assert found == pytest.approx(step * np.gcd.reduce(np.diff(places)), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (NORMAL, None),
        (NORMAL.astype(np.float32), None),
        (NORMAL.round(2), 0.01),
        ((15 + 3 * NORMAL).round(1).astype(np.float32), 0.1),
        (NORMAL.round(1) + 1000.05, 0.1),
        (12 + np.round(60 * NORMAL) / 60, 1 / 60),
        (np.append(NORMAL.round(1), 1e13), 0.1),
        (np.random.default_rng(0).permutation(1000), 1),
        (2**60 + np.random.default_rng(0).integers(0, 1000, 1000), 1),
        (2**63 + np.random.default_rng(0).integers(0, 1000, 1000).astype(np.uint64), 1),
        ([2**70 + int(i) for i in range(100)], 1),
        (np.datetime64("2020-01-01") + np.random.default_rng(0).integers(0, 3000, 500), 86_400),
        (np.timedelta64(5, "ms") * np.arange(300), 0.005),
    ],
)
def test_steps_of_columns(values, expected):
    kind, found = step(values)
    assert kind == ("continuous" if expected is None else "lattice")
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-5))


def test_large_integers_keep_their_differences():
    found = recognise("x", 2**60 + np.arange(300))
    np.testing.assert_array_equal(np.diff(found.values), 1)
    found = recognise("x", torch.arange(300).numpy() - 2**62)
    np.testing.assert_array_equal(np.diff(found.values), 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["oak", "ash", "oak"], "discrete"),
        (NORMAL > 0, "discrete"),
        (np.array([None, "a"] * 10)[1::2], "constant"),
        (np.arange(1000) % 5 * 0.01, "discrete"),
        (np.arange(1000) % 10, "discrete"),
        (np.arange(1000) % 11, "lattice"),
        (np.full(9, 7.0), "constant"),
        (np.where(NORMAL < 0, 0, NORMAL), "mixed"),
        (np.where(NORMAL < -1, 0.0, NORMAL.round(2)), "mixed"),
        (np.where(NORMAL > 1.5, 1.5, NORMAL), "mixed"),
        (np.round(np.random.default_rng(0).exponential(2, 2000)), "lattice"),
        (np.log1p(np.random.default_rng(0).poisson(30, 1000)), "lattice"),
        (np.array([float(f"{v:.2g}") for v in np.exp(3 * NORMAL)]), "lattice"),
    ],
)
def test_kinds(values, kind):
    assert recognise("x", values).kind == kind


def test_periods_of_several_columns_need_their_names():
    with pytest.raises(ValueError, match=r'as period=\{"x": 360\}: got 2 without names'):
        recognise("x", np.arange(360), period=[360, 360])


def test_kinds_are_overridden():
    codes = np.arange(1000) % 5
    assert step(codes, discrete=False) == ("lattice", 1)
    assert step(codes, resolution=1) == ("lattice", 1)
    assert step(codes, resolution=None) == ("continuous", None)
    assert recognise("x", NORMAL.round(1), discrete=True).kind == "discrete"
    assert recognise("x", np.arange(360), period=360).kind == "circular"
    with pytest.raises(ValueError, match="`trees` must be numbers"):
        recognise("trees", ["oak", "ash"], discrete=False)
    for name, value in (("resolution", -1), ("resolution", "fine"), ("period", 0), ("period", "a")):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            recognise("x", NORMAL, **{name: value})


def test_steps_may_differ_along_a_column():
    """Read to 0.1 below 10 and to 1 above: a cell is as wide as what was rounded to it."""
    x = np.exp(NORMAL + 2)
    x = np.where(x < 10, x.round(1), x.round())
    cells = recognise("x", x).cells
    width = cells.below + cells.above
    assert np.median(width[x < 9]) == pytest.approx(0.1)
    assert np.median(width[(x > 11) & (x < 30)]) == pytest.approx(1)
    assert "steps of 0.1 and more" in recognise("x", x).note


@pytest.mark.parametrize(
    "values",
    [
        NORMAL.round(1),
        np.where(NORMAL < 0, NORMAL.round(1), NORMAL.round()),
        np.log1p(np.random.default_rng(0).poisson(30, 1000)),
    ],
)
def test_what_is_spread_still_tells_the_value(values):
    """So that information is kept: cells of different values do not overlap."""
    found = recognise("x", values)
    moved = found.spread()
    distinct, which = np.unique(values, return_inverse=True)
    highest = np.full(len(distinct), -np.inf)
    lowest = np.full(len(distinct), np.inf)
    np.maximum.at(highest, which, moved)
    np.minimum.at(lowest, which, moved)
    assert (highest[:-1] < lowest[1:]).all()
    inside = (moved - values)[values == 0.0] if (values == 0).any() else moved[:0]
    assert len(inside) == 0 or abs(inside.mean()) < 0.05


def test_spreads_are_those_of_the_column_and_the_seed():
    x = NORMAL.round(1)
    one = recognise("x", x).spread()
    np.testing.assert_array_equal(one, recognise("y", x.copy()).spread())
    np.testing.assert_allclose(1000 * one, recognise("x", 1000 * x).spread(), rtol=1e-6)
    for other in ({"seed": 1}, {"turn": 1}, {"copy": 1}):
        assert (recognise("x", x).spread(**other) != one).mean() > 0.99
    cells = recognise("x", x).cells
    np.testing.assert_array_equal(spread(x, cells), one)


def test_atoms_stay_where_they_are():
    x = np.where(NORMAL < 0, 0.0, NORMAL.round(2) + 0.01)
    found = recognise("x", x)
    moved = found.spread()
    assert (moved[x == 0] == 0).all()
    assert len(np.unique(moved[x > 0])) == (x > 0).sum()
    share = np.mean(x == 0)
    assert found.note == f"x: one value holds {share:.0%} of the rows, spread over steps of 0.01"


def test_chance_makes_no_atoms():
    """Of 100 samples with some 600 sites each, no site is thought to stand out."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        assert recognise("x", rng.standard_normal(5000).round(2)).kind == "lattice"


def test_scales():
    assert scale_of(recognise("x", 7 * NORMAL)) == pytest.approx(7 * NORMAL.std())
    with_outlier = np.append(NORMAL, 1e30)
    assert scale_of(recognise("x", with_outlier)) == pytest.approx(1, abs=0.1)
    assert scale_of(recognise("x", np.where(NORMAL < 0.3, 0, NORMAL))) < 1


def test_heavy_tails_become_even():
    """A strictly increasing map, so that mutual information is kept; others are only divided."""
    heavy = np.sign(NORMAL) * np.exp(5 * np.abs(NORMAL))
    found = standardized(recognise("x", heavy), heavy)
    order = np.argsort(heavy)
    assert (np.diff(found[order]) > 0).all()
    assert found.std() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(standardized(recognise("x", NORMAL), NORMAL).std(), 1)


def test_scales_of_unlike_units():
    columns = variables_of(np.stack([NORMAL, 3 * NORMAL**3], 1))
    np.testing.assert_array_equal(scales_of(columns[:1], "auto"), 1)
    np.testing.assert_array_equal(scales_of(columns, None), 1)
    alike = variables_of(np.stack([NORMAL, 3 * NORMAL], 1))
    np.testing.assert_array_equal(scales_of(alike, "auto"), 1)
    unlike = variables_of(np.stack([NORMAL, 20 * NORMAL], 1))
    np.testing.assert_allclose(scales_of(unlike, "auto"), NORMAL.std() * np.array([1, 20]))


def test_samples_of_all_forms():
    table = np.stack([NORMAL, np.arange(1000) % 3], 1)
    assert [v.name for v in variables_of(table)] == ["x[0]", "x[1]"]
    assert [v.kind for v in variables_of(table)] == ["continuous", "discrete"]
    assert [v.kind for v in variables_of(torch.from_numpy(table))] == ["continuous", "discrete"]
    assert [v.kind for v in variables_of({"a": NORMAL, "b": ["u", "v"] * 500})] == [
        "continuous",
        "discrete",
    ]
    assert variables_of(NORMAL > 0)[0].kind == "discrete"
    sparse = pytest.importorskip("scipy.sparse")
    assert [v.kind for v in variables_of(sparse.csr_matrix(table))] == ["continuous", "discrete"]
    named = variables_of(table, discrete=["x[0]"], period={"x[1]": 3})
    assert [v.kind for v in named] == ["discrete", "circular"]
    said = variables_of(table, discrete={"x[0]": True, "x[1]": False})
    assert [v.kind for v in said] == ["discrete", "lattice"]
    with pytest.raises(ValueError, match="`discrete` must be True or False: got x='no'"):
        check_names(["x"], discrete={"x": "no"})
    with pytest.raises(ValueError, match="`discrete`: Unknown column 'y'"):
        check_names(["x"], discrete={"y": True})


def test_a_read_only_array_is_read_without_a_warning():
    x = NORMAL.copy()
    x.setflags(write=False)
    assert variables_of(x)[0].kind == "continuous"


def test_missing_values_are_named():
    with pytest.raises(ValueError, match="`x` must be finite: got NaN or inf in 1 of 3 rows"):
        recognise("x", [1.0, math.nan, 2.0])
    with pytest.raises(ValueError, match="the first in row 1"):
        recognise("x", ["a", None, "b"])
