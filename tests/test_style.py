"""CSV files are written as the table was that the model learnt from."""

from __future__ import annotations

import json
import warnings

import pandas as pd
import pyarrow as pa
import pytest

import entropae as ea
from entropae.cli import main
from entropae.kinds import read
from entropae.kinds.tables import Tables
from entropae.kinds.tables.files import read_file, read_written, write_file
from entropae.kinds.tables.style import Style, style_from

ROWS = range(1, 41)
FILES = {
    "plain": (
        "n,x,word,yes\n" + "".join(f"{i},{i / 8:.3f},w{i % 3},true\n" for i in ROWS),
        "utf-8",
    ),
    "quoted texts": (
        '"n","word"\n' + "".join(f'{i},"w ""{i % 3}"""\n' for i in ROWS),
        "utf-8",
    ),
    "all quoted": (
        '"n";"x"\n' + "".join(f'"{i}";"{i},5"\n' for i in ROWS),
        "utf-8",
    ),
    "German": (
        "Tag;Preis;Größe;Netto\r\n"
        + "".join(
            f"{1 + i % 28:02}.03.2021;{i * 1000 + 234:_}".replace("_", ".")
            + f",50 €;Öl {i % 2};{i},{i % 10}\r\n"
            for i in ROWS
        ),
        "cp1252",
    ),
    "British": (
        "day,when,at,share\n"
        + "".join(
            f"{1 + i % 28:02}/03/2021,{1 + i % 28:02}/04/2021 {i % 24:02}:30,{i % 24:02}:15,{i}%\n"
            for i in ROWS
        ),
        "utf-8",
    ),
    "American": (
        "day,amount\n" + "".join(f'3/{1 + i % 28}/2021,"${i},{i:03}.25"\n' for i in ROWS),
        "utf-8",
    ),
    "tabs, marks of missing": (
        "a\tb\tc\n"
        + "".join(
            f"{'NA' if i % 5 == 0 else i}\t{'-' if i % 7 == 0 else i / 4}\t{i % 3}\n" for i in ROWS
        ),
        "utf-16",
    ),
    "byte order mark, words in capitals": (
        "flag,zip,n\r\n" + "".join(f"{'TRUE' if i % 2 else 'FALSE'},0{i:03},{i}\r\n" for i in ROWS),
        "utf-8-sig",
    ),
    "accounts and units": (
        "owed,cost,mass,share\n"
        + "".join(
            f'"{f"({i},234.50)" if i % 3 else f"{i},000.00"}",-${i}.25,{i / 4} kg,{i} %\n'
            for i in ROWS
        ),
        "utf-8",
    ),
    "powers and signs": (
        "x\tchange\n" + "".join(f"{1 + i % 9}.5e-{i:02}\t{i - 20:+}\n" for i in ROWS),
        "utf-8",
    ),
    "no names": ("".join(f"{i},{i * i},{'ab'[i % 2]}\n" for i in ROWS), "utf-8"),
    "other spaces": (
        "n|x\n" + "".join(f"{i * 1234567:_}|{i}.5\n".replace("_", "\u202f") for i in ROWS),
        "utf-8",
    ),
    "whole numbers beyond 53 bits": (
        "id,cost,at\n"
        + "".join(
            f"{1234567890123456789 + 17 * i},${10**17 + 7 * i},{i % 12}/{1 + i % 28}/2021 "
            f"{1 + i % 12}:05:00 {'AP'[i % 2]}M\n".replace(",0/", ",12/")
            for i in ROWS
        ),
        "utf-8",
    ),
    "times as programs write them": (
        "a,b,c,d,e\n"
        + "".join(
            f"2021-03-{1 + i % 28:02}T10:{i:02}:07Z,2021-03-{1 + i % 28:02}T10:{i:02}:07.{i:03}Z,"
            f"2021-03-{1 + i % 28:02} 10:{i:02}:07.{i:03},2021-03-{1 + i % 28:02}T00:{i:02}+01:00"
            f",2021-03-{1 + i % 28:02} 22:{i:02}-05:30\n"
            for i in ROWS
        ),
        "utf-8",
    ),
    "telephone numbers": (
        "tel,n\n" + "".join(f"+47{12345678 + i * i},{i % 4}\n" for i in ROWS),
        "utf-8",
    ),
    "times and zones": (
        "at,zoned\n"
        + "".join(
            f"2021-03-{1 + i % 28:02} 10:{i:02}:07,2021-03-{1 + i % 28:02} 10:{i:02}:07Z\n"
            for i in ROWS
        ),
        "utf-8",
    ),
}


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    text, encoding = FILES[request.param]
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.filterwarnings("ignore:Read as")
def test_what_was_read_is_written_back_byte_for_byte(file, tmp_path):
    table, style, _ = read_written(file)
    write_file(table, tmp_path / "again.csv", style)
    assert (tmp_path / "again.csv").read_bytes() == file.read_bytes()
    # And of the kind that a model keeps.
    kind = read(file).kind
    kept = json.loads(json.dumps(kind.settings()))
    assert style_from(kept["style"]) == style == kind.style
    assert style_from(json.loads(json.dumps(style.settings()))) == style


