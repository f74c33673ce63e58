"""Information of data as people have them: rounded, in classes, mixed, circular, in time."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import digamma
from sklearn.feature_selection import _mutual_info

import entropae as ea

RAW = {"resolution": None, "scale": None}


def pair(seed, n, rho):
    x, noise = np.random.default_rng(seed).standard_normal((2, n))
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def rounded(x, step):
    return np.round(x / step) * step


# Heavy tails


@pytest.mark.parametrize("stretch", [np.exp, lambda x: np.exp(5 * x), lambda x: x**5])
@pytest.mark.parametrize("digits", [None, 3])
def test_increasing_functions_keep_information(stretch, digits):
    """As raw numbers, the second loses half of its information, also rounded to three digits."""
    found = []
    for seed in range(3):
        x, y = (stretch(part) for part in pair(seed, 2000, 0.6))
        if digits:
            x, y = ([float(f"{v:.{digits}g}") for v in part] for part in (x, y))
        found.append(ea.knn_mutual_information(x, y))
    assert np.mean(found) == pytest.approx(-0.5 * math.log(1 - 0.6**2), abs=0.03)


def test_one_heavy_tail_among_many_columns():
    x, y = pair(0, 2000, 0.6)
    z = np.random.default_rng(1).standard_cauchy(2000) ** 3
    assert ea.knn_conditional_mutual_information(x, y, z) == pytest.approx(0.223, abs=0.05)
    assert ea.knn_total_correlation(np.stack([x, y, z], 1)) == pytest.approx(0.223, abs=0.05)


# Unlike units


@pytest.mark.parametrize("unit", [1e-6, 1e3, 1e6])
def test_entropy_of_unlike_units(unit):
    """Three columns of which one is in another unit: log of the unit is all that it adds."""
    x = np.random.default_rng(0).standard_normal((1000, 3)) * [1, 1, unit]
    truth = 3 * 0.5 * math.log(2 * math.pi * math.e) + math.log(unit)
    assert ea.knn_entropy(x) == pytest.approx(truth, abs=0.15)
    assert ea.knn_renyi_entropy(x, 1) == pytest.approx(truth, abs=0.15)
    found = ea.entropy_estimate(x)
    assert found.value == pytest.approx(truth, abs=0.15)
    assert found.exact_normal == pytest.approx(truth, abs=0.15)
    assert any(note.startswith("columns divided by their scales") for note in found.notes)
    assert not found.warnings
    order_2 = 3 * 0.5 * math.log(4 * math.pi) + math.log(unit)
    assert ea.knn_renyi_entropy(x, 2) == pytest.approx(order_2, abs=0.15)


# Rounded values


@pytest.mark.parametrize("method", ["auto", "ksg1", "ksg2", "gao"])
@pytest.mark.parametrize("step", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("rho", "truth"), [(0.0, 0.0), (0.6, 0.2231)])
def test_rounding_keeps_information(rho, truth, step, method):
    """Of the rounded pair: a step of 0.5 takes 0.011 of 0.223 away, one of 1 takes 0.040."""
    lost = {0.01: 0.0, 0.1: 0.0, 0.5: 0.011, 1.0: 0.040}[step] if rho else 0.0
    found = [
        ea.knn_mutual_information(
            *(rounded(part, step) for part in pair(seed, 1000, rho)), method=method
        )
        for seed in range(6)
    ]
    assert np.mean(found) == pytest.approx(truth - lost, abs=0.04)


def test_rounding_is_said_and_part_of_the_error():
    x, y = pair(0, 1000, 0.6)
    found = ea.mutual_information_estimate(rounded(x, 0.1), rounded(y, 0.5))
    assert found.notes == (
        "all parts are continuous",
        "x: spread over steps of 0.1",
        "y: spread over steps of 0.5",
    )
    assert "spread over steps of 0.1" in str(found)
    assert found.low < 0.212 < found.high


@pytest.mark.parametrize("step", [0.01, 0.1, 0.5, 1.0])
def test_entropy_of_rounded_values_is_that_before(step):
    x = rounded(np.random.default_rng(0).standard_normal(5000), step)
    truth = ea.gaussian_entropy(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`x` takes only")
        assert ea.knn_entropy(x) == pytest.approx(truth, abs=0.06)
        assert float(ea.knn_entropy(torch.from_numpy(x))) == ea.knn_entropy(x)
    found = ea.entropy_estimate(x, repeats=0)
    assert found.value == pytest.approx(truth, abs=0.06)
    assert found.notes == (f"x: spread over steps of {step:.6g}",)
    assert bool(found.warnings) == (step >= 1)


def test_the_entropy_of_rounded_values_is_that_of_their_table():
    """H(discrete) + log Δ, exactly in the mean over spreads for a uniform table."""
    x = np.repeat(np.arange(50.0), 40)
    assert ea.knn_entropy(x) == pytest.approx(math.log(50), abs=0.03)
    assert ea.knn_entropy(x / 8) == pytest.approx(math.log(50 / 8), abs=0.03)


def test_a_value_with_few_rows_is_no_atom_of_an_entropy():
    """Below 1 % of the rows, it is spread as all others are."""
    x = np.random.default_rng(0).standard_normal(5000).round(2)
    x[:40] = 3.5
    assert ea.knn_entropy(x) == pytest.approx(ea.gaussian_entropy(1), abs=0.08)


def test_a_tensor_with_gradient_is_taken_as_it_is():
    x = torch.randn(200, 2, dtype=torch.float64).round(decimals=1)
    with pytest.warns(UserWarning, match="coincide .*gradients are not numbers.*`floor`"):
        assert ea.knn_entropy(x.clone().requires_grad_(), 1) == -math.inf
    raw = ea.knn_entropy(x, 3, floor=0.1, resolution=None)
    assert ea.knn_entropy(x.clone().requires_grad_(), 3, floor=0.1) == raw
    assert math.isfinite(ea.knn_entropy(x, 1))


def test_rounded_samples_are_compared():
    """KL of N(0, 1) from N(1, 1) is ½, rounded or not."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(5000), rng.standard_normal(5000) + 1
    for step in (0.1, 0.5):
        assert ea.knn_divergence(rounded(x, step), rounded(y, step)) == pytest.approx(0.5, abs=0.08)
        cross = ea.knn_cross_entropy(rounded(x, step), rounded(y, step))
        assert cross == pytest.approx(ea.gaussian_entropy(1) + 0.5, abs=0.08)


