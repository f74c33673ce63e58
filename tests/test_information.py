"""Divergence and mutual information against closed forms, identities and direct transcriptions."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import digamma, entr

import entropae as ea

METHODS = ("ksg1", "ksg2", "gao")
# Numbers as they are, as other packages and the papers' formulas take them.
RAW = {"resolution": None, "scale": None}


# Closed forms


def normal(rng, n, mean, covariance):
    return rng.multivariate_normal(mean, covariance, n, method="cholesky")


def normal_divergence(mean_p, cov_p, mean_q, cov_q):
    inverse, shift = np.linalg.inv(cov_q), mean_q - mean_p
    trace = np.trace(inverse @ cov_p) + shift @ inverse @ shift - len(mean_p)
    return 0.5 * (trace + np.linalg.slogdet(cov_q)[1] - np.linalg.slogdet(cov_p)[1])


def covariance(rng, d):
    """Eigenvalues between 1 and 2 in a random basis."""
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return basis * rng.uniform(1, 2, d) @ basis.T


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(("d", "bias"), [(1, 0.02), (2, 0.03), (5, 0.15)])
def test_divergence_of_normals(d, bias, k):
    rng = np.random.default_rng([d, k])
    p = np.zeros(d), covariance(rng, d)
    q = rng.uniform(-0.5, 0.5, d), 1.5 * covariance(rng, d)
    n, m = 4000, 6000
    estimate = ea.knn_divergence(normal(rng, n, *p), normal(rng, m, *q), k)
    noise = 4 * math.sqrt(2 * d / (k * n))
    assert estimate == pytest.approx(normal_divergence(*p, *q), abs=bias + noise)


@pytest.mark.parametrize(("n", "m"), [(500, 4000), (4000, 500), (2000, 2000)])
def test_divergence_of_equal_laws_is_0_for_any_sizes(n, m):
    estimates = []
    for seed in range(10):
        rng = np.random.default_rng([seed, n])
        estimates.append(
            ea.knn_divergence(rng.standard_normal((n, 2)), rng.standard_normal((m, 2)))
        )
    assert np.mean(estimates) == pytest.approx(0, abs=4 * np.std(estimates) / math.sqrt(9))
    assert min(estimates) < 0 < max(estimates)


def test_divergence_is_not_symmetric():
    """KL of N(0, 1) from N(0, 4) is log 2 − 3/8, the other way 3/2 − log 2.

    The other way the tails of P lie beyond the points of Q: the estimate is low, as documented.
    """
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(5000), 2 * rng.standard_normal(5000)
    assert ea.knn_divergence(x, y) == pytest.approx(math.log(2) - 3 / 8, abs=0.08)
    assert ea.knn_divergence(y, x) == pytest.approx(0.60, abs=0.12)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_cross_entropy_of_normals(d):
    rng = np.random.default_rng(d)
    x, y = rng.standard_normal((3000, d)), 1.5 * rng.standard_normal((5000, d)) + 0.5
    distance = d * (1 + 0.25) / 1.5**2
    truth = 0.5 * (d * math.log(2 * math.pi * 1.5**2) + distance)
    assert ea.knn_cross_entropy(x, y) == pytest.approx(
        truth, abs=0.02 * d + 4 * math.sqrt(d / 3000)
    )


@pytest.mark.long
def test_cross_entropy_is_unbiased_at_every_size_of_a_uniform_law():
    """The constants alone, where the density is flat: −log q = 0 in the middle of [0, 1]."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.45, 0.55, (200, 1))
    for m in (50, 100):
        values = [ea.knn_cross_entropy(x, rng.uniform(0, 1, m), 2) for _ in range(400)]
        assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / 20)


def pair(rng, n, r):
    x, noise = rng.standard_normal((2, n))
    return x, r * x + math.sqrt(1 - r**2) * noise


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("r", "truth"), [(0.0, 0.0), (0.6, 0.2231), (0.9, 0.8304), (-0.9, 0.8304)])
def test_mutual_information_of_normals(r, truth, method):
    estimates = [
        ea.knn_mutual_information(*pair(np.random.default_rng(s), 1000, r), method=method)
        for s in range(10)
    ]
    assert np.mean(estimates) == pytest.approx(truth, abs=0.01 + 4 * np.std(estimates) / 3)


@pytest.mark.parametrize("method", METHODS)
def test_mutual_information_of_independent_parts_is_not_clipped(method):
    rng = np.random.default_rng(0)
    estimates = [
        ea.knn_mutual_information(
            rng.standard_normal((200, 2)), rng.uniform(size=200), 3, method=method
        )
        for _ in range(20)
    ]
    assert min(estimates) < 0
    assert np.mean(estimates) == pytest.approx(0, abs=0.03)


