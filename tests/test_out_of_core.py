"""Samples read by blocks: the same value as in memory, whatever the cells."""

from __future__ import annotations

import math
import os
import shutil
import signal
import tempfile
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import entropae as ea
from entropae.entropy import blocks
from entropae.out_of_core import disk
from entropae.out_of_core.extent import Extent, Moments
from entropae.out_of_core.partition import count, partition, sort
from entropae.reader import rows

exact = {"rel": 1e-12, "abs": 1e-12}
X = np.random.default_rng(0).standard_normal((3000, 3)) @ np.diag([1, 2, 5.0]) + [0, 0, 100]


@pytest.fixture
def many_cells(monkeypatch):
    """Cells and blocks of some hundred rows."""
    monkeypatch.setattr(disk, "CELL", 1 << 14)
    monkeypatch.setattr(rows, "BLOCK", 1 << 14)


def as_file(x: np.ndarray, folder: Path) -> Path:
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


def laws(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    normal = rng.standard_normal((n, 4))
    return {
        "one column": rng.standard_normal(n),
        "float32": normal.astype(np.float32),
        "Fortran order": np.asfortranarray(normal),
        "big-endian": normal.astype(">f8"),
        "heavy tails": rng.standard_cauchy((n, 2)),
        "far clusters": normal + 1e6 * rng.integers(0, 3, (n, 1)),
        "a mostly constant column": normal * (rng.random((n, 4)) < [1, 1, 1, 0.05]),
        "twice": rng.permutation(np.repeat(normal[: n // 2], 2, axis=0)),
        "scale 1e-200": normal * 1e-200,
        "scale 1e200": normal * 1e200,
        "14 columns": rng.standard_normal((n // 2, 14)),
        "fewer rows than columns": rng.standard_normal((10, 14)),
        "integers": rng.integers(0, 10**6, (n, 2)),
    }


@pytest.mark.usefixtures("many_cells")
@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize("law", laws(10))
def test_by_blocks_as_in_memory(tmp_path, law, norm):
    x = laws(3000)[law]
    # The difference of two float32 is rounded to float32 in memory, and here not.
    in_memory = x.astype(np.float64) if x.dtype == np.float32 else x
    if "scale" in law:
        unit = 1e-200 if "1e-200" in law else 1e200
        expected = ea.knn_entropy(x / unit, [2, 5], norm=norm) + 4 * math.log(unit)
        assert ea.knn_entropy(as_file(x, tmp_path), [2, 5], norm=norm) == pytest.approx(expected)
        return
    path = as_file(x, tmp_path)
    by_blocks = ea.entropy_estimate(path, [2, 5], norm=norm, resolution=None)
    # By blocks, numbers are taken as they are.
    options = {"norm": norm, "repeats": 0, "resolution": None, "check": False}
    expected = ea.entropy_estimate(in_memory, [2, 5], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ea.knn_entropy(path, [2, 5], norm=norm) == by_blocks.value
    np.testing.assert_allclose(by_blocks[:6], expected[:6], rtol=1e-10, atol=1e-12)
    assert by_blocks.warnings == expected.warnings


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(2, 300),
    d=st.integers(1, 5),
    cells=st.integers(1, 40),
    k=st.integers(1, 8),
    grid=st.sampled_from([0, 3]),
)
def test_any_partition_is_exact(seed, n, d, cells, k, grid):
    """Also of points that coincide, and with cells of fewer than k."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, grid, (n, d)).astype(float) if grid else rng.standard_normal((n, d))
    k = min(k, n - 1)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "CELL", max(1, 8 * n * (d + k + 1) // cells))
        found = ea.knn_entropy(as_file(x, Path(folder)), k, floor=0.1, resolution=None)
        assert found == pytest.approx(
            ea.knn_entropy(x, k, floor=0.1, resolution=None, scale=None), **exact
        )


@pytest.mark.parametrize("cells", [1, 2, 7, 40])
def test_a_partition_sorts_every_row_into_cells_of_like_size(cells):
    tree = partition(X, cells)
    parts = sort(X, tree)
    assert count(tree) == len(parts) == cells
    assert all(0.8 * len(X) / cells <= len(part) <= 1.2 * len(X) / cells for part in parts)
    np.testing.assert_array_equal(np.sort(np.vstack(parts), 0), np.sort(X, 0))


def test_rows_that_coincide_are_not_cut_apart():
    x = np.repeat([[0.0, 1.0], [2.0, 1.0]], 50, axis=0)
    assert sorted(map(len, sort(x, partition(x, 10)))) == [50, 50]
    assert count(partition(x[:50], 10)) == 1


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_moments_merge(parts):
    moments = Moments.merged(*map(Moments.of, np.array_split(X, parts)))
    assert moments.n == len(X)
    np.testing.assert_allclose(moments.mean, X.mean(0))
    scatter = moments.factor.T @ moments.factor
    np.testing.assert_allclose(scatter, np.cov(X.T, ddof=0) * len(X), rtol=1e-10, atol=1e-8)


def test_rows_drawn_are_of_all_blocks():
    parts = [Extent.of(part, i, "x") for i, part in enumerate(np.array_split(X, 10))]
    both = Extent.merged(Extent.merged(*parts[:5]), Extent.merged(*parts[5:]))
    assert both.n == len(both.drawn) == len(X)
    np.testing.assert_array_equal(both.low, X.min(0))
    np.testing.assert_array_equal(both.high, X.max(0))


def test_what_may_be_large(tmp_path):
    path = as_file(X, tmp_path)
    expected = pytest.approx(ea.knn_entropy(X), **exact)
    assert ea.knn_entropy(str(path)) == expected
    assert ea.knn_entropy(np.load(path, mmap_mode="r")) == expected
    assert ea.knn_entropy(da.from_array(X, (700, 2))) == expected
    assert ea.knn_entropy(da.from_array(X, (700, 2))[X[:, 0] > 0]) == pytest.approx(
        ea.knn_entropy(X[X[:, 0] > 0]), **exact
    )


@pytest.mark.usefixtures("many_cells")
def test_columns_of_a_parquet_file_in_several_row_groups(tmp_path):
    table = pa.table({"a": X[:, 0], "name": ["x"] * len(X), "b": X[:, 1].astype(np.float32)})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=500)
    x = np.stack([X[:, 0], X[:, 1].astype(np.float32)], 1)
    assert ea.knn_entropy(tmp_path / "t.parquet") == pytest.approx(ea.knn_entropy(x), **exact)
    one = ea.open_table(tmp_path / "t.parquet", ["b"])
    assert ea.knn_entropy(one) == pytest.approx(ea.knn_entropy(x[:, 1]), **exact)
    with pytest.raises(ValueError, match="'name' does not hold numbers"):
        ea.open_table(tmp_path / "t.parquet", ["name"])


@pytest.mark.usefixtures("many_cells")
def test_missing_values_are_found_or_dropped(tmp_path):
    x = X.copy()
    x[1234, 1] = math.nan
    path = as_file(x, tmp_path)
    with pytest.raises(ValueError, match=r"x\.npy must be finite: got NaN or inf in row 1234\."):
        ea.knn_entropy(path)
    some = ea.open_table(path, missing="drop")
    assert some.count() == (2999, 1)
    expected = pytest.approx(ea.knn_entropy(np.delete(x, 1234, 0)), **exact)
    assert ea.knn_entropy(some) == expected


def test_text_is_not_read_by_blocks(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match=r"must end in one of \.npy, \.parquet .* got '\.csv'"):
        ea.knn_entropy(tmp_path / "t.csv")
    with pytest.raises(FileNotFoundError, match="no file"):
        ea.knn_entropy(tmp_path / "none.npy")


@pytest.mark.parametrize("kind", ["file", "dask"])
@pytest.mark.parametrize(
    ("column", "message"),
    [(np.full(3000, 7.0), "Column 3 of `x` is const"), (X @ [1, 2, 3], "Columns 0, 1, 2, 3 of")],
)
def test_degenerate_columns_are_named(tmp_path, kind, column, message):
    x = np.column_stack([X, column])
    large = as_file(x, tmp_path) if kind == "file" else da.from_array(x, (500, -1))
    with pytest.warns(UserWarning, match=message):
        assert ea.knn_entropy(large) == -math.inf
    assert message in ea.entropy_estimate(large).warnings[0]


def test_columns_of_unlike_scales(tmp_path):
    x = np.random.default_rng(0).standard_normal((300, 2)) * [1, 1e4]
    np.save(tmp_path / "x.npy", x)
    with pytest.warns(UserWarning, match=r"differ by a factor of \d\.\d+e\+03"):
        raw = ea.knn_entropy(tmp_path / "x.npy")
    assert raw == pytest.approx(ea.knn_entropy(x, resolution=None, scale=None), rel=1e-9)
    assert "divide columns by" in ea.entropy_estimate(tmp_path / "x.npy").warnings[0]


def test_points_that_coincide(tmp_path):
    path = as_file(np.repeat(X, 3, axis=0), tmp_path)
    with pytest.warns(UserWarning, match="coincide with their neighbour k=2"):
        assert ea.knn_entropy(path, 2) == -math.inf
    with pytest.warns(UserWarning, match="100% of the rows are there more than once"):
        assert ea.knn_entropy(path, 3) > -math.inf
    assert ea.knn_entropy(path, 3, resolution=None) > -math.inf  # which says nothing of it
    estimate = ea.entropy_estimate(path, 2)
    assert estimate.value == -math.inf
    assert "coincide" in estimate.warnings[0]


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (X, {"method": "kpn"}, r'`method` must be "kl" for a sample read by blocks: got .*kpn'),
        (X, {"method": "kd"}, "got method='kd'"),
        (X, {"norm": "manhattan"}, "`norm` must be one of euclidean, maximum: got 'manhattan'"),
        (X, {"k": 3000}, r"`k` must be in \[1, 2999\]: got k=3000"),
        (X, {"floor": -1.0}, "`floor` must be a finite distance"),
        (np.array(["a", "b"]), {}, "must hold real numbers: got dtype <U1"),
        (np.zeros((2, 2), complex), {}, "must hold real numbers: got dtype complex128"),
        (
            np.zeros((2, 2, 2)),
            {},
            r"must have shape \(n, d\) or \(n,\), not empty: got \(2, 2, 2\)",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["file", "dask"])
def test_bad_input(tmp_path, kind, x, options, message):
    large = as_file(x, tmp_path) if kind == "file" else da.from_array(x)
    with pytest.raises(ValueError, match=message):
        ea.knn_entropy(large, **options)


def test_dask_says_which_chunk(tmp_path):
    x = X.copy()
    x[1234, 1] = math.inf
    with pytest.raises(ValueError, match="`x`, chunk 2, must be finite: got NaN or inf in row 234"):
        ea.knn_entropy(da.from_array(x, (500, -1)))


def test_no_baseline_of_as_many_points(tmp_path):
    path = as_file(X, tmp_path)
    with pytest.raises(ValueError, match=r"`repeats` must be 0 .* got repeats=4"):
        ea.entropy_estimate(path, repeats=4)
    assert math.isnan(ea.entropy_estimate(path).baseline)


def test_no_room(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"no room to sort .* 0\.0 GB are free\. Set TMPDIR"):
        ea.knn_entropy(as_file(X, tmp_path))


def test_the_folder_is_gone_after_an_error(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    path = as_file(X, tmp_path)

    def fail(*_):
        assert len(list(folder.glob("*/*"))) == 1
        raise RuntimeError("in the middle")

    monkeypatch.setattr(disk, "within", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        ea.knn_entropy(path)
    assert not list(folder.iterdir())


def test_the_value_does_not_depend_on_threads(tmp_path):
    path = as_file(X, tmp_path)
    one = ea.knn_entropy(path)
    torch.set_num_threads(3)
    try:
        assert ea.knn_entropy(path) == one
    finally:
        torch.set_num_threads(1)


def test_progress_is_shown(tmp_path, capsys):
    ea.knn_entropy(as_file(X, tmp_path), progress=True)
    shown = capsys.readouterr().err
    assert all(f"{what}: 100%" in shown for what in ("sorting", "searching"))
    ea.knn_entropy(tmp_path / "x.npy")
    assert not capsys.readouterr().err


@pytest.mark.long
def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path, monkeypatch):
    """One that holds cells and distances that others ask for."""
    from distributed import Client, LocalCluster

    killed = tmp_path / "killed"
    summarize = blocks._log_moments

    def die_once(*arguments, **options):
        try:
            killed.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            return summarize(*arguments, **options)

    monkeypatch.setattr(blocks, "_log_moments", die_once)
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        assert ea.knn_entropy(da.from_array(X, (300, -1))) == pytest.approx(
            ea.knn_entropy(X), **exact
        )
    assert killed.exists()


def test_rows_that_are_there_twice_or_like_those_before_are_told(tmp_path):
    """As of samples in memory: copies take an entropy down, a walk has less to tell."""
    x = np.random.default_rng(0).standard_normal((6000, 2))
    cases = {"plain": x, "copies": np.concatenate([x[:3000]] * 2), "walk": x.cumsum(0)}
    said = {
        "plain": (),
        "copies": ("100% of the rows are there",),
        "walk": ("Rows of `x` are like",),
    }
    for name, table in cases.items():
        np.save(tmp_path / f"{name}.npy", table)
        for large in (tmp_path / f"{name}.npy", da.from_array(table, chunks=(2000, 2))):
            found = ea.entropy_estimate(large)
            inside = ea.entropy_estimate(table, check=False)
            assert found.value == pytest.approx(inside.value, abs=1e-9)
            assert len(found.warnings) == len(said[name])
            for message, start in zip(found.warnings, said[name], strict=True):
                assert message.startswith(start)
                assert any(one.startswith(start) for one in inside.warnings)
    with pytest.warns(UserWarning, match="100% of the rows are there more than once"):
        ea.knn_entropy(tmp_path / "copies.npy")
