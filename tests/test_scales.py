"""Arrays of values in other units: networks that take each in its own."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.diagnosis import Severity
from entropae.explorer.space import Space
from entropae.kinds import as_samples, read
from entropae.kinds.arrays import grids
from entropae.metrics.principal import principal_components
from entropae.model import Autoencoder, components_of, pca_error, start_from_pca
from entropae.nn import NETWORKS, ScaledDecoder, Scaling, pair, points_of
from entropae.nn.units import scaling_of
from entropae.registry import build, settings
from entropae.runs.settling import against_pca

UNITS = np.array([2.0**-12, 1.0, 2.0**9, 2.0**20, 2.0**2])


def features(n: int = 400, seed: int = 0) -> np.ndarray:
    """Five values that depend on three, of size 1."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 3)) @ random.standard_normal((3, 5))
    return (x + 0.1 * random.standard_normal((n, 5)) + 2).astype(np.float32).astype(np.float64)


def fitted(data: np.ndarray, folder: Path, *options: str) -> ea.Run:
    folder.mkdir()
    np.save(folder / "x.npy", data)
    asked = ["fit", "--data", str(folder / "x.npy"), "--out", str(folder / "run"), "--no-report"]
    assert main([*asked, "--logger", "none", *options]) == 0
    return ea.Run.open(folder / "run")


def test_units_change_nothing_but_the_units(tmp_path, capsys):
    """Exactly: powers of two keep every digit."""
    x = features() * [1, 64, 1, 64, 1]
    few = ("--epochs", "3", "--prior", "normal")
    one, two = fitted(x, tmp_path / "one", *few), fitted(x * UNITS, tmp_path / "two", *few)
    assert "in mixed units (standard deviations from 0.0" in capsys.readouterr().out
    assert one.model.latent.dim == two.model.latent.dim > 1  # as all values need
    assert isinstance(two.model.decoder, ScaledDecoder)
    made = one.model.draw(50, seed=0).numpy(), two.model.draw(50, seed=0).numpy()
    assert np.array_equal(made[1], made[0] * UNITS.astype(np.float32))
    codes = one.model.encode(x.astype(np.float32)), two.model.encode((x * UNITS).astype(np.float32))
    assert torch.equal(*codes)
    for name in ("train", "validation", "principal_components"):
        errors = [run.metrics[name]["mean_squared_error"] for run in (one, two)]
        assert errors[0] == pytest.approx(errors[1], rel=1e-6)
    assert torch.equal(ea.load(two.folder).draw(50, seed=0), two.model.draw(50, seed=0))
    found = [run.diagnose(progress=False) for run in (one, two)]
    assert found[0].as_dict()["findings"] == found[1].as_dict()["findings"]


def test_a_pair_starts_at_the_principal_components_of_points():
    x = torch.from_numpy(features() * UNITS)
    scaling = Scaling(x.mean(0).float(), x.std(0).float())
    encoder, decoder = pair("mlp", (5,), 2, 2, output="linear", linear=True, scaling=scaling)
    model = Autoencoder(encoder, decoder, ea.latent.Plain(2)).eval()
    points = scaling.points(x.float()).double()
    found = principal_components(points)
    start_from_pca(model, x.float(), found=found)
    again = points_of(decoder, model.reconstruct(x.float())).double()
    axes = found.axes[:2]
    wanted = found.mean + (points - found.mean) @ axes.T @ axes
    assert torch.allclose(again, wanted, atol=1e-4)


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_one_unit_of_any_size_is_one_scale_and_errors_stay_in_it(size):
    x = features() * size
    samples = read(x.astype(np.float32))
    assert samples.scaling is not None
    assert not samples.scaling.is_mixed
    assert samples.told == ""
    encoder, decoder = pair(
        "mlp", (5,), 3, 3, output="linear", linear=True, scaling=samples.scaling
    )
    model = Autoencoder(encoder, decoder, ea.latent.Plain(3)).eval()
    start_from_pca(model, samples)
    error = float((model.reconstruct(samples.first(400)) - samples.first(400)).square().mean())
    found = principal_components(samples.first(400))
    assert error == pytest.approx(pca_error(samples, found, 3, clip=False), rel=1e-2)
    assert error == pytest.approx(float(found.variances[3:].sum()) * 399 / 400 / 5, rel=1e-2)


def test_the_loss_counts_each_value_alike():
    x = torch.from_numpy(features() * UNITS).float()
    scaling = scaling_of(x)
    assert scaling is not None
    _, decoder = pair("mlp", (5,), 2, 2, output="linear", scaling=scaling)
    assert isinstance(decoder, ScaledDecoder)
    mean = scaling.mean.expand_as(x)
    assert torch.allclose(decoder.error(mean, x).mean(0), torch.full((5,), 399 / 400), rtol=1e-4)


