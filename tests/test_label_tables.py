"""Labels in tables: beside the names of files, or in the order of the samples."""

from __future__ import annotations

import gzip
import random
import re
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from entropae.kinds import read
from entropae.kinds.labels import classes_of
from entropae.kinds.values.codes import names_of

N = 12
CLASSES = ["cat" if i % 3 else "dog" for i in range(N)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for i in range(N):
        path = folder / f"{i % 2}" / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(path)
    return folder


def table(path: Path, rows: list[str]) -> str:
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def by_value(folder: Path, labels: str) -> list[str]:
    """The classes, in the order in which the images were made."""
    samples = read(folder, labels=labels)
    found = classes_of(samples)
    assert found is not None
    made = (samples.first(N)[:, 0, 0, 0] * 255 / 20).round().int().tolist()
    return [found[made.index(i)] for i in range(N)]


@pytest.mark.parametrize(
    "form", ["{folder}/{i:03}.png", "{i:03}.png", "{i:03}"], ids=["path", "name", "stem"]
)
def test_classes_are_found_by_the_names_of_files(form, photos, tmp_path):
    rows = [f"{form.format(folder=i % 2, i=i)};{CLASSES[i]};x" for i in range(N)]
    random.Random(0).shuffle(rows)
    others = [f"{form.format(folder=9, i=999)};bird;x"]  # as of a test set
    labels = table(tmp_path / "train.csv", ["id;Label;note", *rows, *others])
    assert by_value(photos, labels) == CLASSES


def test_a_column_beside_the_names_needs_no_title(photos, tmp_path):
    rows = [f"{i:03}.png,{CLASSES[i]}" for i in range(N)]
    assert by_value(photos, table(tmp_path / "train.csv", ["file,breed", *rows])) == CLASSES


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(N, 3)))
    return tmp_path / "x.npy"


