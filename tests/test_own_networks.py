"""Networks that somebody else made and trained: of any precision, place, shape and wrapping."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import entropae as ea
from entropae.neighbors import nearest
from entropae.prior import FlowMatching, Full, Mixture

X = torch.randn(300, 6, generator=torch.Generator().manual_seed(0)) * 2 + 1
IMAGES = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def identities(dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """An encoder and a decoder with weights that change nothing."""
    made = [nn.Linear(6, 6).to(dtype) for _ in range(2)]
    for one in made:
        nn.init.eye_(one.weight)
        nn.init.zeros_(one.bias)
    return made[0], made[1]


@pytest.mark.parametrize("head", ["full", "flow"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_networks_of_any_precision_get_a_head(dtype, head, tmp_path):
    model = ea.Autoencoder(*identities(dtype), ea.Plain(6))
    model.fit_head(X, head if head == "full" else FlowMatching(6, hidden=16, steps=20))
    u, tolerance = model.encode(X), 8 * torch.finfo(dtype).eps + 1e-2
    assert u.dtype == torch.promote_types(dtype, torch.float32)
    assert model.decode(u).dtype == model.sample(3).dtype == dtype
    assert (model.decode(u) - X).abs().max() < 8 * tolerance
    model.fit_prior(X, "mixture").save(tmp_path)
    again = ea.load(tmp_path, encoder=identities(dtype)[0], decoder=identities(dtype)[1])
    assert torch.equal(again.sample(5, seed=0), model.sample(5, seed=0))
    assert model.diagnose(X, progress=False).figures["dimensions"] == 6


def test_encoder_and_decoder_may_differ_in_precision():
    encoder, decoder = identities(torch.float16)[0], identities(torch.float32)[1]
    model = ea.Autoencoder(encoder, decoder, ea.Plain(6))
    assert (model.reconstruct(X) - X).abs().max() < 1e-2
    assert model.loss(X) < -8


@pytest.mark.parametrize("change", [nn.Module.half, nn.Module.bfloat16])
def test_statistics_and_heads_stay_in_single_precision(change):
    model = ea.Autoencoder(*identities(torch.float32), ea.Plain(6, standardize=True))
    model.calibrate([X])
    model.fit_head(X, "full")
    mean, factor = model.latent.norm.running_mean.clone(), model.head.factor.clone()  # type: ignore[union-attr]
    change(model)
    assert torch.equal(model.latent.norm.running_mean, mean)  # type: ignore[arg-type]
    assert torch.equal(model.head.factor, factor)  # type: ignore[union-attr]
    assert model.encode(X).std() == pytest.approx(1, abs=1e-2)


def test_models_of_half_precision_train_in_a_loop_of_ones_own():
    model = ea.Autoencoder(*identities(torch.bfloat16), ea.Entropic(6))
    model.loss(X).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    model.calibrate([X])
    assert model.encode(X).mean(0).abs().max() < 1e-2


def test_the_rest_of_a_model_goes_where_its_networks_are():
    model = ea.Autoencoder(
        nn.Linear(6, 2, device="meta"), nn.Linear(2, 6, device="meta"), ea.Entropic(2)
    )
    assert model.device.type == "meta"
    assert model.latent.norm.running_mean.device.type == "meta"  # type: ignore[union-attr]


def test_parallel_networks_are_saved_plain_and_plain_ones_loaded_parallel(tmp_path):
    encoder, decoder = identities(torch.float32)
    model = ea.Autoencoder(
        nn.DataParallel(encoder), nn.Sequential(nn.DataParallel(decoder)), ea.Plain(6)
    )
    model.save(tmp_path / "parallel")
    plain = ea.load(tmp_path / "parallel", encoder=encoder, decoder=nn.Sequential(decoder))
    plain.save(tmp_path / "plain")
    again = ea.load(
        tmp_path / "plain", encoder=nn.DataParallel(encoder), decoder=nn.Sequential(decoder)
    )
    assert torch.equal(again.reconstruct(X), model.reconstruct(X))


class Counting(nn.Linear):
    """Has a state that is no tensor, as layers of eight bits and metrics have."""

    seen = 0

    def get_extra_state(self):
        return {"seen": self.seen}

    def set_extra_state(self, state):
        self.seen = state["seen"]


def test_a_state_that_is_no_tensor_is_trained_and_not_saved(tmp_path):
    model = ea.Autoencoder(Counting(6, 2), nn.Linear(2, 6), ea.Entropic(2))
    ea.fit(model, X, epochs=3, progress=False)
    with pytest.raises(TypeError, match=r"encoder\._extra_state is a dict.*torch\.save") as caught:
        model.save(tmp_path)
    assert not list(tmp_path.iterdir())
    call = re.search(r"torch\.save\(.*\)", str(caught.value))[0]
    eval(call, {"torch": torch, "model": model, "path": tmp_path / "model.pt"})
    model.load_state_dict(torch.load(tmp_path / "model.pt"))


class Complex(nn.Module):
    """Weights of complex numbers, as of a Fourier layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 2, dtype=torch.cfloat))

    def forward(self, x):
        return (torch.fft.rfft(x) @ self.weight).real


