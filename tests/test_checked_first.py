"""Commands look at everything that can be looked at before they begin to work."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest

from entropae.cli import main


@pytest.fixture
def idle(monkeypatch):
    """Nothing may be read, trained, encoded or drawn."""

    def work(*_: object, **__: object) -> None:
        pytest.fail("it began to work")

    for module, name in (
        ("entropae.runs.making", "read"),
        ("entropae.runs.training", "fit"),
        ("entropae.runs.run", "as_samples"),
    ):
        monkeypatch.setattr(importlib.import_module(module), name, work)
    for name in ("encode", "draw", "fit_prior", "calibrate"):
        monkeypatch.setattr(f"entropae.model.autoencoder.Autoencoder.{name}", work)


BAD_FITS = {
    "no devices": (["--trainer.devices", "0"], "--trainer"),
    "no such accelerator": (["--trainer.accelerator", "abacus"], "abacus"),
    "no such strategy": (["--trainer.strategy", "magic"], "magic"),
    "no epochs": (["--epochs", "0"], "`epochs` must be at least 1"),
    "no batch": (["--batch_size", "0"], "`batch_size` must be at least 1"),
    "all held out": (["--validation", "1.5"], "`validation` must be in [0, 1)"),
    "no rate": (["--learning_rate", "0"], "`learning_rate` must be positive"),
    "no such latent": (["--model.latent", "{name: nope, dim: 2}"], "nope"),
    "no such option": (["--model.latent.weight", "-1"], "weight"),
}


@pytest.mark.parametrize("bad", BAD_FITS)
def test_fit(bad, idle, tmp_path, capsys):
    options, said = BAD_FITS[bad]
    assert main(["fit", "--data", "digits", "--out", str(tmp_path / "run"), *options]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir()), "the corrected command meets no folder"


BAD_MEASURES = {
    "features": (["--features", "nope:x"], "nope"),
    "features of no name": (["--features", "nope"], "Unknown features"),
    "no weights": (["--features", "inception:nowhere.pth"], "nowhere.pth"),
    "a prior": (["--priors", "nope"], "Unknown prior"),
    "too few": (["-n", "1"], "must be at least 2"),
}


@pytest.mark.parametrize("bad", BAD_MEASURES)
def test_compare_and_evaluate(bad, run, idle, tmp_path, capsys):
    options, said = BAD_MEASURES[bad]
    (tmp_path / "a.yaml").write_text("data: digits\n")
    for command in (
        ["compare", str(tmp_path / "a.yaml"), "--out", str(tmp_path / "table")],
        ["evaluate", str(run)],
    ):
        assert main([*command, *options]) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "table").exists()


def test_compare_asks_for_the_data_of_all(idle, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("data: digits\n")
    recipes = [str(tmp_path / f"{name}.yaml") for name in "ab"]
    out = ["--out", str(tmp_path / "table")]
    assert main(["compare", *recipes, *out, "--data", "nowhere.npy"]) == 1
    assert "nowhere.npy" in capsys.readouterr().err
    assert main(["compare", *recipes, *out, "--train", "none.txt", "--features", "pixels"]) == 1
    assert main(["compare", *recipes, *out, "--seeds", "0"]) == 1
    (tmp_path / "text.txt").write_text("one\ntwo\n")
    train = ["--train", str(tmp_path / "text.txt"), "--features", "pixels"]
    capsys.readouterr()
    assert main(["compare", *recipes, *out, *train]) == 1
    assert "`features` are for images and arrays" in capsys.readouterr().err


DESTINATIONS = [
    ("sample", "x.xyz"),
    ("reconstruct", "x.xyz"),
    ("encode", "x.xyz"),
    ("sample", "file/x.png"),
    ("reconstruct", "file/x.png"),
    ("interpolate", "file/x.png"),
    ("encode", "file/x.npy"),
    ("encode", "folder.npy"),
    ("report", "folder.npy"),
    ("report", "file/report.html"),
    ("export", "file/export"),
]


@pytest.mark.parametrize(("command", "out"), DESTINATIONS)
def test_destinations(command, out, run, idle, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.npy").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main([command, str(run), "--out", str(tmp_path / out)]) == 1
    err = capsys.readouterr().err
    assert str(tmp_path / Path(out).parts[0]) in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "missing", "said"),
    [
        (["export"], "onnxscript", "entropae[onnx]"),
        (["encode", "--out", "x.parquet"], "pyarrow", "entropae[tables]"),
        (["evaluate", "--features", "efficientnet-lite0"], "efficientnet_lite_pytorch", "features"),
    ],
)
def test_extras(command, missing, said, run, idle, tmp_path, monkeypatch, capsys):

    there = importlib.util.find_spec
    monkeypatch.chdir(tmp_path)

    def find_spec(name: str, *rest: object) -> object:
        return None if name == missing else there(name, *rest)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    monkeypatch.setattr("entropae.features.find_spec", find_spec)
    monkeypatch.setattr("entropae.explorer.export.find_spec", find_spec)
    assert main([command[0], str(run), *command[1:]]) == 1
    assert said in capsys.readouterr().err