def test_whole_numbers_are_classes_whatever_their_type(rows, tmp_path):
    np.save(tmp_path / "y.npy", np.arange(N) % 2 / 1.0)
    said = table(tmp_path / "y.csv", ["label", *(f"{i % 2}.0" for i in range(N))])
    for labels in (str(tmp_path / "y.npy"), said):
        assert classes_of(read(rows, labels=labels)) == ["0", "1"] * (N // 2)


@pytest.mark.parametrize("name", ["y.txt", "y.csv", "y.npy"])
def test_labels_that_are_missing_are_no_class(name, rows, tmp_path):
    path = tmp_path / name
    if name == "y.npy":
        np.save(path, [np.nan, *np.ones(N - 1)])
    else:
        path.write_text("\n".join(["label"] * (name == "y.csv") + ['""' * (name == "y.csv")]))
        path.write_text(f"{path.read_text()}\n" + "1\n" * (N - 1))
    with pytest.raises(ValueError, match=f"no label for 1 of the {N} samples, first for number 1"):
        read(rows, labels=str(path))


def test_numbers_with_fractions_are_no_classes(rows, tmp_path):
    np.save(tmp_path / "y.npy", np.arange(N) / 2)
    with pytest.raises(ValueError, match=r"must have classes: got numbers such as 0\.5"):
        read(rows, labels=str(tmp_path / "y.npy"))


def test_a_title_above_labels_is_seen(rows, tmp_path):
    labels = table(tmp_path / "y.txt", ["label", *CLASSES])
    with pytest.raises(ValueError, match=r"got 13\. If its first line is a title, remove that"):
        read(rows, labels=labels)


NAMES = ["zero", "óne", "two words"] * (N // 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_in_any_encoding(encoding, form, rows, tmp_path):
    """As editors of other systems write them, and blank lines at the end."""
    text = "\r\n".join(NAMES) + "\r\n\r\n\r\n"
    if encoding != "cp1252":  # which has no signs for accents alone
        text = unicodedata.normalize(form, text)
    (tmp_path / "y.txt").write_bytes(text.encode(encoding))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert classes_of(read(rows, labels=str(tmp_path / "y.txt"))) == NAMES
    told = [str(one.message) for one in said]
    assert [encoding == "cp1252"] * len(told) == ["was read as cp1252" in one for one in told]
    assert (encoding == "cp1252") == bool(told)


def test_what_is_no_text_has_no_labels(rows, tmp_path):
    (tmp_path / "y.txt").write_bytes(b"zero\n\0\0\0\0\0\0\0\0one\n" * 6)
    with pytest.raises(ValueError, match=r"y\.txt cannot be read: it is no text"):
        read(rows, labels=str(tmp_path / "y.txt"))


def test_lines_that_are_left_out_keep_their_labels(tmp_path):
    pytest.importorskip("tokenizers")
    (tmp_path / "x.txt").write_text(f"one two\n\n{'far ' * 99}\nthree four\n")
    labels = table(tmp_path / "y.txt", ["a", "b", "c", "d"])
    with pytest.warns(UserWarning, match="2 of 4 lines kept"):
        samples = read(tmp_path / "x.txt", labels=labels, tokenizer="word")
    assert classes_of(samples) == ["a", "d"]
    assert names_of(samples) == ("row", [0, 3])


def test_an_image_beside_the_folders_of_others_is_named(photos):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(photos / "loose.png")
    said = "Folders are classes only if each image lies in one: 1 of 13 do not, such as loose.png."
    assert said in read(photos).told


def test_a_table_in_the_order_of_the_samples(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(N, 3)))
    for rows in (CLASSES, ["kind", *CLASSES]):
        samples = read(tmp_path / "x.npy", labels=table(tmp_path / "labels.csv", rows))
        assert classes_of(samples) == CLASSES
    numbered = ["id,class", *(f"{i},{kind}" for i, kind in enumerate(CLASSES))]
    samples = read(tmp_path / "x.npy", labels=table(tmp_path / "labels.csv", numbered))
    assert classes_of(samples) == CLASSES


def test_rows_that_are_too_few_for_an_array(tmp_path):
    """Whose samples have no files, and no names: an empty line is no label that is missing."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(N, 3)))
    labels = table(tmp_path / "labels.csv", ["label", *CLASSES[:3], "", *CLASSES[4:]])
    with pytest.raises(ValueError, match=rf"{N} samples: got {N - 1}. Empty lines are no rows"):
        read(tmp_path / "x.npy", labels=labels)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("y.txt.gz", gzip.compress(b"a\n" * N)[:-9], "cannot be read: Compressed file ended"),
        ("y.txt.gz", b"a\n" * N, "cannot be read: Not a gzipped file"),
        ("y.npy", b"a\n" * N, "cannot be read: "),
        ("y.npy", np.array(1), f"each of the {N} samples: got 1"),
        ("y.npy", np.array(["a", 1] * (N // 2), object), r"save it again from y\.astype\(str\)"),
    ],
    ids=["cut off", "not packed", "no array", "one number", "objects"],
)
def test_labels_that_cannot_be_read(name, content, said, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(N, 3)))
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))} .*{said}"):
        read(tmp_path / "x.npy", labels=path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([f"{i:03},cat" for i in range(N - 2)], "no label for 2 of the 12 samples: 010; 011"),
        (
            [*(f"{i:03},cat" for i in range(N)), "003,dog"],
            "two labels for 003: cat and dog",
        ),
        ([f"{i:04},cat" for i in range(N + 1)], r"got 13, and none of its .* as 0/000\.png"),
    ],
    ids=["too few", "twice", "other names"],
)
def test_what_is_wrong_is_said(rows, said, photos, tmp_path):
    labels = table(tmp_path / "train.csv", ["id,label", *rows])
    with pytest.raises(ValueError, match=said):
        read(photos, labels=labels)


def test_two_columns_that_could_be_the_class_are_named(photos, tmp_path):
    rows = [f"{i:03},{kind},f" for i, kind in enumerate(CLASSES)]
    labels = table(tmp_path / "train.csv", ["id,breed,sex", *rows])
    with pytest.raises(ValueError, match=r"is the class\? It has breed; sex\. Call one label"):
        read(photos, labels=labels)
