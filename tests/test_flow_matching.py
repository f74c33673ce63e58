"""Flow matching against distributions that are known, as a prior and as a model's head."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import entropae as ea
from entropae.prior import FlowMatching, Full, Mixture, Normal
from entropae.prior.arcs import Arcs
from entropae.prior.base import BLOCK

SMALL = {"hidden": 64, "blocks": 2, "steps": 300}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_normals(n: int, seed: int = 0) -> torch.Tensor:
    """0.3 N((−2, 0), ½² I) + 0.7 N((2, 0), ½² I)."""
    rng = seeded(seed)
    side = torch.where(torch.rand(n, 1, generator=rng) < 0.3, -2.0, 2.0)
    return torch.cat([side, torch.zeros(n, 1)], 1) + 0.5 * torch.randn(n, 2, generator=rng)


def log_two_normals(x: torch.Tensor) -> torch.Tensor:
    terms = [
        math.log(share) - (x - torch.tensor([at, 0.0])).square().sum(1) / (2 * 0.25)
        for share, at in ((0.3, -2.0), (0.7, 2.0))
    ]
    return torch.logsumexp(torch.stack(terms), 0) - math.log(2 * math.pi * 0.25)


def banana(n: int, seed: int = 0) -> torch.Tensor:
    """(a, a² / 2 + 0.4 b), a and b from N(0, 1)."""
    a, b = torch.randn(2, n, generator=seeded(seed))
    return torch.stack([a, a.square() / 2 + 0.4 * b], 1)


def log_banana(x: torch.Tensor) -> torch.Tensor:
    a, b = x[:, 0], (x[:, 1] - x[:, 0].square() / 2) / 0.4
    return -0.5 * (a.square() + b.square()) - math.log(2 * math.pi * 0.4)


KNOWN = {"two normals": (two_normals, log_two_normals), "banana": (banana, log_banana)}


@pytest.fixture(scope="module", params=KNOWN)
def known(request):
    """A fitted flow, the distribution that it is of, and its true log-density."""
    draw, log_density = KNOWN[request.param]
    flow = FlowMatching(2, **SMALL)
    flow.fit(draw(4000), seed=0)
    return flow, draw, log_density


def test_the_density_is_nearly_the_true_one(known):
    """KL from the truth, by held-out points, beside that of the best normal distribution."""
    flow, draw, log_density = known
    x = draw(1000, seed=1)
    lost = float((log_density(x) - flow.log_prob(x)).mean())
    full = Full(2)
    full.fit(draw(4000))
    assert -0.01 < lost < 0.05
    assert float((log_density(x) - full.log_prob(x)).mean()) > 10 * lost


def test_samples_are_of_the_distribution(known):
    flow, draw, log_density = known
    drawn, real = flow.sample(4000, generator=seeded(1)), draw(4000, seed=2)
    assert drawn.mean(0).tolist() == pytest.approx(real.mean(0).tolist(), abs=0.12)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(real.T), atol=0.2, rtol=0.1)
    # The entropy, which is the mean of −log density of its own samples.
    expected = float(log_density(real).mean())
    assert float(log_density(drawn).mean()) == pytest.approx(expected, abs=0.25)


def test_codes_come_back_from_the_normal_distribution(known):
    flow, draw, _ = known
    x, u = draw(1000, seed=3), torch.randn(1000, 2, generator=seeded(4))
    with torch.no_grad():
        assert (flow.from_normal(flow.to_normal(x)) - x).abs().max() < 1e-3
        assert (flow.to_normal(flow.from_normal(u)) - u).abs().max() < 1e-3


@pytest.mark.parametrize("strength", [3, 6])
def test_codes_of_bent_ways_come_back_too(strength):
    """Also those that are worse than all by which the number of steps was chosen."""
    flow = FlowMatching(6, hidden=64, blocks=2)
    last = flow.velocity.last[-1].weight
    rng = seeded(0)
    with torch.no_grad():
        last.copy_(strength * torch.randn(last.shape, generator=rng) / 8)
        flow._choose_parts(torch.randn(1000, 6, generator=rng))
        x = torch.randn(4000, 6, generator=rng)
        x = torch.cat([x[:2000], flow.from_normal(x[2000:])])
        error = flow.from_normal(flow.to_normal(x)) - x
    assert torch.linalg.vector_norm(error, dim=1).max() < 1e-3


def test_the_same_seed_gives_the_same_flow():
    x, flows = two_normals(500), [FlowMatching(2, hidden=16, blocks=1, steps=60) for _ in range(3)]
    before = torch.random.get_rng_state()
    for flow, seed in zip(flows, (0, 0, 1), strict=True):
        flow.fit(x, seed=seed)
    assert torch.equal(torch.random.get_rng_state(), before)
    drawn = [flow.sample(300, generator=seeded(5)) for flow in flows]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(flows[0].sample(10, generator=seeded(5)), drawn[0][:10])


def test_before_it_has_learnt_it_is_the_fitted_normal():
    """No step is better than none on held-out codes that have nothing in common with the others."""
    x = torch.randn(300, 3, generator=seeded(0)) @ torch.randn(3, 3, generator=seeded(1))
    flow, full = FlowMatching(3, hidden=16, blocks=1, steps=1), Full(3)
    aside = torch.zeros(300, dtype=torch.bool)
    aside[200:] = True
    flow.fit(x, held_out=aside)
    full.fit(x[:200])
    torch.testing.assert_close(flow.log_prob(x), full.log_prob(x), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(flow.to_normal(x), full.to_normal(x), rtol=1e-4, atol=1e-4)


def test_a_hundred_points_are_not_memorised():
    """Of 100 points in 8 dimensions N(0, I) is not to be bettered: stop near the normal."""
    x, new = torch.randn(100, 8, generator=seeded(0)), torch.randn(2000, 8, generator=seeded(1))
    flow, full = FlowMatching(8, **SMALL), Full(8)
    flow.fit(x)
    full.fit(x)
    expected = float(full.log_prob(new).mean())
    assert float(flow.log_prob(new[:500]).mean()) > expected - 0.3
    drawn = flow.sample(1000, generator=seeded(2))
    near = torch.cdist(drawn, x).min(1).values.median()
    assert near > 0.9 * torch.cdist(new, x).min(1).values.median()


def test_many_dimensions_are_estimated():
    """Beyond 64 dimensions the divergence is probed: of a flow at rest, exactly."""
    x = torch.randn(100, 70, generator=seeded(0))
    flow, full = FlowMatching(70, hidden=8, blocks=1, steps=1), Full(70)
    flow.fit(x, held_out=torch.arange(100) >= 90)
    full.fit(x[:90])
    x = x[:20]
    torch.testing.assert_close(flow.log_prob(x), full.log_prob(x), rtol=1e-3, atol=1e-2)


@pytest.mark.long
def test_the_probes_agree_with_the_determinant(monkeypatch):
    x = banana(1000, seed=6)
    flow = FlowMatching(2, hidden=32, blocks=1, steps=200, parts=16)
    flow.fit(x)
    x = x[:100]
    exact = flow.log_prob(x)
    monkeypatch.setattr("entropae.prior.flow_matching.EXACT", 1)
    monkeypatch.setattr("entropae.prior.flow_matching.PROBES", 64)
    assert float((flow.log_prob(x) - exact).mean().abs()) < 0.03


def test_seconds_are_kept_to():
    import time

    flow = FlowMatching(2, hidden=16, blocks=1, steps=10**6, seconds=0.5)
    began = time.monotonic()
    flow.fit(two_normals(500))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("option", ["hidden", "blocks", "steps", "parts"])
def test_sizes_are_checked(option):
    with pytest.raises(ValueError, match=f"`{option}` must be a positive integer: got {option}=0"):
        FlowMatching(2, **{option: 0})


def test_the_size_is_by_the_number_of_codes(tmp_path):
    """Few get a narrow network, in a few seconds; what was chosen is saved with it."""
    flows = [FlowMatching(2, blocks=1, seconds=0.2) for _ in range(2)]
    for flow, n in zip(flows, (500, 20_000), strict=True):
        flow.fit(two_normals(n))
    assert [(flow.hidden, flow.steps) for flow in flows] == [(128, 1500), (256, 4000)]
    asked = FlowMatching(2, hidden=16, blocks=1, steps=20)
    asked.fit(two_normals(500))
    assert (asked.hidden, asked.steps) == (16, 20)
    model, small = of_codes(), FlowMatching(2, blocks=1, seconds=0.2)
    model.fit_head(two_normals(500), small).save(tmp_path)
    kept = ea.load(tmp_path, encoder=model.encoder, decoder=model.decoder).head
    assert (kept.hidden, kept.steps) == (128, 1500)


# What it learns from


def test_velocities_are_means_over_arcs():
    """Of normal points the mean velocity is 0 everywhere, of single arcs (π / 2)² on average."""
    x = torch.randn(20_000, 2, generator=seeded(0))
    arcs = Arcs(x, torch.zeros(20_000, dtype=torch.long), 0, seeded(1))
    single, mean = (arcs.draw(1000, n)[2].square().mean() for n in (0, 20_000))
    assert float(single) == pytest.approx(math.pi**2 / 4, rel=0.1)
    assert float(mean) < 0.05 * single


def test_velocities_of_a_class_lead_to_it():
    """Which end of x = a noise + b end a velocity π / 2 (a end − b noise) leads to."""
    number = torch.arange(4000) % 2
    points = (6.0 * number - 3)[:, None] + 0.1 * torch.randn(4000, 1, generator=seeded(0))
    x, t, v, label = Arcs(points, number, 2, seeded(1)).draw(2000, 4000)
    assert label is not None
    angle = math.pi / 2 * t
    ends = (angle.sin() * x + angle.cos() * v * 2 / math.pi)[:, 0]
    for i in (0, 1):
        assert (ends[label == i] - (6 * i - 3)).abs().max() < 0.5
    # Without a label to both: of two points ±3, as likely as they are to have led through x.
    unknown, x, angle = label == 2, x[:, 0], angle[:, 0]
    expected = 3 * torch.tanh(3 * angle.sin() * x / angle.cos().square())
    torch.testing.assert_close(ends[unknown], expected[unknown], atol=0.5, rtol=0)


# Classes


def three_classes(n: int, seed: int = 0) -> tuple[torch.Tensor, list[str]]:
    """N((4 c, 0), I / 4), class c with shares 1/6, 2/6, 3/6."""
    rng = seeded(seed)
    c = torch.tensor([0, 1, 1, 2, 2, 2])[torch.randint(6, (n,), generator=rng)]
    x = torch.stack([4.0 * c, torch.zeros(n)], 1) + 0.5 * torch.randn(n, 2, generator=rng)
    return x, [str(10 * int(i)) for i in c]


@pytest.mark.parametrize(
    "prior", [Mixture(2), FlowMatching(2, **SMALL)], ids=lambda p: type(p).__name__
)
def test_each_class_can_be_drawn(prior):
    x, labels = three_classes(3000)
    prior.fit(x, labels=labels)
    assert prior.classes == ("0", "10", "20")
    for i, label in enumerate(prior.classes):
        drawn = prior.sample(500, generator=seeded(1), label=label)
        assert drawn.mean(0).tolist() == pytest.approx([4.0 * i, 0], abs=0.2)
        assert (drawn[:, 0] - 4 * i).abs().lt(2).float().mean() > 0.97
    balanced = prior.sample(300, generator=seeded(1), balanced=True)
    found = (balanced[:, 0] / 4).round()
    assert torch.bincount(found.long().clamp(0, 2)).tolist() == pytest.approx([100] * 3, abs=4)
    # Without a label, as often as in the data.
    shares = (prior.sample(3000, generator=seeded(2))[:, 0] / 4).round().clamp(0, 2)
    expected = [1 / 6, 2 / 6, 3 / 6]
    assert (torch.bincount(shares.long()) / 3000).tolist() == pytest.approx(expected, abs=0.06)


def test_unknown_classes_are_refused():
    prior = Mixture(2)
    prior.fit(torch.randn(40, 2), labels=["a", "b"] * 20)
    with pytest.raises(ValueError, match=r"'c'.* a, b"):
        prior.sample(3, label="c")
    with pytest.raises(ValueError, match="not for both"):
        prior.sample(3, label="a", balanced=True)
    with pytest.raises(ValueError, match="knows of no classes"):
        Normal(2).sample(3, label="a")
    with pytest.raises(ValueError, match="a label for each of 4 codes: got 3"):
        Mixture(2).fit(torch.randn(4, 2), labels=["a", "b", "c"])
    with pytest.raises(ValueError, match="'b' has 1"):
        Mixture(2).fit(torch.randn(9, 2), labels=["a"] * 8 + ["b"])


# Temperature and truncation


def test_temperature_scales_what_is_drawn():
    full = Full(2)
    full.fit(torch.randn(500, 2, generator=seeded(0)) * torch.tensor([1.0, 3.0]) + 5)
    plain = full.sample(300, generator=seeded(1))
    cool = full.sample(300, generator=seeded(1), temperature=0.5)
    torch.testing.assert_close(cool - full.mean, 0.5 * (plain - full.mean))


def test_truncation_is_the_truncated_normal():
    from scipy import stats

    drawn = Normal(1).sample(20_000, generator=seeded(0), truncation=1.5)
    assert drawn.abs().max() <= 1.5
    assert stats.kstest(drawn[:, 0].numpy(), stats.truncnorm(-1.5, 1.5).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["temperature", "truncation"])
def test_wishes_are_checked(name):
    for value in (0.0, math.inf, math.nan, "0.7"):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive number: got {name}="):
            Normal(2).sample(3, **{name: value})


def test_no_number_is_beyond_a_wide_truncation():
    """Where the share within it is 1 but for rounding, one number in 10^7 was infinite."""
    drawn = Normal(1).sample(8, truncation=6.0)
    assert drawn.abs().max() <= 6
    lowest = torch.zeros(BLOCK, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda *size, **options: lowest)
        assert Normal(1).sample(8, truncation=6.0).tolist() == [[-6.0]] * 8


def test_codes_of_any_number_are_at_least_one():
    with pytest.raises(ValueError, match="`n` must be a whole number of at least 1: got n=0"):
        Normal(2).sample(0)


def coded(labels: bool = False) -> tuple[ea.Autoencoder, torch.Tensor, list[str]]:
    x = torch.randn(400, 3, generator=seeded(0))
    model = ea.Autoencoder(nn.Identity(), nn.Identity(), ea.Plain(3))
    return model, x, ["a", "b", "c", "d"] * 100


def test_a_mixture_fitted_again_has_as_many_components_as_before(tmp_path):
    model, x, labels = coded()
    for asked, found in ((2, 8), (None, None)):
        mixture = Mixture(3, asked)
        counts = []
        for _ in range(3):
            model.fit_prior(x, mixture, labels=labels)
            counts.append(mixture.components)
        assert len({*counts}) == 1
        assert found is None or counts[0] == found
    model.fit_prior(x, mixture)  # and without classes it has none of them
    model.save(tmp_path)
    again = ea.load(tmp_path, encoder=nn.Identity(), decoder=nn.Identity())
    assert again.classes == ()
    assert torch.equal(again.sample(5, seed=0), model.sample(5, seed=0))


def test_a_fit_that_is_refused_leaves_all_as_it_was():
    model, x, labels = coded()
    flow = FlowMatching(3, steps=20, hidden=8, blocks=1)
    model.fit_head(x, flow, labels=labels)
    before = model.sample(5, seed=0)
    with pytest.raises(ValueError, match="label"):
        model.fit_head(x, flow, labels=labels[:3])
    assert model.classes == ("a", "b", "c", "d")
    assert torch.equal(model.sample(5, seed=0), before)
    model, x, labels = coded()
    model.fit_prior(x, "mixture")
    with pytest.raises(ValueError, match="codes"):
        model.choose_prior(x[:4], x, ("full", "flow-matching"))
    assert model.prior == "mixture"
    assert {*model.priors} == {"normal", "mixture"}


def test_priors_are_not_compared_on_nothing():
    model, x, _ = coded()
    with pytest.raises(ValueError, match="At least 1 held-out sample"):
        model.choose_prior(x, x[:0], "full")
    assert model.choose_prior(5 * x, x[:1], "full").best == "normal"  # one tells nothing apart
    assert model.choose_prior(5 * x, x, "full").best in ("normal", "full")


def test_a_head_of_ones_own_class_is_loaded_again(tmp_path):
    class Mine(FlowMatching):
        pass

    model, x, _ = coded()
    model.fit_head(x, Mine(3, steps=20, hidden=8, blocks=1))
    model.save(tmp_path)
    networks = {"encoder": nn.Identity(), "decoder": nn.Identity()}
    call = r"load\(folder, encoder=encoder, decoder=decoder, head=head\)"
    with pytest.raises(ValueError, match=rf"its head \(Mine\) is of your own.*{call}"):
        ea.load(tmp_path, **networks)
    head = Mine(3, steps=20, hidden=8, blocks=1, parts=model.head.parts)
    again = ea.load(tmp_path, **networks, head=head)
    assert torch.equal(again.sample(5, seed=0), model.sample(5, seed=0))
    coded()[0].save(tmp_path / "bare")
    with pytest.raises(ValueError, match="it has no head: leave out head="):
        ea.load(tmp_path / "bare", **networks, head=head)


def test_seeds_and_names_of_a_fit():
    model, x, _ = coded()
    model.fit_prior(x, "mixture", seed=1 << 40)
    with pytest.raises(
        ValueError, match="`seed` must be a whole number of at least 0: got seed=-1"
    ):
        model.fit_prior(x, "mixture", seed=-1)
    assert isinstance(model.fit_head(x, "gaussian").head, Full)
    with pytest.raises(ValueError, match="`steps` must be a whole number of at least 2"):
        model.interpolate(x[:2], x[2:4], steps=2.5)


# The choice


class Given(nn.Module):
    """An encoder that has the codes already."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def of_codes() -> ea.Autoencoder:
    return ea.Autoencoder(Given(), Given(), ea.Plain(2))


