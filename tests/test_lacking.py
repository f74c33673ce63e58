"""What is not there (packages, streams, room) is said in a line, before the work."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.cli.streams import never_fail, spell
from entropae.kinds.tables.plain import type_of
from entropae.runs import Run
from entropae.storage.atomic import replacing

NEEDED = r'Tables need pyarrow: pip install "entropae\[tables\]"\.'


def test_frames_without_pyarrow(monkeypatch):
    monkeypatch.setattr("entropae.reader.reading.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=NEEDED):
        ea.kinds.read({"a": [1, 2], "b": ["x", "y"]})
    model = ea.Autoencoder(nn.Linear(2, 2), nn.Linear(2, 2), ea.Entropic(2))
    with pytest.raises(ImportError, match=NEEDED):
        ea.fit(model, {"a": [1.0] * 30, "b": ["x"] * 30})


def test_runs_of_tables_without_pyarrow(monkeypatch, tmp_path, capsys):
    lines = "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "x.csv").write_text(f"n,c\n{lines}\n")
    quick = ["--epochs", "1", "--no-report", "--out", str(tmp_path / "run")]
    assert main(["fit", "--data", str(tmp_path / "x.csv"), *quick]) == 0
    monkeypatch.setattr("entropae.reader.reading.find_spec", lambda name: None)
    type_of.cache_clear()
    capsys.readouterr()
    for command in ("sample", "evaluate", "diagnose", "report"):
        assert main([command, str(tmp_path / "run")]) == 1
        assert "Tables need pyarrow: pip install" in capsys.readouterr().err


def test_streams_that_are_closed_lead_nowhere(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    never_fail()
    for stream in (sys.stdout, sys.stderr):
        print("± anything", file=stream, flush=True)
        stream.close()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Its shell closes no streams so.")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_written_to_in_vain(closed, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 3)))
    quick = "--epochs 1 --no-report --out run"
    command = f"{sys.executable} -m entropae fit --data x.npy {quick} {closed}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_an_evaluation_that_cannot_be_kept_is_not_begun(monkeypatch, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 3)))
    quick = ["--epochs", "1", "--no-report", "--out", str(tmp_path / "run")]
    assert main(["fit", "--data", str(tmp_path / "x.npy"), *quick]) == 0
    run = Run.open(tmp_path / "run")
    monkeypatch.setattr("entropae.storage.atomic.os.access", lambda *_: False)
    monkeypatch.setattr(type(run.kind), "evaluate", lambda *_: pytest.fail("It was begun."))
    monkeypatch.setattr(Run, "trained", lambda _: pytest.fail("It was begun."))
    with pytest.raises(PermissionError, match=r"Copy the run to where you may\."):
        run.evaluate(progress=False)
    with pytest.raises(PermissionError, match=r"Give another --out\."):
        run.report(progress=False)


def test_errors_without_a_number_have_none(tmp_path):
    said = pytest.raises(OSError, match=r"^[^\[]*could not be written: 3 of 4 bytes")
    with said, replacing(tmp_path / "a"):
        raise OSError("3 of 4 bytes")


def test_bars_are_spelt():
    with pytest.raises(UnicodeEncodeError) as caught:
        "█".encode("ascii")
    assert spell(caught.value) == ("#", 1)


def test_a_comparison_that_cannot_be_kept_says_so(monkeypatch, tmp_path, capsys):
    recipe = tmp_path / "a.yaml"
    recipe.write_text("epochs: 1\n")
    monkeypatch.setattr("entropae.storage.atomic.os.access", lambda *_: False)
    assert main(["compare", str(recipe), "--out", str(tmp_path / "out")]) == 1
    assert "Nothing can be written to" in capsys.readouterr().err
