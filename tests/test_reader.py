"""One reader for tables of every kind: what is in them, and what is said of it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import random
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import entropae as ea
from entropae.cli import main
from entropae.reader import Dialect, Table, read_table

from written import DIALECTS, Written


def put(case: Written, folder: Path) -> Path:
    path = folder / f"t{case.suffix}"
    path.write_bytes(case.content)
    return path


def columns(table: Table) -> dict[str, list[Any]]:
    return table.arrow.to_pydict()


@pytest.mark.parametrize("name", [name for name in DIALECTS if DIALECTS[name].columns])
def test_every_dialect_is_read_right(name, tmp_path):
    """Types too: 1 is whole and 1.0 is not."""
    case = DIALECTS[name]
    table = read_table(put(case, tmp_path))
    assert case.columns is not None
    found = columns(table)
    assert list(found) == list(case.columns)
    for values, expected in zip(found.values(), case.columns.values(), strict=True):
        assert values == expected
        assert [type(value) for value in values] == [type(value) for value in expected]
    if case.said:
        assert any(word.lower() in table.read_as.lower() for word in case.said)
    else:
        assert table.read_as == ""


@pytest.mark.parametrize("name", [name for name in DIALECTS if not DIALECTS[name].columns])
def test_what_cannot_be_read_is_refused_and_why(name, tmp_path):
    path = put(DIALECTS[name], tmp_path)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} cannot be read") as caught:
        read_table(path)
    assert any(word in str(caught.value) for word in DIALECTS[name].said)


@pytest.mark.parametrize("name", [name for name in DIALECTS if DIALECTS[name].columns])
def test_what_was_found_reads_the_same_when_it_is_given(name, tmp_path):
    path = put(DIALECTS[name], tmp_path)
    table = read_table(path)
    assert table.dialect is not None
    again = read_table(path, dialect=table.dialect)
    assert again.arrow.equals(table.arrow)
    assert "(if" not in again.read_as


GUESSES = {
    "decimal comma, three digits": ("--decimal .", "x", [1234, 2345, 3456]),
    "no header": ("--header", "0.5", [1.5, 2.5]),
    "names that are years": ("--no-header", "1", ["land", "DE", "FR", "IT"]),
    "days of any order": (
        "--no-day-first",
        "day",
        [dt.date(2020, 3, 4), dt.date(2020, 5, 4), dt.date(2020, 7, 6)],
    ),
    "a line of units": ("--no-units", "height", ["m", "1.75", "1.62", "1.81"]),
    "comments": ("--comment ''", None, None),
    "lines before the names": ("--skip 0", "Export of 2020-01-01", [1, 2, 3]),
}


@pytest.mark.parametrize("name", GUESSES)
def test_every_option_that_is_named_does_what_is_said(name, tmp_path, capsys):
    """As printed, on the command line."""
    option, column, expected = GUESSES[name]
    path = put(DIALECTS[name], tmp_path)
    assert option in read_table(path).read_as
    code = main(["entropy", str(path), "-k", "1", *shlex.split(option)])
    said = capsys.readouterr()
    assert option not in said.out
    if column is None:  # the other way there is no table in it
        assert code == 1
        assert "cannot be read: line" in said.err
        return
    dialect = {
        "--decimal .": {"decimal": "."},
        "--header": {"header": True},
        "--skip 0": {"skip": 0},
    }.get(option)
    no = {option.removeprefix("--no-").replace("-", "_"): False}
    assert columns(read_table(path, dialect=Dialect(**(dialect or no))))[column] == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"separator": ";"}, {"a": ["1,2"], "b": [3]}),
        ({"separator": ",", "header": False}, {"1": ["a;b", "1"], "2": [None, "2;3"]}),
    ],
)
def test_what_is_given_is_not_found_out(options, expected, tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,2;3\n")
    if "header" in options:
        with pytest.raises(ValueError, match="cells, and there are"):
            read_table(tmp_path / "t.csv", dialect=Dialect(**options))
    else:
        found = columns(read_table(tmp_path / "t.csv", dialect=Dialect(**options, decimal=".")))
        assert found == expected


@pytest.mark.parametrize("last", ["Total,", "all,a"])
def test_a_word_among_the_numbers_does_not_make_the_names_a_row(last, tmp_path):
    rows = [f"{i / 8},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["amount,b", *rows, last]))
    assert read_table(tmp_path / "t.csv").names == ("amount", "b")
    # But what stands among the numbers too is no name.
    (tmp_path / "t.csv").write_text("\n".join(["low,b", *rows, "low,a"]))
    assert read_table(tmp_path / "t.csv").names == ("1", "2")


WORDS = ["red", "blue", "müller", "Ångström", "O'Brien", "a-b", "New York", "são paulo"]


def drawn(random: random.Random, kind: str, n: int) -> list[Any]:
    day = dt.datetime(2020, 1, 1)
    draw = {
        "whole": lambda: random.randint(-50, 1000),
        "large": lambda: 2**60 + random.randint(0, 10**6),
        "real": lambda: round(random.gauss(0, 10), random.choice([1, 2, 4])),
        "text": lambda: " ".join(random.sample(WORDS, random.choice([1, 2]))),
        "free": lambda: "".join(random.choice("ab ,;|\t\"'\né") for _ in range(8)) + "z",
        "date": lambda: (day + dt.timedelta(random.randint(0, 700))).date(),
        "time": lambda: day + dt.timedelta(minutes=random.randint(0, 700_000)),
        "logical": lambda: random.random() < 0.5,
        "code": lambda: f"{random.randint(100, 9999):05d}",
    }[kind]
    return [draw() for _ in range(n)]


@pytest.mark.parametrize("seed", range(60))
def test_tables_written_at_random_are_read_as_they_were(seed, tmp_path):
    """In any separator, quoting, encoding, decimals, form of dates, with or without names."""
    r = random.Random(seed)
    kinds = ["text", "whole", "real", "large", "date", "time", "logical", "code", "free"]
    kinds = r.sample(kinds, r.choice([2, 3, 5]))
    n, separator = r.choice([20, 100]), r.choice(",;\t|")
    decimal = "," if separator in ";\t" and r.random() < 0.5 else "."
    day = r.choice(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"])
    data = [drawn(r, kind, n) for kind in kinds]
    header = r.random() < 0.8 or set(kinds) <= {"text", "free", "code"}

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value}".replace(".", decimal)
        if isinstance(value, dt.datetime):
            return value.strftime(f"{day} %H:%M")
        return value.strftime(day) if isinstance(value, dt.date) else str(value)

    out = io.StringIO(newline="")
    quoting = r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(
        out, delimiter=separator, quoting=quoting, lineterminator=r.choice(["\n", "\r\n"])
    )
    names = [f"name {i}" for i in range(len(kinds))]
    writer.writerows(
        ([names] if header else []) + [[cell(v) for v in row] for row in zip(*data, strict=True)]
    )
    encoding = r.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    (tmp_path / "t.csv").write_bytes(out.getvalue().encode(encoding))
    found = columns(read_table(tmp_path / "t.csv"))
    assert list(found) == (names if header else [str(i + 1) for i in range(len(kinds))])
    assert list(found.values()) == data


def test_bytes_that_are_no_utf8_may_come_late(tmp_path):
    """After the beginning, of which the layout is found."""
    rows = [f"{i},word{i}\n" for i in range(40_000)]
    (tmp_path / "t.csv").write_bytes(("n,s\n" + "".join(rows) + "1,Köln\n").encode("latin-1"))
    table = read_table(tmp_path / "t.csv")
    assert table.arrow["s"][-1].as_py() == "Köln"
    assert "encoding cp1252" in table.read_as
    with pytest.raises(ValueError, match="not written in utf-8"):
        read_table(tmp_path / "t.csv", dialect=Dialect(encoding="utf-8"))


def test_a_hash_that_begins_a_text_is_no_comment(tmp_path):
    (tmp_path / "t.csv").write_text("s,n\na,1\n#b,2\nc,3\n")
    assert columns(read_table(tmp_path / "t.csv"))["s"] == ["a", "#b", "c"]


def test_names_after_a_hash(tmp_path):
    """As NumPy's savetxt writes them."""
    np.savetxt(tmp_path / "t.txt", [[1.5, 2], [2.5, 3], [3.5, 5]], header="height weight")
    table = read_table(tmp_path / "t.txt")
    assert table.names == ("height", "weight")
    np.testing.assert_array_equal(table.numbers().values, [[1.5, 2], [2.5, 3], [3.5, 5]])
    np.savetxt(tmp_path / "t.csv", np.eye(3), delimiter=",")
    assert read_table(tmp_path / "t.csv").names == ("1", "2", "3")