def test_mutual_information_of_vectors():
    """Two pairs of coordinates, each correlated: their information adds up."""
    rng = np.random.default_rng(0)
    (a, b), (c, d) = pair(rng, 4000, 0.6), pair(rng, 4000, 0.5)
    truth = -0.5 * (math.log(1 - 0.36) + math.log(1 - 0.25))
    estimate = ea.knn_mutual_information(np.stack([a, c], 1), np.stack([b, d], 1))
    assert estimate == pytest.approx(truth, abs=0.08)


@pytest.mark.parametrize("m", [2, 5])
def test_mixture_of_discrete_and_continuous(m):
    """X uniform on {0, …, m − 1}, Y uniform on [X, X + 2]: I = log m − (m − 1) log 2 / m."""
    rng = np.random.default_rng(m)
    x = rng.integers(0, m, 4000)
    y = rng.uniform(x, x + 2)
    truth = math.log(m) - (m - 1) * math.log(2) / m
    assert ea.knn_mutual_information(x, y, 5, method="gao") == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("p", [0.0, 0.4])
def test_zero_inflated_counts(p):
    """X ~ Exp(1); Y = 0 with probability p, else Poisson(X): I = H(Y) − ∫ H(Y | x) e^−x dx."""
    rng = np.random.default_rng(1)
    x = rng.exponential(size=4000)
    y = rng.poisson(x) * (rng.uniform(size=4000) >= p)
    nodes, weights = np.polynomial.laguerre.laggauss(60)
    count = np.arange(150)
    given = (1 - p) * stats.poisson.pmf(count, nodes[:, None]) + p * (count == 0)
    truth = entr(weights @ given).sum() - weights @ entr(given).sum(1)
    estimate = ea.knn_mutual_information(x, y, 5, method="gao")
    assert estimate == pytest.approx(truth, abs=0.04)


@pytest.mark.parametrize("p", [0.0, 0.15, 0.4])
def test_zero_inflated_counts_whose_zeros_are_known(p):
    """The published value (1 − p) (2 log 2 − γ − Σ_j 2^−j log j), Gao et al. 2017, experiment IV.

    It is exact where a zero is known to be of the inflation or of the law of Poisson; from Y alone,
    as in the test above, information is less but for p = 0.
    """
    rng = np.random.default_rng(2)
    x = rng.exponential(size=4000)
    inflated = rng.uniform(size=4000) < p
    y = np.stack([np.where(inflated, 0, rng.poisson(x)), inflated], 1)
    j = np.arange(1, 100)
    truth = (1 - p) * (2 * math.log(2) - np.euler_gamma - (np.log(j) / 2.0**j).sum())
    assert truth == pytest.approx((1 - p) * 0.3012, abs=1e-4)
    estimate = ea.knn_mutual_information(x, y, 5, method="gao")
    assert estimate == pytest.approx(truth, abs=0.04)


def test_half_continuous_half_discrete():
    """Gao et al. 2017, experiment I: a normal law, ρ = 0.9, or four points, equal with 0.9.

    Which half a pair is of shows in either part, so that I = log 2 + ½ (I_normal + I_points). It
    is reached slowly: normal values near to those of the points have many neighbours in one part.
    """
    of_points = math.log(2) - entr([0.9, 0.1]).sum()
    truth = math.log(2) + 0.5 * (-0.5 * math.log(1 - 0.81) + of_points)
    errors = []
    for n in (1000, 16_000):
        rng = np.random.default_rng(0)
        x, y = pair(rng, n, 0.9)
        points = rng.choice([-1.0, 1.0], n)
        other = np.where(rng.uniform(size=n) < 0.9, points, -points)
        half = rng.uniform(size=n) < 0.5
        x, y = np.where(half, points, x), np.where(half, other, y)
        errors.append(abs(ea.knn_mutual_information(x, y, 5, method="gao") - truth))
    assert errors[1] < min(0.13, 0.7 * errors[0])