def test_the_frames_of_two_samples_are_matched_by_name():
    rng = np.random.default_rng(0)
    x = {"a": rng.standard_normal(500), "b": 5 + rng.standard_normal(500)}
    y = {"b": 5 + rng.standard_normal(500), "a": rng.standard_normal(500)}
    assert abs(ea.knn_divergence(x, y)) < 0.2
    with pytest.raises(ValueError, match="same columns: got a, c in one of them only"):
        ea.knn_divergence(x, {"b": y["b"], "c": y["a"]})


# No density


@pytest.mark.parametrize("n", [300, 3000])
def test_a_column_without_a_density_is_said(n):
    rng = np.random.default_rng(0)
    x, binary = rng.standard_normal(n), rng.integers(0, 2, n)
    imputed = np.where(rng.uniform(size=n) < 0.3, 0, rng.standard_normal(n))
    labels = rng.integers(0, 5, n)
    for column, words in ((imputed, "holds 3.% of the rows of `x.1.`"), (binary, "only 2 values")):
        table = np.stack([x, column], 1)
        found = ea.entropy_estimate(table, repeats=0)
        assert found.value == -math.inf
        for call in (ea.knn_entropy, lambda x: ea.knn_renyi_entropy(x, 2)):
            with pytest.warns(UserWarning, match=words):
                assert call(table) == -math.inf
    found = ea.entropy_estimate(np.stack([x, labels], 1), repeats=0)
    assert "takes only 5 values" in found.warnings[-1]


