"""Networks that start at principal components, against scikit-learn's; what the data settle."""

from __future__ import annotations

import math
import re
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor, nn

import entropae as ea
from entropae.cli import main
from entropae.kinds import as_samples, read
from entropae.kinds.images.augmenting import AUGMENTATIONS
from entropae.latent import Entropic, Plain, Spherical
from entropae.metrics.principal import leading_components
from entropae.model import (
    augmentation,
    choose_augmentation,
    components_of,
    load,
    pca_error,
    start_from_pca,
)
from entropae.model.dimension import choose_dim
from entropae.nn import (
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    TableDecoder,
    has_linear_path,
    pair,
)
from entropae.nn.table import entropies_of
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import Run
from entropae.runs.making import begun_model
from entropae.runs.settling import MANY, SOME, rate_of, settled
from entropae.runs.training import fit_by
from entropae.training import budget
from options import SMALL

RANK = 30


def samples_of(shape: tuple[int, ...], n: int, *, seed: int = 0) -> Tensor:
    """Samples around 0.5 whose variance falls along 30 directions."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.randn(RANK, math.prod(shape), generator=torch.Generator().manual_seed(9))
    scores = torch.randn(n, RANK, generator=generator) * torch.logspace(0, -1.5, RANK)
    return (0.5 + 0.05 * scores @ axes).clamp(0, 1).unflatten(1, shape)


def pca_of(x: Tensor, d: int) -> PCA:
    return PCA(d, svd_solver="full").fit(x.flatten(1).double().numpy())


@pytest.mark.parametrize(
    ("network", "shape"),
    [("mlp", (1, 8, 8)), ("conv", (1, 8, 8)), ("mlp", (3, 20, 20)), ("residual", (3, 20, 17))],
)
def test_started_networks_reconstruct_held_out_samples_as_pca_does(
    network: str, shape: tuple[int, ...]
) -> None:
    x, held_out = samples_of(shape, 300), samples_of(shape, 50, seed=1)
    d = 7
    networks = pair(network, shape, d, d, output="clip", linear=True)
    model = start_from_pca(ea.Autoencoder(*networks, Entropic(d)), x).eval()
    pca = pca_of(x, d)
    scores = pca.transform(held_out.flatten(1).double().numpy())
    expected = pca.inverse_transform(scores).clip(0, 1)
    np.testing.assert_allclose(model.reconstruct(held_out).flatten(1).numpy(), expected, atol=2e-5)
    # The code is the whitened scores, each up to its sign.
    whitened = np.abs(scores / np.sqrt(pca.explained_variance_))
    np.testing.assert_allclose(model.encode(held_out).abs().numpy(), whitened, atol=2e-3)
    error = pca_error(
        as_samples(held_out, validation=0),
        components_of(as_samples(x, validation=0), d),
        d,
        clip=True,
    )
    assert error == pytest.approx(((expected - held_out.flatten(1).numpy()) ** 2).mean(), rel=1e-3)


def test_started_networks_train_on_from_there() -> None:
    """Of a circle one principal component leaves half the variance, a curve nothing."""
    angle = 6.2832 * torch.rand(400, generator=torch.Generator().manual_seed(0))
    x = torch.stack([angle.cos(), angle.sin()], 1)
    torch.manual_seed(0)
    networks = pair("mlp", (2,), 1, 1, output="linear", linear=True, hidden=(64, 64))
    model = start_from_pca(ea.Autoencoder(*networks, Entropic(1, weight=0.0)), x).eval()
    assert float((model.reconstruct(x) - x).square().mean()) == pytest.approx(0.25, abs=0.02)
    options = {"epochs": 60, "batch_size": 50, "learning_rate": 3e-3, "validation": 0}
    ea.fit(model, x, **options, progress=False)
    assert float((model.reconstruct(x) - x).square().mean()) < 0.1


@pytest.mark.parametrize("m", [40, 1500])
def test_leading_components_are_those_of_scikit_learn(m: int) -> None:
    x = samples_of((m,), 200)
    found = leading_components(lambda: x.split(64), 5)
    pca = pca_of(x, 5)
    np.testing.assert_allclose(found.variances.numpy(), pca.explained_variance_, rtol=1e-4)
    alike = np.abs(found.axes.numpy() @ pca.components_.T)
    np.testing.assert_allclose(alike, np.eye(5), atol=2e-3)


def test_samples_of_few_directions_leave_the_other_coordinates_as_they_were() -> None:
    x = torch.arange(20.0)[:, None] * torch.tensor([[1.0, 2.0, -1.0]])
    torch.manual_seed(0)
    encoder = MLPEncoder((3,), 2, hidden=(8,), linear=True)
    decoder = MLPDecoder((3,), 2, hidden=(8,), linear=True, output="linear")
    before = encoder.layers[-1].weight[1].clone()
    model = start_from_pca(ea.Autoencoder(encoder, decoder, Entropic(2)), x).eval()
    torch.testing.assert_close(encoder.layers[-1].weight[1], before)
    torch.testing.assert_close(model.reconstruct(x), x, atol=1e-3, rtol=0)


def test_probabilities_of_a_table_start_at_pca_to_first_order() -> None:
    generator = torch.Generator().manual_seed(0)
    number = torch.randn(400, 1, generator=generator)
    chance = (0.5 + 0.01 * number)[:, 0]
    states = torch.stack([chance, 1 - chance], 1)  # probabilities near their mean
    x = torch.cat([number, states], 1)
    encoder = MLPEncoder((3,), 2, linear=True)
    decoder = TableDecoder([0, 2], 2, entropies=entropies_of([0, 2], x), linear=True)
    model = start_from_pca(ea.Autoencoder(encoder, decoder, Entropic(2)), x).eval()
    torch.testing.assert_close(model.reconstruct(x), x, atol=1e-3, rtol=0)


def test_networks_without_a_linear_path_are_refused() -> None:
    model = ea.Autoencoder(nn.Linear(4, 2), nn.Linear(2, 4), Entropic(2))
    with pytest.raises(ValueError, match=r"Linear has no linear path .* linear=True"):
        start_from_pca(model, torch.randn(50, 4))


def test_a_model_with_linear_paths_is_saved_and_loaded(tmp_path: Path) -> None:
    x = samples_of((1, 8, 8), 60)
    model = ea.Autoencoder(*pair("conv", (1, 8, 8), 3, 3, output="clip", linear=True), Entropic(3))
    start_from_pca(model, x).eval().save(tmp_path)
    torch.testing.assert_close(load(tmp_path).reconstruct(x), model.reconstruct(x))


def test_the_dimension_of_a_linear_surface_is_its_own() -> None:
    """Of normal data in 6 directions of equal variance, intrinsic and linear dimension are 6."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(40, 6, generator=generator)).Q.T
    x = torch.randn(1500, 6, generator=generator) @ axes
    train, held_out = as_samples(x[:1200], validation=0), as_samples(x[1200:], validation=0)
    chosen = choose_dim(train, held_out, components_of(train, 64))
    assert chosen.dim == 6
    assert chosen.why.startswith("as many as principal components")


