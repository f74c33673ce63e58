"""Columns that lie close to another one, such as an end to its start, are counted from it."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import entropae as ea
from entropae.kinds.tables.column import Numbers
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import TABLE
from entropae.kinds.tables.inequalities import Inequalities
from entropae.kinds.tables.rules import Before
from entropae.kinds.tables.settled import cells_of

N = 600
RNG = np.random.default_rng(0)
SECONDS = RNG.integers(0, 366 * 86_400, N)
LENGTHS = np.maximum(1, RNG.lognormal(np.log(960), 1, N)).astype(np.int64)
STARTS = pd.DatetimeIndex(pd.Timestamp("2024-01-01") + pd.to_timedelta(SECONDS, unit="s"))
ENDS = pd.DatetimeIndex(STARTS + pd.to_timedelta(LENGTHS, unit="s"))


def written(form: str) -> pa.Table:
    """Starts and ends as texts."""
    return pa.table({"a": STARTS.strftime(form), "b": ENDS.strftime(form)})


DAYS = RNG.integers(0, 4000, N), RNG.integers(0, 20, N)
PAIRS = {
    "timestamps": pa.table({"a": STARTS, "b": ENDS}),
    "nanoseconds": pa.table(
        {
            "a": STARTS.as_unit("ns") + pd.to_timedelta(SECONDS % 7, unit="ns"),
            "b": ENDS.as_unit("ns") + pd.to_timedelta(SECONDS % 5, unit="ns"),
        }
    ),
    "milliseconds of seconds": pa.table(
        {
            "a": STARTS.as_unit("s"),
            "b": ENDS.as_unit("ms") + pd.to_timedelta(SECONDS % 997, unit="ms"),
        }
    ),
    "times of days": pa.table({"a": [s.date() for s in STARTS], "b": STARTS.as_unit("us")}),
    "dates": pa.table(
        {
            "a": [dt.date(2010, 1, 1) + dt.timedelta(days=int(d)) for d in DAYS[0]],
            "b": [dt.date(2010, 1, 1) + dt.timedelta(days=int(d)) for d in DAYS[0] + DAYS[1]],
        }
    ),
    "texts": written("%d.%m.%Y %H:%M:%S"),
    "one offset": written("%Y-%m-%dT%H:%M:%S+01:00"),
    "whole numbers": pa.table({"a": SECONDS, "b": SECONDS + LENGTHS}),
    "a later column first": pa.table({"a": SECONDS + LENGTHS, "b": SECONDS}),
    "prices": pa.table({"a": SECONDS / 100, "b": (SECONDS + DAYS[1]) / 100}),
    "money": pa.table({"a": [f"${s:,.2f}" for s in SECONDS / 100], "b": SECONDS / 100 + 0.5}),
    "decimals": pa.table(
        {
            "a": [decimal.Decimal(int(s)).scaleb(-2) for s in SECONDS],
            "b": [decimal.Decimal(int(s)).scaleb(-2) for s in SECONDS + DAYS[1]],
        }
    ),
    "measured": pa.table({"a": SECONDS / 7, "b": SECONDS / 7 + RNG.standard_normal(N)}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_close_column_is_counted_from_the_other_and_comes_back(name):
    table = PAIRS[name]
    columns = Columns.fit(table).counted(table)
    gap = columns.columns[1].gap
    assert gap is not None
    assert gap.since == "a"
    x = columns.encode(table)
    again = columns.decode(x)
    assert again.schema == table.schema
    if name in ("measured", "money"):
        first, second = (t.column("b").to_numpy() for t in (again, table))
        np.testing.assert_allclose(first, second, atol=1e-2)
    else:
        assert again.column("b").to_pylist() == table.column("b").to_pylist()
    assert not columns.columns[0].gap


def test_drawn_columns_keep_what_is_between_them_and_their_own_ends():
    table = PAIRS["timestamps"]
    columns = Columns.fit(table).counted(table)
    x = np.random.default_rng(1).standard_normal((4000, 2)) * 2
    drawn = columns.decode(x).to_pandas()
    between = (drawn.b - drawn.a).dt.total_seconds()
    assert between.min() >= 1
    assert between.max() <= LENGTHS.max()
    assert between.corr(drawn.a.astype("int64"), method="spearman") < 0.1
    assert (drawn.b.min(), drawn.b.max()) >= (ENDS.min(), STARTS.max())
    assert drawn.b.max() <= ENDS.max()


OTHER = RNG.permutation(SECONDS)
APART = {
    "independent": pa.table({"a": SECONDS, "b": OTHER}),
    "wide": pa.table({"a": SECONDS, "b": SECONDS + OTHER}),
    "texts": pa.table({"a": [f"n {s // 9}" for s in SECONDS], "b": ["x", "y", "z"] * (N // 3)}),
    "gaps in the first": pa.table(
        {"a": pa.array(SECONDS, mask=SECONDS % 2 == 0), "b": pa.array(OTHER)}
    ),
    "few rows": pa.table({"a": SECONDS[:15], "b": (SECONDS + LENGTHS)[:15]}),
    "several offsets": pa.table(
        {
            "a": [f"{s:%Y-%m-%dT%H:%M:%S}+0{i % 2}:00" for i, s in enumerate(STARTS)],
            "b": [f"{s:%Y-%m-%dT%H:%M:%S}+0{i % 2}:00" for i, s in enumerate(ENDS)],
        }
    ),
}


@pytest.mark.parametrize("name", APART)
def test_columns_that_are_not_close_are_not_counted(name):
    columns = Columns.fit(APART[name]).counted(APART[name])
    assert [one.gap for one in columns.columns] == [None] * len(columns.columns)


def test_a_column_that_is_computed_is_counted_from_by_none():
    table = pa.table({"a": SECONDS, "b": SECONDS + LENGTHS, "c": SECONDS + 2 * LENGTHS})
    gaps = [one.gap for one in Columns.fit(table).counted(table, computed={"b"}).columns]
    assert [gap and gap.since for gap in gaps] == [None, None, "a"]


def test_few_gaps_are_the_only_ones_that_are_drawn():
    """Terms of payment: 14, 30 or 60 days."""
    terms = np.random.default_rng(2).choice([14, 30, 60], N)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(DAYS[0], unit="D")
    table = pa.table({"billed": day, "due": day + pd.to_timedelta(terms, unit="D")})
    columns = Columns.fit(table).counted(table)
    x = np.random.default_rng(3).standard_normal((2000, 2))
    inside = Inequalities(columns, ()).met(1, cells_of(columns.columns, x))
    assert 0.95 < inside.mean() < 1
    drawn = columns.decode(x[inside]).to_pandas()
    days = (drawn.due - drawn.billed).dt.days
    assert set(days) == {14, 30, 60}
    np.testing.assert_allclose(days.value_counts(normalize=True).loc[[14, 30, 60]], 1 / 3, atol=0.1)


def test_what_can_be_missing_is_counted_and_counted_from_by_none():
    """Of tickets that are open the end is missing, also where that column is the first."""
    ends = pa.array(ENDS, mask=SECONDS % 3 == 0)
    table = pa.table({"end": ends, "start": STARTS})
    columns = Columns.fit(table).counted(table)
    first, second = (one.gap for one in columns.columns)
    assert first is not None
    assert (first.since, second) == ("start", None)
    assert columns.decode(columns.encode(table)).equals(table)


def test_a_start_that_is_missing_is_said_once_and_follows_from_its_end():
    table = PAIRS["timestamps"]
    columns = Columns.fit(table).counted(table)
    gone = table.set_column(0, "a", pa.nulls(N, table.column("a").type))
    with pytest.warns(UserWarning, match="'a' has 600 missing values") as said:
        x = columns.encode(gone)
    assert len(said) == 1
    again = columns.decode(x).to_pandas()
    assert abs(again.b - ENDS).max() < pd.Timedelta(minutes=5)
    assert abs(again.a - STARTS).max() <= pd.Timedelta(seconds=LENGTHS.max())
    with pytest.warns(UserWarning, match="'[ab]' has 600 missing values"):
        neither = columns.encode(gone.set_column(1, "b", gone.column("a")))
    assert (neither == 0).all()


def test_rules_beside_what_is_counted_are_kept():
    """A payment is after the end, which is counted from the start: with the start it moves."""
    paid = ENDS + pd.to_timedelta(OTHER, unit="s")
    table = pa.table({"start": STARTS, "end": ENDS, "paid": paid})
    columns = Columns.fit(table).counted(table)
    rules = [Before("start", "<", "end"), Before("end", "<=", "paid")]
    assert [bool(one.gap) for one in columns.columns] == [False, True, False]
    keeps = Inequalities(columns, rules)
    assert [keeps.concerns(i) for i in range(3)] == [True, True, True]
    x = np.random.default_rng(4).standard_normal((1000, 3))
    drawn = columns.decode(x)
    for i in range(3):
        met = keeps.met(i, cells_of(columns.columns, x))
        assert (met == rules[1].met(drawn, columns)).all()
    assert rules[0].met(drawn, columns).all()


def test_a_rule_that_gaps_do_not_keep_is_looked_at():
    ends = STARTS + pd.to_timedelta(LENGTHS - 500, unit="s")
    table = pa.table({"start": STARTS, "end": ends})
    columns = Columns.fit(table).counted(table)
    assert LENGTHS.min() < 500
    x = np.random.default_rng(6).standard_normal((1000, 2))
    cells = cells_of(columns.columns, x)
    for rule in (Before("start", "<", "end"), Before("end", "<", "start")):
        met = Inequalities(columns, [rule]).met(1, cells)
        inside = Inequalities(columns, ()).met(1, cells)
        assert (met == (inside & rule.met(columns.decode(x), columns))).all()


def test_gaps_are_saved_and_those_of_damaged_files_refused(tmp_path):
    table = PAIRS["prices"].append_column("c", pa.array(SECONDS))
    columns = Columns.fit(table).counted(table)
    columns.save(tmp_path)
    again = Columns.load(tmp_path)
    assert (again.encode(table) == columns.encode(table)).all()
    assert again.decode(again.encode(table)).equals(table)
    text = (tmp_path / TABLE).read_text("utf-8")
    for since in ("b", "c", "nobody", 3):
        said = json.loads(text)
        said["columns"][1]["gap"]["since"] = since
        (tmp_path / TABLE).write_text(json.dumps(said), "utf-8")
        with pytest.raises(ValueError, match="cannot count from"):
            Columns.load(tmp_path)
    for gap in ("a", {"since": "a"}, []):
        said["columns"][1]["gap"] = gap
        (tmp_path / TABLE).write_text(json.dumps(said), "utf-8")
        with pytest.raises(ValueError, match="cannot be read"):
            Columns.load(tmp_path)


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """A log of a year, its ends minutes after its starts; which kind one is says how long."""
    kind = np.where(LENGTHS > 1200, "long", "short")
    frame = {"start": STARTS, "end": ENDS, "kind": kind, "n": RNG.poisson(4, N)}
    return pd.DataFrame(frame)


@pytest.fixture(scope="module")
def synthesis(events):
    return ea.synthesize(events, epochs=40, progress=False)


def test_drawn_events_are_as_long_as_real_ones(synthesis, events):
    drawn = synthesis.sample(2000, seed=1)
    seconds = (drawn.end - drawn.start).dt.total_seconds()
    shares = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(
        np.quantile(seconds, shares), np.quantile(LENGTHS, shares), rtol=0.25
    )
    assert seconds.min() >= 1
    assert ((seconds > 1200) == (drawn.kind == "long")).mean() > 0.95
    assert "end    date-time, " in synthesis.model.kind.introduction
    assert ", counted from start" in synthesis.model.kind.introduction


@pytest.mark.parametrize(
    "gone", [["end"], ["start"], ["start", "end"]], ids=["ends", "starts", "both"]
)
def test_missing_ends_and_starts_are_filled_in_beside_each_other(synthesis, events, gone):
    frame = events.copy()
    frame.loc[:199, gone] = pd.NaT
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filled = synthesis.model.impute(frame, seed=0)
    known = [name for name in events if name not in gone]
    pd.testing.assert_frame_equal(filled[known], events[known])
    pd.testing.assert_frame_equal(filled[200:], events[200:])
    seconds = (filled.end - filled.start)[:200].dt.total_seconds()
    assert seconds.min() >= 1
    assert ((seconds > 1200) == (events.kind[:200] == "long")).mean() > 0.9
    again = synthesis.model.impute(frame, seed=0, only=gone[-1])
    assert again[gone[-1]].notna().all()
    assert again[[*known, *gone[:-1]]].equals(frame[[*known, *gone[:-1]]])


def test_ends_after_all_that_were_learnt_from_are_filled_in(synthesis):
    """Next month's tickets: their ends are after their starts, beyond those of the table."""
    start = pd.Timestamp("2025-03-01") + pd.to_timedelta(np.arange(50), unit="h")
    new = pd.DataFrame({"start": start, "end": pd.NaT, "kind": ["long", "short"] * 25, "n": 3})
    filled = synthesis.model.impute(new.astype({"end": start.dtype}), seed=0)
    seconds = (filled.end - filled.start).dt.total_seconds()
    assert seconds.between(1, LENGTHS.max()).all()
    assert ((seconds > 1200) == (new.kind == "long")).mean() > 0.9


