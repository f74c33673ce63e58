"""The default recipe on real images: what it must cure, trained as `make demo` does."""

from __future__ import annotations

import pytest
import torch

import entropae as ea
from entropae.kinds import read as load
from entropae.kinds.samples import split
from entropae.latent import Entropic, Latent, Plain
from entropae.nn import pair


def train(latent: Latent) -> tuple[float, float]:
    """Held-out error, and Fréchet distance (pixels) of N(0, I) samples from the held-out images."""
    samples = load("digits")
    torch.manual_seed(0)
    model = ea.Autoencoder(*pair("mlp", samples.shape, 16, 16), latent)
    rows = ea.fit(model, samples, progress=False)
    held_out = samples.subset(split(len(samples))[1])
    x = held_out.__getitems__(range(len(held_out))).flatten(1)
    drawn = model.sample(2000, seed=0, prior="normal").flatten(1)
    return rows[-1]["validation/reconstruction"], ea.frechet_distance(drawn, x)


@pytest.mark.slow
def test_default_recipe_samples_well_at_little_cost():
    error, distance = train(Entropic(16))
    plain_error, plain_distance = train(Plain(16))
    _, constrained_distance = train(Plain(16, standardize=True))
    assert error < 1.1 * plain_error
    assert distance < 0.5 * plain_distance
    assert distance < constrained_distance
