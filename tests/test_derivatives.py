"""Second derivatives, and what `torch.func` and `torch.compile` make of the estimators."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import grad, hessian, jacrev, vmap

import entropae as ea
from entropae.neighbors import kth_distance

X = torch.randn(24, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
BATCHES = torch.stack([X, 2 * X + 1, X.flip(1) ** 3])
FUNCTIONS = {
    "kl": lambda x: ea.knn_entropy(x, 2),
    "several k": lambda x: ea.knn_entropy(x, [1, 3]),
    "maximum": lambda x: ea.knn_entropy(x, 2, norm="maximum"),
    "floor": lambda x: ea.knn_entropy(x, 1, floor=0.5),
    "whitened": lambda x: ea.knn_entropy(x, 2, method="whitened"),
    "calibrated": lambda x: ea.knn_entropy(x, 2, method="calibrated"),
    "weighted": lambda x: ea.knn_entropy(x, 6, method="weighted"),
    "renyi": lambda x: ea.knn_renyi_entropy(x, 2.0),
    "tsallis": lambda x: ea.knn_tsallis_entropy(x, 0.5),
    "divergence": lambda x: ea.knn_divergence(x, Y, 2, scale=None),
    "cross-entropy": lambda x: ea.knn_cross_entropy(x, Y, 2, scale=None),
}


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


def gradient(function, x: torch.Tensor, **options) -> torch.Tensor:
    return torch.autograd.grad(function(x), x, **options)[0]


def test_the_second_derivative_is_that_of_finite_differences(function):
    x = X.clone().requires_grad_()
    direction = torch.randn_like(X)
    found = gradient(lambda x: (gradient(function, x, create_graph=True) * direction).sum(), x)
    step = 1e-6
    right, left = (
        gradient(function, (X + sign * step * direction).requires_grad_()) for sign in (1, -1)
    )
    # A Hessian is symmetric: its product with the direction is the gradient's change along it.
    torch.testing.assert_close(found, (right - left) / (2 * step), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
def test_both_ends_of_a_pair_have_second_derivatives(norm):
    inputs = X[:7].clone().requires_grad_(), Y[:9].clone().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda x, y: kth_distance(x, y, k=2, norm=norm).log(), inputs
    )


@pytest.mark.parametrize("method", ["kl", "whitened", "calibrated"])
def test_scaling_adds_d_log_a_to_all_orders(method):
    a = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    entropy = ea.knn_entropy(a * X, 2, method=method)
    first = torch.autograd.grad(entropy, a, create_graph=True)[0]
    second = torch.autograd.grad(first, a, create_graph=True)[0]
    third = torch.autograd.grad(second, a)[0]
    found = torch.stack([entropy - ea.knn_entropy(X, 2, method=method), first, second, third])
    exact = [3 * math.log(1.7), 3 / 1.7, -3 / 1.7**2, 6 / 1.7**3]
    torch.testing.assert_close(found.detach(), torch.tensor(exact, dtype=torch.float64))


def test_a_gradient_penalty_reaches_the_points():
    x = X.clone().requires_grad_()
    penalty = gradient(FUNCTIONS["kl"], x, create_graph=True).square().sum()
    assert gradient(lambda _: penalty, x, retain_graph=True).abs().max() > 0


def test_coincident_points_keep_their_directions_in_a_second_derivative():
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    first = gradient(lambda x: kth_distance(x).sum(), x, create_graph=True)
    plain = gradient(lambda x: kth_distance(x).sum(), x)
    assert torch.equal(first.detach(), plain)
    second = gradient(lambda _: (first * torch.arange(6.0).view(3, 2).square()).sum(), x)
    assert second.isfinite().all()
    # The distance of the third point is not 0, and bends.
    assert second[2].norm() > 0


def test_func_agrees_with_autograd(function):
    plain = gradient(function, X.clone().requires_grad_())
    torch.testing.assert_close(grad(function)(X), plain)
    each = torch.stack([grad(function)(x) for x in BATCHES])
    torch.testing.assert_close(vmap(grad(function))(BATCHES), each)
    values = torch.stack([function(x) for x in BATCHES])
    torch.testing.assert_close(vmap(function)(BATCHES), values)


# torch scripts its own forward derivatives, and warns of that.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_hessians_agree_whichever_way_they_are_made(function):
    x = X[:10]
    reverse = jacrev(jacrev(function))(x)
    torch.testing.assert_close(hessian(function)(x), reverse)
    torch.testing.assert_close(torch.autograd.functional.hessian(function, x), reverse)


def test_func_gives_coincident_points_their_directions():
    x = torch.zeros(4, 2)
    plain = gradient(lambda x: kth_distance(x).sum(), x.clone().requires_grad_())
    found = vmap(grad(lambda x: kth_distance(x).sum()))(x.expand(3, -1, -1))
    assert torch.equal(found, plain.expand(3, -1, -1))


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a .functools.lru_cache:UserWarning")
# torch warns of what its own compiler does.
@pytest.mark.filterwarnings("ignore:<class .torch.autograd.function.Function.>:DeprecationWarning")
@pytest.mark.parametrize("name", ["kl", "floor", "whitened", "calibrated", "divergence"])
def test_compiled_without_a_break_and_to_the_last_bit(name):
    torch._dynamo.reset()
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True, backend="aot_eager")
    x, z = X.clone().requires_grad_(), X.clone().requires_grad_()
    found, plain = compiled(x), FUNCTIONS[name](z)
    found.backward()
    plain.backward()
    assert found.item() == plain.item()
    assert torch.equal(x.grad, z.grad)


@pytest.mark.parametrize("n", [3, 40, 250, 320, 400])
@pytest.mark.parametrize("k", [1, 2])
def test_few_points_are_searched_exactly(n, k):
    x = torch.randn(n, 5, generator=torch.Generator().manual_seed(n)) * 1e-3 + 10
    exact = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    exact.fill_diagonal_(torch.inf)
    torch.testing.assert_close(kth_distance(x, k=k).double(), exact.sort(1).values[:, k - 1])
    across = torch.cdist(
        x[:5].double(), x[2:].double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    if n - 2 >= k:
        found = kth_distance(x[:5], x[2:], k=k).double()
        torch.testing.assert_close(found, across.sort(1).values[:, k - 1])
