"""Rows under conditions, in given shares, and by the rules of a table."""

from __future__ import annotations

import datetime as dt
import math
import re
import shlex
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.kinds import read
from entropae.kinds.tables.arithmetic import Product, Sum
from entropae.kinds.tables.asked import near_rows, shares_of
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditions import conditions, meets
from entropae.kinds.tables.drawn import Wanted, counts_of, rows_of
from entropae.kinds.tables.proposed import propose
from entropae.kinds.tables.rules import Before, Gives, Unique, rule_of
from entropae.recipe import ModelConfig

N = 400
RNG = np.random.default_rng(0)
START = RNG.integers(0, 500, N)
A, B = RNG.integers(0, 50, N), RNG.integers(0, 50, N)
TOWN = RNG.choice(["Köln", "Łódź, east", "Rio", 'the "old" one'], N)
LAND = {"Köln": "DE", "Łódź, east": "PL", "Rio": "BR", 'the "old" one': "BR"}
TABLE = pa.table(
    {
        "id": [f"ID-{i:05}" for i in RNG.permutation(N)],
        "x": RNG.normal(size=N).round(3),
        "body mass": pa.array(25 * RNG.integers(100, 250, N), mask=RNG.random(N) < 0.1),
        "start": START,
        "end": START + RNG.integers(1, 40, N),
        "a": A,
        "b": B,
        "a+b": A + B,
        "town": TOWN,
        "land": [LAND[town] for town in TOWN],
        "day": [dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in RNG.integers(0, 900, N)],
        "written": [f"{d:%d/%m/%Y}" for d in map(dt.date.fromordinal, (737000 + START).tolist())],
        "member": RNG.random(N) < 0.3,
    }
)
COLUMNS = Columns.fit(TABLE)
SMALL = ModelConfig(hidden=(16,), latent={"name": "entropic", "dim": 2})


@pytest.fixture(scope="module")
def made():
    return ea.synthesize(TABLE, model=SMALL, epochs=2, progress=False)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("town=Rio", pc.field("town") == "Rio"),
        ("town = 'Łódź, east', x>0", (pc.field("town") == "Łódź, east") & (pc.field("x") > 0)),
        (r'town="the \"old\" one"', pc.field("town") == 'the "old" one'),
        ("town!=Rio and x <= 0.5", (pc.field("town") != "Rio") & (pc.field("x") <= 0.5)),
        ("town in (Rio, Köln)", pc.field("town").isin(["Rio", "Köln"])),
        ("town not in [Rio, Köln]", ~pc.field("town").isin(["Rio", "Köln"])),
        ("body mass>=4000", pc.field("body mass") >= 4000),
        ("'body mass' is missing", pc.field("body mass").is_null()),
        ("body mass is not missing; a<10", pc.field("body mass").is_valid() & (pc.field("a") < 10)),
        ("body mass = missing", pc.field("body mass").is_null()),
        ("day>=2021-01-01", pc.field("day") >= dt.date(2021, 1, 1)),
        ("day<2020-06-01", pc.field("day") < dt.date(2020, 6, 1)),
        ("member=yes", pc.field("member") == pa.scalar(True)),
        ("`a+b`>60", pc.field("a+b") > 60),
        ("a<1,000 and b>20", pc.field("b") > 20),
        ("a>1,000, b>20", pc.field("a") > 1000),
        ('a>="$25"', pc.field("a") >= 25),
        ("a > b", pc.field("a") > pc.field("b")),
        ({"town": ["Rio"], "x": ">0"}, (pc.field("town") == "Rio") & (pc.field("x") > 0)),
        ({"town": "='Łódź, east'"}, pc.field("town") == "Łódź, east"),
        ({"town": "!=Łódź, east"}, pc.field("town") != "Łódź, east"),
        ({"a": ">b"}, pc.field("a") > pc.field("b")),
        ({"body mass": None, "member": True}, pc.field("body mass").is_null() & pc.field("member")),
        ({"day": dt.date(2020, 1, 9)}, pc.field("day") == dt.date(2020, 1, 9)),
        ("body mass is null", pc.field("body mass").is_null()),
        ("body mass is not null", pc.field("body mass").is_valid()),
        ({"body mass": pd.NA}, pc.field("body mass").is_null()),
        ({"body mass": [3000, None]}, pc.field("body mass").isin([3000, None])),
        ({"a": range(3, 9)}, (pc.field("a") >= 3) & (pc.field("a") < 9)),
        ({"a": np.array([3, 4])}, pc.field("a").isin([3, 4])),
        ({"town": pd.Series(["Rio"])}, pc.field("town") == "Rio"),
    ],
)
def test_conditions_are_those_of_arrow(where, expected):
    found = meets(TABLE, conditions(where, TABLE.column_names), COLUMNS)
    numbered = TABLE.append_column("row", pa.array(range(N)))
    assert np.flatnonzero(found).tolist() == numbered.filter(expected)["row"].to_pylist()


