"""Entropies by way of maps: exact identities, closed forms, and what the check says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import digamma, gammaln

import entropae as ea
from entropae.entropy.maps import (
    MAPPED,
    MAPS,
    Mapped,
    bias_on_reference,
    choose,
    cross_entropies,
    gaussianization,
    ica,
    mapped,
    radial,
    scores,
    student,
)
from entropae.entropy.maps.bias import bias_by_rise
from entropae.entropy.maps.margins import NORMAL, Margin, local_entropy, log_normal
from entropae.entropy.maps.mixture import Mixture

N = 2000
WAYS = [name for name in MAPPED if name != "auto"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rotation(d: int) -> np.ndarray:
    return np.linalg.qr(rng(d).standard_normal((d, d)))[0]


def student_entropy(d: int, nu: float) -> float:
    half, own = 0.5 * (nu + d), 0.5 * nu
    entropy = gammaln(own) - gammaln(half) + 0.5 * d * math.log(nu * math.pi)
    return entropy + half * (digamma(half) - digamma(own))


def gamma(n: int, d: int) -> np.ndarray:
    return rng().gamma(2, size=(n, d))


def elliptical(n: int, d: int) -> np.ndarray:
    return rng().standard_normal((n, d)) / np.sqrt(rng(1).chisquare(3, (n, 1)) / 3)


def clusters(n: int, d: int) -> np.ndarray:
    means = (
        30 * np.eye(d)[: min(d, 4)] if d > 3 else 30 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    )
    return rng().standard_normal((n, d)) + np.resize(means, (4, d))[rng(1).integers(0, 4, n)]


def banana(n: int, d: int) -> np.ndarray:
    x = rng().standard_normal((n, d))
    x[:, 1::2] += x[:, ::2] ** 2 - 1
    return x


GAMMA = float(stats.gamma(2).entropy())
# Which map is made for which sample, with its entropy in 8 dimensions.
MADE_FOR = {
    "calibrated": (lambda n, d: rng().standard_normal((n, d)), 8 * NORMAL),
    "copula": (gamma, 8 * GAMMA),
    "ica": (lambda n, d: rng().laplace(size=(n, d)) @ rotation(d), 8 * (1 + math.log(2))),
    "radial": (elliptical, student_entropy(8, 3)),
    "student": (
        lambda n, d: np.arcsinh(elliptical(n, d)),
        # The map's derivative, one column at a time: E log dt/dx = −½ E log(1 + t²).
        student_entropy(8, 3)
        - 4 * integrate.quad(lambda t: stats.t(3).pdf(t) * np.log1p(t**2), -np.inf, np.inf)[0],
    ),
    "mixture": (clusters, 8 * NORMAL + math.log(4)),
    "tree": (banana, 8 * NORMAL),
}


@pytest.mark.long
@pytest.mark.parametrize("method", MADE_FOR)
def test_each_map_is_right_and_chosen_where_it_is_made_for(method):
    draw, truth = MADE_FOR[method]
    x = draw(N, 8)
    found = ea.entropy_estimate(x, method=method)
    assert abs(found.value - truth) < max(0.12, 3 * found.standard_error)
    assert found.standard_error < 0.15
    automatic = ea.entropy_estimate(x, method="auto")
    assert automatic.method == method
    assert automatic.value == pytest.approx(found.value, abs=1e-9)


@pytest.mark.parametrize("method", MAPS)
def test_a_reference_is_a_density_and_draws_from_itself(method):
    x = banana(N, 2) @ np.array([[1.0, 0.4], [0.0, 0.7]])
    reference = MAPS[method].reference.fit(x)
    axis = np.linspace(-15, 15, 500)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    mass = np.exp(reference.log_density(grid)).sum() * (axis[1] - axis[0]) ** 2
    assert mass == pytest.approx(1, abs=0.02)
    # E_q[p/q] over q's own samples is p's mass where q is positive, for any density p.
    drawn = reference.draw(5_000, rng(2))
    other = stats.multivariate_normal([0, 0], [[1, 0], [0, 1]])
    ratio = np.exp(other.logpdf(drawn) - reference.log_density(drawn))
    assert ratio.mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("method", WAYS)
def test_units_and_offsets_add_their_logarithm(method):
    x = MADE_FOR[method][0](400, 4)
    units = np.array([1e-3, 1.0, 50.0, 1e6])
    plain, scaled = (
        ea.entropy_estimate(sample, method=method) for sample in (x, x * units + 3 * units)
    )
    gain = math.log(units.prod())
    assert scaled.value - plain.value == pytest.approx(gain, abs=1e-6)
    assert scaled.upper_bound - plain.upper_bound == pytest.approx(gain, abs=1e-6)
    assert scaled.standard_error == pytest.approx(plain.standard_error, rel=1e-6)


def test_scores_do_not_feel_monotone_maps_of_the_columns():
    x = rng().standard_normal((500, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    bent = np.stack([np.exp(x[:, 0]), x[:, 1] ** 3, np.arctan(x[:, 2])], 1)
    np.testing.assert_array_equal(scores.unfold(x).z, scores.unfold(bent).z)
    information = [ea.knn_mutual_information(s[:, :2], s[:, 2], method="copula") for s in (x, bent)]
    assert information[0] == pytest.approx(information[1], abs=1e-9)


def test_a_margin_is_a_monotone_map_with_its_own_derivative_and_inverse():
    y = np.concatenate([rng().gamma(0.5, size=600), -rng(1).exponential(5, 300)])
    margin = Margin.fit(y)
    at = np.linspace(y.min() - 5, y.max() + 5, 2001)
    score, log_slope = margin(at)
    assert (np.diff(score) > 0).all()
    middle = 0.5 * (at[1:] + at[:-1])
    np.testing.assert_allclose(np.diff(score) / np.diff(at), np.exp(margin(middle)[1]), rtol=0.3)
    total = integrate.trapezoid(np.exp(log_normal(score[:, None]) + log_slope), at)
    assert total == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(
        margin(margin.inverse(np.linspace(-4, 4, 50)))[0], np.linspace(-4, 4, 50), atol=0.05
    )


def test_local_entropy_is_the_kozachenko_leonenko_estimate():
    for d in (1, 2):
        x = rng().standard_normal((300, d))
        assert local_entropy(x).mean() == pytest.approx(ea.knn_entropy(x, 3), abs=1e-12)


def test_tylers_scatter_is_that_of_a_cauchy_distribution():
    factor = np.array([[2.0, 0, 0], [1, 1, 0], [0.5, -1, 0.3]])
    x = (
        rng().standard_normal((20_000, 3)) / np.abs(rng(1).standard_normal((20_000, 1)))
    ) @ factor.T
    centre, found = radial.scatter(x + 5)
    shape = factor @ factor.T / np.linalg.det(factor) ** (2 / 3)
    np.testing.assert_allclose(centre, 5, atol=0.1)
    np.testing.assert_allclose(found @ found.T, shape, atol=0.15)


def test_the_radial_constant_is_that_of_a_normal_distribution():
    # H(Z) = H(log ρ) + d E log ρ + H(direction), the sphere's surface being known.
    for d in (2, 5, 16):
        sphere = math.log(2) + 0.5 * d * math.log(math.pi) - gammaln(0.5 * d)
        assert radial.chi_constant(d) + sphere == pytest.approx(d * NORMAL, abs=1e-6)


def test_students_quantiles_and_back():
    z = np.linspace(-6, 6, 101)[:, None]
    for degrees in student.DEGREES:
        t = student.to_student(z, degrees)
        np.testing.assert_allclose(stats.t(degrees).cdf(t), stats.norm.cdf(z), rtol=1e-8)
        np.testing.assert_allclose(student.to_normal(t, degrees), z, atol=1e-8)


def test_components_undo_a_mixing_matrix():
    mix = rng(3).standard_normal((4, 4))
    found = ica.components(rng().laplace(size=(5000, 4)) @ mix.T) @ mix
    found /= np.abs(found).max(1, keepdims=True)
    assert (np.sort(np.abs(found), 1)[:, -2] < 0.15).all()


def test_pairs_share_what_a_chi_square_says_and_the_forest_joins_them():
    x = banana(5000, 6)
    order, parent = gaussianization.forest(scores.scores(x))
    assert sorted(order) == list(range(6))
    pairs = {frozenset((c, p)) for c, p in enumerate(parent) if p >= 0}
    assert pairs == {frozenset((0, 1)), frozenset((2, 3)), frozenset((4, 5))}
    independent = gaussianization.pairwise(rng().standard_normal((5000, 3)))
    assert np.abs(independent).max() < 0.01


def test_a_mixture_takes_as_many_components_as_there_are():
    x = clusters(N, 4)
    fitted = Mixture.fit(x)
    assert len(fitted.fitted.weights_) == 4
    assert len(Mixture.fit(rng().standard_normal((N, 3))).fitted.weights_) == 1


@pytest.mark.parametrize("name", ["radial", "mixture", "tree"])
def test_calibrated_is_warned_of_where_another_map_is_right(name):
    draw, truth = MADE_FOR[name]
    found = ea.entropy_estimate(draw(N, 8), method="calibrated")
    off = abs(found.value - truth) > max(0.1, 2 * found.standard_error)
    if off:
        assert found.warnings
        remedies = [w for w in found.warnings if f'method="{name}"' in w]
        assert remedies or name == "mixture"
    assert found.upper_bound > truth - 0.1


@pytest.mark.long
def test_a_warning_names_the_better_map_and_its_remedy_is_right():
    x = gamma(N, 16)
    found = ea.entropy_estimate(x, method="calibrated")
    assert found.value - 16 * GAMMA > 0.8
    assert any('Use method="copula", or method="auto".' in w for w in found.warnings)
    assert any("upper bound" in w for w in found.warnings)
    for method in ("copula", "auto"):
        better = ea.entropy_estimate(x, method=method)
        assert abs(better.value - 16 * GAMMA) < 0.3
        assert not better.warnings
    assert found.reference == "copula"
    assert 16 * GAMMA < found.upper_bound < 16 * GAMMA + 0.8


@pytest.mark.long
def test_normal_samples_are_not_warned_of():
    for d in (2, 8):
        x = rng(d).standard_normal((2000, d)) @ rng(1).standard_normal((d, d))
        for method in ("calibrated", "auto"):
            found = ea.entropy_estimate(x, method=method)
            assert not found.warnings
            assert found.method == "calibrated"


def test_no_check_if_none_is_asked_for_or_points_are_few():
    x = gamma(200, 4)
    unchecked = ea.entropy_estimate(x, method="calibrated", check=False)
    assert math.isnan(unchecked.upper_bound)
    few = ea.entropy_estimate(x[:20], method="copula")
    assert few.warnings == ("n=20 points of d=4 dimensions are too few to check the estimate.",)


@pytest.mark.long
def test_bias_that_grows_with_k_is_taken_away_and_said():
    x = banana(3000, 8)
    found = ea.entropy_estimate(x, method="copula")
    plain = mapped(x, (3,), "euclidean", "copula").value
    assert plain - 8 * NORMAL > 0.3
    assert found.value == pytest.approx(8 * NORMAL, abs=0.2)
    assert found.value == pytest.approx(ea.knn_entropy(x, method="copula"), abs=1e-9)
    (warning,) = (w for w in found.warnings if "tenth neighbour" in w)
    assert "was taken away" in warning


def test_bias_by_rise_is_exact_where_bias_is_a_power_of_the_neighbour():
    d, slope = 6, 0.4
    at = {k: slope * k ** (2 / d) for k in (1, 3, 10)}
    found = Mapped(np.zeros(1), 0.0, at[10] - at[1], 0.01, 1.0)
    assert bias_by_rise(found, d) == pytest.approx(at[3])
    assert bias_by_rise(found, d, (1, 3)) == pytest.approx((at[1] + at[3]) / 2)
    # Not where it may be chance, or is small.
    assert bias_by_rise(found._replace(rise_error=0.2), d) == 0
    assert bias_by_rise(found._replace(rise=0.02, rise_error=0.001), d) == 0


@pytest.mark.long
def test_information_of_bent_parts_loses_less():
    """A rotation by the radius keeps N(0, I), and all information."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6000, 3))
    y = 0.9 * x + math.sqrt(1 - 0.81) * rng.standard_normal((6000, 3))
    truth = -1.5 * math.log1p(-0.81)

    def spiral(z):
        angle = 0.4 * (z**2).sum(1)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([c * z[:, 0] - s * z[:, 1], s * z[:, 0] + c * z[:, 1], z[:, 2]], 1)

    parts = [spiral(x), spiral(y)]
    options = {"resolution": None}
    found = ea.mutual_information_estimate(*parts, method="map", **options)
    counted = ea.mutual_information_estimate(*parts, method="ksg1", **options)
    assert abs(found.value - truth) < 0.6 * abs(counted.value - truth)
    assert any("tenth neighbour" in w for w in found.warnings)
    assert found.method in MAPS
    assert ea.knn_mutual_information(*parts, method="map", **options) == found.value


