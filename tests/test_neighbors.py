"""The search is exact whatever the method; the distance has the right gradient, ties included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import entropae as ea
from entropae.neighbors import (
    SEARCHES,
    as_points,
    block_size,
    bounds,
    kth_distance,
    nearest,
    packed,
)
from entropae.neighbors.select import smallest


def brute(x: torch.Tensor, y: torch.Tensor, k: int, same: bool, order: float) -> torch.Tensor:
    difference = x.double()[:, None] - y.double()[None]
    distance = torch.linalg.vector_norm(difference, order, dim=2)
    if same:
        distance[range(len(x)), range(len(x))] = torch.inf
    return distance.sort(1).values[:, k - 1]


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize(("n", "m", "d", "k"), [(50, 0, 1, 1), (300, 0, 3, 4), (40, 500, 16, 2)])
def test_every_method_finds_the_same_distances(method, norm, n, m, d, k):
    if method == "products" and norm == "maximum":
        with pytest.raises(ValueError, match="needs the Euclidean norm"):
            nearest(torch.zeros(5, 2), norm=norm, method=method)
        return
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=rng)
    y = torch.randn(m, d, generator=rng) if m else None
    found = kth_distance(x, y, k=k, norm=norm, method=method)
    expected = brute(
        x, x if y is None else y, k, y is None, {"euclidean": 2, "maximum": np.inf}[norm]
    )
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)


def exact(x: torch.Tensor, y: torch.Tensor, k: int, same: bool) -> np.ndarray:
    """In 80-bit numbers, whose squares neither vanish nor overflow for any float64."""
    difference = x.numpy().astype(np.longdouble)[:, None] - y.numpy().astype(np.longdouble)
    distance = np.sqrt(np.square(difference).sum(2))
    if same:
        distance[range(len(x)), range(len(x))] = np.inf
    return np.sort(distance, 1)[:, k - 1]


@pytest.fixture(params=["few points", "one tile", "many tiles"])
def tiles(request, monkeypatch):
    if request.param != "few points":
        monkeypatch.setattr(packed, "MOST", 0)
    if request.param == "many tiles":
        monkeypatch.setattr(bounds, "COLUMNS", 16)
        monkeypatch.setattr(bounds, "SQUARE", 8)
        monkeypatch.setattr(bounds, "MINIMA", 256)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(8, 60),
    more=st.sampled_from([0, 0, 5, 40]),
    d=st.integers(1, 20),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    log_scale=st.floats(-1, 1),
    log_offset=st.floats(0, 7),
    kind=st.sampled_from(["plain", "duplicates", "integers", "outlier", "queries elsewhere"]),
)
@example(1340827, 10, 5, 2, torch.float32, 0.0, 6.78125, "plain")
def test_products_are_certified(tiles, seed, n, more, d, dtype, log_scale, log_offset, kind):
    """Offsets, scales, far clusters, ties: never a farther neighbour than there is."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n + more, d, generator=rng, dtype=dtype)
    if kind == "integers":
        x = x.round()
    x[: n // 2] += 10**log_offset
    x[n // 2 :] -= 10**log_offset
    if kind == "duplicates":
        x[1] = x[0]
    if kind == "outlier":
        x[0] *= 1e6
    # Sums and differences of these are still numbers.
    room = (36 if dtype == torch.float32 else 300) - log_offset - 6 * (kind == "outlier")
    x *= 10 ** (log_scale * min(room, 30 if dtype == torch.float32 else 290))
    y, same = x, True
    if kind == "queries elsewhere":
        x, same = x[:5] * 0.3, False
    elif more:
        x = x[:n]
    found = kth_distance(x, y, k=2, same=same, method="products")
    expected = exact(x, y, 2, same)
    tolerance = {torch.float32: 1e-6, torch.float64: 1e-15}[dtype] * 4
    np.testing.assert_allclose(found.numpy(), expected.astype(float), rtol=tolerance, atol=1e-44)


def test_certificate_refuses_what_the_product_cannot_resolve():
    """Two clusters at ±1e4 in float32: the matrix product alone finds the wrong neighbours."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(400, 16, generator=rng)
    x[:200] += 1e4
    x[200:] -= 1e4
    products = 0.5 * x.square().sum(1) - x @ x.T
    naive = products.fill_diagonal_(torch.inf).argmin(1)
    truth = nearest(x, method="differences")[:, 0]
    assert (naive != truth).float().mean() > 0.5, "the trap is gone: this test shows nothing"
    assert torch.equal(nearest(x, method="products")[:, 0], truth)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_lowered_matmul_precision_stays_exact(precision):
    x = torch.randn(300, 24, generator=torch.Generator().manual_seed(0))
    truth = nearest(x, k=3, method="differences")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert torch.equal(nearest(x, k=3, method="products"), truth)
    finally:
        torch.set_float32_matmul_precision(before)


def test_packed_bounds_are_lower_bounds_of_all_but_the_candidates():
    x = torch.randn(700, 9, generator=torch.Generator().manual_seed(1))
    own = torch.arange(len(x))
    candidate, bound = packed.lowest(x, x, 0.0, 3, own)
    half = 0.5 * torch.cdist(x.double(), x.double()).square().fill_diagonal_(torch.inf)
    assert (candidate == half.argmin(1)[:, None]).any(1).all()
    rest = half.scatter(1, candidate, torch.inf).amin(1)
    assert (bound <= rest * (1 + 1e-5)).all()
    assert (bound >= rest * (1 - 2**-12)).all(), "10 of 23 bits hold the column"


def test_packed_bounds_run_out_with_the_points():
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    candidate, bound = packed.lowest(x, x, 0.0, 3, torch.arange(4))
    assert [sorted(row) for row in candidate.tolist()] == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]
    assert bound.isinf().all()


@pytest.mark.parametrize("most", [0, packed.MOST])
def test_many_blocks_agree_with_one(monkeypatch, most):
    monkeypatch.setattr(packed, "MOST", most)
    n = 2100
    x = torch.randn(n, 9, generator=torch.Generator().manual_seed(1))
    assert n * n > block_size(x)
    assert torch.equal(nearest(x, k=2, method="products"), nearest(x, k=2, method="tree"))
    assert torch.equal(nearest(x, k=2, method="differences"), nearest(x, k=2, method="tree"))


@pytest.mark.parametrize("minima", [0, 5_000, 40_000, bounds.MINIMA])
@pytest.mark.parametrize(("n", "k"), [(700, 1), (700, 3), (700, 40), (100, 99), (97, 96)])
def test_each_product_serves_both_its_points(monkeypatch, minima, n, k):
    """However many blocks are held at once, with more groups kept than a block has, or all."""
    monkeypatch.setattr(packed, "MOST", 0)
    monkeypatch.setattr(bounds, "SQUARE", 32)
    monkeypatch.setattr(bounds, "MINIMA", minima)
    x = torch.randn(n, 8, generator=torch.Generator().manual_seed(1))
    x[:5] = x[5:10]
    expected = brute(x, x, k, True, 2).float()
    found = kth_distance(x, k=k, method="products")
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    index = nearest(x, k=k, method="products").sort(1).values
    assert (index.diff(dim=1) > 0).all()


@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize("method", SEARCHES)
def test_extreme_scales(method, norm):
    if method == "products" and norm == "maximum":
        return
    rng = torch.Generator().manual_seed(0)
    for dtype, powers in ((torch.float32, (-110, 120)), (torch.float64, (-1000, 1000))):
        x = torch.randn(200, 3, generator=rng, dtype=dtype)
        found = kth_distance(x, k=2, norm=norm)
        for power in powers:
            scaled = kth_distance(x * 2.0**power, k=2, norm=norm, method=method)
            assert torch.equal(scaled, found * 2.0**power)


def test_the_smallest_by_groups_are_the_smallest():
    values = torch.randn(7, 5003, generator=torch.Generator().manual_seed(0))
    found = smallest(values, 5)
    assert torch.equal(found.values, values.topk(5, largest=False).values)
    assert torch.equal(values.gather(1, found.indices), found.values)


def test_progress_is_shown_on_demand(capsys):
    x = torch.randn(3000, 12, generator=torch.Generator().manual_seed(0))
    ea.knn_entropy(x)
    assert capsys.readouterr().err == ""
    ea.knn_entropy(x, progress=True)
    assert "Neighbours" in capsys.readouterr().err


@pytest.mark.parametrize("most", [0, packed.MOST])
@pytest.mark.parametrize(("n", "bad"), [(16, 16), (40, 40), (300, 300), (300, 5)])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_points_that_are_no_numbers_have_some_neighbours(monkeypatch, most, n, bad, value):
    """As codes may be before training says which part was not finite."""
    monkeypatch.setattr(packed, "MOST", most)
    monkeypatch.setattr(bounds, "SQUARE", 32)
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    x[:bad] = value
    index = nearest(x, k=2, method="products")
    assert index.min() >= 0
    assert index.max() < n


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("most", [0, packed.MOST])
def test_no_queries_have_no_neighbours(monkeypatch, method, most):
    """As in a process whose share of an uneven last batch is empty."""
    monkeypatch.setattr(packed, "MOST", most)
    y = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    x = y[:0].requires_grad_()
    distance = kth_distance(x, y, k=2, same=True, method=method)
    distance.sum().backward()
    assert distance.shape == (0,)
    assert x.grad is not None
    assert x.grad.shape == (0, 3)


def test_same_skips_only_the_point_itself():
    x = torch.tensor([[0.0], [1.0]])
    y = torch.tensor([[0.0], [1.0], [0.25]])
    assert nearest(x, y, same=True)[:, 0].tolist() == [2, 2]
    assert nearest(x, y)[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("method", SEARCHES)
def test_duplicates_are_neighbours_of_each_other_not_of_themselves(method):
    x = torch.cat([torch.zeros(5, 2), torch.ones(1, 2)])
    index = nearest(x, k=3, method=method)
    assert all(i not in row for i, row in enumerate(index.tolist()))
    assert kth_distance(x, k=3, method=method).tolist() == [0, 0, 0, 0, 0, pytest.approx(2**0.5)]


def test_small_distances_survive_in_float32():
    """The expanded form returns 0 or 100 % error for a pair 1e-3 apart in 64 dimensions."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(100, 64, generator=rng)
    x = torch.cat([x, x + 1e-3 / 8])
    truth = brute(x, x, 1, True, 2)
    torch.testing.assert_close(kth_distance(x).double(), truth, rtol=1e-5, atol=0)


def test_gradient_reaches_both_ends_of_each_pair():
    x = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64, requires_grad=True)
    kth_distance(x).sum().backward()  # |x0−x1| twice, |x2−x1| once
    assert x.grad[:, 0].tolist() == [-2.0, 1.0, 1.0]


def test_coordinates_that_tie_share_the_maximum_norms_gradient():
    x = torch.zeros(1, 3, requires_grad=True)
    y = torch.tensor([[2.0, -2.0, 1.0]])
    kth_distance(x, y, norm="maximum").sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[-0.5, 0.5, 0.0]]


