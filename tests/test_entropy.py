"""Entropy against closed forms, exact identities and figures from elsewhere."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import entropae as ea
from entropae.entropy import log_distance

from laws import LAWS


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("d", range(1, 9))
@pytest.mark.parametrize("name", LAWS)
def test_closed_forms(name, d, k):
    law = LAWS[name]
    rng = np.random.default_rng([d, k])
    estimate = ea.knn_entropy(law.sample(rng, 4000, d), k)
    assert estimate == pytest.approx(law.entropy(d), abs=law.tolerance(4000, d, k))


@pytest.mark.parametrize(("d", "published"), [(16, 23.03), (32, 47.65), (64, 99.01)])
def test_values_that_several_libraries_agree_on(d, published):
    """10 000 standard normal points, k = 3; the sample differs by noise of √(d/2n)-size."""
    x = np.random.default_rng(1).standard_normal((10_000, d))
    assert ea.knn_entropy(x, 3) == pytest.approx(
        published, abs=5 * math.sqrt(d / 2 / 10_000) + 0.05
    )


def test_against_a_direct_transcription_of_the_formula():
    from scipy.special import digamma, gamma

    x = np.random.default_rng(0).standard_normal((200, 3))
    distance = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)  # column 0: itself
    for k in (1, 2, 5):
        ball = math.pi**1.5 / gamma(2.5)
        expected = 3 * np.log(distance[:, k]).mean() + math.log(ball) + digamma(200) - digamma(k)
        assert ea.knn_entropy(x, k) == pytest.approx(expected, rel=1e-12)


samples = st.tuples(st.integers(0, 2**31), st.integers(5, 80), st.integers(1, 12)).map(
    lambda t: np.random.default_rng(t[0]).standard_normal((t[1], t[2]))
)
exact = {"rel": 1e-9, "abs": 1e-9}


@settings(deadline=None, max_examples=40)
@given(x=samples, shift=st.floats(-1e3, 1e3), scale=st.floats(1e-6, 1e6), k=st.integers(1, 4))
def test_identities(x, shift, scale, k):
    # Some have as many dimensions as points, of which a warning would say so.
    entropy = partial(ea.knn_entropy, resolution=None, scale=None)
    h, d = entropy(x, k), x.shape[1]
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    assert entropy(x @ rotation, k) == pytest.approx(h, **exact)
    assert entropy(x + shift, k) == pytest.approx(h, rel=1e-6, abs=1e-6)
    assert entropy(x * scale, k) == pytest.approx(h + d * math.log(scale), **exact)
    assert entropy(rng.permutation(x), k) == pytest.approx(h, **exact)
    assert float(entropy(torch.from_numpy(x), k)) == h
    maximum = entropy(x, k, norm="maximum")
    assert entropy(x * scale, k, norm="maximum") == pytest.approx(
        maximum + d * math.log(scale), **exact
    )


def test_one_dimension_is_the_same_in_every_norm():
    x = np.random.default_rng(0).standard_normal(300)
    assert ea.knn_entropy(x) == pytest.approx(ea.knn_entropy(x[:, None], norm="maximum"), rel=1e-12)


@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_gradcheck(norm, floor):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(15, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: ea.knn_entropy(x, 2, norm=norm, floor=floor), x)


def test_gradient_is_orthogonal_to_shifts_and_adds_up_to_d_along_scaling():
    """Ĥ(x + c) = Ĥ(x) and Ĥ(a x) = Ĥ(x) + d log a, differentiated."""
    x = torch.randn(50, 4, dtype=torch.float64, requires_grad=True)
    ea.knn_entropy(x).backward()
    assert x.grad.sum(0).abs().max() < 1e-10
    assert float((x.grad * x.detach()).sum()) == pytest.approx(4)


def test_types_in_types_out():
    x = np.random.default_rng(0).standard_normal((20, 2))
    assert type(ea.knn_entropy(x)) is float
    assert type(ea.knn_entropy(x.tolist())) is float
    h = ea.knn_entropy(torch.from_numpy(x).float())
    assert h.shape == ()
    assert h.dtype == torch.float32


def test_float32_far_from_the_origin():
    """Mean 1e4, standard deviation 1: float32 has a spacing of 1e-3 there, and that is enough."""
    x = np.random.default_rng(0).standard_normal((2000, 8)) + 1e4
    assert ea.knn_entropy(x.astype(np.float32)) == pytest.approx(ea.knn_entropy(x), abs=0.01)


@pytest.mark.filterwarnings("ignore:20% of the rows are there more than once")
def test_duplicates():
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    x[1] = x[0]
    with pytest.warns(UserWarning, match="coincide with their neighbour k=1.*`floor`"):
        assert ea.knn_entropy(x, 1) == -math.inf
    assert math.isfinite(ea.knn_entropy(x, 2))
    assert math.isfinite(ea.knn_entropy(x, 1, floor=1e-3))


def test_integers():
    assert ea.knn_entropy(np.array([0, 1, 3, 7, 12]), 1) == ea.knn_entropy([0.0, 1, 3, 7, 12], 1)
    x = np.random.default_rng(0).integers(0, 3, (50, 1))
    with pytest.warns(
        UserWarning, match="3 values, and is taken as rounded .* the entropy is -inf"
    ):
        found = ea.knn_entropy(x, 1)
    with pytest.warns(UserWarning, match="taken as rounded"):  # as whole numbers that are floats
        assert found == ea.knn_entropy(x.astype(float), 1)
    with pytest.warns(UserWarning, match="takes only 2 values, .* the entropy is -inf"):
        assert ea.knn_entropy(np.minimum(x, 1), 1) == -math.inf


def test_constant_column_is_named():
    x = np.random.default_rng(0).standard_normal((30, 3))
    x[:, 1] = 7
    with pytest.warns(UserWarning, match="Column 1 of `x` is constant"):
        assert ea.knn_entropy(x, 1) == -math.inf


@pytest.mark.parametrize(
    ("x", "k", "message"),
    [
        (np.zeros((4, 2)), 5, r"must be in \[1, 3\]: got k=5 with n=4 points"),
        (np.zeros((4, 2)), 0, "got k=0"),
        (np.zeros((1, 2)), 1, "n=1 points"),
        (np.array([1.0, np.nan]), 1, "NaN or inf in 1 of 2 rows, the first in row 1"),
        (np.empty((0, 2)), 1, "empty"),
    ],
)
def test_bad_input(x, k, message):
    with pytest.raises(ValueError, match=message):
        ea.knn_entropy(x, k)


@pytest.mark.parametrize("floor", [-1.0, math.nan, math.inf])
def test_bad_floor(floor):
    with pytest.raises(ValueError, match="floor"):
        ea.knn_entropy(np.arange(4.0), 1, floor=floor)


def test_log_distance_joins_its_tangent_smoothly():
    e = torch.tensor([0.0, 0.5 - 1e-9, 0.5 + 1e-9, 2.0], dtype=torch.float64, requires_grad=True)
    value = log_distance(e, 0.5)
    value.sum().backward()
    assert value.tolist() == pytest.approx([math.log(0.5) - 1, *[math.log(0.5)] * 2, math.log(2)])
    assert e.grad.tolist() == pytest.approx([2.0, 2.0, 2.0, 0.5])


def test_coincident_codes_are_driven_apart():
    """A collapsed batch has a gradient, and ascending it raises the entropy without bound."""
    x = torch.zeros(32, 4, requires_grad=True)
    optimizer = torch.optim.SGD([x], 1e-2, maximize=True)
    entropies = []
    for _ in range(50):
        optimizer.zero_grad()
        h = ea.knn_entropy(x, 1, floor=1e-2)
        h.backward()
        optimizer.step()
        entropies.append(h.item())
    assert entropies[-1] > entropies[0] + 4
    assert ea.knn_entropy(x.detach(), 1) > -math.inf


def test_gaussian_entropy():
    assert ea.gaussian_entropy(1) == pytest.approx(0.5 * math.log(2 * math.pi * math.e))
    assert ea.gaussian_entropy(16) == pytest.approx(22.70, abs=0.005)


@pytest.mark.parametrize(("d", "expected"), [(16, 23.73), (64, 102.26)])
def test_gaussian_baseline_shows_the_bias(d, expected):
    """Values of an independent trial, n = 100, k = 1, to its noise."""
    baseline = ea.gaussian_baseline(100, d, 1)
    assert baseline.mean == pytest.approx(expected, abs=4 * baseline.std / math.sqrt(8))
    assert baseline.mean > ea.gaussian_entropy(d) + 3 * baseline.std / math.sqrt(64)


def test_gaussian_baseline_is_cached_and_checked():
    assert ea.gaussian_baseline(50, 2, 1) is ea.gaussian_baseline(50, 2, 1)
    with pytest.raises(ValueError, match="got k=50"):
        ea.gaussian_baseline(50, 2, 50)
    with pytest.raises(ValueError, match="repeats"):
        ea.gaussian_baseline(50, 2, 1, repeats=1)


def test_a_shell_outscores_a_gaussian_in_a_small_batch():
    """The trap that anchoring is for: codes on a sphere seem to have more entropy than N(0, I)."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(64, 100, 16, generator=rng)
    sphere = torch.nn.functional.normalize(x, dim=2) * 4
    shell, normal = (torch.stack([ea.knn_entropy(z, 1) for z in s]).mean() for s in (sphere, x))
    assert shell > normal + 0.3


@pytest.mark.parametrize("columns", ["dead", "twice", "constant"])
def test_a_loss_of_codes_without_a_density_says_floor(columns):
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    x = {"dead": x * torch.tensor([1.0, 0.0]), "twice": x[:, :1].repeat(1, 2), "constant": 0 * x}
    codes = x[columns].requires_grad_()
    with pytest.warns(UserWarning, match="As a loss, give a `floor`"):
        entropy = ea.knn_entropy(codes)
    entropy.backward()
    assert entropy == -math.inf
    assert codes.grad.isnan().any()
    codes.grad = None
    ea.knn_entropy(codes, floor=1e-2).backward()
    assert codes.grad.isfinite().all()
    with pytest.warns(UserWarning, match="no density"):
        ea.knn_renyi_entropy(codes, 2.0).backward()


@pytest.mark.parametrize("n", [4, 5, 8, 12])
def test_few_points_are_told_of_methods_that_take_so_few(n):
    x = np.random.default_rng(0).standard_normal((n, 2))
    for said in ea.entropy_estimate(x).warnings:
        if 'method="calibrated"' in said:
            assert math.isfinite(ea.entropy_estimate(x, method="calibrated").value)
            assert n > 8
