"""Numbers of which the format has few digits: what they were rounded to is known."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

import entropae as ea

X, NOISE = np.random.default_rng(0).normal(size=(2, 2000))
TRUTH = 0.5 * math.log(2 * math.pi * math.e)
# Each has 20 to 1000 different values where the density is.
FEW_DIGITS = [
    lambda x: x.astype(np.float16),
    lambda x: x.astype(np.float16).astype(np.float64),
    lambda x: torch.from_numpy(x).bfloat16(),
    lambda x: (1e6 + x).astype(np.float32),
    lambda x: (1e6 + x).astype(np.float32).astype(np.float64),
    lambda x: torch.from_numpy((x - 1e6).astype(np.float32)),
    lambda x: 1e12 + x,
    lambda x: 1e15 + x,
]


@pytest.mark.parametrize("written", FEW_DIGITS)
def test_estimates_are_those_of_the_numbers_before(written):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ea.entropy_estimate(written(X))
        assert found.value == pytest.approx(TRUTH, abs=3 * found.standard_error)
        assert not found.warnings
        assert "spread over steps of" in found.notes[0]
        y = written(0.8 * X + 0.6 * NOISE)
        information = ea.mutual_information_estimate(written(X), y)
        truth = -0.5 * math.log(1 - 0.64)
        assert information.value == pytest.approx(truth, abs=3 * information.standard_error)
        assert not information.warnings
        apart = ea.divergence_estimate(written(X), written(NOISE + 1))
        assert apart.value == pytest.approx(0.5, abs=3 * apart.standard_error)


def test_enough_digits_are_left_alone():
    for x in (X, X.astype(np.float32), 1e6 + X, 1e-300 * X):
        assert not ea.entropy_estimate(x, repeats=0).notes
