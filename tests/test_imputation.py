"""Missing cells of a table, drawn given the known cells of their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

import entropae as ea
from entropae.cli import main
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import read_file
from entropae.kinds.tables.imputation import impute
from entropae.kinds.tables.rules import rule_of
from entropae.recipe import ModelConfig

N = 1500
SPREAD = np.array([[1, 0.8, 0.5], [0.8, 1, 0.4], [0.5, 0.4, 1]])
RNG = np.random.default_rng(0)
X = RNG.multivariate_normal(np.zeros(3), SPREAD, N)


class Ignorant:
    """An autoencoder that makes the same of all rows."""

    def __init__(self, columns: Columns) -> None:
        self.mean = torch.full((1, columns.width), 0.1)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        return self.mean.expand(len(x), -1)


def fitted(table: pa.Table) -> tuple[Ignorant, Columns]:
    columns = Columns.fit(table)
    columns.fit_conditionals(columns.encode(table))
    return Ignorant(columns), columns


def test_imputations_are_of_the_conditional_distribution_of_a_normal():
    """Mean and variance of one coordinate given the others are known in closed form."""
    table = pa.table(dict(zip("abc", X.T, strict=True)))
    model, columns = fitted(table)
    new = np.random.default_rng(1).multivariate_normal(np.zeros(3), SPREAD, 800)
    holed = pa.table({"a": pa.nulls(800, pa.float64()), "b": new[:, 1], "c": new[:, 2]})
    draws = np.stack(
        [np.array(impute(model, columns, (), holed, seed=s)[0]["a"]) for s in range(20)]
    )
    weights = np.linalg.solve(SPREAD[1:, 1:], SPREAD[1:, 0])
    expected, variance = new[:, 1:] @ weights, 1 - SPREAD[0, 1:] @ weights
    assert np.sqrt(np.mean((draws.mean(0) - expected) ** 2)) < 0.25
    assert draws.var(0, ddof=1).mean() == pytest.approx(variance, rel=0.15)
    # One draw misses by what is not known, a mean by half the variance of that.
    missed = np.mean((draws[0] - new[:, 0]) ** 2)
    assert missed == pytest.approx(2 * variance, rel=0.2)


def test_several_gaps_of_a_row_are_filled_in_together():
    """Of a row without any known cell, the columns keep their correlation."""
    model, columns = fitted(pa.table(dict(zip("abc", X.T, strict=True))))
    empty = pa.table({name: pa.nulls(1000, pa.float64()) for name in "abc"})
    made, filled = impute(model, columns, (), empty, seed=0)
    assert filled.cells == {"a": 1000, "b": 1000, "c": 1000}
    found = np.corrcoef(np.stack([np.array(made[name]) for name in "abc"]))
    np.testing.assert_allclose(found, SPREAD, atol=0.12)


def mixed() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "no": [f"N{i:05}" for i in range(N)],
            "a": X[:, 0],
            "k": np.round(100 + 20 * X[:, 1]).astype(int),
            "size": pd.Categorical(
                np.where(X[:, 0] > 0.5, "L", np.where(X[:, 0] < -0.5, "S", "M")),
                ["S", "M", "L", "XL"],
                ordered=True,
            ),
            "flag": X[:, 2] > 0,
            "when": pd.Timestamp("2021-03-01", tz="Europe/Oslo")
            + pd.to_timedelta(np.round(X[:, 1] * 50), "D"),
            "day": [f"{1 + int(abs(x) * 9) % 28:02}/03/2021" for x in X[:, 2]],
        }
    )
    frame["kroner"] = frame.k * 10
    return frame


def with_gaps(frame: pd.DataFrame, *, share: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    random, holed = np.random.default_rng(2), frame.copy()
    gaps = pd.DataFrame(random.random(frame.shape) < share, columns=frame.columns)
    gaps["no"] = False
    for name in holed:
        if holed[name].dtype == int:
            holed[name] = holed[name].astype("Int64")
        if holed[name].dtype == bool:
            holed[name] = holed[name].astype("boolean")
        holed[name] = holed[name].mask(gaps[name])
    return holed, gaps


def test_known_cells_and_types_stay_exactly():
    frame = mixed()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    model, columns = fitted(table)
    holed, gaps = with_gaps(frame)
    given = pa.Table.from_pandas(holed, preserve_index=False)
    given = given.append_column("note", pa.array([[1]] * N))
    made, filled = impute(model, columns, (), given, seed=0)
    assert made.schema == given.schema
    for name in frame:
        before, after = (t.column(name).to_pylist() for t in (given, made))
        assert all(b == a for b, a, gone in zip(before, after, gaps[name], strict=True) if not gone)
        assert None not in after
        assert filled.cells.get(name, 0) == gaps[name].sum()
    assert made["note"] == given["note"]
    right = np.array(made["size"].to_pylist()) == np.array(frame["size"])
    assert right[gaps["size"]].mean() > 0.7  # most of them know `a`
    again = impute(model, columns, (), given, seed=0)[0]
    assert again.equals(made)
    assert not impute(model, columns, (), given, seed=1)[0].equals(made)


def test_names_of_rows_stay_missing_which_is_said(tmp_path):
    table = pa.table({"ticket": [f"T-{i}" for i in range(80)], "x": RNG.normal(size=80)})
    model = ea.synthesize(table, epochs=1, model=ModelConfig(hidden=(8,)), progress=False).model
    frame = table.to_pandas()
    frame.loc[:2, "ticket"] = None
    frame.loc[5:6, "x"] = np.nan
    with pytest.warns(UserWarning, match=r"^3 cells of ticket stay missing, because it names"):
        made = model.impute(frame)
    assert made["ticket"].isna().sum() == 3
    assert made["x"].notna().all()
    said = model.kind.impute(model, frame, out=str(tmp_path / "full.csv"))
    assert said.startswith("Filled in 2 cells: x 2. 3 cells of ticket stay missing, because it ")
    assert model.impute(frame, only="x")["ticket"].isna().sum() == 3
    with pytest.raises(ValueError, match="'ticket' names the rows: its cells cannot be filled in"):
        model.impute(frame, only=["ticket"])


def test_only_some_columns_are_filled_in_if_so_asked():
    frame = mixed()
    model, columns = fitted(pa.Table.from_pandas(frame, preserve_index=False))
    given = pa.Table.from_pandas(with_gaps(frame)[0], preserve_index=False)
    made, _ = impute(model, columns, (), given, seed=0, only=["a"])
    assert made["a"].null_count == 0
    assert made["k"].equals(given["k"])
    with pytest.raises(ValueError, match="'b'"):
        impute(model, columns, (), given, only=["b"])


def test_columns_that_had_gaps_in_training_are_filled_in_with_values():
    gone = RNG.random(N) < 0.4
    table = pa.table(
        {
            "a": pa.array(X[:, 0], mask=gone),
            "b": X[:, 1],
            "town": pa.array(np.where(X[:, 1] > 0, "Oslo", "Rome").tolist(), mask=~gone),
            "never": pa.nulls(N),
            "once": [1.0, *[None] * (N - 1)],
        }
    )
    model, columns = fitted(table)
    made, filled = impute(model, columns, (), table, seed=0)
    assert made["a"].null_count == made["town"].null_count == made["once"].null_count == 0
    assert set(made["once"].to_pylist()) == {1.0}
    assert made["never"].null_count == N  # of which there is no value
    assert filled.cells["never"] == 0
    assert np.corrcoef(made["a"], X[:, 1])[0, 1] > 0.7
    assert (
        np.array(made["town"].to_pylist()) == np.where(X[:, 1] > 0, "Oslo", "Rome")
    ).mean() > 0.9


def test_rules_hold_in_what_is_filled_in():
    low = np.round(RNG.uniform(0, 50, N))
    cents = np.round(RNG.uniform(0, 9, N))
    town = RNG.choice(["Oslo", "Rome", "Bath"], N)
    frame = pd.DataFrame(
        {"low": low, "high": low + np.round(RNG.uniform(0, 20, N)), "cents": cents, "town": town}
    )
    frame["sum"] = frame.low + frame.cents
    frame["land"] = frame.town.map({"Oslo": "NO", "Rome": "IT", "Bath": "UK"})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    model, columns = fitted(table)
    texts = ["low <= high", "low + cents = sum", "town <-> land"]
    rules = [rule_of(text, columns.order) for text in texts]
    rules[2] = rules[2].learnt(table)
    holed = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.3)
    made, filled = impute(model, columns, rules, pa.Table.from_pandas(holed), seed=0)
    done = made.to_pandas()
    both = holed[["town", "land"]].isna().sum(axis=1)
    assert (done.town.map({"Oslo": "NO", "Rome": "IT", "Bath": "UK"}) == done.land).all()
    assert (done.low <= done.high).mean() > 0.99  # but for known sums that leave no room
    one = holed[["low", "cents", "sum"]].isna().sum(axis=1) == 1
    assert np.allclose(done.low + done.cents, done["sum"])
    np.testing.assert_array_equal(done[one & (both == 1)].town.isna(), False)
    assert filled.broken["town <-> land"] == filled.broken["low + cents = sum"] == 0


def test_without_forests_the_autoencoder_fills_in():
    table = pa.table(dict(zip("abc", X.T, strict=True)))
    columns = Columns.fit(table)
    holed = pa.table({"a": pa.nulls(10, pa.float64()), "b": X[:10, 1], "c": X[:10, 2]})
    made, _ = impute(Ignorant(columns), columns, (), holed, seed=0)
    assert made["a"].null_count == 0
    whole, filled = impute(Ignorant(columns), columns, (), table, seed=0)
    assert whole.equals(table)
    assert sum(filled.cells.values()) == 0
    assert str(filled) == "Filled in 0 cells."


def test_a_frame_and_a_file_are_filled_in(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(
        {"a": X[:300, 0], "b": X[:300, 1]}, index=pd.Index(range(5, 305), name="i")
    )
    config = ModelConfig(hidden=(8,), latent={"name": "entropic", "dim": 2})
    made = ea.synthesize(frame, model=config, epochs=2, progress=False)
    holed = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.2)
    full = made.impute(holed, seed=0)
    assert full.index.equals(frame.index)
    assert full.notna().all().all()
    pd.testing.assert_frame_equal(full.where(holed.notna()), holed)

    holed.to_csv("holed.csv", index=False)
    fit = "fit --data holed.csv --out run --epochs 2 --model.latent.dim 2 --model.hidden [8]"
    assert main([*fit.split(), "--no-report"]) == 0
    capsys.readouterr()
    assert main(["impute", "run", "--data", "holed.csv", "--out", "full.parquet"]) == 0
    said = capsys.readouterr().out
    counts = holed.isna().sum()
    assert f"Filled in {counts.sum()} cells: a {counts.a}, b {counts.b}." in said
    assert "Wrote 300 rows to full.parquet." in said
    table = parquet.read_table("full.parquet")
    assert table.equals(ea.Run.open("run").impute(seed=0))
    assert main(["impute", "run", "--only", "a", "--out", "part.csv"]) == 0
    assert read_file("part.csv")["b"].null_count == counts.b
    assert main(["impute", "run", "--only", "c", "--out", "no.csv"]) == 1
    assert main(["impute", "run", "--out", "no.txt"]) == 1
    # A recipe may be a stranger's, and name any file.
    (tmp_path / "run" / "data.json").unlink()
    assert main(["impute", "run", "--out", "no.csv"]) == 1
    assert "--trained-on" in capsys.readouterr().err
    assert not (tmp_path / "no.csv").exists()


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ("4,5,x,\n,,,2020-02-03\n", {"count": 4, "price": 5.0, "kind": "x"}),
        (",5.5,,2020-02-03\n", {"price": 5.5}),
        ("4,,x,\n", {"count": 4, "kind": "x"}),
        ("4,5,,\n4,,,\n", {"count": 4, "price": 5.0}),
    ],
)
def test_a_few_rows_are_filled_in_whatever_their_types_seem_to_be(tmp_path, rows, known):
    """Of few rows, numbers may all be whole, and a column may have no value at all."""
    days = np.datetime64("2020-01-01") + RNG.integers(0, 90, 200)
    price = np.round(RNG.uniform(1, 9, 200) + 0.001, 3)
    kinds = RNG.choice(["x", "y"], 200)
    count = RNG.integers(0, 90, 200)
    model, columns = fitted(pa.table({"count": count, "price": price, "kind": kinds, "day": days}))
    (tmp_path / "gaps.csv").write_text("count,price,kind,day\n" + rows)
    gaps = read_file(tmp_path / "gaps.csv")
    for table in (gaps, pa.Table.from_pandas(gaps.to_pandas(), preserve_index=False)):
        full, _ = impute(model, columns, (), table, seed=0)
        assert not any(column.null_count for column in full.columns)
        assert {name: full.column(name)[0].as_py() for name in known} == known
        assert set(full.column("kind").to_pylist()) <= {"x", "y"}


def test_equations_with_two_missing_cells_are_solved_together():
    """Net and tax of a gross amount: the one rule alone leaves the other broken."""
    random = np.random.default_rng(2)
    net = np.exp(random.normal(4, 1, 300)).round(2)
    frame = pd.DataFrame({"net": net, "tax": (0.19 * net).round(2)})
    frame["gross"] = (frame.net + frame.tax).round(2)
    made = ea.synthesize(frame, epochs=2, progress=False)
    assert {"net * 0.19 = tax", "net + tax = gross"} <= set(map(str, made.model.kind.rules))
    given = frame.head(40).assign(net=np.nan, tax=np.nan)
    found = made.impute(given, seed=0)
    pd.testing.assert_frame_equal(found, frame.head(40), atol=0.011, rtol=0)
    np.testing.assert_allclose(found.net + found.tax, found.gross, atol=1e-9)
