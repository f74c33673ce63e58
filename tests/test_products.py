"""Rules of products: a total is the price times the quantity, in every row that is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import entropae as ea
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.imputation import impute
from entropae.kinds.tables.proposed import propose
from entropae.kinds.tables.rules import rule_from, rule_of, steps
from entropae.recipe import ModelConfig

N = 300
RNG = np.random.default_rng(0)
PRICE, QUANTITY = RNG.integers(99, 9999, N), RNG.integers(1, 9, N)  # of cents
NET = PRICE * QUANTITY
TAX = (19 * NET + 50) // 100  # rounded, halves up
HEIGHT, KG = RNG.integers(150, 201, N) / 100, RNG.integers(500, 1000, N) / 10
SIDE = RNG.integers(2, 400, N) / 10
INVOICES = pd.DataFrame(
    {
        "price": PRICE / 100,
        "quantity": QUANTITY,
        "net": NET / 100,
        "tax": TAX / 100,
        "total": [f"${cents / 100:,.2f}" for cents in NET + TAX],
        "kg": KG,
        "height": HEIGHT,
        "kg per m": (KG / HEIGHT).round(2),
        "index": (KG / HEIGHT**2).round(1),
        "pounds": (KG * 2.20462).round(1),
        "side": SIDE,
        "area": (SIDE * SIDE).round(2),
        "other": RNG.integers(0, 1000, N),
    }
)
TABLE = pa.Table.from_pandas(INVOICES)
COLUMNS = Columns.fit(TABLE)
FOUND = {
    "price * quantity = net",
    "net * 0.19 = tax",
    "net + tax = total",
    "kg / height = kg per m",
    "kg / height / height = index",
    "kg * 2.20462 = pounds",
    "side * side = area",
}
SMALL = ModelConfig(hidden=(16,), latent={"name": "entropic", "dim": 2})


def cents(values: pd.Series) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values):
        values = values.str.replace(r"[$,]", "", regex=True).astype(float)
    return np.rint(100 * values.to_numpy()).astype(int)


def test_products_quotients_and_factors_are_found_and_no_others():
    found = {str(rule) for rule in propose(TABLE, COLUMNS) if "<" not in str(rule)}
    assert found == FOUND
    random = np.random.default_rng(1)
    chance = pa.table({name: random.integers(0, 50, 500) for name in "abcdef"})
    assert propose(chance, Columns.fit(chance)) == ()
    # Rounded to whole numbers, most pairs of shares have the product 0: no evidence.
    small = pa.table({"a": random.random(500), "b": random.random(500), "c": [0] * 499 + [1]})
    assert propose(small, Columns.fit(small)) == ()
    same = pa.table({"a": random.normal(size=500).round(3), "b": random.normal(size=500)})
    same = same.append_column("again", same["a"])
    assert [str(rule) for rule in propose(same, Columns.fit(same))][:1] == ["a = again"]


def test_every_drawn_row_is_a_sum_and_a_product_to_the_cent():
    model = ea.synthesize(INVOICES, model=SMALL, epochs=2, progress=False)
    assert set(model.rules) >= FOUND
    drawn = model.sample(500, seed=0)
    net = cents(drawn["net"])
    assert (cents(drawn["price"]) * drawn["quantity"] == net).all()
    assert np.isin(100 * cents(drawn["tax"]) - 19 * net, range(-50, 51)).all()
    assert (net + cents(drawn["tax"]) == cents(drawn["total"])).all()
    assert (cents(drawn["side"]) * cents(drawn["side"]) // 100 == cents(drawn["area"])).all()
    off = drawn["kg"] / drawn["height"] - drawn["kg per m"]
    assert off.abs().max() <= 0.005 + 1e-9
    assert (drawn["kg"] * 2.20462 - drawn["pounds"]).abs().max() <= 0.05 + 1e-9
    off = drawn["kg"] / drawn["height"] ** 2 - drawn["index"]
    assert off.abs().max() <= 0.05 + 1e-9
    # And under a condition on what is computed.
    dear = model.sample(20, where="net>300", seed=0)
    assert (cents(dear["price"]) * dear["quantity"] == cents(dear["net"])).all()
    assert (dear["net"] > 300).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price*quantity=net", "price * quantity = net"),
        ("net * 1.19 = total", "net * 1.19 = total"),
        ("1.19*net = total", "net * 1.19 = total"),
        ("net / quantity = price", "net / quantity = price"),
        ("kg / height / height = other", "kg / height / height = other"),
        ("`kg per m` * height = kg", "kg per m * height = kg"),
        ("tax / 0.19 = net", "tax / 0.19 = net"),
        ("area / side * 2 = side", None),
        ("2 * 3 = net", None),
        ("net * 0 = tax", None),
    ],
)
def test_products_are_written_as_they_are_read(text, said):
    if said is None:
        with pytest.raises(ValueError, match="is no rule"):
            rule_of(text, COLUMNS.order)
        return
    rule = rule_of(text, COLUMNS.order)
    assert str(rule) == said
    assert rule_of(said, COLUMNS.order) == rule == rule_from(rule.settings(), COLUMNS.order)


def test_a_name_with_signs_is_no_product():
    names = ["a*b", "a / b", "c", "2"]
    assert str(rule_of("`a*b` + c = `a / b`", names)) == "`a*b` + c = `a / b`"
    assert rule_of("`a*b` * `2` = c", names).names == ("a*b", "2", "c")


def test_a_factor_stays_one_where_a_column_is_called_by_its_number():
    x = RNG.integers(1, 1000, N)
    table = pa.table({"x": x, "2": RNG.integers(0, 5000, N), "y": 2 * x})
    columns = Columns.fit(table, np.arange(N))
    rule = propose(table, columns)[0]
    assert str(rule) == "x * 2 = y"
    assert rule_from(rule.settings(), columns.order) == rule


def test_rules_that_build_on_each_other_are_set_in_their_order():
    texts = ["net + tax = total", "net * 0.19 = tax", "price * quantity = net"]
    rules = [rule_of(text, COLUMNS.order) for text in texts]
    assert [name for _, name in steps(rules)] == ["net", "tax", "total"]
    # One that sets what another computes it from is not among them.
    more = [*rules, rule_of("total / quantity = price", COLUMNS.order)]
    assert [name for _, name in steps(more)] == ["net", "tax", "total"]
    # A sum whose total is set already sets a part of it.
    twice = [rule_of(text, COLUMNS.order) for text in ("price * quantity = net", "kg + tax = net")]
    assert [name for _, name in steps(twice)] == ["net", "tax"]


def test_quotients_by_zero_and_missing_values():
    table = pa.table({"a": [6.0, 5, None, 4], "b": [2.0, 0, 1, None], "c": [3.0, 5, 7, 9]})
    columns = Columns.fit(pa.table({n: RNG.normal(size=50).round(1) for n in "abc"}))
    rule = rule_of("a / b = c", ["a", "b", "c"])
    assert rule.met(table, columns).tolist() == [True, False, True, True]
    wrong = table.set_column(2, "c", pa.array([1.0, 5, 7, 9]))
    assert rule.repaired(wrong, columns)["c"].to_pylist() == [3, 5, 7, 9]
    assert rule.repaired(wrong, columns, "a")["a"].to_pylist() == [2, 0, None, 4]
    assert rule.repaired(wrong, columns, "b")["b"].to_pylist() == [6, 1, 1, None]


def test_a_missing_total_is_filled_in_by_its_product():
    model = ea.synthesize(INVOICES, model=SMALL, epochs=2, progress=False).model
    holed = INVOICES.copy()
    holed["net"] = holed["net"].astype(float).mask(np.arange(N) % 7 == 0)
    rules = [rule_of("price * quantity = net", COLUMNS.order)]
    made, _ = impute(model, model.kind.columns, rules, pa.Table.from_pandas(holed), seed=0)
    assert np.allclose(made["net"].to_numpy(), INVOICES["net"], atol=1e-9)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_numbers_whose_squares_are_none_have_no_products(size):
    x = np.random.default_rng(0).normal(size=(50, 2))
    table = pa.table({"a": size * x[:, 0], "b": size * x[:, 1], "c": x.sum(1)})
    assert propose(table, Columns.fit(table)) == ()
