"""Two tables joined by a key: every child has a parent, and goes with it."""

from __future__ import annotations

import dataclasses
import decimal
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import entropae as ea
from entropae.cli import main
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.comparison.related import Related, compare_related, intraclass
from entropae.kinds.tables.frames import to_table
from entropae.kinds.tables.measures import MEASURES, RELATED
from entropae.kinds.tables.related import children, parents_of, with_children, with_keys_of
from entropae.kinds.tables.siblings import Siblings
from entropae.kinds.tables.totals import Total, totals_of, with_totals
from entropae.recipe import ModelConfig
from entropae.runs import related

N = 400
RNG = np.random.default_rng(0)
TOWN = RNG.choice(["Oslo", "Rome", "Bath"], N)
INCOME = np.round(RNG.lognormal(10, 0.4, N), -2)
TEA = RNG.random(N) < 0.5  # who mostly has tea; no column says so
SINCE = np.datetime64("2020-01-01", "ms") + RNG.integers(0, 700, N) * np.timedelta64(1, "D")
CUSTOMERS = pd.DataFrame(
    {
        "id": [f"C-{i:05d}" for i in RNG.permutation(90_000)[:N]],
        "town": pd.Categorical(TOWN),
        "income": INCOME,
        "since": SINCE,
    }
)
COUNTS = RNG.poisson(np.where(TOWN == "Oslo", 4, 1))
OF = np.repeat(np.arange(N), COUNTS)
M = len(OF)
ORDERS = pl.DataFrame(
    {
        "order": np.arange(1000, 1000 + M),
        "customer": CUSTOMERS["id"].to_numpy()[OF].tolist(),
        "amount": np.round(INCOME[OF] / 1000 * RNG.lognormal(0, 0.3, M), 2),
        "item": np.where(RNG.random(M) < np.where(TEA[OF], 0.9, 0.1), "tea", "coffee").tolist(),
        "date": SINCE[OF] + RNG.integers(1, 300, M) * np.timedelta64(1, "D"),
        "note": [
            None if u < 0.3 else "ciao" if town == "Rome" else "hi"
            for u, town in zip(RNG.random(M), TOWN[OF], strict=True)
        ],
    }
)
SMALL = {"model": ModelConfig(hidden=(32,)), "epochs": 30, "progress": False}


@pytest.fixture(scope="module")
def model():
    return ea.synthesize_related(CUSTOMERS, ORDERS, key="id", foreign_key="customer", **SMALL)


@pytest.fixture(scope="module")
def drawn(model):
    return model.sample(N, seed=0)


def both(customers: pd.DataFrame, orders: pl.DataFrame) -> pd.DataFrame:
    """Orders with their customers beside them."""
    return orders.to_pandas().merge(customers, left_on="customer", right_on="id")


def test_every_child_has_a_parent_and_keys_are_new(drawn):
    customers, orders = drawn
    assert len(customers) == N
    assert customers["id"].is_unique
    assert customers["id"].str.fullmatch(r"C-\d{5}").all()
    assert set(orders["customer"]) <= set(customers["id"])
    assert orders["order"].is_unique().all()
    assert not set(orders["order"]) & set(ORDERS["order"])


def test_both_come_back_as_they_came(drawn):
    customers, orders = drawn
    assert isinstance(customers, pd.DataFrame)
    assert customers.dtypes.equals(CUSTOMERS.dtypes)
    assert orders.schema == ORDERS.schema


def test_parents_have_as_many_children_as_those_of_the_data(drawn):
    customers, orders = drawn
    counts = orders["customer"].to_pandas().value_counts()
    found = customers["id"].map(counts).fillna(0).to_numpy()
    for value in range(6):
        share = np.mean(value == COUNTS)
        error = 4 * np.sqrt(2 * share * (1 - share) / N)
        assert np.mean(found == value) == pytest.approx(share, abs=error + 0.01)
    oslo = (customers["town"] == "Oslo").to_numpy()
    assert found[oslo].mean() == pytest.approx(4, abs=0.6)
    assert found[~oslo].mean() == pytest.approx(1, abs=0.3)


def test_children_go_with_their_parents(drawn):
    table, real = both(*drawn), both(CUSTOMERS, ORDERS)
    logs = [np.corrcoef(np.log(t["income"]), np.log(t["amount"]))[0, 1] for t in (table, real)]
    assert logs[0] == pytest.approx(logs[1], abs=0.1)
    there = table[table["note"].notna()]
    assert ((there["note"] == "ciao") == (there["town"] == "Rome")).mean() > 0.95
    assert table["note"].isna().mean() == pytest.approx(0.3, abs=0.06)
    assert (table["date"] > table["since"]).all(), "a rule between the tables"