def test_dates_that_are_texts_are_compared_as_dates():
    found = meets(TABLE, conditions("written<01/03/2019", TABLE.column_names), COLUMNS)
    days = [dt.datetime.strptime(v, "%d/%m/%Y").date() for v in TABLE["written"].to_pylist()]
    assert found.tolist() == [day < dt.date(2019, 3, 1) for day in days]
    iso = meets(TABLE, conditions("written<2019-03-01", TABLE.column_names), COLUMNS)
    assert iso.tolist() == found.tolist()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("twon=Rio", "Unknown column 'twon'.*Did you mean 'town'"),
        ("town=Riu", "Unknown category of 'town': 'Riu'.*Did you mean 'Rio'"),
        ("x>much", "'much' is no value of the column 'x'"),
        ("day>soon", "'soon' is no value of the column 'day'"),
        ("town", "Unknown column|no condition"),
        ("", "no condition"),
        ("x>", "A value is missing"),
        ("town in Rio", "brackets"),
        ("town in (Rio", "missing in"),
        ("x>0 x<1", "no value of the column 'x'"),
        ("town=None", "For missing values write 'town is missing'"),
        ("body mass=nan", "For missing values write 'body mass is missing'"),
        ("town=Rio or x>0", "There is no 'or'"),
        ("x between 0 and 1", "Unknown column 'x between 0 and 1'.*Write 'name=value'"),
        ("day>2020", "Write it as 2021-03-27"),
        (pd.DataFrame({"town": ["Rio"]}), "must be a text, a mapping .*: got DataFrame"),
    ],
)
def test_what_is_no_condition_is_said(where, message):
    with pytest.raises(ValueError, match=message):
        meets(TABLE, conditions(where, TABLE.column_names), COLUMNS)


def test_the_rules_of_the_table_are_found_and_no_others():
    found = {str(rule) for rule in propose(TABLE, COLUMNS)}
    assert {"start < end", "town -> land", "a + b = `a+b`"} <= found
    assert found <= {"start < end", "town -> land", "a + b = `a+b`", "a <= `a+b`", "b <= `a+b`"}
    loose = pa.table({"a": RNG.normal(size=300), "b": RNG.normal(size=300) + 50})
    assert propose(loose, Columns.fit(loose)) == ()
    chance = pa.table({"a": RNG.choice(list("xyz"), 300), "b": RNG.choice(list("uv"), 300)})
    assert propose(chance, Columns.fit(chance)) == ()


SIGNS = st.sampled_from([*"ab`+*=<>, \\\n1.(/", " / ", "-> ", "2020", "unique", "nan"])
NAMES = st.lists(SIGNS, min_size=1, max_size=4).map("".join)


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_rules_are_read_as_they_are_written_whatever_columns_are_called(names):
    a, b, c = names
    rules = [Before(a, "<", b), Before(a, "<=", b), Gives(a, b, True), Unique((a, b))]
    rules += [Sum((a, b), c), Sum((a, b), 100.0), Sum((a,), b)]
    rules += [Product((a, b), c), Product((a,), c, (b,))]
    for rule in rules:
        assert rule_of(str(rule), names) == rule


