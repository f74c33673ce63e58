"""Evaluation and comparison, on runs of a few seconds."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.cli.training import _named
from entropae.features import FEATURES, extract, find, title
from entropae.features.inception import Inception, inception_input, load_inception, resize
from entropae.kinds import Evaluating
from entropae.kinds import read as load
from entropae.kinds.images import Images
from entropae.kinds.values.evaluation import evaluate
from entropae.latent import Plain
from entropae.metrics.summary import summary
from entropae.prior import PRIORS, TwoStage
from entropae.recipe import ModelConfig, Recipe
from entropae.runs import Run, compare, markdown
from entropae.runs.comparison import CODES, _check_same
from entropae.runs.files import write_recipe
from entropae.runs.settling import settled

COMMON = "data: digits\nepochs: 2\nmodel:\n  hidden: [16]\n  latent: "


@pytest.fixture
def recipes(tmp_path):
    paths = {}
    for name, latent in {
        "eae": "{name: entropic, dim: 3}",
        "vae": "{name: variational, dim: 3, weight: 0.1}",
    }.items():
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(COMMON + latent + "\n")
    return paths


class Copier(nn.Module):
    """Decodes any code to one of the training samples."""

    def __init__(self, x: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("x", x)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.x[(z[:, 0].abs() * 1e4).long() % len(self.x)]


def test_copies_of_the_training_data_are_exposed():
    samples = load("digits")
    train, test = samples.subset(np.arange(900)), samples.subset(np.arange(900, 1797))
    copies = Copier(train.__getitems__(range(900)))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    model = ea.Autoencoder(encoder, copies, Plain(2)).eval()
    options = Evaluating("pixels", progress=False)
    found = evaluate(model, train, test, options)
    assert found["normal"]["nearest"] == 0
    assert found["normal"]["precision"] > 0.7
    noise = ea.Autoencoder(
        encoder, nn.Sequential(nn.Linear(2, 64), nn.Unflatten(1, (1, 8, 8))), Plain(2)
    )
    worse = evaluate(noise.eval(), train, test, options)
    assert worse["normal"]["nearest"] > 1
    assert worse["normal"]["frechet"] > 3 * found["normal"]["frechet"]
    assert worse["normal"]["kernel"] > found["normal"]["kernel"]


@pytest.mark.long
def test_compare_trains_measures_and_resumes(recipes, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--seeds", "2", "--out", str(out), "-n", "100"]
    arguments = ["compare", *map(str, recipes.values()), *options]
    # In processes those of one recipe, then here, beside them, those of the other.
    assert main(["compare", str(recipes["eae"]), *options, "--processes", "2"]) == 0
    before = (out / "eae" / "seed-1" / "model.safetensors").stat().st_mtime_ns
    assert main(arguments) == 0
    with (out / "table.csv").open() as file:
        rows = {row["recipe"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"eae", "vae"}
    results = json.loads((out / "results.json").read_text())
    two = [found["normal"]["frechet"] for found in results["vae"]]
    assert float(rows["vae"]["normal frechet"]) == pytest.approx(sum(two) / 2)
    assert float(rows["vae"]["normal frechet sd"]) == pytest.approx(abs(two[0] - two[1]) / 2**0.5)
    assert "Fréchet distance (pixels), mixture" in (out / "table.md").read_text()
    assert (out / "samples.png").stat().st_size > 1000
    capsys.readouterr()
    assert main(arguments) == 0
    assert "Training" not in capsys.readouterr().err
    assert (out / "eae" / "seed-1" / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.long
def test_runs_are_compared_by_their_folders_names(tmp_path, capsys):
    small = ["--data", "digits", "--model.hidden", "[16]", "--no-report", "--epochs", "1"]
    for name, latent in (("near", "plain"), ("far", "spherical")):
        other = ["--model.latent.name", latent, "--model.latent.dim", "3"]
        assert main(["fit", *small, *other, "--out", str(tmp_path / name)]) == 0
    # Of time limits only those count that are not overruled.
    near = tmp_path / "near" / "recipe.yaml"
    near.write_text(near.read_text().replace("minutes: 10", "minutes: 3"))
    out, far = tmp_path / "table", str(tmp_path / "far")
    options = ["--epochs", "40", "--seeds", "1", "-n", "100", "--out", str(out)]
    assert main(["compare", str(near), far, *options]) == 0
    with (out / "table.csv").open() as file:
        rows = {row["recipe"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"near", "far"}
    made = {name: Run.open(out / name / "seed-0").model for name in rows}
    assert type(made["far"].latent).__name__ == "Spherical"
    # As `fit` makes them, of 280 steps: with what held-out codes ask for.
    assert any(model.head is not None for model in made.values())
    shown = (out / "table.md").read_text().split("\n\n")[0].splitlines()
    for line, (name, model) in zip(shown[2:], made.items(), strict=True):
        cells = line.strip("| ").split(" | ")
        assert (cells[0], cells[-1]) == (name, model.drawn_from())
        bare = "normal-without-head frechet"
        assert bool(rows[name][bare]) == (model.head is not None)
    (tmp_path / "a").mkdir()
    for path in ("a/x.yaml", "x.yaml"):
        (tmp_path / path).write_text(near.read_text())
    capsys.readouterr()
    twice = [str(tmp_path / "x.yaml"), str(tmp_path / "x.yaml")]
    assert main(["compare", *twice, *options]) == 1
    assert "would be called" in capsys.readouterr().err
    assert list(_named([tmp_path / "a" / "x.yaml", tmp_path / "x.yaml"])) == [
        f"{tmp_path.name}-a-x",
        f"{tmp_path.parent.name}-{tmp_path.name}-x",
    ]


def test_compare_refuses_a_run_of_another_recipe(recipes, tmp_path, capsys):
    arguments = ["compare", str(recipes["eae"]), "--seeds", "1", "--out", str(tmp_path / "out")]
    assert main([*arguments, "-n", "80"]) == 0
    recipes["eae"].write_text(COMMON + "{name: entropic, dim: 3, weight: 0.7}\n")
    capsys.readouterr()
    assert main([*arguments, "-n", "80"]) == 1
    assert "model.latent.weight=0.1, the recipe now has 0.7" in capsys.readouterr().err


class Quick(TwoStage):
    """A prior that is learnt in no time."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, steps=20)