def test_copies_of_a_mixed_law_add_up():
    """Gao et al. 2017, experiment III: two independent copies of the mixed law above, m = 5."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (6000, 2))
    y = rng.uniform(x, x + 2)
    truth = 2 * (math.log(5) - 0.8 * math.log(2))
    assert ea.knn_mutual_information(x, y, 5, method="gao") == pytest.approx(truth, abs=0.12)


def test_discrete_parts_give_the_plug_in_value():
    """A joint table with every count large: Σ p log(p / (p_x p_y))."""
    table = np.array([[400, 100], [200, 300]])
    x, y = (np.repeat(index.ravel(), table.ravel()) for index in np.indices(table.shape))
    p = table / table.sum()
    truth = (p * np.log(p / p.sum(0) / p.sum(1, keepdims=True))).sum()
    assert ea.knn_mutual_information(x, y, 5, method="gao") == pytest.approx(truth, abs=0.01)


def test_conditional_mutual_information_of_a_chain_is_0():
    rng = np.random.default_rng(0)
    x, noise, more = rng.standard_normal((3, 3000))
    z = x + noise
    y = z + more
    assert ea.knn_mutual_information(x, y) > 0.1
    assert ea.knn_conditional_mutual_information(x, y, z) == pytest.approx(0, abs=0.05)


def test_conditional_mutual_information_of_normals():
    """The partial correlation r of x and y given z: −½ log(1 − r²)."""
    rng = np.random.default_rng(0)
    cov = np.array([[1, 0.7, 0.5], [0.7, 1, 0.3], [0.5, 0.3, 1]])
    x, y, z = normal(rng, 5000, np.zeros(3), cov).T
    r = (0.7 - 0.5 * 0.3) / math.sqrt((1 - 0.25) * (1 - 0.09))
    estimate = ea.knn_conditional_mutual_information(x, y, z)
    assert estimate == pytest.approx(-0.5 * math.log(1 - r**2), abs=0.05)


def test_what_is_explained_away():
    """Independent x and y, dependent once their noisy sum is known: I(X; Y | Z) = ½ log(4/3)."""
    x, y, noise = np.random.default_rng(0).standard_normal((3, 5000))
    assert ea.knn_mutual_information(x, y) == pytest.approx(0, abs=0.04)
    estimate = ea.knn_conditional_mutual_information(x, y, x + y + noise)
    assert estimate == pytest.approx(0.5 * math.log(4 / 3), abs=0.05)


def test_total_correlation_of_normals():
    cov = np.array([[1, 0.7, 0.5], [0.7, 1, 0.3], [0.5, 0.3, 1]])
    x = normal(np.random.default_rng(0), 5000, np.zeros(3), cov)
    truth = -0.5 * np.linalg.slogdet(cov)[1]
    assert ea.knn_total_correlation(x) == pytest.approx(truth, abs=0.06)


# Direct transcriptions


def distances(x):
    """Maximum norm; no point is its own neighbour."""
    d = np.abs(x[:, None] - x[None]).max(2)
    np.fill_diagonal(d, np.inf)
    return d


@pytest.fixture(scope="module")
def parts():
    """One part is rounded, to what is exact in binary: it has ties, the joint sample has none."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 2)), rng.standard_normal((60, 1))
    y += x[:, :1]
    z = np.round(4 * (x + rng.standard_normal((60, 2)))) / 4
    return x, y, z


@pytest.mark.parametrize("k", [1, 3, 7])
def test_mutual_information_is_what_is_published(parts, k):
    x, y, _ = parts
    n = 60
    dx, dy = distances(x), distances(y)
    joint = np.maximum(dx, dy)
    ksg1 = ksg2 = 0.0
    for i in range(n):
        near = np.argsort(joint[i])[:k]
        eps, eps_x, eps_y = joint[i, near[-1]], dx[i, near].max(), dy[i, near].max()
        ksg1 -= digamma((dx[i] < eps).sum() + 1) + digamma((dy[i] < eps).sum() + 1)
        ksg2 -= digamma((dx[i] <= eps_x).sum()) + digamma((dy[i] <= eps_y).sum())
    expected = {
        "ksg1": digamma(k) + digamma(n) + ksg1 / n,
        "ksg2": digamma(k) - 1 / k + digamma(n) + ksg2 / n,
        "gao": digamma(k) + math.log(n) + ksg1 / n,
    }
    for method, value in expected.items():
        estimate = ea.knn_mutual_information(x, y, k, method=method, **RAW)
        assert estimate == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_gao_with_ties_is_what_is_published():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (60, 1)) / 10
    y = np.where(rng.uniform(size=(60, 1)) < 0.5, x, rng.uniform(size=(60, 1)))
    dx, dy = distances(x), distances(y)
    joint, k = np.maximum(dx, dy), 3
    value = 0.0
    for i in range(60):
        rho = np.sort(joint[i])[k - 1]
        value += digamma((joint[i] == 0).sum() + 1 if rho == 0 else k) + math.log(60)
        for d in (dx[i], dy[i]):
            value -= digamma(((d == 0) if rho == 0 else (d < rho)).sum() + 1)
    assert (np.sort(joint, 1)[:, k - 1] == 0).any()
    estimate = ea.knn_mutual_information(x, y, k, method="gao", **RAW)
    assert estimate == pytest.approx(value / 60, rel=1e-12)


def test_strictly_nearer_than_0_is_nothing():
    """All pairs coincide k times, so that every count of the first estimator is 0."""
    x = np.arange(12) // 4 / 10
    with pytest.warns(UserWarning, match="12 of 12"):
        estimate = ea.knn_mutual_information(x, x, **RAW)
    assert estimate == pytest.approx(digamma(3) + digamma(12) - 2 * digamma(1), rel=1e-12)


