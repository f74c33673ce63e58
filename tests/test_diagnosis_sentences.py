"""The diagnosis of models of sentences: its measure, what is planted, and what is healthy."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from torch import nn

import entropae as ea
from entropae.diagnosis.measured import squared
from entropae.kinds.samples import Samples
from entropae.kinds.text import Text
from entropae.kinds.text.lines import encode_lines
from entropae.kinds.text.subject import WIDTH, Sentences
from entropae.kinds.text.tokenizer import Tokenizer
from entropae.nn import text_pair
from entropae.nn.tokens import PAD

WHO = ("a the my your this no", "old young red tall kind loud", "cat dog king queen friend child")
SLOTS = (*WHO, "sees finds follows likes calls hears", *WHO, "here today soon abroad again alone")
LENGTH = 12


@pytest.fixture(scope="module")
def trained() -> tuple[ea.Autoencoder, Samples, Samples]:
    rng = random.Random(0)
    lines = [" ".join(rng.choice(slot.split()) for slot in SLOTS) for _ in range(1600)]
    tokenizer = Tokenizer.train(lines, "word", vocabulary=100)
    rows, kind = encode_lines(lines, tokenizer, length=LENGTH)[0], Text(tokenizer, length=LENGTH)
    train, held_out = (Samples(part, kind, "tokens") for part in (rows[:1200], rows[1200:]))
    torch.manual_seed(0)
    networks = text_pair("lstm", len(tokenizer), LENGTH, 8, 8, hidden=32, dropout=0.0)
    model = ea.Autoencoder(*networks, ea.Entropic(8))
    ea.fit(model, train, epochs=16, batch_size=60, learning_rate=2e-2, progress=False)
    return model, train, held_out


@pytest.fixture
def subject(trained) -> Sentences:
    model, _, held_out = trained
    model.eval()
    return Sentences(model.encoder, model.decoder, ea.prior.Normal(8), given=held_out.first(50))


def found(trained: tuple, spoil=lambda model: None) -> dict[str, str]:
    model, train, held_out = trained
    model = copy.deepcopy(model)
    with torch.no_grad():
        spoil(model)
    diagnosis = model.diagnose(train, held_out, batch_size=60, progress=False)
    assert diagnosis.unmeasured["input"] == "sentences have neither scale nor colours"
    assert diagnosis.unmeasured.keys() == {"input", "steps", "latent_small", "latent_large"}
    return {finding.name: finding.severity.word for finding in diagnosis.findings}


def deafen(model: ea.Autoencoder) -> None:
    model.decoder.first.weight.zero_()
    model.decoder.cells.weight_ih_l0[:, model.decoder.hidden :] = 0


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (deafen, "collapse"),
        (lambda model: model.latent.norm.running_mean.add_(2), "statistics"),
        (lambda model: model.latent.norm.running_var.mul_(100), "statistics"),
    ],
)
def test_the_planted_fault_is_named_first(trained, spoil, expected):
    assert next(iter(found(trained, spoil))) == expected


def test_few_steps_are_told_first(trained):
    """And nothing of the size of the latent, which sentences have no measure for."""
    model, train, held_out = trained
    log = [{"step": 180, "train/reconstruction": 60.0}]
    diagnosis = model.diagnose(train, held_out, batch_size=60, log=log, progress=False)
    assert diagnosis.causes[0].name == "steps"
    assert "latent_small" not in diagnosis


def test_nothing_serious_in_a_healthy_model(trained):
    assert "serious" not in found(trained).values()


def test_copies_are_told(trained):
    """A decoder that knows nothing but three training sentences by heart."""
    model, train, held_out = trained

    class Parrot(type(model.decoder)):
        def forward(self, z):
            return train.first(3)[torch.arange(len(z)) % 3]

    parrot = copy.deepcopy(model)
    parrot.decoder.__class__ = Parrot
    diagnosis = parrot.diagnose(train, held_out, progress=False)
    assert diagnosis.findings[0].name == "copies"


def test_distances_of_sentences_count_the_tokens_that_differ(trained, subject):
    _, train, held_out = trained
    a, b = train.first(400), held_out.first(400)
    expected = 2.0 * ((a != b) & (a != PAD) & (b != PAD)) + 1.0 * ((a == PAD) != (b == PAD))
    counted = squared(subject.points(a), subject.points(b)) * LENGTH * WIDTH
    assert counted.mean().item() == pytest.approx(expected.sum(1).mean().item(), rel=0.1)
    assert squared(subject.points(a), subject.points(a)).max() == 0


@torch.no_grad()
def test_the_error_of_sentences_is_briers_score(trained, subject):
    x = trained[2].first(200)
    z = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    told = trained[0].decoder.logits(z, x).softmax(1)
    truth = nn.functional.one_hot(x[x != PAD], told.shape[1])
    score = (told - truth).square().sum() / len(x)
    measured = squared(subject.decode(z, x), subject.points(x)).mean() * LENGTH * WIDTH
    assert measured.item() == pytest.approx(score.item(), rel=0.1)


@torch.no_grad()
def test_a_code_is_looked_at_in_the_sentences_given(subject):
    z = torch.randn(70, 8, generator=torch.Generator().manual_seed(0))
    twice = torch.cat([subject.given, subject.given[:20]])
    assert torch.equal(subject.decode(z), subject.decode(z, twice))
    decoded = subject.decode(z)
    assert subject.made(z, decoded).shape == decoded.shape
