"""Which data a run was trained on: kept, compared, and what was held out stays held out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import entropae as ea
from entropae.cli import main
from entropae.kinds import identity
from entropae.kinds import read as load
from entropae.kinds.keys import halved, keys_of_names, keys_of_rows, mixed
from entropae.latent import Plain
from entropae.nn import pair
from entropae.runs import Run

pytest.importorskip("pyarrow")
SMALL = ["--model.network", "mlp", "--model.hidden", "[8]", "--model.latent.dim", "2"]
FIT = ["fit", "--epochs", "1", "--no-report", "--validation", "0.3"]


def images(folder: Path, numbers: range) -> Path:
    folder.mkdir(exist_ok=True)
    for i in numbers:
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / f"{(7 * i) % 1000:03d}-{i}.png")
    return folder


def table(path: Path, numbers: range) -> Path:
    rows = [f"{i % 5 + i / 7:.4f},{'abc'[i % 3]}" for i in numbers]
    path.write_text("\n".join(["height,group", *rows]) + "\n")
    return path


def text(path: Path, numbers: range) -> Path:
    words = ["a", "cat", "sat", "on", "the", "mat", "and", "ate", "some", "of", "it"]
    lines = [" ".join(words[(i * j) % 11] for j in range(1, 4 + i % 4)) for i in numbers]
    path.write_text("\n".join(lines) + "\n")
    return path


def array(path: Path, numbers: range) -> Path:
    rows = [np.random.default_rng(i).normal(size=6) for i in numbers]
    np.save(path, np.array(rows, np.float32))
    return path


SOURCES = {"images": images, "a.csv": table, "a.txt": text, "a.npy": array}


def contents(samples) -> list[bytes]:
    return [samples[i].numpy().tobytes() for i in range(len(samples))]


# The split


@given(st.integers(4, 300), st.integers(0, 300), st.floats(0.01, 0.6), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_adding_samples_moves_none(n, more, share, seed):
    keys = mixed(np.random.default_rng(seed).integers(0, 1 << 62, n + more).astype(np.uint64))
    train, out, below = halved(n, share, seed=seed, keys=keys[:n])
    assert len(out) == max(1, round(n * share))
    assert sorted([*train, *out]) == list(range(n))
    then = halved(n + more, share, seed=seed, keys=keys, below=below)
    assert set(out) <= set(then.held_out)
    assert set(train) <= set(then.train)
    order = np.random.default_rng(seed + 1).permutation(n)
    turned = halved(n, share, seed=seed, keys=keys[order])
    assert set(order[turned.held_out]) == set(out), "a sample's place does not matter"


def test_the_split_is_fair_and_another_for_another_seed():
    shares = [halved(1000, 0.2, seed=seed).held_out for seed in range(200)]
    counts = np.bincount(np.concatenate(shares), minlength=1000)
    assert abs(counts.mean() - 40) < 1e-9
    assert counts.std() == pytest.approx(np.sqrt(200 * 0.2 * 0.8), rel=0.15)


def test_equal_rows_have_keys_of_their_own():
    rows = np.array([[5, 6, 0], [5, 6, 0], [7, 0, 0], [5, 6, 0]])
    keys = keys_of_rows(rows, but=0)
    assert len(set(keys.tolist())) == 4
    assert keys_of_rows(rows[:, :2], but=0).tolist() == keys.tolist(), "padding does not count"
    assert set(keys_of_rows(rows[[2, 0]], but=0)) <= set(keys)
    assert keys_of_names(["a", "b"]).tolist() == keys_of_names(iter("ab")).tolist()


@pytest.mark.parametrize("source", SOURCES)
def test_a_sample_that_was_held_out_stays_so_when_others_come(source, tmp_path):
    """In every kind; files in between, rows and lines at the end."""
    make = SOURCES[source]
    data = make(tmp_path / source, range(80))
    run = tmp_path / "run"
    small = SMALL if source != "a.txt" else ["--model.hidden", "[8]", "--model.latent.dim", "2"]
    assert main([*FIT, "--data", str(data), "--out", str(run), *small]) == 0
    before = Run.open(run)
    held_out, train = set(contents(before.held_out)), set(contents(before.train))
    make(data, range(110))
    after = Run.open(run)
    with pytest.warns(UserWarning, match="samples: 80 then, 110 now"):
        assert held_out <= set(contents(after.held_out))
    assert train <= set(contents(after.train))


# What is said


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    data = array(folder / "x.npy", range(80))
    assert main([*FIT, "--data", str(data), "--out", str(folder / "run"), *SMALL]) == 0
    return folder


@pytest.fixture
def place(finished, tmp_path):
    """A run and its data, to change."""
    import shutil

    copy = Path(shutil.copytree(finished, tmp_path / "copy"))
    recipe = copy / "run" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(finished), str(copy)))
    return copy


CHANGES = {
    "fewer": (lambda path: array(path, range(40)), "samples: 80 then, 40 now"),
    "more": (lambda path: array(path, range(90)), "samples: 80 then, 90 now"),
    "others": (lambda path: array(path, range(100, 180)), "content"),
    "wider": (lambda path: np.save(path, np.ones((80, 7))), "shape of a sample"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_does_not_go_on_with_other_data(change, place, capsys):
    make, said = CHANGES[change]
    make(place / "x.npy")
    before = {path: path.read_bytes() for path in (place / "run").rglob("*") if path.is_file()}
    for stopped in (False, True):
        if stopped:
            (place / "run" / "model.json").unlink()
            del before[place / "run" / "model.json"]
        assert main([*FIT[:1], "--resume", "--epochs", "2", "--out", str(place / "run")]) == 1
        err = capsys.readouterr().err
        assert "are not those that the run" in err
        assert said in err
        assert {
            path: path.read_bytes() for path in (place / "run").rglob("*") if path.is_file()
        } == before


def test_data_that_were_only_copied_are_the_same(place):
    moved = (place / "x.npy").rename(place / "y.npy")
    moved.write_bytes(moved.read_bytes())
    run = str(place / "run")
    assert main(["fit", "--resume", "--epochs", "2", "--out", run, "--no-report"]) == 1
    more = ["--data", str(moved), "--epochs", "2", "--no-report"]
    assert main(["fit", "--resume", "--out", run, *more]) == 0
    assert Run.open(run).recipe.data == str(moved)
    assert len(Run.open(run).samples) == 80


def test_python_keeps_and_compares_them_too(tmp_path):
    x = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32)

    def fit(data, epochs):
        model = ea.Autoencoder(*pair("mlp", (6,), 2, 2, hidden=(8,)), Plain(2))
        options = {"folder": tmp_path, "resume": True, "progress": False}
        return ea.fit(model, data, epochs=epochs, **options)

    fit(x, 1)
    assert fit(x.copy(), 2)[-1]["epoch"] == 2
    with pytest.raises(ValueError, match=r"began with \(samples: 80 then, 70 now; content\)"):
        fit(x[:70], 3)


def test_a_strangers_recipe_reads_no_file_of_mine(place, capsys, monkeypatch):
    """Nor fetches anything: only what the run was trained on, or what I name."""
    run, mine = place / "run", array(place / "secret.npy", range(500, 580))
    recipe = (run / "recipe.yaml").read_text()
    for name in (str(mine), "mnist"):
        (run / "recipe.yaml").write_text(recipe.replace(str(place / "x.npy"), name))
        monkeypatch.setenv("ENTROPAE_CACHE", str(place / "cache"))
        monkeypatch.setattr("pooch.retrieve", lambda *_, **__: pytest.fail("asked the network"))
        for command in ("diagnose", "report", "evaluate", "encode", "reconstruct", "explore"):
            assert main([command, str(run)]) == 1, command
            err = capsys.readouterr().err
            assert "--trained-on" in err
        assert not (run / "report.html").exists()
    (run / "recipe.yaml").write_text(recipe.replace(str(place / "x.npy"), str(mine)))
    assert main(["diagnose", str(run)]) == 1
    told = capsys.readouterr().err.partition("give ")[2].strip().rstrip(".")
    with pytest.warns(UserWarning, match="are not those that the run"):
        assert main(["diagnose", str(run), *shlex.split(told)]) == 0


def test_a_run_of_before_keeps_its_split_if_its_data_are_named(place, capsys):
    """It kept nothing of them: a permutation of the rows."""
    run, data = place / "run", str(place / "x.npy")
    (run / "data.json").unlink()
    assert main(["evaluate", str(run)]) == 1
    assert f"--trained-on {data}" in capsys.readouterr().err
    old = Run.open(run, data=data)
    order = np.random.default_rng(0).permutation(80)
    x = np.load(data)
    np.testing.assert_array_equal(old.held_out.first(99).numpy(), x[np.sort(order[:24])])
    assert main(["evaluate", str(run), "--trained-on", data]) == 0
    going_on = ["fit", "--resume", "--epochs", "2", "--out", str(run), "--no-report"]
    assert main(going_on) == 1
    told = capsys.readouterr().err.partition("give ")[2].strip().rstrip(".")
    assert main([*going_on, *shlex.split(told)]) == 0
    assert json.loads((run / "metrics.json").read_text())["epochs"] == 2


def test_a_damaged_description_is_refused(place):
    path = place / "run" / "data.json"
    for text_ in ("", "[]", "{}", '{"split": {"rule": "no", "below": 1}}', "[" * 9999):
        path.write_text(text_)
        with pytest.raises(ValueError, match=r"data.json is damaged"):
            identity.read(place / "run")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 59), st.integers(0, 5))
def test_any_changed_value_is_noticed(row, column):
    x = np.random.default_rng(0).normal(size=(60, 6))
    then = identity.identity(load(x))
    assert identity.differences(then, identity.identity(load(x.copy()))) == []
    assert identity.still_there(then, load(x)) == 1
    x[row, column] += 1
    assert identity.differences(then, identity.identity(load(x))) == ["content"]
    assert identity.still_there(then, load(x)) == pytest.approx(59 / 60)


def test_labels_that_were_changed_are_told(tmp_path, capsys):
    """Figures of classes would be of others, in silence."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 3)))
    labels = tmp_path / "y.txt"
    labels.write_text("a\nb\n" * 50)
    run, data = str(tmp_path / "run"), str(tmp_path / "x.npy")
    small = ["--model.hidden", "[8]", "--model.latent.dim", "2"]
    assert main([*FIT, "--data", data, "--labels", str(labels), "--out", run, *small]) == 0
    assert main(["evaluate", run]) == 0
    assert "trained with" not in capsys.readouterr().err
    labels.write_text("a\n" * 50 + "b\n" * 50)
    with pytest.warns(UserWarning, match="are not those that the run was trained with"):
        assert main(["evaluate", run]) == 0
