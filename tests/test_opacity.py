"""Images with a channel of opacity: put on white, from files, arrays and pictures alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import entropae as ea
from entropae.kinds import read

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (40, 12, 10, 4), dtype=np.uint8)
PIXELS[..., 3] = np.where(RANDOM.random((40, 12, 10)) < 0.5, 255, 0)
PIXELS[:, 0, 0, 3] = 51  # a fifth


def flat(images: np.ndarray) -> np.ndarray:
    """By hand."""
    share = images[..., 3:] / 255
    return np.rint(share * images[..., :3] + (1 - share) * 255).astype(np.uint8)


def test_arrays_pictures_and_files_come_out_alike(tmp_path):
    of_array = read(PIXELS)
    assert of_array.kind.name == "images"
    assert of_array.told == "Their last channel, opacity, was put on white."
    assert np.array_equal(of_array.array, flat(PIXELS))
    pictures = [Image.fromarray(one) for one in PIXELS]
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i:02}.png")
    # Pillow rounds otherwise.
    for other in (read(pictures), read(tmp_path)):
        assert np.abs(other.array.astype(int) - flat(PIXELS)).max() <= 1


def test_shares_and_grey(tmp_path):
    shares = (PIXELS / 255).astype(np.float32)
    assert np.allclose(read(shares).array, flat(PIXELS) / 255, atol=1 / 255)
    grey = read(PIXELS[..., 2:])
    assert grey.shape == (1, 12, 10)
    assert np.array_equal(grey.array[..., 0], flat(PIXELS)[..., 2])


@pytest.mark.parametrize("case", ["band", "nowhere", "tensor", "small"])
def test_other_channels_are_values(case):
    images = PIXELS.copy()
    if case == "band":  # as of near infrared
        images[..., 3] = RANDOM.integers(0, 256, images.shape[:3])
    elif case == "nowhere":
        images[..., 3] = 0
    elif case == "small":
        images = images[:, :5]
    source = torch.from_numpy(images) if case == "tensor" else images
    assert read(source).kind.name == "arrays"


def test_a_model_takes_more_of_them(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    kind = read(tmp_path / "a.npy").kind
    more = ea.kinds.as_samples(PIXELS[:5], kind=kind)
    assert np.array_equal(more.array, flat(PIXELS[:5]))