def test_children_of_one_parent_are_alike(drawn):
    """By a taste that no column has: were they independent, the variance would be under 0.08."""
    variances = []
    for table in (both(*drawn), both(CUSTOMERS, ORDERS)):
        tea = (table["item"] == "tea").groupby(table["customer"]).agg(["mean", "size"])
        variances.append(tea["mean"][tea["size"] >= 3].var())
    assert variances[1] > 0.15
    assert variances[0] == pytest.approx(variances[1], abs=0.05)


def test_conditions_are_on_the_parents(model):
    customers, orders = model.sample(30, where="town=Oslo", seed=1)
    assert set(customers["town"]) == {"Oslo"}
    assert len(orders) > 60
    assert set(orders["customer"]) <= set(customers["id"])


def test_more_children_than_fit_are_refused(model):
    many = pa.table({"id": ["a"], "number of children": [1 << 40]})
    with pytest.raises(ValueError, match=r"1 parents have 1\.1e\+12 children.* fewer parents"):
        children(model.child, many, model.relation, seed=0)


def test_what_is_saved_draws_the_same(model, drawn, tmp_path):
    model.save(tmp_path / "shop")
    customers, orders = ea.load_related(tmp_path / "shop").sample(N, seed=0)
    assert customers.equals(drawn[0])
    assert orders.equals(drawn[1])
    path = tmp_path / "shop" / "relation.json"
    said = json.loads(path.read_text())
    hostile = said | {"names": ["../a", "b"]}
    other = said | {"relation": said["relation"] | {"count": "of another"}}
    for what, error in ((hostile, "cannot be called"), (other, "the parent's model has not")):
        path.write_text(json.dumps(what))
        with pytest.raises(ValueError, match=error):
            ea.load_related(tmp_path / "shop")
    with pytest.raises(FileNotFoundError, match=r"relation\.json is missing"):
        ea.load_related(tmp_path)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Read as. separator")
def test_from_files_to_files_by_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    CUSTOMERS.to_csv("customers.csv", index=False, sep=";")
    ORDERS.write_parquet("orders.parquet")
    fit = ["fit-related", "customers.csv", "orders.parquet", "--key", "id"]
    fit += ["--foreign-key", "customer", "--out", "runs/shop", "--epochs", "1"]
    assert main([*fit, "--drop", "note", "--rules", "parent.income > amount"]) == 0
    said = capsys.readouterr().out
    measure = said.partition("To measure both: ")[2].partition("\n")[0]
    assert measure == "entropae evaluate-related runs/shop customers.csv orders.parquet"
    assert main(shlex.split(measure)[1:]) == 0
    measured = capsys.readouterr().out
    assert f"beside {N // 10} held-out ones" in measured
    assert "likeness of siblings" in measured
    assert "customers, real rows" in measured
    command = said.strip().rpartition("To draw both: ")[2]
    assert command == "entropae sample-related runs/shop -n 100 --out drawn"
    assert main(shlex.split(command)[1:]) == 0
    assert "Wrote 100 rows to drawn/customers.csv" in capsys.readouterr().out
    assert Path("drawn/customers.csv").read_text().startswith("id;town;income;since\n")
    customers = pd.read_csv("drawn/customers.csv", sep=";")
    orders = pd.read_csv("drawn/orders.csv")
    assert list(orders.columns) == ["order", "customer", "amount", "item", "date"]
    both = orders.merge(customers, left_on="customer", right_on="id")
    assert len(both) == len(orders) > 100
    assert (both["amount"] < both["income"]).all()
    some = ["sample-related", "runs/shop", "-n", "9", "--where", "town=Rome", "--parquet"]
    assert main([*some, "--out", "rome"]) == 0
    assert set(pd.read_parquet("rome/customers.parquet")["town"]) == {"Rome"}
    assert main(fit) == 1
    assert "runs/shop is not empty" in capsys.readouterr().err
    assert main(["fit-related", "digits", "orders.parquet", "--key", "id", "--out", "x"]) == 1
    assert "Tables are files that end in .csv" in capsys.readouterr().err
    assert main(["sample-related", "drawn", "--out", "y"]) == 1
    assert "relation.json is missing" in capsys.readouterr().err