def test_a_start_in_seconds_is_counted_back_from_an_end_in_milliseconds():
    table = PAIRS["milliseconds of seconds"].append_column("x", pa.array(RNG.normal(size=N)))
    model = ea.synthesize(table, epochs=2, progress=False)
    frame = table.to_pandas()
    frame.loc[:199, "a"] = pd.NaT
    filled = model.impute(frame, seed=0)[:200]
    assert filled["b"].equals(frame["b"][:200])
    between = (filled["b"] - filled["a"]).dt.total_seconds()
    assert between.between(1, LENGTHS.max() + 2).all()


@pytest.mark.long
def test_children_are_counted_from_their_parents():
    """Orders come days after their customers, who joined over years."""
    random = np.random.default_rng(5)
    joined = pd.Timestamp("2015-01-01") + pd.to_timedelta(random.integers(0, 3000, 200), unit="D")
    people = pd.DataFrame({"id": np.arange(200), "joined": joined})
    whose = np.repeat(np.arange(200), 3)
    days = pd.to_timedelta(random.integers(0, 30, 600), unit="D")
    orders = pd.DataFrame({"date": joined[whose] + days, "n": random.poisson(3, 600), "id": whose})
    made = ea.synthesize_related(people, orders, key="id", epochs=20, progress=False)
    parents, children = made.sample(300, seed=0)
    since = children.merge(parents, on="id").eval("date - joined").dt.days
    assert since.between(0, 29).all()
    assert 10 < since.mean() < 19


