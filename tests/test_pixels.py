"""Tables of pixels: told from others, and made images by the command that is printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from entropae.kinds import read
from entropae.kinds.labels import classes_of
from entropae.kinds.tables.pixels import pixels

DIGITS = load_digits()
N = 40


def handed_on(folder: Path, titles: list[str] | None, label: int, separator: str) -> Path:
    frame = pd.DataFrame(DIGITS.data[:N].astype(int), columns=titles)
    frame.insert(label, "label", DIGITS.target[:N])
    if titles == COUNTED:
        frame.columns = range(65)
    path = folder / "digits.csv"
    frame.to_csv(path, index=False, header=titles is not None, sep=separator)
    return path


COUNTED = [str(i) for i in range(64)]


@pytest.mark.parametrize(
    ("titles", "label", "separator"),
    [
        ([f"pixel{i}" for i in range(64)], 0, ","),
        ([f"Px.{i}" for i in range(1, 65)], 64, ";"),
        ([f"{i}x{j}" for i in range(1, 9) for j in range(1, 9)], 0, ","),
        (None, 0, ","),
        (None, 64, ";"),
        (COUNTED, 0, ","),
        (COUNTED, 64, ","),
    ],
    ids=["pixel0", "Px.1", "1x1", "no names", "no names, label last", "0", "0, label last"],
)
@pytest.mark.filterwarnings("ignore:Read as")
def test_pixels_become_images_with_their_labels(titles, label, separator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = handed_on(tmp_path, titles, label, separator).name
    said = read(path).kind.introduction.splitlines()[-1]
    assert "may be the pixels of images" in said
    command, _, then = said[said.index("python -c") :].partition(" and then ")
    exec(shlex.split(command)[2], {})
    options = shlex.split(then)
    assert options[:3] == ["entropae", "fit", "--data"]
    samples = read(options[3], labels=options[5])
    np.testing.assert_allclose(samples.first(N)[:, 0], DIGITS.images[:N] / 16)
    assert classes_of(samples) == [str(one) for one in DIGITS.target[:N]]


@pytest.mark.parametrize(
    "names",
    [
        [f"x{i}" for i in range(63)],
        [f"x{i}" for i in range(25)],
        [f"x{2 * i}" for i in range(64)],
        [f"{j}x{i}" for i in range(8) for j in range(8)],
        ["age", "town"],
    ],
    ids=["no square", "few", "gaps", "by columns", "others"],
)
def test_other_columns_are_none(names):
    assert not pixels(names)


def test_numbers_that_are_no_pixels_are_not_called_so(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 64)).round(2))
    frame.columns = [f"x{i}" for i in range(64)]
    frame.to_csv(tmp_path / "scores.csv", index=False)
    said = read(tmp_path / "scores.csv").kind.introduction
    assert "pixels" not in said
    assert "… and 4 more: 4 × number" in said
