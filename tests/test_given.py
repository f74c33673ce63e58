"""Conditional information of parts that are nearly told by what is given, as slow series are."""

from __future__ import annotations

import math

import numpy as np
import pytest

import entropae as ea

N = 2000


def series(slow, seed=0):
    """Two series, the first of which drives the second."""
    noise = np.random.default_rng(seed).normal(size=(2, N))
    x, y = np.zeros((2, N))
    for t in range(1, N):
        x[t] = slow * x[t - 1] + noise[0, t]
        y[t] = slow * y[t - 1] + 0.5 * x[t - 1] + noise[1, t]
    return x, y


def normal_information(x, y, z):
    """I(X; Y | Z) of a normal distribution with the covariance of the sample."""
    xyz = np.cov([x, y, z])
    xz, yz = (xyz[np.ix_(some, some)] for some in ([0, 2], [1, 2]))
    det = np.linalg.det
    return 0.5 * math.log(det(xz) * det(yz) / xyz[2, 2] / det(xyz))


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("slow", [0, 0.5, 0.9, 0.98])
def test_transfer_entropy_of_slow_series(slow, digits):
    """At 0.98 it was a tenth of what it is, at an error of a hundredth."""
    x, y = (one if digits is None else one.round(digits) for one in series(slow))
    for of, to in ((x, y), (y, x)):
        found = ea.transfer_entropy_estimate(of, to)
        truth = normal_information(of[:-1], to[1:], to[:-1])
        assert found.value == pytest.approx(truth, abs=3.5 * found.standard_error)


def test_what_is_linear_in_what_is_given_tells_nothing():
    z, noise, other = np.random.default_rng(0).normal(size=(3, N))
    plain = ea.conditional_mutual_information_estimate(noise, noise + other, z)
    for times in (10, 1e3, 1e6):
        x, y = noise + times * z, noise + other - 3 * times * z
        found = ea.conditional_mutual_information_estimate(x, y, z)
        assert found.value == pytest.approx(0.5 * math.log(2), abs=3 * found.standard_error)
        assert found.value == pytest.approx(plain.value, abs=0.03)
    assert ea.knn_conditional_mutual_information(2 * z, z + noise, z) == pytest.approx(0, abs=1e-9)


def test_walks_that_are_independent():
    x, y = np.cumsum(np.random.default_rng(0).normal(size=(2, N)), axis=1)
    found = ea.transfer_entropy_estimate(x, y, permutations=19)
    assert found.p_value > 0.05
    assert abs(found.value) < 3 * found.standard_error


def test_remedies_do_not_break_the_order():
    x, y = series(0.9)
    for found in (
        ea.transfer_entropy_estimate(x, y),
        ea.mutual_information_estimate(x, y, lag=1),
    ):
        assert any("as in a time series, so" in one for one in found.warnings)
        assert not any("shuffle" in one for one in found.warnings)
    x[5] = math.nan
    with pytest.raises(ValueError, match="Impute these rows: without them, later ones"):
        ea.transfer_entropy_estimate(x, y)
