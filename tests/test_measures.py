"""The commands that measure tables, in units and dialects of every kind."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import entropae as ea
from entropae.cli import main
from entropae.reader import read_table

N = 400


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """As a spreadsheet of Central Europe writes it: semicolons, decimal commas, cp1252."""
    r = np.random.default_rng(0)
    height = r.normal(170, 10, N)
    weight = 70 + 0.8 * (height - 170) + 6 * r.standard_normal(N)
    columns = {
        "Größe": [f"{h:.1f}".replace(".", ",") for h in height],
        "Gewicht": [f"{w:.1f}".replace(".", ",") for w in weight],
        "Augen": r.choice(["blau", "braun", "grün"], N),
        "Stunde": [str(int(h)) for h in r.uniform(0, 24, N)],
        "krank": np.where(weight + 5 * r.standard_normal(N) > 72, "ja", "nein"),
    }
    path = tmp_path_factory.mktemp("people") / "people.csv"
    rows = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="cp1252")
    return path


def said(arguments: list[str], capsys) -> str:
    assert main(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def found(arguments: list[str], capsys) -> dict:
    return json.loads(said([*arguments, "--json"], capsys))


def test_a_new_users_way_from_a_spreadsheet_to_a_ranked_picture(people, tmp_path, capsys):
    """One command."""
    picture, table = tmp_path / "krank.png", tmp_path / "krank.csv"
    out = ["--out", str(picture), str(table)]
    text = said(["information", str(people), "--target", "krank", *out], capsys)
    assert text.startswith("Read as: separator ';'; encoding cp1252; decimal comma.\n")
    assert [line.split()[0] for line in text.splitlines()[2:4]] == ["Gewicht", "Größe"]
    assert "p = 0.01" in text
    assert "█" in text
    ranking = ea.rank_features(read_table(people), "krank", permutations=99)
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [row["column"] for row in rows] == list(ranking.names)
    np.testing.assert_allclose([float(row["nats"]) for row in rows], ranking.values)
    with Image.open(picture) as image:
        assert min(image.size) > 200


def test_all_pairs_as_text_table_and_picture(people, tmp_path, capsys):
    matrix, picture = tmp_path / "m.csv", tmp_path / "m.svg"
    text = said(["information", str(people), "--out", str(matrix), str(picture)], capsys)
    expected = ea.information_matrix(read_table(people))
    assert "Größe and Gewicht: " in text
    assert f"{expected.values[0, 1]:.3f}" in text
    rows = list(csv.reader(matrix.read_text("utf-8").splitlines()))
    assert rows[0] == ["", *expected.names]
    assert [row[0] for row in rows[1:]] == list(expected.names)
    values = [[float(cell or "nan") for cell in row[1:]] for row in rows[1:]]
    np.testing.assert_allclose(values, expected.values)
    assert picture.read_text("utf-8").count("<svg") == 1
    some = found(["information", str(people), "--columns", "Gewicht", "Größe"], capsys)
    assert some["names"] == ["Gewicht", "Größe"]
    assert some["values"][0] == [None, pytest.approx(expected.values[0, 1])]


def test_of_wide_tables_the_strongest_pairs(tmp_path, capsys):
    x = np.random.default_rng(0).standard_normal((200, 12))
    x[:, 7] = x[:, 3] + 0.1 * x[:, 7]
    np.save(tmp_path / "t.npy", x)
    text = said(["information", str(tmp_path / "t.npy"), "-k", "3"], capsys)
    assert "The 20 strongest of 66 pairs:\n  3 and 7: " in text


def test_two_columns_given_others(people, capsys):
    table = read_table(people).columns()
    pair = ["information", str(people), "--x", "Größe", "--y", "Gewicht"]
    parts = [{name: table[name]} for name in ("Größe", "Gewicht", "Augen")]
    expected = ea.mutual_information_estimate(*parts[:2])
    one = found(pair, capsys)
    assert one["value"] == pytest.approx(expected.value)
    assert (one["method"], one["unit"], one["n"]) == ("ksg1", "nats", N)
    bits = found([*pair, "--bits"], capsys)
    assert bits["value"] == pytest.approx(expected.value / math.log(2))
    given = found([*pair, "--given", "Augen", "--permutations", "9"], capsys)
    again = ea.conditional_mutual_information_estimate(*parts, permutations=9)
    assert given["value"] == pytest.approx(again.value)
    assert given["p_value"] == pytest.approx(again.p_value)
    text = said([*pair, "--bits"], capsys)
    assert f"Mutual information of Größe and Gewicht: {bits['value']:.4f} ± " in text
    assert "Größe, Gewicht: spread over steps of 0.1" in text


def test_what_columns_are_can_be_said(people, capsys):
    pair = ["information", str(people), "--x", "Stunde", "--y", "krank"]
    assert "Stunde: 24 classes" in said([*pair, "--categorical", "Stunde"], capsys)
    assert "circular, with period 24" in said([*pair, "--period", "Stunde=24"], capsys)
    step = said([*pair, "--resolution", "Stunde=2"], capsys)
    assert "Stunde: spread over steps of 2" in step
    assert "spread over" not in said([*pair, "--resolution", "none"], capsys).split("Warning")[0]
    table = read_table(people).columns(["Stunde", "Gewicht"])
    near = found(
        [
            "information",
            str(people),
            "--x",
            "Stunde",
            "--y",
            "Gewicht",
            "--exclude",
            "5",
            "--scale",
            "none",
        ],
        capsys,
    )
    x, y = ({name: values} for name, values in table.items())
    expected = ea.knn_mutual_information(x, y, exclude=5, scale=None)
    assert near["value"] == pytest.approx(expected)


def test_information_over_lags(tmp_path, capsys):
    r = np.random.default_rng(1)
    x = r.standard_normal(500)
    np.save(tmp_path / "t.npy", np.stack([x, np.roll(x, 2) + 0.3 * r.standard_normal(500)], 1))
    series = [str(tmp_path / "t.npy"), "--x", "0", "--y", "1"]
    out = [str(tmp_path / "lags.csv"), str(tmp_path / "lags.png")]
    text = said(["information", *series, "--lag", "0:4", "--out", *out], capsys)
    values = [float(row["nats"]) for row in csv.DictReader(Path(out[0]).read_text().splitlines())]
    assert np.argmax(values) == 2
    assert re.search(r"^ +2  .*█{24}$", text, re.MULTILINE)
    one = found(["information", *series, "--lag", "2"], capsys)
    assert one["nats"] == [pytest.approx(values[2])]
    forth = found(["transfer-entropy", *series, "--lag", "2"], capsys)
    back = found(["transfer-entropy", *series[:1], "--x", "1", "--y", "0"], capsys)
    assert forth["value"] > 0.5 > back["value"] + 0.3
    data = np.load(tmp_path / "t.npy")
    assert forth["value"] == pytest.approx(ea.knn_transfer_entropy(data[:, 0], data[:, 1], 2))


def test_total_correlation_and_entropies_of_other_orders(people, capsys):
    x = read_table(people).columns(["Größe", "Gewicht"])
    columns = [str(people), "--columns", *x]
    total = found(["total-correlation", *columns], capsys)
    assert total["value"] == pytest.approx(ea.knn_total_correlation(x))
    renyi = found(["renyi", *columns, "--order", "3", "-k", "4", "--bits"], capsys)
    expected = ea.knn_renyi_entropy(x, 3, k=4)
    assert renyi["value"] == pytest.approx(expected / math.log(2))
    assert renyi["unit"] == "bits"
    tsallis = found(["tsallis", *columns, "--bits"], capsys)
    assert tsallis["value"] == pytest.approx(ea.knn_tsallis_entropy(x, 2.0))
    text = said(["renyi", *columns], capsys)
    assert f"Rényi entropy of order 2 of Größe, Gewicht: {ea.knn_renyi_entropy(x, 2):.4f}" in text


def test_entropy_of_rounded_values_in_bits(people, capsys):
    x = read_table(people).columns(["Größe"])
    one = found(["entropy", str(people), "--columns", "Größe", "--bits"], capsys)
    assert one["value"] == pytest.approx(ea.knn_entropy(x) / math.log(2))
    text = said(["entropy", str(people), "--columns", "Größe", "--resolution", "0.1"], capsys)
    assert "spread over steps of 0.1" in text


def test_columns_of_two_files_are_matched_by_name(tmp_path, capsys):
    r = np.random.default_rng(0)
    x, y = r.standard_normal((2, 300)), r.standard_normal((2, 300)) + 1
    (tmp_path / "a.csv").write_text("u,v\n" + "".join(f"{u},{v}\n" for u, v in x.T))
    (tmp_path / "b.csv").write_text("v;u\n" + "".join(f"{v};{u}\n" for u, v in y.T))
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    one = found(["divergence", *files], capsys)
    assert one["value"] == pytest.approx(ea.knn_divergence(x.T, y.T))
    (tmp_path / "b.csv").write_text("v,w\n1,2\n")
    assert main(["divergence", *files]) == 1
    assert f"only {files[0]} has u; only {files[1]} has w" in capsys.readouterr().err


def test_missing_values_are_refused_or_left_out(tmp_path, capsys):
    r = np.random.default_rng(0)
    rows = [
        f"{a:.3f},{b:.3f},{c}" for (a, b), c in zip(r.normal(size=(100, 2)), "ab" * 50, strict=True)
    ]
    rows[3], rows[7] = ",1.5,a", "0.5,NA,"
    (tmp_path / "t.csv").write_text("a,b,c\n" + "\n".join(rows) + "\n")
    file = str(tmp_path / "t.csv")
    for arguments in ([], ["--target", "c"], ["--x", "a", "--y", "c"]):
        assert main(["information", file, *arguments]) == 1
        error = capsys.readouterr().err
        assert "of 100 rows, 2 have missing values" in error
        option = re.search(r"(--missing drop)", error)
        assert option is not None
        assert main(["information", file, *arguments, *option[0].split()]) == 0
        capsys.readouterr()
    pair = found(["information", file, "--x", "a", "--y", "c", "--missing", "drop"], capsys)
    assert (pair["rows_dropped"], pair["n"]) == (2, 98)
    assert main(["transfer-entropy", file, "--x", "a", "--y", "b", "--missing", "drop"]) == 1
    assert "a time series cannot do without them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", "Größe"], "Give both --x and --y, or neither"),
        (["--x", "Größe", "--y", "Augen", "--target", "krank"], "--target, or --x and --y"),
        (["--lag", "2"], "`--lag` and `--given` need --x and --y"),
        (["--x", "Größe", "--y", "Augen", "--lag", "two"], "takes whole numbers, or 0:24"),
        (["--out", "m.xls"], r"must end in .csv, .png, .svg, .pdf: got m.xls"),
        (["--period", "Stunde"], "takes NAME=NUMBER"),
        (["--period", "Stunde=day"], "must be a number: got day"),
        (["--scale", "unit"], "standard or none: got unit"),
        (["--target", "Krank"], "Did you mean 'krank'"),
        (["--missing", "fill"], "must be one of refuse, drop"),
        (["--separator", "||"], "`separator` must be one character"),
    ],
)
def test_what_does_not_go_together(people, arguments, message, capsys):
    assert main(["information", str(people), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_recipe_keeps_how_its_table_is_written(people, tmp_path, capsys):
    """So that the run's other commands read it alike."""
    run = tmp_path / "run"
    small = ["--epochs", "1", "--no-report", "--model.latent.dim", "2"]
    given = ["--separator", ";", "--decimal", ",", "--encoding", "cp1252", "--quote", ""]
    assert main(["fit", "--data", str(people), "--out", str(run), *small, *given]) == 0
    assert "encoding: cp1252" in (run / "recipe.yaml").read_text()
    assert main(["reconstruct", str(run), "--out", str(tmp_path / "again.csv")]) == 0
    assert read_table(tmp_path / "again.csv").names == read_table(people).names
    recipe = (run / "recipe.yaml").read_text().replace("decimal:", "decimals:")
    (run / "recipe.yaml").write_text(recipe)
    assert main(["reconstruct", str(run), "--out", str(tmp_path / "again.csv")]) == 1
    assert "Did you mean 'dialect.decimal'" in capsys.readouterr().err


def test_fit_says_how_it_read_a_table(people, tmp_path):
    small = ["--epochs", "1", "--no-report", "--model.latent.dim", "2"]
    with pytest.warns(UserWarning, match="Read as: separator ';'; encoding cp1252; decimal comma"):
        main(["fit", "--data", str(people), "--out", str(tmp_path / "run"), *small])
