"""Training: what it minimises, logs, resumes and refuses."""

from __future__ import annotations

import copy
import csv
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from safetensors.torch import load_file
from torch import nn
from torch.utils.data.distributed import DistributedSampler

import entropae as ea
from entropae.cli import main
from entropae.kinds import read as load
from entropae.kinds.samples import Samples
from entropae.latent import Entropic, Plain
from entropae.model import squared_error
from entropae.nn import pair
from entropae.recipe import TrainerConfig
from entropae.training import CHECKPOINT, Loaders, NonFiniteError, Training
from entropae.training.checkpoints import read
from entropae.training.loaders import Shuffled
from entropae.training.profile import PARTS
from entropae.training.trainers import quiet_lightning


def digits(n: int = 300) -> Samples:
    return load("digits").subset(np.arange(n))


def model(latent: ea.Latent | None = None, network: str = "mlp") -> ea.Autoencoder:
    torch.manual_seed(0)
    latent = latent or Entropic(4)
    networks = pair(network, (1, 8, 8), latent.in_features, latent.dim, width=4, hidden=(32,))
    return ea.Autoencoder(*networks, latent)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_and_logs_every_part(tmp_path):
    trained = model()
    rows = ea.fit(
        trained,
        digits(),
        epochs=12,
        batch_size=64,
        learning_rate=1e-2,
        folder=tmp_path,
        progress=False,
    )
    assert not trained.training
    assert rows[-1]["train/reconstruction"] < 0.5 * rows[0]["train/reconstruction"]
    assert rows[-1]["learning_rate"] < 1e-6 < rows[0]["learning_rate"]
    for part in ("train/reconstruction", "train/entropy", "validation/reconstruction"):
        assert math.isfinite(rows[-1][part])
    with (tmp_path / "log.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in table] == [row["epoch"] for row in rows]
    assert float(table[-1]["train/entropy"]) == rows[-1]["train/entropy"]


def test_held_out_figures_are_logged_when_they_were_measured():
    rows = ea.fit(model(), digits(60), epochs=250, progress=False)
    validated = [row["epoch"] for row in rows if "validation/reconstruction" in row]
    assert validated == list(range(2, 251, 2))


def test_reconstruction_is_per_element():
    trained = model(Plain(4))
    samples = digits()
    rows = ea.fit(trained, samples, epochs=1, learning_rate=1e-12, validation=0.5, progress=False)
    held_out = samples.subset(ea.kinds.split(300, 0.5)[1])
    x = held_out.__getitems__(range(150))
    error = (trained.reconstruct(x) - x).square().mean().item()
    assert rows[0]["validation/reconstruction"] == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("steps", [-1, 3], ids=["whole epoch", "cut short"])
def test_the_log_has_means_over_samples(steps):
    """Of uneven batches too, and of an epoch that the trainer cuts short."""
    seen = []

    class Constant(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return 0 * x.flatten(1)[:, :2]

    class Level(nn.Module):
        """The value at step i is √i: so is the error i of black images."""

        def __init__(self) -> None:
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(1))

        def forward(self, z):
            return self.nothing + math.sqrt(len(seen)) + z.new_zeros(len(z), 1, 2, 2)

    black = load(np.zeros((50, 1, 2, 2), np.uint8))
    training = Training(ea.Autoencoder(Constant(), Level(), Plain(2)), learning_rate=1e-9)
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=1,
            max_steps=steps,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(training, Loaders(black, None, 12, least=2, seed=0))
    expected = np.average(np.arange(1, len(seen) + 1), weights=seen)
    assert seen == ([12, 12, 12, 12, 2] if steps < 0 else [12, 12, 12])
    assert float(trainer.callback_metrics["train/reconstruction"]) == pytest.approx(expected)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("latent", [Entropic(4), Entropic(4, bank=100), Plain(4)], ids=str)
def test_the_same_seed_gives_the_same_weights(latent, network):
    a, b, c = (model(copy.deepcopy(latent), network) for _ in range(3))
    ea.fit(a, digits(), epochs=2, seed=1, progress=False)
    torch.randn(7)
    ea.fit(b, digits(), epochs=2, seed=1, progress=False)
    ea.fit(c, digits(), epochs=2, seed=2, progress=False)
    assert same(weights(a), weights(b))
    assert not same(weights(a), weights(c))


@pytest.mark.parametrize("latent", [Entropic(4), Entropic(4, correction="none", bank=100)], ids=str)
def test_resuming_goes_on_exactly(tmp_path, latent):
    def fresh() -> ea.Autoencoder:
        return model(Entropic(4, correction=latent.correction, bank=latent.bank), "conv")

    class Stop(lightning.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 3:
                raise KeyboardInterrupt

    whole = fresh()
    rows = ea.fit(whole, digits(), epochs=6, batch_size=50, progress=False)

    stopped = fresh()
    options = {"epochs": 6, "batch_size": 50, "folder": tmp_path, "progress": False}
    with pytest.raises(BaseException):  # noqa: B017, PT011 - Lightning turns it into SystemExit
        ea.fit(stopped, digits(), callbacks=[Stop()], **options)
    assert (tmp_path / CHECKPOINT).is_file()
    resumed = fresh()
    again = ea.fit(resumed, digits(), resume=True, **options)
    assert same(weights(whole), weights(resumed))
    drop = {"seconds"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in again] == [
        {k: v for k, v in row.items() if k not in drop} for row in rows
    ]


def test_resuming_after_the_last_step_still_calibrates(tmp_path):
    whole, again = model(), model()
    ea.fit(whole, digits(), epochs=2, folder=tmp_path, progress=False)
    ea.fit(again, digits(), epochs=2, folder=tmp_path, resume=True, progress=False)
    assert same(weights(whole), weights(again))


FIT = ["fit", "--data", "digits", "--epochs", "6", "--model.hidden", "[32]", "--no-report"]


@pytest.mark.long
def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    """kill -9 in mid-training, --resume: the same weights to the last bit."""
    assert main([*FIT, "--out", str(tmp_path / "a")]) == 0
    killed = subprocess.Popen(
        [sys.executable, "-m", "entropae.cli", *FIT, "--out", tmp_path / "b"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoint = tmp_path / "b" / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "it finished before it could be killed"
    assert not (tmp_path / "b" / "model.json").exists()
    assert main([*FIT, "--out", str(tmp_path / "b"), "--resume"]) == 0
    a, b = (load_file(tmp_path / run / "model.safetensors") for run in "ab")
    assert same(a, b)


def test_after_fitting_inference_agrees_with_the_training_set():
    for latent in (Entropic(4), Plain(4, standardize=True)):
        trained = model(latent, "conv")
        samples = digits()
        ea.fit(trained, samples, epochs=3, progress=False)
        code = trained.encode(samples.subset(ea.kinds.split(300)[0]))
        torch.testing.assert_close(code.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
        torch.testing.assert_close(code.var(0), torch.ones(4), atol=1e-2, rtol=0)


def test_weight_is_zero_at_first_and_full_in_the_end():
    latent = Entropic(4, warmup=(0.25, 0.75))
    seen = []

    class Watch(lightning.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            seen.append(latent.current_weight())

    samples = digits(100)
    trainer = lightning.Trainer(
        max_epochs=8,
        limit_val_batches=0,
        callbacks=[Watch()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        use_distributed_sampler=False,
    )
    trainer.fit(Training(model(latent)), Loaders(samples, None, 25, least=2, seed=0))
    assert seen[:8] == [0.0] * 8
    assert seen[-8:] == [1.0] * 8
    assert seen == sorted(seen)


@pytest.mark.parametrize("n", [65, 66, 64, 10])
def test_last_batches_of_any_size(n):
    trained = model(Entropic(4, k=3), "conv")
    rows = ea.fit(trained, digits(n), epochs=2, batch_size=64, validation=0, progress=False)
    assert math.isfinite(rows[-1]["train/reconstruction"])


def test_a_last_batch_of_one_is_left_out():
    loaders = Loaders(digits(65), None, 64, least=2, seed=0)
    assert [len(batch) for batch in loaders.train_dataloader()] == [64]
    loaders = Loaders(digits(66), None, 64, least=2, seed=0)
    assert [len(batch) for batch in loaders.train_dataloader()] == [64, 2]


def test_samples_come_once_an_epoch_in_an_order_of_their_own():
    loaders = Loaders(digits(40), None, 8, least=2, seed=0)
    loader = loaders.train_dataloader()
    epochs = []
    for epoch in (0, 1, 0):
        loader.batch_sampler.sampler.set_epoch(epoch)
        epochs.append(torch.cat(list(loader)))
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])
    rows = [sorted(map(tuple, epoch.flatten(1).tolist())) for epoch in epochs]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("n", [7, 200_001])
def test_the_order_is_that_of_torch(n):
    samples = load(np.zeros((n, 1), np.uint8))
    one, other = Shuffled(n, 3), DistributedSampler(samples, num_replicas=1, rank=0, seed=3)
    one.set_epoch(2)
    other.set_epoch(2)
    assert list(one) == list(other)


class Explosive(nn.Linear):
    """Returns NaN from the given call on."""

    calls = 0
    last = 20

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        return super().forward(x) * (torch.nan if self.calls > self.last else 1.0)


def test_a_non_finite_loss_stops_with_step_part_and_good_checkpoint(tmp_path):
    broken = ea.Autoencoder(nn.Linear(6, 3), Explosive(3, 6), Entropic(3))
    x = torch.randn(64, 6)
    with pytest.raises(
        NonFiniteError,
        match=r"Step 20 \(epoch 10\): the decoder's output is not .* checkpoint is .*last\.ckpt",
    ):
        ea.fit(broken, x, epochs=20, batch_size=32, validation=0, folder=tmp_path, progress=False)
    good = read(tmp_path / CHECKPOINT)
    assert good["epoch"] == 9
    assert all(
        torch.isfinite(v).all() for v in good["state_dict"].values() if v.is_floating_point()
    )


def test_a_non_finite_gradient_is_refused():
    class Root(nn.Linear):
        def forward(self, x):
            return super().forward(x) + (x * 0).square().sum().sqrt()

    broken = ea.Autoencoder(Root(6, 3), nn.Linear(3, 6), Plain(3))
    x = torch.randn(64, 6, requires_grad=False)
    first = nn.Linear(6, 6)
    broken.encoder = nn.Sequential(first, broken.encoder)
    before = weights(broken)
    with pytest.raises(NonFiniteError, match=r"the gradient of model\.encoder\.0"):
        ea.fit(broken, x, epochs=1, validation=0, progress=False)
    assert same(before, weights(broken))


def test_fitting_twice_trains_twice():
    """The first fit leaves evaluation mode behind."""
    trained = model()
    ea.fit(trained, digits(), epochs=1, progress=False)
    before = trained.latent.norm.running_mean.clone()
    modes = []

    class Watch(lightning.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            modes.append(all(part.training for part in trained.modules()))

    ea.fit(trained, digits(), epochs=1, callbacks=[Watch()], progress=False)
    assert modes
    assert all(modes)
    assert not torch.equal(before, trained.latent.norm.running_mean)


def test_training_drops_priors_of_older_codes():
    trained = model()
    ea.fit(trained, digits(), epochs=1, progress=False)
    trained.fit_prior(digits(), "full")
    ea.fit(trained, digits(), epochs=1, progress=False)
    assert list(trained.priors) == ["normal"]
    assert trained.prior == "normal"


def test_tensors_keep_their_shape():
    """Signals of 12 channels and 16 steps are no images of 12 × 16 pixels."""
    signals = torch.randn(40, 12, 16)
    encoder = nn.Sequential(nn.Conv1d(12, 2, 3, padding=1), nn.Flatten(), nn.Linear(32, 3))
    decoder = nn.Sequential(nn.Linear(3, 192), nn.Unflatten(1, (12, 16)))
    trained = ea.Autoencoder(encoder, decoder, Entropic(3))
    ea.fit(trained, signals, epochs=1, batch_size=16, progress=False)
    assert trained.sample(2).shape == (2, 12, 16)


def test_own_error_own_data_own_networks():
    """A 1-d signal model with an absolute error, and a tensor of signals."""
    torch.manual_seed(0)
    t = torch.linspace(0, 1, 32)
    signals = torch.sin(6 * t + 6 * torch.rand(200, 1)) * torch.rand(200, 1)
    trained = ea.Autoencoder(nn.Linear(32, 3), nn.Linear(3, 32), Entropic(3))
    rows = ea.fit(
        trained,
        signals,
        epochs=20,
        batch_size=32,
        learning_rate=1e-2,
        error=lambda a, b: (a - b).abs().mean(),
        progress=False,
    )
    assert rows[-1]["train/reconstruction"] < 0.1
    assert trained.sample(3).shape == (3, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": 10 / 2}, "`epochs` must be a whole number of at least 1: got epochs=5.0"),
        ({"seed": None}, "`seed` must be a whole number of at least 0: got seed=None"),
        ({"seed": -1}, "`seed` must be .* got seed=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"decay": "cosin"}, "Did you mean 'cosine'"),
        ({"validation": 1.0}, "validation"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ea.fit(model(), digits(50), progress=False, **options)


HALVES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@pytest.mark.long
@pytest.mark.parametrize("precision", HALVES)
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_mixed_precision_keeps_the_latent_in_float32(network, precision):
    """It reconstructs like single precision, and its codes are those of single precision."""

    def train(*plugins: MixedPrecision) -> tuple[ea.Autoencoder, float]:
        trained = model(Entropic(4), network).train()
        trained.latent.register_forward_hook(
            lambda _, h, out: seen.append(
                (h[0].dtype, out.code.dtype, *(p.value.dtype for p in out.penalties.values()))
            )
        )
        seen.clear()
        training = Training(trained, learning_rate=1e-2, error=error)
        with quiet_lightning():
            trainer = lightning.Trainer(
                accelerator="cpu",
                plugins=list(plugins),
                max_epochs=15,
                limit_val_batches=0,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
            )
            trainer.fit(training, Loaders(digits(), None, 100, least=2, seed=0))
        return trained.eval(), float(trainer.callback_metrics["train/reconstruction"])

    def error(reconstruction, x):
        found = squared_error(reconstruction, x)
        assert found.dtype == torch.float32
        return found

    seen = []
    _, single = train()
    # Lightning's own "16-mixed" is not for CPUs; the plugin of GPUs is, loss scaler and all.
    trained, mixed = train(MixedPrecision(precision, "cpu"))
    assert set(seen) == {(HALVES[precision], *[torch.float32] * 3)}
    assert mixed == pytest.approx(single, rel=0.1)
    x = digits().first(300)
    exact = trained.encode(x)
    with torch.autocast("cpu", HALVES[precision]):
        near = trained.encode(x)
    # Relative to the code's own deviation; a rounding to half precision is 0.4 % or 0.05 %.
    assert (near - exact).std() < 8 * torch.finfo(HALVES[precision]).eps * exact.std()


def test_half_precision_on_a_processor_is_bfloat16():
    precision = TrainerConfig(accelerator="cpu", precision="16-mixed")
    with pytest.warns(UserWarning, match="Using `precision='bf16-mixed'` instead"):
        rows = ea.fit(model(), digits(), epochs=1, trainer=precision, progress=False)
    assert math.isfinite(rows[-1]["train/entropy"])


def test_accumulated_gradients_take_the_bank_along():
    """The entropy is that of each batch, among the codes of all batches before it."""
    trained = model(Entropic(4, bank=1000))
    few = TrainerConfig(accelerator="cpu", accumulate_grad_batches=3)
    options = {"batch_size": 60, "validation": 0, "progress": False}
    rows = ea.fit(trained, digits(300), epochs=4, trainer=few, **options)
    assert rows[-1]["step"] == 4 * 2  # steps of 3 and of 2 batches
    assert trained.latent.seen == 300
    assert rows[-1]["train/reconstruction"] < rows[0]["train/reconstruction"]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # of the compiler
def test_compiled_networks_are_saved_as_themselves(tmp_path, monkeypatch):
    """With the compiler's front end; its back end takes a minute and changes roundings only."""
    calls = []

    def compiled(function):
        calls.append(function)
        return compiler(function, backend="eager")

    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", compiled)
    a, b = model(), model()
    for trained, compiles in ((a, True), (b, False)):
        ea.fit(trained, digits(100), epochs=2, compile=compiles, progress=False)
    assert len(calls) == 2
    assert "forward" not in vars(a.encoder)
    assert same(weights(a), weights(b))
    a.save(tmp_path)
    assert torch.equal(ea.load(tmp_path).sample(2, seed=0), b.sample(2, seed=0))


def test_the_profile_adds_up(capsys):
    began = time.perf_counter()
    ea.fit(model(), digits(), epochs=2, profile=True, progress=False)
    whole = time.perf_counter() - began
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == list(PARTS)
    assert sum(float(line[-1].rstrip("%")) for line in lines) == pytest.approx(100, abs=0.5)
    spent = {line[0]: float(line[1]) for line in lines}
    assert all(spent[part] > 0 for part in ("encoder", "latent", "decoder", "backward", "data"))
    steps = 2 * 2
    assert sum(spent.values()) / 1000 * steps < whole


def test_progress_shows_the_parts_by_name(capfd):
    ea.fit(model(), digits(), epochs=2)
    shown = capfd.readouterr().err
    assert "reconstruction=" in shown
    assert "entropy=" in shown


def test_nothing_is_written_without_a_folder(tmp_path):
    before = set(tmp_path.iterdir())
    where = Path.cwd()
    os.chdir(tmp_path)
    try:
        ea.fit(model(), digits(50), epochs=1, progress=False)
    finally:
        os.chdir(where)
    assert set(tmp_path.iterdir()) == before