def test_complex_weights_are_trained_and_saved(tmp_path):
    model = ea.Autoencoder(Complex(), nn.Linear(2, 6), ea.Entropic(2))
    before = model.encoder.weight.clone()
    ea.fit(model, X, epochs=2, progress=False)
    assert not torch.equal(model.encoder.weight, before)
    model.save(tmp_path)
    again = ea.load(tmp_path, encoder=Complex(), decoder=nn.Linear(2, 6))
    assert torch.equal(again.encode(X), model.encode(X))


class Output(NamedTuple):
    sample: Tensor


class Returning(nn.Module):
    """A layer whose output is wrapped."""

    def __init__(self, wrap: Any, given: int, made: int) -> None:
        super().__init__()
        self.layer, self.wrap = nn.Linear(given, made), wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.layer(x))


def test_networks_that_return_more_than_a_tensor_are_told_what_to_pick():
    distributed = ea.Autoencoder(
        Returning(lambda h: torch.distributions.Normal(h, 1), 6, 2), nn.Linear(2, 6), ea.Plain(2)
    )
    with pytest.raises(TypeError, match=r"got a Normal\. .* picks .*, of a distribution its mean"):
        distributed.encode(X)
    wrapped = ea.Autoencoder(nn.Linear(6, 2), Returning(Output, 2, 6), ea.Plain(2))
    with pytest.raises(TypeError, match=r"picks the one that is meant: decoder\(z\)\.sample"):
        wrapped.sample(2)


def test_codes_of_a_shape_are_flattened_as_the_message_says():
    encoder = nn.Conv2d(1, 2, 4, 4)
    decoder = nn.ConvTranspose2d(2, 1, 4, 4)
    with pytest.raises(ValueError, match="Wrap both networks") as said:
        ea.Autoencoder(encoder, decoder, ea.Plain(2)).encode(IMAGES)
    pattern = r"Wrap both networks, (nn\..*\)) and (nn\..*decoder\)), and make it (Plain\(dim=8\));"
    found = re.search(pattern, str(said.value))
    assert found is not None
    names = {"nn": nn, "encoder": encoder, "decoder": decoder, "Plain": ea.Plain}
    model = ea.Autoencoder(*(eval(part, names) for part in found.groups()))
    assert torch.equal(model.reconstruct(IMAGES), decoder(encoder(IMAGES)).detach())
    with pytest.raises(ValueError, match=r"decoder cannot take .*nn\.Unflatten\(1, \(c, h, w\)\)"):
        ea.Autoencoder(nn.Flatten(), decoder, ea.Plain(64)).sample(2)


@pytest.mark.parametrize(
    ("latent", "way"),
    [
        (
            ea.Plain(4),
            "Make it Plain(dim=6); or end an encoder yet to be trained with nn.Linear(6, 4).",
        ),
        (
            ea.Plain(3),
            "Of means and log-variances take the means, nn.Sequential(encoder, Means()), with a "
            "Means whose forward returns h.chunk(2, 1)[0]; or give "
            'ea.latent.named("vae", dim=3); or make it Plain(dim=6); or end an encoder yet to be '
            "trained with nn.Linear(6, 3).",
        ),
        (ea.latent.Variational(6), "Make it Variational(dim=3); or "),
        (ea.latent.Variational(2), "Make it Variational(dim=3); or "),
    ],
)
def test_a_trained_encoder_is_told_the_dimensions_that_it_has(latent, way):
    model = ea.Autoencoder(nn.Identity(), nn.Identity(), latent)
    with pytest.raises(ValueError, match=re.escape(way)):
        model.encode(X)
    with pytest.raises(ValueError, match=r"Give a batch, of one sample x\[None\]"):
        model.encode(X[0])


