"""What decoders can return, and data beyond it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import entropae as ea
from entropae.nn.limits import output_limits

Z = torch.zeros(1, 4)
CODE, VALUES = 4, 16


class Ends(nn.Module):
    """A decoder whose last function is not a layer."""

    def __init__(self, end: Callable[[Tensor], Tensor], norm: type[nn.Module] = nn.Identity):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.norm = nn.Linear(CODE, 32), norm(32)
        self.out, self.end = nn.Linear(32, VALUES), end

    def forward(self, z: Tensor) -> Tensor:
        return self.end(self.out(self.norm(self.hidden(z)).relu()))


@pytest.mark.parametrize(
    ("end", "limits"),
    [
        (torch.sigmoid, (0, 1)),
        (functional.hardsigmoid, (0, 1)),
        (lambda x: x.clamp(0, 1), (0, 1)),
        (torch.tanh, (-1, 1)),
        (lambda x: x.tanh() / 2, (-0.5, 0.5)),
        (lambda x: 255 * x.sigmoid(), (0, 255)),
        (torch.relu, (0, math.inf)),
        (functional.softplus, (0, math.inf)),
        (functional.elu, (-1, math.inf)),
        (functional.logsigmoid, (-math.inf, 0)),
    ],
)
@pytest.mark.parametrize("norm", [nn.Identity, nn.BatchNorm1d])
def test_limits_are_those_of_the_last_function(end, limits, norm):
    assert output_limits(Ends(end, norm).eval(), Z) == limits


@pytest.mark.parametrize(
    "end", [lambda x: x, functional.gelu, functional.silu, functional.leaky_relu, torch.sin]
)
def test_what_has_no_limits_that_matter_is_left_alone(end):
    assert output_limits(Ends(end).eval(), Z) is None


@pytest.mark.parametrize("hidden", [nn.Tanh, nn.Sigmoid, nn.Hardtanh])
@pytest.mark.parametrize("d", [1, 2, 8])
def test_bounded_hidden_layers_are_not_limits(hidden, d):
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(d, 32), hidden(), nn.Linear(32, VALUES))
    assert output_limits(decoder, torch.zeros(1, d)) is None


@pytest.mark.parametrize(("layer", "limits"), [(nn.Sigmoid, (0, 1)), (nn.Tanh, (-1, 1))])
def test_behind_a_normalisation_the_last_layer_tells(layer, limits):
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(CODE, 32), nn.LayerNorm(32), nn.Linear(32, VALUES))
    assert output_limits(nn.Sequential(inner, layer(), nn.Unflatten(1, (4, 4))), Z) == limits
    assert output_limits(inner, Z) is None


def test_random_state_and_gradients_are_left_as_they_were():
    decoder, state = Ends(torch.sigmoid).eval(), torch.get_rng_state()
    output_limits(decoder, Z)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in decoder.parameters())


def trained(data: Tensor, end: Callable[[Tensor], Tensor], **options: Any) -> list[str]:
    """The warnings of a short training."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, CODE))
    decoder = nn.Sequential(Ends(end), nn.Unflatten(1, data.shape[1:]))
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(CODE))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ea.fit(model, data, epochs=1, progress=False, **options)
    return [str(one.message) for one in caught]


IMAGES = torch.rand(120, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("data", "end", "said"),
    [
        (255 * IMAGES, torch.sigmoid, "only values from 0 to 1, and (99|100)%"),
        (2 * IMAGES - 1, torch.sigmoid, r"only values from 0 to 1, and (49|50|51)%"),
        (255 * IMAGES, torch.tanh, "only values from -1 to 1, and (99|100)%"),
        (IMAGES - 0.5, torch.relu, r"no values below 0, and (49|50|51)%"),
    ],
)
def test_fit_says_that_the_decoder_cannot_return_the_data(data, end, said):
    assert any(re.search(said, warning) for warning in trained(data, end))


@pytest.mark.parametrize(
    ("data", "end", "options"),
    [
        (IMAGES, torch.sigmoid, {}),
        (255 * IMAGES / 255, torch.sigmoid, {}),  # as the warning says
        (255 * IMAGES, lambda x: x, {}),
        (2 * IMAGES - 1, torch.tanh, {}),
        (IMAGES + 1e-4, torch.sigmoid, {}),
        # An error of one's own may take what the decoder returns in its own way.
        (2 * IMAGES - 1, torch.sigmoid, {"error": lambda y, x: (2 * y - 1 - x).square()}),
    ],
)
def test_fit_is_silent_where_the_decoder_can_return_the_data(data, end, options):
    assert not any("The decoder returns" in warning for warning in trained(data, end, **options))


@pytest.mark.long
def test_the_diagnosis_finds_a_sigmoid_in_forward():
    torch.manual_seed(0)
    model = ea.Autoencoder(nn.Linear(VALUES, CODE), Ends(torch.sigmoid), ea.Entropic(CODE))
    data = torch.randn(120, VALUES, generator=torch.Generator().manual_seed(0))
    with pytest.warns(match="The decoder returns only values from 0 to 1"):
        ea.fit(model, data, epochs=60, progress=False)
    found = model.diagnose(data, progress=False).findings
    assert found[0].name == "range"
    assert "only values from 0 to 1" in found[0].figure