@pytest.mark.long
def test_fitting_shows_a_bias_on_the_maps_own_reference():
    x = gamma(1000, 16) @ rotation(16)
    seen = bias_on_reference(x, "ica")
    assert seen.value > 2 * seen.standard_error > 0
    plain = mapped(x, (3,), "euclidean", "ica").value
    assert ea.knn_entropy(x, method="ica") < plain
    # It is blind to what the reference lacks.
    blind = bias_on_reference(banana(1000, 16), "ica")
    assert abs(blind.value) < 4 * blind.standard_error


@pytest.mark.long
def test_repeated_values_are_left_to_maps_that_take_them():
    x = np.round(rng().standard_normal((1000, 4)), 1)
    x[:, 1:] = rng(1).standard_normal((1000, 3))
    found = ea.entropy_estimate(x, method="copula", resolution=None)
    assert found.value == -math.inf
    assert "repeated values" in found.warnings[0]
    spread = ea.entropy_estimate(x, method="copula")
    assert spread.value == pytest.approx(ea.gaussian_entropy(4), abs=0.15)
    assert "spread over steps of 0.1" in spread.notes[0]
    assert choose(x) in ("calibrated", "mixture")
    assert math.isfinite(ea.entropy_estimate(x, method="mixture").value)


def test_too_few_points_for_a_map():
    with pytest.raises(ValueError, match=r'max\(8, d\) points for method="copula": got n=8'):
        ea.knn_entropy(gamma(8, 2), method="copula")
    with pytest.raises(ValueError, match='`floor` must be 0 for method="auto"'):
        ea.knn_entropy(gamma(50, 2), method="auto", floor=0.1)


