"""Lightning's search for a learning rate, with our training."""

from __future__ import annotations

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.tuner import Tuner
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import entropae as ea
from entropae.training import Training

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step`"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
]


class Watched(ea.Entropic):
    """Keeps what the loss of each step depends on besides weights and batch."""

    def forward(self, h):
        if self.training:
            self.states = [*getattr(self, "states", []), (self.progress, self.seen)]
        return super().forward(h)


@pytest.fixture
def training():
    encoder = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2))
    decoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 16))
    return Training(ea.Autoencoder(encoder, decoder, Watched(2)))


@pytest.mark.long
def test_a_search_leaves_all_as_it_was_and_finds_a_rate(training, tmp_path):
    x = torch.randn(512, 2) @ torch.randn(2, 16)
    loader = DataLoader(x, 64, shuffle=True)
    trainer = Trainer(
        max_epochs=15,  # a search takes 100 steps, and no more epochs than these
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        accelerator="cpu",
    )
    model = training.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = Tuner(trainer).lr_find(
        training, loader, min_lr=1e-5, max_lr=0.3, early_stop_threshold=None
    )
    assert found is not None
    assert len(found.results["loss"]) == 100
    # Penalties have their full weight throughout, and no bank fills: only steps lower the loss.
    assert set(model.latent.states) == {(1.0, 0)}
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    rate = found.suggestion(skip_begin=50)
    assert 1e-4 < rate < 0.3
    training.learning_rate = rate
    model.latent.states = []
    trainer.fit(training, loader)
    assert max(progress for progress, _ in model.latent.states) < 1
    assert max(seen for _, seen in model.latent.states) > 0
    assert trainer.optimizers[0].param_groups[0]["initial_lr"] == rate


class Rows(IterableDataset):
    """Samples whose number nobody knows beforehand."""

    def __iter__(self):
        return iter(torch.ones(64, 16) + torch.arange(64)[:, None])


class Rates(Callback):
    """Keeps the learning rate of each step, and how much of the training is done."""

    def __init__(self):
        self.found = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.found.append((trainer.optimizers[0].param_groups[0]["lr"], pl_module.model.latent))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        rate, latent = self.found.pop()
        self.found.append((rate, latent.progress))


@pytest.mark.parametrize("length", [{"max_epochs": 4}, {"max_epochs": -1, "max_steps": 8}])
def test_batches_without_a_number_are_learnt_from(training, length):
    watched = Rates()
    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = Trainer(**length, **quiet, callbacks=[watched], accelerator="cpu")
    trainer.fit(training, DataLoader(Rows(), 32))
    rates, done = zip(*watched.found, strict=True)
    assert len(rates) == 8
    if length["max_epochs"] == 4:  # of two steps each, which the first has shown
        assert done == pytest.approx([0.05, 0.05, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8])
        assert rates[1] == pytest.approx(training.learning_rate, rel=0.01)
    assert all(0 < rate <= training.learning_rate for rate in rates[1:])
    assert all(0 <= share <= 1 for share in done)


def test_a_training_without_an_end_keeps_its_rate(training):
    watched = Rates()
    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = Trainer(
        max_epochs=-1, max_time={"seconds": 1}, **quiet, callbacks=[watched], accelerator="cpu"
    )
    trainer.fit(training, DataLoader(torch.randn(64, 16), 32))
    assert {*watched.found} == {(training.learning_rate, 1.0)}