@pytest.mark.parametrize("k", [1, 4])
def test_conditional_mutual_information_is_what_is_published(parts, k):
    """With h_N = −Σ_{j≤N} 1/j as in the paper: ⟨h_xz + h_yz − h_z⟩ − h_{k−1}."""
    dx, dy, dz = map(distances, parts)
    h = lambda number: -sum(1 / j for j in range(1, number + 1))  # noqa: E731
    value = 0.0
    for i in range(60):
        eps = np.sort(np.maximum(np.maximum(dx, dy), dz)[i])[k - 1]
        value += h((np.maximum(dx, dz)[i] < eps).sum()) + h((np.maximum(dy, dz)[i] < eps).sum())
        value -= h((dz[i] < eps).sum())
    estimate = ea.knn_conditional_mutual_information(*parts, k, **RAW)
    assert estimate == pytest.approx(value / 60 - h(k - 1), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("k", [1, 4])
def test_total_correlation_is_what_is_published(parts, k):
    x = np.hstack(parts)
    joint = distances(x)
    value = 0.0
    for i in range(60):
        eps = np.sort(joint[i])[k - 1]
        value += sum(digamma((distances(x[:, [c]])[i] < eps).sum() + 1) for c in range(5))
    expected = digamma(k) + 4 * digamma(60) - value / 60
    assert ea.knn_total_correlation(x, k, **RAW) == pytest.approx(expected, rel=1e-12)


def test_divergence_is_what_is_published():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((80, 3)) + 0.5
    rho = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), 1)  # column 0: itself
    nu = np.sort(np.linalg.norm(x[:, None] - y[None], axis=2), 1)
    for k in (1, 4):
        expected = 3 * np.log(nu[:, k - 1] / rho[:, k]).mean() + math.log(80 / 49)
        assert ea.knn_divergence(x, y, k, **RAW) == pytest.approx(expected, rel=1e-12)


# Identities

exact = {"rel": 1e-9, "abs": 1e-9}
two_samples = st.tuples(
    st.integers(0, 2**31), st.integers(6, 40), st.integers(6, 40), st.integers(1, 6)
).map(
    lambda t: tuple(
        np.random.default_rng([t[0], part]).standard_normal((t[1 + part], t[3])) for part in (0, 1)
    )
)


@settings(deadline=None, max_examples=30)
@given(samples=two_samples, scale=st.floats(1e-4, 1e4), k=st.integers(1, 4))
def test_identities_of_the_divergence(samples, scale, k):
    x, y = samples
    d = x.shape[1]
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    divergence, cross = ea.knn_divergence(x, y, k, **RAW), ea.knn_cross_entropy(x, y, k, **RAW)
    for change in (lambda z: z @ rotation, lambda z: z * scale, lambda z: z + 5, rng.permutation):
        assert ea.knn_divergence(change(x), change(y), k, **RAW) == pytest.approx(
            divergence, **exact
        )
    scaled = ea.knn_cross_entropy(x * scale, y * scale, k, **RAW)
    assert scaled == pytest.approx(cross + d * math.log(scale), **exact)
    assert (
        float(ea.knn_divergence(torch.from_numpy(x), torch.from_numpy(y), k, **RAW)) == divergence
    )
    assert float(ea.knn_cross_entropy(torch.from_numpy(x), torch.from_numpy(y), k, **RAW)) == cross


@settings(deadline=None, max_examples=30)
@given(samples=two_samples, k=st.integers(1, 4))
def test_divergence_is_cross_entropy_less_entropy(samples, k):
    x, y = samples
    n, m = len(x), len(y)
    for norm in ("euclidean", "maximum"):
        cross = ea.knn_cross_entropy(x, y, k, norm=norm, **RAW)
        difference = cross - ea.knn_entropy(x, k, norm=norm, **RAW)
        constants = math.log(m / (n - 1)) - digamma(m + 1) + digamma(n)
        assert abs(constants - 0.5 / (n - 1) + 0.5 / m) < 0.1 * (1 / (n - 1) ** 2 + 1 / m**2)
        divergence = ea.knn_divergence(x, y, k, norm=norm, **RAW)
        assert divergence == pytest.approx(difference + constants, **exact)


