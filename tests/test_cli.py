"""The command line, as a user runs it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import entropae as ea
from entropae.cli import main
from entropae.model import load
from entropae.nn import pair
from entropae.runs import Run


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


WITH_REPORT = ["--epochs", "3", "--model.hidden", "[32]", "--model.latent.dim", "3"]
SMALL = [*WITH_REPORT, "--no-report"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of 60 small colour images in two subfolders, with one that is none."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for i in range(60):
        path = folder / str(i % 2) / f"{i:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 14, 3), dtype=np.uint8)).save(path)
    (folder / "0" / "broken.png").write_bytes(b"not a picture")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run on digits."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL]) == 0
    return folder


def test_a_run_folder_has_everything(run):
    names = {path.name for path in run.iterdir() if path.is_file()}
    pictures = {"samples", "reconstructions", "interpolations", "curves", "overview"}
    assert {f"{name}.png" for name in pictures} <= names
    assert {"model.safetensors", "model.json", "recipe.yaml", "log.csv", "metrics.json"} <= names
    for name in pictures:
        assert pixels(run / f"{name}.png").std() > 10, f"{name}.png is blank"
    metrics = json.loads((run / "metrics.json").read_text())
    assert 0 < metrics["validation"]["mean_squared_error"] < 0.2
    assert metrics["validation"]["samples"] == 180
    assert metrics["epochs"] == 3


@pytest.mark.parametrize("n", [3, 8, 30])
def test_a_run_of_few_images_says_what_it_left_out(tmp_path, n):
    """It fails at no figure after training: those that want more images are left out."""
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "few.npy", images)
    options = ["--data", str(tmp_path / "few.npy"), "--out", str(tmp_path / "run"), *WITH_REPORT]
    with pytest.warns(UserWarning, match="Train on more") as warned:
        assert main(["fit", *options, "--model.latent.dim", "4"]) == 0
    told = " ".join(str(warning.message) for warning in warned)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    parts = {"train": n - max(1, round(n / 10)), "validation": max(1, round(n / 10))}
    for name, samples in parts.items():
        assert metrics[name]["samples"] == samples
        assert metrics[name]["mean_squared_error"] > 0
        assert ("code" in metrics[name]) == (samples > 3)
        assert (f"code of the {name} samples" in told) == (samples <= 3)
    fitted = {"normal", "full", "mixture"} if parts["train"] > 4 else {"normal"}
    assert set(load(tmp_path / "run").priors) == fitted
    assert ("Only N(0, I)" in told) == (fitted == {"normal"})
    assert (tmp_path / "run" / "overview.png").is_file()


def test_the_resolved_recipe_makes_the_same_run(run, tmp_path):
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    latent = recipe["model"]["latent"]
    assert latent.items() >= {"name": "entropic", "dim": 3, "bank": 4096, "k": 1}.items()
    assert recipe["epochs"] == 3
    again = tmp_path / "again"
    recipe = ["--recipe", str(run / "recipe.yaml")]
    assert main(["fit", *recipe, "--out", str(again), "--no-report"]) == 0
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_options_override_the_recipe(run, tmp_path):
    out = tmp_path / "run"
    options = ["--model.latent.weight", "0.25", "--epochs", "1", "--batch_size", "500"]
    options += ["--no-report"]
    assert main(["fit", "--recipe", str(run / "recipe.yaml"), "--out", str(out), *options]) == 0
    recipe = yaml.safe_load((out / "recipe.yaml").read_text())
    assert recipe["model"]["latent"]["weight"] == 0.25
    assert recipe["model"]["latent"]["dim"] == 3
    assert recipe["model"]["hidden"] == [32]
    assert recipe["epochs"] == 1


def test_a_folder_of_images(images, tmp_path, capsys):
    out = tmp_path / "run"
    with pytest.warns(UserWarning, match="1 of 61 images left out"):
        code = main(["fit", "--data", str(images), "--size", "16", "--out", str(out), *SMALL])
    assert code == 0
    assert re.search(r"Left out: \S*broken\.png: not an image", capsys.readouterr().out)
    skipped = json.loads((out / "metrics.json").read_text())["skipped_files"]
    assert len(skipped) == 1
    assert "broken.png: not an image" in skipped[0]
    code = main(["fit", "--data", str(images), "--strict", "true", "--out", str(tmp_path / "b")])
    assert code == 1
    assert "broken.png cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_nothing_is_overwritten(run, capsys):
    before = (run / "model.safetensors").read_bytes()
    assert main(["fit", "--data", "digits", "--out", str(run)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert (run / "model.safetensors").read_bytes() == before
    assert main(["fit", "--out", str(run), "--resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().out


def test_sample(run, tmp_path):
    out = [str(tmp_path / name) for name in ("a.png", "b.npy", "c/", "d.npy")]
    assert main(["sample", str(run), "-n", "9", "--out", out[0]]) == 0
    assert main(["sample", str(run), "-n", "9", "--prior", "mixture", "--out", out[1]]) == 0
    normal = ["--prior", "normal", "--out"]
    assert main(["sample", str(run), "-n", "9", *normal, out[2]]) == 0
    assert main(["sample", str(run), "-n", "9", *normal, out[3]]) == 0
    assert pixels(out[0]).shape[1] > 100
    drawn = np.load(out[3])
    assert drawn.shape == (9, 1, 8, 8)
    assert not np.array_equal(np.load(out[1]), drawn)
    files = sorted((tmp_path / "c").iterdir())
    assert len(files) == 9
    assert np.array_equal(pixels(files[4]), np.rint(drawn[4, 0] * 255).astype(np.uint8))


def test_a_prior_that_a_run_has_not_is_fitted(run):
    opened, before = Run.open(run), (run / "model.json").read_bytes()
    chosen, drawn = opened.model.prior, opened.sample(5, prior="full", seed=0)
    del opened.model.priors["full"]
    assert torch.equal(opened.sample(5, prior="gaussian", seed=0), drawn)
    assert (opened.model.prior, (run / "model.json").read_bytes()) == (chosen, before)


@pytest.mark.long
def test_the_command_draws_from_a_prior_that_a_run_has_not(run, tmp_path, capsys):
    out = tmp_path / "samples.npy"
    assert main(["sample", str(run), "--prior", "flow-matching", "--out", str(out)]) == 0
    assert "Drawn from flow matching" in capsys.readouterr().err
    assert len(np.load(out)) == 64


def test_reconstruct_and_interpolate(run, tmp_path, capsys):
    a, b, c = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.npy"
    assert main(["reconstruct", str(run), "-n", "12", "--out", str(a)]) == 0
    assert "Squared error per value: 0." in capsys.readouterr().out
    assert main(["interpolate", str(run), "-n", "4", "--steps", "6", "--out", str(b)]) == 0
    assert pixels(b).shape[1] > 6 * 40
    options = ["--data", "digits", "-n", "5", "--out", str(c)]
    assert main(["reconstruct", str(run), *options]) == 0
    assert np.load(c).shape == (5, 1, 8, 8)


def test_encode(run, tmp_path):
    import pyarrow.parquet as pq

    a, b, c = (tmp_path / f"codes.{suffix}" for suffix in ("npy", "parquet", "csv"))
    for out in (a, b, c):
        assert main(["encode", str(run), "--out", str(out)]) == 0
    codes = np.load(a)
    assert codes.shape == (1797, 3)
    table = pq.read_table(b)
    assert table.column_names == ["row", "z0", "z1", "z2"]
    assert table["row"].to_pylist() == [*range(1797)]
    assert np.array_equal(table["z1"].to_numpy(), codes[:, 1])
    assert c.read_text().splitlines()[0] == "row,z0,z1,z2"
    assert np.array_equal(np.loadtxt(c, np.float32, delimiter=",", skiprows=1)[:, 1:], codes)


def test_codes_are_written_beside_the_files_that_they_are_of(tmp_path):
    import pyarrow.parquet as pq

    from entropae.kinds import read
    from entropae.kinds.values.codes import write_codes

    (tmp_path / "photos" / "a").mkdir(parents=True)
    for name in ("a/one.png", "two, 2.png", "three.png"):
        pixels = np.full((4, 4), len(name) * 9, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / name)
    samples = read(tmp_path / "photos", size=4)
    code = samples.first(3).mean(dim=(1, 2, 3)).numpy()[:, None]
    for name in ("codes.csv", "codes.parquet"):
        write_codes(code, tmp_path / name, samples)
    files = pq.read_table(tmp_path / "codes.parquet")["file"].to_pylist()
    assert sorted(files) == ["a/one.png", "three.png", "two, 2.png"]
    with (tmp_path / "codes.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "z0"]
    for name, value in rows[1:]:
        assert float(value) == pytest.approx(len(name) * 9 / 255, rel=1e-4)
    write_codes(code[:1], tmp_path / "codes.csv", samples.subset([2]))
    with (tmp_path / "codes.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["file"] == files[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--epohcs", "3"], "Did you mean --epochs"),
        (["fit", "--model.latnt.dim", "3"], "--model.latent"),
        (["fitt"], "fit"),
        (["fit", "--decay", "cosin"], "cosine"),
        (["fit", "--epochs", "many"], "epochs"),
    ],
)
def test_misspelt_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    # What it says to do works as it is printed.
    _, *command = re.findall(r"See (.*)\.", shown)[-1].split()
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 0


def test_data_without_their_option(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my photos").mkdir()
    for i in range(3):
        (tmp_path / "my photos" / f"{i}.jpg").write_bytes(b"")
    (tmp_path / "rows.csv").write_bytes(b"")
    for given, meant in (
        (["my photos"], "'my photos'"),
        (["rows.csv"], "rows.csv"),
        (["--data", *(f"my photos/{i}.jpg" for i in range(3))], "'my photos'"),
    ):
        with pytest.raises(SystemExit):
            main(["fit", *given])
        assert f"Did you mean --data {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--data", "digist"], "Did you mean 'digits'"),
        (
            ["fit", "--model.latent.name", "entropy"],
            "known are ae, ae-bn, balanced, beta-vae, bn-vae",
        ),
        (["fit", "--model.latent.wieght", "1"], "Did you mean 'weight'"),
        (["fit", "--data", "/no/such/folder"], "No file or folder"),
        (["sample", "/no/such/run"], "/no/such/run is no run folder"),
        (["encode", "/no/such/run"], "is no run folder"),
    ],
)
def test_bad_values_are_one_line(arguments, message, capsys, tmp_path):
    if arguments[0] == "fit":
        arguments = [*arguments, "--out", str(tmp_path / "run")]
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "run").exists()


def test_values_that_begin_with_a_minus_are_joined(tmp_path, capsys):
    table = tmp_path / "series.csv"
    x = np.random.default_rng(0).normal(size=101)
    np.savetxt(table, np.column_stack([x[1:], x[:-1]]), delimiter=",", header="a,b", comments="")
    lags = ["information", str(table), "--x", "a", "--y", "b"]
    with pytest.raises(SystemExit):
        main([*lags, "--lag", "-1:1"])
    assert "A value that begins with - is joined by =, as --lag=-VALUE." in capsys.readouterr().err
    assert main([*lags, "--lag=-1:1"]) == 0
    assert re.search(r"-1 .*\n +0 .*\n +1 ", capsys.readouterr().out)


def test_bad_output_names(run, tmp_path, capsys):
    assert main(["sample", str(run), "--out", str(tmp_path / "a.doc")]) == 1
    assert main(["encode", str(run), "--out", str(tmp_path / "a.doc")]) == 1
    assert main(["sample", str(run), "--prior", "flo", "--out", str(tmp_path / "a.png")]) == 1
    assert "Did you mean 'flow'?" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["epohcs: 3", "- 1", "model: {latent: {name: 3}}", "epochs: [1"])
def test_bad_recipes(recipe, tmp_path, capsys):
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe)
    try:
        code = main(["fit", "--recipe", str(path), "--out", str(tmp_path / "run")])
    except SystemExit as stop:
        code = stop.code
    assert code in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    for arguments in (["--help"], ["fit", "--help"], ["sample", "--help"]):
        code = (
            "import sys\nfrom entropae.cli import main\n"
            f"try: main({arguments})\nexcept SystemExit as stop: print('exit', stop.code)\n"
            "print([m for m in ('torch', 'numpy', 'lightning', 'matplotlib') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.endswith("exit 0\n[]\n"), done.stdout + done.stderr


def test_the_package_runs_as_the_command_does():
    command = [sys.executable, "-m", "entropae", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"entropae {ea.__version__}\n"


def test_float_arrays_out_of_range_get_a_linear_output(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(5, 3, (80, 10)))
    out = tmp_path / "run"
    assert main(["fit", "--data", str(tmp_path / "x.npy"), "--out", str(out), *SMALL]) == 0
    config = json.loads((out / "model.json").read_text())
    assert config["decoder"]["output"] == "linear"
    assert not (out / "samples.png").exists()
    assert main(["sample", str(out), "--out", str(tmp_path / "s.npy")]) == 0
    assert np.load(tmp_path / "s.npy").shape == (64, 10)
    assert main(["sample", str(out), "--out", str(tmp_path / "s.png")]) == 0
    assert pixels(tmp_path / "s.png").std() > 10, "a picture of lines"
    assert main(["sample", str(out), "--out", str(tmp_path / "s")]) == 1
    assert "`--out`" in capsys.readouterr().err


def test_a_model_that_was_saved_from_python_can_be_sampled(tmp_path, capsys):
    """Without a recipe, by what its kind knows; what needs the data says that it is no run."""
    values = np.random.default_rng(0).normal(5, 3, (80, 10)).astype(np.float32)
    model = ea.Autoencoder(*pair("mlp", (10,), 2, 2, hidden=(8,), output="linear"), ea.Plain(2))
    ea.fit(model, values, epochs=1, progress=False)
    model.save(tmp_path)
    assert main(["sample", str(tmp_path), "-n", "5", "--out", str(tmp_path / "s.npy")]) == 0
    assert np.load(tmp_path / "s.npy").shape == (5, 10)
    capsys.readouterr()
    assert main(["reconstruct", str(tmp_path)]) == 1
    assert "is no run folder: recipe.yaml is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "--epochs", "1e3"], "--epochs must be a whole number or null: got 1e3."),
        (["fit", "--channels", "2"], "--channels must be 1 or 3 or null: got 2."),
        (["fit", "--model.hidden", "a"], "--model.hidden must be a list, as [64] or null: got a."),
        (["sample", "run", "-n", "x"], "-n must be a whole number: got x."),
        (["sample"], "Also needed: RUN."),
        (["fit-related", "a.csv"], "Also needed: CHILD, --key, --out."),
        (["fit", "--data"], "argument --data: expected one argument"),
    ],
)
def test_a_wrong_option_is_said_in_a_line_and_the_help_is_as_typed(arguments, said, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    command = f"entropae {arguments[0]}"
    assert capsys.readouterr().err == f"{command}: {said}\nSee {command} --help.\n"
