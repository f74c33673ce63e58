"""What was read, compared or answered wrongly in silence, or with advice that did not help."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.kinds.arrays.whole import whole_dtype
from entropae.kinds.tables.conditions import conditions
from entropae.reader import read_table
from entropae.recipe import ModelConfig

RNG = np.random.default_rng(0)
QUICK = {"model": ModelConfig(hidden=(16,)), "epochs": 2, "progress": False}


def column(path, cells):
    path.write_text("\n".join(["a", *cells]) + "\n", "utf-8")
    return read_table(path).columns()["a"]


def test_two_currencies_are_not_one_number(tmp_path):
    assert column(tmp_path / "a.csv", ["$10", "€10", "$12"]).tolist() == ["$10", "€10", "$12"]
    for sign in "$€£¥":
        one = column(tmp_path / "a.csv", [f"{sign}10", f"{sign} 12"])
        assert one.tolist() == [10, 12]
        assert column(tmp_path / "a.csv", [f"10 {sign}", f"12{sign}"]).tolist() == [10, 12]


@pytest.mark.parametrize("name", ["E1", "e1", "-e2", ".e1", "D1"])
def test_names_that_begin_with_e_are_no_powers(name, tmp_path):
    assert column(tmp_path / "a.csv", [name, f"{name}0"]).tolist() == [name, f"{name}0"]
    assert column(tmp_path / "a.csv", ["1e1", "2.5E-1", ".5e2"]).tolist() == [10, 0.25, 50]


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("0>1", None),
        ("0>1.0", None),
        ("0>`1`", "1"),
        ("`0`>`1`", "1"),
        ("0>'1'", None),
        ("0<`end, time`", "end, time"),
        ("0<work", "work"),
        ("0<'work'", None),
        ({"0": ">1"}, None),
        ({"0": ">`1`"}, "1"),
        ({"0": "<work"}, "work"),
    ],
)
def test_numbers_and_columns_that_are_called_so(written, other):
    (one,) = conditions(written, ["0", "1", "work", "end, time"])
    assert one.other == other


def test_rows_above_a_number():
    frame = pd.DataFrame(RNG.normal(size=(200, 2)) * 2)
    model = ea.synthesize(frame, **QUICK)
    assert (model.sample(50, where="0>1", seed=0)[0] > 1).all()
    drawn = model.sample(50, where="0>`1`", seed=0)
    assert (drawn[0] > drawn[1]).all()
    assert not (drawn[0] > 1).all()


def test_identifiers_are_not_asked_for():
    frame = pd.DataFrame({"id": [f"C{i:03}" for i in range(200)], "x": RNG.normal(size=200)})
    model = ea.synthesize(frame, **QUICK)
    by_function = lambda rows: rows["id"] > "C001"  # noqa: E731
    for where in ("id=C001", "id != C001", "id is missing", {"id": "C001"}, by_function):
        with pytest.raises(ValueError, match="asks for values of 'id', which are identifiers"):
            model.sample(3, where=where)
    with pytest.raises(ValueError, match="declare it a category") as caught:
        model.sample(3, where="id=C001")
    told = re.search(r"columns=(\{.*\}) in Python", str(caught.value))
    model = ea.synthesize(frame, columns=eval(told[1]), **QUICK)
    assert set(model.sample(3, where="id=C001", seed=0)["id"]) == {"C001"}


def test_a_sample_covers_itself_where_points_repeat():
    x = np.eye(3)[RNG.integers(0, 3, 300)]
    found = ea.metrics.precision_recall_density_coverage(x, x)
    assert found[:2] == (1, 1)
    assert found.coverage == 1


@pytest.mark.parametrize(
    "distance",
    [
        ea.metrics.frechet_distance,
        ea.metrics.kernel_distance,
        lambda a, b: 1 - ea.metrics.precision_recall_density_coverage(a, b).precision,
    ],
)
def test_frames_are_compared_by_their_columns(distance):
    frame = pd.DataFrame({"a": RNG.normal(size=500), "b": 5 * RNG.normal(size=500)})
    other = pd.DataFrame({"a": RNG.normal(size=500), "b": 5 * RNG.normal(size=500)})
    assert distance(frame, other[["b", "a"]]) == distance(frame, other)


def test_rounded_values_that_are_read_by_blocks(tmp_path):
    x = RNG.normal(size=(3000, 2)).round(1)
    np.save(tmp_path / "x.npy", x)
    path = str(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"`resolution` must be left out .* np\.array\(x\)"):
        ea.knn_entropy(path, resolution=0.1)
    with pytest.warns(UserWarning, match=r"as an array in memory, np\.array\(x\)"):
        assert ea.knn_entropy(path) == -np.inf
    mapped = np.load(path, mmap_mode="r")
    assert ea.knn_entropy(np.array(mapped)) == ea.knn_entropy(x)


@pytest.mark.parametrize("dtype", [">i4", "<i4", "i8", ">u2"])
def test_whole_numbers_of_any_byte_order(dtype):
    assert whole_dtype(np.zeros(3, dtype)) == np.dtype(dtype).newbyteorder("=").name


@pytest.mark.parametrize("command", ["transfer-entropy", "information --lag 1"])
def test_gaps_of_a_series_are_to_be_filled_in(command, tmp_path, capsys):
    frame = pd.DataFrame(RNG.normal(size=(200, 2)), columns=["x", "y"])
    frame.loc[3, "x"] = np.nan
    frame.to_csv(tmp_path / "series.csv", index=False)
    name, *more = command.split()
    asked = [name, str(tmp_path / "series.csv"), "--x", "x", "--y", "y", *more]
    assert main(asked) == 1
    said = capsys.readouterr().err
    assert "fill them in" in said
    assert "--missing" not in said
    frame.interpolate().to_csv(tmp_path / "series.csv", index=False)
    assert main(asked) == 0


def rows(offset, scale, dtype=np.float64):
    made = RNG.standard_normal((300, 3)) @ RNG.standard_normal((3, 12))
    return ((made + offset) * scale).astype(dtype)


@pytest.mark.parametrize(
    "x",
    [rows(1e9, 1), rows(0, 1e-50), RNG.integers(2**60, 2**60 + 10**6, (300, 12))],
    ids=["offset", "small", "whole"],
)
def test_what_single_precision_cannot_tell_apart_is_refused(x, tmp_path, capsys):
    """It was trained on as one sample, in silence; what the message says is done instead."""
    x = np.array(x)

    def fitted(x):
        model = ea.Autoencoder(nn.Linear(12, 3), nn.Linear(3, 12), ea.Entropic(dim=3))
        ea.fit(model, x, epochs=1, progress=False)
        return model

    with pytest.raises(ValueError, match="single precision") as caught:
        fitted(x)
    np.save(tmp_path / "x.npy", x)
    assert main(["fit", "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run")]) == 1
    assert "single precision" in capsys.readouterr().err
    told = re.search(r"Train on (.*), and bring samples back by (.*)\.", str(caught.value))
    near = eval(told[1])
    model = fitted(near)
    assert (model.encode(near).std(0) > 0.1).all()
    drawn = eval(told[2], {"x": x, "y": model.sample(300, seed=0).double().numpy()})
    assert (np.abs(drawn.mean(0) - x.mean(0)) < 3 * x.std(0)).all()


def test_large_whole_numbers_are_told_to_be_rounded():
    x = RNG.integers(2**31 - 5000, 2**31 - 10, (300, 2, 2))
    with pytest.warns(UserWarning, match="single precision"):
        ea.kinds.read(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ea.kinds.read(x - x.min())
        ea.kinds.read(rows(1e4, 1))
        ea.kinds.read(rows(1e9, 1, np.float32))
    with pytest.raises(ValueError, match="single precision"):
        ea.kinds.read(rows(0, 1e-300))


def test_files_of_arrays(tmp_path):
    (tmp_path / "x.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"x\.npy cannot be read: it is no \.npy file"):
        ea.kinds.read(str(tmp_path / "x.npy"))
    np.savez(tmp_path / "two.npz", a=rows(0, 1), b=rows(0, 1))
    with pytest.raises(ValueError, match=r"it holds a; b, .* Save the one that is meant alone"):
        ea.kinds.read(str(tmp_path / "two.npz"))
    x = torch.randn(30, 4).bfloat16()
    save_file({"x": x}, tmp_path / "x.safetensors")
    found = ea.kinds.read(str(tmp_path / "x.safetensors"))
    assert torch.equal(found.first(30), x.float())


@pytest.mark.parametrize("day", ["01.06.2024", "2024-06-01", "1 Jun 2024", "01.06.2024 00:00"])
def test_dates_are_asked_for_as_they_are_written(day):
    """In any form that can be no other; 06/01/2024 can be two days."""
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 366, 200), unit="D")
    model = ea.synthesize(pd.DataFrame({"day": days, "x": RNG.normal(size=200)}), **QUICK)
    drawn = model.sample(30, where=f"day >= {day}", seed=0)
    assert drawn["day"].min() >= pd.Timestamp("2024-06-01")
    with pytest.raises(ValueError, match=r"'06/01/2024' is no value .* Write it as 2021-03-27"):
        model.sample(3, where="day >= 06/01/2024", seed=0)


def test_times_of_different_units_are_compared_as_times():
    """Seconds beside milliseconds and days, in conditions and in rules that are found."""
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 366 * 86_400, 300), "s")
    end = (start + pd.to_timedelta(RNG.integers(0, 90 * 86_400_000, 300), "ms")).as_unit("ms")
    other = pd.DatetimeIndex(RNG.permutation(end)).as_unit("us")
    frame = pd.DataFrame({"start": start.as_unit("s"), "end": end, "other": other})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.append_column("day", table.column("start").cast(pa.date32()))
    model = ea.synthesize(table, **QUICK)
    assert {"start <= end", "day <= start"} <= {*model.rules} | {
        rule.replace("<", "<=") for rule in model.rules
    }
    for sign, compared in (("<", np.less), (">", np.greater)):
        drawn = model.sample(40, where=f"other {sign} start", seed=0).to_pandas()
        assert compared(drawn["other"], drawn["start"]).all()
        assert (drawn["start"] <= drawn["end"]).all()
        assert (pd.to_datetime(drawn["day"]) <= drawn["start"]).all()