def test_every_drawn_row_keeps_the_rules(made):
    drawn = made.sample(500, seed=0)
    for text in made.rules:
        rule = rule_of(text, drawn.column_names)
        assert rule.met(drawn, COLUMNS).all()
    assert (drawn["start"].to_numpy() < drawn["end"].to_numpy()).all()
    assert (drawn["a"].to_numpy() + drawn["b"].to_numpy() == drawn["a+b"].to_numpy()).all()
    towns, lands = drawn["town"].to_pylist(), drawn["land"].to_pylist()
    assert all(LAND[town] == land for town, land in zip(towns, lands, strict=True))
    assert len(set(drawn["id"].to_pylist())) == 500
    assert all(re.fullmatch(r"ID-\d{5}", one) for one in drawn["id"].to_pylist())
    masses = [m for m in drawn["body mass"].to_pylist() if m is not None]
    assert all(mass % 25 == 0 for mass in masses)


def test_conditions_and_shares_are_exact(made):
    where = "town=Rio, body mass>5000"
    drawn = made.sample(60, where=where, seed=0)
    assert len(drawn) == 60
    assert meets(drawn, conditions(where, drawn.column_names), COLUMNS).all()
    assert drawn.slice(0, 10).equals(made.sample(10, where=where, seed=0))
    by = made.sample(20, where=lambda rows: pc.less(rows["a"], rows["b"]), seed=1)
    assert (by["a"].to_numpy() < by["b"].to_numpy()).all()
    towns = made.sample(100, shares="town=equal", seed=0)["town"].to_pylist()
    assert [towns.count(town) for town in sorted(LAND)] == [25] * 4
    towns = made.sample(10, shares={"town": {"Rio": 0.7, "Köln": 0.3}}, seed=0)["town"].to_pylist()
    assert (towns.count("Rio"), towns.count("Köln")) == (7, 3)
    assert counts_of({"a": 0.5, "b": 0.5}, 3) == {"a": 2, "b": 1}


def test_how_many_and_shares_of_what_is_missing(made):
    drawn = made.sample(40, seed=0, shares={"town": {"Rio": 3, "Köln": 1}})
    assert drawn["town"].to_pylist().count("Rio") == 30
    table = pa.table({"c": pa.array(["a", None, "b", None] * 20), "x": RNG.normal(size=80)})
    model = ea.synthesize(table, model=SMALL, epochs=1, progress=False)
    assert model.sample(20, seed=0, shares={"c": {"a": 1, None: 1}})["c"].null_count == 10
    for n, seed, said in ((0, 0, "`n`"), (2.5, 0, "`n`"), ("9", 0, "`n`"), (3, -1, "`seed`")):
        with pytest.raises(ValueError, match=f"{said} must be a whole number of at least"):
            made.sample(n, seed=seed)


@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        ("`town`='Łódź, east':30%, Rio:70%", {"Łódź, east": 3, "Rio": 7}),
        (r'town="the \"old\" one":1,Rio:1', {'the "old" one': 5, "Rio": 5}),
        ("a=b='x:y':1, missing:1, =:2", {"x:y": 1, None: 1, "=": 2}),
    ],
)
def test_shares_are_written_as_conditions_are(shares, counts):
    odd = pa.table({"a=b": ["x:y", None, "="] * 9, "town": TABLE["town"].slice(0, 27)})
    name, found = shares_of(shares, Columns.fit(odd))
    assert name in odd.column_names
    assert counts_of(found, sum(counts.values())) == counts


def test_functions_of_frames_are_checked_and_what_is_missing_is_not_met():
    frame = pd.DataFrame({"x": pd.array([1, 2, None, 4] * 20, dtype="Int64"), "y": range(80)})
    model = ea.synthesize(frame, model=SMALL, epochs=1, progress=False)
    drawn = model.sample(30, where=lambda rows: rows["x"] > 1, seed=0)
    assert set(drawn["x"]) == {2, 4}
    with pytest.raises(ValueError, match=r"got DataFrame of shape \((\d+), 1\) for \1 rows"):
        model.sample(3, where=lambda rows: rows > 1)
    assert model.sample(20, where={"x": "is not missing"}, seed=0)["x"].notna().all()
    with pytest.raises(ValueError, match="stand in one text, as 'x>=a, x<b'"):
        model.sample(20, where={"x": ">=1, <4"})
    assert model.sample(20, where="x>=2, x<4", seed=0)["x"].eq(2).all()


