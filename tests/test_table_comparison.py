"""Figures of drawn tables, against what is known of them in closed form."""

from __future__ import annotations

import html
import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import entropae as ea
from entropae.cli import main
from entropae.kinds import read
from entropae.kinds.images import Images
from entropae.kinds.measures import Evaluating, Measure
from entropae.kinds.tables.comparison import (
    associations,
    compare_tables,
    marginal,
    privacy,
    real_rows,
    share,
    shared,
)
from entropae.kinds.tables.comparison.columns import distances, nearest
from entropae.kinds.tables.comparison.quality import quality
from entropae.kinds.tables.files import write_file
from entropae.kinds.tables.measures import MEASURES


def mixed(n: int, seed: int) -> pa.Table:
    """Rows of one distribution: two normal numbers, of correlation 0.6, and a class."""
    random = np.random.default_rng(seed)
    x = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n)
    kind = np.array(["a", "b", "c"])[random.choice(3, n, p=[0.5, 0.3, 0.2])]
    return pa.table({"x": x[:, 0], "y": 10 + 5 * x[:, 1], "kind": kind})


TRAIN, TEST, NEW = mixed(400, 0), mixed(200, 1), mixed(400, 2)


def test_copies_of_training_rows_are_exposed_by_every_figure():
    found = privacy(shared(TRAIN, TEST, TRAIN))
    assert found["copied"] == 1
    assert found["nearest"] == 0
    assert found["nearest_ratio"] == 0
    assert found["membership"] == 1
    assert found["membership_density"] == 1
    # Half of the training rows are looked at, which those drawn of them meet; others are at chance.
    assert found["closer"] == pytest.approx(0.75, abs=0.05)
    assert found["disclosed"] > 0.3


def test_copies_are_exposed_whatever_the_order_and_the_number_of_rows():
    drawn = TRAIN.take(np.random.default_rng(0).permutation(400)[:200])
    found = privacy(shared(TRAIN, TEST, drawn))
    assert found["copied"] == 1
    assert found["nearest"] == 0
    # Half of the members are found for sure, the other half at chance.
    assert found["membership"] == pytest.approx(0.75, abs=0.06)


def test_independent_rows_tell_nothing():
    found = privacy(shared(TRAIN, TEST, NEW))
    error = np.sqrt((400 + 200 + 1) / (12 * 400 * 200))  # of an AUC of two equal distributions
    assert abs(found["membership"] - 0.5) < 4 * error
    half = np.sqrt((400 + 100 + 1) / (12 * 400 * 100))
    assert found["membership_chance"] == pytest.approx(2 * half)
    assert abs(found["membership_density"] - 0.5) < 4 * half
    assert abs(found["closer"] - 0.5) < 4 * np.sqrt(0.25 / 200)
    assert found["copied"] == 0
    assert found["nearest"] == pytest.approx(1, abs=0.25)
    # Of 300 training and 200 held-out rows, three columns, a difference of shares of at most 1/2.
    assert abs(found["disclosed"]) < 4 * np.sqrt(0.25 / 300 + 0.25 / 200)
    real = real_rows(TRAIN, TEST)
    assert real["copied"] == 0
    assert abs(real["membership"] - 0.5) < 4 * np.sqrt(501 / (12 * 400 * 100))


def test_rows_that_occur_again_by_nature_are_no_copies_beside_real_ones():
    """Of few categories every row is in the training table: figures must not cry wolf."""
    tables = [t.select(["kind"]).append_column("also", t["kind"]) for t in (TRAIN, TEST, NEW)]
    found = privacy(shared(*tables))
    assert found["copied"] == real_rows(*tables[:2])["copied"] == 1
    assert found["nearest"] == 1
    assert found["nearest_ratio"] == 1
    assert found["closer"] == found["membership"] == found["membership_density"] == 0.5


