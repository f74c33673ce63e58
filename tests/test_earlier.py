"""Runs of format 2, before a model said what kind of data it is of: tests/earlier/README.md."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import entropae as ea
from entropae.cli import main
from entropae.kinds import Kind
from entropae.kinds.arrays import Arrays
from entropae.kinds.images import Images
from entropae.kinds.tables import Tables
from entropae.kinds.text import Text
from entropae.model import FORMAT
from entropae.nn import SequenceDecoder, greedy

EARLIER = Path(__file__).parent / "earlier"
EXPECTED: dict[str, Any] = json.loads((EARLIER / "expected.json").read_text())
KINDS: dict[str, type[Kind]] = {"images": Images, "arrays": Arrays, "table": Tables, "text": Text}
DATA = {"images": "images.npy", "arrays": "arrays.npy", "table": "table.csv", "text": "text.txt"}
each = pytest.mark.parametrize("name", KINDS)


def opened(name: str) -> ea.Run:
    return ea.Run.open(EARLIER / name, data=str(EARLIER / DATA[name]))


def check(found: Tensor, name: str, what: str) -> None:
    expected = torch.tensor(EXPECTED[name][what])
    if found.is_floating_point():
        torch.testing.assert_close(found.flatten(1)[:, :6], expected, rtol=1e-4, atol=1e-5)
    else:
        assert torch.equal(found[:, : expected.shape[1]], expected[:, : found.shape[1]])


def greedily(model: ea.Autoencoder) -> ea.Autoencoder:
    """A model that draws the most probable sentences, as it did then; others as they are."""
    if isinstance(model.decoder, SequenceDecoder):
        model.decoder.drawing = greedy
    return model


@each
def test_it_is_of_the_right_kind(name: str):
    config = json.loads((EARLIER / name / "model.json").read_text())
    assert config["format"] == 2
    model = ea.load(EARLIER / name)
    assert type(model.kind) is KINDS[name]
    assert list(model.priors) == ["normal", "full", "mixture"]


@each
def test_it_gives_the_numbers_of_then(name: str):
    run = opened(name)
    x = run.samples.first(4)
    check(greedily(run.model).draw(16, seed=3, prior="normal"), name, "samples")
    check(run.model.encode(x), name, "codes")
    check(run.model.reconstruct(x), name, "reconstruction")
    assert len(run.train) + len(run.held_out) == 60


def test_the_command_writes_the_sentences_of_then(tmp_path: Path):
    run, out = str(EARLIER / "text"), tmp_path / "a.txt"
    asked = ["--seed", "3", "--decoding", "greedy"]  # which was what one got unasked
    assert main(["sample", run, "-n", "16", *asked, "--out", str(out)]) == 0
    assert out.read_text().splitlines() == EXPECTED["text"]["presented"]


def test_the_most_probable_rows_are_those_of_then():
    """Not what is drawn besides: a row's noise no longer depends on how many rows there are."""
    model = ea.load(EARLIER / "table")
    rows = model.present(model.draw(16, seed=3, prior="normal")).to_pylist()
    for row, (age, income, *states) in zip(rows, EXPECTED["table"]["presented"], strict=True):
        found_age, found_income, *found_states = row.values()
        assert (found_age, found_states) == (age, states)
        assert found_income == pytest.approx(income, abs=0.011)  # a rounding apart


def test_samples_are_presented_as_their_kind():
    rows = ea.load(EARLIER / "table").sample(5, seed=3)
    assert rows.column_names == ["age", "income", "town", "member"]
    assert [str(column.type) for column in rows.columns] == ["int64", "double", "string", "bool"]
    assert (
        greedily(ea.load(EARLIER / "text")).sample(3, seed=3) == EXPECTED["text"]["presented"][:3]
    )
    assert ea.load(EARLIER / "images").sample(5).shape == (5, 1, 8, 8)
    assert ea.load(EARLIER / "arrays").sample(5).shape == (5, 6)


@each
def test_saved_again_it_says_its_kind(name: str, tmp_path: Path):
    model = ea.load(EARLIER / name)
    model.save(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["format"] == FORMAT > 2
    again = ea.load(tmp_path)
    assert type(again.kind) is KINDS[name]
    for prior in model.priors:
        drawn = again.draw(4, seed=0, prior=prior)
        assert torch.equal(drawn, model.draw(4, seed=0, prior=prior))


@each
def test_other_commands_know_it(name: str, tmp_path: Path, monkeypatch, capsys):
    """With the data beside it, once it is said: such a run does not say what was in its data."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EARLIER / name, "run")
    shutil.copy(EARLIER / DATA[name], tmp_path)
    trained_on = ["--trained-on", DATA[name]]
    assert main(["encode", "run", "--out", "codes.npy"]) == 1
    assert shlex.join(trained_on) in capsys.readouterr().err
    assert main(["encode", "run", "--out", "codes.npy", *trained_on]) == 0
    assert main(["diagnose", "run", "--data", DATA[name], *trained_on]) == 0
    assert main(["reconstruct", "run", "-n", "4", *trained_on]) == 0
    assert main(["interpolate", "run", "-n", "2", *trained_on]) == 0
    assert main(["report", "run", *trained_on]) == 0
