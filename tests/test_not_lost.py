"""What commands would overwrite, or do in place of what was meant, is refused."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import entropae as ea
from entropae.cli import main

VALUES = np.random.default_rng(0).normal(size=(200, 3))
NAMES = ["a", "b", "c"]
KEPT = ["model.json", "model.safetensors", "table.json", "table.safetensors"]


def write(path, rows, names=NAMES):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *np.asarray(rows).tolist()])
    return str(path)


@pytest.fixture
def table(tmp_path):
    return write(tmp_path / "data.csv", VALUES)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    data = write(folder / "data.csv", VALUES)
    assert main(["fit", "--data", data, "--out", str(folder / "run"), "--epochs", "1"]) == 0
    return folder


@pytest.mark.parametrize("more", [[], ["--epochs", "1"]])
def test_there_must_be_a_run_to_go_on_with(more, tmp_path, capsys, table):
    folder = tmp_path / "typing error"
    assert main(["fit", "--out", str(folder), "--resume", *more]) == 1
    said = capsys.readouterr().err
    assert f"no run in {folder} to go on with" in said
    assert not folder.exists() or not list(folder.iterdir())
    told = said[said.rindex("entropae fit") :].strip().replace("DATA", shlex.quote(table))
    assert main([*shlex.split(told)[1:], "--epochs", "1", "--no-report"]) == 0
    assert (folder / "model.safetensors").is_file()


def test_a_run_that_is_to_go_on_may_begin_with_its_data(tmp_path, table):
    asked = ["--data", table, "--out", str(tmp_path / "new"), "--epochs", "1", "--no-report"]
    assert main(["fit", *asked, "--resume"]) == 0


@pytest.mark.parametrize("how", [["--target", "a"], [], ["--x", "a", "--y", "b", "--lag", "0:2"]])
def test_figures_are_not_written_over_the_data(table, how, capsys):
    before = Path(table).read_bytes()
    assert main(["information", table, *how, "--permutations", "0", "--out", table]) == 1
    assert "would be lost" in capsys.readouterr().err
    assert Path(table).read_bytes() == before


def test_the_file_of_one_pair_is_refused(table, tmp_path, capsys):
    out = tmp_path / "out.csv"
    asked = ["information", table, "--x", "a", "--y", "b"]
    assert main([*asked, "--out", str(out)]) == 1
    assert "of one pair give --json" in capsys.readouterr().err
    assert main([*asked, "--json"]) == 0


@pytest.mark.parametrize(
    "command",
    [["sample"], ["encode"], ["report"], ["reconstruct"], ["impute", "--data"]],
    ids=lambda command: command[0],
)
def test_nothing_is_written_over_the_data_of_a_run(fitted, command, capsys):
    data = fitted / "data.csv"
    before = data.read_bytes()
    name, *more = command
    more = [*more, str(data)] if more else []
    assert main([name, str(fitted / "run"), *more, "--out", str(data)]) == 1
    assert "would be lost" in capsys.readouterr().err
    assert data.read_bytes() == before


@pytest.mark.filterwarnings("ignore:Read as")
@pytest.mark.parametrize("command", ["evaluate", "reconstruct", "encode"])
def test_a_table_without_rows_is_told(fitted, command, tmp_path, capsys):
    empty = write(tmp_path / "empty.csv", np.empty((0, 3)))
    out = [] if command == "evaluate" else ["--out", str(tmp_path / "out.csv")]
    assert main([command, str(fitted / "run"), "--data", empty, *out]) == 1
    assert f"{empty} has no rows" in capsys.readouterr().err


def test_a_file_of_blanks_is_empty(tmp_path, capsys):
    path = tmp_path / "blank.csv"
    path.write_text("          ")
    assert main(["entropy", str(path)]) == 1
    assert "it is empty" in capsys.readouterr().err


def test_columns_that_are_called_by_numbers():
    import pandas as pd

    frame = pd.DataFrame(VALUES)
    assert ea.rank_features(frame, 1).names == ea.rank_features(frame, "1").names
    assert ea.information_matrix(frame, columns=[0, 2]).names == ("0", "2")


def test_a_column_called_target_is_not_left_out():
    with pytest.raises(ValueError, match="has a column called 'target'"):
        ea.rank_features({"a": VALUES[:, 0], "target": VALUES[:, 1]}, VALUES[:, 2])
    ranked = ea.rank_features(
        {"a": VALUES[:, 0], "target": VALUES[:, 1]}, VALUES[:, 2], columns=["a"]
    )
    assert ranked.names == ("a",)


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("how", ["cut off", "gone"])
def test_the_file_that_is_damaged_is_named(fitted, name, how, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(fitted / "run", run)
    if how == "gone":
        (run / name).unlink()
    else:
        (run / name).write_bytes((run / name).read_bytes()[:200])
    assert main(["sample", str(run), "--out", str(tmp_path / "out.csv")]) == 1
    said = capsys.readouterr().err
    assert name in said
    assert not set(KEPT) - {name} & set(re.findall(r"[\w.]+", said))


def test_a_damaged_recipe_is_told_in_a_line(fitted, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(fitted / "run", run)
    (run / "recipe.yaml").write_text("a: [b\nc: }")
    assert main(["sample", str(run), "--out", str(tmp_path / "out.csv")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_report_is_a_page(fitted, tmp_path, capsys):
    assert main(["report", str(fitted / "run"), "--out", str(tmp_path / "page.pdf")]) == 1
    assert "must end in .html" in capsys.readouterr().err


def test_images_beside_earlier_ones(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = ea.Autoencoder(
        ea.nn.MLPEncoder((1, 8, 8), 2), ea.nn.MLPDecoder((1, 8, 8), 2), ea.Plain(2)
    )
    ea.fit(model, torch.rand(60, 1, 8, 8), epochs=1, progress=False)
    model.save("run")
    assert main(["sample", "run", "-n", "5", "--out", "images"]) == 0
    assert "beside" not in capsys.readouterr().out
    assert main(["sample", "run", "-n", "3", "--out", "images"]) == 0
    assert "Wrote 3 images to images, beside 2 that were there." in capsys.readouterr().out
    assert main(["sample", "run", "--out", "-"]) == 1
    assert "must be a picture" in capsys.readouterr().err