def written_again(folder, rows: list[str]) -> list[str]:
    """Times, as a table that is read from a file writes them."""
    (folder / "t.csv").write_text("at,n\n" + "".join(f"{row},1\n" for row in rows))
    table, style, _ = read_written(folder / "t.csv")
    write_file(table, folder / "again.csv", style_from(json.loads(json.dumps(style.settings()))))
    assert read_file(folder / "again.csv") == table
    return [line[:-2] for line in (folder / "again.csv").read_text().splitlines()[1:]]


def test_times_with_several_offsets_are_written_in_one(tmp_path):
    rows = [f"2021-04-{1 + i % 28:02}T10:{i:02}:07+0{1 + i % 2}:00" for i in ROWS]
    assert written_again(tmp_path, rows)[:2] == ["2021-04-02T08:01:07Z", "2021-04-03T09:02:07Z"]


@pytest.mark.parametrize("clock", ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f"])
def test_times_of_summer_and_winter_are_written_as_they_are(clock, tmp_path):
    times = pd.date_range("2023-01-03", "2024-12-24", 300, tz="Europe/Madrid")
    rows = [f"{time:%Y-%m-%d {clock}}{time:%z}" for time in times]
    assert written_again(tmp_path, rows) == rows
    other = rows[0].replace(" ", "T")  # a form that the first rows do not have
    assert written_again(tmp_path, [*rows, other])[:200] == rows[:200]


@pytest.mark.filterwarnings("ignore:Read as")
def test_new_rows_are_read_as_they_were_drawn(file, tmp_path):
    table, style, _ = read_written(file)
    kind = read(file).kind
    rows = kind.columns.draw(kind.columns.encode(table), seed=0)
    write_file(rows, tmp_path / "drawn.csv", style)
    assert read_file(tmp_path / "drawn.csv").schema == table.schema
    known = dict(zip(rows.column_names, rows.columns, strict=True))
    again = read_file(tmp_path / "drawn.csv")
    assert all(again[name].to_pylist() == column.to_pylist() for name, column in known.items())


def test_texts_that_would_be_read_as_missing_or_as_several_cells_are_quoted(tmp_path):
    words = ["NA", "", "a;b", 'say "x"', "two\nlines", "-", None]
    table = pa.table({"word": words * 3, "n": [*range(20), None]})
    for quoting in ("needed", "texts"):
        style = Style(separator=";", quoting=quoting)
        write_file(table, tmp_path / "t.csv", style)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert read_file(tmp_path / "t.csv").to_pylist() == table.to_pylist()


def test_frames_and_parquet_have_no_style(tmp_path):
    table = pa.table({"x": [0.5, 1.5] * 20, "day": ["01/03/2021", "17/03/2021"] * 20})
    write_file(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        kind = read(source).kind
        assert isinstance(kind, Tables)
        assert kind.style is None
        assert "style" not in kind.settings()


def test_an_encoding_that_lacks_a_character_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"'Ł' is not in cp1252.*\.parquet"):
        write_file(pa.table({"a": ["Łódź"]}), tmp_path / "t.csv", Style(encoding="cp1252"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"separator": ",,"},
        {"quote": 3},
        {"quoting": "never"},
        {"encoding": "no such"},
        {"newline": "x" * 1000},
        {"header": "yes"},
        {"cells": {"a": {"places": 10**9}}},
        {"cells": {"a": {"form": "%Y-%m-%d %s %s"}}},
        {"cells": {"a": {"words": ["yes"]}}},
        {"cells": {"a": {"other": ""}}},
        {"cells": {"a": {"offsets": {"starts": [0], "zones": ["x"]}}}},
        {"cells": {"a": {"form": "%H:%M", "offsets": {"starts": [0], "zones": ["Z"]}}}},
        {"cells": {"a": {"offsets": [0]}}},
        {"cells": [1]},
        {"more": 1},
    ],
)
def test_styles_of_strangers_are_checked(change):
    said = Style(cells={}).settings()
    if isinstance(change.get("cells"), dict):
        cell = {"missing": "", "before": "", "after": "", "group": "", "places": -1}
        cell |= {"point": False, "form": "", "words": ["true", "false"]}
        change = {"cells": {"a": cell | change["cells"]["a"]}}
    with pytest.raises(ValueError, match="style"):
        style_from(said | change)


@pytest.mark.filterwarnings("ignore:Read as")
def test_commands_write_as_the_table_was(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text, encoding = FILES["German"]
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    fit = "fit --data t.csv --out run --epochs 1 --model.latent.dim 2 --model.hidden [4]"
    assert main([*fit.split(), "--no-report"]) == 0
    assert main(["sample", "run", "-n", "9", "--out", "drawn.csv"]) == 0
    how = "separated by ';', with decimal commas, in cp1252, as the table was"
    assert f"Wrote 9 rows to drawn.csv, {how}." in capsys.readouterr().out
    assert main(["reconstruct", "run", "--out", "again.csv"]) == 0
    assert main(["impute", "run", "--out", "full.csv"]) == 0
    assert (tmp_path / "full.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()
    for name in ("drawn.csv", "again.csv"):
        lines = (tmp_path / name).read_bytes().decode("cp1252").split("\r\n")
        assert lines[0] == "Tag;Preis;Größe;Netto"
        assert lines[1].count(";") == 3
        assert " €;Öl " in lines[1]
        assert read_file(name).schema == read_file("t.csv").schema
    frame = ea.Run.open("run").sample(3)
    assert frame.schema == read_file("t.csv").schema