def test_a_rule_with_a_number_says_what_does_instead(made):
    with pytest.raises(ValueError, match="compares a column with a number"):
        rule_of("a < 100", TABLE.column_names)
    assert max(made.sample(20, where="a < 10", seed=0)["a"].to_pylist()) < 10


def test_rare_rows_are_drawn_near_those_seen_or_refused(made, monkeypatch):
    table = pa.table({"c": ["a"] * 99 + ["b"]})
    columns = Columns.fit(table)
    prior, close = (lambda n, c=c: columns.encode(table)[[c] * n] for c in (0, 99))
    want = Wanted(30, lambda rows: meets(rows, conditions("c=b", ["c"]), columns), "c=b")
    found, account = rows_of(columns, (), prior, want, seed=0, near=lambda: (close, 1))
    assert found["c"].to_pylist() == ["b"] * 30
    assert "near to those of the 1 training rows" in str(account)
    with pytest.raises(ValueError, match=r"0 of \d+ drawn rows \(0\) meet 'c=b', and no training"):
        rows_of(columns, (), prior, want, seed=0, near=lambda: (close, 0))
    monkeypatch.setattr("entropae.kinds.tables.drawn.EFFORT", 2000)
    with pytest.raises(ValueError, match=r"of \d+ drawn rows .*meet 'x>1000'.*wider condition"):
        made.sample(3, where="x>1000", seed=0)


def test_codes_near_training_rows_are_near(made):
    """The prior would not do for a day, a town and a number at once."""
    find = near_rows(made.model, made.kind.columns, lambda: made.train, 0)
    draw, count = find(
        lambda rows: meets(rows, conditions("town=Rio, x>1", rows.column_names), COLUMNS)
    )
    assert count > 5
    codes, seen = (made.model.encode(x, head=False) for x in (draw(500), made.train.first(N)))
    apart = (codes[:, None] - seen[None]).norm(dim=2).min(1).values
    assert float(apart.median()) < 0.5
    assert np.array_equal(draw(10), draw(500)[:10])


def test_every_remedy_that_is_printed_works(tmp_path, capsys):
    names = TABLE.drop_columns(["id"]).append_column("the tags", pa.array([math.inf] * N))
    path, out = str(tmp_path / "t.parquet"), str(tmp_path / "run")
    parquet.write_table(names, path)
    fit = ["fit", "--data", path, "--out", out, "--epochs", "1", "--no-report"]
    fit += ["--model.latent.dim", "2", "--model.hidden", "[8]"]
    assert main(fit) == 1
    remedy = capsys.readouterr().err.strip().rpartition("leave it out: ")[2]
    remedy, _, in_python = remedy.partition(" (")
    assert remedy == "--drop 'the tags'"
    assert in_python == "drop=['the tags'] in Python)"
    assert "the tags" not in read(names, drop=["the tags"]).kind.types
    (tmp_path / "columns.yaml").write_text(
        "columns:\n  written: date %d/%m/%Y\n  a: category\n  day: drop\n"
        "  land: [PL, DE, BR]\nrules: [b < `a+b`]\n"
    )
    more = ["--no-find-rules", "--columns", str(tmp_path / "columns.yaml")]
    with pytest.warns(UserWarning, match="rows break the rule b < `a\\+b`"):
        assert main([*fit, *shlex.split(remedy), *more]) == 0
    said = capsys.readouterr().out
    assert "land       ordered category, PL, DE, BR" in said
    assert "written    date, written %d/%m/%Y" in said
    assert re.search(r"a +category", said)
    assert "  day " not in said
    sample = ["sample", out, "-n", "30", "--where", "land>PL, town!=Rio"]
    assert main([*sample, "--out", str(tmp_path / "s.csv")]) == 0
    drawn = csv.read_csv(tmp_path / "s.csv").to_pydict()
    assert set(drawn["land"]) <= {"DE", "BR"}
    assert "Rio" not in drawn["town"]
    assert (np.array(drawn["b"]) < np.array(drawn["a+b"])).all()