def test_a_generator_that_moves_training_rows_a_little_is_found_out():
    moved = TRAIN.set_column(0, "x", pa.array(TRAIN["x"].to_numpy() + 1e-3))
    found = privacy(shared(TRAIN, TEST, moved))
    assert found["copied"] == 0
    assert found["nearest"] < 0.1
    assert found["membership"] > 0.95
    assert found["membership_density"] > 0.95


@pytest.mark.parametrize(("shift", "scale"), [(0.7, 1.0), (-1.5, 1.0), (0.0, 2.0), (0.0, 1.0)])
def test_marginals_of_numbers_are_wassersteins_distance(shift, scale):
    """Of `x` and `a x + b σ`, whose ranks are the same: the mean of `|x − a x − b σ|`."""
    x = TEST["y"].to_numpy()
    x = x - x.mean()
    drawn = scale * x + shift * x.std()
    tables = [pa.table({"x": values}) for values in (x, x, drawn)]
    expected = np.abs(x - drawn).mean() / x.std()
    assert marginal(shared(*tables)[0]) == pytest.approx(expected)


def classes(**counts: int) -> pa.Table:
    return pa.table({"kind": [name or None for name, n in counts.items() for _ in range(n)]})


def test_marginals_of_categories_are_the_total_variation():
    real, drawn = classes(a=50, b=30, c=20), classes(a=20, b=30, d=50)
    columns = shared(real, real, drawn)
    assert marginal(columns[0]) == pytest.approx(0.5)
    assert marginal(shared(real, real, real)[0]) == 0


def test_rare_categories_that_are_never_drawn_are_wholly_wrong():
    real, never = classes(a=95, b=3, c=2), classes(a=50, d=50)
    assert quality(shared(real, real, never))["rare"] == pytest.approx(1)
    assert quality(shared(real, real, real))["rare"] == 0
    twice = classes(a=90, b=6, c=4)
    assert quality(shared(real, real, twice))["rare"] == pytest.approx(1)
    assert np.isnan(quality(shared(never, never, never))["rare"])


def test_missing_values_are_counted():
    real = pa.table({"x": pa.array(range(100), pa.float64()), "t": ["a", None] * 50})
    gaps = np.arange(100) < 30
    drawn = pa.table({"x": pa.array(np.arange(100.0), mask=gaps), "t": ["a"] * 100})
    found = quality(shared(real, real, drawn))
    assert found["missing"] == pytest.approx((0.3 + 0.5) / 2)


