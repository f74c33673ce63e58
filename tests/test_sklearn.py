"""The scikit-learn face: its own checks, closed forms, and life in pipelines and searches."""

from __future__ import annotations

import math
import pickle
import random

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import trapezoid
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

import entropae as ea
from entropae.model import Autoencoder
from entropae.nn import has_linear_path
from entropae.prior import Mixture
from entropae.sklearn import EntropicAutoencoder, KNNEntropy, mutual_info
from entropae.sklearn.autoencoder import MANY
from entropae.sklearn.likelihood import is_likelier

IRIS, SPECIES = load_iris(return_X_y=True)


def quick(**options):
    return EntropicAutoencoder(**{"epochs": 2, "hidden": (16,), "random_state": 0} | options)


@parametrize_with_checks([quick(), KNNEntropy()])
# The checks fit constant, repeated and two-valued features, which is worth a warning to a user.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_samples_that_are_all_the_same_are_told_so():
    with pytest.warns(UserWarning, match="All 30 samples are the same: there is nothing to learn"):
        found = quick().fit(np.ones((30, 3)))
    with pytest.raises(ValueError, match="`noise_variance_` is 0"):
        found.score(np.ones((5, 3)))


@pytest.fixture(scope="module")
def fitted():
    return quick(n_components=3, epochs=20).fit(IRIS)


def test_the_state_of_randomness_is_all_that_counts(fitted):
    before = torch.random.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
    again = quick(n_components=3, epochs=20).fit(IRIS)
    again.sample(5)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    np.testing.assert_equal(np.random.get_state(legacy=False), before[2])  # noqa: NPY002
    np.testing.assert_array_equal(again.transform(IRIS), fitted.transform(IRIS))
    np.testing.assert_array_equal(again.sample(5), fitted.sample(5))
    other = quick(n_components=3, epochs=20, random_state=1).fit(IRIS)
    assert not np.array_equal(other.transform(IRIS), fitted.transform(IRIS))
    assert not np.array_equal(fitted.sample(5, random_state=1), fitted.sample(5))


def test_codes_and_samples_are_those_of_the_model(fitted):
    standardized = torch.tensor((IRIS - IRIS.mean(0)) / IRIS.std(0))
    codes = fitted.transform(IRIS)
    np.testing.assert_allclose(codes, fitted.model_.encode(standardized))
    back = fitted.model_.decode(torch.tensor(codes)).numpy() * IRIS.std(0) + IRIS.mean(0)
    np.testing.assert_allclose(fitted.inverse_transform(codes), back)
    assert len(fitted.log_) == 20


@pytest.mark.parametrize("components", [0, 1, 3])
def test_density_of_a_linear_decoder_is_exact(components):
    """Then x is normal for each component of the prior, wherever the encoder puts the code."""
    rng = np.random.default_rng(0)
    found = quick(prior="normal").fit(rng.normal(3, 2, (40, 5)))
    decoder, encoder = nn.Linear(2, 5).double(), nn.Linear(5, 2).double()
    latent = found.model_.latent
    found.model_ = Autoencoder(encoder, decoder, latent).double().eval()
    found.noise_variance_ = 0.3
    x = rng.normal(3, 2, (7, 5))
    shares, means, covariances = [1.0], np.zeros((1, 2)), np.eye(2)[None]
    if components:
        shares = rng.dirichlet(np.ones(components))
        means, roots = rng.normal(0, 1, (components, 2)), rng.normal(0, 1, (components, 2, 2))
        covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(2)
        prior = Mixture(2, components).double()
        prior.weights.copy_(torch.tensor(shares))
        prior.means.copy_(torch.tensor(means))
        prior.factors.copy_(torch.linalg.cholesky(torch.tensor(covariances)))
        found.model_.priors["mixture"], found.prior_ = prior, "mixture"
    weights, bias = decoder.weight.detach().numpy(), decoder.bias.detach().numpy()
    scales = np.diag(found.scale_)
    truth = sum(
        share
        * multivariate_normal(
            found.mean_ + found.scale_ * (weights @ mean + bias),
            scales @ (weights @ covariance @ weights.T + 0.3 * np.eye(5)) @ scales,
        ).pdf(x)
        for share, mean, covariance in zip(shares, means, covariances, strict=True)
    )
    np.testing.assert_allclose(found.score_samples(x), np.log(truth))
    assert found.score(x) == pytest.approx(np.log(truth).mean())


def test_codes_are_worth_a_mixture_only_if_they_are_not_normal():
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    model = Autoencoder(nn.Identity(), nn.Identity(), ea.Plain(2)).eval()
    assert not is_likelier(model.fit_prior(x), x)
    heaps = 0.1 * x + torch.tensor([-1.0, 1.0]).repeat(150)[:, None]
    assert is_likelier(model.fit_prior(heaps), heaps)