def test_a_curve_asks_for_less_than_its_principal_components() -> None:
    """A curve has intrinsic dimension 1, and of its 5 pairs of waves 10 components are alike."""
    t = 6.2832 * torch.rand(1500, 1, generator=torch.Generator().manual_seed(0))
    x = torch.cat([wave(k * t) for k in range(1, 6) for wave in (torch.sin, torch.cos)], 1)
    train, held_out = as_samples(x[:1200], validation=0), as_samples(x[1200:], validation=0)
    chosen = choose_dim(train, held_out, components_of(train, 64))
    assert chosen.dim == round(9 ** (1 / 3))  # nine of ten alike hold 90 %
    assert chosen.why.startswith("between the data's intrinsic dimension (1)")


def stationary(n: int, *, seed: int) -> Tensor:
    """Waves of random directions and phases: mirrored or shifted they are as likely."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(16.0)
    k = torch.randn(n, 2, 12, generator=generator).round() * 6.2832 / 16
    phase = 6.2832 * torch.rand(n, 1, 1, 12, generator=generator)
    waves = torch.cos(
        k[:, 0, None, None] * t[:, None, None] + k[:, 1, None, None] * t[:, None] + phase
    )
    return (0.5 + 0.03 * waves.sum(-1)[:, None]).clamp(0, 1)


def test_changes_are_chosen_that_make_samples_as_likely_as_before() -> None:
    train, held_out = stationary(60, seed=0), stationary(100, seed=1)
    sets = as_samples(train, validation=0), as_samples(held_out, validation=0)
    found = choose_augmentation(*sets, 12)
    assert found == "flip-shift"


def test_no_changes_are_chosen_that_make_other_samples() -> None:
    """Digits have no mirror images, and lie in the middle."""
    x = torch.tensor(load_digits().images[:, None] / 16).float()
    assert choose_augmentation(as_samples(x[:400]), as_samples(x[400:600]), 10) == "none"


def test_nothing_is_chosen_where_nothing_tells() -> None:
    x = stationary(60, seed=0)
    assert choose_augmentation(as_samples(x), as_samples(x[:10]), 12) == "none"  # too few
    rows = as_samples(x.flatten(1))
    assert choose_augmentation(rows, rows, 12) == "none"  # rows of numbers have no sides
    assert augmentation(rows.kind, "auto") is None
    with pytest.raises(ValueError, match="`augment` is for images: got 'flip'"):
        augmentation(rows.kind, "flip")
    with pytest.raises(ValueError, match=r"Unknown augmentation 'flop'.*Did you mean 'flip'"):
        augmentation(as_samples(x).kind, "flop")


def test_components_of_changed_samples_are_those_of_all_changes() -> None:
    """Those of images and their mirror images, since each is mirrored half of the times."""
    x = samples_of((1, 6, 6), 1200)
    found = components_of(as_samples(x), 5, augment=AUGMENTATIONS["flip"])
    pca = pca_of(torch.cat([x, x.flip(3)]), 5)
    np.testing.assert_allclose(found.variances.numpy(), pca.explained_variance_, rtol=0.05)
    np.testing.assert_allclose(found.mean.numpy(), pca.mean_, atol=5e-3)


@pytest.mark.parametrize("side", [8, 32, 64])
def test_shifted_images_are_shifted(side: int) -> None:
    most = max(1, side // 32)
    x = torch.rand(200, 3, side, side)
    inner = slice(most, side - most)
    found = AUGMENTATIONS["shift"](x)
    moves = range(-most, most + 1)
    seen = set()
    for before, after in zip(x, found, strict=True):
        fit = [
            (i, j)
            for i in moves
            for j in moves
            if torch.equal(before.roll((i, j), (1, 2))[:, inner, inner], after[:, inner, inner])
        ]
        assert len(fit) == 1
        seen.update(fit)
    assert len(seen) == len(moves) ** 2


class SlowAtFirst(nn.Linear):
    """A layer that takes its time over the first batch, as libraries do that are still loading."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.3 if not getattr(self, "warm", False) else 0.001)
        self.warm = True
        return super().forward(x)


