"""Networks whose shapes do not fit the samples, and what the message says to give, given."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import entropae as ea

IMAGES = torch.rand(40, 3, 8, 8)
GIVE = re.compile(r"(?:It takes |[Gg]ive )((?:(?:torch|nn|x)\b|\[one).*?)(?:: give that)?\.$")


def seen(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 8), nn.Flatten(), nn.Linear(4, 2))


def flat(*shape: int) -> tuple[nn.Module, nn.Module]:
    """Networks of flat codes that take samples of a shape, whose decoder forgets it."""
    size = torch.Size(shape).numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(size, 2)), nn.Linear(2, size)


def back(*shape: int) -> nn.Module:
    return nn.Sequential(flat(*shape)[1], nn.Unflatten(1, shape))


class Axes(nn.Module):
    """Returns images with their channels at the end, or puts its axes in the order it is told."""

    def __init__(self):
        super().__init__()
        self.layers = back(3, 8, 8)
        self.told = "y"

    def forward(self, z):
        return eval(self.told, {"y": self.layers(z).movedim(1, 3)})


class Counting(nn.Module):
    """Takes images without channels, and counts their axes."""

    def __init__(self):
        super().__init__()
        self.layers = flat(8, 8)[0]

    def forward(self, x):
        n, height, width = x.shape
        return self.layers(x.reshape(n, height * width))


CASES = {
    "channels last": (seen(3), back(3, 8, 8), IMAGES.movedim(1, 3)),
    "bands last": (seen(5), back(5, 8, 8), np.random.default_rng(0).random((40, 8, 8, 5))),
    "no channel": (seen(1), back(1, 8, 8), IMAGES[:, 0]),
    "time first": (
        nn.Sequential(nn.Conv1d(5, 2, 7), nn.Flatten()),
        back(5, 7),
        np.random.default_rng(0).random((40, 7, 5)),
    ),
    "images to perceptrons": (nn.Linear(192, 2), nn.Linear(2, 192), IMAGES),
    "codes of one pixel": (
        nn.Linear(6, 2),
        nn.Sequential(nn.ConvTranspose2d(2, 3, 8), nn.Flatten(), nn.Linear(192, 6)),
        torch.rand(40, 6),
    ),
    "codes of one step": (
        nn.Linear(6, 2),
        nn.Sequential(nn.ConvTranspose1d(2, 3, 2), nn.Flatten()),
        torch.rand(40, 6),
    ),
    "codes of several pixels": (
        nn.Linear(16, 8),
        nn.Sequential(nn.ConvTranspose2d(2, 1, 3), nn.Flatten()),
        torch.rand(40, 16),
    ),
    "arrays without a channel": (
        nn.Sequential(nn.Flatten(1, 2), nn.Linear(64, 2)),
        back(8, 8),
        IMAGES[:, 0].numpy(),
    ),
    "axes that are counted": (Counting(), back(8, 8), IMAGES[:, 0].numpy()),
    "batches in a list": (seen(3), back(3, 8, 8), list(IMAGES.split(4))),
    "flat": (*flat(3, 8, 8), IMAGES),
    "flat is meant": (nn.Linear(6, 2), back(2, 3), torch.rand(40, 6)),
    "a channel more": (flat(8, 8)[0], back(1, 8, 8), IMAGES[:, 0]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_it_says_to_give_fits(case):
    encoder, decoder, x = CASES[case]
    dim = 8 if case == "codes of several pixels" else 2
    for turn in range(3):
        model = ea.Autoencoder(encoder, decoder, ea.Plain(dim))
        try:
            ea.fit(model, x, epochs=1, progress=False)
            break
        except ValueError as error:
            assert turn < 2
            said = GIVE.findall(str(error))
            made = eval(said[-1], {"torch": torch, "nn": nn, "x": x, "decoder": decoder})
            x, decoder = (x, made) if isinstance(made, nn.Module) else (made, decoder)
    assert turn, "it fitted at once"
    assert model.sample(2)[0].shape == x[0].shape


def test_batches_of_a_generator_are_told_from_codes_of_a_shape():
    x = list(torch.rand(40, 6).split(4))
    model = ea.Autoencoder(nn.Linear(6, 2), nn.Linear(2, 6), ea.Plain(2))
    with pytest.raises(
        ValueError, match=r"if x yields batches, give their samples: (.*?\]);"
    ) as said:
        ea.fit(model, (batch for batch in x), epochs=1, progress=False)
    given = eval(re.search(r"their samples: (.*?\]);", str(said.value))[1], {"x": x})
    assert ea.fit(model, given, epochs=1, progress=False)
    assert len(given) == 40


def test_one_sample_without_its_batch():
    model = ea.Autoencoder(*flat(3, 8, 8), ea.Plain(2))
    with pytest.raises(ValueError, match=r"It takes x\[None\]: give that\.$"):
        model.encode(IMAGES[0])
    assert torch.equal(model.encode(IMAGES[0][None]), model.encode(IMAGES[:1]))
    with pytest.raises(ValueError, match="Change its first layer"):
        ea.Autoencoder(nn.Conv2d(1, 2, 3), nn.Linear(2, 6), ea.Plain(2)).encode(IMAGES[:, 0, 0])


def test_axes_in_another_order():
    decoder = Axes()
    model = ea.Autoencoder(flat(3, 8, 8)[0], decoder, ea.Plain(2))
    with pytest.raises(ValueError, match=r"forward return y\.permute") as caught:
        ea.fit(model, IMAGES, epochs=1, progress=False)
    decoder.told = re.search(r"return (y\.permute\(.*?\))", str(caught.value))[1]
    ea.fit(model, IMAGES, epochs=1, progress=False)
    assert model.sample(2).shape == (2, 3, 8, 8)


def test_statistics_stay_while_ways_are_tried():
    encoder = nn.Sequential(nn.BatchNorm2d(3), seen(3))
    model = ea.Autoencoder(encoder, back(3, 8, 8), ea.Plain(2))
    with pytest.raises(ValueError, match="It takes"):
        ea.fit(model, IMAGES.movedim(1, 3), epochs=1, progress=False)
    assert not encoder[0].running_mean.any()
