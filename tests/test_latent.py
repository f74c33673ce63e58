"""The contract that every latent keeps, and what Entropic's penalties do."""

from __future__ import annotations

import math

import pytest
import torch

from entropae.entropy import gaussian_baseline, knn_entropy
from entropae.latent import (
    Balanced,
    Entropic,
    Latent,
    Matching,
    Plain,
    Regularized,
    Spherical,
    Variational,
)
from entropae.latent.entropic import CORRECTIONS
from entropae.latent.potential import potential
from entropae.neighbors import kth_distance
from entropae.nn.normalization import Standardize
from entropae.registry import build, settings
from latents import built_in

MADE = [
    Plain(4),
    Plain(4, standardize=True),
    Entropic(4),
    Entropic(4, k=3, bank=50),
    Entropic(4, correction="anchors"),
    Entropic(4, correction="anchors", k=3, bank=50),
    Entropic(4, standardize=False),
    Entropic(4, correction="none"),
    Entropic(4, correction="none", bank=50),
    Regularized(4),
    Regularized(4, decoder="gradient"),
    Regularized(4, decoder="spectral"),
    Spherical(4),
    Variational(4),
    Variational(4, batch_norm=0.7),
    Balanced(4),
    Matching(4),
    Matching(4, distance="cramer_wold", standardize=True),
    Matching(4, distance="sigreg"),
]


def test_every_latent_is_in_the_contract_tests():
    assert {type(latent) for latent in MADE} == set(built_in().values())


def fresh(latent: Latent) -> Latent:
    return build(
        Latent.known(), {"name": type(latent).__name__.lower()} | settings(latent), "latent"
    )