def test_divergence_is_exactly_the_difference_at_m_one_less_than_n():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((39, 3))
    difference = ea.knn_cross_entropy(x, y, **RAW) - ea.knn_entropy(x)
    assert ea.knn_divergence(x, y, **RAW) == pytest.approx(difference, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_identities_of_mutual_information(parts, method):
    x, y, _ = parts
    estimate = ea.knn_mutual_information(x, y, method=method)
    order = np.random.default_rng(0).permutation(60)
    # Powers of two change no rounding, and so no count.
    for a, b in ((y, x), (x[order], y[order]), (-4 * x[:, ::-1], 4 * y)):
        assert ea.knn_mutual_information(a, b, method=method) == pytest.approx(estimate, **exact)
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    assert float(ea.knn_mutual_information(*tensors, method=method)) == estimate


def test_identities_among_the_counted():
    x, y, z = np.random.default_rng(0).standard_normal((3, 60))
    both = ea.knn_mutual_information(x, y)
    assert ea.knn_total_correlation(np.stack([x, y], 1)) == pytest.approx(both, **exact)
    # All n − 1 others share the constant: ψ(n_z + 1) is ψ(n).
    given_constant = ea.knn_conditional_mutual_information(x, y, np.ones(60))
    assert given_constant == pytest.approx(both, **exact)
    conditional = ea.knn_conditional_mutual_information(x, y, z)
    assert ea.knn_conditional_mutual_information(y, x, z) == pytest.approx(conditional, **exact)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decimals_are_spread_as_integers_are(dtype):
    """A tenth has no exact binary form; what is spread over tenths is what was over ones."""
    rng = np.random.default_rng(0)
    x = rng.integers(-50, 50, 500)
    y = np.where(rng.uniform(size=500) < 0.5, x, rng.integers(-50, 50, 500)) + 300
    z = x + rng.integers(-5, 5, 500)
    tenths = [(part / 10).astype(dtype) for part in (x, y, z)]
    found = ea.knn_mutual_information(x, y)
    assert ea.knn_mutual_information(*tenths[:2]) == pytest.approx(found, abs=1e-3)
    conditional = ea.knn_conditional_mutual_information(x, y, z, 20)
    tenth = ea.knn_conditional_mutual_information(*tenths, 20)
    assert tenth == pytest.approx(conditional, abs=1e-3)


def test_an_outlier_does_not_blur_the_others():
    x, y = pair(np.random.default_rng(0), 500, 0.9)
    plain = ea.knn_mutual_information(x, y)
    single = [part.astype(np.float32) for part in (x, y)]
    huge = np.full(500, 1e9, dtype=np.float32)
    assert ea.knn_mutual_information(*single) == pytest.approx(plain, abs=1e-3)
    beside = ea.knn_mutual_information(np.stack([single[0], huge], 1), single[1])
    assert beside == pytest.approx(plain, abs=0.02)
    x[0] = 1e30
    assert ea.knn_mutual_information(x, y) == pytest.approx(plain, abs=0.02)


@pytest.mark.parametrize("unit", [1e-5, 1000.0, 1e5])
def test_units_do_not_matter(unit):
    x, y, z = np.random.default_rng(0).standard_normal((3, 200))
    y = y + x
    for other in (y, y > 0):
        found = ea.knn_mutual_information(x, other)
        assert ea.knn_mutual_information(unit * x, other) == pytest.approx(found, rel=1e-9)
    found = ea.knn_conditional_mutual_information(x, y, z)
    scaled = ea.knn_conditional_mutual_information(x, y, unit * z)
    assert scaled == pytest.approx(found, rel=1e-9)
    p, q = np.stack([x, y], 1), np.stack([z, x[::-1]], 1)
    scaled = ea.knn_divergence(p * [1, unit], q * [1, unit])
    assert scaled == pytest.approx(ea.knn_divergence(p, q), rel=1e-9)
    added = ea.knn_cross_entropy(p * [1, unit], q * [1, unit]) - math.log(unit)
    assert added == pytest.approx(ea.knn_cross_entropy(p, q), rel=1e-9)
    entropy = ea.knn_entropy(p * [1, unit], scale="standard") - math.log(unit)
    assert entropy == pytest.approx(ea.knn_entropy(p, scale="standard"), rel=1e-9)


def test_numbers_are_taken_as_they_are_where_that_is_asked_for():
    x, y = pair(np.random.default_rng(0), 200, 0.6)
    raw = ea.knn_mutual_information(x, y, **RAW)
    assert ea.knn_mutual_information(1000 * x, y, **RAW) != raw


# Gradients


@pytest.mark.parametrize("floor", [0.0, 0.5])
@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize("function", [ea.knn_divergence, ea.knn_cross_entropy])
def test_gradcheck(function, norm, floor):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    y = torch.randn(9, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: function(x, y, 2, norm=norm, floor=floor), (x, y))


def test_descent_moves_a_sample_to_its_target():
    rng = torch.Generator().manual_seed(0)
    start = 0.3 * torch.randn(100, 2, generator=rng) + torch.tensor([1.0, 0.0])
    x = start.clone().requires_grad_()
    held_out = torch.randn(400, 2, generator=rng)
    optimizer = torch.optim.SGD([x], 3.0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, 200)
    for _ in range(200):
        optimizer.zero_grad()
        ea.knn_divergence(x, torch.randn(400, 2, generator=rng), 1, floor=0.1).backward()
        optimizer.step()
        schedule.step()
    assert ea.knn_divergence(start, held_out) > 1.5
    assert abs(ea.knn_divergence(x.detach(), held_out)) < 0.3
    assert x.detach().mean(0).norm() < 0.4


def energy_test(x, y):
    """Share of 200 permutations with an energy distance of at least that of the two samples."""
    both = np.vstack([x, y])
    distance = np.linalg.norm(both[:, None] - both, axis=2)
    sign = np.repeat([1 / len(x), -1 / len(y)], [len(x), len(y)])
    rng = np.random.default_rng(0)
    permuted = np.array([rng.permutation(sign) for _ in range(200)])
    energies = -np.einsum("pi,ij,pj->p", permuted, distance, permuted, optimize=True)
    return np.mean(energies >= -sign @ distance @ sign)


def test_a_generator_learns_its_target_by_descent():
    """A linear map of noise, by KL(generated‖target) alone; the target's map has no other trace."""
    rng = torch.Generator().manual_seed(0)
    factor, shift = torch.tensor([[1.0, 0.6], [0.0, 0.8]]), torch.tensor([2.0, -1.0])
    weight, bias = torch.eye(2, requires_grad=True), torch.zeros(2, requires_grad=True)

    def target(n):
        return torch.randn(n, 2, generator=rng) @ factor + shift

    def generated(n):
        return torch.randn(n, 2, generator=rng) @ weight + bias

    optimizer = torch.optim.Adam([weight, bias], 0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, 300)
    before = energy_test(generated(300).detach().numpy(), target(300).numpy())
    for _ in range(300):
        optimizer.zero_grad()
        ea.knn_divergence(generated(256), target(256), 2).backward()
        optimizer.step()
        schedule.step()
    assert before == 0
    assert energy_test(generated(300).detach().numpy(), target(300).numpy()) > 0.05
    # Over seeds both spread by 0.1; the covariance starts 0.6 away, the mean 2.
    assert bias.tolist() == pytest.approx(shift.tolist(), abs=0.3)
    covariance = (weight.T @ weight).detach().numpy()
    assert covariance == pytest.approx((factor.T @ factor).numpy(), abs=0.35)


def test_coincident_points_are_pulled_and_pushed_under_a_floor():
    x = torch.zeros(8, 2, requires_grad=True)
    y = torch.ones(9, 2, requires_grad=True)
    ea.knn_divergence(x, y, floor=0.1).backward()
    for sample in (x, y):
        assert torch.isfinite(sample.grad).all()
        assert (sample.grad != 0).any()


@pytest.mark.parametrize("method", METHODS)
def test_counts_have_no_gradient(method):
    x, y, z = torch.randn(3, 30, requires_grad=True).unbind()
    for value in (
        ea.knn_mutual_information(x, y, method=method),
        ea.knn_conditional_mutual_information(x, y, z),
        ea.knn_total_correlation(torch.stack([x, y, z], 1)),
    ):
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert not value.requires_grad


# Types and degenerate samples


@pytest.mark.filterwarnings("ignore:Half of the rows say")
@pytest.mark.parametrize(
    "function", [ea.knn_divergence, ea.knn_cross_entropy, ea.knn_mutual_information]
)
def test_types_in_types_out(function):
    x, y = np.random.default_rng(0).standard_normal((2, 20, 2))
    assert type(function(x, y)) is float
    assert type(function(x.tolist(), y)) is float
    single, double = torch.from_numpy(x).float(), torch.from_numpy(y)
    for first, second, dtype in (
        (single, single + 0.5, torch.float32),
        (single.half(), single + 0.5, torch.float32),
        (single, y.astype(np.float32), torch.float32),
        (single, double, torch.float64),
        (x, double, torch.float64),
        (single, y, torch.float64),
    ):
        value = function(first, second)
        assert isinstance(value, torch.Tensor)
        assert value.shape == ()
        assert value.dtype == dtype


@pytest.mark.filterwarnings("ignore:15% of the rows are there more than once")
def test_divergence_from_a_distribution_with_an_atom_is_infinite():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 2)), rng.standard_normal((20, 2))
    x[:3] = x[0]
    with pytest.warns(UserWarning, match="has an atom"):
        assert ea.knn_divergence(x, y, 2) == math.inf
    assert math.isfinite(ea.knn_divergence(x, y, 3))
    assert math.isfinite(ea.knn_divergence(x, y, 2, floor=1e-3))