def test_associations_are_those_of_textbooks():
    random = np.random.default_rng(0)
    table = pa.table({"a": ["u"] * 10 + ["v"] * 20, "b": ["p"] * 8 + ["q"] * 12 + ["p"] * 10})
    a, b, c, d = 8, 2, 10, 10  # the table of counts, whose φ is
    phi = abs(a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    assert associations(share([table]), 0)[0, 1] == pytest.approx(phi)
    x = random.standard_normal(4000)
    y = 0.6 * x + 0.8 * random.standard_normal(4000)
    high = np.where(x > 0, "high", "low")
    of = associations(share([pa.table({"x": x, "y": np.exp(y), "high": high, "same": high})]), 0)
    assert of[0, 1] == pytest.approx(0.6, abs=4 * 0.64 / np.sqrt(4000))  # of scores: exp is nothing
    # Of a normal number and its sign: the means of the halves are ±√(2/π).
    assert of[0, 2] == pytest.approx(np.sqrt(2 / np.pi), abs=0.01)
    assert of[2, 3] == pytest.approx(1)
    np.testing.assert_array_equal(of, of.T)


def test_distances_are_those_that_are_said():
    one = pa.table({"t": ["a", "b"] * 10, "x": pa.array([*range(18), None, None], pa.float64())})
    columns = share([one, one], {"t"})
    every = np.arange(20)
    found, index = nearest(columns, (0, every), (1, every), 2)
    np.testing.assert_array_equal(index[:, 0], every)
    assert (found[:, 0] == 0).all()
    scores = columns[1].scores[0]
    # Row 0 is nearest to row 2 of the same category, or to row 1 of the other.
    expected = min(scores[2] - scores[0], np.sqrt(2 + (scores[1] - scores[0]) ** 2))
    assert found[0, 1] == pytest.approx(expected)
    assert found[18, 1] == pytest.approx(np.sqrt(2))  # to 19: both are missing, categories differ


def test_the_nearest_rows_are_those_of_the_sums_of_distances():
    random = np.random.default_rng(0)
    rows = mixed(60, 5).append_column(
        "gap", pa.array(random.random(60), mask=random.random(60) < 0.3)
    )
    columns, every = share([rows, rows]), np.arange(60)
    total = np.concatenate([sum(parts) for _, parts in distances(columns, (0, every), (1, every))])
    found, index = nearest(columns, (0, every), (1, every), 3)
    np.testing.assert_allclose(found, np.sqrt(np.sort(total, 1)[:, :3]), atol=1e-12)
    np.testing.assert_array_equal(index, total.argsort(1, kind="stable")[:, :3])


def test_the_target_is_predicted_from_drawn_rows():
    random = np.random.default_rng(0)
    x = random.standard_normal((600, 2))
    table = pa.table({"x": x[:, 0], "noise": x[:, 1], "up": x[:, 0] > 0, "twice": 2 * x[:, 0]})
    parts = [table[:200], table[200:400], table[400:]]
    assert quality(shared(*parts), target="up")["accuracy"] > 0.95
    assert quality(shared(*parts), target="twice")["r2"] > 0.9
    wrong = parts[2].set_column(2, "up", pa.array(random.random(200) < 0.5))
    wrong = wrong.set_column(3, "twice", pa.array(-2 * x[400:, 0]))
    assert abs(quality(shared(*parts[:2], wrong), target="up")["accuracy"] - 0.5) < 0.15
    # Of y and −y as its prediction: 1 − (2y)²/y².
    assert quality(shared(*parts[:2], wrong), target="twice")["r2"] == pytest.approx(-3, abs=0.3)
    always = parts[2].set_column(2, "up", pa.array([True] * 200))
    assert quality(shared(*parts[:2], always), target="up")["accuracy"] == 0.5
    with pytest.raises(ValueError, match=r"Unknown target 'ups'.*Did you mean 'up'"):
        compare_tables(*parts, target="ups")
    with pytest.raises(ValueError, match="there are none"):
        compare_tables(*[part.select(["up"]) for part in parts], target="up")


def test_too_few_rows_and_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"At least 10 .* got 400, 5, 400"):
        shared(TRAIN, TEST[:5], NEW)
    with pytest.raises(ValueError, match="Unknown column 'y'"):
        shared(TRAIN, TEST, NEW.drop_columns("y"))


def test_every_figure_is_in_words():
    found = compare_tables(TRAIN, TEST, NEW, target="kind")
    assert set(found) <= set(MEASURES)
    assert set(real_rows(TRAIN, TEST, target="kind")) == set(found)
    assert all(
        isinstance(m, Measure) and m.unit and m.said.endswith(".") for m in MEASURES.values()
    )


def test_scores_of_sdmetrics_are_its_own():
    reports = pytest.importorskip("sdmetrics.single_column")
    found = compare_tables(TRAIN, TEST, NEW)
    columns, new = TEST.to_pandas(), NEW.to_pandas()
    scores = [
        reports.KSComplement.compute(columns["x"], new["x"]),
        reports.KSComplement.compute(columns["y"], new["y"]),
        reports.TVComplement.compute(columns["kind"], new["kind"]),
    ]
    assert found["sdmetrics_shapes"] == pytest.approx(np.mean(scores))
    assert 0.9 < found["sdmetrics_pairs"] <= 1


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people run")
    random = np.random.default_rng(0)
    table = mixed(260, 3).append_column("secret", pa.array(random.integers(10**6, 10**7, 260)))
    write_file(table, folder / "people.csv")
    options = ["--epochs", "3", "--model.hidden", "[16]", "--model.latent.dim", "2"]
    data = ["--data", str(folder / "people.csv"), "--validation", "0.3"]
    assert main(["fit", *data, "--out", str(folder / "run"), *options]) == 0
    return folder / "run", table