def test_evaluate_command(recipes, tmp_path, capsys, monkeypatch):
    out = str(tmp_path / "run")
    assert main(["fit", "--recipe", str(recipes["eae"]), "--out", out, "--no-report"]) == 0
    np.save(tmp_path / "test.npy", (load("digits").array[:120]))
    assert main(["evaluate", out, "--data", str(tmp_path / "test.npy")]) == 0
    assert "by features of pixels on 120 held-out images" in capsys.readouterr().out
    kept = json.loads((tmp_path / "run" / "evaluation-pixels.json").read_text())
    assert kept["features"] == "pixels"
    assert set(kept["full"]) >= {"frechet", "kernel", "precision", "coverage", "nearest"}
    monkeypatch.setitem(PRIORS, "two-stage", Quick)
    assert main(["evaluate", out, "--priors", "two-stage", "-n", "100"]) == 0
    kept = json.loads((tmp_path / "run" / "evaluation-pixels.json").read_text())
    assert kept["two-stage"]["frechet"] > 0
    assert main(["evaluate", out, "--features", "pixel"]) == 1
    assert "Did you mean 'pixels'" in capsys.readouterr().err
    np.save(tmp_path / "large.npy", np.zeros((9, 12, 12), np.uint8))
    assert main(["evaluate", out, "--data", str(tmp_path / "large.npy")]) == 1
    assert "takes images of 8×8 pixels in grey: got 12×12 pixels in grey" in capsys.readouterr().err
    (tmp_path / "mixed").mkdir()
    for i, side in enumerate((8, 8, 12)):
        PIL.Image.new("L", (side, side)).save(tmp_path / "mixed" / f"{i}.png")
    assert main(["evaluate", out, "--data", str(tmp_path / "mixed")]) == 1
    said = capsys.readouterr().err
    assert "one size" in said
    assert "train with --size" in said  # of a model there is no such option
    assert "Give `size`" not in said


def test_unlike_recipes_are_refused(recipes, tmp_path):
    recipe = Recipe(epochs=1)
    other = Recipe(epochs=2)
    with pytest.raises(ValueError, match="epochs is 1 in a, 2 in b"):
        compare({"a": recipe, "b": other}, tmp_path)
    with pytest.raises(ValueError, match="seeds"):
        compare({"a": recipe}, tmp_path, seeds=0)


def test_markdown_shows_mean_and_deviation():
    row = {"recipe": "x", "seeds": 3}
    codes = [f"code {key}" for key in CODES]
    for key in ("mean_squared_error", "normal frechet", "normal kernel", *codes):
        row |= {key: 1.5, f"{key} sd": 0.25}
    row |= {"seconds": 9.0, "seconds sd": 1.0}
    text = markdown([row], Images((1, 8, 8)), "pixels")
    assert "| x | 1.5 ± 0.25 |" in text
    assert "Fréchet distance (pixels), normal" in text
    assert "| sliced Wasserstein |" in text
    assert "FID, normal" in markdown([row], Images((1, 8, 8)), "inception")


def test_any_network_gives_features():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    images = torch.rand(7, 1, 8, 8)
    torch.testing.assert_close(extract(network, images, batch_size=3), network(images).detach())
    assert extract(network, images).shape == (7, 5)
    with pytest.raises(ValueError, match=r"\(n, f\): got \(7, 1, 8, 8\)"):
        extract(nn.Identity(), images)


