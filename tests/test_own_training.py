"""What people bring to training: trainers, callbacks, optimisers and errors of their own."""

from __future__ import annotations

import re
import warnings

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    StochasticWeightAveraging,
    TQDMProgressBar,
)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import entropae as ea
from entropae.model import Autoencoder
from entropae.training import Training
from entropae.training.trainers import quiet_lightning

X = torch.randn(300, 3, generator=torch.Generator().manual_seed(0)) @ torch.randn(
    3, 12, generator=torch.Generator().manual_seed(1)
)


def made(latent: ea.Latent | None = None) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(nn.Linear(12, 3), nn.Linear(3, 12), latent or ea.Entropic(3))


def trained_by_a_trainer(model: Autoencoder, epochs: int) -> None:
    with quiet_lightning():
        off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
        trainer = Trainer(max_epochs=epochs, accelerator="cpu", **dict.fromkeys(off, False))
        trainer.fit(Training(model), DataLoader(X, 100, shuffle=True), DataLoader(X, 100))


def test_a_trainer_goes_on_with_a_model_in_evaluation_mode():
    """As `fit` and `load` leave it: batch normalisation would use statistics of before."""
    model = made()
    trained_by_a_trainer(model, 2)
    assert not model.training
    modes = []
    model.encoder.register_forward_hook(lambda part, *_: modes.append(part.training))
    trained_by_a_trainer(model, 1)
    assert any(modes)
    assert not model.training


def test_what_is_frozen_stays_in_evaluation_mode():
    model = made()
    model.decoder.requires_grad_(False)
    model.eval()
    modes = []
    model.decoder.register_forward_hook(lambda part, *_: modes.append(part.training))
    trained_by_a_trainer(model, 1)
    assert modes
    assert not any(modes)


@pytest.mark.parametrize("way", ["trainer", "loop"])
def test_training_drops_priors_and_head_of_the_codes_as_they_were(way):
    model = made().fit_head(X, "full").fit_prior(X, "mixture")
    if way == "trainer":
        trained_by_a_trainer(model, 1)
    else:
        model.train()
        model.begin_epoch(0.5)
        model.loss(X).backward()
    assert model.head is None
    assert model.prior == "normal"
    assert list(model.priors) == ["normal"]


@pytest.mark.filterwarnings("ignore:SWA is currently only supported every epoch")
@pytest.mark.parametrize(
    "callback",
    [
        lambda: StochasticWeightAveraging(1e-3, swa_epoch_start=0.5),
        lambda: EMAWeightAveraging(decay=0.5),
    ],
    ids=["SWA", "EMA"],
)
def test_averaged_weights_are_kept(callback):
    found = []
    for keep in ("best", "last"):
        model = made()
        ea.fit(model, X, epochs=4, keep=keep, callbacks=callback(), progress=False)
        found.append(model.state_dict())
    for name, weight in found[0].items():
        assert torch.equal(weight, found[1][name]), name
    plain = made()
    ea.fit(plain, X, epochs=4, keep="last", progress=False)
    assert not torch.equal(plain.encoder.weight, model.encoder.weight)


def test_a_run_that_ended_early_has_ended(tmp_path):
    def again() -> int:
        stop = EarlyStopping("validation/reconstruction", patience=2, min_delta=1e9)
        model = made()
        log = ea.fit(
            *(model, X),
            epochs=20,
            folder=tmp_path,
            resume=True,
            logger="none",
            callbacks=stop,
            progress=False,
        )
        weights.append(model.encoder.weight.detach().clone())
        return len(log)

    weights: list[torch.Tensor] = []
    assert [again() for _ in range(3)] == [3, 3, 3]
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("first", ["AdamW", "SGD"])
def test_another_optimizer_cannot_go_on(first, tmp_path):
    known = {"AdamW": None, "SGD": lambda weights: torch.optim.SGD(weights, 1e-3)}
    other = next(name for name in known if name != first)
    options = {"folder": tmp_path, "logger": "none", "progress": False}
    ea.fit(made(), X, epochs=1, optimizer=known[first], **options)
    said = f"does not fit this run: it was begun with {first}, not {other}."
    with pytest.raises(ValueError, match=re.escape(said)):
        ea.fit(made(), X, epochs=2, resume=True, optimizer=known[other], **options)
    assert len(ea.fit(made(), X, epochs=2, resume=True, optimizer=known[first], **options)) == 2


def test_a_progress_bar_of_lightning_is_taken(capsys):
    assert ea.fit(made(), X, epochs=1, callbacks=TQDMProgressBar(), progress=False)
    assert "Epoch 0" in "".join(capsys.readouterr())


def test_an_error_that_takes_logits_is_told_and_diagnosed():
    x = (X > 0).float()
    for error in (nn.functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss()):
        with pytest.warns(UserWarning, match="reconstructions and samples will be logits"):
            ea.fit(made(), x, epochs=1, error=error, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoder = nn.Sequential(nn.Linear(3, 12), nn.Sigmoid())
        model = Autoencoder(nn.Linear(12, 3), decoder, ea.Entropic(3))
        ea.fit(model, x, epochs=1, error=nn.functional.binary_cross_entropy, progress=False)


def test_logits_become_data_as_the_diagnosis_says():
    x = (X > 0).float()
    model = made()
    error = nn.functional.binary_cross_entropy_with_logits
    with pytest.warns(UserWarning, match="logits"):
        ea.fit(model, x, epochs=100, error=error, progress=False)
    found = model.diagnose(x[:150], x[150:], progress=False).findings
    assert found[0].name == "logits"
    step = re.search(r"model\.decoder = nn\.Sequential\(.*?\)\)", found[0].remedy)
    exec(step[0], {"model": model, "nn": nn})
    assert 0 <= model.sample(5, seed=0).min() <= model.sample(5, seed=0).max() <= 1
    names = [one.name for one in model.diagnose(x[:150], x[150:], progress=False).findings]
    assert "logits" not in names


def test_a_head_that_a_latent_asks_for_learns_the_labels():
    data = TensorDataset(X, (X[:, 0] > 0).long())
    model = made(ea.Plain(3, head="flow-matching"))
    ea.fit(model, data, epochs=1, progress=False)
    assert model.head.classes == ("0", "1")
    assert model.sample(4, label=1).shape == (4, 12)
