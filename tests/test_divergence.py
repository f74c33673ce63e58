"""Divergences of which the neighbours' bias is taken away, against closed forms."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import torch
from scipy.special import digamma, gammaln

import entropae as ea
from entropae.cli import main
from entropae.information.references import choose_references, compare, corrected

METHODS = ("calibrated", "copula", "ica", "mixture")
MANY = "points are few for d="


def between_normals(x_mean, x_cov, y_mean, y_cov):
    inverse, gap = np.linalg.inv(y_cov), np.subtract(y_mean, x_mean)
    logs = np.linalg.slogdet(y_cov)[1] - np.linalg.slogdet(x_cov)[1]
    return 0.5 * (logs + np.trace(inverse @ x_cov) + gap @ inverse @ gap - len(gap))


def between_gammas(a, b, d):
    return d * ((a - b) * digamma(a) - gammaln(a) + gammaln(b))


@pytest.mark.parametrize(("scale", "shift"), [(1.4, 0.0), (0.7, 0.0), (1.0, 1.0), (1.0, 0.0)])
def test_normals_in_many_dimensions(scale, shift):
    d, n = 12, 2000
    rng = np.random.default_rng(3)
    mean = np.eye(d)[0] * shift
    x, y = scale * rng.standard_normal((n, d)) + mean, rng.standard_normal((n, d))
    truth = between_normals(mean, scale**2 * np.eye(d), np.zeros(d), np.eye(d))
    for method in ("calibrated", "auto"):
        assert ea.knn_divergence(x, y, method=method) == pytest.approx(truth, abs=0.2)


def test_neighbours_alone_are_off_there_and_say_so():
    rng = np.random.default_rng(3)
    x, y = 1.4 * rng.standard_normal((2000, 12)), rng.standard_normal((2000, 12))
    truth = 12 * (0.98 - 0.5 - math.log(1.4))
    with pytest.warns(UserWarning, match=MANY) as warned:
        assert ea.knn_divergence(x, y) < truth - 1.5
    assert 'Use method="auto".' in str(warned[0].message)
    found = ea.divergence_estimate(x, y, method="knn")
    assert MANY in found.warnings[0]
    # What it advises:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ea.knn_divergence(x, y, method="auto") == pytest.approx(truth, abs=0.3)


def test_no_warning_where_neighbours_are_right():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 2))
    y = rng.standard_normal((1000, 2)) + np.eye(2)[0]
    found = ea.divergence_estimate(x, y)
    assert found.method == "knn"
    assert found.warnings == ()
    assert found.bias == 0
    assert found.value == pytest.approx(ea.knn_divergence(x, y), rel=1e-12)
    assert found.value == ea.knn_divergence(x, y, method="auto")


@pytest.mark.parametrize("method", ["copula", "ica"])
def test_skewed_columns_and_sums_of_them(method):
    d, n = 8, 2000
    rng = np.random.default_rng(1)
    turn = np.eye(d) if method == "copula" else np.linalg.qr(rng.standard_normal((d, d)))[0]
    x, y = rng.gamma(1, size=(n, d)) @ turn, rng.gamma(2, size=(n, d)) @ turn
    truth = between_gammas(1, 2, d)
    first = (torch.from_numpy(x), torch.from_numpy(y))
    assert choose_references(compare(*first)) == method
    found = corrected(*first, 3, "euclidean", method)
    assert abs(found.value - truth) < 0.3 * abs(found.value + found.bias - truth)


def test_calibrated_does_not_see_linear_maps_of_both():
    """A divergence is the same in any basis; rotations change rounding alone."""
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((400, 5)) + 0.5, rng.standard_normal((300, 5))
    matrix, shift = rng.standard_normal((5, 5)), rng.standard_normal(5)
    options = {"method": "calibrated", "resolution": None}
    plain = ea.knn_divergence(x, y, **options)
    mapped = ea.knn_divergence(x @ matrix + shift, y @ matrix + shift, **options)
    # References are drawn by triangular factors, so their samples differ by chance.
    assert mapped == pytest.approx(plain, abs=0.1)


def test_standard_error_is_the_spread_over_samples():
    rng = np.random.default_rng(5)
    pairs = [(rng.standard_normal((200, 4)) + 0.3, rng.standard_normal((200, 4))) for _ in range(9)]
    found = [ea.divergence_estimate(*pair, method="calibrated") for pair in pairs]
    spread = np.std([one.value for one in found], ddof=1)
    # The jackknife of neighbours errs on the large side.
    assert 0.5 * spread < np.mean([one.standard_error for one in found]) < 3 * spread


@pytest.mark.parametrize("method", METHODS)
def test_tensors_and_floats(method):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 4, generator=generator) + 1
    y = torch.randn(200, 4, generator=generator)
    found = ea.knn_divergence(x.requires_grad_(), y, method=method)
    assert isinstance(found, torch.Tensor)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert float(found) == pytest.approx(2.0, abs=0.8)


def test_rounded_values_are_spread():
    rng = np.random.default_rng(6)
    x, y = 1.4 * rng.standard_normal((1500, 6)), rng.standard_normal((1500, 6))
    fine = ea.knn_divergence(x, y, method="calibrated")
    coarse = ea.knn_divergence(x.round(1), y.round(1), method="calibrated")
    assert coarse == pytest.approx(fine, abs=0.1)


def test_a_vague_reference_is_named():
    rng = np.random.default_rng(7)
    x, y = rng.gamma(1, size=(1000, 6)), rng.gamma(2, size=(1000, 6))
    (warning,) = ea.divergence_estimate(x, y, method="calibrated").warnings
    assert 'references of the kind "copula"' in warning
    assert warning.endswith('Use method="auto".')


def test_what_is_refused():
    rng = np.random.default_rng(8)
    x, y = rng.standard_normal((20, 30)), rng.standard_normal((40, 30))
    with pytest.raises(ValueError, match="`x` must have more points than dimensions"):
        ea.knn_divergence(x, y, method="calibrated")
    with pytest.raises(ValueError, match="`floor` must be 0"):
        ea.knn_divergence(x, y, method="auto", floor=0.1)
    with pytest.raises(ValueError, match="`method` must be one of"):
        ea.knn_divergence(x, y, method="nope")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 10 points"):
        ea.divergence_estimate(x[:5], y)
    with pytest.raises(ValueError, match="`confidence`"):
        ea.divergence_estimate(x, y, confidence=2)


def test_infinite_divergences_stay_infinite():
    rng = np.random.default_rng(9)
    x, y = rng.standard_normal((100, 4)), rng.standard_normal((100, 4))
    x[:, 2] = 0
    found = ea.divergence_estimate(x, y)
    assert found.value == math.inf
    assert "Column 2 is constant" in found.warnings[0]
    assert math.isnan(found.standard_error)


def test_the_command(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, scale in (("a", 1.4), ("b", 1.0)):
        table = scale * rng.standard_normal((1000, 8))
        header = ",".join(f"c{i}" for i in range(8))
        np.savetxt(tmp_path / f"{name}.csv", table, delimiter=",", header=header, comments="")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert main(["divergence", *files]) == 0
    said = capsys.readouterr().out
    assert "method calibrated." in said
    assert "both samples are near to normal distributions" in said
    assert main(["divergence", *files, "--method", "knn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "knn"
    assert MANY in found["warnings"][0]
    assert main(["divergence", *files, "--method", "auto", "--bits", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    truth = 8 * (0.98 - 0.5 - math.log(1.4)) / math.log(2)
    assert found["value"] == pytest.approx(truth, abs=0.35)