def test_held_out_cross_entropies_exceed_the_entropy():
    compared = cross_entropies(gamma(4000, 4), MAPS)
    assert set(compared.losses) == set(MAPS)
    assert compared.best == "copula"
    for name in MAPS:
        value, error = compared.bound(name)
        assert value > 4 * GAMMA - 3 * error


def correlated(n: int, d: int, rho: float) -> tuple[np.ndarray, np.ndarray, float]:
    x, noise = rng().standard_normal((2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * noise, -0.5 * d * math.log(1 - rho**2)


@pytest.mark.long
@pytest.mark.parametrize("method", ["copula", "map"])
def test_information_of_many_columns(method):
    x, y, truth = correlated(1500, 6, 0.7)
    with pytest.warns(UserWarning, match="rows are few for d=12 dimensions"):
        counted = ea.knn_mutual_information(x, y)
    assert counted < truth - 0.3
    assert ea.knn_mutual_information(x, y, method=method) == pytest.approx(truth, abs=0.15)
    # What each column is measured in changes nothing.
    bent = ea.knn_mutual_information(np.exp(x), np.sinh(y), method="map")
    assert bent == pytest.approx(truth, abs=0.15)


@pytest.mark.long
def test_conditional_information_and_total_correlation_by_maps():
    z, *noise = rng().standard_normal((3, 2000, 3))
    x, y = z + noise[0], z + noise[1]
    given = ea.knn_conditional_mutual_information(x, y, z, method="copula")
    assert abs(given) < 0.1
    joint = np.hstack([x[:, :1], y[:, :1], z[:, :1]])
    covariance = np.array([[2, 1, 1], [1, 2, 1], [1, 1, 1.0]])
    truth = 0.5 * (np.log(covariance.diagonal()).sum() - np.linalg.slogdet(covariance)[1])
    for method in ("copula", "map"):
        found = ea.knn_total_correlation(joint, method=method)
        assert found == pytest.approx(truth, abs=0.08)


@pytest.mark.long
def test_information_without_a_density_is_left_to_counting():
    x, noise = rng().standard_normal((2, 2000, 1))
    y = 0.8 * x + 0.6 * noise
    roll = np.hstack([x * np.cos(3 * x), x * np.sin(3 * x), x])
    truth = -math.log(0.6)
    assert ea.knn_mutual_information(roll, y, method="copula") < 0
    assert ea.knn_mutual_information(roll, y, method="map") == pytest.approx(truth, abs=0.12)


def test_estimates_scatter_as_their_standard_errors_say():
    values, errors = [], []
    for seed in range(30):
        x = rng(seed).gamma(2, size=(500, 4))
        found = mapped(x, (3,), "euclidean", "copula")
        values.append(found.value)
        errors.append(found.variance**0.5)
    assert np.mean(errors) / np.std(values, ddof=1) == pytest.approx(1, abs=0.35)
