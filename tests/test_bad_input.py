"""Whatever comes in: a documented value, or an error that names the argument."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import entropae as ea
from entropae.entropy import METHODS
from entropae.entropy.distances import neighbour_distances
from entropae.entropy.maps import MAPPED
from entropae.information import jackknife

Call = Callable[..., Any]


def estimate(method: str) -> Call:
    """The value of `entropy_estimate`, its warnings raised as such, its other numbers checked."""

    def call(x: Any, k: Any) -> float:
        found = ea.entropy_estimate(x, k, method=method, repeats=0 if method == "kpn" else 2)
        for text in found.warnings:
            warnings.warn(text, stacklevel=2)
        if math.isfinite(found.value):
            assert 0 <= found.standard_error < math.inf
            assert found.low <= found.value <= found.high
        return found.value

    return call


# Number of samples that each takes; called with them and `k`.
ENTROPIES: dict[str, Call] = {
    **{
        f"entropy, {method}, {norm}": lambda x, k, method=method, norm=norm: ea.knn_entropy(
            x, k, method=method, norm=norm
        )
        for method in METHODS
        for norm in ("euclidean", "maximum")
        if norm == "euclidean" or method not in MAPPED
    },
    **{f"estimate, {method}": estimate(method) for method in METHODS},
    **{f"Rényi {q}": lambda x, k, q=q: ea.knn_renyi_entropy(x, q, k=k) for q in (0.5, 1, 1.001, 2)},
}
OTHERS: dict[str, tuple[int, Call]] = {
    "entropy with a floor": (1, lambda x, k: ea.knn_entropy(x, k, floor=0.1)),
    **{
        f"Tsallis {q}": (1, lambda x, k, q=q: ea.knn_tsallis_entropy(x, q, k=k))
        for q in (0.5, 1, 2)
    },
    "divergence": (2, ea.knn_divergence),
    "divergence with a floor": (2, lambda x, y, k: ea.knn_divergence(x, y, k, floor=0.1)),
    "cross-entropy": (2, ea.knn_cross_entropy),
    **{
        f"information, {method}": (
            2,
            lambda x, y, k, method=method: ea.knn_mutual_information(x, y, k, method=method),
        )
        for method in ("auto", "ksg1", "ksg2", "gao")
    },
    "conditional information": (3, ea.knn_conditional_mutual_information),
    "total correlation": (1, ea.knn_total_correlation),
}
ALL = {name: (1, call) for name, call in ENTROPIES.items()} | OTHERS

VALUES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda x: x,
    "tiny": lambda x: x * 1e-150,
    "huge": lambda x: x * 1e150,
    "columns of unlike size": lambda x: x * 10.0 ** np.linspace(-75, 75, x.shape[1]),
    "far from 0": lambda x: x + 1e9,
    "repeated": lambda x: x[np.arange(len(x)) // 2],
    "rounded": np.round,
    "constant": np.ones_like,
    "a constant column": lambda x: np.where(np.arange(x.shape[1]) == 0, 7.0, x),
    "a column twice": lambda x: np.hstack([x, x[:, :1]]),
    "NaN": lambda x: np.where(x == x.max(initial=-np.inf), np.nan, x),
    "inf": lambda x: np.where(x == x.max(initial=-np.inf), np.inf, x),
}
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "integers": lambda x: np.nan_to_num(10 * x).astype(np.int64),
    "booleans": lambda x: x > 0,
    "complex": lambda x: x + 0j,
    "objects": lambda x: x.astype(object),
    "text": lambda x: x.astype(str),
    "big-endian": lambda x: x.astype(">f8"),
    "backwards": lambda x: x[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "lists": lambda x: x.tolist(),
    "one axis": lambda x: x.ravel(),
    "three axes": lambda x: x[None],
    "tensor": lambda x: torch.from_numpy(x.copy()),
    "tensor with gradient": lambda x: torch.from_numpy(x.copy()).requires_grad_(),
    "bfloat16": lambda x: torch.from_numpy(x.copy()).bfloat16(),
}

ks = st.one_of(
    st.integers(-1, 14),
    st.sampled_from([[1, 2], [1, 20], [], None, "3", 1.5, True, math.nan]),
)


@st.composite
def samples(draw: st.DrawFn, number: int) -> tuple[list[Any], list[np.ndarray]]:
    """Samples as they are passed, and as plain float64 arrays."""
    n, d = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 13])), draw(st.sampled_from([0, 1, 2, 5, 30]))
    given, plain = [], []
    for _ in range(number):
        rng = np.random.default_rng(draw(st.integers(0, 2**20)))
        rows = n + draw(st.sampled_from([0, 0, 0, 1]))
        x = VALUES[draw(st.sampled_from(list(VALUES)))](rng.standard_normal((rows, d)))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            form = FORMS[draw(st.sampled_from(list(FORMS)))](x)
        # numpy's strides of arrays of one number may stay negative, which torch refuses.
        given.append(form.copy() if isinstance(form, np.ndarray) and form.size <= 1 else form)
        plain.append(x)
    if draw(st.integers(0, 5)) == 0:
        given, plain = [given[0]] * number, [plain[0]] * number
    return given, plain


def has_density(given: list[Any]) -> bool:
    """Whether numbers as they are, all together, are in general position, no two rows equal."""
    parts = [
        part.detach().double().numpy() if isinstance(part, torch.Tensor) else np.asarray(part)
        for part in given
    ]
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    for part in parts:
        scaled = (part - part.mean(0)).astype(float)
        scaled /= np.maximum(np.abs(scaled).max(0), 1e-300)
        if np.linalg.matrix_rank(scaled, tol=1e-6) < min(len(part) - 1, part.shape[1]):
            return False
    rows = np.vstack(parts).astype(float)
    # Whitening centres: what is nearer than the rounding of that coincides.
    return len(np.unique(rows - rows.mean(0), axis=0)) == len(rows)


def check(call: Call, given: list[Any], k: Any) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            value = call(*given, k)
        except (ValueError, TypeError) as error:
            assert re.search(r"`\w+(\[\d+\])?`", str(error)), f"names no argument: {error}"  # noqa: PT017
            return
    assert all(warning.category is UserWarning for warning in said), said
    value = float(value.detach() if isinstance(value, torch.Tensor) else value)
    assert not math.isnan(value)
    if math.isinf(value):
        assert not has_density(given) or any("-inf" in str(warning.message) for warning in said)


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_a_value_or_an_error_that_names_the_argument(name):
    number, call = ALL[name]

    @settings(deadline=None, max_examples=40, database=None, derandomize=True)
    @given(samples(number), ks)
    def property_(both, k):
        check(call, both[0], k)

    property_()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("values", VALUES)
def test_every_kind_of_sample(values, form):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = FORMS[form](VALUES[values](np.random.default_rng(0).standard_normal((13, 2))))
    for name in ("entropy, kl, euclidean", "entropy, whitened, maximum", "estimate, weighted"):
        check(ENTROPIES[name], [x], 3)


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_many_dimensions(name):
    number, call = ALL[name]
    rng = np.random.default_rng(0)
    check(call, [rng.standard_normal((30, 400)) for _ in range(number)], 3)


# Powers of two: scaling is exact, and so must be what follows from it.
exponents = st.integers(-500, 500)


@pytest.mark.parametrize("name", ENTROPIES)
def test_scaling_adds_its_logarithm_over_the_range_of_numbers(name):
    call = ENTROPIES[name]
    linear = any(f"{kind}" in name for kind in ("whitened", "calibrated"))

    @settings(deadline=None, max_examples=8, database=None, derandomize=True)
    @given(exponents, st.sampled_from([1, 2, 3]), st.sampled_from([2, 3]), st.data())
    def property_(exponent, d, k, data):
        x = np.random.default_rng(0).standard_normal((20, d))
        each = [exponent] * d
        if linear:
            each = data.draw(st.lists(st.integers(-300, 300), min_size=d, max_size=d))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the estimates say that points are few
            expected = call(x, max(k, d)) + sum(each) * math.log(2)
            found = call(np.ldexp(x, each), max(k, d))
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)

    property_()


@pytest.mark.parametrize("name", [name for name, (number, _) in OTHERS.items() if number > 1])
@settings(deadline=None, max_examples=8, database=None, derandomize=True)
@given(exponent=exponents)
def test_scaling_leaves_comparisons_as_they_are(name, exponent):
    """But for cross-entropy, which is an entropy; a floor is scaled with the samples."""
    if "floor" in name:
        return
    number, call = OTHERS[name]
    x = np.random.default_rng(0).standard_normal((number, 20, 2))
    added = 2 * exponent * math.log(2) if name == "cross-entropy" else 0
    found = call(*np.ldexp(x, exponent), 3)
    assert found == pytest.approx(call(*x, 3) + added, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=4, database=None, derandomize=True)
@given(exponent=st.integers(0, 36), d=st.sampled_from([2, 12]))
def test_far_from_the_origin(name, exponent, d):
    """Multiples of 2⁻¹⁶ moved by up to 2³⁶: exact in float64, distances and all."""
    number, call = ALL[name]
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal((number, 40, d)) * 2**16) / 2**16
    k = 3 if "weighted" not in name else d
    if "kpn" in name and d > 2:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = call(*x, k)
        assert call(*(x + 2.0**exponent), k) == pytest.approx(expected, rel=1e-5, abs=1e-5)


X = np.random.default_rng(0).standard_normal((30, 2))
OPTIONS: dict[str, tuple[str, Call]] = {
    "entropy, floor": ("floor", lambda v: ea.knn_entropy(X, floor=v)),
    "entropy, method": ("method", lambda v: ea.knn_entropy(X, method=v)),
    "entropy, norm": ("norm", lambda v: ea.knn_entropy(X, norm=v)),
    "entropy, p": ("p", lambda v: ea.knn_entropy(X, method="kpn", p=v)),
    "estimate, confidence": ("confidence", lambda v: ea.entropy_estimate(X, confidence=v)),
    "estimate, repeats": ("repeats", lambda v: ea.entropy_estimate(X, repeats=v)),
    "Rényi, order": ("order", lambda v: ea.knn_renyi_entropy(X, v)),
    "Tsallis, order": ("order", lambda v: ea.knn_tsallis_entropy(X, v)),
    "divergence, floor": ("floor", lambda v: ea.knn_divergence(X, X + 1, floor=v)),
    "cross-entropy, norm": ("norm", lambda v: ea.knn_cross_entropy(X, X + 1, norm=v)),
    "information, method": ("method", lambda v: ea.knn_mutual_information(X, X, method=v)),
    "baseline, n": ("n", lambda v: ea.gaussian_baseline(v, 2, 1)),
    "baseline, d": ("d", lambda v: ea.gaussian_baseline(10, v, 1)),
    "baseline, repeats": ("repeats", lambda v: ea.gaussian_baseline(10, 2, 1, repeats=v)),
}
HUGE = 10**400
JUNK = ["a", "", b"a", (1, 2), 2j, math.nan, math.inf, -math.inf, -1, -0.5, np.float64(-2), HUGE]


@pytest.mark.parametrize("value", JUNK, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_cannot_be_is_named(option, value):
    name, call = OPTIONS[option]
    if value is HUGE and name in ("repeats", "n", "d"):
        return  # it is a number of samples, points, dimensions, if more than anyone can wait for
    with pytest.raises(ValueError, match=f"`{name}`"):
        call(value)


def test_distances_to_several_neighbours_of_extreme_scale():
    """They were squared out of the range of numbers."""
    size = 1e-200
    triangle = size * torch.tensor([[0, 0], [1, 0], [0.5, 0.75**0.5]], dtype=torch.float64)
    found = neighbour_distances(triangle, (1, 2), "euclidean")
    np.testing.assert_allclose(found.numpy(), size, rtol=1e-12)


def test_boxes_far_wider_than_a_column():
    """Limits of 1e160 standard deviations were squared."""
    x = np.random.default_rng(2).standard_normal((20, 3))
    for scale in ([1e100, 1, 1e-100], [1e160, 1, 1e-3]):
        assert math.isfinite(ea.knn_entropy(x * scale, 1, method="kpn"))


@pytest.mark.parametrize("name", ENTROPIES)
def test_where_a_sum_of_two_coordinates_overflows(name):
    """All within a factor of 2 of the largest number: no mean may be a sum divided by n."""
    x = np.random.default_rng(0).uniform(1, 2, (40, 2))
    k = 8 if "weighted" in name else 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few points
        expected = ENTROPIES[name](x, k) + 2 * 1022 * math.log(2)
        assert ENTROPIES[name](np.ldexp(x, 1022), k) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["whitened", "calibrated"])
def test_columns_of_opposite_extremes(method):
    """Neither may be lost by a scale that suits the other."""
    x = np.random.default_rng(0).standard_normal((40, 2))
    found = ea.knn_entropy(x * [1e200, 1e-200], method=method)
    assert found == pytest.approx(ea.knn_entropy(x, method=method), abs=1e-9)


@pytest.mark.parametrize("method", ["whitened", "calibrated"])
def test_whitening_refuses_what_it_would_make_coincide(method):
    """Beside 1e100, whitening cannot tell 1 from 2: that is no atom, and -inf would be wrong."""
    x = np.array([1e100, 1.0, 2.0, 4.0, 7.0])
    with pytest.raises(ValueError, match="`x` must not span so many orders of magnitude"):
        ea.knn_entropy(x, 1, method=method)
    with pytest.warns(UserWarning, match="coincide with their neighbour k=1"):
        twice = ea.knn_entropy(np.array([1.0, 1.0, 2.0, 4.0]), 1, method=method, resolution=None)
    assert twice == -math.inf


def test_jackknife_of_infinite_estimates_and_of_lists():
    x = np.random.default_rng(0).integers(0, 2, 40)
    assert math.isnan(jackknife(ea.knn_entropy, x))
    values = np.random.default_rng(0).standard_normal(40)
    assert jackknife(np.mean, values.tolist()) == jackknife(np.mean, values)
    for bad in (None, 3.0, np.float64(3)):
        with pytest.raises(ValueError, match="samples` must be arrays with rows"):
            jackknife(np.mean, bad)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ma.masked_array(np.eye(4), np.eye(4) > 0), "no masked numbers: got 4"),
        ([[1.0, 2.0], [3.0]], "rows of equal length"),
        (torch.eye(4).to_sparse(), "dense tensor"),
        (scipy.sparse.csr_matrix(np.eye(4)), r"dense: .*\. Give x\.toarray\(\)"),
        (torch.zeros(4, 2, device="meta"), "dense tensor"),
        (None, "numeric"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_by_name(x, message):
    with pytest.raises(ValueError, match=f"`x` must.*{message}"):
        ea.knn_entropy(x)


@pytest.mark.parametrize("wrong", [["kl"], {}, None, 3])
def test_choices_of_another_type_are_refused_by_name(wrong):
    x = np.random.default_rng(0).standard_normal((20, 2))
    with pytest.raises(ValueError, match="`method` must be one of"):
        ea.knn_entropy(x, method=wrong)
    with pytest.raises(ValueError, match="`norm` must be one of"):
        ea.knn_entropy(x, norm=wrong)
    with pytest.raises(ValueError, match="`method` must be one of"):
        ea.knn_mutual_information(x, x, method=wrong)


def test_arrays_of_any_strides_are_read():
    x = np.random.default_rng(0).standard_normal((20, 2))
    assert ea.knn_entropy(x[::-1]) == pytest.approx(ea.knn_entropy(x), rel=1e-12)
    with pytest.raises(ValueError, match="n=1 points"):
        ea.knn_entropy(x[:1][::-1], 1)
