"""What a first look shows and says: samples at random, files left out, deep images, directions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import entropae as ea
from entropae.cli import _plain_warnings, main
from entropae.features import is_installed
from entropae.kinds.images import Images
from entropae.kinds.images.whites import white_of

few = pytest.mark.filterwarnings("ignore:A Fréchet distance of n=")
needs_network = pytest.mark.skipif(
    not is_installed("efficientnet-lite0"), reason="its package is not installed"
)


def folder_of(path: Path, images: list[np.ndarray], suffix: str = ".png") -> Path:
    path.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / f"{i:03}{suffix}")
    return path


def grey(n: int = 4, size: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (size, size), dtype=np.uint8) for _ in range(n)]


def test_samples_that_are_shown_are_random_and_the_same_again():
    samples = ea.kinds.read(np.arange(1000.0).reshape(500, 2))
    shown = samples.drawn(64, seed=0)
    assert torch.equal(shown, samples.drawn(64, seed=0))
    assert not torch.equal(shown, samples.drawn(64, seed=1))
    assert len({row[0].item() for row in shown}) == 64
    assert 300 < shown.mean() < 700  # the first ones would have 64
    assert len(samples.drawn(9999, seed=0)) == 500


def test_files_of_other_types_are_counted_and_a_change_of_size_is_said(tmp_path, capsys):
    folder = folder_of(tmp_path / "images", [*grey(3), *grey(1, 9)])
    for name in ("a.heic", "b.heic", "notes.txt", "README", ".hidden"):
        (folder / name).write_text("")
    samples = ea.kinds.read(folder, size="auto")
    assert len(samples) == 4
    others = "4 of 8 files are of other types: 2 of .heic, 1 of no suffix, 1 of .txt"
    assert samples.others == others
    options = ["--epochs", "1", "--model.latent.dim", "1", "--validation", "0", "--no-report"]
    out = ["--out", str(tmp_path / "run"), "--model.hidden", "[4]"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are few of them
        assert main(["fit", "--data", str(folder), *out, *options]) == 0
    said = capsys.readouterr().out
    assert f"Left out: {others}.\n" in said
    assert samples.told
    assert f"{samples.told}\n" in said


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_images_of_few_bits_in_sixteen_are_as_bright_as_they_were(tmp_path, bits):
    deep = [image.astype(np.uint16) << (bits - 8) for image in grey()]
    with pytest.warns(UserWarning, match=f"{2**bits - 1} was taken for white"):
        samples = ea.kinds.read(folder_of(tmp_path / "deep", deep))
    expected = torch.from_numpy(np.stack(deep) / (2**bits - 1))
    torch.testing.assert_close(samples.first(4)[:, 0].double(), expected, atol=0.6 / 255, rtol=0)
    # More of them are read on the same scale, however dark they are; and so is one on its own.
    dark = folder_of(tmp_path / "dark", [image // 8 for image in deep])
    more = samples.kind.read_more(dark, ea.kinds.Reading())
    torch.testing.assert_close(more.first(4)[:, 0].double(), expected / 8, atol=1.1 / 255, rtol=0)
    assert isinstance(samples.kind, Images)
    one = samples.kind.upload((dark / "000.png").read_bytes())
    torch.testing.assert_close(one, more[0])
    assert samples.kind.settings()["white"] == 2**bits - 1


def test_images_of_all_sixteen_bits_need_no_word(tmp_path):
    deep = [image.astype(np.uint16) * 257 for image in grey()]
    samples = ea.kinds.read(folder_of(tmp_path / "deep", deep))
    torch.testing.assert_close(
        samples.first(4)[:, 0], torch.from_numpy(np.stack(grey())).float() / 255
    )


@pytest.mark.parametrize("white", [1, 255])
def test_float_images_of_usual_ranges_are_read(tmp_path, white):
    floats = [image.astype(np.float32) / 255 * white for image in grey()]
    with pytest.warns(UserWarning, match=f"{white} was taken for white"):
        samples = ea.kinds.read(folder_of(tmp_path / "floats", floats, ".tif"))
    expected = torch.from_numpy(np.stack(grey())).float() / 255
    torch.testing.assert_close(samples.first(4)[:, 0], expected, atol=0.6 / 255, rtol=0)


def test_float_images_of_no_usual_range_are_left_out_with_theirs(tmp_path):
    floats = [image.astype(np.float32) / 255 for image in grey()]
    floats[0] = floats[0] - 3
    folder = folder_of(tmp_path / "floats", floats, ".tif")
    with (
        pytest.warns(UserWarning, match="1 was taken for white"),
        pytest.warns(UserWarning, match=r"its values, -[23]\S* to -2\S*, are not in 0 to 65535"),
    ):
        samples = ea.kinds.read(folder)
    assert len(samples) == 3


def test_integers_are_no_shares_of_one():
    with pytest.warns(UserWarning, match="255 was taken"):
        assert white_of([(0, 2)]) == 255


def test_each_warning_is_one_line_once_without_its_place():
    with _plain_warnings():
        said = [
            warnings.formatwarning("two\n  lines", category, "file.py", 1, "warn()")
            for category in (UserWarning, UserWarning, FutureWarning)
        ]
    assert said == ["entropae: two lines\n", "", ""]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A short run of images that a network can look at."""
    home = tmp_path_factory.mktemp("sight")
    images = folder_of(home / "images", grey(60, 16))
    options = ["--epochs", "1", "--model.hidden", "[8]", "--model.latent.dim", "2"]
    options += ["--no-report", "--validation", "0.5"]
    assert main(["fit", "--data", str(images), "--out", str(home / "run"), *options]) == 0
    return home / "run"