def test_shared_points():
    x = np.random.default_rng(0).standard_normal((20, 2))
    for k in (1, 2, 3):
        with pytest.raises(ValueError, match="independent samples: got 100% of the rows of `x`"):
            ea.knn_divergence(x, x, k)
    with pytest.raises(ValueError, match=r"must not share points: got 20 of 20 rows .* k=1 "):
        ea.knn_divergence(x, x, 1, **RAW)
    assert math.isfinite(ea.knn_divergence(x, x, 2, **RAW))
    assert math.isfinite(ea.knn_divergence(x, x, 1, floor=1e-3))
    with pytest.warns(UserWarning, match="cross-entropy is -inf"):
        assert ea.knn_cross_entropy(x, x, 1) == -math.inf
    # Both with atoms: the ratio of distances is 0/0.
    with pytest.raises(ValueError, match="got 20 of 20 rows"):
        ea.knn_divergence(np.tile(x[:2], (10, 1)), np.tile(x[:2], (9, 1)), **RAW)


@pytest.mark.parametrize("decimals", [1, 8])
def test_samples_that_share_some_rows_are_refused(decimals):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 300, 2)).round(decimals)
    assert abs(ea.knn_divergence(x, y)) < 0.2
    with pytest.raises(ValueError, match="must be independent samples"):
        ea.knn_divergence(x, np.vstack([x[:100], y]))


