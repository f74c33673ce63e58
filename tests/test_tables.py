"""Tables in, and the commands that measure them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import entropae as ea
from entropae.cli import main
from entropae.information import jackknife
from entropae.reader import read_table

RNG = np.random.default_rng(0)
X = RNG.standard_normal((500, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]])
COLUMNS = {"height": X[:, 0], "weight": X[:, 1], "name": ["a"] * 500, "adult": [True] * 500}


@pytest.fixture
def files(tmp_path):
    table = pa.table(COLUMNS)
    csv.write_csv(table, tmp_path / "t.csv")
    parquet.write_table(table, tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", X)
    return tmp_path


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_columns_by_name_in_the_order_asked(files, name):
    table = read_table(files / name).numbers(["weight", "height"])
    assert table.names == ("weight", "height")
    np.testing.assert_allclose(table.values, X[:, ::-1])
    every = read_table(files / name).numbers()
    assert every.names == ("height", "weight", "adult")
    assert every.left_out == ("name",)


def test_arrays_have_numbered_columns(files):
    np.testing.assert_array_equal(read_table(files / "t.npy").numbers(["1"]).values, X[:, 1:])
    np.save(files / "one.npy", np.arange(5))
    assert read_table(files / "one.npy").numbers().values.shape == (5, 1)


def test_missing_values_need_a_choice(files):
    (files / "gaps.csv").write_text("a,b\n1,2\n,3\n4,nan\n5,6\n")
    with pytest.raises(ValueError, match=r"of 4 rows, 2 have missing values \('a' 1, 'b' 1\)"):
        read_table(files / "gaps.csv").numbers()
    table = read_table(files / "gaps.csv").numbers(missing="drop")
    assert table.values.tolist() == [[1, 2], [5, 6]]
    assert table.dropped == 2


@pytest.mark.parametrize(
    ("name", "text", "columns", "message"),
    [
        ("a.csv", "a,b\n1,2\n", ["c"], "Unknown column 'c': known are a, b"),
        ("a.csv", "a,b\n1,x\n", ["b"], "'b' does not hold numbers"),
        ("a.csv", "a,a\n1,2\n", None, "more than one column called a"),
        ("a.csv", "a,b\n1,2,3\n", None, "cannot be read"),
        ("a.csv", "a\nx\n", None, "no column of numbers"),
        ("a.csv", "", None, "cannot be read"),
        ("a.parquet", "PAR1", None, "cannot be read"),
        ("a.npy", "junk", None, "cannot be read"),
        ("a.xls", "", None, r"must end in one of \.npy, \.csv"),
    ],
)
def test_unusable_files(tmp_path, name, text, columns, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / name).numbers(columns)
    with pytest.raises(FileNotFoundError, match="none"):
        read_table(tmp_path / "none.csv")


def test_entropy_command(files, capsys):
    arguments = ["entropy", str(files / "t.csv"), "--columns", "height", "weight"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == pytest.approx(ea.knn_entropy(X, 3))
    assert found["low"] < found["value"] < found["high"]
    assert (found["n"], found["d"], found["columns"]) == (500, 2, ["height", "weight"])
    assert main([*arguments, "--method", "calibrated", "-k", "1"]) == 0
    text = capsys.readouterr().out
    assert f"{ea.knn_entropy(X, 1, method='calibrated'):.4f} ±" in text
    assert "A normal distribution of this covariance" in text


def test_entropy_command_says_what_is_wrong(files, capsys):
    assert main(["entropy", str(files / "t.csv")]) == 0
    text = capsys.readouterr().out
    assert "not numbers were left out: name" in text
    assert "Column adult is constant" in text
    assert main(["entropy", str(files / "t.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "-inf"
    assert main(["entropy", str(files / "t.csv"), "--columns", "wieght"]) == 1
    assert "Did you mean 'weight'" in capsys.readouterr().err
    assert main(["entropy", str(files / "t.csv"), "--method", "kd"]) == 1
    assert "must be one of kl" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["t.parquet", "t.npy"])
def test_entropy_command_of_a_large_file(files, capsys, monkeypatch, name):
    """By blocks: the same value; there is no baseline."""
    monkeypatch.setattr("entropae.cli.entropy.LARGE", 100)
    columns = ["0", "1"] if name == "t.npy" else ["height", "weight"]
    assert main(["entropy", str(files / name), "--columns", *columns, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == pytest.approx(ea.knn_entropy(X), rel=1e-12)
    assert (found["n"], found["baseline"]) == (500, None)


def test_divergence_command(files, capsys):
    np.save(files / "u.npy", RNG.standard_normal((400, 2)) + 1)
    arguments = ["divergence", str(files / "t.npy"), str(files / "u.npy")]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == pytest.approx(ea.knn_divergence(X, np.load(files / "u.npy")))
    assert (found["n"], found["m"]) == (500, 400)
    assert main(arguments) == 0
    assert f"{found['value']:.4f} ± {found['standard_error']:.4f} nats" in capsys.readouterr().out
    np.save(files / "narrow.npy", X[:, :1])
    assert main(["divergence", str(files / "t.npy"), str(files / "narrow.npy")]) == 1
    assert "must have the same columns: only" in capsys.readouterr().err
    assert main(["divergence", *arguments[1:], "--columns", "2"]) == 1
    assert "Unknown column '2'" in capsys.readouterr().err


def test_information_command(files, capsys):
    arguments = ["information", str(files / "t.csv"), "--x", "height", "--y", "weight"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == pytest.approx(ea.knn_mutual_information(X[:, 0], X[:, 1]))
    assert main([*arguments, "--method", "gao"]) == 0
    assert "Mutual information of height and weight: " in capsys.readouterr().out
    np.save(files / "three.npy", np.hstack([X, RNG.standard_normal((500, 1))]))
    given = ["information", str(files / "three.npy"), "--x", "0", "--y", "1", "--given", "2"]
    assert main(given) == 0
    assert "0 and 1, given 2: " in capsys.readouterr().out
    assert main([*given, "--method", "ross"]) == 1
    assert "`method` must be one of" in capsys.readouterr().err


def test_jackknife_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(1).standard_normal(1000)
    found = jackknife(np.mean, x, groups=1000)
    assert found == pytest.approx(x.std(ddof=1) / 1000**0.5)
    assert jackknife(np.mean, x, groups=20) == pytest.approx(0.032, rel=0.5)
    with pytest.raises(ValueError, match=r"in \[2, 1000\]: got groups=1"):
        jackknife(np.mean, x, groups=1)
