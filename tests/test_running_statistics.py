"""Running statistics after training are those of the training set, however it comes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import entropae as ea
from entropae.nn.normalization import pool_batch_norms


def rows(n: int) -> torch.Tensor:
    """Samples near a space of three dimensions, of which the first varies most."""
    torch.manual_seed(0)
    g = torch.randn(n, 3) * torch.tensor([3.0, 1, 1])
    return g @ torch.randn(3, 16) + 2


def networks() -> ea.Autoencoder:
    torch.manual_seed(1)
    encoder = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    decoder = nn.Sequential(nn.Linear(3, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
    return ea.Autoencoder(encoder, decoder, ea.Entropic(3))


def error(model: ea.Autoencoder, x: torch.Tensor) -> float:
    return float((model.reconstruct(x) - x).square().mean())


@pytest.mark.parametrize("n", [514, 1026])
def test_a_last_batch_of_two_counts_as_two(n):
    x = rows(n)
    model = networks()
    ea.fit(model, x, epochs=12, batch_size=64, validation=0, progress=False)
    before = error(model, x)
    model.calibrate([x])
    assert before == pytest.approx(error(model, x), rel=0.05)


def test_samples_in_an_order_are_not_worse():
    x = rows(2048)
    x = x[(x @ x[0]).argsort()]
    model = networks()
    ea.fit(model, x, epochs=8, batch_size=64, validation=0, progress=False)
    before = error(model, x)
    model.calibrate(x)
    assert before == pytest.approx(error(model, x), rel=0.2)


@pytest.mark.parametrize("sizes", [[100], [50, 50], [97, 2, 1], [1] * 100, [2, 98]])
def test_first_layers_have_the_moments_of_all_rows(sizes):
    x = rows(100).double()
    norm = nn.BatchNorm1d(16, dtype=torch.float64)
    pool_batch_norms(nn.Sequential(norm), lambda: iter(x.split(sizes)))
    torch.testing.assert_close(norm.running_mean, x.mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, x.var(0), rtol=1e-12, atol=1e-12)
    assert not norm.training


def test_moments_of_pictures_are_of_all_their_pixels():
    x = 5 + torch.randn(20, 3, 4, 4, dtype=torch.float64)
    norm = nn.BatchNorm2d(3, dtype=torch.float64)
    pool_batch_norms(norm, lambda: iter(DataLoader(x, 1)))
    flat = x.transpose(0, 1).flatten(1)
    torch.testing.assert_close(norm.running_mean, flat.mean(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(norm.running_var, flat.var(1), rtol=1e-12, atol=0)


def test_pictures_of_several_sizes_are_kept_apart():
    norm = nn.BatchNorm2d(1, dtype=torch.float64)
    parts = [torch.randn(n, 1, side, side).double() for n, side in ((9, 4), (9, 5), (1, 5), (3, 6))]
    pool_batch_norms(norm, lambda: iter(parts))
    values = torch.cat([part.flatten() for part in parts])
    torch.testing.assert_close(norm.running_var, values.var()[None], rtol=1e-12, atol=0)


class ByName(nn.Module):
    """Hands its input over by its name."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(input=x)


def test_inputs_by_name_are_seen():
    x, norm = rows(60).double(), nn.BatchNorm1d(16, dtype=torch.float64)
    pool_batch_norms(ByName(norm), lambda: iter([x]))
    torch.testing.assert_close(norm.running_mean, x.mean(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("nothing", [[], [torch.ones(1, 16)]])
def test_statistics_of_no_rows_stay(nothing):
    model = networks()
    model.train()(rows(64))
    before = {name: x.clone() for name, x in model.state_dict().items()}
    model.calibrate(nothing)
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


@pytest.mark.long
def test_compiled_networks_are_calibrated_too():
    x, results = rows(300), []
    for compiled in (False, True):
        model = networks()
        if compiled:
            model.encoder.forward = torch.compile(model.encoder.forward, backend="eager")
            model.encoder(x)
        model.calibrate(x)
        results.append(model.encoder[1].running_mean.clone())
    torch.testing.assert_close(*results, rtol=0, atol=0)