def real_cells(page: str, table: pa.Table) -> int:
    """How many values of a column in which all differ are on a page."""
    return sum(str(value) in page for value in table["secret"].to_pylist())


def test_a_report_shows_no_real_rows_unless_asked(run):
    folder, table = run
    page = html.unescape((folder / "report.html").read_text())
    # Drawn values lie between quantiles, of which a few may be met by chance.
    by_chance = 8
    assert real_cells(page, table) <= by_chance
    (command,) = re.findall(r"entropae report .* --real-rows", page)
    assert main(shlex.split(command)[1:]) == 0
    assert real_cells((folder / "report.html").read_text(), table) > 2 * by_chance
    assert main(["report", str(folder)]) == 0
    assert html.unescape((folder / "report.html").read_text()) == page
    assert "membership inference" in page
    assert "kind: total variation" in page


@pytest.mark.long
def test_evaluate_says_units_and_directions_and_draws(run, tmp_path, capsys):
    folder, _ = run
    out = tmp_path / "pictures"
    assert main(["evaluate", str(folder), "--target", "kind", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    for measure in MEASURES.values():
        if "sdmetrics" not in measure.title and measure.unit != "R²":
            assert f"{measure.title}: {measure.said}" in said
    lines = {line.split("  ")[0]: line for line in said.splitlines()}
    assert lines["two-sample AUC"].endswith("near 0.5  probability")
    assert "real rows  better" in said
    assert {path.name for path in out.iterdir()} == {
        f"{what}-{prior}.png"
        for what in ("marginals", "associations")
        for prior in ("normal", "full", "mixture")
    }
    kept = json.loads((folder / "evaluation-tables.json").read_text())
    assert kept["asked"]["target"] == "kind"
    assert set(kept["columns"]["normal"]) == {"x", "y", "kind", "secret"}
    assert main(["report", str(folder)]) == 0
    assert (
        "Boosted trees tell a drawn row from a held-out one" in (folder / "report.html").read_text()
    )
    assert main(["evaluate", str(folder), "--target", "kid"]) == 1
    assert "Did you mean 'kind'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:The column 'note' has values that no training row has")
def test_texts_that_differ_in_every_row_are_left_out_of_figures():
    """By them real rows would be told from real rows, and rows held out from training rows."""
    random = np.random.default_rng(0)
    words = ["red", "a", "house", "sold", "again", "in", "spring", "for", "less"]
    notes = [f"{' '.join(random.choice(words, 2 + i % 5))} {i % 7}" for i in range(300)]
    table = pa.table({"x": random.standard_normal(300), "g": random.choice(list("abc"), 300)})
    table = table.append_column("note", pa.array(notes))
    model = ea.synthesize(table, epochs=2, validation=0.3, progress=False).model
    train, test = read(table).split(0.3, seed=0)
    train, test = (replace(rows, kind=model.kind) for rows in (train, test))
    with pytest.warns(
        UserWarning, match=r"'note' is left out of the figures: \d+% of the held-out"
    ):
        found = model.kind.evaluate(model, train, test, Evaluating(n=100))
    assert set(found["columns"]["normal"]) == {"x", "g"}
    assert found["real rows"]["auc"] < 0.7
    assert found["real rows"]["closer"] > 0.3


def test_targets_and_pictures_are_for_tables(tmp_path):
    images = Images((1, 8, 8))
    with pytest.raises(ValueError, match="`target` is for tables: leave it out for images"):
        images.check_evaluating(Evaluating(target="kind"))
    with pytest.raises(ValueError, match="`out` is for tables: leave it out for images"):
        images.check_evaluating(Evaluating(out=tmp_path))
