"""Each column of a table given the others: what drawn rows are settled by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file, save_file

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditionals import CONDITIONALS, Conditionals, questions
from entropae.kinds.tables.settled import cells_of, snapped, spread, vectors_of

N = 1500
RNG = np.random.default_rng(0)
X = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], N)
TOWN = np.where(X[:, 0] > 0, "Oslo", np.where(X[:, 0] < -1, "Rome", "Bath"))
TABLE = pa.table(
    {
        "a": X[:, 0],
        "b": np.round(10 * X[:, 1]),
        "town": TOWN,
        "debt": pa.array(RNG.standard_normal(N), mask=X[:, 0] > 1),
    }
)


@pytest.fixture(scope="module")
def columns() -> Columns:
    made = Columns.fit(TABLE)
    made.fit_conditionals(made.encode(TABLE))
    return made


@pytest.fixture(scope="module")
def independent(columns) -> np.ndarray:
    """Vectors of a decoder that knows how each column is distributed, and nothing else."""
    rows = columns.encode(TABLE)
    parts, start = [], 0
    for column in columns.columns:
        parts.append(RNG.permutation(rows[:, start : start + column.width]))
        start += column.width
    return np.concatenate(parts, 1)


def test_settled_rows_have_the_dependence_that_a_decoder_left_out(columns, independent):
    drawn = columns.draw(independent, seed=0)
    a, b = (drawn.column(name).to_numpy() for name in ("a", "b"))
    assert abs(np.corrcoef(np.array(TABLE["a"]), np.array(TABLE["b"]))[0, 1] - 0.9) < 0.02
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.9, abs=0.05)
    said = np.where(a > 0, "Oslo", np.where(a < -1, "Rome", "Bath"))
    assert np.mean(said == np.array(drawn.column("town").to_pylist())) > 0.95
    gone = np.array([value is None for value in drawn.column("debt").to_pylist()])
    assert np.mean(gone == (a > 1)) > 0.95
    columns_alone = Columns(columns.columns, columns.noise)
    unsettled = columns_alone.draw(independent, seed=0)
    assert abs(np.corrcoef(unsettled["a"], unsettled["b"])[0, 1]) < 0.1


def test_settled_rows_keep_marginals_types_and_ranges(columns, independent):
    drawn = columns.draw(independent, seed=1)
    assert drawn.schema == TABLE.schema
    shares = [drawn.column("town").to_pylist().count(town) / N for town in ("Oslo", "Rome")]
    np.testing.assert_allclose(shares, [0.5, 0.159], atol=5 * np.sqrt(0.25 / N))
    for name in ("a", "b"):
        made, seen = np.array(drawn[name]), np.array(TABLE[name])
        assert seen.min() <= made.min()
        assert made.max() <= seen.max()
        assert abs(made.mean() - seen.mean()) < 5 * seen.std() / np.sqrt(N)
    assert np.array_equal(np.array(drawn["b"]), np.round(drawn["b"]))


def test_the_first_rows_do_not_depend_on_how_many_there_are(columns, independent):
    all_rows = columns.draw(independent, seed=3)
    assert columns.draw(independent[:50], seed=3).equals(all_rows.slice(0, 50))


def test_numbers_between_those_seen_are_drawn_too(columns):
    one = columns.columns[0]
    scores = cells_of(columns.columns, columns.encode(TABLE))[:, 0]
    again = spread(one, scores, RNG.random(N))
    moved = np.abs(again - scores)
    assert 0 < np.median(moved) < 0.01
    # Of tied values all ranks are one value.
    ties = snapped(columns.columns[1], cells_of(columns.columns, columns.encode(TABLE))[:, 1])
    tied = spread(columns.columns[1], ties, RNG.random(N))
    many = np.abs(ties) < 1.5  # of which there are dozens each
    assert (tied != ties).all()
    np.testing.assert_allclose(snapped(columns.columns[1], tied)[many], ties[many], atol=1e-9)


def test_vectors_and_cells_are_the_same_rows(columns):
    x = columns.encode(TABLE).astype(np.float64)
    assert np.array_equal(vectors_of(columns.columns, cells_of(columns.columns, x)), x)


def test_the_conditional_mean_of_a_normal_is_linear(columns):
    groups = [(0,), (0,)]
    forests = Conditionals.fit(groups, X, gone=[None, None])
    assert forests is not None
    given = np.column_stack([RNG.standard_normal(4000), np.zeros(4000)])
    streams = [np.random.default_rng(i) for i in range(2)]
    made = forests.redrawn(given, streams, which=np.tile([False, True], (4000, 1)))
    assert np.array_equal(made[:, 0], given[:, 0])
    slope = np.polyfit(made[:, 0], made[:, 1], 1)[0]
    assert slope == pytest.approx(0.9, abs=0.05)
    assert (made[:, 1] - slope * made[:, 0]).std() == pytest.approx(np.sqrt(1 - 0.81), abs=0.06)


def test_few_rows_and_single_columns_have_none():
    assert Conditionals.fit([(0,)], X[:, :1], gone=[None]) is None
    assert Conditionals.fit([(0,), (0,)], X[:19], gone=[None, None]) is None
    # As many columns as would take hours.
    assert Conditionals.fit([(0,)] * 3000, np.zeros((1000, 3000)), gone=[None] * 3000) is None


def test_a_saved_model_draws_the_same_rows(columns, independent, tmp_path):
    columns.save(tmp_path)
    again = Columns.load(tmp_path)
    assert again.draw(independent, seed=5).equals(columns.draw(independent, seed=5))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("0.values.children", lambda a: np.zeros_like(a)),  # round and round
        ("0.values.children", lambda a: a + 10**6),
        ("0.values.features", lambda a: np.where(a < 0, a, 99)),
        ("0.values.roots", lambda a: a - 5),
        ("0.values.spans", lambda a: a + a.max()),
        ("0.values.values", lambda a: a * np.nan),
        ("2.values.values", lambda a: a + 7),  # no such town
        ("0.values.values", lambda a: a[:, [0, 0]]),
        ("1.values.features", lambda a: a.astype(np.float32)),
        ("1.values.thresholds", lambda a: a[:-1]),
        ("3.values.roots", None),
        ("3.gaps.values", lambda a: a + 0.5),
    ],
)
def test_damaged_forests_are_refused(columns, tmp_path, name, change):
    columns.save(tmp_path)
    arrays = load_file(tmp_path / CONDITIONALS)
    if change is None:
        del arrays[name]
    else:
        arrays[name] = np.ascontiguousarray(change(arrays[name]))
    save_file(arrays, tmp_path / CONDITIONALS)
    with pytest.raises(ValueError, match="cannot be read"):
        Columns.load(tmp_path)


def test_nodes_ask_for_few_states_one_by_one_and_for_the_place_among_many():
    asked = questions([(0,), (3,), (50,)], np.array([[0.5, 2, 40]]))
    assert asked.tolist() == [[0.5, 0, 0, 1, 40]]
