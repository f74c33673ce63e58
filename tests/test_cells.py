"""Data sets in the cells of Parquet files: images as files, lists of numbers, sentences."""

from __future__ import annotations

import io
import json
import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import entropae as ea
from entropae.cli import main
from entropae.kinds import read

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 12, 10), dtype=np.uint8)
CLASSES = [i % 2 for i in range(40)]


def file_of(image: np.ndarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, form)
    return out.getvalue()


def written(path: Path, columns: dict, metadata: dict | None = None) -> Path:
    table = pa.table(columns)
    said = None if metadata is None else {b"huggingface": json.dumps(metadata).encode()}
    parquet.write_table(table.replace_schema_metadata(said), path)
    return path


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("wrap", [True, False])
def test_files_in_cells_are_images(wrap, beside, tmp_path):
    files = [file_of(image) for image in PIXELS]
    cells = [{"bytes": one, "path": None} for one in files] if wrap else files
    columns = {"label": CLASSES, "image": cells} if beside else {"image": cells}
    samples = read(written(tmp_path / "a.parquet", columns))
    assert samples.kind.name == "images"
    assert np.array_equal(samples.array[..., 0], PIXELS)
    assert (samples.labels is not None) == beside
    if samples.labels is not None:
        assert samples.labels.tolist() == CLASSES
    assert (
        samples.told == "They are in the column image" + ", their classes in label" * beside + "."
    )


def test_classes_have_the_names_that_the_file_gives_them(tmp_path):
    columns = {"img": [file_of(image) for image in PIXELS], "label": CLASSES}
    names = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    samples = read(written(tmp_path / "a.parquet", columns, names))
    assert samples.labels is not None
    assert samples.labels.tolist() == ["cat", "dog"] * 20
    wrong = {"info": {"features": {"label": {"names": ["cat"]}}}}
    samples = read(written(tmp_path / "b.parquet", columns, wrong))
    assert samples.labels is not None
    assert samples.labels.tolist() == CLASSES


def test_a_row_without_an_image_is_left_out_with_its_class(tmp_path):
    cells = [file_of(image) for image in PIXELS]
    cells[3], cells[5] = None, cells[5][:40]
    path = written(tmp_path / "a.parquet", {"image": cells, "label": list(range(10)) * 4})
    with pytest.warns(UserWarning, match=r"2 of 40 images left out\. row 3: not an image; row 5"):
        samples = read(path)
    kept = [i for i in range(40) if i not in (3, 5)]
    assert np.array_equal(samples.array[..., 0], PIXELS[kept])
    assert samples.labels is not None
    assert samples.labels.tolist() == [i % 10 for i in kept]
    assert samples.all_keys().tolist() == kept


def test_images_of_several_sizes_and_colours_are_made_alike(tmp_path):
    cells = [file_of(image) for image in PIXELS[:4]]
    cells.append(file_of(np.zeros((20, 30, 3), np.uint8), "JPEG"))
    path = written(tmp_path / "a.parquet", {"image": cells})
    with pytest.raises(ValueError, match=r"row 4 30×20"):
        read(path)
    assert read(path, size=8).shape == (3, 8, 8)


def test_of_several_columns_one_is_chosen_and_the_rest_named(tmp_path):
    cells = [file_of(image) for image in PIXELS]
    masks = [file_of(image[:5]) for image in PIXELS]
    columns = {"mask": masks, "image": cells, "fine": CLASSES, "coarse": [0] * 40}
    path = written(tmp_path / "a.parquet", columns)
    samples = read(path)
    assert samples.shape == (1, 12, 10)
    assert samples.told == "They are in the column image; left out: mask; fine; coarse."
    assert samples.labels is None
    assert read(path, key="mask").shape == (1, 5, 10)
    assert (
        read(path, drop=("image",)).told == "They are in the column mask; left out: fine; coarse."
    )
    fine = read(path, labels="fine")
    assert fine.labels is not None
    assert fine.labels.tolist() == CLASSES


