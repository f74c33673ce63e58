"""Parts of one's own: they are saved, loaded by being passed again, and trained in any loop."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import entropae as ea
from entropae.cli import main
from entropae.latent import Entropic, Latent, LatentOutput, Penalty, Plain
from entropae.latent.names import METHODS, named
from entropae.nn import pair
from entropae.prior import ALIASES, Full, Prior
from entropae.recipe import ModelConfig, Recipe
from entropae.registry import settings
from entropae.runs import new_model, portable, read_recipe
from entropae.training import Training
from entropae.training.loaders import Shuffled
from entropae.training.trainers import quiet_lightning

X = torch.randn(256, 6, generator=torch.Generator().manual_seed(0))


class Mine(Entropic):
    """A latent of one's own: Entropic with a learnt scale."""

    def __init__(self, dim: int, *, slope: float = 1.0) -> None:
        super().__init__(dim, 0.5, bank=0)
        self.slope = slope
        self.scale = nn.Parameter(torch.ones(dim))

    def code(self, h: Tensor) -> Tensor:
        return super().code(h) * self.scale * self.slope


class Box(Latent):
    """One that keeps no argument as an attribute, and so cannot be described."""

    def __init__(self, size: int, *, cells: list[nn.Module]) -> None:
        super().__init__(size)
        self.inner = nn.Sequential(*cells)

    def forward(self, h: Tensor) -> LatentOutput:
        self.check(h)
        code = self.inner(h)
        return LatentOutput(code, {"size": Penalty(code.square().mean(), 0.1)})


class MyPrior(Prior):
    """Codes that have been seen, drawn again."""

    seen: Tensor

    def __init__(self, dim: int, *, most: int = 256) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("seen", torch.zeros(most, dim))

    def fit(self, code: Tensor, *, seed: int = 0) -> None:
        self.seen.copy_(code[: len(self.seen)])

    def draw_block(self, n: int, generator: torch.Generator | None) -> Tensor:
        return self.seen[torch.randint(len(self.seen), (n,), generator=generator)]

    def log_prob(self, code: Tensor) -> Tensor:
        return torch.zeros(len(code))


class Gaussian(MyPrior):
    """Its name is one that a built-in prior goes by."""


def networks(dim: int = 2) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(6, dim), nn.Linear(dim, 6)


def built_in() -> ea.Autoencoder:
    torch.manual_seed(0)
    return ea.Autoencoder(*pair("mlp", (6,), 2, 2, hidden=(5,), output="linear"), Plain(2))


def trained(latent: Latent) -> ea.Autoencoder:
    torch.manual_seed(0)
    model = ea.Autoencoder(*networks(latent.dim), latent)
    ea.fit(model, X, epochs=2, batch_size=64, progress=False)
    return model


def call_in(message: str) -> str:
    """The call that a message tells to make."""
    found = re.search(r"call (load\(.*\))\.$", message)
    assert found, message
    return found[1]


def refused(folder: Path, **parts: Any) -> str:
    with pytest.raises(ValueError, match="of your own") as error:
        ea.load(folder, **parts)
    return str(error.value)


# Saved and loaded


@pytest.mark.parametrize(
    "make",
    [lambda: Mine(2, slope=0.7), lambda: Box(2, cells=[nn.Linear(2, 2), nn.Tanh()])],
    ids=["of a built-in one", "of Latent"],
)
def test_a_latent_is_loaded_as_the_message_says(tmp_path, make):
    model = trained(make())
    model.save(tmp_path)
    encoder, decoder = networks()
    message = refused(tmp_path, encoder=encoder, decoder=decoder)
    assert f"its latent ({type(model.latent).__name__}) is of your own" in message
    parts = {"encoder": encoder, "decoder": decoder}
    call = call_in(message)
    again = eval(call, parts | {"latent": make(), "load": ea.load, "folder": tmp_path})
    assert torch.equal(again.encode(X), model.encode(X))
    assert torch.equal(again.sample(5, seed=0), model.sample(5, seed=0))