def test_parents_are_given_what_their_children_are_like():
    parent = pa.table({"id": [1, 2, 3, 4], "mean x": [0, 0, 0, 0]})
    child = pa.table(
        {
            "id": [2, 1, 2, 2, 4],
            "x": [1.0, 5.0, 2.0, None, None],
            "c": ["b", "a", "a", "b", None],
            "day": pa.array([10, 4, 20, 30, 7], pa.date32()),
        }
    )
    made, count = with_children(
        parent, child, parents_of(parent, child, "id", "id"), foreign_key="id"
    )
    assert made[count].to_pylist() == [1, 3, 0, 1]
    assert made["mean x_"].to_pylist() == [5, 1.5, None, None]
    assert made["commonest c"].to_pylist() == ["a", "b", None, None]
    assert made["mean day"].cast(pa.int32()).to_pylist() == [4, 20, None, 7]


@pytest.mark.long
def test_an_index_can_be_the_key():
    parent = CUSTOMERS.assign(id=np.arange(100, 100 + N)).set_index("id")
    child = pd.DataFrame({"id": parent.index.to_numpy()[OF], "n": OF % 7}).astype({"id": "float"})
    model = ea.synthesize_related(parent, child, key="id", **{**SMALL, "epochs": 1})
    customers, children = model.sample(20, seed=0)
    assert customers.index.name == "id"
    assert customers.dtypes.equals(parent.dtypes)
    assert children.dtypes.equals(child.dtypes)
    assert children["id"].isin(customers.index).all()


def test_children_may_have_nothing_but_their_parents():
    link = pa.table({"id": CUSTOMERS["id"].to_numpy()[OF].tolist(), "no": np.arange(M)})
    model = ea.synthesize_related(CUSTOMERS, link, key="id", **{**SMALL, "epochs": 1})
    customers, links = model.sample(100, seed=0)
    assert links.schema == link.schema
    assert set(links["id"].to_pylist()) <= set(customers["id"])