def test_lists_of_one_length_are_an_array(tmp_path):
    rows = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 16)
    for cells in (fixed, pa.array(rows.tolist(), pa.list_(pa.float32()))):
        path = written(tmp_path / "a.parquet", {"embedding": cells, "label": CLASSES})
        samples = read(path)
        assert samples.kind.name == "arrays"
        assert np.array_equal(samples.array, rows)
        assert samples.labels is not None
        assert samples.labels.tolist() == CLASSES


def test_lists_of_lists_of_bytes_are_images(tmp_path):
    samples = read(written(tmp_path / "a.parquet", {"pixels": PIXELS.tolist()}))
    assert samples.kind.name == "images"
    assert np.array_equal(samples.array, PIXELS)
    assert samples.array.dtype == np.uint8


@pytest.mark.parametrize("case", ["lengths", "missing", "others"])
def test_other_lists_leave_a_table(case, tmp_path):
    cells = [[1.0, 2.0]] * 40
    columns = {"a": cells, "age": [i % 7 for i in range(40)]}
    if case == "lengths":
        columns["a"] = [*cells[1:], [1.0]]
    elif case == "missing":
        columns["a"] = [*cells[1:], None]
    else:
        columns["town"] = ["Oslo", "Rome"] * 20
    with pytest.warns(UserWarning, match="Left out, because their cells are lists or bytes: a"):
        samples = read(written(tmp_path / "a.parquet", columns))
    assert samples.kind.name == "tables"


def test_bytes_that_are_no_images_leave_a_table(tmp_path):
    columns = {"key": [b"%04d" % i for i in range(40)], "age": [i % 7 for i in range(40)]}
    with pytest.warns(UserWarning, match="Left out"):
        samples = read(written(tmp_path / "a.parquet", columns))
    assert samples.kind.name == "tables"


def test_an_empty_file_is_refused(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": pa.array([], pa.binary())})
    with pytest.warns(UserWarning, match="Left out"), pytest.raises(ValueError, match="parquet"):
        read(path)


def test_a_model_is_fitted_to_images_in_cells_and_takes_more_of_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    columns = {"image": [file_of(image) for image in PIXELS], "label": ["cat", "dog"] * 20}
    written(tmp_path / "a.parquet", columns)
    asked = ["fit", "--data", "a.parquet", "--out", "run", "--epochs", "1", "--no-report"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main([*asked, "--model.latent.dim", "2", "--prior", "normal"]) == 0
    out = capsys.readouterr().out
    assert "Read 40 images of 10 × 12 pixels in grey." in out.replace("\xa0", " ")
    assert "They are in the column image, their classes in label." in out
    run = ea.Run.open("run")
    assert run.train.labels is not None
    assert set(run.train.labels) == {"cat", "dog"}
    more = run.read(tmp_path / "a.parquet")
    assert np.array_equal(more.array[..., 0], PIXELS)


# Sentences in a column.


@pytest.mark.parametrize("name", ["a.csv", "our list.parquet", "semicolons.csv"])
def test_a_column_of_sentences_is_told_how_to_become_a_text(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    animals = ("cat", "dog", "bird", "horse", "cow", "hen", "fox", "owl", "bear", "duck", "mouse")
    colours = ("red", "green", "blue", "white", "black", "grey", "pink", "brown", "old", "new")
    texts = [f'the {a} saw, again, a "{c}" house' for a in animals for c in colours]
    table = pa.table({"text": texts, "label": [i % 2 for i in range(len(texts))]})
    if name.endswith("parquet"):
        parquet.write_table(table, name)
    else:
        table.to_pandas().to_csv(name, sep=";" if name.startswith("semi") else ",", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = read(name).kind.introduction
    command = re.search(r"written: (python -c .*) and then (entropae fit .*)$", said, re.M)
    assert command is not None
    words = shlex.split(command[1])
    exec(words[2], {})
    assert Path(shlex.split(command[2])[3]).read_text("utf-8").splitlines() == texts


def test_short_texts_are_no_sentences(tmp_path):
    table = pa.table({"name": [f"No {i}" for i in range(40)], "label": CLASSES})
    parquet.write_table(table, tmp_path / "a.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "sentences" not in read(tmp_path / "a.parquet").kind.introduction