def test_efficientnet_features_see_noise():
    features = FEATURES["efficientnet-lite0"]()
    images = load("digits").__getitems__(range(40))
    clean, noisy, noisier = (
        extract(features, (images + s * torch.randn_like(images)).clamp(0, 1))
        for s in (0, 0.1, 0.4)
    )
    assert clean.shape == (40, 1280)
    assert 0 < (clean - noisy).norm() < (clean - noisier).norm()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ImportError, match=r"entropae\[features\]"):
        FEATURES["efficientnet-lite0"]()


def test_inception_refuses_other_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        find(f"inception:{tmp_path / 'none.pth'}")
    torch.save({}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"6726825d0af5.*got [0-9a-f]{64}.*no FID"):
        find(f"inception:{tmp_path / 'other.pth'}")
    with pytest.raises(ValueError, match="inception:PATH"):
        find("inception")


def test_inception_loads_the_published_layout(tmp_path):
    """Names, shapes and number of the published file's weights: 94 convolutions and their norms."""
    network = Inception()
    weights = network.state_dict()
    assert sum(name.endswith("conv.weight") for name in weights) == 94
    assert weights["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    convolutions = sum(value.numel() for name, value in weights.items() if "conv" in name)
    channels = sum(value.numel() for name, value in weights.items() if "bn.bias" in name)
    # Keras' InceptionV3 without its top has 21 802 784: these, and mean, variance and offset.
    assert convolutions + 3 * channels == 21_802_784
    path = tmp_path / "weights.pth"
    torch.save(weights | {"fc.weight": torch.zeros(1008, 2048)}, path)
    again = load_inception(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    x = inception_input(torch.rand(1, 1, 28, 28))
    assert x.shape == (1, 3, 299, 299)
    with torch.no_grad():
        found = again(x)
    assert found.shape == (1, 2048)
    torch.testing.assert_close(found, network.eval()(x).detach())


def test_resizing_is_tensorflows():
    """Pixel i of the result lies at i · old/new; beyond the last pixel that one is repeated."""
    x = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]])
    expected = [[0, 2, 4, 4], [4, 6, 8, 8], [8, 10, 12, 12], [8, 10, 12, 12]]
    assert resize(x, 4).tolist() == [[expected]]
    assert resize(torch.arange(6.0).reshape(1, 1, 1, 6).expand(1, 1, 6, 6), 3)[
        0, 0, 0
    ].tolist() == [
        0.0,
        2.0,
        4.0,
    ]


def test_features_of_ones_own_by_import_path(tmp_path, monkeypatch):
    (tmp_path / "own_features.py").write_text(
        "from torch import nn\nhalves = nn.Sequential(nn.Flatten(), nn.Dropout(0.5))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    images = torch.rand(5, 1, 4, 4)
    assert torch.equal(extract(find("own_features:halves"), images), images.flatten(1))
    assert title("own_features:halves") == "own_features halves"
    assert title("inception:/some/where.pth") == "inception"
    with pytest.raises(ValueError, match="quarters"):
        find("own_features:quarters")
    with pytest.raises(ValueError, match="no_such_module"):
        find("no_such_module:f")


def test_a_figure_that_is_infinite_has_no_deviation():
    """As the distance of samples to training data has over held-out data that are copies."""
    row = summary("a", [{"normal": {"nearest": value}} for value in (1.0, math.inf)])
    assert row["normal nearest"] == math.inf
    assert math.isnan(row["normal nearest sd"])


@pytest.mark.parametrize(
    "latent",
    [
        *[{"name": "entropic", "dim": "auto"}, {"name": "rae-sn", "dim": 3}],
        *[{"name": "auto", "dim": "auto"}, {"dim": 3}],
    ],
)
def test_a_comparison_goes_on_with_what_its_data_settled(latent, tmp_path):
    recipe = Recipe(data="digits", model=ModelConfig(hidden=(16,), latent=latent))
    train, held_out = load("digits").split(0.1, seed=0)
    found, _ = settled(recipe, train, held_out, say=False)
    assert found.model != recipe.model
    write_recipe(replace(found, epochs=300), tmp_path)
    _check_same(recipe, tmp_path)
    said = replace(recipe, model=replace(recipe.model, latent=latent | {"dim": 4, "weight": 0.2}))
    with pytest.raises(ValueError, match=r"made with model\.latent\."):
        _check_same(said, tmp_path)


def test_a_comparison_goes_on_with_the_latent_that_its_data_settled(tmp_path):
    """Which is another one of many images than of few."""
    recipe = Recipe(data="digits", epochs=1, batch_size=64, augment="none")
    recipe = replace(recipe, model=ModelConfig(start="pca", latent={"dim": 3}))
    for latent in ({"name": "spherical", "dim": 3}, {"name": "entropic", "dim": 3, "weight": 0.1}):
        write_recipe(replace(recipe, model=replace(recipe.model, latent=latent)), tmp_path)
        _check_same(recipe, tmp_path)
        said = replace(recipe, model=replace(recipe.model, latent={"dim": 4}))
        with pytest.raises(
            ValueError, match=r"made with model\.latent\.dim=3, the recipe now has 4"
        ):
            _check_same(said, tmp_path)