def test_columns_of_either_can_be_left_out_and_rules_be_given():
    odd = CUSTOMERS.assign(odd=[[1], "x"] * (N // 2))  # which no table can hold
    with pytest.raises(ValueError, match="odd"):
        ea.synthesize_related(odd, ORDERS, key="id", foreign_key="customer")
    options = {**SMALL, "epochs": 1, "foreign_key": "customer"}
    options |= {"drop": ["odd", "date"], "columns": {"note": "drop"}}
    rules = ["parent.income > amount", "income > mean amount"]
    model = ea.synthesize_related(odd, ORDERS, key="id", rules=rules, **options)
    assert [str(rule) for rule in model.child.kind.rules] == ["amount < parent.income"]
    assert "mean amount < income" in map(str, model.parent.kind.rules)
    customers, orders = model.sample(20, seed=0)
    assert list(customers.columns) == list(CUSTOMERS.columns)
    assert orders.columns == ["order", "customer", "amount", "item"]


def test_no_rules_are_said_of_the_parents_columns_alone(capsys):
    orders = ORDERS.drop("note", "item")
    options = SMALL | {"epochs": 1, "progress": True}
    ea.synthesize_related(CUSTOMERS, orders, key="id", foreign_key="customer", **options)
    child = capsys.readouterr().out.partition("parent.town ")[2]
    assert "income" in child
    assert "->" not in child
    assert "none is needed" not in child


def test_tables_in_the_other_order_are_told_so():
    parent, child = pa.table({"id": [1, 2]}), pa.table({"of": [1, 2]})
    with pytest.raises(ValueError, match="The parent comes first, then the child"):
        ea.synthesize_related(child, parent, key="id", foreign_key="of")


@pytest.mark.parametrize(
    ("options", "parents", "children", "said"),
    [
        ({"key": "no"}, [1, 2], [1, 2], "Unknown column of the parent 'no'"),
        (
            {"key": "id", "foreign_key": "of"},
            [1, 2],
            [1, 2],
            "of the child 'of': .* If 'id' refers",
        ),
        ({"key": "id", "drop": ["x"]}, [1, 2], [1, 2], "Unknown column 'x'"),
        ({"key": "id"}, [1, 1], [1, 1], "2 rows have 1 different"),
        ({"key": "id"}, [1, None], [1, 1], "unique and never missing"),
        ({"key": "id"}, [1, 2], [1, 3], "1 of 2 rows of the child have a 'id' that is no 'id'"),
        ({"key": "id"}, [1, 2], [None, 7], "have no 'id': it is missing.*1 of 2 .*such as 7"),
        ({"key": "id"}, [1, 2], [None, None], "Leave these rows out"),
        ({"key": "id"}, ["1", "A"], [1, 2], "1 of 2 .*no 'id' of the parent, such as 2"),
        ({"key": "id"}, ["1", "01"], [1, 2], "2 of 2 .*that is no 'id'"),
    ],
)
def test_keys_must_be_right(options, parents, children, said):
    parent, child = pa.table({"id": parents}), pa.table({"id": pa.array(children, pa.int64())})
    with pytest.raises(ValueError, match=said):
        ea.synthesize_related(parent, child, **options)


def pair(parent: pa.Table, child: pa.Table, places: np.ndarray) -> Related:
    return Related(parent, child, places)


def compared(train: Related, test: Related, drawn: Related) -> tuple[dict, dict]:
    return compare_related(train, test, drawn, categories={"c"}, of_parents={"t"})


def families(n: int, seed: int) -> Related:
    """A child's `x` is its parent's `y`, up to noise, `c` tells the parent's `t`."""
    random = np.random.default_rng(seed)
    t = random.choice(["u", "v"], n)
    parent = pa.table({"t": t, "y": random.normal(size=n)})
    places = np.repeat(np.arange(n), random.poisson(np.where(t == "u", 3, 1)))
    x = parent["y"].to_numpy()[places] + random.normal(size=len(places))
    return pair(parent, pa.table({"x": x, "c": np.where(t[places] == "u", "a", "b")}), places)


def test_likeness_of_siblings_is_the_share_of_the_variance_between_parents():
    """Of random effects of variances 3 and 1 it is 3/4, whatever the sizes of families."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(4000), random.integers(1, 6, 4000))
    values = np.sqrt(3) * random.normal(size=4000)[groups] + random.normal(size=len(groups))
    assert intraclass(values, groups) == pytest.approx(0.75, abs=0.02)
    assert intraclass(random.permutation(values), groups) == pytest.approx(0, abs=0.03)
    # Of two classes it is that of their indicator; invariant under names and shifts.
    classes = (values > 0).astype(float)
    assert intraclass(classes, groups, classes=True) == pytest.approx(intraclass(classes, groups))
    other = intraclass(7 - 3 * values, random.permutation(4000)[groups])
    assert other == pytest.approx(intraclass(values, groups))
    # All alike, as unlike as pairs can be, and what has no siblings.
    assert intraclass(np.array([1.0, 1, 2, 2, 5, 5]), np.array([0, 0, 1, 1, 2, 2])) == 1
    assert intraclass(np.array([0.0, 1, 0, 1]), np.array([0, 0, 1, 1])) == -1
    assert np.isnan(intraclass(np.array([0.0, 1, 2]), np.array([0, 1, 2])))
    assert np.isnan(intraclass(np.ones(4), np.array([0, 0, 1, 1])))
    gaps = np.array([1.0, np.nan, 1, 2, 2, np.nan])
    assert intraclass(gaps, np.array([0, 0, 0, 1, 1, 2])) == 1


def test_figures_of_the_pair_tell_what_was_lost():
    train, test = families(3000, 0), families(3000, 1)
    same, _ = compared(train, test, test)
    assert set(same) == set(RELATED)
    assert all(value == 0 for value in same.values())
    fresh, alike = compared(train, test, families(3000, 2))
    assert all(value < 0.1 for value in fresh.values())
    assert alike["x"]["drawn"] == pytest.approx(0.5, abs=0.05)
    assert alike["c"] == {"held out": 1, "drawn": 1}
    # Children given to others: as many each, but no likeness and no association is left.
    random = np.random.default_rng(3)
    moved = pair(
        test.parent, test.child.take(pa.array(random.permutation(len(test.child)))), test.places
    )
    lost, alike = compared(train, test, moved)
    assert lost["children"] == lost["cardinality"] == lost["childless"] == 0
    assert lost["count_association"] == 0
    assert lost["siblings"] == pytest.approx(0.75, abs=0.05)
    assert abs(alike["x"]["drawn"]) < 0.05
    assert lost["between"] > 0.3
    # One child each: the distance of their numbers is that of the means here.
    n = len(test.parent)
    one = pair(test.parent, families(9000, 4).child.slice(0, n), np.arange(n))
    counts = test.counts
    single, _ = compared(train, test, one)
    assert single["children"] == pytest.approx(np.abs(counts - 1).mean())
    assert single["childless"] == pytest.approx((counts == 0).mean())
    shares = [abs((counts <= k).mean() - (k >= 1)) for k in range(20)]
    assert single["cardinality"] == pytest.approx(max(shares))


@pytest.mark.long
def test_children_are_held_out_with_their_parents(monkeypatch):
    learnt, original = [], related.synthesized
    keep = lambda *a, **k: learnt.append(original(*a, **k)) or learnt[-1]  # noqa: E731
    monkeypatch.setattr(related, "synthesized", keep)
    options = {**SMALL, "epochs": 1}
    made = ea.synthesize_related(CUSTOMERS, ORDERS, key="id", foreign_key="customer", **options)
    held = made.relation.held_out(to_table(CUSTOMERS))
    assert held.sum() == N // 10
    for one, values, out in (
        (learnt[0], INCOME, held),
        (learnt[1], ORDERS["amount"].to_numpy(), held[OF]),
    ):
        name = "income" if one is learnt[0] else "amount"
        for samples, rows in ((one.train, ~out), (one.held_out, out)):
            found = one.kind.table(samples.first(len(samples)))[name].to_numpy()
            assert len(found) == rows.sum()
            # Held-out values can lie beyond those that were learnt from.
            assert np.median(found) == pytest.approx(np.median(values[rows]), rel=0.01)


@pytest.mark.long
def test_what_was_drawn_is_measured_beside_held_out_parents(model, tmp_path):
    found = model.evaluate(CUSTOMERS, ORDERS, seed=0)
    assert found["parents"] == N // 10
    assert found["drawn parents"] == N - N // 10
    for name, measures in (("both tables", RELATED), ("parent", MEASURES), ("child", MEASURES)):
        for figures in found[name].values():
            assert set(figures) <= set(measures)
    pair_found = found["both tables"]["drawn"]
    assert pair_found["children"] < 1
    assert pair_found["between"] < 0.2
    assert set(found["siblings"]) == {"amount", "item", "date", "note"}
    model.save(tmp_path)
    again = ea.load_related(tmp_path).evaluate(CUSTOMERS, ORDERS, seed=0)
    assert json.dumps(again) == json.dumps(found)


def test_tables_that_nothing_can_be_measured_of(model):
    with pytest.raises(ValueError, match="Unknown column 'income'"):
        model.evaluate(CUSTOMERS.drop(columns="income"), ORDERS)
    few = CUSTOMERS.head(60)
    with pytest.raises(
        ValueError, match=r"At least 10 held-out .* got \d of 60\. .*-related --.* 0\.2"
    ):
        model.evaluate(few, ORDERS.filter(pl.col("customer").is_in(few["id"].tolist())))
    before = dataclasses.replace(model.relation, below=None)
    with pytest.raises(ValueError, match="Which parents were held out is not known"):
        dataclasses.replace(model, relation=before).evaluate(CUSTOMERS, ORDERS)


@pytest.mark.parametrize("told", [0.0, 0.5])
def test_what_siblings_have_in_common_spreads_as_families_do(told):
    """Of variances 1/2 between families and 1/2 within; the parent may tell some of the first."""
    random, n = np.random.default_rng(0), 5000
    places = np.repeat(np.arange(n), random.integers(1, 4, n))
    x = random.normal(size=(n, 1))
    family = np.sqrt(told) * x[:, 0] + np.sqrt(1 - told) * random.normal(size=n)
    values = (family[places] + random.normal(size=len(places))) / np.sqrt(2)
    made = Siblings(places, n, x, [False]).usual_number(values)
    # As the families' own effects: in variance, and beside each child, its own chance aside.
    assert made.var() == pytest.approx(0.5, abs=0.03)
    assert np.cov(made[places], values)[0, 1] == pytest.approx(0.5, abs=0.03)
    means = np.bincount(places, values) / np.bincount(places)
    assert means.var() > 0.7, "which plain means do not"
    assert np.cov(made, x[:, 0])[0, 1] == pytest.approx(np.sqrt(told / 2), abs=0.04)


def test_strangers_have_nothing_in_common():
    random, n = np.random.default_rng(0), 4000
    places = np.repeat(np.arange(n), random.integers(1, 4, n))
    siblings = Siblings(places, n, np.zeros((n, 0)), [])
    assert siblings.usual_number(random.normal(size=len(places))).var() < 0.03
    classes = random.choice(3, len(places), p=[0.6, 0.3, 0.1])
    usual = siblings.usual_class(classes, 3)
    same = (usual[places] == classes).mean()
    assert same < 0.6, "those of one child are not its own"
    few = Siblings(np.array([0, 0, 1]), 2, np.zeros((2, 0)), [])
    assert not few.are_enough


def test_two_sorts_of_families_are_told_as_far_as_children_tell_them():
    """Of families that have `tea` with .95 or .05 and one child, .95 are of the child's sort."""
    random, n = np.random.default_rng(0), 6000
    sort, sizes = random.random(n) < 0.5, np.where(np.arange(n) % 2, 1, 6)
    places = np.repeat(np.arange(n), sizes)
    tea = random.random(len(places)) < np.where(sort[places], 0.95, 0.05)
    usual = Siblings(places, n, np.zeros((n, 0)), []).usual_class(tea.astype(int), 2) == 1
    assert (usual == sort)[sizes == 6].mean() > 0.97
    assert (usual == sort)[sizes == 1].mean() == pytest.approx(0.95**2 + 0.05**2, abs=0.05)


def test_drawn_siblings_are_as_alike_as_those_of_the_data(model):
    """Around plain means of their values amounts had 0.74, where the data have 0.62."""
    alike = []
    for customers, orders in (model.sample(2000, seed=0), (CUSTOMERS, ORDERS)):
        places = parents_of(to_table(customers), to_table(orders), "id", "customer")
        amounts = np.log(orders["amount"].to_numpy())
        tea = (orders["item"] == "tea").to_numpy().astype(float)
        alike.append((intraclass(amounts, places), intraclass(tea, places)))
    assert alike[0][0] == pytest.approx(alike[1][0], abs=0.07)
    assert alike[0][1] == pytest.approx(alike[1][1], abs=0.06)


def test_another_column_that_refers_to_the_parents_is_named():
    parent = pa.table({"id": [1, 2, 3], "x": [0.5, 1.0, 2.0]})
    child = pa.table({"id": [10, 11, 12, 13], "customer": [1, 1, 2, 3], "y": [0.1, 0.2, 0.3, 0.4]})
    with pytest.raises(ValueError, match="4 of 4 rows") as caught:
        ea.synthesize_related(parent, child, key="id")
    said = re.search(r"--foreign-key (\w+) \(foreign_key='(\w+)' in Python\)", str(caught.value))
    assert said
    assert said[1] == said[2] == "customer"
    assert parents_of(parent, child, "id", said[1]).tolist() == [0, 0, 1, 2]


def test_one_child_each_warns_of_nothing():
    parent = pa.table({"id": range(60), "x": RNG.normal(size=60).round(2)})
    child = pa.table({"id": range(60), "y": RNG.normal(size=60).round(2)})
    model = ea.synthesize_related(parent, child, key="id", **{**SMALL, "epochs": 1})
    _, children_of = model.sample(9, seed=0)
    assert len(children_of) == 9


@pytest.mark.parametrize(
    ("keys", "refer", "found"),
    [
        (["17", "B17", "018"], [18, 17, 17], ["018", "17", "17"]),
        ([17, 18, 19], ["18", "0017"], [18, 17]),
        (["1", "2"], [2.0, 1.0], ["2", "1"]),
        (["1", "x"], ["1", "1"], ["1", "1"]),
    ],
)
def test_keys_are_joined_that_are_texts_in_one_table_and_numbers_in_the_other(keys, refer, found):
    parent, child = pa.table({"id": keys}), pa.table({"x": [0] * len(refer), "of": refer})
    places = parents_of(parent, child, "id", "of")
    made = with_keys_of(parent, child, places, "id", "of")
    assert made.column_names == ["x", "of"]
    assert made["of"].to_pylist() == found


def receipts(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Receipts with what their lines come to; some have no lines."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(n), random.poisson(3, n))
    lines = pd.DataFrame(
        {
            "receipt": of,
            "line": np.arange(len(of)) + 1000,
            "quantity": random.integers(1, 6, len(of)),
            "price": np.round(random.lognormal(2, 0.5, len(of)), 2),
            "day": pd.Timestamp("2026-03-01")
            + pd.to_timedelta(random.integers(0, 90, len(of)), "D"),
        }
    )
    grouped = lines.groupby("receipt")
    total = grouped["price"].sum().reindex(range(n), fill_value=0).round(2)
    made = pd.DataFrame(
        {
            "receipt": [str(i) if i % 2 else f"R{i}" for i in range(n)],
            "shop": random.choice(["a", "b"], n),
            "total": total,
            "tax": (total * 0.25).round(4),
            "items": grouped["quantity"].mean().round(2).reindex(range(n)),
            "last": grouped["day"].max().reindex(range(n)),
            "newest": grouped["line"].max().reindex(range(n)),
        }
    )
    lines["receipt"] = made["receipt"].to_numpy()[of]
    return made, lines


def test_what_children_come_to_is_found():
    parent, child = map(pa.Table.from_pandas, receipts(60, 0))
    places = parents_of(parent, child, "receipt", "receipt")
    found = totals_of(parent, child, places, {"receipt"})
    assert sorted(map(str, found)) == [
        "items = mean of quantity",
        "last = largest of day",
        "newest = largest of line",
        "total = sum of price",
    ]
    assert {one.name: (one.places, one.none) for one in found} == {
        "items": (2, True),
        "last": (None, True),
        "newest": (0, True),
        "total": (2, False),
    }
    # One cent in one row, or a single child each, and nothing is.
    wrong = parent["total"].to_numpy().copy()
    wrong[7] += 0.01
    parent = parent.set_column(2, "total", pa.array(wrong))
    assert "total" not in {one.name for one in totals_of(parent, child, places, {"receipt"})}
    alone = np.unique(places, return_index=True)[1]
    child, places = child.take(pa.array(alone)), places[alone]
    assert not totals_of(child, child, np.arange(len(child)), {"receipt"})


def test_what_children_come_to_is_computed_from_those_that_are_drawn(tmp_path, capsys):
    parent, child = receipts(150, 1)
    for name, frame in (("receipts", parent), ("lines", child)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    paths = [tmp_path / f"{name}.csv" for name in ("receipts", "lines")]
    model = ea.synthesize_related(*paths, key="receipt", **SMALL | {"progress": True})
    assert "total = sum of price" in capsys.readouterr().out
    model.save(tmp_path / "run")
    again = ea.load_related(tmp_path / "run")
    again.write_samples(200, tmp_path / "drawn", seed=0)
    made, lines = (pd.read_csv(tmp_path / "drawn" / path.name) for path in paths)
    assert list(made.columns) == list(parent.columns)
    grouped = lines.groupby("receipt")
    for name, of, how in (
        ("total", "price", "sum"),
        ("items", "quantity", "mean"),
        ("newest", "line", "max"),
    ):
        values = grouped[of].agg(how).reindex(made["receipt"]).to_numpy()
        np.testing.assert_allclose(
            made[name], np.nan_to_num(values) if how == "sum" else values, atol=0.00501
        )
    np.testing.assert_allclose(made["tax"], made["total"] * 0.25, atol=0.000051)
    days = pd.to_datetime(grouped["day"].max().reindex(made["receipt"])).to_numpy()
    assert (pd.to_datetime(made["last"]).to_numpy()[~np.isnat(days)] == days[~np.isnat(days)]).all()
    assert made["last"].isna().sum() == np.isnat(days).sum() > 0
    # What children come to is not what they are drawn by.
    assert not {"total", "tax", "items", "last", "newest"} & {*model.relation.given}
    found = again.evaluate(*paths, seed=0)
    assert found["drawn children"] > 100


def test_no_condition_is_on_what_children_come_to(model):
    total = Total("income", "largest", "amount")
    made = dataclasses.replace(model, relation=dataclasses.replace(model.relation, totals=(total,)))
    said = r"No condition can be on 'income', .*later: income = largest of amount\. Draw without"
    for where in ("income>5", {"income": ">5"}, "town=Oslo, income > 5"):
        with pytest.raises(ValueError, match=said):
            made.sample(5, where=where, seed=0)
    assert made.sample(5, where="town=Oslo", seed=0)[0]["town"].tolist() == ["Oslo"] * 5
    with pytest.raises(ValueError, match="of 5 parents do not meet the condition with what their"):
        made.sample(5, where=lambda frame: frame["income"] > 1000, seed=0)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "town", "how": "sum", "of": "amount", "places": 2, "none": False},
        {"name": "income", "how": "median", "of": "amount", "places": 2, "none": False},
        {"name": "since", "how": "sum", "of": "date", "places": None, "none": True},
        {"name": "income", "how": "sum", "of": "amount", "places": 99, "none": False},
        {"name": "nothing", "how": "sum", "of": "amount", "places": 2, "none": False},
    ],
)
def test_a_strangers_file_of_what_children_come_to_is_checked(model, tmp_path, said):
    model.save(tmp_path)
    path = tmp_path / related.RELATION
    whole = json.loads(path.read_text())
    whole["relation"]["totals"] = [said]
    path.write_text(json.dumps(whole))
    with pytest.raises(ValueError, match=r"relation\.json cannot be read"):
        ea.load_related(tmp_path)


def test_what_children_come_to_in_every_type_comes_back_as_it_was():
    random, n = np.random.default_rng(0), 80
    of = np.repeat(np.arange(n), random.poisson(3, n))
    m = len(of)
    stamps = np.datetime64("2024-01-01", "ns") + random.integers(0, 10**15, m)
    child = {
        "price": [decimal.Decimal(int(v)).scaleb(-2) for v in random.integers(1, 9999, m)],
        "at": stamps,
        "in utc": pd.Series(stamps.astype("datetime64[us]")).dt.tz_localize("UTC"),
        "day": (np.datetime64("1950-01-01") + random.integers(0, 9000, m)).astype(object),
        "stars": [None if v < 2 else float(v) for v in random.integers(0, 9, m)],
        "number": random.integers(2**55, 2**58, m),
        "loss": -random.lognormal(3, 1, m).round(2),
        "late": random.random(m) < 0.3,
    }
    groups = pd.DataFrame(child).groupby(of)
    every = range(n)

    def of_all(name, how, **filled):
        return groups[name].agg(how).reindex(every, **filled)

    parent = pa.table(
        {
            "paid": pa.array(
                of_all("price", "sum", fill_value=decimal.Decimal(0)).map(
                    lambda v: v + decimal.Decimal("0.00")
                ),
                pa.decimal128(12, 2),
            ),
            "first": pa.array(of_all("at", "min"), pa.timestamp("ns")),
            "last": pa.array(of_all("in utc", "max")),
            "oldest": pa.array(of_all("day", "min").replace({np.nan: None}), pa.date32()),
            "all stars": pa.array(of_all("stars", "sum", fill_value=0.0)),
            "mean stars": pa.array(of_all("stars", "mean"), from_pandas=True),
            "newest": pa.array(groups["number"].max().astype("Int64").reindex(every)),
            "lost": pa.array(of_all("loss", "sum", fill_value=0.0).round(2)),
            "times late": pa.array(of_all("late", "sum", fill_value=0).astype(int)),
        }
    )
    child = pa.table({name: pa.array(values) for name, values in child.items()})
    found = totals_of(parent, child, of, ())
    assert {one.name: f"{one.how} of {one.of}" for one in found} == {
        "paid": "sum of price",
        "first": "smallest of at",
        "last": "largest of in utc",
        "oldest": "smallest of day",
        "all stars": "sum of stars",
        "mean stars": "mean of stars",
        "newest": "largest of number",
        "lost": "sum of loss",
        "times late": "sum of late",
    }
    columns = Columns.fit(parent)
    again = with_totals(parent, child, of, found, columns, (), keep=())
    for name in parent.column_names:
        assert again.schema.field(name).type == parent.schema.field(name).type
        for one, other in zip(again[name].to_pylist(), parent[name].to_pylist(), strict=True):
            assert one == (pytest.approx(other) if isinstance(other, float) else other)
    none = with_totals(parent, child.slice(0, 0), of[:0], found, columns, (), keep=()).to_pydict()
    for name in ("first", "last", "oldest", "mean stars", "newest"):
        assert {*none[name]} == {None}
    for name in ("paid", "all stars", "lost", "times late"):
        assert {*none[name]} == {0}


def test_keys_are_new_and_unique_whatever_they_look_like():
    random = np.random.default_rng(0)
    names = np.array([f"{a} {b}" for a in ("Ann", "Bo", "Cy", "Dee") for b in "ABCDEFGHIJKLMNO"])
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.permutation(60), "D")
    of = random.integers(0, 60, 300)
    for keys in (names, random.permutation(60) * 2.0, days):
        parent = pd.DataFrame({"key": keys, "x": random.normal(size=60)})
        child = pd.DataFrame({"key": keys[of], "y": random.normal(size=300)})
        made = ea.synthesize_related(parent, child, key="key", **SMALL | {"epochs": 2})
        upper, lower = made.sample(100, seed=0)
        assert upper["key"].is_unique
        assert not {*upper["key"]} & {*parent["key"]}
        assert {*lower["key"]} <= {*upper["key"]}


def test_totals_that_outgrow_their_type_get_a_wider_one():
    child = pa.table({"units": pa.array([30_000, 20_000, 5], pa.int32())})
    parent = pa.table({"total": pa.array([7, 8], pa.int16())})
    total = Total("total", "sum", "units", 0)
    places = np.array([0, 0, 1])
    made = with_totals(parent, child, places, (total,), Columns.fit(parent), (), keep=())
    assert made["total"].to_pylist() == [50_000, 5]