def test_the_remedy_for_a_rough_column_works_as_printed():
    x = np.random.default_rng(0).integers(0, 2, 500)
    (message,) = ea.entropy_estimate(x).warnings
    remedy = message.split("use ")[1].rstrip(".")
    assert remedy == "resolution={'x': 1}"
    assert ea.knn_entropy(x, **eval(f"dict({remedy})")) == pytest.approx(math.log(2), abs=0.02)


def test_a_transposed_table_is_recognised():
    x = np.random.default_rng(0).standard_normal((50, 3))
    with pytest.warns(UserWarning, match=r"transpose: `x.T`"):
        ea.knn_entropy(x.T, 1)
    for call in (ea.knn_entropy, ea.entropy_estimate, ea.knn_total_correlation):
        with pytest.raises(ValueError, match=r"Each row is one observation.*transpose: `x.T`"):
            call(x[:, 0][None])


def test_values_of_two_samples_that_have_no_density():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 300, 2))
    for sample in (x, y):
        sample[::3, 1] = 0.0
    with pytest.raises(ValueError, match=r"`x` and `y` must have densities: got `x\[1\]`"):
        ea.knn_divergence(x, y)


# Classes


def test_ross_is_scikit_learns():
    rng = np.random.default_rng(0)
    classes = np.append(rng.integers(0, 4, 200), [7, *[8] * 9])
    x = classes + rng.standard_normal(210)
    for k in (1, 3):
        expected = _mutual_info._compute_mi_cd(x, classes, k)
        for a, b in ((x, classes), (classes, x)):
            found = ea.knn_mutual_information(a, b, k, method="ross")
            assert max(found, 0) == pytest.approx(expected, rel=1e-12)
        assert max(ea.knn_mutual_information(x, classes, k), 0) == pytest.approx(
            expected, rel=1e-12
        )


def test_ross_against_its_formula():
    """Ross (2014), eq. (4), with distances within the class and counts of all."""
    rng = np.random.default_rng(1)
    c = rng.integers(0, 3, 90)
    x, k = 2 * c + rng.standard_normal(90), 3
    distance = np.abs(x[:, None] - x)
    same = (c[:, None] == c) & ~np.eye(90, dtype=bool)
    radius = np.sort(np.where(same, distance, np.inf), 1)[:, k - 1]
    m = (distance < radius[:, None]).sum(1) - 1
    expected = digamma(90) + digamma(k) - np.mean(digamma(same.sum(1) + 1) + digamma(m + 1))
    assert ea.knn_mutual_information(x, c, k) == pytest.approx(expected, rel=1e-12)


def test_the_names_of_classes_do_not_matter():
    rng = np.random.default_rng(0)
    code = rng.integers(0, 5, 500)
    x = 2 * code + rng.standard_normal(500)
    found = ea.knn_mutual_information(x, code)
    trees = np.array(["oak", "ash", "fir", "elm", "yew"])
    days = np.array(["2024-01-01", "2024-02-01", "2023-01-01", "2022-01-01", "2025-01-01"], "M8[D]")
    others = [1000 * code, 0.01 * code, trees[code], trees[code].tolist(), days[code]]
    others += [trees[code].astype(object), (7 - 3 * code) % 11, torch.from_numpy(code)]
    for other in others:
        assert float(ea.knn_mutual_information(x, other)) == pytest.approx(found, rel=1e-6)
    assert ea.knn_mutual_information(x, code, method="gao") == pytest.approx(found, abs=0.01)


def miller_madow(*columns):
    _, counts = np.unique(np.stack(columns, 1), axis=0, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log(p)).sum() + (len(p) - 1) / (2 * counts.sum())


