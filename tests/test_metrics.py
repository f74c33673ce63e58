"""Distances against closed forms and scipy; normality of normal and of other codes."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scipy.linalg
import torch

import entropae as ea
from entropae.metrics import kernel_distance, normality
from entropae.metrics.sliced import sliced_wasserstein


def test_frechet_against_scipy():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 7)) @ rng.standard_normal((7, 7))
    y = rng.standard_normal((300, 7)) @ rng.standard_normal((7, 7)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(a @ b).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert ea.frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_frechet_identities():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 100, 5))
    assert ea.frechet_distance(x, x) == pytest.approx(0, abs=1e-8)
    assert ea.frechet_distance(x, y) == pytest.approx(ea.frechet_distance(y, x), rel=1e-9)
    assert ea.frechet_distance(x, x + 2) == pytest.approx(4 * 5, rel=1e-9)
    centred = x - x.mean(0)
    scaled = ea.frechet_distance(centred, 3 * centred)
    assert scaled == pytest.approx(4 * np.trace(np.cov(x.T)), rel=1e-9)


def test_frechet_at_scales_whose_squares_are_no_numbers():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((60, 3))
    distance = ea.frechet_distance(x, y)
    assert ea.frechet_distance(x * 2.0**500, y * 2.0**500) == pytest.approx(distance * 2.0**1000)
    assert ea.frechet_distance(x * 2.0**-500, y * 2.0**-500) == pytest.approx(
        distance * 2.0**-1000, abs=0
    )


def test_frechet_with_fewer_samples_than_features_is_finite_and_warns():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="n=10 samples in f=50 features"):
        found = ea.frechet_distance(rng.standard_normal((10, 50)), rng.standard_normal((12, 50)))
    assert 0 < found < 1e3


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), "equal dimensions: got 2, 3"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "at least 2"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "`x` must be finite"),
    ],
)
def test_frechet_bad_input(x, y, message):
    with pytest.raises(ValueError, match=message):
        ea.frechet_distance(x, y)


def test_kernel_distance_against_its_sum():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), rng.standard_normal((12, 3)) + 0.5

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    n = range(12)
    own = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i in n for j in n if i != j) / 132
    cross = sum(kernel(x[i], y[j]) for i in n for j in n) / 144
    found = ea.metrics.kernel_distance(x, y, subsets=3)
    assert found.mean == pytest.approx(own - 2 * cross, rel=1e-9)
    assert found.std == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_unbiased_at_small_samples():
    rng = np.random.default_rng(0)
    values = [
        ea.metrics.kernel_distance(*rng.standard_normal((2, 30, 8)), subsets=1).mean
        for _ in range(300)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


def test_fidelity_against_its_definition():
    rng = np.random.default_rng(0)
    real, samples = rng.standard_normal((60, 2)), rng.standard_normal((50, 2)) * 1.4
    between = np.linalg.norm(real[:, None] - samples[None], axis=2)
    reach = [
        np.sort(np.linalg.norm(z[:, None] - z[None], axis=2), axis=1)[:, 3] for z in (real, samples)
    ]
    found = ea.metrics.precision_recall_density_coverage(real, samples, k=3)
    assert found.precision == pytest.approx((between < reach[0][:, None]).any(0).mean())
    assert found.recall == pytest.approx((between < reach[1][None]).any(1).mean())
    assert found.density == pytest.approx((between < reach[0][:, None]).sum(0).mean() / 3)
    assert found.coverage == pytest.approx((between.min(1) < reach[0]).mean())


def test_fidelity_tells_quality_from_diversity():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((800, 4))
    collapsed = ea.metrics.precision_recall_density_coverage(
        real, 0.1 * rng.standard_normal((800, 4))
    )
    assert collapsed.precision > 0.95
    assert collapsed.recall < 0.05
    scattered = ea.metrics.precision_recall_density_coverage(
        real, 4 * rng.standard_normal((800, 4))
    )
    assert scattered.precision < 0.4
    assert scattered.coverage < collapsed.precision


def test_normal_codes_are_found_normal():
    z = torch.randn(4000, 16, generator=torch.Generator().manual_seed(0))
    found = ea.normality(z)
    assert found.mean < 0.06
    assert found.variance == pytest.approx((1, 1), abs=0.1)
    assert found.correlation == pytest.approx(1 / np.sqrt(4000), rel=0.2)
    assert abs(found.kurtosis) < 0.05
    assert found.norm_spread == pytest.approx(found.norm_spread_normal, abs=0.03)
    assert found.entropy == pytest.approx(found.entropy_normal, abs=0.01)


def test_expected_norm_spread_of_a_normal_law():
    z = torch.randn(200_000, 32, generator=torch.Generator().manual_seed(0))
    expected = ea.normality(z[:100]).norm_spread_normal
    assert expected == pytest.approx(z.norm(dim=1).std().item(), abs=5e-3)
    assert expected == pytest.approx(0.71, abs=0.01)


def test_what_is_wrong_shows():
    normal = torch.randn(2000, 16, generator=torch.Generator().manual_seed(0))
    shell = 4 * torch.nn.functional.normalize(normal, dim=1)
    assert ea.normality(shell).norm_spread < 0.01
    uniform = torch.rand(2000, 16) * 12**0.5 - 3**0.5
    assert ea.normality(uniform).kurtosis == pytest.approx(-1.2, abs=0.05)
    twin = normal.clone()
    twin[:, 1] = twin[:, 0]
    with pytest.warns(UserWarning, match="Columns 0, 1 of `x` are linearly dependent"):
        found = ea.normality(twin)
    assert found.correlation > 0.08
    assert found.entropy == -np.inf
    assert ea.normality(normal + 1).mean > 0.9


def test_codes_of_repeated_samples_count_once():
    """As for short sentences: the entropy is of the codes that differ, and nobody is warned."""
    once = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    found = ea.normality(torch.cat([once, once[:50], once[:50], once[:50]]))
    assert found.entropy == pytest.approx(float(ea.knn_entropy(once.double(), 3)) / 3)
    assert found.entropy_normal == ea.gaussian_baseline(200, 3, 3).mean / 3
    assert ea.normality(once[:2].repeat(50, 1)).entropy == -np.inf
    with pytest.raises(ValueError, match="k"):
        ea.normality(once[:3])


def test_large_samples_are_thinned_for_the_entropy_only():
    z = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0))
    found = ea.normality(z, limit=500)
    assert found.entropy_normal == ea.gaussian_baseline(500, 4, 3).mean / 4


def test_sliced_wasserstein_of_normal_laws():
    """W₂ between N(m, s² I) and N(0, I), projected on u: (m·u)² + (s − 1)²."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(5000, 4, generator=generator)
    mean = torch.tensor([1.0, 0, 0, 0])
    found = sliced_wasserstein(1.5 * z + mean, slices=4000)
    assert found == pytest.approx(math.sqrt(1 / 4 + 0.25), rel=0.02)
    assert sliced_wasserstein(z) < 0.05
    exact = torch.special.ndtri((torch.arange(1000.0) + 0.5) / 1000)[:, None]
    assert sliced_wasserstein(exact) == pytest.approx(0, abs=1e-6)


def test_numbers_of_slices_and_subsets_are_whole():
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    for slices in (0, 2.5, "9"):
        with pytest.raises(ValueError, match="`slices` must be a whole number of at least 1"):
            sliced_wasserstein(x, slices=slices)
    for asked in ({"subsets": 0}, {"subsets": 2.5}, {"size": 1}, {"seed": -1}):
        with pytest.raises(ValueError, match=f"`{next(iter(asked))}` must be a whole number"):
            kernel_distance(x, x + 1, **asked)


@pytest.mark.filterwarnings("ignore:.*nested tensors is in prototype")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_told_how_to_become_samples(layout):
    parts = [torch.randn(30, 2), torch.randn(40, 2)]
    x = torch.nested.nested_tensor(parts, layout=layout)
    for of in (normality, lambda x: kernel_distance(x, x), sliced_wasserstein):
        with pytest.raises(ValueError, match="must be one tensor, and not nested") as error:
            of(x)
    said = re.search(r"`(torch.cat\(x.unbind\(\)\))`", str(error.value))
    assert said
    assert torch.equal(eval(said[1], {"torch": torch, "x": x}), torch.cat(parts))