def test_which_values_get_which_scale():
    random = torch.Generator().manual_seed(0)
    x = torch.randn(600, 4, generator=random)
    assert scaling_of(x) is None
    assert scaling_of(2 * x + 3) is None
    assert scaling_of(torch.ones(9, 3)) is None
    mixed = scaling_of(x * torch.tensor([1.0, 32, 1, 1]))
    assert mixed is not None
    assert torch.allclose(mixed.scale, (x * torch.tensor([1.0, 32, 1, 1])).std(0))
    constant = scaling_of(torch.cat([x * torch.tensor([1.0, 32, 1, 1]), torch.ones(600, 1)], 1))
    assert constant is not None
    assert constant.scale[4] == 1
    # Pixels and counts, of which some are rare, are in one unit.
    pixels = torch.from_numpy(load_digits().data)
    for one in (pixels, pixels - 7, torch.poisson(torch.tensor([[2.0, 0.005, 3]] * 600))):
        found = scaling_of(one)
        assert found is None or not found.is_mixed
    # A signal that is quiet at its ends, in small units, has one scale.
    window = torch.hann_window(52)[1:-1]
    signal = 1e-3 * torch.randn(600, 1, generator=random) * window
    whole = scaling_of(signal)
    assert whole is not None
    assert not whole.is_mixed
    # Of channels each has its own, at all places the same.
    channels = torch.randn(600, 50, 2, generator=random) * torch.tensor([1.0, 100.0])
    found = scaling_of(channels)
    assert found is not None
    assert torch.allclose(found.scale, channels.std((0, 1)).repeat(50))
    swapped = scaling_of(channels.transpose(1, 2))
    assert swapped is not None
    assert torch.allclose(swapped.scale, channels.std((0, 1)).repeat_interleave(50))


def test_scales_are_learnt_from_what_is_not_held_out():
    x = features() * UNITS
    held = read(x, validation=0.5, seed=0).split(0.5, seed=0)[1]
    assert held.index is not None
    x[held.index] *= 3
    kept = np.setdiff1d(np.arange(len(x)), held.index)
    scaling = read(x, validation=0.5, seed=0).scaling
    assert scaling is not None
    assert np.allclose(scaling.scale, x[kept].astype(np.float32).std(0, ddof=1), rtol=1e-5)


def test_networks_come_back_from_their_settings():
    networks = pair("mlp", (2, 3), 4, 2, linear=True, scaling=Scaling(torch.ones(6), torch.ones(6)))
    for network in networks:
        again = build(NETWORKS, {"name": type(network).__name__} | settings(network), "network")
        assert settings(again) == settings(network)
        again.load_state_dict(network.state_dict())


def test_networks_of_ones_own_get_the_values_as_they_are():
    x = (features() * UNITS).astype(np.float32)
    batch = as_samples(x).first(3)
    assert np.array_equal(batch.numpy(), x[:3])


@pytest.mark.parametrize("data", [np.full((60, 5), 3.0), np.zeros((60, 8, 8), np.uint8)])
def test_equal_samples_are_refused(data, tmp_path, capsys):
    np.save(tmp_path / "x.npy", data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(["fit", "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run")]) == 1
    assert "to train on are equal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "known", "said"),
    [
        (0.9, 0.9, ""),
        (1.04, 1.0, "As good as principal components: the held-out squared error is "),
        (1.5, 1.5, "What may help: train longer (--epochs), or ask less of the code"),
        (1.5, 0.9, "What may help: train for fewer passes (--epochs) or on more samples, or ask"),
    ],
)
def test_what_is_said_where_principal_components_are_not_beaten(error, known, said, capsys):
    samples = read(features())
    networks = pair("mlp", (5,), 2, 2, output="linear", linear=True)
    model = Autoencoder(*networks, ea.Entropic(2))
    found = components_of(samples, 2)
    linear = pca_error(samples, found, 2, clip=False)
    measured = against_pca(model, samples, found, error * linear, known * linear)
    assert measured == {"components": 2, "mean_squared_error": linear}
    out = capsys.readouterr().out
    assert said in out
    assert bool(out) == bool(said)


@pytest.mark.long
def test_networks_of_ones_own_are_warned_and_the_remedy_helps():
    def trained(x):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 3))
        decoder = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 5))
        model = Autoencoder(encoder, decoder, ea.Entropic(3))
        ea.fit(model, x, epochs=100, progress=False)
        return model

    x = (features() * UNITS).astype(np.float32)
    with pytest.warns(UserWarning, match="in mixed units .* Standardise them: (.*)") as warned:
        model = trained(x)
    found = model.diagnose(x, progress=False).findings[0]
    assert (found.name, found.severity) == ("units", Severity.SERIOUS)
    remedy = str(warned[0].message).rpartition(": ")[2]
    assert remedy in found.remedy
    names = {"x": x}
    exec(remedy, names)
    again = trained(names["x"]).diagnose(names["x"], progress=False)
    assert "units" in again.sound
    assert again.figures["error"] < 0.2