def test_the_plug_in_is_made_of_corrected_entropies():
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, 3, 400), rng.integers(0, 4, 400)
    y = np.where(rng.uniform(size=400) < 0.5, x, rng.integers(0, 3, 400))
    h = miller_madow
    assert ea.knn_mutual_information(x, y) == pytest.approx(h(x) + h(y) - h(x, y))
    given = h(x, z) + h(y, z) - h(x, y, z) - h(z)
    assert ea.knn_conditional_mutual_information(x, y, z) == pytest.approx(given)
    total = ea.knn_total_correlation(np.stack([x, y, z], 1))
    assert total == pytest.approx(h(x) + h(y) + h(z) - h(x, y, z))
    names = np.array(["a", "b", "c"])
    assert ea.knn_mutual_information(names[x], y > 0) == pytest.approx(
        h(x) + h(y > 0) - h(x, y > 0)
    )


def mesner_shalizi(x, y, z, k):
    """The formula as the authors' program has it (github.com/omesner/knncmi)."""
    n = len(x)
    dx, dy, dz = (np.abs(part[:, None] - part) for part in (x, y, z))
    joint = np.maximum(np.maximum(dx, dy), dz)
    terms = []
    for i in range(n):
        rho = np.sort(joint[i])[k]  # the row itself comes first
        k_i = (joint[i] <= rho).sum() - 1 if rho == 0 else k
        counts = [
            (np.maximum(dx, dz)[i] <= rho).sum() - 1,
            (np.maximum(dy, dz)[i] <= rho).sum() - 1,
            (dz[i] <= rho).sum() - 1,
        ]
        terms.append(digamma(k_i) - digamma(counts[0]) - digamma(counts[1]) + digamma(counts[2]))
    return np.mean(terms)


def test_mesner_and_shalizi_is_what_is_published():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 3, 80).astype(float)
    x = np.where(rng.uniform(size=80) < 0.5, z, rng.standard_normal(80))
    for y in (x + z, z + rng.integers(0, 2, 80), rng.standard_normal(80)):
        for k in (1, 4):
            found = ea.knn_conditional_mutual_information(x, y, z, k, method="gao", **RAW)
            assert found == pytest.approx(mesner_shalizi(x, y, z, k), rel=1e-12)


def test_conditional_information_of_classes():
    """A coin, the same coin misread one time in ten, and a die: log 2 − H(0.1)."""
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, 2, 3000), rng.integers(0, 6, 3000)
    y = np.where(rng.uniform(size=3000) < 0.1, 1 - x, x)
    truth = math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    for method in ("auto", "gao", "plugin"):
        found = ea.knn_conditional_mutual_information(x, y, z, method=method)
        assert found == pytest.approx(truth, abs=0.04)