def test_quoted_words_for_missing_are_texts(tmp_path):
    """But of columns of numbers, and where everything is in quotes."""
    (tmp_path / "t.csv").write_text('s,x\n"NA",1\nNA,"NA"\n"",2\n')
    found = columns(read_table(tmp_path / "t.csv"))
    assert found == {"s": ["NA", None, ""], "x": [1, None, 2]}


def test_columns_by_name_from_every_kind_of_file(tmp_path):
    rows = {"a": [1.5, 2.5], "s": ["x", "y"], "b": [1, 2], "l": [[1], [2]]}
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a,s,b\n1.5,x,1\n2.5,y,2\n")
    np.save(tmp_path / "t.npy", np.array([(1.5, "x", 1), (2.5, "y", 2)], "f8,U1,i8"))
    for name, wanted in {"t.parquet": "b", "t.csv": "b", "t.npy": "f2"}.items():
        table = read_table(tmp_path / name, [wanted, "a" if wanted == "b" else "f0"])
        assert table.names[0] == wanted
        np.testing.assert_array_equal(table.numbers().values, [[1, 1.5], [2, 2.5]])
        with pytest.raises(ValueError, match="Unknown column 'c'"):
            read_table(tmp_path / name, ["c"])
    assert read_table(tmp_path / "t.parquet").left_out == ("l",)
    assert read_table(tmp_path / "t.parquet").numbers().left_out == ("s", "l")
    text = read_table(tmp_path / "t.csv").columns(["s", "b"])
    assert (text["s"].tolist(), text["b"].dtype) == (["x", "y"], np.int64)