CHAIN = pd.DataFrame(
    {"created": STARTS, "first": STARTS + pd.to_timedelta(DAYS[1] + 1, unit="min")}
)
CHAIN["closed"] = CHAIN["first"] + pd.to_timedelta(LENGTHS + 60, unit="s")
CHAIN["meter"] = SECONDS / 86_400 * 3 + RNG.standard_normal(N)


@pytest.fixture(scope="module")
def tickets():
    return ea.synthesize(CHAIN, epochs=30, progress=False)


def minutes(later: pd.Series, earlier: pd.Series) -> pd.Series:
    return (later - earlier).dt.total_seconds() / 60


@pytest.mark.parametrize("gone", [["created"], ["first"], ["created", "first"], ["closed"]])
def test_times_of_a_chain_follow_from_any_that_is_known(tickets, gone):
    """And what depends on the time is drawn by it, and not as if nobody knew it."""
    frame = CHAIN.copy()
    frame.loc[:99, [*gone, "meter"]] = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filled = tickets.impute(frame, seed=0)[:100]
    assert minutes(filled["first"], filled.created).between(1, 20).mean() > 0.97
    assert (filled["first"] < filled.closed).all()
    assert minutes(filled.closed, filled.created).between(1, 400).all()
    assert abs(filled.meter - CHAIN.meter[:100]).median() < 10  # of 1098 in a year