def evaluated(run: Path, capsys, *options: str) -> str:
    assert main(["evaluate", str(run), "--trained-on", str(run.parent / "images"), *options]) == 0
    return capsys.readouterr().out


@pytest.mark.long
@few
@needs_network
def test_images_are_measured_by_a_network_where_it_is_installed(run, capsys):
    assert "by features of efficientnet-lite0 64 on" in evaluated(run, capsys)


@few
def test_distances_of_pixels_are_called_so(run, capsys, monkeypatch):
    monkeypatch.setattr("entropae.features.is_installed", lambda name: False)
    said = evaluated(run, capsys)
    assert "Fréchet distance by pixels (lower is better)" in said
    assert "precision by pixels (higher is better)" in said
    assert "distance to training data by pixels (near 1 is better)" in said
    assert "Squared error per value: " in said
    assert "a blurred image is near to every image" in said
    # What would be measured of samples as good as the data.
    assert said.count("training samples") == 6


@few
def test_every_figure_says_in_which_direction_it_is_good(run, capsys):
    said = evaluated(run, capsys, "--features", "pixels")
    figures = [line for line in said.splitlines()[1:] if not line.startswith("    ")]
    assert all(" is better)" in line for line in figures[:-1]), figures


@pytest.mark.parametrize("source", ["array", "folder"])
def test_images_of_zeros_and_ones_are_black_and_white(source, tmp_path):
    masks = (np.random.default_rng(0).random((40, 16, 12)) < 0.5).astype(np.uint8)
    folder = folder_of(tmp_path / "masks", masks, ".png")
    samples = ea.kinds.read(folder if source == "folder" else masks)
    assert samples.told == "Their values are 0 and 1: 1 was taken for white."
    assert torch.equal(samples.first(40)[:, 0], torch.from_numpy(masks).float())
    for more, factor in ((folder, 1), (masks, 1), (0 * masks, 0)):
        again = ea.kinds.as_samples(more, kind=samples.kind).first(40)[:, 0]
        assert torch.equal(again, torch.from_numpy(factor * masks).float())
    assert ea.kinds.read(masks * 2).first(40).max() == 2 / 255