def test_normal_codes_choose_the_normal():
    x = torch.randn(2500, 2, generator=seeded(0))
    model = of_codes()
    choice = model.choose_prior(x[:2000], x[2000:], ("full", "mixture", FlowMatching(2, **SMALL)))
    assert choice.best == model.prior == "normal"
    assert choice.likelihoods["normal"].nats == pytest.approx(
        -math.log(2 * math.pi * math.e), abs=0.15
    )


def test_correlated_codes_choose_the_fitted_normal():
    x = torch.randn(3000, 2, generator=seeded(0)) @ torch.tensor([[1.0, 0.9], [0.0, 0.4]])
    assert of_codes().choose_prior(x[:2000], x[2000:], ("full", "mixture")).best == "full"


@pytest.mark.long
def test_clusters_choose_the_mixture_and_a_banana_the_flow():
    x = two_normals(3000)
    flow = FlowMatching(2, **SMALL)
    choice = of_codes().choose_prior(x[:2000], x[2000:], ("full", "mixture", flow))
    assert choice.best == "mixture"
    assert "the mixture" in str(choice)
    x = banana(4000)
    few = Mixture(2, components=2)
    choice = of_codes().choose_prior(x[:3000], x[3000:], ("full", few, FlowMatching(2, **SMALL)))
    assert choice.best == "flow-matching"