def test_given_classes_information_is_the_mean_of_what_is_within_each():
    x, y = pair(0, 900, 0.6)
    z = np.random.default_rng(1).integers(0, 3, 900)
    x, y = x + 2 * z, y - z
    within = [ea.knn_mutual_information(x[z == c], y[z == c], 4, **RAW) for c in range(3)]
    found = ea.conditional_mutual_information_estimate(x, y, z.astype(str), 4, **RAW)
    assert found.method == "ksg1"
    assert found.value == pytest.approx(np.average(within, weights=np.bincount(z)), abs=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("beside", [False, True])
def test_intervals_given_classes_hold_the_truth(rho, beside):
    """Nor does a continuous column beside the classes draw the estimate up."""
    truth, held, values = -0.5 * math.log(1 - rho**2), 0, []
    for seed in range(12):
        x, y = pair(seed, 1200, rho)
        rng = np.random.default_rng([seed, 1])
        z, w = rng.integers(0, 4, 1200), rng.standard_normal(1200)
        given = {"z": z.astype(str)} | ({"w": w} if beside else {})
        found = ea.conditional_mutual_information_estimate(
            x + 2 * z + beside * w, y - z + beside * w, pd.DataFrame(given)
        )
        held += found.low <= truth <= found.high
        values.append(found.value)
    assert held >= 9
    assert np.mean(values) == pytest.approx(truth, abs=0.025)


def test_zero_inflated_parts_are_two_parts_each():
    """Y is 0 for 40 % of the rows, whatever X is: I = 0.6 times that of the others."""
    found = []
    for seed in range(6):
        x, y = pair(seed, 1000, 0.9)
        zero = np.random.default_rng([seed, 1]).uniform(size=1000) < 0.4
        found.append(ea.knn_mutual_information(x, np.where(zero, 0, y)))
    truth = -0.3 * math.log(1 - 0.81)
    assert np.mean(found) == pytest.approx(truth, abs=0.03)
    estimate = ea.mutual_information_estimate(x, np.where(zero, 0, y))
    assert estimate.method == "gao"
    assert estimate.notes[0] == "parts are partly discrete"


@pytest.mark.parametrize("method", ["auto", "ksg1", "ksg2", "gao"])
def test_a_constant_part_tells_nothing(method):
    x = np.random.default_rng(0).standard_normal(100)
    for other in (np.full(100, 7.0), ["a"] * 100):
        assert ea.knn_mutual_information(x, other, method=method) == 0
        assert ea.knn_mutual_information(other, x, method=method) == 0
    assert ea.knn_mutual_information(x, np.full(100, 7.0), method=method, **RAW) == 0
    assert ea.knn_conditional_mutual_information(x, np.ones(100), x) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, c: ea.knn_mutual_information(x, x, method="ross"), "got 0 discrete"),
        (lambda x, c: ea.knn_mutual_information(x, c, method="plugin"), "got x continuous"),
        (lambda x, c: ea.knn_mutual_information(c, c, method="ksg1"), "for numbers: got `x` with"),
        (lambda x, c: ea.knn_mutual_information(x, np.arange(40).astype(str)), "class of its own"),
        (lambda x, c: ea.knn_mutual_information(x, c, discrete=["z"]), "`discrete`: .*'z'"),
        (lambda x, c: ea.knn_mutual_information(x, x, period={"z": 1}), "`period`: .*'z'"),
        (lambda x, c: ea.knn_mutual_information(x, x, scale="unit"), "`scale` must be one of"),
        (lambda x, c: ea.knn_mutual_information(x, x, exclude=20), "`exclude` must be an integer"),
        (lambda x, c: ea.knn_mutual_information(x, x, lag=39), "`lag` must be in"),
        (lambda x, c: ea.knn_mutual_information(x, x, lag=[]), "`lag` must name"),
        (lambda x, c: ea.knn_mutual_information(x, x, seed=-1), "`seed` must be"),
        (lambda x, c: ea.knn_transfer_entropy(x, x, 0), "`lag` must be an integer of at least 1"),
    ],
)
def test_options_that_cannot_be(call, message):
    x = np.random.default_rng(0).standard_normal(40)
    with pytest.raises(ValueError, match=message):
        call(x, np.array(["a", "b"] * 20))


# Circles


def test_a_circle_has_no_ends():
    """Directions around north and the wind that follows them: turned, they say the same."""
    rng = np.random.default_rng(0)
    x = rng.vonmises(0, 2, 2000)
    y = x + 0.3 * rng.standard_normal(2000)
    period = 2 * math.pi
    found = ea.knn_mutual_information(x % period, y % period, period=period)
    turned = ea.knn_mutual_information((x + 2) % period, (y - 1) % period, period=period)
    assert turned == pytest.approx(found, rel=1e-9)
    # Between the ends at ±π there is next to no mass: a line is as good.
    assert found == pytest.approx(ea.knn_mutual_information(x, y), abs=0.03)
    degrees = np.degrees(x).round() % 360
    assert ea.mutual_information_estimate(degrees, y, period={"x": 360}).notes[1] == (
        "x: circular, with period 360, spread over steps of 1"
    )


def test_a_circle_against_its_formula():
    rng = np.random.default_rng(0)
    x, y, k = rng.uniform(0, 1, 60), rng.uniform(0, 1, 60), 3
    dx, dy = (np.abs(part[:, None] - part) for part in (x, y))
    dx, dy = np.minimum(dx, 1 - dx), np.minimum(dy, 1 - dy)
    radius = np.sort(np.maximum(dx, dy), 1)[:, k][:, None]
    counts = digamma((dx < radius).sum(1)) + digamma((dy < radius).sum(1))
    expected = digamma(k) + digamma(60) - counts.mean()
    found = ea.knn_mutual_information(x, y, k, period=1)
    assert found == pytest.approx(expected, rel=1e-9)


