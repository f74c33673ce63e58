"""Files of formats that are not read: the command that an error prints makes what is."""

from __future__ import annotations

import gc
import gzip
import pickle
import re
import runpy
import shlex
import shutil
import sqlite3
import sys
import tarfile
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from scipy.io import savemat

from entropae.kinds import read
from entropae.reader import read_table
from entropae.storage.foreign import way_on

FRAME = pd.DataFrame({"town": ["Oslo", "Rome", "Oslo"], "age": [31.5, 47.0, 22.5]})
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 8), dtype=np.uint8)


def told(path: Path) -> str:
    with pytest.raises(ValueError, match="is of no known kind") as caught:
        read(path)
    return str(caught.value)


def follow(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command that a message ends with, in this process."""
    _, *words = shlex.split(said[said.index("python -") :])
    with monkeypatch.context() as patched:
        if words[0] == "-c":
            assert len(words) == 2
            exec(words[1], {})
            return
        patched.setattr(sys, "argv", [words[1], *words[2:]])
        runpy.run_module(words[1], run_name="__main__")


def written(name: str, folder: Path) -> Path:
    """A table in a file, whose name is not easy for a shell."""
    path = folder / name
    {
        ".xlsx": lambda: FRAME.to_excel(path, index=False),
        ".json": lambda: FRAME.to_json(path, orient="records"),
        ".jsonl": lambda: FRAME.to_json(path, orient="records", lines=True),
        ".feather": lambda: FRAME.to_feather(path),
        ".dta": lambda: FRAME.to_stata(path, write_index=False),
        ".orc": lambda: FRAME.to_orc(path),
        ".pkl": lambda: FRAME.to_pickle(path),
    }[path.suffix]()
    return path


@pytest.mark.parametrize(
    "name",
    ["a.xlsx", "a.json", "Our list.jsonl", "it's $5.feather", "a.dta", "a.orc", "a.pkl"],
)
def test_tables_become_csv(name, tmp_path, monkeypatch):
    path = written(name, tmp_path)
    (tmp_path / "a.csv").write_text("mine\n")
    follow(told(path), monkeypatch)
    made = max(tmp_path.glob("*.csv"), key=lambda one: one.stat().st_mtime_ns)
    assert made.stem == ("a-2" if path.stem == "a" else path.stem)
    pd.testing.assert_frame_equal(read_table(made).data.to_pandas(), FRAME, check_dtype=False)
    assert (tmp_path / "a.csv").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["b.json", "b.jsonl"])
def test_texts_of_json_stay_as_they_are(name, tmp_path, monkeypatch):
    frame = pd.DataFrame({"account": ["0776590931", "0611318526"], "paid_at": ["2022-08-30", "1"]})
    frame.to_json(tmp_path / name, orient="records", lines=name.endswith("l"))
    follow(told(tmp_path / name), monkeypatch)
    assert (tmp_path / "b.csv").read_text().split() == [
        "account,paid_at",
        "0776590931,2022-08-30",
        "0611318526,1",
    ]


def test_a_database_is_asked_for_its_first_table(tmp_path, monkeypatch):
    path = tmp_path / "our people.db"
    with closing(sqlite3.connect(path)) as database:
        FRAME.to_sql("people", database, index=False)
        FRAME.to_sql("others", database, index=False)
    said = told(path)
    assert "a database with people; others. To take people: " in said
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        follow(said, monkeypatch)
        gc.collect()
    made = read_table(tmp_path / "our people.csv").data.to_pandas()
    pd.testing.assert_frame_equal(made, FRAME, check_dtype=False)
    (tmp_path / "b.db").write_bytes(b"none")
    assert "python" not in told(tmp_path / "b.db")


def test_estimators_say_the_same(tmp_path):
    path = written("a.dta", tmp_path)
    with pytest.raises(ValueError, match="must end in") as caught:
        read_table(path)
    assert str(caught.value).endswith(way_on(path))


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path(tmp_path / "sprung").touch, ()

    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Trap()))
    assert "A pickle can run code" in told(tmp_path / "a.pkl")
    torch.save({"x": Trap()}, tmp_path / "a.pt")
    assert "weights_only=True" in told(tmp_path / "a.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["x.pt", "x.mat", "x.h5", "x.npy.gz"])
def test_arrays_become_npy(name, tmp_path, monkeypatch):
    path = tmp_path / name
    if path.suffix == ".pt":
        torch.save(torch.from_numpy(PIXELS), path)
    elif path.suffix == ".mat":
        savemat(path, {"X": PIXELS})
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["x"] = PIXELS
    else:
        np.save(tmp_path / "x.npy", PIXELS)
        path.write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
        (tmp_path / "x.npy").unlink()
    follow(told(path), monkeypatch)
    assert np.array_equal(np.load(tmp_path / "x.npy"), PIXELS)
    assert read(tmp_path / "x.npy").shape == (1, 9, 8)


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_archives_become_folders(name, tmp_path, monkeypatch):
    for i, image in enumerate(PIXELS):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    files = sorted(tmp_path.glob("*.png"))
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.write(file, file.name)
    else:
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            for file in files:
                archive.add(file, file.name)
    monkeypatch.chdir(tmp_path)
    follow(told(Path(name)), monkeypatch)
    assert read(tmp_path / "photos").shape == (1, 9, 8)


@pytest.mark.parametrize("name", ["it's a stack.tif", "walk.gif"])
def test_frames_become_a_folder(name, tmp_path, monkeypatch):
    """In their order, of 16 bits if they were."""
    x = np.random.default_rng(0).integers(0, 256, (12, 9, 8)).astype(np.uint8)
    x = x.astype(np.uint16) * 257 if name.endswith("tif") else x
    first, *others = map(Image.fromarray, x)
    path = tmp_path / name
    first.save(path, save_all=True, append_images=others)
    with pytest.raises(ValueError, match=r"got 1\. Of 1 files of several frames") as caught:
        read(tmp_path)
    for said in (told(path), str(caught.value)):
        follow(said, monkeypatch)
        made = read(path.with_suffix(""))
        assert torch.allclose(
            made.first(12)[:, 0], torch.from_numpy(x / x.max()).float(), atol=2e-3
        )
        shutil.rmtree(path.with_suffix(""))
    Image.fromarray(x[0]).save(tmp_path / "b.png")
    samples = read(tmp_path)
    assert len(samples) == 2
    assert "Of 1 files of several frames only the first is taken" in samples.told


def test_a_damaged_second_frame_leaves_the_first(tmp_path):
    """Without its size, for which Pillow has an error of another type."""
    path = tmp_path / "a.tif"
    first, *others = map(Image.fromarray, PIXELS)
    first.save(path, save_all=True, append_images=others)
    data = bytearray(path.read_bytes())
    start = int.from_bytes(data[4:8], "little")
    after = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    second = int.from_bytes(data[after : after + 4], "little")
    data[second + 2] = 9  # in the place of the tag of the width
    path.write_bytes(data)
    assert "It is one image" in told(path)
    first.save(tmp_path / "b.png")
    samples = read(tmp_path)
    assert torch.equal(samples[0], samples[1])


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_arrays_of_objects_are_told_what_to_become(name, tmp_path):
    x = np.array([["1.5", 2], [3, 4]], dtype=object)
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, x, allow_pickle=True)
    with pytest.raises(ValueError, match=r"Python objects.*save it again from x\.astype\(float\)"):
        read(tmp_path / name)
    assert x.astype(float).tolist() == [[1.5, 2], [3, 4]]


def test_a_pickle_without_an_ending_is_known(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": PIXELS}))
    assert "It looks like a pickle" in told(tmp_path / "data_batch_1")


def test_a_single_image_is_one_of_its_folder(tmp_path):
    for i, image in enumerate(PIXELS):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    said = told(tmp_path / "0.png")
    folder = re.search(r"--data (\S+)\)", said)
    assert folder is not None
    assert len(read(folder[1])) == len(PIXELS)


def test_text_of_another_name(tmp_path):
    (tmp_path / "notes.md").write_text("Sätze\n" * 2000, "utf-8")
    assert ".txt if each line is a sentence" in told(tmp_path / "notes.md")
    for start in ("", "x", "xy"):  # wherever the end of what is looked at cuts a character
        (tmp_path / "notes.md").write_text(start + "語" * 2000, "utf-8")
        assert ".txt if each line is a sentence" in told(tmp_path / "notes.md")
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 20)
    assert told(tmp_path / "x.bin").endswith("or a text (.txt).")
    (tmp_path / "a\nb.xlsx").write_text("")
    assert "python" not in told(tmp_path / "a\nb.xlsx")


@pytest.mark.parametrize(
    "name", ["a.pdf", "a.mp4", "a.wav", "a.heic", "a.dcm", "a.nii.gz", "a.rds"]
)
def test_other_things_are_told_what_to_become(name, tmp_path):
    (tmp_path / name).write_bytes(b"\0")
    assert re.search(r"Save|Cut|save", told(tmp_path / name))


# Paths at which there is nothing.


def test_what_is_meant_by_a_path_with_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "people.csv").write_text("x\n")
    for given, said in (
        ("https://example.org/people.csv", "Nothing is fetched from an address: download it"),
        ("photos/*.jpg", "Give the folder, of which all images are read: 'photos'."),
        ("~/photos", f"Give '{tmp_path / 'photos'}'."),
        ("peopel.csv", "Did you mean 'people.csv'?"),
        (str(tmp_path / "Photos"), f"Did you mean '{tmp_path / 'photos'}'?"),
        ("digist", "Did you mean 'digits'?"),
        ("elsewhere/x.csv", "No file or folder 'elsewhere/x.csv'."),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            read(given)
        assert said in str(caught.value)


# Folders without images.


def test_a_folder_of_arrays_becomes_one(tmp_path, monkeypatch):
    folder = tmp_path / "scans"
    folder.mkdir()
    for i, image in enumerate(PIXELS):
        np.save(folder / f"{i}.npy", image)
    with pytest.raises(ValueError, match="No images") as caught:
        read(folder)
    follow(str(caught.value), monkeypatch)
    assert np.array_equal(np.load(tmp_path / "scans.npy"), PIXELS)


@pytest.mark.parametrize("names", [("train-0", "train-1", "test-0"), ("a", "b")])
def test_the_parts_of_a_table_become_one(names, tmp_path, monkeypatch):
    folder = tmp_path / "rows"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("Two towns.")
    for name in names:
        FRAME.to_parquet(folder / "data" / f"{name}.parquet")
    with pytest.raises(ValueError, match="No images") as caught:
        read(folder)
    follow(str(caught.value), monkeypatch)
    made = read_table(tmp_path / "rows.parquet").data.to_pandas()
    pd.testing.assert_frame_equal(made, pd.concat([FRAME, FRAME], ignore_index=True))


def test_tables_and_texts_become_one(tmp_path, monkeypatch):
    """Lines as they are, whatever separates their cells; names once."""
    for folder, name in (("rows", "train-{}.csv"), ("lines", "{}.txt")):
        (tmp_path / folder).mkdir()
        for i in range(3):
            text = f"x;y\n{i},5;ä\n{i};b" if folder == "rows" else f"One is {i}.\nTwo is not.\n"
            (tmp_path / folder / name.format(i)).write_text(text, "latin-1")
    (tmp_path / "rows" / "test.csv").write_text("x;y\n")
    for folder in ("rows", "lines"):
        with pytest.raises(ValueError, match="No images") as caught:
            read(tmp_path / folder)
        follow(str(caught.value), monkeypatch)
    made = (tmp_path / "rows.csv").read_text("latin-1").split("\n")
    assert made == ["x;y", "0,5;ä", "0;b", "1,5;ä", "1;b", "2,5;ä", "2;b"]
    made = (tmp_path / "lines.txt").read_text().split("\n")
    assert made == [line for i in range(3) for line in (f"One is {i}.", "Two is not.")]


def test_tables_of_other_columns_are_not_joined(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(ValueError, match=r"It holds \S+a\.csv; \S+b\.csv: give one"):
        read(tmp_path)


@pytest.mark.parametrize("ending", [".wav", ".dcm", ".mp4"])
def test_a_folder_of_one_kind_is_told_what_to_become(ending, tmp_path):
    for i in range(3):
        (tmp_path / f"{i}{ending}").write_bytes(b"\0")
    with pytest.raises(ValueError, match=r"It holds .*; .*\. (Save|Cut)"):
        read(tmp_path)


def test_a_folder_of_something_else_names_it(tmp_path):
    with pytest.raises(ValueError, match="There are no files at all"):
        read(tmp_path)
    FRAME.to_csv(tmp_path / "train.csv", index=False)
    with pytest.raises(ValueError, match=r"It holds \S+train\.csv: give"):
        read(tmp_path)


# Tensors that are read.


def test_safetensors_are_read_by_name(tmp_path):
    save_file({"x": PIXELS, "labels": np.arange(6)}, tmp_path / "two.safetensors")
    assert torch.equal(read(tmp_path / "two.safetensors").first(6), read(PIXELS).first(6))
    save_file({"a": PIXELS, "b": PIXELS}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="it holds a; b, and none is called images or x"):
        read(tmp_path / "a.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:99])
    with pytest.raises(ValueError, match=r"cut\.safetensors cannot be read"):
        read(tmp_path / "cut.safetensors")


# Text that is none.


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_table_in_a_text_is_told_to_be_one(separator, tmp_path, monkeypatch):
    path = tmp_path / "it's.txt"
    frame = pd.DataFrame({"x": np.arange(20) / 4, "n": range(20), "town": ["Ulm", "Bonn"] * 10})
    frame.to_csv(path, index=False, sep=separator)
    with pytest.warns(UserWarning, match="looks like a table of 3 columns") as warned:
        assert len(read(path)) == 21
    follow(str(warned[0].message), monkeypatch)
    made = read_table(tmp_path / "it's.csv").data.to_pandas()
    pd.testing.assert_frame_equal(made, frame, check_dtype=False)


@pytest.mark.parametrize(
    "line", ["{} bottles, {} beers", "{} bottles of beer", "In {}, it was {}", "{}", "a{},b"]
)
@pytest.mark.filterwarnings("error")
def test_sentences_are_no_table(line, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(line.format(i, i + 1) for i in range(40)))
    assert len(read(path)) == 40


# Text of paragraphs.


@pytest.mark.parametrize("paragraphs", [1, 6])
def test_paragraphs_become_sentences(paragraphs, tmp_path, monkeypatch):
    sentences = [f"This is sentence {i} of a text. Is it? It is so." for i in range(120)]
    step = len(sentences) // paragraphs
    lines = [" ".join(sentences[i : i + step]) for i in range(0, len(sentences), step)]
    if paragraphs > 1:
        lines += ["A title.", "Another one."]
    path = tmp_path / "a book.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    if paragraphs == 1:
        with pytest.raises(ValueError, match="Paragraphs become sentences") as caught:
            read(path)
        said = str(caught.value)
    else:
        with pytest.warns(UserWarning, match="6 overlong lines") as warned:
            read(path)
        said = str(warned[0].message)
    follow(said, monkeypatch)
    assert len(read(tmp_path / "a book-2.txt")) == 360 + (2 if paragraphs > 1 else 0)