# The head


@pytest.fixture(scope="module")
def headed():
    model, x = of_codes(), banana(3000)
    return model.fit_head(x, FlowMatching(2, **SMALL)), x


def test_a_head_makes_codes_normal_and_leaves_reconstructions(headed):
    model, _ = headed
    new = banana(1000, seed=1)
    u = model.encode(new)
    assert u.mean(0).abs().max() < 0.15
    torch.testing.assert_close(torch.cov(u.T), torch.eye(2), atol=0.2, rtol=0)
    skew = ((u - u.mean(0)) / u.std(0)).pow(3).mean(0).abs().max()
    assert skew < 0.3 < ((new - new.mean(0)) / new.std(0)).pow(3).mean(0).abs().max()
    assert torch.equal(model.reconstruct(new), new)
    assert torch.equal(model.encode(new, head=False), new)
    assert (model.decode(u) - new).abs().max() < 1e-3


def test_as_a_prior_it_draws_what_it_draws_as_a_head():
    x, few = banana(3000), {"hidden": 16, "blocks": 1, "steps": 60}
    head = of_codes().fit_head(x, FlowMatching(2, **few))
    prior = of_codes().fit_prior(x, FlowMatching(2, **few))
    full = of_codes().fit_prior(x, "full")
    drawn = prior.sample(500, seed=3)
    torch.testing.assert_close(drawn, head.sample(500, seed=3))
    assert (drawn - full.sample(500, seed=3)).abs().max() > 0.1, "it has learnt something"


