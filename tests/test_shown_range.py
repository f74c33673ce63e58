"""Images whose values are not in [0, 1], in the explorer: served, and in one file."""

from __future__ import annotations

import base64
import io
import json
import re
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import entropae as ea
from entropae.explorer import Space
from entropae.explorer.export import export
from entropae.explorer.server import ANSWERS
from entropae.kinds import read
from entropae.nn import pair

LOW, HIGH = -1.0, 1.0


@pytest.fixture(scope="module")
def space():
    """A model of grey images with black at −1 and white at 1."""
    rows, columns = np.mgrid[:8, :8]
    place = np.random.default_rng(0).uniform(1, 7, (60, 2, 1, 1))
    spots = np.exp(-((rows - place[:, 0]) ** 2 + (columns - place[:, 1]) ** 2) / 6)
    with pytest.warns(UserWarning, match=r"range -1 \(black\) to 1 \(white\)"):
        samples = read((2 * spots - 1).astype(np.float32))
    torch.manual_seed(0)
    latent = ea.Entropic(3)
    model = ea.Autoencoder(*pair("mlp", (1, 8, 8), 3, 3, hidden=(16,), output="linear"), latent)
    ea.fit(model, samples, epochs=2, progress=False)
    return Space(model, samples, title="spots")


@pytest.fixture(scope="module")
def exported(space, tmp_path_factory):
    *_, path = export(space, tmp_path_factory.mktemp("export"))
    return path


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("way", "black", "white"), [("encode", LOW, HIGH), ("encode-inverted", HIGH, LOW)]
)
def test_an_upload_is_in_the_models_range(space, way, black, white):
    answer, _ = ANSWERS[way]
    for grey, value in ((0, black), (255, white)):
        found = answer(space, png(grey))
        values = np.frombuffer(base64.b64decode(found["values"]), "<f4")
        np.testing.assert_allclose(values, value, atol=1e-6)
        codes = np.frombuffer(base64.b64decode(found["codes"]), "<f4")
        expected = space.model.encode(torch.full((1, 1, 8, 8), value))[0]
        np.testing.assert_allclose(codes, expected, atol=1e-5)


def test_the_page_is_told_the_range(space, exported):
    assert space.describe()["range"] == [LOW, HIGH]
    found = re.search(r'id="embedded">(.*?)</script>', exported.read_text())
    assert found
    assert json.loads(found[1])["space"]["range"] == [LOW, HIGH]


def test_the_exported_page(space, exported, browser, tmp_path):
    """What is painted goes from black to white, and an upload is seen as the model's images are."""
    from explorer_page import Page

    page = Page(browser, exported.as_uri(), space)
    page.click("mean")
    x = space.decode(torch.from_numpy(space.axes.mean)[None].float())[0]
    values = np.array(page.run("Array.from(state.values)"))
    np.testing.assert_allclose(values, x.flatten(), atol=1e-3)
    painted = Image.open(io.BytesIO(page.png("picture"))).convert("L")
    wanted = ((x[0] - LOW) / (HIGH - LOW)).clamp(0, 1).numpy()
    assert np.abs(np.asarray(painted) / 255 - wanted).max() < 0.6 / 255
    path = tmp_path / "white.png"
    path.write_bytes(png(255))
    page["upload"].send_keys(str(path))
    for value in (HIGH, LOW):
        page.settle("return document.querySelectorAll('#uploaded .tile').length === 2")
        code = space.model.encode(torch.full((1, 1, 8, 8), value))[0]
        torch.testing.assert_close(page.code.float(), code, atol=1e-3, rtol=0)
        page.click("invert")


BYTES = np.random.default_rng(1).integers(0, 256, (10, 8, 8), dtype=np.uint8)
GIVEN = {
    "an array": lambda folder: BYTES,
    "channels last": lambda folder: BYTES[..., None],
    "a tensor": lambda folder: torch.from_numpy(BYTES)[:, None],
    "pictures": lambda folder: list(map(Image.fromarray, BYTES)),
    "a folder": lambda folder: folder,
}


@pytest.fixture(scope="module")
def models():
    """By their black and white, models of grey images."""
    made = {}
    for low, high in ((-1, 1), (0, 255), (-2.1, 2.6)):
        torch.manual_seed(0)
        parts = pair("mlp", (1, 8, 8), 3, 3, hidden=(16,), output="linear")
        x = low + (high - low) * (torch.from_numpy(BYTES)[:, None] / 255)
        model = ea.Autoencoder(*parts, ea.Plain(3))
        with warnings.catch_warnings(action="ignore"):  # of the range, which is meant
            ea.fit(model, x, epochs=1, batch_size=8)
        made[low, high] = model, x
    return made


@pytest.mark.parametrize("way", GIVEN)
@pytest.mark.parametrize("ends", [(-1, 1), (0, 255)])
def test_bytes_are_given_from_the_models_black_to_its_white(models, ends, way, tmp_path):
    model, x = models[ends]
    for i, one in enumerate(BYTES):
        Image.fromarray(one).save(tmp_path / f"{i}.png")
    torch.testing.assert_close(model.encode(GIVEN[way](tmp_path)), model.encode(x))


def test_bytes_for_a_model_of_images_normalised_otherwise_are_told_of(models):
    model, x = models[-2.1, 2.6]
    with pytest.warns(UserWarning, match="taken to be -2.1 and 2.6, the least and largest value"):
        code = model.encode(BYTES)
    torch.testing.assert_close(code, model.encode(x))


OF = {
    (0, 1): torch.from_numpy(BYTES)[:, None] / 255,
    (-1, 1): torch.from_numpy(BYTES)[:, None] / 127.5 - 1,
    (0, 255): torch.from_numpy(BYTES)[:, None].float(),
}


@pytest.mark.parametrize("given", OF)
@pytest.mark.parametrize("way", ["tensor", "array", "reconstruct"])
@pytest.mark.parametrize("ends", [(-1, 1), (0, 255)])
def test_images_of_another_range_are_told_the_way_to_the_models(models, ends, way, given):
    model, trained_on = models[ends]
    x = OF[given]
    call = model.reconstruct if way == "reconstruct" else model.encode
    if given == ends:
        with warnings.catch_warnings(action="error"):
            call(x)
        return
    with pytest.warns(UserWarning, match="and the model was trained on") as caught:
        call(x.numpy() if way == "array" else x)
    said = re.search(r"in that range: (.*)\.$", str(caught[0].message))
    assert said
    torch.testing.assert_close(eval(said[1], {"x": x}), trained_on, atol=1e-4, rtol=1e-5)


def test_images_that_seem_to_be_normalised_otherwise_are_told_of(models):
    model, x = models[-2.1, 2.6]
    with pytest.warns(UserWarning, match="from 0 to 1, .* range: as the images that it was train"):
        model.encode(OF[0, 1])
    with warnings.catch_warnings(action="error"):
        model.encode(x)
        model.encode(x + 0.2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("x", [0.9 * OF[-1, 1] + 0.1, OF[-1, 1].abs() / 2 + 0.2, OF[-1, 1][:1]])
def test_few_and_pale_images_are_not_suspected(models, x):
    with warnings.catch_warnings(action="error"):
        models[-1, 1][0].encode(x)