def test_whole_numbers_that_floats_do_not_tell_apart(tmp_path):
    (tmp_path / "t.csv").write_text(f"id,x\n{2**60 + 1},1\n{2**60 + 2},2\n")
    parquet.write_table(pa.table({"id": [2**60 + 1, None]}), tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", np.array([2**60 + 1, 2**60 + 2]))
    for name in ("t.csv", "t.parquet", "t.npy"):
        with pytest.raises(ValueError, match="more than 53 bits, such as 1152921504606846"):
            read_table(tmp_path / name).numbers(missing="drop")
    assert read_table(tmp_path / "t.csv").numbers(["x"]).values.tolist() == [[1], [2]]


def test_a_table_is_a_frame_for_others(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,\n")
    table = read_table(tmp_path / "t.csv")
    assert pa.table(table).to_pydict() == {"a": [1, 2], "b": ["x", None]}
    assert len(table) == 2
    assert ea.read_table is read_table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": ";;"}, "`separator` must be one character"),
        ({"separator": "\n"}, "`separator` must be one character"),
        ({"separator": "'", "quote": "'"}, "other than the separator"),
        ({"decimal": ";"}, r"`decimal` must be '\.' or ',': got ';'"),
        ({"decimal": ",", "thousands": ","}, "other than the decimal one"),
        ({"skip": -1}, "`skip` must be at least 0: got -1"),
        ({"encoding": "utf-9"}, "Unknown `encoding` 'utf-9'"),
    ],
)
def test_dialects_that_there_are_not(options, message):
    with pytest.raises(ValueError, match=message):
        Dialect(**options)


def test_a_dialect_is_of_a_text(tmp_path):
    np.save(tmp_path / "t.npy", np.eye(2))
    with pytest.raises(ValueError, match="is no text: separator are for"):
        read_table(tmp_path / "t.npy", dialect=Dialect(separator=";"))


def test_without_pyarrow_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("entropae.reader.reading.find_spec", lambda name: None)
    for name in ("t.csv", "t.tsv", "t.txt", "t.csv.gz", "t.parquet"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(ImportError, match=r'pip install "entropae\[tables\]"'):
            read_table(tmp_path / name)
    np.save(tmp_path / "t.npy", np.eye(2))
    assert len(read_table(tmp_path / "t.npy")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n\n\n", "it is empty"),
        (b"a\x00b,c\n1,2\n", "no text"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cannot be read"),
        (b"\xff\xfea\x00,", "cannot be read"),
    ],
)
def test_files_with_no_table_in_them(content, message, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "t.csv")