def test_samples_go_through_the_head(headed):
    model, _ = headed
    drawn = model.sample(500, seed=3)
    u = torch.cat([torch.randn(256, 2, generator=g) for g in [seeded(3)] for _ in range(2)])[:500]
    torch.testing.assert_close(drawn, model.decode(u))
    assert model.drawn_from() == "N(0, I), through the head"
    assert torch.equal(model.draw(500, seed=3, head=False), u)


def test_priors_are_compared_on_codes_of_all_classes():
    """Held-out samples are often in the order of their classes."""

    def both(n: int, seed: int) -> torch.Tensor:
        x = torch.randn(2 * n, 2, generator=seeded(seed))
        return torch.cat([x[:n], 0.05 * x[n:] + torch.tensor([4.0, 0.0])])

    model = of_codes()
    for held_out in (both(600, 1), both(600, 1).numpy()):
        choice = model.choose_prior(both(1500, 0), held_out, ("full", "mixture"))
        assert choice.best == "mixture"
        assert choice.codes == 500


def test_heads_are_compared_before_them(headed):
    """All likelihoods are of the codes before the head, so that they can be compared."""
    model, x = headed
    new = banana(500, seed=2)
    choice = model.choose_prior(x, new, ("full",))
    assert choice.best == "normal"
    truth = float(log_banana(new).mean())
    assert choice.likelihoods["normal"].nats == pytest.approx(truth, abs=0.06)
    bare = Normal(2).log_prob(new).mean()
    assert choice.likelihoods["normal-without-head"].nats == pytest.approx(float(bare), rel=1e-5)