@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
def test_gradcheck(norm):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    y = torch.randn(9, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: kth_distance(x, k=2, norm=norm), x)
    assert torch.autograd.gradcheck(lambda x, y: kth_distance(x, y, k=2, norm=norm), (x, y))


def test_ties_get_different_unit_directions_and_leave_the_random_state():
    x = torch.zeros(4, 3, requires_grad=True)
    state = torch.get_rng_state()
    distance = kth_distance(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert distance.tolist() == [0.0] * 4
    distance.sum().backward()
    moved = x.detach() + 0.1 * x.grad
    assert kth_distance(moved).min() > 0.01


def test_half_precision_autocast_does_not_reach_the_distance():
    x = torch.randn(64, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(kth_distance(x), kth_distance(x))
    assert kth_distance(x).dtype == torch.float32


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(0, 3), "must not be empty"),
        (torch.zeros(3, 0), "must not be empty"),
        ([], "must not be empty"),
        (torch.zeros(2, 2, 2), r"shape \(n, d\)"),
        (torch.tensor([[0.0], [torch.nan], [torch.inf]]), "2 of 3 rows, the first in row 1"),
        (torch.zeros(3, 1, dtype=torch.complex64), "must be real"),
        (np.array([["a"]]), "must be numeric"),
    ],
)
def test_unusable_samples_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        as_points(x)


def test_as_points_dtypes_and_shapes():
    assert as_points(np.arange(3)).dtype == torch.float64
    assert as_points([1, 2, 3]).shape == (3, 1)
    assert as_points(torch.zeros(3, 2, dtype=torch.bfloat16)).dtype == torch.float32
    assert as_points(np.zeros((4, 2), ">f4")[::-1]).shape == (4, 2)
    assert as_points(torch.tensor([True, False])).dtype == torch.float64


@pytest.mark.parametrize(("k", "message"), [(0, "got k=0"), (3, "got k=3"), (1.5, "integer")])
def test_k_out_of_range(k, message):
    with pytest.raises(ValueError, match=message):
        nearest(torch.zeros(3, 1), k=k)


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match="euclidean, maximum"):
        nearest(torch.zeros(3, 1), norm="taxicab")
    with pytest.raises(ValueError, match="tree, products, differences"):
        nearest(torch.zeros(3, 1), method="guess")
