"""The other methods' penalties against closed forms and direct transcriptions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate
from sklearn.datasets import load_digits
from torch import nn
from torch.distributions import Normal, kl_divergence

import entropae as ea
from entropae.cli import main
from entropae.latent import Balanced, Matching, Regularized, Spherical, Variational
from entropae.latent.matching import cramer_wold, mmd, sigreg
from entropae.latent.names import METHODS
from entropae.model import Autoencoder, load
from entropae.nn import pair


def test_kl_is_the_divergence_of_normals_per_dimension():
    h = torch.randn(50, 8)
    _, penalties = Variational(4, weight=0.3).train()(h)
    law = Normal(h[:, :4], (0.5 * h[:, 4:]).exp())
    expected = kl_divergence(law, Normal(0.0, 1.0)).sum(1).mean() / 4
    torch.testing.assert_close(penalties["kl"].value, expected)
    assert penalties["kl"].weight == 0.3


def test_codes_are_drawn_in_training_and_means_at_inference():
    latent = Variational(2)
    h = torch.tensor([[1.0, -2.0, math.log(0.25), math.log(4.0)]]).repeat(40_000, 1)
    code = latent.train()(h).code
    torch.testing.assert_close(code.mean(0), torch.tensor([1.0, -2.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(code.std(0), torch.tensor([0.5, 2.0]), atol=0.05, rtol=0)
    assert latent.eval()(h).code[0].tolist() == [1.0, -2.0]


def test_batch_norm_bounds_the_divergence_from_below():
    """Zhu et al.: E KL >= d γ²/2 whatever the encoder gives, even nothing but noise."""
    latent = Variational(4, batch_norm=0.8).train()
    for scale in (0.1, 1.0, 100.0):
        h = torch.randn(200, 8) * torch.tensor([scale] * 4 + [1e-3] * 4)
        assert latent(h).penalties["kl"].value.item() > 0.5 * 0.8**2 * 0.99


def test_balanced_codes_have_mean_0_and_variance_1():
    latent = Balanced(3).train()
    with torch.no_grad():
        latent.theta.copy_(torch.tensor([-2.0, 0.0, 3.0]))
    code = latent(5 + 3 * torch.randn(50_000, 6)).code
    torch.testing.assert_close(code.mean(0), torch.zeros(3), atol=0.03, rtol=0)
    torch.testing.assert_close(code.var(0), torch.ones(3), atol=0.05, rtol=0)


def test_mmd_against_its_sum():
    code = torch.randn(7, 3, dtype=torch.float64)
    torch.manual_seed(5)
    found = mmd(code)
    torch.manual_seed(5)
    normal = torch.randn_like(code)

    def kernel(x, y):
        squared = float((x - y).square().sum())
        return sum(6 * s / (6 * s + squared) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    n = range(7)
    own = sum(kernel(code[i], code[j]) for i in n for j in n if i != j) / 42
    other = sum(kernel(normal[i], normal[j]) for i in n for j in n if i != j) / 42
    cross = sum(kernel(code[i], normal[j]) for i in n for j in n) / 49
    assert found.item() == pytest.approx(own + other - 2 * cross, rel=1e-9)


def test_mmd_is_unbiased():
    values = torch.stack([mmd(torch.randn(50, 4)) for _ in range(300)])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(300)
    assert mmd(torch.randn(500, 4) + 1) > 0.5


def test_cramer_wold_against_its_sum():
    x = torch.randn(9, 6, dtype=torch.float64)
    n, d = x.shape
    gamma = (4 / (3 * n)) ** 0.4
    own = (
        sum((gamma + float((a - b).square().sum()) / (2 * d - 3)) ** -0.5 for a in x for b in x)
        / n**2
    )
    cross = sum((gamma + 0.5 + float(a.square().sum()) / (2 * d - 3)) ** -0.5 for a in x) / n
    expected = (own + (1 + gamma) ** -0.5 - 2 * cross) / (2 * math.sqrt(math.pi))
    assert cramer_wold(x).item() == pytest.approx(expected, rel=1e-9)


def test_sigreg_against_the_integral_in_one_dimension():
    """In one dimension every direction is ±1, and the statistic is an integral."""
    x = torch.randn(40, 1, dtype=torch.float64) * 1.5 + 0.3

    def integrand(t):
        cos, sin = torch.cos(t * x).mean().item(), torch.sin(t * x).mean().item()
        return ((cos - math.exp(-t * t / 2)) ** 2 + sin**2) * math.exp(-t * t / 2)

    expected = 40 * integrate.quad(integrand, -3, 3)[0]
    assert sigreg(x, knots=401).item() == pytest.approx(expected, rel=1e-4)
    assert sigreg(x).item() == pytest.approx(expected, rel=0.02)


# The Cramér–Wold distance is in its approximation for 20 dimensions and more.
@pytest.mark.parametrize(("distance", "d"), [("mmd", 4), ("sigreg", 4), ("cramer_wold", 24)])
def test_descending_a_distance_makes_codes_normal(distance, d):
    h = (torch.rand(256, d) * 2 - 0.7).requires_grad_()  # variance 1/3, mean 0.3
    latent = Matching(d, distance=distance).train()
    optimizer = torch.optim.Adam([h], 0.05)
    for _ in range(300):
        optimizer.zero_grad()
        latent(h).penalties["match"].value.backward()
        optimizer.step()
    assert h.detach().mean(0).abs().max() < 0.15
    assert h.detach().var(0).sub(1).abs().max() < 0.25


def test_regularized_penalties_on_a_linear_decoder():
    """D(z) = A z + b: the summed output has the gradient Σ_rows A, the weights are A and b."""
    decoder = torch.nn.Linear(3, 5)
    a, b = decoder.weight.detach(), decoder.bias.detach()
    h = torch.randn(10, 3)
    for kind, expected in (
        ("l2", a.square().sum() + b.square().sum()),
        ("gradient", a.sum(0).square().mean()),
    ):
        latent = Regularized(3, 0.2, decoder=kind, decoder_weight=0.3).train()
        model = Autoencoder(torch.nn.Linear(5, 3), decoder, latent)
        penalties = model(torch.randn(10, 5)).penalties
        torch.testing.assert_close(penalties["decoder"].value.detach(), expected)
        assert penalties["decoder"].weight == 0.3
        code, own = latent(h)
        torch.testing.assert_close(own["norm"].value, 0.5 * h.square().mean())
        assert torch.equal(code, h)
        penalties["decoder"].value.backward()
        assert decoder.weight.grad.abs().sum() > 0
        decoder.zero_grad()
        with torch.no_grad():
            assert "decoder" not in model.eval()(torch.randn(10, 5)).penalties


def test_spectral_normalisation_makes_each_layer_lipschitz_one(tmp_path):
    latent = Regularized(4, decoder="spectral")
    model = Autoencoder(*pair("mlp", (1, 8, 8), 4, 4, hidden=(32, 16)), latent).train()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(5)
        for _ in range(50):  # power iterations, one a forward pass
            model(torch.rand(20, 1, 8, 8))
    layers = [layer for layer in model.decoder.modules() if isinstance(layer, nn.Linear)]
    norms = [float(torch.linalg.matrix_norm(layer.weight.detach(), ord=2)) for layer in layers]
    assert norms == pytest.approx([1, 1, 1], abs=1e-3)
    assert "decoder" not in model(torch.rand(20, 1, 8, 8)).penalties
    model.eval().save(tmp_path)
    again = load(tmp_path)
    z = torch.randn(7, 4)
    assert torch.equal(again.decode(z), model.decode(z))
    # A decoder that is used again is not normalised twice.
    assert Autoencoder(model.encoder, model.decoder, latent).state_dict().keys() == (
        model.state_dict().keys()
    )


def test_spherical_codes_have_norm_root_d():
    code = Spherical(9)(torch.randn(20, 9)).code
    torch.testing.assert_close(code.norm(dim=1), torch.full((20,), 3.0))
    model = Autoencoder(nn.Identity(), nn.Identity(), Spherical(9)).eval()
    torch.testing.assert_close(model.sample(20, seed=0).norm(dim=1), torch.full((20,), 3.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Variational(2, weight=-1), "weight"),
        (lambda: Variational(2, batch_norm=0), "batch_norm"),
        (lambda: Balanced(2, least=1), "least"),
        (lambda: Regularized(2, decoder="l1"), "l2, gradient, spectral"),
        (lambda: Regularized(2, weight=-1), "Weights"),
        (lambda: Matching(2, distance="wasserstein"), "mmd, cramer_wold, sigreg"),
        (lambda: Matching(2, weight=math.nan), "weight"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_latent_trains_by_default(name, tmp_path, monkeypatch):
    """At principal components, or at random weights where the latent bounds the decoder's."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", load_digits().images[:200] / 16)
    asked = ["--epochs", "1", "--no-report", "--logger", "none", "--prior", "normal"]
    fit = ["fit", "--data", "x.npy", "--out", "run", "--model.latent.name", name]
    assert main([*fit, *asked]) == 0
    run = ea.Run.open("run")
    assert run.recipe.model.start == ("random" if name == "rae-sn" else "pca")
    assert torch.isfinite(run.model.draw(10, seed=0)).all()