def test_a_head_is_saved(headed, tmp_path):
    model, x = headed
    model.save(tmp_path)
    again = ea.load(tmp_path, encoder=Given(), decoder=Given())
    assert isinstance(again.head, FlowMatching)
    assert torch.equal(again.encode(x[:100]), model.encode(x[:100]))
    assert torch.equal(again.sample(5, seed=0), model.sample(5, seed=0))


def test_training_drops_the_head(headed):
    model, x = headed
    fresh = ea.Autoencoder(nn.Linear(2, 2), nn.Linear(2, 2), ea.Plain(2))
    fresh.attach(model.head)
    ea.fit(fresh, x, epochs=1, progress=False)
    assert fresh.head is None


def test_a_latent_asks_for_its_head():
    x = torch.randn(600, 4, generator=seeded(0))
    latent = ea.Entropic(2, head="full")
    model = ea.Autoencoder(nn.Linear(4, 2), nn.Linear(2, 4), latent)
    ea.fit(model, x, epochs=2, progress=False)
    assert isinstance(model.head, Full)
    torch.testing.assert_close(torch.cov(model.encode(x).T), torch.eye(2), atol=0.15, rtol=0)
    with pytest.raises(ValueError, match="head"):
        ea.Entropic(2, head="neck")


def test_a_conditional_head_draws_each_class():
    x, labels = three_classes(3000)
    model = of_codes().fit_head(x, FlowMatching(2, **SMALL | {"steps": 250}), labels=labels)
    drawn = model.sample(400, seed=0, label=20)
    assert drawn.mean(0).tolist() == pytest.approx([8, 0], abs=0.25)
    with pytest.raises(ValueError, match="'30'"):
        model.sample(4, label=30)