def test_the_first_step_does_not_count_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LONGEST", 0.2)
    model = ea.Autoencoder(SlowAtFirst(4, 2), nn.Linear(2, 4), Entropic(2))
    train = as_samples(torch.randn(64, 4), validation=0)
    assert budget.step_seconds(model, train, 16) < 0.3


@pytest.mark.parametrize(
    ("network", "steps", "expected"),
    [
        *(("mlp", 1, 300), ("mlp", 40, 200), ("mlp", 10_000, 5)),
        *(("residual", 1, 300), ("residual", 4, 75), ("residual", 40, 75), ("residual", 200, 40)),
    ],
)
def test_residual_networks_take_fewer_passes(network: str, steps: int, expected: int) -> None:
    """MNIST's first 1000 and 3000 photographs were over-fitted in 300 (benchmarks/passes.py)."""
    model = ea.Autoencoder(*pair(network, (1, 16, 16), 2, 2, width=2, hidden=(4,)), Entropic(2))
    assert budget.passes(steps, model) == expected


@pytest.mark.parametrize(
    ("shape", "model", "start"),
    [
        ((1, 8, 8), {}, "random"),
        ((1, 8, 8), {"network": "conv"}, "pca"),
        ((1, 8, 8), {"start": "pca"}, "pca"),
        ((5,), {}, "pca"),
    ],
)
def test_many_images_start_at_random_weights(shape, model, start) -> None:
    """Perceptrons learn finer from there; half as many images start at principal components."""
    x = as_samples(samples_of(shape, MANY))
    half = x.subset(np.arange(MANY // 2))
    settings = {"hidden": (8,), "latent": {"name": "entropic", "dim": 2}} | model
    asked = Recipe(augment="none", model=ModelConfig(**settings))
    for samples, expected in ((x, start), (half, "pca")):
        recipe, made, _ = begun_model(asked, samples, samples, half, say=False)
        assert recipe.model.start == expected
        assert has_linear_path(made.decoder) == (expected == "pca")
        slow = expected == "pca" and model.get("network") != "conv"
        assert rate_of(recipe, made) == (5e-4 if slow else 3e-3)


def test_linear_paths_learn_more_slowly_than_the_convolutions_beside_them() -> None:
    """Each weight is moved once, the components by a sixth as much as the layers."""
    made = {
        role: network((3, 16, 16), 4, width=4, linear=True)
        for role, network in (("encoder", ConvEncoder), ("decoder", ConvDecoder))
    }
    model = ea.Autoencoder(**made, latent=Plain(4))
    names = {id(weight): name for name, weight in model.named_parameters()}
    seen: dict[str, float] = {}

    class See(Callback):
        def on_train_end(self, trainer, *_: object) -> None:
            for group in trainer.optimizers[0].param_groups:
                for weight in group["params"]:
                    assert names[id(weight)] not in seen
                    seen[names[id(weight)]] = group["initial_lr"]

    options = {"epochs": 1, "learning_rate": 6e-3, "progress": False}
    ea.fit(model, torch.rand(64, 3, 16, 16), callbacks=See(), **options)
    assert set(seen) == set(names.values())
    for name, rate in seen.items():
        assert rate == pytest.approx(1e-3 if ".direct." in name else 6e-3)


@pytest.mark.parametrize(
    ("shape", "latent", "prior", "name"),
    [
        ((1, 8, 8), {"name": "auto"}, "auto", "spherical"),
        ((1, 8, 8), {}, "mixture", "spherical"),
        ((1, 8, 8), {"name": "auto"}, "normal", "entropic"),
        ((1, 8, 8), {"name": "auto", "weight": 0.5}, "auto", "entropic"),
        ((1, 8, 8), {"name": "entropic"}, "auto", "entropic"),
        ((5,), {"name": "auto"}, "auto", "entropic"),
    ],
)
def test_many_images_get_codes_on_a_sphere(shape, latent, prior, name, capsys) -> None:
    """Which have the nearest samples; half as many images are Entropic, and what is asked for."""
    x = as_samples(samples_of(shape, SOME))
    half = x.subset(np.arange(SOME // 2))
    asked = Recipe(prior=prior, augment="none", model=ModelConfig(latent=latent | {"dim": 2}))
    for samples, expected in ((x, name), (half, "entropic")):
        found = settled(asked, samples, half.subset(np.arange(8)))[0].model.latent
        assert found["name"] == expected
        assert found.items() >= (latent | {"name": expected}).items()
        said = "--model.latent.name entropic" in capsys.readouterr().out
        assert said == (expected == "spherical")


@pytest.mark.parametrize("features", [3, 100])
def test_a_sphere_has_a_dimension_more(features, capsys) -> None:
    """For what lies on it has one less; also where that is more than are ever chosen."""
    x = as_samples(torch.randn(300, features, generator=torch.Generator().manual_seed(0)))
    dims = []
    for name in ("plain", "spherical"):
        asked = Recipe(model=ModelConfig(latent={"name": name, "dim": "auto"}))
        settings, model, _ = begun_model(asked, x, *x.split(0.3, seed=0), say=True)
        assert torch.isfinite(model.reconstruct(x)).all()
        dims.append(model.latent.dim)
        assert settings.model.latent["dim"] == model.latent.dim
        more = ", and 1 more for the constraint on each code. Another number"
        assert (more in capsys.readouterr().out) == (name == "spherical")
    assert dims[1] == dims[0] + 1


@pytest.mark.long
def test_many_images_are_entropic_where_that_is_asked_for(tmp_path, capsys) -> None:
    """As it is said to do so."""
    np.save(tmp_path / "x.npy", torch.randint(256, (MANY + 100, 8, 8), dtype=torch.uint8).numpy())
    small = ["--validation", "0.004", "--batch_size", "4096"]
    fit = ["fit", "--data", str(tmp_path / "x.npy"), *small, *SMALL]
    assert main([*fit, "--out", str(tmp_path / "sphere")]) == 0
    said = capsys.readouterr().out
    assert "Codes on a sphere" in said
    option = re.search(r"(--model\.latent\.name \w+)\.", said)
    assert option is not None
    assert main([*fit, *option[1].split(), "--out", str(tmp_path / "entropy")]) == 0
    found = [type(Run.open(tmp_path / name).model.latent) for name in ("sphere", "entropy")]
    assert found == [Spherical, Entropic]
    assert "Codes on a sphere" not in capsys.readouterr().out


@pytest.mark.parametrize("resumed", [False, True])
def test_dropout_of_images_falls_to_nothing(resumed, tmp_path):
    """And the networks are left as they were made; of arrays it stays."""

    class Watch(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            shares.append({part.p for part in pl_module.modules() if isinstance(part, nn.Dropout)})
            if resumed and len(shares) == 2:
                raise KeyboardInterrupt

    x = np.random.default_rng(0).random((200, 8, 8)).astype(np.float32)
    for data, kept in ((x, [0.1, 0.075, 0.05, 0.025]), (x.reshape(200, 64), 4 * [0.1])):
        name = str(tmp_path / f"{data.ndim}.npy")
        np.save(name, data)
        samples, shares = read(name), []
        recipe = Recipe(name, epochs=4, batch_size=60)
        halves = samples.split(0.1, seed=0)
        for turn in range(1 + resumed):
            settings, model, _ = begun_model(recipe, samples, *halves, say=False)
            with pytest.raises(KeyboardInterrupt) if resumed > turn else nullcontext():
                fit_by(
                    *(settings, model, samples),
                    callbacks=[Watch()],
                    folder=tmp_path / f"run-{data.ndim}",
                    resume=True,
                    progress=False,
                )
        again = [*kept[:2], *kept[1:]] if resumed else kept  # the pass that was broken off
        assert [pytest.approx(one) for one in again] == [found.pop() for found in shares]
        assert {part.p for part in model.modules() if isinstance(part, nn.Dropout)} == {0.1}