def test_conditions_are_for_tables_only():
    model = ea.Autoencoder(*[nn.Identity()] * 2, ea.Plain(3))
    model.kind = ea.kinds.arrays.Arrays((3,))
    with pytest.raises(ValueError, match="`where` and `shares` are for tables"):
        model.sample(3, where="x>0")


def test_rows_of_a_class_are_so_in_the_column_of_classes(tmp_path, capsys):
    data, run = tmp_path / "data.csv", str(tmp_path / "run")
    towns = np.where(np.arange(120) % 2, 'the "old" one', "Rio")
    csv.write_csv(pa.table({"town": towns, "x": RNG.normal(size=120)}), data)
    small = ["--model.hidden", "[8]", "--model.latent.dim", "2", "--epochs", "1", "--no-report"]
    assert main(["fit", "--data", str(data), "--out", run, "--labels", "town", *small]) == 0
    out = str(tmp_path / "new.csv")

    def drawn(*options):
        assert main(["sample", run, "--out", out, *options]) == 0
        return pd.read_csv(out)

    assert set(drawn("-n", "20", "--label", 'the "old" one')["town"]) == {'the "old" one'}
    both = drawn("-n", "20", "--label", "Rio", "--where", "x>0")
    assert set(both["town"]) == {"Rio"}
    assert (both["x"] > 0).all()
    assert drawn("-n", "20", "--balanced")["town"].value_counts().to_list() == [10, 10]
    assert main(["fit", "--recipe", run, "--out", str(tmp_path / "again"), *small]) == 0


def test_words_without_an_order_are_told_to_go_by_the_alphabet():
    sizes = ["small", "big", "medium"] * 20
    table = pa.table({"size": sizes, "code": ["A1", "B2", "C3"] * 20, "x": RNG.normal(size=60)})
    model = ea.synthesize(table, model=SMALL, epochs=1, progress=False)
    with pytest.warns(UserWarning, match=r"'size>big' goes by the alphabet.*: \['big', 'medium', "):
        model.sample(3, where="size>big", seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(model.sample(9, where="code>A1", seed=0)["code"].to_pylist()) <= {"B2", "C3"}
        said = {"size": ["small", "medium", "big"]}
        model = ea.synthesize(table, model=SMALL, epochs=1, progress=False, columns=said)
        drawn = model.sample(9, where="size>small", seed=0)
    assert set(drawn["size"].to_pylist()) <= {"medium", "big"}


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "There is no file"), ("x: postcode", "Unknown meaning of a column 'postcode'")],
)
def test_a_file_of_columns_that_says_nothing_is_told_why(tmp_path, capsys, text, said):
    path = tmp_path / "columns.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit, match="2"):
        main(["fit", "--data", "none.csv", "--columns", str(path)])
    told = capsys.readouterr().err
    assert said in told
    assert "Did you mean --" not in told


def test_a_category_is_meant_where_a_column_only_happens_to_be_called_so():
    random, n = np.random.default_rng(0), 120
    status = random.choice(["active", "left", "N/A"], n)
    table = pa.table(
        {
            "status": status,
            "active": random.choice(["yes", "no"], n),
            "left": random.normal(size=n),
            "id": [f"K{i}" for i in random.permutation(9 * n)[:n]],
            "old": random.choice(["active", "left"], n),
        }
    )
    model = ea.synthesize(table, model=SMALL, epochs=1, progress=False)

    def drawn(where):
        return model.sample(20, where=where, seed=0)

    assert {*drawn("status=active")["status"].to_pylist()} == {"active"}
    assert {*drawn("status != active, status!=N/A")["status"].to_pylist()} == {"left"}
    assert {*drawn({"status": "left"})["status"].to_pylist()} == {"left"}
    made = drawn("status=`old`").to_pydict()  # and a column where that is said, or can only be
    assert made["status"] == made["old"]
    made = drawn("status != old").to_pydict()
    assert all(one != other for one, other in zip(made["status"], made["old"], strict=True))