def test_all_that_is_lacking_is_said_at_once_and_as_it_can_be_run(tmp_path):
    model = trained(Mine(2)).fit_prior(X, MyPrior(2))
    assert model.prior == "myprior"
    model.save(tmp_path)
    message = refused(tmp_path)
    for part in ("encoder (Linear)", "decoder (Linear)", "latent (Mine)", "'myprior' (MyPrior)"):
        assert part in message
    (encoder, decoder), latent, myprior = networks(), Mine(2), MyPrior(2)
    names = {"encoder": encoder, "decoder": decoder, "latent": latent, "myprior": myprior}
    again = eval(call_in(message), names | {"load": ea.load, "folder": tmp_path})
    assert again.prior == "myprior"
    # The call is whole also where some parts were given.
    assert call_in(refused(tmp_path, encoder=encoder, latent=latent)) == call_in(message)
    assert torch.equal(again.sample(300, seed=0), model.sample(300, seed=0))


@pytest.mark.parametrize("kind", [MyPrior, Gaussian])
def test_a_prior_alone_is_loaded_as_the_message_says(tmp_path, kind):
    model = built_in().eval().fit_prior(X, "full").fit_prior(X, kind(2, most=100))
    name = kind.__name__.lower()
    assert list(model.priors) == ["normal", "full", name]
    model.save(tmp_path)
    call = call_in(refused(tmp_path))
    again = eval(call, {"load": ea.load, "folder": tmp_path, name: kind(2, most=100)})
    for prior in ("normal", "full", name):
        expected = model.sample(20, seed=1, prior=prior)
        assert torch.equal(again.sample(20, seed=1, prior=prior), expected)
    # The samples are decoded codes that were seen.
    apart = again.sample(20, seed=1)[:, None] - model.reconstruct(X[:100])
    assert apart.abs().amax(2).min(1).values.max() < 1e-5


