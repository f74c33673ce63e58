"""The life of a run folder: claimed by one process, resumed with what may change, kept apart."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from entropae.cli import main
from entropae.runs import Run
from entropae.storage.lock import LOCK, claimed, is_empty

SMALL = ["--model.hidden", "[8]", "--model.latent.dim", "2", "--no-report"]

HOLD = """
import sys, time
from pathlib import Path
from entropae.storage.lock import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def epochs(run: Path) -> list[int]:
    with (run / "log.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


@pytest.fixture
def holder(tmp_path):
    """Another process that works in a folder."""
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield folder, process
        process.kill()


def test_one_process_at_a_time_in_a_folder(holder, capsys):
    """Refused before the data are looked at."""
    folder, process = holder
    for command in (["--data", "nowhere"], ["--resume"]):
        assert main(["fit", *command, "--out", str(folder)]) == 1
        err = capsys.readouterr().err
        assert f"is in use by another process ({process.pid} on " in err
    recipe = folder.parent / "a.yaml"
    recipe.write_text("data: digits\n")
    assert main(["compare", str(recipe), "--out", str(folder)]) == 1
    assert f"is in use by another process ({process.pid} on " in capsys.readouterr().err
    assert not list(folder.glob("a*")), "nothing was trained"
    process.kill()
    process.wait()
    assert (folder / LOCK).exists(), "it was left behind"
    assert is_empty(folder)
    with claimed(folder), claimed(folder):
        assert str(os.getpid()) in (folder / LOCK).read_text()
    assert not (folder / LOCK).exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError), claimed(tmp_path / "run"):  # noqa: PT011 - of many kinds
        pass
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_run_does_not_lie_in_its_own_data(tmp_path, monkeypatch, capsys):
    from PIL import Image

    for i in range(4):
        Image.fromarray(np.full((8, 8), 60 * i, np.uint8)).save(tmp_path / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    for out in ([], ["--out", "deep/er"], ["--out", str(tmp_path / "run")]):
        assert main(["fit", "--data", ".", *out]) == 1
        assert "lies in the folder of its data" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{i}.png" for i in range(4)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    assert main(["fit", "--data", "digits", "--epochs", "2", "--out", str(run), *SMALL]) == 0
    return run


@pytest.mark.long
def test_a_finished_run_is_trained_further(finished, tmp_path, capsys):
    """To the same weights, whether it was trained on once or twice."""
    import shutil

    run = Path(shutil.copytree(finished, tmp_path / "run"))
    assert main(["evaluate", str(run)]) == 0
    assert list(run.glob("evaluation-*.json"))
    assert main(["fit", "--resume", "--out", str(run)]) == 0
    assert "nothing to resume. With more --epochs it goes on" in capsys.readouterr().out
    assert main(["fit", "--resume", "--epochs", "4", "--out", str(run), "--no-report"]) == 0
    assert epochs(run) == [1, 2, 3, 4]
    assert Run.open(run).recipe.epochs == 4
    assert not list(run.glob("evaluation-*.json")), "they were of the model before"
    capsys.readouterr()
    assert main(["fit", "--resume", "--epochs", "3", "--out", str(run)]) == 1
    assert "has been trained for 4 epochs: got --epochs 3" in capsys.readouterr().err


def test_a_run_that_says_no_weight_goes_on_with_the_latents_own(finished, tmp_path):
    """As runs of before, on images too, which get less entropy now."""
    import shutil

    run = Path(shutil.copytree(finished, tmp_path / "run"))
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(re.sub(r"\n *weight: .*", "", text))
    assert "weight" not in Run.open(run).recipe.model.latent
    assert main(["fit", "--resume", "--epochs", "3", "--out", str(run), "--no-report"]) == 0
    assert Run.open(run).recipe.model.latent["weight"] == Run.open(run).model.latent.weight == 1.0
    assert Run.open(finished).recipe.model.latent["weight"] == 0.1


def test_what_differs_is_said_and_changes_nothing(finished, capsys):
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    differing = ["--seed", "5", "--model.latent.dim", "7", "--batch_size", "256"]
    assert main(["fit", "--resume", "--epochs", "9", "--out", str(finished), *differing]) == 1
    err = capsys.readouterr().err
    assert "--seed 0, now 5; --model.latent.dim 2, now 7" in err
    assert "batch_size" not in err, "it is the same"
    assert main(["fit", "--resume", "--data", "nowhere", "--out", str(finished)]) == 1
    after = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    assert after == before


def test_a_setting_of_its_own_value_is_no_difference(finished, capsys):
    same = ["--seed", "0", "--model.latent.dim", "2", "--data", "digits"]
    assert main(["fit", "--resume", "--out", str(finished), *same, "--no-report"]) == 0
    assert "nothing to resume" in capsys.readouterr().out


def test_a_setting_that_is_left_to_the_data_again_is_no_difference(finished, capsys):
    again = ["--augment", "auto", "--batch_size", "null", "--model.latent.dim", "auto"]
    assert Run.open(finished).recipe.augment != "auto", "the data have settled it"
    assert main(["fit", "--resume", "--out", str(finished), *again, "--no-report"]) == 0
    assert "nothing to resume" in capsys.readouterr().out
    other = ["--augment", "flip"]
    assert main(["fit", "--resume", "--epochs", "9", "--out", str(finished), *other]) == 1
    assert "--augment none, now flip" in capsys.readouterr().err