# Time


def smooth(rng, n, width=10):
    kernel = np.exp(-0.5 * (np.arange(-5 * width, 5 * width + 1) / width) ** 2)
    return np.convolve(rng.standard_normal(n + 10 * width), kernel, "valid")


def test_theilers_window_against_its_formula():
    rng = np.random.default_rng(0)
    x, y, z = (smooth(rng, 150) for _ in range(3))
    i, w, k = np.arange(150), 12, 3
    far = np.abs(i[:, None] - i) > w
    dx, dy, dz = (np.abs(part[:, None] - part) for part in (x, y, z))

    def radius(joint):
        return np.partition(np.where(far, joint, np.inf), k - 1, 1)[:, k - 1, None]

    def within(distance, r):
        return digamma(((distance < r) & far).sum(1) + 1)

    r = radius(np.maximum(dx, dy))
    expected = np.mean(digamma(k) + digamma(far.sum(1) + 1) - within(dx, r) - within(dy, r))
    found = ea.knn_mutual_information(x, y, k, exclude=w, **RAW)
    assert found == pytest.approx(expected, rel=1e-9)
    r = radius(np.maximum(np.maximum(dx, dy), dz))
    expected = digamma(k) - np.mean(
        within(np.maximum(dx, dz), r) + within(np.maximum(dy, dz), r) - within(dz, r)
    )
    found = ea.knn_conditional_mutual_information(x, y, z, k, exclude=w, **RAW)
    assert found == pytest.approx(expected, rel=1e-9)


def test_independent_series_have_no_information():
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, y = smooth(rng, 1500, 3), smooth(rng, 1500, 3)
        found.append(ea.mutual_information_estimate(x, y, exclude=12))
    values = [one.value for one in found]
    assert np.mean(values) == pytest.approx(0, abs=0.06)
    errors = np.mean([one.standard_error for one in found])
    assert 0.6 < errors / np.std(values, ddof=1) < 2.5
    assert not found[0].warnings
    plain = ea.mutual_information_estimate(x, y)
    assert "as in a time series or a sorted table" in plain.warnings[0]
    reach = int(plain.warnings[0].split("exclude=")[1].split(".")[0])
    assert 3 < reach < 30
    assert not ea.mutual_information_estimate(x, y, exclude=reach).warnings


def test_rows_in_no_order_are_not_taken_for_a_series():
    for seed in range(20):
        x, y = pair(seed, 300, 0.5)
        assert not ea.mutual_information_estimate(x, y).warnings


def test_lags():
    x = np.random.default_rng(0).standard_normal(1000)
    y = 0.8 * np.roll(x, 3) + 0.6 * np.random.default_rng(1).standard_normal(1000)
    found = ea.knn_mutual_information(x, y, lag=range(-2, 6))
    assert found.shape == (8,)
    assert np.argmax(found) == 5
    assert found[5] == pytest.approx(-0.5 * math.log(0.36), abs=0.08)
    assert ea.knn_mutual_information(x, y, lag=3) == pytest.approx(found[5], abs=0.02)
    cut = ea.knn_mutual_information(x[:-3], y[3:])
    assert ea.knn_mutual_information(x, y, lag=3) == pytest.approx(cut, rel=1e-12)
    assert ea.knn_mutual_information(x, y, lag=np.int64(0)) == ea.knn_mutual_information(x, y)