def test_starts_are_counted_back_from_ends_after_all_that_were_learnt_from(tickets):
    frame = CHAIN[:60].assign(created=pd.NaT)
    frame[["first", "closed"]] += pd.Timedelta(days=400)
    filled = tickets.impute(frame.astype({"created": CHAIN.created.dtype}), seed=0)
    assert minutes(filled["first"], filled.created).between(1, 20).all()


def test_rows_that_are_repaired_keep_their_own_values(tickets):
    """Rows with the times in a wrong order: none is put into 1970, as what it counts would be."""
    swapped = CHAIN.assign(first=CHAIN.closed, closed=CHAIN["first"])
    made = tickets.model.reconstruct(swapped)
    for name in ("created", "first", "closed"):
        assert set(made[name].dt.year) <= {2024, 2025}
    assert (made.created < made["first"]).all()
    assert (made["first"] < made.closed).all()


def test_nanoseconds_of_a_century_are_exact_beyond_what_was_learnt_from():
    table = PAIRS["nanoseconds"]
    columns = Columns.fit(table).counted(table)
    later = pa.table(
        {name: table.column(name).cast(pa.int64()).to_numpy() + 10**18 + 1 for name in "ab"}
    )
    later = later.cast(table.schema)
    part = columns.parts(columns.encode(later).astype(np.float64))
    made = columns.values(part, known={"a": columns.numbers(later)["a"], **gone(columns, "b")})
    assert made["b"].equals(later.column("b").combine_chunks())


