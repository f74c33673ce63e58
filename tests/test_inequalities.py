"""Inequalities between columns hold while rows are settled, and their distribution stays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.drawn import Wanted, rows_of
from entropae.kinds.tables.inequalities import Inequalities
from entropae.kinds.tables.rules import rule_of
from entropae.kinds.tables.settled import cells_of

N, NOISE = 1000, 6
RNG = np.random.default_rng(0)
CAREER = RNG.geometric(0.08, N)


def part_of(years: np.ndarray) -> np.ndarray:
    """All of them for two in five, else fewer."""
    return np.where(RNG.random(N) < 0.4, years, RNG.integers(0, years + 1))


FIRM = part_of(CAREER)
ROLE, BOSS = part_of(FIRM), part_of(FIRM)
TABLE = pa.table(
    {"career": CAREER, "firm": FIRM, "role": ROLE, "boss": BOSS}
    | {f"x{i}": RNG.standard_normal(N).round(2) for i in range(NOISE)}
)
NAMES = TABLE.column_names
RULES = tuple(rule_of(one, NAMES) for one in ("firm <= career", "role <= firm", "boss <= firm"))


@pytest.fixture(scope="module")
def columns() -> Columns:
    made = Columns.fit(TABLE)
    made.fit_conditionals(made.encode(TABLE))
    return made


def decoded(columns: Columns, n: int) -> np.ndarray:
    """Vectors of a decoder that is right up to a noise."""
    random = np.random.default_rng(1)
    rows = columns.encode(TABLE)[random.integers(N, size=n)]
    return rows + 0.3 * random.standard_normal(rows.shape)


def drawn(columns: Columns, n: int) -> tuple[pa.Table, float]:
    """Rows, and the share of those made that was kept."""
    vectors = decoded(columns, 8000)
    table, account = rows_of(columns, RULES, lambda m: vectors[:m], Wanted(n), seed=0)
    return table, account.fit / account.drawn


def test_hardly_a_row_has_to_be_left_out(columns):
    table, kept = drawn(columns, N)
    career, firm, role, boss = (np.array(table[name]) for name in NAMES[:4])
    assert (firm <= career).all()
    assert (np.maximum(role, boss) <= firm).all()
    assert kept > 0.99


@pytest.mark.parametrize("name", NAMES[:4])
def test_columns_stay_distributed_as_they_were(columns, name):
    """Long careers are not the fewer for breaking rules the more easily.

    Leaving out the rows that break one, 32 % of them, moves three of the means by 0.2 to 0.25.
    """
    seen, made = np.array(TABLE[name]), np.array(drawn(columns, 4000)[0][name])
    assert abs(made.mean() - seen.mean()) < 0.16 * seen.std()


def test_a_row_that_keeps_the_rules_goes_on_to(columns):
    """Exactly: what breaks them is put back."""
    keeps, conditionals = Inequalities(columns, RULES), columns.conditionals
    assert conditionals is not None
    cells = cells_of(columns.columns, columns.encode(TABLE))
    for seed in range(2):
        streams = [np.random.default_rng((seed, i)) for i in range(len(NAMES))]
        cells = conditionals.redrawn(cells, streams, keeps=keeps)
        assert all(keeps.met(i, cells).all() for i in range(4))


def test_columns_without_an_inequality_or_computed_from_others_are_left_alone(columns):
    concerned = [Inequalities(columns, RULES).concerns(i) for i in range(len(NAMES))]
    assert concerned == [True] * 4 + [False] * NOISE
    computed = (*RULES[:1], rule_of("firm + role = career", NAMES))
    assert not any(Inequalities(columns, computed).concerns(i) for i in range(4))


def test_the_first_rows_do_not_depend_on_how_many_there_are(columns):
    assert drawn(columns, 40)[0].equals(drawn(columns, 400)[0].slice(0, 40))