def test_somebody_elses_networks_are_not_touched():
    """The example of docs/priors.md in small: a plain autoencoder, trained in plain PyTorch."""
    torch.manual_seed(0)
    x = banana(2000) @ torch.randn(2, 6)
    encoder, decoder = nn.Linear(6, 2), nn.Linear(2, 6)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        (decoder(encoder(x)) - x).square().mean().backward()
        optimizer.step()
    before = [p.clone() for p in encoder.parameters()]
    flow = FlowMatching(2, **SMALL | {"steps": 250})
    model = ea.Autoencoder(encoder, decoder, ea.Plain(2)).fit_head(x, flow)
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))
    drawn, bare = model.sample(1000, seed=0), model.draw(1000, seed=0, head=False)
    gap, gap_bare = (
        (torch.cov(y.T) - torch.cov(x.T)).norm() / torch.cov(x.T).norm() for y in (drawn, bare)
    )
    assert gap < 0.25 < gap_bare


def test_diagnosis_and_interpolation_are_of_the_head(headed):
    model, x = headed
    found = model.diagnose(x[:1000], banana(500, seed=4), progress=False)
    assert not {"clusters", "holes", "shell", "tails"} & {one.name for one in found.findings}
    between = model.interpolate(x[:3], x[3:6], steps=3)
    torch.testing.assert_close(between[:, 0], x[:3], atol=1e-3, rtol=0)
    torch.testing.assert_close(between[:, 2], x[3:6], atol=1e-3, rtol=0)


