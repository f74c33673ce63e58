"""What a run draws from: chosen on held-out codes, said, shown; and classes from end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from entropae.cli import main
from entropae.kinds.labels import classes_of
from entropae.metrics import kernel_distance
from entropae.prior import FlowMatching
from entropae.prior.gaussian import _mixture
from entropae.runs import Run
from options import SMALL


def curved(n: int) -> np.ndarray:
    """Points of a bent surface in six dimensions, with little noise."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    flat = np.stack([a, a**2 / 2 + 0.3 * b], 1)
    return (flat @ rng.normal(size=(2, 6)) + 0.01 * rng.normal(size=(n, 6))).astype(np.float32)


@pytest.fixture(scope="module")
def bent(tmp_path_factory):
    """A run whose codes are bent, as its data are; its mixture may have one component only."""
    folder = tmp_path_factory.mktemp("bent")
    np.save(folder / "x.npy", curved(700))
    patch = pytest.MonkeyPatch()
    patch.setattr("entropae.prior.gaussian._best_mixture", lambda x, seed: _mixture(1, seed).fit(x))

    def small(d, n, steps, asked):
        return FlowMatching(d, hidden=32, steps=asked or 300)

    patch.setattr(FlowMatching, "sized", small)
    options = ["--model.latent", "{name: plain, dim: 2}", "--model.hidden", "[16]"]
    options += ["--model.start", "random", "--keep", "last"]
    options += ["--epochs", "24", "--batch_size", "64", "--no-report"]
    assert (
        main(["fit", "--data", str(folder / "x.npy"), "--out", str(folder / "run"), *options]) == 0
    )
    yield folder / "run"
    patch.undo()


@pytest.mark.long
def test_bent_codes_get_a_head(bent, capsys):
    run = Run.open(bent)
    assert isinstance(run.model.head, FlowMatching)
    assert run.model.prior == "normal"
    found = run.metrics["priors"]
    assert found["codes"]["chosen"] == "flow-matching"
    codes = {name: one["nats"] for name, one in found["codes"]["log_likelihood"].items()}
    head = {name: one["nats"] for name, one in found["head"]["log_likelihood"].items()}
    assert max(codes, key=lambda name: codes[name]) == "flow-matching"
    # The same density by another name, and the same codes.
    assert head["normal"] == pytest.approx(codes["flow-matching"], abs=1e-3)
    assert head["normal-without-head"] == pytest.approx(codes["normal"], abs=1e-4)
    capsys.readouterr()
    assert main(["sample", str(bent), "-n", "5", "--out", str(bent.parent / "s.npy")]) == 0
    assert capsys.readouterr().err == "Drawn from N(0, I), through the head.\n"


def test_the_report_and_the_evaluation_have_both(bent):
    run = Run.open(bent)
    page = run.report(bent.parent / "report.html", progress=False).read_text()
    assert "What samples are drawn from" in page
    assert "N(0, I) without the head" in page
    found = run.evaluate(n=200, progress=False)
    through, bare = found["normal"], found["normal-without-head"]
    assert through.keys() == bare.keys()
    assert through["frechet"] != bare["frechet"]


def test_the_published_method_is_an_option_away(bent):
    out = bent.parent / "published"
    data = str(bent.parent / "x.npy")
    assert main(["fit", "--data", data, "--out", str(out), "--prior", "normal", *SMALL]) == 0
    run = Run.open(out)
    assert run.model.head is None
    assert run.model.prior == "normal"
    assert run.model.priors.keys() == {"normal", "full", "mixture"}
    assert "priors" not in run.metrics