def test_the_explorer_draws_each_value_in_its_own_unit():
    samples = read(features() * UNITS)
    for scaling in (samples.scaling, None):
        networks = pair("mlp", (5,), 2, 2, output="linear", scaling=scaling)
        model = Autoencoder(*networks, ea.latent.Plain(2)).eval()
        told = Space(model, samples, title="x").describe()["units"]
        if scaling is None:
            assert told is None
        else:
            assert told == {"mean": scaling.mean.tolist(), "scale": scaling.scale.tolist()}


@pytest.mark.long
@pytest.mark.parametrize("shape", [(3, 16), (2, 4, 4)])
def test_every_verb_takes_channels_in_mixed_units(shape, tmp_path):
    random = np.random.default_rng(0)
    scale = np.ones(shape)
    scale[(slice(None),) * shape.index(min(shape)) + (0,)] = 1000
    data = (random.standard_normal((600, 2)) @ random.standard_normal((2, scale.size))).reshape(
        -1, *shape
    )
    np.save(tmp_path / "x.npy", data * scale)
    x, run = str(tmp_path / "x.npy"), str(tmp_path / "run")
    asked = ["--data", x, "--out", run, "--epochs", "2", "--logger", "none", "--flow_steps", "5"]
    assert main(["fit", *asked]) == 0
    assert isinstance(ea.load(run).decoder, ScaledDecoder)
    out = str(tmp_path / "out.npy")
    for verb, *more in (
        ("sample", "-n", "5", "--out", out),
        ("reconstruct", "--out", out),
        ("encode", "--out", out),
        ("interpolate", "--out", out),
        ("evaluate",),
        ("diagnose",),
        ("report",),
        ("export", "--out", str(tmp_path / "page")),
    ):
        assert main([verb, run, *more]) == 0, verb


FIELDS = np.array([17.0, 1600.0, 0.2])  # as of temperature, pressure and humidity
PLACE = np.array([280.0, 1e5, 0.5])


def weather(n: int = 300, side: int = 8) -> np.ndarray:
    """Three quantities over a plane, of four causes."""
    random = np.random.default_rng(0)
    causes = random.standard_normal((n, 4))
    fields = np.tensordot(causes, random.standard_normal((4, 3, side, side)), 1)
    return PLACE[:, None, None] + FIELDS[:, None, None] * fields


@pytest.mark.parametrize("turn", [lambda x: x, torch.from_numpy, lambda x: x.transpose(0, 2, 3, 1)])
def test_quantities_over_a_plane_are_no_colours(turn):
    samples = read(turn(weather()))
    assert samples.kind.name == "arrays"
    assert samples.scaling is not None
    assert samples.scaling.is_mixed


@pytest.mark.parametrize(
    "images",
    [
        np.random.default_rng(0).random((50, 3, 8, 8)) * [[[1.0]], [[0.01]], [[0.5]]],  # 0 … 1
        (255 * np.random.default_rng(0).random((50, 3, 8, 8))),
        (np.random.default_rng(0).integers(0, 255, (50, 8, 8, 3)) * [1, 1, 20]).astype(np.uint16),
    ],
)
@pytest.mark.filterwarnings("ignore:The images have values")
def test_colours_are_images_whatever_their_range(images):
    assert read(images).kind.name == "images"


def test_each_channel_is_drawn_in_its_own_unit():
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, 1e5 + 1000 * x], 1)
    _, decoder = pair("mlp", (2, 8, 8), 2, 2, scaling=scaling_of(x))
    drawn = grids.side_by_side(x, grids.limits_of(x, decoder))
    assert torch.allclose(drawn[..., :8], drawn[..., 9:17], atol=1e-3)
    one = grids.limits_of(x)  # of networks that take them in one unit
    assert one.said == "in grey from 0.00124 (black) to 1.01e+05 (white)"


@pytest.mark.parametrize("network", ["conv", "residual"])
def test_convolutions_take_each_channel_in_its_own_unit(network, tmp_path):
    x = weather()
    options = ("--model.network", network, "--epochs", "10", "--prior", "normal")
    run = fitted(x, tmp_path / network, *options, "--model.width", "2")
    decoder = run.model.decoder
    assert isinstance(decoder, ScaledDecoder)
    assert decoder.network == network
    error = ((run.model.reconstruct(x.astype(np.float32)) - torch.from_numpy(x)) ** 2).mean(
        (0, 2, 3)
    )
    assert bool((error.sqrt() < 0.1 * torch.from_numpy(FIELDS)).all())  # each, not the largest only
    again = ea.load(run.folder)
    assert torch.equal(again.draw(3, seed=0), run.model.draw(3, seed=0))


@pytest.mark.parametrize("shape", [(2, 4, 400), (24, 24, 3), (1, 1, 2000)])
def test_auto_leaves_to_perceptrons_what_is_no_image(shape):
    encoder, _ = pair("auto", shape, 2, 2)
    assert isinstance(encoder, NETWORKS["MLPEncoder"])