def test_constant_columns():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 3))
    flat = x.copy()
    flat[:, 1] = 7
    with pytest.raises(ValueError, match="column 1 with one value in both"):
        ea.knn_divergence(flat, flat + np.array([1, 0, 1]))
    for pair in ((flat, y), (y, flat), (flat, flat + 1)):
        with pytest.warns(UserWarning, match="Column 1 is constant in `x` or `y`"):
            assert ea.knn_divergence(*pair) == math.inf
    assert math.isfinite(ea.knn_cross_entropy(flat, y))
    with pytest.warns(UserWarning, match="Column 1 is constant in `y`.*inf"):
        assert ea.knn_cross_entropy(y, flat) == math.inf
    with pytest.warns(UserWarning, match="-inf"):
        value = ea.knn_cross_entropy(torch.from_numpy(flat), flat)
    assert value == -math.inf
    assert isinstance(value, torch.Tensor)


def test_smallest_samples():
    assert ea.knn_cross_entropy([0.0], [1.0], 1) == pytest.approx(math.log(2) + 1)
    assert ea.knn_divergence([0.0, 1.0], [3.0], 1) == pytest.approx(0.5 * math.log(6))


@pytest.mark.parametrize("method", ["ksg1", "ksg2"])
def test_joint_ties_are_named(method):
    x = np.arange(12) // 4
    with pytest.warns(UserWarning, match=r'12 of 12 points coincide with k=3.*method="gao"'):
        ea.knn_mutual_information(x, x, method=method, resolution=None)
    with pytest.warns(UserWarning, match='resolution="auto"'):
        ea.knn_conditional_mutual_information(x, x, x, method="ksg1", resolution=None)
    with pytest.warns(UserWarning, match='resolution="auto"') as caught:
        ea.knn_total_correlation(np.stack([x, x], 1), method="ksg1", resolution=None)
    assert caught[0].filename == __file__


points = np.random.default_rng(0).standard_normal((10, 2))
spoilt = np.where(np.arange(10)[:, None] == 4, np.nan, points)


@pytest.mark.parametrize(
    ("x", "y", "k", "message"),
    [
        (
            spoilt,
            points,
            1,
            "`x` must be finite: got NaN or inf in 1 of 10 rows, the first in row 4",
        ),
        (points, spoilt, 1, "`y` must be finite"),
        (np.empty((0, 2)), points, 1, "`x` must not be empty"),
        (points, np.empty((0, 2)), 1, "`y` must not be empty"),
        (points[None], points, 1, r"`x` must have shape \(n, d\)"),
        (points, points, 0, "got k=0"),
        (points, points, 1.5, "`k` must be an integer"),
    ],
)
@pytest.mark.parametrize(
    "function", [ea.knn_divergence, ea.knn_cross_entropy, ea.knn_mutual_information]
)
def test_bad_input(function, x, y, k, message):
    with pytest.raises(ValueError, match=message):
        function(x, y, k)


def test_too_many_neighbours():
    with pytest.raises(ValueError, match=r"in \[1, 9\]: got k=10 with n=10 points in `x` and m=20"):
        ea.knn_divergence(points, np.tile(points, (2, 1)), 10)
    with pytest.raises(ValueError, match=r"in \[1, 5\]: got k=6 with n=10 points in `x` and m=5"):
        ea.knn_divergence(points, points[:5], 6)
    with pytest.raises(ValueError, match=r"in \[1, 5\]: got k=6 with m=5"):
        ea.knn_cross_entropy(points, points[:5], 6)
    with pytest.raises(ValueError, match=r"in \[1, 9\]: got k=10 with n=10"):
        ea.knn_mutual_information(points, points, 10)
    with pytest.raises(ValueError, match=r"in \[1, 9\]: got k=10 with n=10"):
        ea.knn_total_correlation(points, 10)


