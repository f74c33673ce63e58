"""A kind of data that the package does not have: spectra, in text files of their own.

All that it takes is the class below. What it does not define, it has from arrays of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

import entropae as ea
from entropae.cli import main
from entropae.kinds import KINDS, Kind, Reading, Samples, register
from entropae.runs import Run
from entropae.storage.atomic import write_text


class Spectra(Kind):
    """Intensities at the same wavelengths.

    Args:
        wavelengths: In nanometres.
    """

    name = "spectra"
    things = "spectra"
    suffix = ".spec"

    def __init__(self, wavelengths: Sequence[float]) -> None:
        self.wavelengths = tuple(wavelengths)
        self.shape = (len(self.wavelengths),)

    @classmethod
    def claims(cls, source: Any) -> bool:
        """A file whose name ends in .spec."""
        return isinstance(source, Path) and source.suffix == ".spec"

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """A line of wavelengths, then a line for each spectrum."""
        wavelengths, *rows = np.loadtxt(source, ndmin=2)
        return Samples(np.stack(rows), cls(wavelengths.tolist()))

    def describe_size(self) -> str:
        """Wavelengths."""
        return f"{self.wavelengths[0]:g} to {self.wavelengths[-1]:g} nm"

    def check_out(self, out: str) -> None:
        """Only .spec files."""
        if not out.endswith(".spec"):
            raise ValueError(f"`--out` must end in .spec: got {out}.")

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """A file as it is read."""
        self.check_out(out)
        rows = [self.wavelengths, *made.tolist()]
        lines = [" ".join(f"{value:.6g}" for value in row) for row in rows]
        write_text(Path(out), "\n".join(lines) + "\n")
        return f"Wrote {len(made)} spectra to {out}."

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """The reconstructions."""
        return self.write(again, out)


NANOMETRES = np.linspace(400, 700, 20)


def spectra(n: int, wavelengths: np.ndarray = NANOMETRES) -> np.ndarray:
    """Lines at two random places on a flat ground."""
    rng = np.random.default_rng(0)
    places = rng.uniform(430, 670, (n, 2, 1))
    return 0.1 + np.exp(-(((wavelengths - places) / 20) ** 2)).sum(1)


def save(path: Path, rows: np.ndarray, wavelengths: np.ndarray = NANOMETRES) -> str:
    np.savetxt(path, np.vstack([wavelengths, rows]), "%.6g")
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 240 spectra, trained by the command line while the kind is registered."""
    before = dict(KINDS)
    register(Spectra)
    folder = tmp_path_factory.mktemp("spectra")
    data = save(folder / "lamp.spec", spectra(240))
    out = str(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ["--epochs", "2", "--model.hidden", "[32]", "--model.latent.dim", "4"]
        assert main(["fit", "--data", data, "--out", out, *options]) == 0
        yield Path(out)
    KINDS.clear()
    KINDS.update(before)


def test_what_is_kept_with_the_model(run):
    kind = ea.load(run).kind
    assert isinstance(kind, Spectra)
    np.testing.assert_allclose(kind.wavelengths, NANOMETRES, rtol=1e-4)
    assert json.loads((run / "model.json").read_text())["kind"]["name"] == "spectra"


def test_sample(run, capsys):
    assert main(["sample", str(run)]) == 0
    said = capsys.readouterr()
    assert said.out == "Wrote 64 spectra to samples.spec.\n"
    assert said.err == "Drawn from the mixture.\n"
    wavelengths, *rows = np.loadtxt("samples.spec")
    np.testing.assert_allclose(wavelengths, NANOMETRES, rtol=1e-4)
    np.testing.assert_allclose(rows, ea.load(run).sample(64, seed=0), rtol=1e-4, atol=1e-5)


def test_reconstruct(run, capsys):
    assert main(["reconstruct", str(run)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Wrote 16 spectra to reconstructions.spec."
    again = np.loadtxt("reconstructions.spec")[1:]
    real = Run.open(run).held_out.some(16).first(16).numpy()
    error = float(told[1].removeprefix("Squared error per value: "))
    assert error == pytest.approx(np.square(again - real).mean(), rel=1e-3)


def test_measure(run, capsys):
    assert main(["evaluate", str(run)]) == 0
    assert "Measured by features of values on 24 held-out spectra." in capsys.readouterr().out
    assert main(["diagnose", str(run)]) == 0
    assert " serious, " in capsys.readouterr().out


def test_report(run):
    page = (run / "report.html").read_text()
    assert "trained on 216 spectra of 400 to 700 nm from" in page
    assert page.count("<h2") == 11
    assert f"entropae sample {run} --prior normal --seed 0 --out normal.spec" in page


def test_run(run):
    opened = Run.open(run)
    assert len(opened.train) == 216
    assert opened.sample(5).shape == (5, 20)
    assert opened.encode().shape == (240, 4)
    more = save(run.parent / "more.spec", spectra(30))
    assert opened.encode(more).shape == (30, 4)
    assert opened.encode(spectra(7)).shape == (7, 4), "an array of such spectra"


def test_others_are_refused(run, capsys):
    few = np.linspace(400, 700, 30)
    others = save(run.parent / "others.spec", spectra(30, few), few)
    for given, reason in (
        (others, "takes spectra of shape (20,): got (30,)"),
        ("digits", "spectra"),
    ):
        assert main(["encode", str(run), "--data", given]) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert len(error.splitlines()) == 1


def test_a_model_of_a_kind_that_is_not_registered(run, capsys):
    registered = KINDS.pop("spectra")
    try:
        assert main(["sample", str(run)]) == 1
    finally:
        register(registered)
    assert "Import the module that registers it" in capsys.readouterr().err
