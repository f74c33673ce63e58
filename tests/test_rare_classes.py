"""Classes of few samples beside larger ones, as folders of images have them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import entropae as ea
from entropae.cli import main
from entropae.kinds import Samples, as_samples
from entropae.kinds.labels import RARE, classes_of, labels_of, say_classes


def with_classes(**sizes: int) -> Samples:
    random = np.random.default_rng(0)
    labels = np.repeat(list(sizes), list(sizes.values()))
    return replace(as_samples(random.random((len(labels), 5)).astype(np.float32)), labels=labels)


def test_rare_classes_are_one_together():
    found = labels_of(with_classes(a=30, b=20, c=6, d=4))
    assert found == ["a"] * 30 + ["b"] * 20 + [RARE] * 10


def test_larger_classes_are_as_they_were():
    assert labels_of(with_classes(a=30, b=10)) == ["a"] * 30 + ["b"] * 10
    assert say_classes(with_classes(a=30, b=10)) == ""
    assert say_classes(as_samples(np.zeros((5, 2), np.float32))) == ""


def test_one_class_is_none_to_choose():
    said = "All samples are of one class, a: there is none to choose."
    assert say_classes(with_classes(a=30)) == said


def test_too_few_of_them_are_told():
    samples = with_classes(a=30, b=20, c=6)
    assert labels_of(samples) is None
    assert say_classes(samples) == (
        "Classes of fewer than 10 samples to learn from: c 6. Samples of one class cannot be drawn "
        "unless these are left out."
    )
    said = say_classes(with_classes(a=30, b=5, c=6, d=7, e=8))
    assert "b 5, c 6, d 7 and 1 more. Together they are the class" in said


def small():
    return ea.Autoencoder(torch.nn.Linear(5, 2), torch.nn.Linear(2, 5), ea.Entropic(dim=2)).eval()


def test_a_class_is_known_by_any_form_of_its_number():
    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    model = small()
    model.calibrate(x)
    for labels in (np.arange(60) % 2 / 1.0, np.arange(60)[:, None] % 2):
        model.fit_prior(x, "mixture", labels=labels)
        assert model.classes == ("0", "1")
        same = [model.sample(2, seed=0, label=one) for one in ("1", 1, 1.0, torch.tensor(1))]
        assert all(torch.equal(one, same[0]) for one in same)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            np.eye(2)[np.arange(60) % 2],
            r"got shape \(60, 2\)\. Of one column .*labels\.argmax\(1\)",
        ),
        ([None, *"ab" * 29, "a"], "no class for 1 of 60 samples"),
        (["", *"ab" * 29, "a"], "no class for 1 of 60 samples"),
        (np.where(np.arange(60) < 20, np.nan, 1), "no class for 20 of 60 samples"),
    ],
)
def test_labels_that_are_none_are_refused(labels, said):
    x = np.zeros((60, 5), np.float32)
    with pytest.raises(ValueError, match=said):
        small().fit_prior(x, "mixture", labels=labels)


@pytest.mark.parametrize(("few", "classes"), [(6, 3), (1, 0)])
def test_a_folder_with_stragglers(few, classes, tmp_path, capsys):
    from PIL import Image

    random = np.random.default_rng(0)
    for name, size in (("cats", 40), ("dogs", 40), ("cats/odd", few), ("misc", few)):
        (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
        for i in range(size):
            image = Image.fromarray(random.integers(0, 255, (8, 8), dtype=np.uint8))
            image.save(tmp_path / "images" / name / f"{i}.png")
    run = str(tmp_path / "run")
    options = ["--epochs", "1", "--no-report", "--logger", "none", "--model.latent.dim", "4"]
    assert main(["fit", "--data", str(tmp_path / "images"), "--out", run, *options]) == 0
    said = capsys.readouterr().out
    assert "Classes of fewer than 10 images to learn from: " in said
    assert len(ea.load(run).classes) == classes
    if not classes:
        assert "Samples of one of" not in said
        return
    command = next(line for line in said.splitlines() if line.startswith("Samples of one of 3 "))
    given = shlex.split(command.partition(": ")[2])
    assert given[0] == "entropae"
    assert main([*given[1:], "--out", str(tmp_path / "cats.png")]) == 0
    assert Path(tmp_path / "cats.png").exists()
    assert main(["sample", run, "--label", RARE, "--out", str(tmp_path / "rare.png")]) == 0


def test_a_file_with_rare_labels(tmp_path):
    """The rare ones, which a stranger's recipe may have from any file, are not shown."""
    kinds = ["a"] * 40 + ["b"] * 30 + [f"secret {i}" for i in range(20)]
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((90, 3)))
    (tmp_path / "labels.txt").write_text("\n".join(kinds) + "\n")
    options = ["--data", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "labels.txt")]
    options += ["--epochs", "1", "--no-report", "--logger", "none", "--model.latent.dim", "2"]
    assert main(["fit", *options, "--out", str(tmp_path / "run")]) == 0
    run = ea.Run.open(tmp_path / "run")
    assert set(run.model.classes) == {"a", "b", RARE}
    assert classes_of(run.samples) == ["a"] * 40 + ["b"] * 30 + [RARE] * 20
