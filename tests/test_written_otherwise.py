"""Columns that are written otherwise than meant: as texts, in mixed types, rounded to two steps."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import entropae as ea

N = 1500
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, N))


@pytest.mark.parametrize(
    ("of_x", "of_y"),
    [(1, None), (None, 1), (2, 1), (3, None)],
)
def test_divergence_of_samples_rounded_to_different_steps(of_x, of_y):
    """Each is spread over its own step, so that the divergence is that before rounding, 1/2."""
    x, y = (z if digits is None else z.round(digits) for z, digits in ((X, of_x), (Y + 1, of_y)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ea.divergence_estimate(x, y)
    assert not found.warnings
    assert found.value == pytest.approx(0.5, abs=3 * found.standard_error)


def test_atoms_are_not_steps():
    zeros = np.where(RNG.random(N) < 0.5, 0, X)
    with pytest.warns(UserWarning, match="has an atom"):
        assert ea.knn_divergence(zeros, Y) == np.inf


def test_numbers_written_as_texts():
    texts = pd.DataFrame({"level": X.round(3).astype(str)})
    said = "`level` holds numbers written as texts, and is taken as .* classes"
    with pytest.warns(UserWarning, match=said):
        ea.knn_mutual_information(texts, X + Y)
    found = ea.mutual_information_estimate(texts, X + Y)
    assert "convert them with astype(float)" in found.warnings[0]
    meant = ea.mutual_information_estimate(texts.astype(float), X + Y)
    assert not meant.warnings
    assert abs(meant.value - 0.5 * np.log(2)) < 3 * meant.standard_error
    with pytest.raises(ValueError, match="convert them with astype"):
        ea.knn_entropy(texts)


def test_numbers_below_a_limit_of_detection():
    texts = pd.DataFrame({"lead": [f"{v:.3f}" if v > -1 else "<0.05" for v in X]})
    (said,) = ea.mutual_information_estimate(texts, X + Y).warnings[:1]
    assert "beside '<0.05'" in said
    assert 'pandas.to_numeric(…, errors="coerce")' in said


def test_codes_are_classes():
    codes = pd.DataFrame({"zip": RNG.integers(10000, 10060, N).astype(str)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ea.knn_mutual_information(codes, Y)


@pytest.mark.parametrize("first", [1, 2.5, "a", True])
def test_mixed_types_are_classes(first):
    values = [first, "a", 2.5, 7, True] * (N // 5)
    for x in (pd.DataFrame({"a": values}), np.array(values, object)):
        assert ea.knn_mutual_information(x, Y) == pytest.approx(0, abs=0.1)
        with pytest.raises(ValueError, match="must be numbers"):
            ea.knn_entropy(x)
        with pytest.raises(ValueError, match="must hold values of one type in both samples"):
            ea.knn_divergence(x, Y[:, None])
    with pytest.raises(ValueError, match="of one type in both samples: got datetime64"):
        ea.knn_divergence(pd.Series(pd.date_range("2020", periods=N)), Y)


@pytest.mark.parametrize("x", [None, iter([1.0, 2.0])])
def test_what_is_no_array(x):
    with pytest.raises(ValueError, match="must be a numeric array, tensor or frame: got"):
        ea.knn_entropy(x)


def test_strong_dependence_is_warned_of_without_an_error():
    for function in (ea.knn_mutual_information, ea.knn_transfer_entropy):
        with pytest.warns(UserWarning, match="rather a lower bound"):
            function(X, X if function is ea.knn_mutual_information else np.roll(X, 1))