def test_methods_of_one_module_are_told_how_to_become_two():
    with pytest.raises(TypeError, match="make two whose forward calls these"):
        ea.Autoencoder(nn.Identity().forward, nn.Identity(), ea.Plain(6))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "batches",
    [iter(X.split(100)), X, X.numpy(), TensorDataset(X), lambda: X.split(100), list(X.split(100))],
    ids=["generator", "tensor", "array", "Dataset", "function", "list"],
)
def test_statistics_are_those_of_the_data_however_they_are_given(batches):
    encoder = nn.Sequential(nn.BatchNorm1d(6, affine=False), nn.Linear(6, 6))
    model = ea.Autoencoder(encoder, nn.Identity(), ea.Plain(6, standardize=True))
    model.calibrate(batches)
    code = model.encode(X)
    assert code.mean(0).abs().max() < 1e-5
    assert torch.allclose(code.std(0), torch.ones(6), atol=1e-3)


def test_batches_that_are_not_finite_are_told_so():
    bad = X.clone()
    bad[3, 0] = torch.nan
    with pytest.raises(ValueError, match="among finite points: got NaN or inf in 1 of 300"):
        nearest(bad, k=1, method="tree")


@pytest.mark.parametrize("prior", [Mixture, Full])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e4])
def test_priors_are_as_wide_as_codes_of_any_size(prior, scale):
    own, sizes = prior(6), scale * torch.tensor([1, 10, 1, 1, 0.1, 1])
    own.fit(X * sizes)
    drawn = own.sample(4000, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.std(0), (X * sizes).std(0), rtol=0.1, atol=0)


@pytest.mark.filterwarnings("ignore:The codes' covariance is singular")
def test_little_is_added_to_dependent_codes_of_any_size():
    own, code = Full(7), 1e-8 * torch.cat([X, X[:, :1]], 1)
    own.fit(code)
    drawn = own.sample(4000, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.std(0), code.std(0), rtol=0.1, atol=0)


def test_numbers_of_numpy_and_torch_are_numbers(tmp_path):
    model = ea.Autoencoder(*identities(torch.float32), ea.Plain(np.int64(6)))  # type: ignore[arg-type]
    labels = torch.arange(len(X)) % 3
    model.fit_prior(X, "mixture", labels=labels.tolist(), seed=np.int64(0))  # type: ignore[arg-type]
    one = model.sample(3, seed=np.int64(1), label=labels[1])  # type: ignore[arg-type]
    assert torch.equal(one, model.sample(3, seed=1, label="1"))
    ea.Autoencoder(*identities(torch.float32), ea.Entropic(6, np.float32(0.5))).save(tmp_path)  # type: ignore[arg-type]
    encoder, decoder = identities(torch.float32)
    assert ea.load(tmp_path, encoder=encoder, decoder=decoder).latent.weight == 0.5
    with pytest.raises(ValueError, match=r"labels\.argmax\(1\)"):
        model.fit_prior(X, "mixture", labels=nn.functional.one_hot(labels).tolist())
    with pytest.raises(ValueError, match=r"must be a finite number >= 0: got weight='0\.1'"):
        ea.Entropic(6, "0.1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`components` must be >= 1"):
        Mixture(6, components=0)


def test_a_folder_of_checkpoints_is_told_what_it_is(tmp_path):
    model = ea.Autoencoder(*identities(torch.float32), ea.Plain(6))
    ea.fit(model, X, epochs=1, folder=tmp_path, progress=False)
    with pytest.raises(
        FileNotFoundError, match=r"in Python, which ea\.fit .* model\.save\(folder\)"
    ):
        ea.Run.open(tmp_path)


def test_heads_and_priors_are_learnt_inside_inference_mode():
    head = FlowMatching(6, hidden=16, steps=20)
    with torch.inference_mode():
        model = ea.Autoencoder(*identities(torch.float32), ea.Plain(6))
        model.fit_head(X, head).fit_prior(X, "full")
        assert (model.decode(model.encode(X)) - X).abs().max() < 1e-2