@pytest.mark.filterwarnings("ignore:Read as")
def test_what_a_file_writes_for_missing_can_be_asked_for(tmp_path):
    random, n = np.random.default_rng(0), 200
    rows = [f"{random.choice(['a', 'b', 'N/A'])},{x:.3f}" for x in random.normal(size=n)]
    (tmp_path / "t.csv").write_text("\n".join(["kind,x", *rows]) + "\n")
    model = ea.synthesize(tmp_path / "t.csv", model=SMALL, epochs=1, progress=False)
    for where, kinds in (
        ("kind=N/A", {None}),
        ("kind is missing", {None}),
        ("kind!=N/A", {"a", "b"}),
        ("kind in (a, N/A)", {"a", None}),
    ):
        table, _ = model.model.kind.drawn(model.model, 40, seed=0, where=where)
        assert {*table["kind"].to_pylist()} == kinds


@pytest.mark.parametrize("by", ["file", "columns of it", "option", "recipe"])
def test_yes_and_no_name_columns_and_their_values(tmp_path, capsys, by):
    lines = [f"{a},{b},{i}" for i in range(60) for a, b in (("yes", "off"), ("no", "on"))]
    (tmp_path / "t.csv").write_text("\n".join(["smoker,on,x", *lines]) + "\n")
    said = {
        "file": "smoker: [no, yes]\non: [off, on]\n",
        "columns of it": "columns:\n  smoker: [no, yes]\n  on: [off, on]\n",
        "option": "{smoker: [no, yes], on: [off, on]}",
        "recipe": f"data: {tmp_path / 't.csv'}\ncolumns:\n  smoker: [no, yes]\n  on: [off, on]\n",
    }[by]
    (tmp_path / "said.yaml").write_text(said)
    given = said if by == "option" else str(tmp_path / "said.yaml")
    data = ["--recipe", given] if by == "recipe" else ["--columns", given]
    data += [] if by == "recipe" else ["--data", str(tmp_path / "t.csv")]
    small = ["--model.hidden", "[8]", "--model.latent.dim", "2", "--epochs", "1", "--no-report"]
    assert main(["fit", *data, *small, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert "ordered category, no, yes" in told
    assert "ordered category, off, on" in told


def test_columns_that_are_no_yaml_are_told_so_with_a_way_that_works(tmp_path, capsys):
    days = [dt.date(2020, 1, 1) + dt.timedelta(7 * i) for i in range(60)]
    rows = [f'"{day:%b %d, %Y}",{i}' for i, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("\n".join(["day,x", *rows]) + "\n")
    fit = [
        "fit",
        "--data",
        str(tmp_path / "t.csv"),
        "--out",
        str(tmp_path / "run"),
        "--epochs",
        "1",
    ]
    fit += ["--model.hidden", "[8]", "--model.latent.dim", "2", "--no-report"]
    with pytest.raises(SystemExit, match="2"):
        main([*fit, "--columns", "{day: date %b %d, %Y}"])
    told = capsys.readouterr().err
    assert "Traceback" not in told
    remedy = re.search(r"--columns '\{.*\}'", told)[0]
    # These are read as dates already, which is said in place of numbers that no file has.
    assert main([*fit, *shlex.split(remedy)]) == 1
    assert "is read as dates or times already, as 2020-01-01" in capsys.readouterr().err
    assert main(fit) == 0
    assert (
        main(["sample", str(tmp_path / "run"), "-n", "20", "--out", str(tmp_path / "s.csv")]) == 0
    )
    drawn = pd.read_csv(tmp_path / "s.csv")["day"]
    assert all(re.fullmatch(r"[A-Z][a-z]{2} \d\d, 202\d", text) for text in drawn)


def test_rules_that_rows_break_are_listed_apart_and_slips_are_refused(capsys):
    table = TABLE.select(["x", "start", "end"])
    ends = np.where(np.arange(N) < 10, START - 1, table["end"].to_numpy())
    table = table.set_column(2, "end", pa.array(ends))
    options = {"model": SMALL, "epochs": 1, "find_rules": False}
    with pytest.warns(UserWarning, match="10 of 400 rows break the rule start <= end"):
        ea.synthesize(table, rules="start <= end", **options)
    told = capsys.readouterr().out
    assert "will keep these rules, which some rows break:\n  start <= end" in told
    assert "Every row keeps" not in told
    with pytest.raises(ValueError, match=r"rows break the rule end < start: is it meant the other"):
        ea.synthesize(table, rules="end < start", progress=False, **options)