def test_what_does_not_fit_is_refused(tmp_path):
    model = built_in().eval().fit_prior(X, MyPrior(2))
    model.save(tmp_path)
    with pytest.raises(ValueError, match=r"Unknown prior 'mypriro'.*Did you mean 'myprior'"):
        ea.load(tmp_path, priors={"mypriro": MyPrior(2)})
    with pytest.raises(ValueError, match="must hold objects of a Prior"):
        ea.load(tmp_path, priors={"myprior": MyPrior})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"(?s)cannot be loaded: .*size mismatch"):
        ea.load(tmp_path, priors={"myprior": MyPrior(3)})
    trained(Mine(2)).save(tmp_path)
    encoder, decoder = networks()
    with pytest.raises(ValueError, match="must be a Latent: got Linear"):
        ea.load(tmp_path, encoder=encoder, decoder=decoder, latent=nn.Linear(2, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"name \(normal, .*\) or a Prior: got Linear"):
        built_in().fit_prior(X, nn.Linear(2, 2))  # type: ignore[arg-type]


def test_a_state_dict_is_loaded_strictly_whatever_priors_there_are():
    model = built_in().eval().fit_prior(X, "full").fit_prior(X, MyPrior(2))
    fresh = built_in()
    fresh.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(fresh.eval().encode(X), model.encode(X))
    model.load_state_dict(built_in().state_dict(), strict=True)


def test_priors_go_where_the_model_goes():
    model = built_in().eval().fit_prior(X, "full").double()
    assert all(value.dtype == torch.float64 for value in model.priors["full"].buffers())
    assert model.sample(3, seed=0).dtype == torch.float64
    assert model.to("meta").priors["full"].mean.device.type == "meta"


# Compiled networks


def compiled(module: nn.Module) -> Any:
    return torch.compile(module, backend="eager")


def test_compiled_networks_are_saved_plain_and_plain_ones_loaded_compiled(tmp_path):
    plain = trained(Plain(2))
    model = ea.Autoencoder(compiled(plain.encoder), compiled(plain.decoder), plain.latent).eval()
    expected = plain.sample(4, seed=0)
    torch.testing.assert_close(model.sample(4, seed=0), expected)
    for number, saved in enumerate((model, plain)):
        folder = tmp_path / str(number)
        saved.save(folder)
        assert not [name for name in load_file(folder / "model.safetensors") if "_orig" in name]
        assert "(Linear)" in refused(folder)
        for wrap in (compiled, lambda module: module):
            encoder, decoder = map(wrap, networks())
            again = ea.load(folder, encoder=encoder, decoder=decoder)
            torch.testing.assert_close(again.sample(4, seed=0), expected)


def test_a_compiled_network_of_the_packages_own_is_built_again(tmp_path):
    plain = built_in().eval()
    model = ea.Autoencoder(compiled(plain.encoder), compiled(plain.decoder), plain.latent).eval()
    model.save(tmp_path)
    again = ea.load(tmp_path)
    assert type(again.encoder).__name__ == "MLPEncoder"
    assert torch.equal(again.sample(4, seed=0), plain.sample(4, seed=0))


# Loops of one's own


@pytest.mark.parametrize(
    "latent", [Entropic(2, warmup=(0.2, 0.6)), Mine(2)], ids=["built in", "own"]
)
def test_a_loop_of_ones_own_comes_to_what_fit_comes_to(latent):
    """With one batch an epoch: fit's schedules move on at every step, this loop's every epoch."""
    epochs, rate = 20, 3e-3  # so few that fit's learning rate does not rise at first
    models = []
    for _ in range(2):
        torch.manual_seed(1)
        options = {} if isinstance(latent, Mine) else {"warmup": latent.warmup}
        models.append(ea.Autoencoder(*networks(), type(latent)(2, **options)))
    fitted, looped = models
    rows = ea.fit(
        *(fitted, X),
        epochs=epochs,
        batch_size=len(X),
        learning_rate=rate,
        optimizer=lambda weights: torch.optim.Adam(
            weights, rate
        ),  # fit's own rounds in another way
        decay="none",
        validation=0,
        progress=False,
    )
    optimizer = torch.optim.Adam(looped.parameters(), rate)
    order = Shuffled(len(X), 0)
    weights, errors = [], []
    for epoch in range(epochs):
        looped.begin_epoch(epoch / epochs)
        order.set_epoch(epoch)
        x = X[list(order)]
        weights.append(looped.latent.current_weight())
        optimizer.zero_grad()
        looped.loss(x).backward()
        optimizer.step()
        errors.append(rows[epoch]["train/reconstruction"])
    looped.calibrate([X])
    looped.eval()
    for name, value in looped.state_dict().items():
        torch.testing.assert_close(value, fitted.state_dict()[name], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(looped.encode(X), fitted.encode(X))
    assert len({round(weight, 6) for weight in weights}) > 2, "it does not warm up"
    assert errors[-1] < errors[0]
    with pytest.raises(ValueError, match="progress=20"):
        looped.begin_epoch(20)


def test_the_loss_is_of_the_first_of_a_pair():
    model = built_in()
    expected = model.loss(X)
    assert model.loss((X, torch.zeros(len(X)))) == expected
    assert model.loss({"x": X, "label": torch.zeros(len(X))}) == expected
    output = model(X)
    assert output.loss == expected == output.error.log()
    assert output.error == (output.reconstruction - X).square().mean()


@pytest.mark.parametrize("batches", ["pairs", "dicts"])
def test_a_trainer_of_ones_own_with_a_normal_loader_ends_calibrated(batches):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    model = ea.Autoencoder(encoder, nn.Linear(2, 6), Entropic(2))
    labels = torch.randint(3, (len(X),))
    items: Any = TensorDataset(3 + 2 * X, labels)
    if batches == "dicts":
        items = [{"image": x, "label": y} for x, y in items]
    training = Training(model, learning_rate=1e-2)
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=3,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loaders = DataLoader(items, 64, shuffle=True), DataLoader(items, 100)
        trainer.fit(training, *loaders)
    assert {"train/entropy", "validation/reconstruction"} <= trainer.callback_metrics.keys()
    code = model.eval().encode(3 + 2 * X)
    torch.testing.assert_close(code.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(code.var(0), torch.ones(2), atol=1e-3, rtol=0)
    first = encoder[:2].eval()(3 + 2 * X)
    torch.testing.assert_close(first.mean(0), encoder[1].bias, atol=1e-4, rtol=0)
    assert model.sample(4).shape == (4, 6)


# Names


@pytest.mark.parametrize("name", [*METHODS, "WAE", "SIGReg", "BN_VAE"])
def test_a_recipe_takes_a_method_by_its_name(name, tmp_path):
    recipe = Recipe(model=ModelConfig(hidden=(4,), latent={"name": name, "dim": 3}))
    latent = new_model(recipe, ea.kinds.read("digits")).latent
    preset = METHODS[name.lower().replace("_", "-")]
    kept = portable(recipe)["model"]["latent"]
    assert kept == {"name": preset["name"]} | settings(latent)
    assert kept.items() >= preset.items()
    assert settings(named(kept)) == settings(latent)


def test_methods_and_latents_that_are_unknown_are_told_the_nearest():
    for wrong, meant in (("wea", "wae"), ("sigregg", "sigreg"), ("entropi", "entropic")):
        with pytest.raises(ValueError, match=f"Unknown latent '{wrong}'.*Did you mean '{meant}'"):
            named(wrong, dim=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose latent and evaluation go by other names."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "recipe.yaml").write_text(
        "data: digits\nepochs: 1\nmodel:\n  hidden: [16]\n  latent: {name: bn-vae, dim: 3}\n"
    )
    arguments = ["--recipe", str(folder / "recipe.yaml"), "--no-report"]
    assert main(["fit", *arguments, "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_the_command_takes_a_method_by_its_name(run, tmp_path):
    latent = read_recipe(run).model.latent
    assert latent.items() >= {"name": "variational", "batch_norm": 0.8, "dim": 3}.items()
    options = ["--model.latent.name", "wae", "--model.hidden", "[16]", "--model.latent.dim", "3"]
    out = tmp_path / "run"
    arguments = ["--data", "digits", "--epochs", "1", "--no-report", "--out", str(out)]
    assert main(["fit", *arguments, *options]) == 0
    assert read_recipe(out).model.latent.items() >= {"name": "matching", "distance": "mmd"}.items()


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_a_prior_goes_by_its_other_names(alias, name, tmp_path, monkeypatch):
    monkeypatch.setitem(ea.prior.FlowMatching.__init__.__kwdefaults__, "steps", 50)
    model = built_in().eval().fit_prior(X, alias)
    assert model.prior == name
    assert type(model.priors[name]) is type(ea.prior.PRIORS[name](2))
    drawn = model.sample(5, seed=0)
    assert torch.equal(model.sample(5, seed=0, prior=alias), drawn)
    model.prior = alias  # as a user may say it
    assert torch.equal(model.sample(5, seed=0), drawn)
    model.diagnose(X, progress=False)
    model.save(tmp_path)
    again = ea.load(tmp_path)
    assert again.prior == name
    assert torch.equal(again.sample(5, seed=0), drawn)
    again = ea.load(tmp_path, priors={alias: model.priors[name]})
    assert torch.equal(again.sample(5, seed=0, prior=alias), drawn)


def test_a_prior_that_is_not_fitted_is_fitted_as_the_message_says():
    model, data = built_in().eval(), X
    with pytest.raises(ValueError, match="'full' has not been fitted") as error:
        model.sample(3, prior="gaussian")
    found = re.search(r"Call (.*) first\.$", str(error.value))
    assert found
    eval(found[1], {"model": model, "data": data})
    assert model.sample(3, prior="gaussian").shape == (3, 6)
    with pytest.raises(ValueError, match=r"Unknown prior 'gausian'.*Did you mean 'gaussian'"):
        model.sample(3, prior="gausian")
    with pytest.raises(ValueError, match=r"Unknown prior 'gausian'.*Did you mean 'gaussian'"):
        model.fit_prior(X, "gausian")


def test_the_commands_know_gaussian(run, tmp_path, capsys):
    outs = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for prior, out in zip(("gaussian", "full"), outs, strict=True):
        assert main(["sample", str(run), "--prior", prior, "-n", "4", "--out", str(out)]) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert main(["evaluate", str(run), "--priors", "gaussian", "-n", "100"]) == 0
    assert "samples from the fitted Gaussian\n" in capsys.readouterr().out
    assert main(["diagnose", str(run), "--prior", "gaussian", "-n", "60"]) == 0
    opened = ea.Run.open(run)
    assert torch.equal(
        opened.sample(3, prior="gaussian", seed=0), opened.sample(3, prior="full", seed=0)
    )
    space = opened.space(20)
    assert torch.equal(space.draw("gaussian", 3, seed=0), space.draw("full", 3, seed=0))


def test_full_is_what_gaussian_is():
    assert ALIASES["gaussian"] == "full"
    assert ea.prior.PRIORS["full"] is Full