@pytest.mark.parametrize("latent", MADE, ids=repr)
class TestContract:
    def test_code_and_penalties(self, latent):
        latent = fresh(latent).train()
        h = torch.randn(32, latent.in_features, requires_grad=True)
        code, penalties = latent(h)
        assert code.shape == (32, latent.dim)
        for penalty in penalties.values():
            assert penalty.value.shape == ()
            assert torch.isfinite(penalty.value)
            assert isinstance(penalty.weight, float)
        loss = code.square().sum() + sum(p.weight * p.value for p in penalties.values())
        (gradient,) = torch.autograd.grad(loss, h)
        assert torch.isfinite(gradient).all()

    def test_settings_build_an_equal_one(self, latent):
        assert settings(fresh(latent)) == settings(latent)

    def test_inference_is_deterministic_and_changes_nothing(self, latent):
        latent = fresh(latent).train()
        latent(torch.randn(32, latent.in_features))
        latent.eval()
        before = {name: value.clone() for name, value in latent.state_dict().items()}
        h = torch.randn(16, latent.in_features)
        assert torch.equal(latent(h).code, latent(h).code)
        assert all(torch.equal(value, before[name]) for name, value in latent.state_dict().items())
        alone, among = latent(h[:1]).code, latent(h).code[:1]
        torch.testing.assert_close(alone, among, atol=1e-6, rtol=1e-6, msg="samples must not mix")

    def test_the_code_alone_is_the_code(self, latent):
        latent = fresh(latent).eval()
        h = torch.randn(16, latent.in_features)
        assert torch.equal(latent.code(h), latent(h).code)
        with pytest.raises(ValueError, match="encoder must return shape"):
            latent.code(h[:, 1:])

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_small_batches(self, latent, n):
        code, penalties = fresh(latent).train()(torch.randn(n, latent.in_features))
        assert torch.isfinite(code).all()
        assert all(torch.isfinite(penalty.value) for penalty in penalties.values())

    @pytest.mark.parametrize("shape", [(8, 5), (8, 4, 1), (8,)])
    def test_wrong_shape_says_both(self, latent, shape):
        with pytest.raises(
            ValueError, match=rf"shape \(n, {latent.in_features}\).*got \({shape[0]}"
        ):
            fresh(latent)(torch.zeros(shape))

    def test_half_precision_input(self, latent):
        code, penalties = fresh(latent).train()(torch.randn(16, latent.in_features).bfloat16())
        if not isinstance(latent, Plain) or latent.standardize:
            assert code.dtype == torch.float32
        assert all(penalty.value.dtype == torch.float32 for penalty in penalties.values())

    def test_double_precision_is_kept(self, latent):
        h = torch.randn(16, latent.in_features, dtype=torch.float64)
        code, penalties = fresh(latent).double().train()(h)
        assert code.dtype == torch.float64
        assert all(penalty.value.dtype == torch.float64 for penalty in penalties.values())

    def test_calibrated_codes_are_centred_and_scaled(self, latent):
        latent = fresh(latent).train()
        h = 3 + 2 * torch.randn(500, latent.in_features)
        latent.calibrate(h.split(77))
        latent.eval()
        code = latent(h).code
        if getattr(latent, "standardize", False):
            torch.testing.assert_close(code.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
            torch.testing.assert_close(code.var(0), torch.ones(4), atol=1e-4, rtol=0)


def test_standardize_is_exact_over_the_batch():
    z = Standardize(5, eps=1e-12)(7 + 3 * torch.randn(40, 5))
    torch.testing.assert_close(z.mean(0), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(z.var(0, unbiased=False), torch.ones(5), atol=1e-5, rtol=0)


def test_standardize_leaves_a_batch_of_one_to_the_running_statistics():
    norm = Standardize(2)
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    z = norm(torch.tensor([[5.0, 1.0]]))
    torch.testing.assert_close(z, torch.tensor([[2.0, 0.0]]), atol=1e-4, rtol=0)
    assert norm.running_mean.tolist() == [1.0, 1.0]


def test_calibration_is_stable_far_from_the_origin():
    norm = Standardize(1)
    h = 1e4 + torch.randn(3000, 1, dtype=torch.float64)
    norm.calibrate(h.split(100))
    assert norm.running_var.item() == pytest.approx(h.var().item(), rel=1e-6)


def test_entropy_is_that_of_the_code_per_dimension():
    latent = Entropic(4, k=2, correction="none").train()
    code, penalties = latent(torch.randn(64, 4))
    assert penalties["entropy"].value == pytest.approx(knn_entropy(code, 2).item() / 4, rel=1e-6)


def test_bank_adds_neighbours_without_gradient_first_in_first_out():
    latent = Entropic(2, bank=10, correction="none").train()
    latent.forget()
    codes = [latent(torch.randn(n, 2)).code for n in (4, 4, 4)]
    recent = {tuple(row) for row in latent.recent.tolist()}
    expected = torch.cat(codes)[-10:]
    assert recent == {tuple(row) for row in expected.tolist()}
    h = torch.randn(5, 2)
    code, penalties = latent(h)
    pool = torch.cat([code, expected]).double()
    distance = torch.cdist(code.double(), pool)
    distance[range(5), range(5)] = torch.inf
    from entropae.entropy import entropy_of_distances

    whole = entropy_of_distances(distance.min(1).values, 2, 14, 1)
    assert penalties["entropy"].value.item() == pytest.approx(whole.item() / 2, rel=1e-5)


def test_the_bank_waits_until_codes_move_slowly():
    latent = Entropic(2, bank=64, correction="none").train()
    latent.forget()
    h = torch.randn(32, 2)
    latent.progress = 0.4
    first = latent(h).penalties["entropy"].value
    assert latent(h).penalties["entropy"].value == first
    latent.progress = 0.6
    latent(h)
    assert latent(h).penalties["entropy"].value < first - 1


def test_bank_larger_than_needed_by_one_batch():
    latent = Entropic(2, bank=3).train()
    latent.forget()
    code = latent(torch.randn(8, 2)).code
    assert {tuple(r) for r in latent.recent.tolist()} == {tuple(r) for r in code[-3:].tolist()}


def test_forgetting_empties_the_bank():
    """A sample's own code of the epoch before would be its nearest neighbour."""
    latent = Entropic(2, bank=64, correction="none").train()
    latent.forget()
    h = torch.randn(32, 2)
    first = latent(h).penalties["entropy"].value
    assert latent(h).penalties["entropy"].value < first - 1
    latent.forget()
    assert latent(h).penalties["entropy"].value == first


def test_a_loop_that_never_forgets_has_no_bank():
    latent = Entropic(2, bank=64, correction="none").train()
    h = torch.randn(32, 2)
    first = latent(h).penalties["entropy"].value
    assert latent(h).penalties["entropy"].value == first


def test_anchors_are_formula_3():
    """R/d = −mean log ε + mean log ν + mean log ν', up to the constants of the entropy."""
    latent = Entropic(3, weight=0.5, correction="anchors")
    h = torch.randn(20, 3)
    torch.manual_seed(1)
    code, penalties = latent(h)
    torch.manual_seed(1)
    normal = torch.randn(19, 3)
    own, pull, cover = (
        kth_distance(*pair).log().mean() for pair in ((code,), (code, normal), (normal, code))
    )
    constant = knn_entropy(code, 1) / 3 - own
    found = sum(penalty.weight * penalty.value for penalty in penalties.values())
    assert found.item() == pytest.approx(0.5 * (-own - constant + pull + cover).item(), abs=1e-5)


@pytest.mark.parametrize(
    ("n", "d", "k", "bank"), [(128, 16, 1, 0), (64, 32, 1, 300), (100, 5, 3, 0)]
)
def test_the_potential_takes_the_entropys_push_from_normal_codes(n, d, k, bank):
    """Along the radius, for small, large and all usual ‖z‖: without Φ it is far from 0."""
    generator = torch.Generator().manual_seed(0)
    phi = potential(n, d, k, n - 1 + bank)
    norms, pushes, left = [], [], []
    for _ in range(150):
        code = torch.randn(n, d, generator=generator).requires_grad_()
        others = torch.cat([code, torch.randn(bank, d, generator=generator)])
        entropy = kth_distance(code, others, k=k, same=True).log().sum()
        for value, found in ((entropy, pushes), (entropy - phi(code).sum(), left)):
            (push,) = torch.autograd.grad(value, code, retain_graph=True)
            norm = code.detach().norm(dim=1)
            found.append((push * code.detach()).sum(1) / norm)
        norms.append(norm)
    norm, push, rest = (torch.cat(values) for values in (norms, pushes, left))
    for low, high in ((0.02, 0.2), (0.8, 0.98), (0.02, 0.98)):
        inside = (norm > norm.quantile(low)) & (norm < norm.quantile(high))
        error = rest[inside].std() / math.sqrt(inside.sum())
        assert abs(rest[inside].mean()) < 4 * error
        assert push[inside].mean() > 10 * error


def test_the_potential_of_many_points_is_the_normal_laws():
    """As n grows, entropy − Φ tends to −KL(Z ‖ N(0, I)) / d: Φ to ‖z‖² / 2d."""
    code = torch.eye(3) * torch.tensor([[0.5], [1.0], [2.0]])
    phi = potential(100_000, 3, 1, 99_999)(code)
    expected = (code.square().sum(1) - 3) / 6
    torch.testing.assert_close(phi, expected.to(phi), rtol=0, atol=0.01)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_potential_of_a_code_that_is_not_finite_is_not_finite(bad):
    code = torch.tensor([[1.0, 2.0, 3.0], [bad, 0.0, 0.0], [1e15, 0.0, 0.0]])
    assert torch.isfinite(potential(16, 3, 1, 15)(code)).tolist() == [True, False, True]


@pytest.mark.parametrize("d", [1, 2, 3, 40])
def test_the_potential_is_smooth_and_0_on_the_sphere(d):
    phi = potential(50, d, 1, 49)
    on_sphere = torch.nn.functional.normalize(torch.randn(5, d), dim=1) * math.sqrt(d)
    torch.testing.assert_close(phi(on_sphere), torch.zeros(5), rtol=0, atol=2e-3)
    radii = torch.linspace(0.1, 6, 40, dtype=torch.float64)[:, None] * math.sqrt(d)
    code = (torch.ones(40, d, dtype=torch.float64) / math.sqrt(d) * radii).requires_grad_()
    assert torch.autograd.gradcheck(phi, code)


def test_weight_rises_with_progress():
    latent = Entropic(2, weight=0.8, warmup=(0.1, 0.5))
    weights = []
    for latent.progress in (0.0, 0.1, 0.3, 0.5, 1.0):
        weights.append(latent.current_weight())
    assert weights == pytest.approx([0, 0, 0.4, 0.8, 0.8])
    assert Entropic(2, weight=0.8, warmup=(0, 0)).current_weight() == 0.8


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_collapsed_batch_is_separated(correction):
    """All codes coincide: descending the loss alone drives them apart."""
    h = torch.zeros(16, 4, requires_grad=True)
    latent = Entropic(4, correction=correction).train()
    optimizer = torch.optim.Adam([h], 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        penalty = latent(h).penalties["entropy"]
        (penalty.weight * penalty.value).backward()
        optimizer.step()
    code = latent(h.detach()).code
    assert kth_distance(code).min() > 0.3


def ascend(latent: Entropic, n: int, steps: int) -> float:
    """Spread of ‖z‖ of free points after ascending the entropy from a uniform cube."""
    torch.manual_seed(0)
    h = (torch.rand(n, latent.dim) * 2 - 1).requires_grad_()
    optimizer = torch.optim.Adam([h], 0.02)
    spreads = []
    for step in range(steps):
        optimizer.zero_grad()
        code, penalties = latent(h)
        sum(penalty.weight * penalty.value for penalty in penalties.values()).backward()
        optimizer.step()
        if step >= steps - 50:
            spreads.append(code.detach().norm(dim=1).std().item())
    return sum(spreads) / len(spreads)


@pytest.mark.long
def test_anchors_cure_the_shell():
    """Free points in d = 32: formula (2) ends on a shell, the anchored entropy near N(0, I)."""
    plain = ascend(Entropic(32, correction="none").train(), 256, 300)
    anchored = ascend(Entropic(32, correction="anchors").train(), 256, 300)
    normal = torch.randn(20_000, 32).norm(dim=1).std().item()
    assert plain < 0.7 * normal
    assert 0.85 * normal < anchored < 1.1 * normal


@pytest.mark.long
def test_the_potential_alone_keeps_codes_to_mean_0_and_variance_1():
    """A linear map of normal data whitens it: so the corrected entropy is largest."""
    torch.manual_seed(0)
    latent = Entropic(3, standardize=False).train()
    data = torch.distributions.MultivariateNormal(
        torch.tensor([1.0, -2.0, 0.5]),
        torch.tensor([[4.0, 1.0, 0.0], [1.0, 0.5, 0.2], [0.0, 0.2, 1.0]]),
    )
    encoder = torch.nn.Linear(3, 3)
    optimizer = torch.optim.Adam(encoder.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)
    for _ in range(500):
        optimizer.zero_grad()
        penalties = latent(encoder(data.sample((256,)))).penalties.values()
        sum(penalty.weight * penalty.value for penalty in penalties).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        mean = encoder(data.mean)
        covariance = encoder.weight @ data.covariance_matrix @ encoder.weight.T
    torch.testing.assert_close(mean, torch.zeros(3), atol=0.1, rtol=0)
    torch.testing.assert_close(covariance, torch.eye(3), atol=0.15, rtol=0)


def test_the_baseline_is_what_normal_codes_score():
    latent = Entropic(8, k=1, correction="none").eval()
    codes = torch.randn(40, 128, 8, generator=torch.Generator().manual_seed(0))
    mean = torch.stack([latent(code).penalties["entropy"].value for code in codes]).mean()
    baseline = gaussian_baseline(128, 8, 1)
    assert 8 * mean.item() == pytest.approx(baseline.mean, abs=5 * baseline.std / math.sqrt(40))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "`dim` must be a positive integer: got dim=0"),
        ({"dim": 2, "weight": -1}, "weight"),
        ({"dim": 2, "weight": math.nan}, "weight"),
        ({"dim": 2, "k": 0}, "`k`"),
        ({"dim": 2, "bank": -1}, "bank"),
        ({"dim": 2, "correction": "anchored"}, "must be one of potential, anchors, none"),
        (
            {"dim": 2, "correction": "none", "standardize": False},
            "needs the correction `potential`",
        ),
        ({"dim": 2, "warmup": (0.5, 0.1)}, "warmup"),
        ({"dim": 2, "warmup": 0.3}, "`warmup` must be two shares of the training: got warmup=0.3"),
        ({"dim": 2, "floor": 0}, "floor"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        Entropic(**options)
