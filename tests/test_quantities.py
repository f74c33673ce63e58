"""Texts that are numbers: with signs of money, units, percent signs, in brackets."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import entropae as ea
from entropae.kinds import read
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditions import conditions, meets
from entropae.recipe import ModelConfig
from entropae.variables.quantities import exception, form_of, parsed, written

RNG = np.random.default_rng(0)
CENTS = RNG.integers(100, 2_000_000, 200)
SMALL = ModelConfig(hidden=(16,), latent={"name": "entropic", "dim": 2})


@pytest.mark.parametrize(
    ("texts", "form", "numbers"),
    [
        (["12%", "3%"], "0%", [12, 3]),
        (["$1,000", "$25"], "$#,##0", [1000, 25]),
        (["1.234,56 EUR", "7,00 EUR"], "#.##0,00 EUR", [1234.56, 7]),
        (["3 kg", "-12 kg"], "0 kg", [3, -12]),
        (["1e5", "2e10"], "0e0", [1e5, 2e10]),
        (["1.5e+05", "2.0e-10"], "0.0e+00", [1.5e5, 2e-10]),
        (["(5)", "12", "0"], "0;(0)", [-5, 12, 0]),
        (["($1,234.50)", "$3.25"], "$#,##0.00;($#,##0.00)", [-1234.5, 3.25]),
        (["-$39.08", "$1,827.31"], "$#,##0.00", [-39.08, 1827.31]),
        (["$-5", "$7"], "$0;$-0", [-5, 7]),
        (["+5", "-7", "0"], "+0;-0;0", [5, -7, 0]),
        (["CHF 1'016.68", "CHF 9.00"], "CHF #'##0.00", [1016.68, 9]),
        (["1\u202f234,5 €", "7,25 €"], "#\u202f##0,0# €", [1234.5, 7.25]),
        (["1.0", "1.25", "12.5"], "0.0#", [1, 1.25, 12.5]),
        (["1.234", "999"], "#.##0", [1234, 999]),  # else some would have fewer decimals
        (["1.234", "2.345"], "0.000", [1.234, 2.345]),
        (["1,234", "2,345"], "#,##0", [1234, 2345]),
        (
            ["₹1,00,000.50", "₹12,34,56,789.00", "₹999.00"],
            "₹#,##,##0.00",
            [100000.5, 123456789, 999],
        ),
        (["21.5°C", "-3.0°C"], "0.0°C", [21.5, -3]),
    ],
)
def test_numbers_are_found_in_texts(texts, form, numbers):
    assert form_of(texts) == form
    assert [parsed(text, form) for text in texts] == numbers
    assert [written(number, form) for number in numbers] == texts


@pytest.mark.parametrize(
    "texts",
    [
        ["00123", "12345"],
        ["10115", "80331"],  # of one length: codes
        ["+41 791 234 567", "+41 791 234 568"],
        ["4/5", "3/5"],
        ["5 kg", "5 g"],
        ["#12", "#7"],
        ["A12", "A7"],
        ["1.2.3", "1.10.0"],
        ["10-19", "20-29"],
        ["5'5\"", "6'1\""],
        ["(5", "6"],
        ["$1,00", "$25"],
        ["$5", "free"],
        ["12:30", "9:05"],
        ["1" * 17, "5" * 16],  # more digits than float64 tells apart
        ["", "5"],
        [],
    ],
)
def test_texts_that_are_no_numbers_of_one_form_stay_texts(texts):
    assert form_of(texts) == ""


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20, unique=True),
    st.integers(0, 4),
    st.sampled_from(["", "$", "USD ", "€"]),
    st.sampled_from(["", " kg", "%", " m/s"]),
    st.booleans(),
)
def test_a_form_gives_every_text_again_and_its_value(units, places, before, after, comma):
    exact = [decimal.Decimal(u).scaleb(-places) for u in units]
    texts = [f"{'-' * (v < 0)}{before}{abs(v):,.{places}f}{after}" for v in exact]
    texts = [t.translate(str.maketrans(".,", ",.")) if comma else t for t in texts]
    form = form_of(texts)
    for text, value in zip(texts, exact, strict=True):
        if form:  # digits of one length alone may be codes
            assert written(parsed(text, form), form) == text
        # 1.234 alone may be either.
        if form and (places not in (0, 3) or not comma) and places != 3:
            assert parsed(text, form) == float(value)
    assert form or not (before or after or places)


def frame() -> pd.DataFrame:
    """What a first user brings: numbers as texts, of dtype object."""
    euros = [f"{c / 100:,.2f} EUR".translate(str.maketrans(".,", ",.")) for c in CENTS]
    made = {
        "price": [f"${c // 100:,}" for c in CENTS],
        "net": euros,
        "share": [f"{c % 101}%" for c in CENTS],
        "mass": [f"{c % 90} kg" for c in CENTS],
        "owed": [f"({c % 977})" if c % 2 else f"{c % 977}" for c in CENTS],
        "seen": [f"{1 + c % 9}e{c % 12}" for c in CENTS],
        "flag": ["TRUE" if c % 2 else "FALSE" for c in CENTS],
        "answer": ["yes" if c % 3 else "no" for c in CENTS],
        "rating": [f"{1 + c % 5}/5" for c in CENTS],
        "offer": ["free" if c % 9 == 0 else f"${c:,}" for c in CENTS],
    }
    return pd.DataFrame(made, dtype=object)


@pytest.mark.filterwarnings("ignore:The column 'offer' has values")
def test_columns_of_a_frame_are_said_to_be_what_they_are_and_come_back_as_written():
    given = frame()
    kind = read(given).kind
    lines = kind.introduction.splitlines()[1 : 1 + given.shape[1]]
    said = dict(line.split(maxsplit=1) for line in lines)
    assert said["price"].startswith("whole number, written $#,##0, $")
    assert said["net"].startswith("number, written #.##0,00 EUR, ")
    assert said["share"] == "whole number, written 0%, 0% to 100%"
    assert said["mass"] == "whole number, written 0 kg, 0 kg to 89 kg"
    assert said["owed"].startswith("whole number, written 0;(0), (")
    assert said["flag"] == "category, FALSE, TRUE"
    assert said["answer"] == "category, no, yes"
    assert said["rating"].startswith("category, 1/5")
    assert said["offer"].startswith("text, ")
    assert said["offer"].endswith("as 'free' is no number")
    model = ea.synthesize(given, model=SMALL, epochs=2, progress=False)
    drawn = model.sample(300, seed=0)
    assert drawn.dtypes.equals(given.dtypes)
    patterns = {
        "price": r"\$\d{1,3}(,\d{3})*",
        "net": r"\d{1,3}(\.\d{3})*,\d\d EUR",
        "share": r"\d{1,3}%",
        "mass": r"\d\d? kg",
        "owed": r"\d{1,3}|\(\d{1,3}\)",
        "seen": r"[1-9]e\d\d?",
    }
    for name, pattern in patterns.items():
        assert drawn[name].str.fullmatch(pattern).all(), name
    dear = model.sample(20, where={"price": ">$5,000"}, seed=0)["price"]
    assert (dear.str.strip("$").str.replace(",", "").astype(int) > 5000).all()
    again = model.sample(20, where="price>$5,000", seed=0)["price"]
    assert again.tolist() == dear.tolist()
    mild = model.sample(20, where="price<$5,000, mass>=10 kg", seed=0)
    assert (mild["mass"].str.removesuffix(" kg").astype(int) >= 10).all()
    table = pa.Table.from_pandas(given)
    for where in ("net<=1000.5", 'net<="1.000,50 EUR"'):
        found = meets(table, conditions(where, list(given)), kind.columns)
        assert found.tolist() == (CENTS <= 100_050).tolist()


def test_numbers_are_taken_for_texts_of_their_column():
    table = pa.table({"price": [f"${c / 100:,.2f}" for c in CENTS]})
    columns = Columns.fit(table)
    assert np.array_equal(columns.encode(pa.table({"price": CENTS / 100})), columns.encode(table))


def test_a_number_that_a_column_of_texts_is_not_is_said():
    table = pa.table({"price": ["$5", "$7", "free"] * 9})
    with pytest.raises(ValueError, match=r"in one form, e.g. 'free'. Declare it a category"):
        read(table, columns={"price": "number"})
    assert exception(["$5", "$7", "free"]) == "free"
    assert exception(["Oslo", "Rome", "5"]) is None
    assert exception(["5 kg", "5 g"]) is None
    assert exception(["1st", "2nd", "3rd", "*"]) is None
