"""Vectors in a column of a frame or a file, as embeddings come: learnt, measured, or left out."""

from __future__ import annotations

import io
import re
import shlex
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.kinds import read

N, D = 60, 5
VECTORS = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 12, 10, 3), np.uint8)
LABELS = ["a", "b", "c"] * (N // 3)
COLUMNS = {"id": list(range(N)), "embedding": VECTORS.tolist(), "label": LABELS}
FRAMES = {
    "pandas": lambda: pd.DataFrame(COLUMNS | {"embedding": list(VECTORS)}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars arrays": lambda: pl.DataFrame(COLUMNS | {"embedding": VECTORS}),
    "pyarrow": lambda: pa.table(COLUMNS),
    "mapping": lambda: dict(COLUMNS),
}


def rows() -> np.ndarray:
    """As `frame["embedding"].to_numpy()` returns them."""
    made = np.empty(N, object)
    made[:] = list(VECTORS)
    return made


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FRAMES["pandas"]().to_parquet("two.parquet")
    return "two.parquet"


def fitted(data, **options) -> ea.Autoencoder:
    model = ea.Autoencoder(nn.Linear(D, 2), nn.Linear(2, D), ea.Entropic(2))
    ea.fit(model, data, epochs=1, progress=False, **options)
    return model


@pytest.mark.parametrize("library", FRAMES)
def test_a_column_of_a_frame_is_learnt(library):
    frame = FRAMES[library]()
    samples = read(frame, key="embedding")
    assert samples.kind.name == "arrays"
    assert np.allclose(samples.array, VECTORS)
    assert samples.labels.tolist() == LABELS
    assert fitted(frame, key="embedding").sample(3).shape == (3, D)


@pytest.mark.parametrize("library", ["pandas", "polars", "polars arrays", "pyarrow"])
def test_more_of_them_are_given_as_the_message_says(library, file):
    frame, key = FRAMES[library](), "embedding"
    model = fitted(frame, key=key)
    with pytest.raises(ValueError, match=r"The model takes arrays of shape \(5,\)") as caught:
        model.encode(frame)
    calls = re.search(r"them, (.*), of a file (.*)\.$", str(caught.value)).groups()
    for call in calls:
        more = eval(call, {"ea": ea, "frame": frame, "key": key, "path": file})
        assert torch.allclose(model.encode(more), model.encode(VECTORS), atol=1e-6)
    with pytest.raises(ValueError, match=re.escape(calls[1])):
        model.encode(file)


@pytest.mark.parametrize("library", ["pandas", "polars", "polars arrays", "pyarrow"])
def test_without_it_the_message_says_how(library):
    frame = FRAMES[library]()
    with pytest.raises(ValueError, match=r"alone: fit\(model, frame, key='embedding'\)") as caught:
        read(frame)
    model = ea.Autoencoder(nn.Linear(D, 2), nn.Linear(2, D), ea.Entropic(2))
    call = re.search(r"fit\(.*\)", str(caught.value))[0]
    eval(call, {"fit": lambda *a, **k: ea.fit(*a, **k, epochs=1), "model": model, "frame": frame})
    with pytest.raises(ValueError, match=r"Unknown column 'embeding': .* Did you mean 'embedding'"):
        read(frame, key="embeding")


def pictures() -> list[Image.Image]:
    return [Image.fromarray(one) for one in PIXELS]


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


CELLS = {
    "pictures": pictures,
    "bytes": lambda: list(map(png, pictures())),
    "Hugging Face": lambda: [{"bytes": png(one), "path": None} for one in pictures()],
    "arrays": lambda: list(PIXELS),
}


@pytest.mark.parametrize("cells", CELLS)
def test_images_in_a_column_of_a_frame(cells):
    frame = pd.DataFrame({"id": range(N), "picture": CELLS[cells](), "town": LABELS})
    samples = read(frame, key="picture", labels="town")
    assert samples.kind.name == "images"
    assert np.array_equal(samples.array, PIXELS)
    assert samples.labels.tolist() == LABELS
    with pytest.raises(ValueError, match=r"to learn it alone: fit\(model, frame, key='picture'\)$"):
        read(frame[["id", "picture"]])


def test_an_image_that_is_cut_off_is_left_out_and_named_by_its_row():
    cells = CELLS["bytes"]()
    cells[7] = cells[7][:60]
    with pytest.warns(UserWarning, match="number 7: image file is truncated"):
        samples = read(pd.DataFrame({"picture": cells}), key="picture")
    assert len(samples) == len(cells) - 1


@pytest.mark.parametrize("library", FRAMES)
def test_the_column_of_the_classes_is_named(library):
    frame = FRAMES[library]()
    assert read(frame, key="embedding", labels="id").labels.tolist() == list(range(N))
    with pytest.raises(FileNotFoundError, match="No file 'twn' with labels"):
        read(frame, key="embedding", labels="twn")


def test_the_field_of_the_classes_is_named():
    items = [
        {"x": row, "fine": name, "label": 0} for row, name in zip(VECTORS, LABELS, strict=True)
    ]
    assert read(items, labels="fine").labels.tolist() == LABELS
    assert read(items).labels.tolist() == [0] * N
    with pytest.raises(TypeError, match=r"Give labels of your own as a pair: \(x, labels\)\."):
        read(VECTORS, labels=LABELS)
    assert read((VECTORS, LABELS)).labels.tolist() == LABELS


def test_a_column_of_a_file_is_learnt(file):
    samples = read(file, key="embedding")
    assert np.array_equal(samples.array, VECTORS)
    assert samples.labels.tolist() == LABELS
    assert samples.kind.name == "arrays"
    with pytest.raises(ValueError, match="Unknown column of images or lists of numbers 'label'"):
        read(file, key="label")
    pd.DataFrame({"a": [1.0, 2.0] * 9}).to_parquet("plain.parquet")
    with pytest.raises(ValueError, match=r"There is no column of images .*key='a'. Leave it out"):
        read("plain.parquet", key="a")
    pd.DataFrame({"a": [[1.0], [2.0, 3.0]] * 9}).to_parquet("ragged.parquet")
    with pytest.raises(ValueError, match="lists in the column 'a' have other lengths, or gaps"):
        read("ragged.parquet", key="a")


def test_what_the_command_says_of_a_file_does(file, capsys):
    fit = ["fit", "--data", file, "--epochs", "1", "--no-report", "--out"]
    with pytest.warns(UserWarning, match="Left out") as caught:
        assert main([*fit, "table"]) == 0
    said = " ".join(str(one.message) for one in caught)
    told = re.findall(r"To learn the vectors in embedding instead: (.*) \(", said)
    assert main([*fit, "vectors", *shlex.split(told[0])]) == 0
    assert f"Read {N} samples of {D} values" in capsys.readouterr().out
    assert ea.Run.open("vectors").model.sample(2).shape == (2, D)


@pytest.mark.filterwarnings("ignore:How normal the code")
@pytest.mark.parametrize("of", ["embedding", "picture"])
def test_a_column_of_a_file_is_learnt_by_the_command_with_the_class_beside_it(of, tmp_path, capsys):
    """Its run knows both again, and reads other files likewise."""
    cells = list(VECTORS) if of == "embedding" else CELLS["bytes"]()
    frame = pd.DataFrame({"id": range(N), of: cells, "town": LABELS})
    frame.to_parquet(tmp_path / "rows.parquet")
    frame[:7].to_parquet(tmp_path / "more.parquet")
    data, run = str(tmp_path / "rows.parquet"), str(tmp_path / "run")
    asked = ["--key", of, "--labels", "town", "--epochs", "1", "--no-report"]
    assert main(["fit", "--data", data, "--out", run, *asked]) == 0
    opened = ea.Run.open(run)
    assert opened.samples.labels.tolist() == LABELS
    assert opened.model.classes == ("a", "b", "c")
    capsys.readouterr()
    more, codes = str(tmp_path / "more.parquet"), tmp_path / "codes.npy"
    assert main(["encode", run, "--data", more, "--out", str(codes)]) == 0
    assert len(np.load(codes)) == 7
    assert main(["sample", run, "-n", "3", "--label", "b", "--out", str(tmp_path / "b.npy")]) == 0
    with pytest.raises(ValueError, match="town"):
        opened.read(frame.drop(columns=of))


def test_many_columns_beside_it_are_not_listed(tmp_path):
    frame = FRAMES["pandas"]().assign(**{f"x{i}": range(N) for i in range(10)})
    frame.to_parquet(tmp_path / "wide.parquet")
    with pytest.warns(UserWarning, match=r"vectors in embedding .*: --key embedding \("):
        read(tmp_path / "wide.parquet")
    assert np.array_equal(read(tmp_path / "wide.parquet", key="embedding").array, VECTORS)


def test_a_column_that_is_left_out_anyway_may_be_left_out(file):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples = read(file, drop=("embedding",))
    assert [column.name for column in samples.kind.columns.columns] == ["label"]
    with (
        pytest.warns(UserWarning, match="Left out.*: embedding"),
        pytest.raises(ValueError, match=r"Unknown column 'embeding'.*Did you mean 'embedding'"),
    ):
        read(file, drop=("embeding",))


@pytest.mark.parametrize("command", ["entropy", "information"])
def test_commands_of_estimators_say_what_such_a_column_is(file, command, capsys):
    assert main([command, file, "--columns", "id", "embedding"]) == 1
    assert "a cell of the column 'embedding' is no single value" in capsys.readouterr().err


def test_rows_in_an_array_of_objects_are_rows():
    plain, nested = torch.from_numpy(VECTORS), rows()
    assert fitted(nested).sample(2).shape == (2, D)
    assert ea.knn_entropy(nested) == pytest.approx(float(ea.knn_entropy(plain)), abs=1e-5)
    found, true = ea.entropy_estimate(nested), ea.entropy_estimate(plain)
    assert found.value == pytest.approx(true.value, abs=1e-4)
    found = ea.mutual_information_estimate(nested, rows()[::-1])
    true = ea.mutual_information_estimate(plain, plain.flip(0))
    assert found.value == pytest.approx(true.value, abs=1e-4)
    nested[3] = nested[3][:2]
    with pytest.raises(ValueError, match="must have one shape"):
        read(nested)
    with pytest.raises(ValueError, match="rows of equal length"):
        ea.knn_entropy(nested)


@pytest.mark.parametrize("library", FRAMES)
def test_estimators_say_how_a_column_is_handed_over(library):
    frame = FRAMES[library]()
    with pytest.raises(ValueError, match=r"this column alone: np\.stack\(column\)\.") as caught:
        ea.entropy_estimate(frame)
    column = frame["embedding"]
    column = column.to_pylist() if library == "pyarrow" else column
    call = re.search(r"np\.stack\(column\)", str(caught.value))[0]
    found = ea.entropy_estimate(eval(call, {"np": np, "column": column}))
    assert found.value == pytest.approx(ea.entropy_estimate(VECTORS).value, abs=1e-4)