def gone(columns: Columns, name: str) -> dict[str, Numbers]:
    return {name: Numbers(np.zeros(N, np.int64), np.zeros(N, bool))}


LATE = {
    "small whole numbers": (pa.int8(), 120, 127, [*range(101)]),
    "times of day": (pa.time32("s"), 86_340, 86_399, [*range(36_000, 64_800, 60)]),
}


@pytest.mark.parametrize("name", LATE)
def test_what_counts_from_beyond_stays_what_its_type_can_be(name):
    kind, start, most, starts = LATE[name]
    step = 60 if pa.types.is_time(kind) else 1
    first = np.random.default_rng(7).choice(starts, N).astype(np.int64)
    second = first + step * np.random.default_rng(8).integers(0, 20, N)

    def column(values):
        return pa.array(values, pa.int32()).cast(kind)

    table = pa.table({"a": column(first), "b": column(second), "x": RNG.standard_normal(N)})
    model = ea.synthesize(table, epochs=2, progress=False)
    assert model.model.kind.columns.columns[1].gap is not None
    late = pa.table({"a": column([start] * 40), "b": pa.nulls(40, kind), "x": [0.0] * 40})
    made = model.impute(late, seed=0).column("b").cast(pa.int32()).to_numpy()
    assert (made >= start).all()
    assert (made <= most).all()
    assert (made % step == 0).all()


def test_caps_are_drawn_as_often_as_they_are_there():
    """Percents that end at 100, where many are: what goes beyond is put there."""
    low = np.random.default_rng(9).uniform(0, 100, 3000).round()
    high = np.minimum(100, low + np.random.default_rng(10).integers(0, 9, 3000))
    table = pa.table({"low": low, "high": high})
    columns = Columns.fit(table).counted(table)
    assert columns.columns[1].gap is not None
    assert columns.columns[1].capped == (False, True)
    x = np.random.default_rng(11).standard_normal((3000, 2))
    inside = Inequalities(columns, ()).met(1, cells_of(columns.columns, x))
    made = columns.decode(x[inside]).column("high").to_numpy()
    assert made.max() == 100
    assert np.mean(made == 100) == pytest.approx(np.mean(high == 100), abs=0.02)


def test_missing_floats_of_other_libraries_are_no_unknown_values():
    table = PAIRS["measured"]
    columns = Columns.fit(table).counted(table)
    nan = pa.array(np.where(SECONDS % 2 == 0, np.nan, table.column("a").to_numpy()))
    with pytest.warns(UserWarning, match="'a' has .* missing values, and had none") as said:
        columns.encode(table.set_column(0, "a", nan))
    assert len(said) == 1


def test_errors_do_not_add_up_along_columns_that_are_alike():
    """Hourly values: none counts from one that counts from another."""
    x = [RNG.standard_normal(N)]
    for _ in range(12):
        x.append(0.97 * x[-1] + np.sqrt(1 - 0.97**2) * RNG.standard_normal(N))
    table = pa.table({f"h{i:02}": one for i, one in enumerate(x)})
    gaps = {one.name: one.gap for one in Columns.fit(table).counted(table).columns}
    assert any(gaps.values())
    assert not any(gap is not None and gaps[gap.since] for gap in gaps.values())
