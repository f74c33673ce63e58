"""Models of tables: every type comes back, and what a file says is checked."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.numpy import load_file, save_file

import entropae as ea
from entropae.cli import main
from entropae.kinds.tables.columns import NUMBERS, TABLE, Columns
from entropae.kinds.tables.comparison import compare_tables, two_sample_auc
from entropae.kinds.tables.files import is_table, read_file, write_file
from entropae.nn.table import TableDecoder, entropies_of

N = 240
RNG = np.random.default_rng(0)
DAYS = [
    datetime.date(2020, 1, 1) + datetime.timedelta(days=int(i)) for i in RNG.integers(0, 900, N)
]
MIXED = pa.table(
    {
        "Größe 高さ": RNG.normal(170, 10, N),
        "income": np.where(RNG.random(N) < 0.4, 0, np.round(RNG.lognormal(8, 1.5, N), 2)),
        "children": RNG.integers(0, 4, N).astype(np.int8),
        "visits": pa.array(RNG.geometric(0.02, N), pa.int32()),
        "member": RNG.random(N) < 0.3,
        "town": [None if u < 0.2 else "Köln" if u < 0.6 else "Łódź, east" for u in RNG.random(N)],
        "debt": pa.array(RNG.standard_normal(N), mask=RNG.random(N) < 0.3),
        "born": DAYS,
        "same": [7] * N,
        "one": ["x"] * N,
        "nothing": pa.nulls(N),
        "kind": pa.array(list("abc") * (N // 3)).dictionary_encode(),
    }
)


def test_a_mixed_table_keeps_names_order_types_and_ranges():
    columns = Columns.fit(MIXED)
    again = columns.decode(columns.encode(MIXED))
    assert again.schema == MIXED.schema
    for name in ("children", "member", "town", "same", "one", "nothing", "kind"):
        assert again.column(name).to_pylist() == MIXED.column(name).to_pylist()
    noise = np.random.default_rng(1).standard_normal((500, columns.width)) * 3
    drawn = columns.draw(np.abs(noise), seed=0)
    assert drawn.schema == MIXED.schema
    for name in ("visits", "born", "income", "debt"):
        made, seen = (set(t.column(name).to_pylist()) - {None} for t in (drawn, MIXED))
        assert min(seen) <= min(made)
        assert max(made) <= max(seen)
    assert set(drawn.column("town").to_pylist()) == {None, "Köln", "Łódź, east"}


def test_scores_of_normal_numbers_are_the_numbers_standardised():
    x = np.random.default_rng(0).normal(5, 2, 20_000)
    scores = Columns.fit(pa.table({"x": x})).encode(pa.table({"x": x}))[:, 0]
    middle = np.abs(x - 5) < 4
    np.testing.assert_allclose(scores[middle], (x[middle] - 5) / 2, atol=0.1)


def test_repeated_zeros_keep_their_share_under_a_normal_law():
    columns = Columns.fit(MIXED)
    z = np.random.default_rng(2).standard_normal((20_000, 1))
    x = np.concatenate([np.zeros((20_000, 1)), z, np.zeros((20_000, columns.width - 2))], 1)
    zeros = np.mean(columns.decode(x).column("income").to_numpy() == 0)
    real = np.mean(MIXED.column("income").to_numpy() == 0)
    assert zeros == pytest.approx(real, abs=0.02)


def test_drawn_categories_have_the_decoder_s_probabilities():
    columns = Columns.fit(pa.table({"c": ["a", "b", None]}))
    drawn = columns.draw(np.tile([0.1, 0.7, 0.2], (20_000, 1)), seed=0).column("c").to_pylist()
    shares = [drawn.count(value) / 20_000 for value in ("a", "b", None)]
    np.testing.assert_allclose(shares, [0.1, 0.7, 0.2], atol=4 * math.sqrt(0.25 / 20_000))
    assert columns.decode(np.array([[0.1, 0.7, 0.2]])).column("c").to_pylist() == ["b"]


def test_noise_restores_the_covariance_that_a_mean_has_not():
    law = np.array([[1.0, 0.8], [0.8, 1.0]])
    x = np.random.default_rng(3).multivariate_normal([0, 0], law, 5000)
    columns = Columns.fit(pa.table({"a": x[:, 0], "b": x[:, 1]}))
    scores = columns.encode(pa.table({"a": x[:, 0], "b": x[:, 1]}))
    columns.fit_noise(scores, np.zeros_like(scores))
    np.testing.assert_allclose(columns.noise @ columns.noise.T, law, atol=0.05)


def test_the_error_is_the_share_not_known():
    x = torch.tensor([[1.0, 1, 0], [-1, 0, 1], [1, 0, 1], [-1, 0, 1]])
    error = TableDecoder((0, 2), 1, entropies=entropies_of((0, 2), x)).error
    nothing = torch.tensor([0, 0.25, 0.75]).expand(4, 3)
    assert error(nothing, x).shape == (2, 4)
    assert float(error(nothing, x).mean()) == pytest.approx(1)
    assert float(error(x, x).mean()) == 0
    wrong = torch.tensor([[0.0, 0, 1]] * 4, requires_grad=True)
    error(wrong, x).mean().backward()
    assert wrong.grad is not None
    assert torch.isfinite(wrong.grad).all()


def test_the_decoder_s_categories_are_probabilities():
    out = TableDecoder((0, 3, 0, 1), 2, hidden=(4,))(torch.randn(5, 2))
    torch.testing.assert_close(out[:, 1:4].sum(1), torch.ones(5))
    torch.testing.assert_close(out[:, 5], torch.ones(5))
    assert out.shape == (5, 6)
    with pytest.raises(ValueError, match="`groups` must be whole numbers"):
        TableDecoder((0, -1), 2)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([math.inf, *range(199)], "'c' has infinite numbers.*--drop c"),
        ([[1]] * 200, "'c' has the type list.*--drop c"),
        ([f"x{i:03}" for i in range(200)], "All columns identify the rows.*--category c"),
    ],
)
def test_columns_that_cannot_be_learnt_are_named(column, message):
    with pytest.raises(ValueError, match=message):
        Columns.fit(pa.table({"c": pa.array(list(column))}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"b": ["u"]}, "Unknown column 'a'"),
        ({"a": [[1]]}, "'a' must be of type string"),
    ],
)
def test_rows_that_do_not_fit_are_named(rows, message):
    columns = Columns.fit(pa.table({"a": ["u", "v"]}))
    with pytest.raises(ValueError, match=message):
        columns.encode(pa.table(rows))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["c"],
            "'a' has values that no training row has, such as 'c', in 1 rows. These cells are "
            "taken as unknown",
        ),
        ([None, "u"], "'a' has 1 missing values, and had none"),
    ],
)
def test_what_was_not_seen_is_unknown(cells, message):
    columns = Columns.fit(pa.table({"a": ["u", "v", "v", "v"]}))
    with pytest.warns(UserWarning, match=message):
        x = columns.encode(pa.table({"a": cells}))
    np.testing.assert_allclose(x[0], [0.25, 0.75])


def test_csv_and_parquet_hold_the_same(tmp_path):
    table = MIXED.drop_columns(["kind", "same", "nothing"])
    for name in ("t.csv", "t.parquet"):
        write_file(table, tmp_path / name)
    assert read_file(tmp_path / "t.parquet").equals(table)
    read = read_file(tmp_path / "t.csv")
    assert read.to_pylist() == table.to_pylist()
    assert is_table("a.CSV")
    assert not is_table("a.npy")
    with pytest.raises(ValueError, match=r"must end in \.csv or \.parquet"):
        write_file(table, tmp_path / "t.txt")


def test_a_name_twice_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,a\n1,2\n")
    with pytest.raises(ValueError, match="more than one column called a"):
        read_file(tmp_path / "t.csv")


def test_saved_columns_are_the_same(tmp_path):
    columns = Columns.fit(MIXED)
    x = columns.encode(MIXED)
    columns.fit_noise(x, 0.9 * x)
    columns.save(tmp_path)
    again = Columns.load(tmp_path)
    np.testing.assert_array_equal(again.encode(MIXED), x)
    assert again.draw(x, seed=1).equals(columns.draw(x, seed=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "object"}, "Unknown type 'object'"),
        ({"type": "string"}, "needs its categories"),
        ({"levels": list(range(1000))}, "from 1 to 100 categories"),
        ({"levels": ["a"]}, "not of type double"),
        ({"levels": [1.0, 1.0]}, "must differ"),
        ({"levels": []}, "from 1 to 100"),
        ({"levels": [[1]]}, "cannot be read"),
        ({"decimals": 400}, "`decimals` must be from 0"),
        ({"name": 3}, "name must be a text"),
        ({"name": "b"}, "a name twice"),
        ({"more": 1}, "a column is described by"),
    ],
)
def test_a_hostile_description_is_refused(tmp_path, change, message):
    Columns.fit(pa.table({"a": RNG.random(30), "b": RNG.random(30)})).save(tmp_path)
    config = json.loads((tmp_path / TABLE).read_text())
    config["columns"][0] |= change
    (tmp_path / TABLE).write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        Columns.load(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"0": np.array([1.0, 0.0])},
        {"0": np.array([np.nan])},
        {"0": np.zeros(1001)},
        {"0": np.zeros((2, 2))},
        {"noise": np.zeros((3, 3))},
        {"noise": np.full((1, 1), np.inf)},
    ],
)
def test_hostile_numbers_are_refused(tmp_path, arrays):
    Columns.fit(pa.table({"a": RNG.random(30)})).save(tmp_path)
    save_file(load_file(tmp_path / NUMBERS) | arrays, tmp_path / NUMBERS)
    with pytest.raises(ValueError, match="cannot be read"):
        Columns.load(tmp_path)


def test_a_table_is_like_itself_and_unlike_another():
    random = np.random.default_rng(0)
    x = random.standard_normal((1500, 2))
    y = np.stack([x[:, 0], x[:, 0] + 0.1 * random.standard_normal(1500)], 1)
    like, other = (pa.table({"a": v[:, 0], "b": v[:, 1]}) for v in (x, y))
    same = compare_tables(like[:500], like[500:1000], like[1000:])
    far = compare_tables(like[:500], like[500:1000], other[1000:])
    assert abs(same["auc"] - 0.5) < 0.12 < far["auc"] - 0.5
    assert same["association"] < 0.2 < far["association"]
    assert math.isnan(same["total_variation"])
    assert two_sample_auc(x[:, :1], x[:, :1] + 10) > 0.99


OPTIONS = ("--epochs", "3", "--model.hidden", "[16]", "--model.latent.dim", "3")


@pytest.mark.long
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_from_a_file_to_a_file(tmp_path, capsys, suffix):
    table = MIXED.drop_columns(["kind", "nothing"]) if suffix == ".csv" else MIXED
    table = table.append_column("id", pa.array(range(N)))
    source, out = tmp_path / f"people{suffix}", str(tmp_path / "run")
    write_file(table, source)
    fit = ["fit", "--data", str(source), "--out", out, "--drop", "same", *OPTIONS]
    assert main([*fit, *([] if suffix == ".parquet" else ["--no-report"])]) == 0
    assert "identifier, numbered on from 240" in capsys.readouterr().out
    expected = read_file(source).drop_columns("same").schema
    for command in (["sample", out, "-n", "50"], ["reconstruct", out, "-n", "10"]):
        made = tmp_path / f"made{suffix}"
        assert main([*command, "--out", str(made)]) == 0
        if suffix == ".parquet":
            assert read_file(made).schema == expected
        assert read_file(made).column_names == expected.names
        assert read_file(made).column("id")[:2].to_pylist() == [240, 241]
    assert main(["encode", out, "--out", str(tmp_path / "z.npy")]) == 0
    assert np.load(tmp_path / "z.npy").shape == (N, 3)
    assert main(["evaluate", out]) == 0
    assert set(json.loads((tmp_path / "run" / "evaluation-tables.json").read_text())) >= {"normal"}
    capsys.readouterr()
    assert main(["reconstruct", out, "--data", "digits"]) == 1
    assert "The model takes rows of a table" in capsys.readouterr().err
    model, columns = ea.load(out), Columns.load(out)
    rows = model.sample(5, seed=0)
    assert rows.equals(columns.draw(model.draw(5, seed=0).numpy(), seed=0))
    assert rows.equals(model.sample(20, seed=0)[:5])
    if suffix == ".parquet":
        assert rows.schema == expected


def test_numbers_beside_those_seen_are_taken_as_the_nearest():
    columns = Columns.fit(pa.table({"x": np.arange(0.5, 30), "rooms": [1, 2, 4] * 10}))
    other = pa.table({"x": [1.5, 2.5], "rooms": [9, 3]})
    with pytest.warns(UserWarning, match=r"'rooms' has values .*such as 9, in 2 rows"):
        encoded = columns.encode(other)
    np.testing.assert_array_equal(encoded[:, 1:], [[0, 0, 1], [0, 1, 0]])


def test_files_that_a_model_was_saved_with_are_missed(tmp_path):
    """Without its rules a model would draw rows that break them, and say nothing."""
    low = np.round(RNG.uniform(0, 50, 400))
    table = pa.table({"low": low, "high": low + np.round(RNG.uniform(0, 90, 400))})
    model = ea.synthesize(table, rules="low <= high", epochs=1, progress=False)
    for name in ("rules.json", "conditionals.safetensors"):
        folder = tmp_path / name.partition(".")[0]
        model.save(folder)
        (found,) = folder.rglob(name)
        assert ea.load(found.parent) is not None
        found.unlink()
        with pytest.raises(ValueError, match=f"{name} is missing"):
            ea.load(found.parent)
