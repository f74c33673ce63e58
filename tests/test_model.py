"""The autoencoder as its users meet it: any pair of modules, files, priors, devices."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import entropae as ea
from entropae.latent import Entropic, Plain
from entropae.model import FORMAT
from entropae.nn import pair


def built_in(network: str = "mlp", latent: ea.Latent | None = None) -> ea.Autoencoder:
    torch.manual_seed(0)
    latent = latent or Entropic(4)
    return ea.Autoencoder(
        *pair(network, (1, 8, 8), latent.in_features, latent.dim, width=4), latent
    )


def own() -> ea.Autoencoder:
    torch.manual_seed(0)
    return ea.Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), Entropic(3))


def test_forward_encode_decode_agree_at_inference():
    model = built_in().eval()
    x = torch.rand(10, 1, 8, 8)
    passed = model(x)
    torch.testing.assert_close(model.encode(x), passed.code)
    torch.testing.assert_close(model.decode(passed.code), passed.reconstruction)
    torch.testing.assert_close(model.reconstruct(x), passed.reconstruction)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_batches_do_not_matter_at_inference_and_the_mode_comes_back(network):
    model = built_in(network).train()
    model.encoder.eval()
    x = torch.rand(10, 1, 8, 8)
    torch.testing.assert_close(model.encode(x, batch_size=3), model.encode(x, batch_size=10))
    assert model.training
    assert model.latent.training
    assert not model.encoder.training
    assert not model.encode(x).requires_grad


def test_arrays_and_samples_are_data_too():
    model = built_in().eval()
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8), dtype=np.uint8)
    expected = model.encode(torch.from_numpy(images).float()[:, None] / 255)
    torch.testing.assert_close(model.encode(images), expected)
    torch.testing.assert_close(model.encode(ea.kinds.read(images)), expected)
    torch.testing.assert_close(model.encode(torch.from_numpy(images)[:, None]), expected)


def test_wrong_sizes_are_told():
    model = ea.Autoencoder(nn.Linear(6, 5), nn.Linear(3, 6), Entropic(3))
    with pytest.raises(ValueError, match=r"encoder must return shape \(n, 3\).*got \(2, 5\)"):
        model(torch.zeros(2, 6))
    model = ea.Autoencoder(nn.Linear(6, 3), nn.Linear(3, 7), Entropic(3))
    with pytest.raises(ValueError, match=r"decoder must return .*\(2, 6\): got \(2, 7\)"):
        model(torch.zeros(2, 6))
    with pytest.raises(ValueError, match=r"`code` must have shape \(n, 3\): got \(2, 4\)"):
        model.decode(torch.zeros(2, 4))
    with pytest.raises(TypeError, match="`latent` must be a Latent: got Linear"):
        ea.Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), nn.Linear(3, 3))


def test_sampling_is_seeded_and_leaves_the_random_state():
    model = own().eval()
    state = torch.get_rng_state()
    a = model.sample(5, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    # Processors may round products of other sizes otherwise.
    torch.testing.assert_close(a, model.sample(5, seed=1, batch_size=2))
    assert torch.equal(a, model.sample(5, seed=1))
    assert not torch.equal(a, model.sample(5, seed=2))
    assert a.shape == (5, 6)
    with pytest.raises(ValueError, match="n=0"):
        model.sample(0)


def test_priors_are_fitted_to_the_codes():
    model = own().eval()
    x = torch.randn(500, 6)
    model.fit_prior(x, "full")
    assert model.prior == "full"
    torch.testing.assert_close(model.priors["full"].mean, model.encode(x).mean(0))
    model.fit_prior(x, ea.prior.Mixture(3, components=2))
    assert model.prior == "mixture"
    assert model.sample(9).shape == (9, 6)
    assert not torch.equal(model.sample(9, seed=0), model.sample(9, seed=0, prior="normal"))
    with pytest.raises(ValueError, match="'flow' has not been fitted"):
        model.sample(3, prior="flow")
    with pytest.raises(ValueError, match="Did you mean 'mixture'"):
        model.fit_prior(x, "mixtur")


def test_interpolation_ends_at_the_reconstructions():
    model = own().eval()
    x, y = torch.randn(2, 4, 6)
    for path in ("spherical", "linear"):
        between = model.interpolate(x, y, steps=5, path=path)
        assert between.shape == (4, 5, 6)
        torch.testing.assert_close(between[:, 0], model.reconstruct(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(between[:, -1], model.reconstruct(y), atol=1e-5, rtol=1e-5)
    same = model.interpolate(x, x, steps=3)
    torch.testing.assert_close(same[:, 1], model.reconstruct(x), atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="4 and 3"):
        model.interpolate(x, y[:3])
    with pytest.raises(ValueError, match="steps"):
        model.interpolate(x, y, steps=1)


def test_spherical_paths_keep_the_norm():
    from entropae.model import PATHS

    a, b = nn.functional.normalize(torch.randn(2, 50, 8), dim=2)
    middle = PATHS["spherical"](a, b, torch.tensor(0.3))
    torch.testing.assert_close(middle.norm(dim=1), torch.ones(50), atol=1e-4, rtol=0)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize(
    "latent", [Entropic(4, bank=30), Plain(4), Plain(4, standardize=True)], ids=str
)
def test_saved_and_loaded_is_the_same_model(tmp_path, network, latent):
    model = built_in(network, latent).train()
    x = torch.rand(60, 1, 8, 8)
    model(x)
    model.eval().fit_prior(x, ea.prior.Mixture(4, components=2)).fit_prior(x, "full")
    model.save(tmp_path)
    again = ea.load(tmp_path)
    assert not again.training
    assert again.prior == "full"
    torch.testing.assert_close(again.encode(x), model.encode(x), rtol=0, atol=0)
    for prior in ("normal", "full", "mixture"):
        torch.testing.assert_close(
            again.sample(5, seed=0, prior=prior),
            model.sample(5, seed=0, prior=prior),
            rtol=0,
            atol=0,
        )


def test_files_are_safetensors_and_plain_json(tmp_path):
    model = built_in()
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    config = json.loads((tmp_path / "model.json").read_text())
    assert config["latent"]["name"] == "entropic"
    assert config["encoder"] == {
        "name": "MLPEncoder",
        "shape": [1, 8, 8],
        "out_features": 4,
        "hidden": [512, 256],
        "dropout": 0.0,
        "linear": False,
    }
    priors = {"priors.normal.mean"}
    assert set(load_file(tmp_path / "model.safetensors")) == set(model.state_dict()) | priors


def test_shared_weights_can_be_saved(tmp_path):
    def tied() -> tuple[nn.Module, nn.Module]:
        encoder, decoder = nn.Linear(3, 3), nn.Linear(3, 3)
        decoder.weight = encoder.weight
        return encoder, decoder

    model = ea.Autoencoder(*tied(), Plain(3)).eval()
    model.save(tmp_path)
    encoder, decoder = tied()
    again = ea.load(tmp_path, encoder=encoder, decoder=decoder)
    assert torch.equal(again.sample(3, seed=0), model.sample(3, seed=0))


def test_double_precision():
    model = own().double().eval()
    assert model.sample(3, seed=0).dtype == torch.float64
    x = torch.randn(4, 6, dtype=torch.float64)
    assert model.reconstruct(x).dtype == torch.float64
    output = model(x)
    assert output.error == (output.reconstruction - x).square().mean()  # not rounded on its way
    assert output.loss.dtype == torch.float64


def test_own_networks_are_asked_for(tmp_path):
    model = own().eval()
    model.save(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"its encoder \(Linear\) and decoder \(Linear\) are of your own",
    ):
        ea.load(tmp_path)
    again = ea.load(tmp_path, encoder=nn.Linear(6, 3), decoder=nn.Linear(3, 6))
    assert torch.equal(again.sample(3, seed=0), model.sample(3, seed=0))
    with pytest.raises(ValueError, match="cannot be loaded"):
        ea.load(tmp_path, encoder=nn.Linear(6, 4), decoder=nn.Linear(3, 6))
    with pytest.raises(ValueError, match="of other networks"):
        ea.load(tmp_path, encoder=nn.Sequential(nn.Linear(6, 3)), decoder=nn.Linear(3, 6))


def test_damaged_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.json is missing"):
        ea.load(tmp_path)
    built_in().save(tmp_path)
    config = (tmp_path / "model.json").read_text()
    weights = (tmp_path / "model.safetensors").read_bytes()
    for broken in ("", "{", "[]", "null", "{}", config.replace('"entropic"', '"os.system"')):
        (tmp_path / "model.json").write_text(broken)
        with pytest.raises(ValueError, match="cannot be loaded"):
            ea.load(tmp_path)
    (tmp_path / "model.json").write_text(config.replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(ValueError, match="newer"):
        ea.load(tmp_path)
    (tmp_path / "model.json").write_text(config)
    for broken in (b"", weights[:100], weights[: len(weights) // 2], b"\xff" * 64):
        (tmp_path / "model.safetensors").write_bytes(broken)
        with pytest.raises(ValueError, match="cannot be loaded"):
            ea.load(tmp_path)
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="of other networks"):
        ea.load(tmp_path)


def test_a_bit_that_flipped_is_noticed(tmp_path):
    built_in().save(tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be loaded: model.safetensors is damaged"):
        ea.load(tmp_path)
    save_file(load_file(path), path)  # by another program, which knows of no checksum
    assert ea.load(tmp_path).sample(2).isfinite().all()


def test_a_failed_save_keeps_the_last_good_model(tmp_path, monkeypatch):
    model = built_in()
    model.save(tmp_path)
    good = (tmp_path / "model.safetensors").read_bytes()

    def fail(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    with pytest.raises(OSError, match=r"model.safetensors could not be written: No space"):
        model.save(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == good
    assert len(list(tmp_path.iterdir())) == 2


def test_loading_in_a_new_process(tmp_path):
    model = built_in().eval()
    model.save(tmp_path)
    code = (
        "import entropae as ea, torch, sys;"
        f"print(ea.load({str(tmp_path)!r}).sample(2, seed=0).double().sum().item());"
        "assert 'lightning' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(model.sample(2, seed=0).double().sum().item())


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_calibration_makes_inference_agree_with_training(network):
    """Batch norms everywhere start with statistics of other data; one calibration mends them."""
    model = built_in(network).train()
    x = torch.rand(400, 1, 8, 8) ** 3
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.fill_(5.0)
    with torch.no_grad():
        whole = model(x).reconstruction  # training mode: statistics of the whole set
    model.calibrate(lambda: x.split(400))
    model.eval()
    torch.testing.assert_close(model.reconstruct(x), whole, atol=5e-3, rtol=0)
    code = model.encode(x)
    torch.testing.assert_close(code.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(code.var(0), torch.ones(4), atol=0.03, rtol=0)  # eps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_another_device(tmp_path):
    model = built_in("conv").eval()
    model.save(tmp_path)
    again = ea.load(tmp_path, device="cuda")
    assert again.device.type == "cuda"
    torch.testing.assert_close(
        again.sample(4, seed=0).cpu(), model.sample(4, seed=0), atol=1e-3, rtol=0
    )


def test_models_of_before_the_gain_decode_as_they_did(tmp_path):
    encoder, decoder = pair("mlp", (6,), 2, 2, hidden=(4,))
    decoder.gain = 1.0
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(2)).eval()
    model.save(tmp_path)
    config = json.loads((tmp_path / "model.json").read_text())
    assert config["decoder"].pop("gain") == 1
    (tmp_path / "model.json").write_text(json.dumps(config | {"format": 1}))
    z = torch.randn(5, 2)
    assert torch.equal(ea.load(tmp_path).decode(z), model.decode(z))
