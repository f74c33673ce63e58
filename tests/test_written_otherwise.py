"""Columns that are written otherwise than meant: as texts, in mixed types, rounded to two steps."""

from __future__ import annotations

import json
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import entropae as ea
from entropae.cli import main
from entropae.reader import read_table

COMMANDS = (
    "information table.csv --x size --y change --missing drop",
    "information table.csv --target change --missing drop --permutations 0",
    "information table.csv --missing drop",
    "total-correlation table.csv --missing drop",
    "entropy table.csv --missing drop",
    "renyi table.csv --missing drop",
)
N = 1500
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, N))


@pytest.mark.parametrize(
    ("of_x", "of_y"),
    [(1, None), (None, 1), (2, 1), (3, None)],
)
def test_divergence_of_samples_rounded_to_different_steps(of_x, of_y):
    """Each is spread over its own step, so that the divergence is that before rounding, 1/2."""
    x, y = (z if digits is None else z.round(digits) for z, digits in ((X, of_x), (Y + 1, of_y)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ea.divergence_estimate(x, y)
    assert not found.warnings
    assert found.value == pytest.approx(0.5, abs=3 * found.standard_error)


def test_atoms_are_not_steps():
    zeros = np.where(RNG.random(N) < 0.5, 0, X)
    with pytest.warns(UserWarning, match="has an atom"):
        assert ea.knn_divergence(zeros, Y) == np.inf


TEXTS = {
    "plain": lambda v: f"{v:.3f}",
    "as Python writes them": lambda v: str(round(v, 3)),
    "accountants' negatives": lambda v: f"({-v:.3f})" if v < 0 else f"{v:.3f}",
    "the minus sign": lambda v: f"{v:.3f}".replace("-", "−"),
    "a unit": lambda v: f"{v:.3f} kg",
    "money": lambda v: f"{'-' * (v < 0)}$ {1000 * abs(v):,.0f}",
}


@pytest.mark.parametrize("how", TEXTS)
def test_numbers_written_as_texts(how, tmp_path):
    """As `fit` reads them, in frames, arrays and files, and the same as numbers."""
    texts = [TEXTS[how](v) for v in X.tolist()]
    meant = pd.DataFrame({"level": X.round(3), "y": X + Y})
    frame = meant.assign(level=texts)
    of_numbers = ea.mutual_information_estimate(meant[["level"]], meant[["y"]])
    for x in (frame[["level"]], np.array(texts), np.array(texts, object)):
        found = ea.mutual_information_estimate(x, X + Y)
        assert found.value == pytest.approx(of_numbers.value, abs=1e-6)
        assert not found.warnings
    note = ea.information_matrix(frame).notes[0]
    assert note.startswith("level: written as ")
    ranked = ea.rank_features(frame.iloc[:300], "y", permutations=0)
    assert ranked.values == ea.rank_features(meant.iloc[:300], "y", permutations=0).values
    scale = 1000 if how == "money" else 1
    entropy = ea.knn_entropy(meant[["level"]] * scale)
    assert ea.knn_entropy(frame[["level"]]) == pytest.approx(entropy, abs=1e-6)
    divergence = ea.divergence_estimate(frame.level[:750], frame.level[750:]).value
    expected = ea.divergence_estimate(meant.level[:750], meant.level[750:]).value
    assert divergence == pytest.approx(expected, abs=1e-6)
    asked = ea.mutual_information_estimate(frame[["level"]], X + Y, discrete=["level"])
    assert any("level: " in note and "classes" in note for note in asked.notes)
    frame.to_csv(tmp_path / "table.csv", index=False)
    table = read_table(tmp_path / "table.csv").with_numbers()
    np.testing.assert_allclose(table.columns(["level"])["level"], scale * X.round(3), atol=0.51)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_measure_what_fit_reads(command, tmp_path, monkeypatch, capsys):
    """Also where values are missing."""
    monkeypatch.chdir(tmp_path)
    meant = pd.DataFrame({"size": 60 + X.round(2), "change": (X + Y).round(2) + 0.0})
    meant.loc[:4, "size"] = np.nan
    written = meant.assign(
        size=meant["size"].map("{:.2f} kg".format).where(meant["size"].notna()),
        change=[f"({-v:.2f})" if v < 0 else f"{v:.2f}" for v in meant["change"]],
    )
    found = []
    for name, frame in (("meant", meant), ("written", written)):
        frame.to_csv("table.csv", index=False)
        main([*command.split(), "--json"])
        out = capsys.readouterr()
        found.append(json.loads(out.out))
        assert ("'size' as numbers, written 0.00 kg" in out.err) == (name == "written")
    assert found[0] == found[1]


def test_whole_numbers_written_as_texts():
    """They may be codes, and whoever takes them for a scale says so."""
    numbers = RNG.integers(1, 10**4, N)
    texts = pd.DataFrame({"level": numbers.astype(str)})
    said = "`level` holds numbers written as texts, and is taken as .* classes"
    with pytest.warns(UserWarning, match=said):
        ea.knn_mutual_information(texts, numbers + 1e5 * Y)
    found = ea.mutual_information_estimate(texts, numbers + 1e5 * Y)
    assert "convert them with astype(float)" in found.warnings[0]
    meant = ea.mutual_information_estimate(texts.astype(float), numbers + 1e5 * Y)
    assert not meant.warnings
    with pytest.raises(ValueError, match="convert them with astype"):
        ea.knn_entropy(texts)
    each = pd.DataFrame({"level": np.arange(N).astype(str)})
    with pytest.raises(ValueError, match=r"a class of its own.*convert them with astype"):
        ea.knn_mutual_information(each, Y)


def test_numbers_below_a_limit_of_detection():
    texts = pd.DataFrame({"lead": [f"{v:.3f}" if v > -1 else "<0.05" for v in X]})
    (said,) = ea.mutual_information_estimate(texts, X + Y).warnings[:1]
    assert "beside '<0.05'" in said
    assert 'pandas.to_numeric(…, errors="coerce")' in said


def test_decimals_of_python_are_numbers():
    """In lists, arrays, columns and mappings, as a database returns them."""
    rounded = X[:200].round(2)
    listed = [Decimal(str(v)) for v in rounded.tolist()]
    y = X[:200] + Y[:200]
    for x in (listed, np.array(listed, object), [[v] for v in listed], {"x": listed}):
        assert ea.knn_entropy(x) == pytest.approx(ea.knn_entropy(rounded))
        assert ea.knn_mutual_information(x, y) == pytest.approx(
            ea.knn_mutual_information(rounded, y)
        )
        assert ea.knn_divergence(x, y[:, None]) == pytest.approx(ea.knn_divergence(rounded, y))


def test_codes_are_classes():
    codes = pd.DataFrame({"zip": RNG.integers(10000, 10060, N).astype(str)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ea.knn_mutual_information(codes, Y)


@pytest.mark.parametrize("first", [1, 2.5, "a", True])
def test_mixed_types_are_classes(first):
    values = [first, "a", 2.5, 7, True] * (N // 5)
    for x in (pd.DataFrame({"a": values}), np.array(values, object)):
        assert ea.knn_mutual_information(x, Y) == pytest.approx(0, abs=0.1)
        with pytest.raises(ValueError, match="must be numbers"):
            ea.knn_entropy(x)
        with pytest.raises(ValueError, match="must hold values of one type in both samples"):
            ea.knn_divergence(x, Y[:, None])
    with pytest.raises(ValueError, match="of one type in both samples: got datetime64"):
        ea.knn_divergence(pd.Series(pd.date_range("2020", periods=N)), Y)


@pytest.mark.parametrize("x", [None, iter([1.0, 2.0])])
def test_what_is_no_array(x):
    with pytest.raises(ValueError, match="must be a numeric array, tensor or frame: got"):
        ea.knn_entropy(x)


def test_strong_dependence_is_warned_of_without_an_error():
    for function in (ea.knn_mutual_information, ea.knn_transfer_entropy):
        with pytest.warns(UserWarning, match="rather a lower bound"):
            function(X, X if function is ea.knn_mutual_information else np.roll(X, 1))
