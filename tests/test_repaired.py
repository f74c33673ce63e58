"""Reconstructed rows are repaired so that they keep the rules."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

import entropae as ea
from entropae.cli import main
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import read_file, write_file
from entropae.kinds.tables.repaired import repaired
from entropae.kinds.tables.rules import Gives, rule_of

N = 300
RNG = np.random.default_rng(0)
FIRST = datetime.date(2024, 1, 1)
START, DAYS = RNG.integers(0, 300, N), RNG.integers(1, 60, N)
TOWN = RNG.integers(0, 4, N)
TABLE = pa.table(
    {
        "start": [FIRST + datetime.timedelta(int(s)) for s in START],
        "end": [FIRST + datetime.timedelta(int(s)) for s in START + DAYS],
        "paid": [f"{FIRST + datetime.timedelta(int(s)):%d/%m/%Y}" for s in START + 2 * DAYS],
        "price": np.round(RNG.uniform(1, 9, N), 2),
        "number": RNG.integers(1, 40, N),
        "town": np.array(["Oslo", "Rome", "Bath", "Lyon"])[TOWN],
        "land": np.array(["N", "I", "GB", "F"])[TOWN],
    }
)
SUM = np.round(TABLE["price"].to_numpy() * TABLE["number"].to_numpy(), 2)
TABLE = TABLE.append_column("sum", pa.array(SUM))
SAID = ("start < end", "end <= paid", "price * number = sum", "town -> land")


def rules():
    made = [rule_of(one, TABLE.column_names) for one in SAID]
    return tuple(rule.learnt(TABLE) if isinstance(rule, Gives) else rule for rule in made)


def shuffled(*names: str) -> pa.Table:
    """The table with some of its columns in another order, which breaks rules."""
    table = TABLE
    for name in names:
        column = TABLE.column(name).take(RNG.permutation(N))
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def broken(table: pa.Table, columns: Columns) -> np.ndarray:
    return np.array([~rule.met(table, columns) for rule in rules()])


def test_rows_that_break_rules_keep_them_afterwards_and_the_others_stay_as_they_were():
    columns, table = Columns.fit(TABLE), shuffled("end", "sum", "land")
    table = pa.concat_tables([table, TABLE.slice(0, 20)]).combine_chunks()
    before = broken(table, columns)
    made, done = repaired(table, columns, rules())
    assert not broken(made, columns).any()
    assert made.schema == table.schema
    assert done.broken == before.any(0).sum() > 200
    assert done.by_rule == dict(zip(SAID, before.sum(1).tolist(), strict=True))
    assert not any(done.left.values())
    kept = np.flatnonzero(~before.any(0))
    assert len(kept) >= 20
    assert made.take(kept).equals(table.take(kept))


def test_the_upper_value_becomes_the_lowest_that_is_allowed():
    table = pa.table({"a": [1, 5, 7, 9, 3], "b": [2, 4, 8, 9, 3]})
    columns = Columns.fit(table)
    loose = repaired(table, columns, [rule_of("a <= b", ["a", "b"])])[0]
    assert loose["b"].to_pylist() == [2, 5, 8, 9, 3]
    assert loose["a"].equals(table["a"])
    strict, done = repaired(table, columns, [rule_of("a < b", ["a", "b"])])
    # 9 is the highest of b, so that the last but one gets a lower a.
    assert strict["b"].to_pylist() == [2, 8, 8, 9, 4]
    assert strict["a"].to_pylist() == [1, 5, 7, 7, 3]
    assert str(done) == " 3 of 5 rows broke rules and were repaired: 3 'a < b'."


def test_columns_can_be_kept_as_they_are():
    table = pa.table({"a": [1, 5, 7, 9, 3], "b": [2, 4, 8, 9, 3], "c": [3, 9, 9, 9, 9]})
    columns = Columns.fit(table)
    rules = [rule_of(one, table.column_names) for one in ("a <= b", "a + b = c")]
    made, done = repaired(table, columns, rules[:1], keep=["b"])
    assert made["b"].equals(table["b"])
    assert made["a"].to_pylist() == [1, 4, 7, 9, 3]
    assert not any(done.left.values())
    made, done = repaired(table, columns, rules[1:], keep=["c"])
    assert made.equals(table)
    assert done.left == {"a + b = c": 3}


def test_what_cannot_be_repaired_is_said():
    table = pa.table({"a": [5.0, 6.0, 7.0], "b": [1.0, 2.0, 3.0]})
    columns = Columns.fit(table)
    made, done = repaired(table, columns, [rule_of("a <= b", ["a", "b"])])
    assert done.left == {"a <= b": 3}
    assert "3 rows break 'a <= b' still." in str(done)
    assert made.equals(table)


def test_nothing_is_said_where_nothing_was_to_do():
    made, done = repaired(TABLE, Columns.fit(TABLE), rules())
    assert made.equals(TABLE)
    assert str(done) == ""


def test_missing_values_break_no_rule():
    table = pa.table({"a": [1, None, 7] * 10, "b": [2, 4, None] * 10})
    made, done = repaired(table, Columns.fit(table), [rule_of("a <= b", ["a", "b"])])
    assert made.equals(table)
    assert not done.broken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repaired")
    write_file(TABLE, str(folder / "stays.csv"))
    options = ["--out", str(folder / "run"), "--epochs", "1", "--no-report"]
    said = [part for one in SAID for part in ("--rules", one)]
    assert main(["fit", "--data", str(folder / "stays.csv"), *options, *said]) == 0
    return folder / "run"


def test_the_command_repairs_reconstructions_and_says_how_many(run, tmp_path, capsys):
    out = tmp_path / "again.csv"
    assert main(["reconstruct", str(run), "-n", "20", "--out", str(out)]) == 0
    opened = ea.Run.open(run)
    decoded = opened.kind.table(opened.model.reconstruct(opened.held_out.some(20).first(20)))
    bad = np.any([~rule.met(decoded, opened.kind.columns) for rule in opened.kind.rules], 0).sum()
    assert bad > 0
    assert f"{bad} of 20 rows broke rules and were repaired: " in capsys.readouterr().out
    made = read_file(out)
    assert len(made) == 20
    frame = opened.reconstruct(n=20)
    for table in (made, frame):
        for rule in opened.kind.rules:
            assert rule.met(table, opened.kind.columns).all(), rule
    frame = opened.model.reconstruct(run.parent / "stays.csv")
    assert all(rule.met(frame, opened.kind.columns).all() for rule in opened.kind.rules)