@pytest.mark.long
def test_a_head_is_exported():
    """As ONNX, encoder and decoder go through the head; `to_onnx` compares them with torch."""
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    from entropae.explorer.export import to_onnx

    x = banana(8, seed=7)
    model, small = of_codes(), FlowMatching(2, hidden=8, blocks=1, steps=60, parts=2)
    model.fit_head(banana(500), small)
    encoder, decoder = (onnxruntime.InferenceSession(part) for part in to_onnx(model, x))
    (u,) = encoder.run(None, {"x": x.numpy()})
    (again,) = decoder.run(None, {"z": u})
    assert torch.from_numpy(u).allclose(model.encode(x), atol=1e-4)
    assert torch.from_numpy(again).allclose(model.decode(torch.from_numpy(u)), atol=1e-4)


def test_the_explorer_is_of_the_head(headed):
    from entropae.explorer import Space
    from entropae.kinds import read

    model, x = headed
    space = Space(model, read(x[:200]), title="banana")
    assert torch.equal(space.codes, model.encode(x[:200]))
    drawn = space.draw("normal", 5, seed=0)
    assert torch.equal(drawn, torch.randn(256, 2, generator=seeded(0))[:5])
    assert torch.equal(space.decode(drawn), model.sample(5, seed=0))


@pytest.mark.parametrize("progress", [True, False])
def test_the_bar_of_a_head_is_shown_if_asked(progress, capsys, monkeypatch):
    encoder, decoder = nn.Linear(2, 1), nn.Linear(1, 2)
    model = ea.Autoencoder(encoder, decoder, ea.Plain(1, head="flow-matching"))
    small = FlowMatching(1, hidden=8, blocks=1, steps=20)
    monkeypatch.setattr(FlowMatching, "sized", lambda *_: small)
    ea.fit(model, banana(60), epochs=1, progress=progress)
    assert model.head is small
    assert ("Fitting the flow" in capsys.readouterr().err) == progress


@pytest.mark.parametrize(
    ("n", "steps", "asked", "size"),
    [
        (54_000, 1055, None, (256, 3, 1582)),
        (54_000, 8000, None, (256, 3, 4000)),
        (4000, 8000, None, (256, 3, 4000)),
        (3999, 8000, None, (128, 3, 1500)),
        (900, 1200, None, (128, 3, 1500)),
        (900, 100, None, (128, 3, 500)),
        (900, 1200, 4000, (128, 3, 4000)),
        (54_000, 1055, 3999, (256, 3, 3999)),
        (54_000, 1055, 4000, (384, 4, 4000)),
    ],
)
def test_a_flow_is_as_large_as_codes_and_steps_are_many(n, steps, asked, size):
    flow = FlowMatching.sized(16, n, steps, asked)
    assert (flow.hidden, flow.blocks, flow.steps) == size
