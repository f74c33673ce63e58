"""Identifiers that are made anew: on the pattern of those seen, place by place."""

from __future__ import annotations

import random
import uuid

import numpy as np
import pyarrow as pa
import pytest

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.identifiers import patterned

N = 200


def made(values: list[str], n: int = 500) -> list[str]:
    found = patterned("a", "string", values)
    assert found is not None
    return found.make(n, np.random.default_rng(0)).to_pylist()


@pytest.mark.parametrize("n", [20, N])
@pytest.mark.parametrize("version", [1, 4])
def test_made_uuids_are_of_the_same_sort(n, version):
    seen = random.Random(0)
    values = [str(uuid.UUID(int=seen.getrandbits(128), version=version)) for _ in range(n)]
    new = [uuid.UUID(text) for text in made(values)]
    assert {one.variant for one in new} == {uuid.RFC_4122}
    assert {one.version for one in new} == {version}
    assert len(set(new)) == 500
    assert not {*values} & {*map(str, new)}


def test_made_numbers_have_the_beginnings_of_those_seen():
    seen = np.random.default_rng(1)
    values = [f"01{seen.integers(50, 80)}-{seen.integers(10**6, 10**7)}" for _ in range(N)]
    assert {text[:3] for text in made(values)} == {"015", "016", "017"}


def test_few_values_do_not_say_which_are_left_out():
    """Of twelve digits some are missing by chance."""
    values = [f"A-{i * i * 37 % 1000:03}" for i in range(12)]
    assert len({text[-1] for text in made(values)}) == 10


def test_a_pattern_is_widened_where_it_has_too_few_texts():
    """By more characters of the same sort, before it gets longer."""
    values = [f"K{i:03}" for i in range(100, 500)]
    new = made(values, 450)
    assert {len(text) for text in new} == {4}
    assert {text[1] for text in new} == {*"0123456789"}


def test_a_line_of_totals_is_told():
    """By it, names would be learnt as text, and drawn rows would have those of real people."""
    names = [f"Smith-{i * 37 % 1000} Street" for i in range(150)]
    amounts = [i * i % 97 for i in range(150)]
    with pytest.warns(UserWarning, match="'Total' for 'name', .* may be a line of totals") as said:
        found = Columns.fit(
            pa.table({"name": [*names, "Total"], "amount": [*amounts, sum(amounts)]})
        )
    assert len(said) == 1
    assert found.columns[0].meaning == "text"
    made = Columns.fit(pa.table({"name": names, "amount": amounts}))
    assert [one.name for one in made.identifiers] == ["name"]