def test_samples_are_of_the_prior(fitted):
    assert fitted.prior_ == "mixture"  # three species
    drawn = fitted.model_.draw(4, seed=np.random.RandomState(1).randint(2**31 - 1), prior="mixture")
    expected = drawn.numpy() * fitted.scale_ + fitted.mean_
    np.testing.assert_allclose(fitted.sample(4, random_state=1), expected)
    bare = quick(n_components=3, epochs=20, prior="normal").fit(IRIS)
    assert bare.prior_ == "normal"
    np.testing.assert_array_equal(bare.transform(IRIS), fitted.transform(IRIS))
    assert bare.score(IRIS) < fitted.score(IRIS)
    with pytest.raises(ValueError, match="mixture"):
        quick(prior="mix").fit(IRIS)


def test_density_follows_the_units(fitted):
    scaled = quick(n_components=3, epochs=20).fit(8 * IRIS)
    expected = fitted.score_samples(IRIS) - 4 * np.log(8)
    np.testing.assert_allclose(scaled.score_samples(8 * IRIS), expected)


def test_constant_features_and_a_density_of_their_own():
    x = np.column_stack([IRIS, np.full(len(IRIS), 0.1)])
    found = quick().fit(x)
    assert found.scale_[4] == 1
    assert np.isfinite(found.score(x))


def test_frames_clones_pickles(fitted):
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    found = quick().set_output(transform="pandas").fit(frame)
    codes = found.transform(frame)
    assert list(codes.columns) == ["entropicautoencoder0", "entropicautoencoder1"]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(IRIS), fitted.transform(IRIS))
    assert clone(fitted).get_params() == fitted.get_params()


def test_sample_weights_are_refused_with_a_remedy():
    with pytest.raises(TypeError, match=r"sample_weight\. To weigh samples, repeat them"):
        quick().fit(IRIS, sample_weight=np.ones(len(IRIS)))
    with pytest.raises(TypeError, match=r"KNNEntropy.* sample_weight\. To weigh samples"):
        KNNEntropy().fit(IRIS, sample_weight=np.ones(len(IRIS)))
    quick().fit(IRIS, sample_weight=None)  # as wrappers pass on what they were not given
    steps = make_pipeline(StandardScaler(), quick())
    with pytest.raises(TypeError, match="takes samples only"):
        steps.fit(IRIS, entropicautoencoder__sample_weight=np.ones(len(IRIS)))


def test_pipelines_and_searches():
    steps = make_pipeline(quick(), LogisticRegression())
    assert steps.fit(IRIS, SPECIES).predict(IRIS).shape == SPECIES.shape
    grid = {"n_components": [1, 2], "weight": [0.1, 1.0]}
    search = GridSearchCV(quick(), grid, cv=2).fit(IRIS)
    best = search.cv_results_["mean_test_score"].argmax()
    assert search.best_params_ == search.cv_results_["params"][best]


def test_many_samples_start_at_random_weights():
    rng = np.random.default_rng(0)
    for n, linear in ((MANY, False), (MANY - 1, True)):
        found = quick(n_components=1, epochs=1, batch_size=5000).fit(rng.normal(size=(n, 2)))
        assert has_linear_path(found.model_.decoder) == linear


def test_options_are_numpys_numbers_as_well():
    """As `GridSearchCV` hands them over from `np.arange`."""
    options = {"n_components": np.int64(2), "epochs": np.int64(2), "batch_size": np.int64(64)}
    made = quick(**options, hidden=np.array([16]), weight=np.float64(1)).fit(IRIS)
    plain = quick(n_components=2, epochs=2, batch_size=64, hidden=16).fit(IRIS)
    np.testing.assert_array_equal(made.transform(IRIS), plain.transform(IRIS))
    np.testing.assert_array_equal(made.sample(np.int64(3)), plain.sample(3))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("n_components", 0), ("n_components", 2.0), ("hidden", (16, 0)), ("hidden", 0)],
        *[("epochs", 0), ("batch_size", 0), ("weight", -1)],
    ],
)
def test_errors_name_the_option_that_was_given(option, value):
    with pytest.raises(ValueError, match=f"`{option}` must be "):
        quick(**{option: value}).fit(IRIS)


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        *[("learning_rate", "high", TypeError), ("learning_rate", [1], TypeError)],
        *[("learning_rate", 0, ValueError), ("learning_rate", math.nan, ValueError)],
        *[("dropout", "x", TypeError), ("dropout", 2, ValueError)],
        *[("hidden", 1.5, ValueError), ("hidden", math.nan, ValueError)],
    ],
)
def test_errors_name_options_of_other_types(option, value, error):
    with pytest.raises(error, match=option):
        quick(**{option: value}).fit(IRIS)