@pytest.mark.parametrize("function", [ea.knn_divergence, ea.knn_cross_entropy])
def test_samples_of_one_space(function):
    with pytest.raises(ValueError, match="same number of columns: got d=2 and d=1"):
        function(points, points[:, :1])
    with pytest.raises(ValueError, match="floor"):
        function(points, points + 1, floor=-1)
    with pytest.raises(ValueError, match="`norm` must be one of"):
        function(points, points + 1, norm="taxi")


def test_parts_of_one_sample():
    with pytest.raises(ValueError, match=r"`x` and `y` .* as many rows .*: got n=\[10, 9\]"):
        ea.knn_mutual_information(points, points[1:])
    with pytest.raises(ValueError, match=r"`x` and `y` and `z` .*: got n=\[10, 10, 3\]"):
        ea.knn_conditional_mutual_information(points, points, points[:3], 1)
    with pytest.raises(ValueError, match=r"one of auto, ksg1, ksg2, gao, .*: got 'ksg3'"):
        ea.knn_mutual_information(points, points, method="ksg3")
    with pytest.raises(ValueError, match="at least 2 columns: got d=1"):
        ea.knn_total_correlation(points[:, 0])


@pytest.mark.parametrize("method", ["map", "copula"])
def test_maps_say_where_only_digits_are_measured(method):
    """Information is infinite where columns are functions of others, and a map says 76 nats."""
    x, noise = np.random.default_rng(0).standard_normal((2, 500, 2))
    said = "to within the rounding of their numbers"
    for y in (x, x[:, ::-1] * [2, 3], np.c_[noise[:, 0], x[:, 0]]):
        found = ea.mutual_information_estimate(x, y, method=method)
        assert any(said in warning for warning in found.warnings)
        with pytest.warns(UserWarning, match=said):
            ea.knn_mutual_information(x, y, method=method)
    near = ea.mutual_information_estimate(x, x + 1e-3 * noise, method=method)
    assert near.value > 10
    assert not any(said in warning for warning in near.warnings)


def test_where_no_map_suits_many_columns_neighbours_are_counted_and_it_is_said():
    """What sums of entropies say below counting is wrong, as counting itself says too little."""
    rng, d, rho = np.random.default_rng(1), 4, 0.9
    z = rng.standard_normal((1000, d))
    pair = z, rho * z + math.sqrt(1 - rho**2) * rng.standard_normal((1000, d))
    x, y = (np.exp(2 * part) @ (rng.standard_normal((d, d)) + 2 * np.eye(d)) for part in pair)
    for part in (x, y):
        part[:, 2:] += part[:, 2:].std(0) * np.square(part[:, :2] / part[:, :2].std(0))
    found = ea.mutual_information_estimate(x, y, method="map")
    assert found.method == "ksg1"
    assert found.value == ea.mutual_information_estimate(x, y).value
    assert found.value < -0.5 * d * math.log(1 - rho**2) - 0.1
    assert any("rather a lower bound" in warning for warning in found.warnings)
    with pytest.warns(UserWarning, match="No map suits these parts"):
        ea.knn_mutual_information(x, y, method="map")


def test_information_by_a_map_of_rows_that_repeat_is_refused():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((1000, 2)), rng.standard_normal((1000, 3))
    # Four times the same, so that the third neighbour coincides.
    x[:4] = x[0]
    y[:4] = y[0]
    with pytest.raises(ValueError, match=r'Parts have rows that repeat.* Use method="auto"'):
        ea.knn_mutual_information(x, y, method="copula")
    for method in ("auto", "ksg1"):
        with pytest.warns(UserWarning, match="coincide"):
            assert abs(ea.knn_mutual_information(x, y, method=method)) < 0.2


def test_times_that_lags_do_not_go_by_are_told():
    """Lags are rows: of a frame of days without weekends they are days of trade."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 400))
    y[1:] += 1.5 * x[:-1]
    days = pd.date_range("2020-01-01", periods=400, freq="D")
    frame = pd.DataFrame({"x": x, "y": y}, index=days)

    def said(frame: pd.DataFrame) -> str:
        found = ea.mutual_information_estimate(frame[["x"]], frame[["y"]], lag=1)
        other = ea.transfer_entropy_estimate(frame[["x"]], frame[["y"]])
        assert found.warnings == other.warnings
        return " ".join(found.warnings)

    assert said(frame) == ""
    assert said(frame.reset_index(drop=True)) == ""
    assert said(frame.set_axis(pd.date_range("2020-01", periods=400, freq="MS"))) == ""
    assert "not in the order of their times" in said(frame[::-1])
    assert said(frame[::-1].sort_index()) == ""
    gaps = frame[days.day_of_week < 5]
    assert "Times are 1 days 00:00:00 to 3 days 00:00:00 apart" in said(gaps)
    (way,) = re.findall(r"frame\.asfreq\S+", said(gaps))
    assert said(eval(way.rstrip(","), {"frame": gaps})) == ""