def test_flow_matching_can_be_asked_for(bent):
    out, data = bent.parent / "flow", str(bent.parent / "x.npy")
    options = ["--prior", "flow-matching", *SMALL]
    assert main(["fit", "--data", data, "--out", str(out), *options]) == 0
    model = Run.open(out).model
    assert (model.head, model.prior) == (None, "flow-matching")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Dark and light squares in folders, and a run of them."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 180)):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(40):
            pixels = rng.integers(low, low + 60, (6, 6)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.png")
    options = [*SMALL[:4], "--epochs", "30", "--no-report", "--batch_size", "32"]
    options += ["--out", str(folder / "run"), "--data", str(folder / "photos")]
    assert main(["fit", *options]) == 0
    return folder


@pytest.mark.parametrize(("label", "low", "high"), [("dark", 0, 0.45), ("light", 0.55, 1)])
def test_folders_are_classes(photos, label, low, high, capsys):
    out = photos / f"{label}.npy"
    assert main(["sample", str(photos / "run"), "--label", label, "--out", str(out)]) == 0
    assert low <= np.load(out).mean() <= high
    assert "Drawn from " in capsys.readouterr().err


def test_balanced_samples_and_unknown_labels(photos, capsys):
    out = photos / "both.npy"
    options = ["--balanced", "--temperature", "0.5", "--truncation", "2", "-n", "10"]
    assert main(["sample", str(photos / "run"), *options, "--out", str(out)]) == 0
    means = np.load(out).mean((1, 2, 3))
    assert (means[::2] < means[1::2]).all()
    assert main(["sample", str(photos / "run"), "--label", "bright", "--out", str(out)]) == 1
    assert "'bright'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:A Fréchet distance")
def test_samples_of_each_class_are_measured(photos, capsys):
    """Dark squares are as dark as real ones: far nearer than the light ones are to them."""
    data = str(photos / "photos")
    assert main(["evaluate", str(photos / "run"), "--data", data, "--features", "pixels"]) == 0
    assert "Samples of each class: kernel distance by pixels" in capsys.readouterr().out
    run = Run.open(photos / "run")
    assert "Samples of each class, against held-out ones of it." in run.report().read_text()
    kept = json.loads((run.folder / "evaluation-pixels.json").read_text())["per_class"]
    found = {one["label"]: one for one in kept}
    assert {name: one["samples"] for name, one in found.items()} == {"dark": 40, "light": 40}
    dark = run.model.sample(40, label="dark", seed=0).flatten(1)
    light = run.model.sample(40, label="light", seed=0).flatten(1)
    assert found["dark"]["kernel"] < 0.1 * kernel_distance(dark, light).mean


def test_labels_of_a_file_and_of_a_column(tmp_path, capsys):
    np.save(tmp_path / "x.npy", curved(60))
    kinds = ["a" if i % 3 else "b" for i in range(60)]
    (tmp_path / "labels.txt").write_text("\n".join(kinds) + "\n")
    rows = [f"{x},{kind}" for x, kind in zip(curved(60)[:, 0], kinds, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["value,kind", *rows]) + "\n")
    for data, labels in (("x.npy", str(tmp_path / "labels.txt")), ("t.csv", "kind")):
        out = tmp_path / data.partition(".")[0]
        options = ["--data", str(tmp_path / data), "--labels", labels, "--out", str(out)]
        assert main(["fit", *options, "--prior", "mixture", *SMALL]) == 0
        run = Run.open(out)
        assert run.model.priors["mixture"].classes == ("a", "b")
        assert len(run.read(str(tmp_path / data)).first(5)) == 5
        assert classes_of(run.samples) == kinds
    # Others, as a stranger's recipe may name, are not shown; nor is it an error that they changed.
    for text in ("\n".join(["secret", *kinds[1:]]) + "\n", "a\n"):
        (tmp_path / "labels.txt").write_text(text)
        assert classes_of(Run.open(tmp_path / "x").samples) is None
    options = ["--data", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "labels.txt")]
    assert main(["fit", *options, "--out", str(tmp_path / "no"), *SMALL]) == 1
    assert "one label for each of the 60 samples" in capsys.readouterr().err


def test_a_flow_has_the_steps_that_are_asked_for(tmp_path, capsys):
    """Also after fewer steps of training than a flow gets by default."""
    np.save(tmp_path / "x.npy", curved(200))
    options = ["--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run"), *SMALL]
    assert main(["fit", *options, "--flow_steps", "7"]) == 0
    found = Run.open(tmp_path / "run").metrics["priors"]["codes"]
    assert "flow-matching" in found["log_likelihood"]
    assert "7/7" in capsys.readouterr().err
    for others in (["--prior", "mixture"], ["--model.latent.head", "full"]):
        assert main(["fit", *options[:2], "--out", "no", "--flow_steps", "7", *others]) == 1
        assert "`flow_steps` is for flow matching as a prior" in capsys.readouterr().err
