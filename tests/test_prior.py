"""Fitted laws: what they sample and what they say of density agree with theory."""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import entropae as ea
from entropae.prior import PRIORS, Flow, FlowMatching, Full, Mixture, Normal, TwoStage


def codes(n: int = 3000) -> torch.Tensor:
    """Two clusters in two dimensions."""
    rng = torch.Generator().manual_seed(0)
    side = torch.where(torch.rand(n, 1, generator=rng) < 0.3, -4.0, 2.0)
    return torch.cat([side, torch.zeros(n, 1)], 1) + 0.5 * torch.randn(n, 2, generator=rng)


@cache
def fitted(kind):
    options = {
        Flow: {"steps": 300, "hidden": (32,)},
        FlowMatching: {"steps": 300, "hidden": 32, "blocks": 1, "parts": 12},
        TwoStage: {"steps": 1000, "hidden": 32},
    }
    law = kind(2, **options.get(kind, {}))
    law.fit(codes())
    return law


@pytest.mark.long
@pytest.mark.parametrize("kind", PRIORS.values())
def test_density_integrates_to_one_and_matches_samples(kind):
    law = fitted(kind)
    # The two-stage prior's density is an estimate, and dear; so is that of flow matching.
    width, tolerance = (0.2, 2e-2) if kind in (TwoStage, FlowMatching) else (0.1, 1e-3)
    grid = torch.arange(-12, 12, width)  # what lies beyond is missing from the integral
    points = torch.cartesian_prod(grid, grid)
    density = law.log_prob(points).exp()[:, None]
    assert float(density.sum() * width**2) == pytest.approx(1, abs=tolerance)
    drawn = law.sample(20_000, generator=torch.Generator().manual_seed(1))
    mean = (points * density).sum(0) * width**2
    assert drawn.mean(0).tolist() == pytest.approx(mean.tolist(), abs=0.1)


def test_log_prob_against_scipy():
    x = codes(500)
    full = Full(2)
    full.fit(x)
    expected = stats.multivariate_normal(x.mean(0), np.cov(x.T.numpy())).logpdf(x)
    np.testing.assert_allclose(full.log_prob(x), expected, rtol=1e-4)
    np.testing.assert_allclose(
        Normal(2).log_prob(x), stats.multivariate_normal(np.zeros(2)).logpdf(x), rtol=1e-5
    )


def test_full_reproduces_mean_and_covariance():
    x = codes()
    full = Full(2)
    full.fit(x)
    drawn = full.sample(100_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.04, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(x.T), atol=0.1, rtol=0.02)


def test_mixture_finds_the_clusters_and_their_number():
    mixture = Mixture(2)
    mixture.fit(codes())
    assert mixture.components == 2
    assert sorted(mixture.weights.tolist()) == pytest.approx([0.3, 0.7], abs=0.03)
    assert sorted(mixture.means[:, 0].tolist()) == pytest.approx([-4, 2], abs=0.1)
    gain = (mixture.log_prob(codes()) - Normal(2).log_prob(codes())).mean()
    assert gain > 1


def test_a_flow_finds_the_clusters_and_is_saved(tmp_path):
    flow = fitted(Flow)
    full = Full(2)
    full.fit(codes())
    assert (flow.log_prob(codes()) - full.log_prob(codes())).mean() > 0.7
    model = ea.Autoencoder(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), ea.Plain(2)).eval()
    model.priors["flow"] = flow
    model.save(tmp_path)
    again = ea.load(tmp_path, encoder=torch.nn.Linear(2, 2), decoder=torch.nn.Linear(2, 2))
    assert torch.equal(again.sample(4, seed=0, prior="flow"), model.sample(4, seed=0, prior="flow"))


def test_same_generator_same_samples():
    for kind in PRIORS.values():
        law = fitted(kind)
        a, b = (law.sample(5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(a, b)


def test_normal_entropy_is_its_mean_log_density():
    x = Normal(3).sample(200_000, generator=torch.Generator().manual_seed(0))
    expected = 1.5 * math.log(2 * math.pi * math.e)
    assert -Normal(3).log_prob(x).mean().item() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "x", "message"),
    [
        (Full, torch.zeros(10, 3), "must have 2 dimensions: got 3"),
        (Full, torch.zeros(2, 2), "needs at least 3 codes: got 2"),
        (partial(Mixture, components=10), torch.randn(5, 2), "needs at least 20 codes: got 5"),
        (Full, torch.tensor([[torch.nan, 0.0]] * 9), "NaN or inf"),
    ],
)
def test_unusable_codes(kind, x, message):
    with pytest.raises(ValueError, match=message):
        kind(2).fit(x)


def test_collapsed_codes_can_still_be_sampled():
    code = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0))
    code[:, 1] = 0.7
    law = Full(3)
    with pytest.warns(UserWarning, match="singular: some coordinates are constant"):
        law.fit(code)
    drawn = law.sample(20_000, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn[:, 1], torch.full((20_000,), 0.7), rtol=0, atol=0.02)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(code.T), rtol=0, atol=0.04)
    assert torch.isfinite(law.log_prob(code)).all()


def test_a_fit_of_networks_depends_on_its_seed_alone():
    """Not on torch's random state, which stays as it was."""
    codes = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    for make in (lambda: TwoStage(2, steps=5), lambda: Flow(2, steps=2)):
        drawn = []
        for state, seed in ((0, 0), (1, 0), (1, 1)):
            torch.manual_seed(state)
            prior = make()
            prior.fit(codes, seed=seed)
            assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.manual_seed(state)))
            drawn.append(prior.sample(4, generator=torch.Generator().manual_seed(0)))
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("dim", [40, 128])
def test_codes_of_a_narrow_layer_are_told_and_do_not_depend_on_the_batch(dim):
    """Rounding is all that varies across them, and not a singular matrix to Cholesky."""
    torch.manual_seed(0)
    narrow = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, dim))
    x = torch.randn(1000, 64) + 3
    model = ea.Autoencoder(narrow, nn.Linear(dim, 64), ea.Plain(dim))
    with pytest.warns(UserWarning, match="covariance is singular"):
        model.fit_head(x, "full")
    u = model.encode(x)
    assert torch.linalg.eigvalsh(torch.cov(u.T)).max() < 1.01
    assert (model.encode(x, batch_size=7) - u).abs().max() < 1e-2
    assert (model.head.from_normal(u) - model.encode(x, head=False)).abs().max() < 1e-4
