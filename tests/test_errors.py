"""Reconstruction errors besides the squared one: what they are, and that all figures stay right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import entropae as ea
from entropae import features
from entropae.cli import main
from entropae.features.maps import distance_of_maps
from entropae.model import ERRORS, absolute_error, gaussian_error, make_error, perceptual_error
from entropae.model.errors import nats_per_value
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import Run, make

INSTALLED = features.is_installed("efficientnet-lite0")
with_features = pytest.mark.skipif(not INSTALLED, reason="needs entropae[features]")
NAMES = ["l1", "gaussian", pytest.param("perceptual", marks=with_features)]


def images(n: int, *, seed: int = 0) -> Tensor:
    """Smooth images in colour, 12 pixels a side."""
    coarse = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, (12, 12), mode="bicubic").clamp(0, 1)


def pairs(shape: tuple[int, ...] = (64, 3, 12, 12)) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.rand(shape), torch.rand(shape)


def test_the_absolute_error_is_what_torch_has() -> None:
    again, x = pairs()
    expected = nn.functional.l1_loss(again, x)
    torch.testing.assert_close(absolute_error(again, x).mean(), expected)


def test_the_gaussian_error_is_the_likelihood_with_fitted_variances() -> None:
    again, x = pairs((50, 7))
    again = again * torch.linspace(0.1, 3, 7)
    variance = (again - x).square().mean(0).expand_as(x)
    expected = nn.functional.gaussian_nll_loss(again, x, variance, full=True)
    found = nats_per_value(float(gaussian_error(again, x, floor=0)))
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_one_variance_for_all_is_the_squared_error() -> None:
    """The logarithm that training minimises is the likelihood with one fitted variance."""
    again, x = pairs((50, 7))
    variance = (again - x).square().mean().expand_as(x)
    expected = nn.functional.gaussian_nll_loss(again, x, variance, full=True)
    assert nats_per_value(float(variance[0, 0])) == pytest.approx(float(expected), rel=1e-5)


def test_pixels_that_are_always_black_do_not_count_without_limit() -> None:
    again, x = pairs((50, 4))
    again[:, 0] = x[:, 0] = 0
    variances = torch.cat([torch.zeros(1), (again - x).square().mean(0)[1:]]) + 255.0**-2
    assert float(gaussian_error(again, x)) == pytest.approx(float(variances.log().mean().exp()))


@with_features
def test_the_perceptual_error_grows_with_blur_and_has_a_gradient() -> None:
    x = images(8) + 0.1 * torch.rand(8, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    error = perceptual_error()
    blurred = [nn.functional.avg_pool2d(x, k, 1, k // 2, count_include_pad=False) for k in (3, 5)]
    once, twice = (float(error(one, x)) for one in blurred)
    assert 0 < once < twice
    for start in (blurred[0], x):
        again = start.clone().requires_grad_()
        error(again, x).backward()
        assert again.grad is not None
        assert again.grad.isfinite().all()
    # Grey images are looked at too.
    assert float(error(blurred[0][:, :1], x[:, :1])) > 0


def test_the_distance_of_feature_maps_is_of_directions() -> None:
    a, b = torch.tensor([[[[1.0]], [[0.0]]]]), torch.tensor([[[[0.0]], [[2.0]]]])
    assert float(distance_of_maps([a], [b])) == pytest.approx(2.0)
    assert float(distance_of_maps([a], [3 * a])) == pytest.approx(0.0)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:A Fréchet distance")
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_stays_right(name: str, tmp_path: Path) -> None:
    x = images(120)
    np.save(tmp_path / "x.npy", x.permute(0, 2, 3, 1).numpy())
    run = tmp_path / "run"
    config = ModelConfig(error=name, hidden=(16,), latent={"name": "entropic", "dim": 3})  # type: ignore[arg-type]
    recipe = Recipe(
        str(tmp_path / "x.npy"),
        epochs=2,
        batch_size=54,
        prior="normal",
        augment="none",
        model=config,
    )
    model = make(recipe, run)
    opened = Run.open(run)
    held_out = opened.held_out.first(len(opened.held_out))
    again = opened.model.reconstruct(held_out)
    squared = float((again - held_out).square().mean())
    found = opened.metrics["validation"]
    assert found["mean_squared_error"] == pytest.approx(squared, rel=1e-4)
    trained_on = float(make_error(name)(again, held_out).mean())
    assert found["reconstruction"] == pytest.approx(trained_on, rel=1e-3)
    assert ("nats_per_value" in found) == (name == "gaussian")
    assert opened.metrics["principal_components"]["mean_squared_error"] > 0
    torch.testing.assert_close(model.reconstruct(held_out), again)
    if name == "l1":
        evaluated = opened.evaluate(features="pixels", progress=False)
        assert evaluated["mean_squared_error"] == pytest.approx(squared, rel=1e-4)
    make(recipe, run, resume=True, asked={"epochs": 3})
    resumed = Run.open(run)
    assert resumed.recipe.model.error == name
    assert [row["epoch"] for row in resumed.log] == [1, 2, 3]


def test_an_error_goes_with_networks_of_ones_own(tmp_path: Path) -> None:
    x = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = ea.Autoencoder(nn.Linear(6, 2), nn.Linear(2, 6), ea.Entropic(2))
    rows = ea.fit(model, x, error=gaussian_error, epochs=2, validation=0.2, progress=False)
    assert rows[-1]["validation/reconstruction"] > 0
    model.save(tmp_path)


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "squared"])
def test_tables_and_text_keep_their_own_errors(name: str, tmp_path: Path, capsys) -> None:
    if name == "perceptual" and not INSTALLED:
        pytest.skip("needs entropae[features]")
    (tmp_path / "x.csv").write_text("a,b\n" + "\n".join(f"{i},{i % 3}" for i in range(60)))
    (tmp_path / "x.txt").write_text("\n".join(f"the cat {i} sat" for i in range(60)))
    for source in ("x.csv", "x.txt"):
        options = ["--out", str(tmp_path / "run"), "--epochs", "1", "--model.error", name]
        assert main(["fit", "--data", str(tmp_path / source), *options]) == 1
        assert "`model.error` must be squared for" in capsys.readouterr().err


@with_features
def test_rows_of_numbers_have_no_features(tmp_path: Path, capsys) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 5)))
    options = ["--out", str(tmp_path / "run"), "--epochs", "1", "--model.error", "perceptual"]
    assert main(["fit", "--data", str(tmp_path / "x.npy"), *options]) == 1
    assert "perceptual for images with values in [0, 1] only" in capsys.readouterr().err


def test_without_the_package_one_line_says_so(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(features, "is_installed", lambda name: False)
    options = ["--out", str(tmp_path / "run"), "--model.error", "perceptual"]
    assert main(["fit", "--data", "digits", *options]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert 'pip install "entropae[features]"' in err
    assert not (tmp_path / "run").exists()


def test_an_unknown_error_is_named() -> None:
    with pytest.raises(ValueError, match="Unknown error 'l2'"):
        make_error("l2")
