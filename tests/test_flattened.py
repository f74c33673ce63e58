"""Rows of pixels: images that were flattened are told how to become images again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from entropae.kinds import read
from entropae.kinds.arrays.flattened import shape_of

RANDOM = np.random.default_rng(0)


def colours() -> np.ndarray:
    """Colour images without sharp edges, their channels first."""
    small = torch.from_numpy(RANDOM.random((60, 3, 4, 4)))
    return torch.nn.functional.interpolate(small, (12, 12), mode="bilinear").numpy()


@pytest.mark.parametrize("name", ["digits", "bytes", "colours"])
def test_what_is_said_makes_images(name):
    images = {
        "digits": load_digits().images / 16,
        "bytes": (load_digits().images * 15).astype(np.uint8),
        "colours": colours(),
    }[name]
    x = images.reshape(len(images), -1)
    samples = read(x)
    assert samples.kind.name == "arrays"
    said, _, command = samples.told.partition("save the array as these: ")
    side = images.shape[-1]
    assert said.startswith(f"They may be images of {side} × {side} pixels, flattened.")
    again = eval(command, {"x": x})
    assert np.array_equal(again, images)
    assert read(again).kind.name == "images"


@pytest.mark.parametrize(
    "x",
    [
        np.abs(RANDOM.standard_normal((300, 784)).cumsum(1)),
        1 + np.sin(np.linspace(0, 60, 784) * RANDOM.uniform(0.5, 1.5, (300, 1))),
        RANDOM.random((300, 784)),
        RANDOM.random((300, 3)) @ RANDOM.random((3, 64)),
        RANDOM.standard_normal((300, 64)),
        load_digits().images[:20].reshape(20, -1),
        load_digits().images[..., :7].reshape(1797, -1),
    ],
    ids=["walk", "waves", "noise", "factors", "negative", "few", "oblong"],
)
def test_other_rows_of_numbers_are_none(x):
    assert shape_of(torch.from_numpy(x)) is None