def test_transfer_entropy_is_conditional_information():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 400))
    for t in range(2, 400):
        y[t] += 0.5 * y[t - 1] + 0.7 * x[t - 2]
    expected = ea.knn_conditional_mutual_information(
        x[1:-2], y[3:], np.stack([y[2:-1], y[1:-2], y[:-3]], 1)
    )
    assert ea.knn_transfer_entropy(x, y, 2, 3) == pytest.approx(expected, rel=1e-12)
    assert ea.knn_transfer_entropy(x, y, 2, 0) == pytest.approx(
        ea.knn_mutual_information(x, y, lag=2), rel=1e-12
    )
    assert ea.knn_transfer_entropy(x, y, 2) > 0.1
    assert abs(ea.knn_transfer_entropy(y, x, 2)) < 0.06
    assert isinstance(ea.knn_transfer_entropy(torch.from_numpy(x), y), torch.Tensor)


def test_transfer_entropy_of_normal_series():
    """y_t = a y_{t−1} + b x_{t−1} + noise with white x: T = ½ log(1 + b²)."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 4000))
    for t in range(1, 4000):
        y[t] += 0.5 * y[t - 1] + 0.8 * x[t - 1]
    found = ea.transfer_entropy_estimate(x, y)
    assert found.value == pytest.approx(0.5 * math.log(1.64), abs=0.05)


# Many dimensions, many ties


def test_many_dimensions_are_warned_of():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 16))
    y = 0.5 * x + math.sqrt(0.75) * rng.standard_normal((500, 16))
    with pytest.warns(UserWarning, match="rows are few for d=32 dimensions"):
        ea.knn_mutual_information(x, y)
    (warning,) = ea.mutual_information_estimate(x, y).warnings
    assert "of a normal distribution with this covariance" in warning
    assert not ea.mutual_information_estimate(x[:, :2], y[:, :2]).warnings


def test_ties_cost_no_more_than_other_values():
    """They cost n² in a tree whose leaves cannot be split: minutes, for so many."""
    rng = np.random.default_rng(0)
    zeros = np.append(rng.uniform(size=2000), np.zeros(40_000))
    label = rng.integers(0, 2, 42_000)
    start = time.perf_counter()
    with pytest.warns(UserWarning, match="coincide"):
        assert ea.knn_entropy(zeros, resolution=None) == -math.inf
    assert ea.knn_mutual_information(zeros, label, method="gao", **RAW) < 0.1
    assert ea.knn_mutual_information(zeros, label) < 0.1
    two = np.stack([zeros, label], 1)
    ea.knn_mutual_information(two, label, method="gao", **RAW)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("d", [1, 2, 3])
def test_neighbours_among_ties_are_the_nearest(d):
    from entropae.neighbors.tree import by_tree

    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, d)).round(1)
    x[:600] = 0
    points, k = torch.from_numpy(x), 3
    index = by_tree(points, points, k, True, np.inf)
    assert (index != torch.arange(1500)[:, None]).all()
    assert all(len(set(row)) == k for row in index.tolist())
    distance = (points[:, None] - points).abs().amax(2).fill_diagonal_(np.inf)
    expected = distance.topk(k, largest=False).values
    found = torch.gather(distance, 1, index)
    torch.testing.assert_close(found.sort().values, expected.sort().values, rtol=0, atol=0)


def test_numpys_integers_are_integers():
    x, y = pair(0, 100, 0.5)
    assert ea.knn_mutual_information(x, y, np.int64(3)) == ea.knn_mutual_information(x, y)
    assert ea.knn_entropy(x, np.arange(1, 4)) == ea.knn_entropy(x, [1, 2, 3])
    assert ea.gaussian_baseline(np.int64(20), np.int64(2), np.int32(1)).mean > 0


def test_integers_beyond_those_of_float64():
    """Neighbours 1 apart at 2⁶⁰ are 256 apart in float64, or equal."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1000, 1000)
    y = x + rng.integers(0, 100, 1000)
    found = ea.knn_mutual_information(x, y)
    assert ea.knn_mutual_information(x + 2**60, y - 2**61) == pytest.approx(found, rel=1e-9)
    assert ea.knn_entropy(x + 2**60) == pytest.approx(ea.knn_entropy(x), rel=1e-9)
    assert ea.knn_divergence(x + 2**60, y + 2**60) == pytest.approx(
        ea.knn_divergence(x, y), abs=1e-6
    )
