"""A CSV file whose gaps are filled in: what is known stays there letter by letter."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest

from entropae.cli import main

N = 120
RNG = np.random.default_rng(0)


def cells() -> list[list[str]]:
    """Times with two offsets, whole numbers with and without marks, decimals, words."""
    rows = []
    for i in range(N):
        day, hour = RNG.integers(1, 28), RNG.integers(0, 24)
        when = f"2024-0{i % 9 + 1}-{day:02}T{hour:02}:15:00{'+01:00' if i % 3 else '+02:00'}"
        amount = int(RNG.integers(1000, 99_999))
        share = f"{RNG.normal():.2f}" if i % 5 else "+0.50"
        zero = "-0.00" if i % 7 == 0 else f"{RNG.normal():.2f}"
        rows.append([when, f"{amount:,}" if i % 2 else str(amount), share, zero, "abc"[i % 3]])
    return rows


NAMES = ["when", "amount", "share", "zero", "kind"]
GAPS = [(i, j) for j in range(4) for i in range(j, N, 11)]
WRITTEN = {
    "commas": {"delimiter": ",", "quoting": csv.QUOTE_MINIMAL},
    "semicolons": {"delimiter": ";", "quoting": csv.QUOTE_MINIMAL, "lineterminator": "\r\n"},
    "quoted": {"delimiter": ",", "quoting": csv.QUOTE_ALL},
    "tabs": {"delimiter": "\t", "quoting": csv.QUOTE_MINIMAL},
}


def read(path, delimiter):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A run of the whole table, and its rows with gaps."""
    folder, rows = tmp_path_factory.mktemp("whole"), cells()
    out = str(folder / "run")
    with (folder / "whole.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Read as")
        main(["fit", "--data", str(folder / "whole.csv"), "--out", out, "--epochs", "2"])
    for i, j in GAPS:
        rows[i][j] = ""
    return out, rows


@pytest.mark.filterwarnings("ignore:Read as")
@pytest.mark.parametrize("how", WRITTEN)
def test_known_cells_of_a_file_stay_letter_by_letter(learnt, tmp_path, monkeypatch, capsys, how):
    monkeypatch.chdir(tmp_path)
    out, rows = learnt
    with (tmp_path / "gaps.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **WRITTEN[how]).writerows([NAMES, *rows])
    main(["impute", out, "--data", "gaps.csv", "--out", "full.csv"])
    assert f"Filled in {len(GAPS)} cells" in capsys.readouterr().out
    made = read(tmp_path / "full.csv", WRITTEN[how]["delimiter"])
    assert made[0] == NAMES
    for i, (row, filled) in enumerate(zip(rows, made[1:], strict=True)):
        for j, (cell, other) in enumerate(zip(row, filled, strict=True)):
            assert other == cell or ((i, j) in GAPS and other), (i, j)
    ends = b"\r\n" if how == "semicolons" else b"\n"
    assert (tmp_path / "full.csv").read_bytes().count(ends) == N + 1


def test_spaces_of_a_padded_file_and_columns_left_out_do_no_harm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [[f"{RNG.normal():.2f}", f" {RNG.normal():.3f}", f" {'ab'[i % 2]}"] for i in range(60)]
    rows[3][0] = rows[5][1] = ""
    lines = ["x, y, kind", *(",".join(row) for row in rows)]
    (tmp_path / "padded.csv").write_text("\n".join(lines) + "\n")
    main(["fit", "--data", "padded.csv", "--out", "run", "--epochs", "2"])
    main(["impute", "run", "--data", "padded.csv", "--out", "full.csv", "--only", "x"])
    made = read(tmp_path / "full.csv", ",")
    assert made[0] == ["x", "y", "kind"]
    for i, (row, filled) in enumerate(zip(rows, made[1:], strict=True)):
        known = [cell.strip() for cell in row]
        assert filled[1:] == known[1:], i
        assert filled[0] == known[0] or i == 3
    assert made[4][0]