def test_samples_are_counted_from_one(fitted):
    with pytest.raises(ValueError, match="`n_samples` must be an integer of at least 1: got n_s"):
        fitted.sample(0)


def test_entropy_is_that_of_the_toolkit():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(300, 3)), rng.normal(size=(50, 3))
    found = KNNEntropy(4).fit(x)
    expected = ea.entropy_estimate(x, 4)
    assert (found.entropy_, found.standard_error_) == (expected.value, expected.standard_error)
    cross = ea.knn_cross_entropy(other, x, 4, resolution=None, scale=None)
    assert found.score(other) == pytest.approx(-cross)
    with pytest.raises(ValueError, match=r"`k` must be in \[1, 2\]"):
        KNNEntropy(3).fit(x[:3])


def test_a_density_of_neighbours_on_the_line():
    """Of 4 points, with the 2nd nearest at distance 2: log(ψ-corrected share / length of 2ν)."""
    found = KNNEntropy(2).fit([[0.0], [1.0], [2.0], [9.0]])
    harmonic = 1 - (1 + 1 / 2 + 1 / 3 + 1 / 4)  # ψ(2) − ψ(5)
    assert found.score_samples([[3.0]])[0] == pytest.approx(harmonic - np.log(2 * 2))
    assert KNNEntropy(2).fit([[0.0], [0], [1], [2]]).score_samples([[0.0]])[0] == np.inf


def test_selection_by_information():
    rng = np.random.default_rng(0)
    noise, hidden = rng.normal(size=(400, 2)), rng.normal(size=400)
    x = np.column_stack([noise[:, 0], hidden**2, noise[:, 1]])
    y = hidden > 0.5
    scores = mutual_info(x, y)
    expected = [ea.knn_mutual_information(column, y) for column in x.T]
    np.testing.assert_array_equal(scores, expected)
    chosen = SelectKBest(mutual_info, k=1).fit(x, np.where(y, "yes", "no"))
    assert list(chosen.get_support()) == [False, True, False]
    np.testing.assert_array_equal(mutual_info(pd.DataFrame(x), pd.Series(y)), scores)


def test_features_named_as_classes():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 30, (900, 2)).astype(float)
    for mask in ([True, False], np.array([True, False]), True):
        found = mutual_info(x, x[:, 0] % 2, discrete=mask)
        assert found[0] == pytest.approx(np.log(2), abs=0.01)
        assert abs(found[1]) < 0.02


def test_features_that_are_no_classes():
    """Marks from 1 to 5 with normal noise: I = h(y) − h(noise), with y's density in closed form."""
    rng = np.random.default_rng(0)
    mark = rng.integers(1, 6, 4000).astype(float)
    y = mark + rng.normal(0, 0.5, 4000)
    grid = np.linspace(-3, 9, 12_001)
    density = norm.pdf(grid[:, None], np.arange(1, 6), 0.5).mean(1)
    truth = -trapezoid(density * np.log(density), grid) - norm(0, 0.5).entropy()
    found = mutual_info(mark[:, None], y, discrete=False)
    assert found[0] == pytest.approx(truth, abs=0.05)
    assert found[0] == ea.knn_mutual_information(mark, y, resolution={"x": 1.0})
    assert found[0] != mutual_info(mark[:, None], y)[0]
    words = pd.DataFrame({"a": ["u", "v"] * 50})
    with pytest.raises(ValueError, match="must be numbers to be taken as continuous"):
        mutual_info(words, np.arange(100.0), discrete=False)
    with pytest.raises(ValueError, match="`y` must be one column: got 2"):
        mutual_info(IRIS, IRIS[:, :2])


def test_categories_that_are_numbers_are_classes():
    """Thirty codes, of which the odd ones are one class: nothing a distance could tell."""
    codes = pd.Series(np.random.default_rng(0).integers(0, 30, 900))
    frame = pd.DataFrame({"code": codes.astype("category")})
    assert mutual_info(frame, codes % 2)[0] == pytest.approx(np.log(2), abs=0.01)
    assert mutual_info(frame, codes.astype("category"))[0] > np.log(25)


@pytest.mark.parametrize("discrete", [[True], "none", [0, 1], [0], None, [[True, False]]])
def test_answers_that_are_none(discrete):
    with pytest.raises(ValueError, match=r"a boolean a feature, here 2: got discrete="):
        mutual_info(np.eye(20)[:, :2], np.arange(20.0), discrete=discrete)
