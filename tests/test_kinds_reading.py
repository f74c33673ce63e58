"""Every kind of source gives the same samples; what is bad is named, and never taken in silence."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import re
import shutil
import struct
import threading
import warnings
import zipfile
from contextlib import nullcontext
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, PngImagePlugin
from torch.utils.data import DataLoader

from entropae import kinds
from entropae.kinds import DOWNLOADS
from entropae.kinds.images import Images
from entropae.kinds.samples import Samples, collate, split


def load(source, size=None, **options):
    return kinds.read(source, size=size, **options)


def is_image(samples):
    return isinstance(samples.kind, Images)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def outside(dtype):
    """The warning that images of floating-point numbers up to 255 get, and bytes do not."""
    if np.dtype(dtype) == np.uint8:
        return nullcontext()
    return pytest.warns(UserWarning, match="values from 0 to 255")


def batch(samples):
    return samples.__getitems__(list(range(len(samples))))


def pixels(samples):
    """All samples as whole numbers from 0 to 255, channels last."""
    whole = batch(samples).mul(255)
    assert torch.equal(whole, whole.round())
    return whole.byte().permute(0, 2, 3, 1).numpy()


@pytest.fixture
def folder(tmp_path):
    """Three grey and nested images of 6 × 8 pixels, and things that are to be passed over."""
    root = tmp_path / "images"
    for i, name in enumerate(("a/1.png", "a/deep/2.bmp", "b/3.PNG")):
        save(root / name, noise(6, 8, seed=i))
    save(root / ".hidden.png", noise(2, 2))
    (root / "notes.txt").write_text("not an image")
    return root


# Folders of images.


def test_folder_in_path_order_without_hidden_files(folder):
    samples = load(folder)
    assert samples.shape == (1, 6, 8)
    assert is_image(samples)
    assert samples.skipped == ()
    assert np.array_equal(
        pixels(samples)[..., 0], np.stack([noise(6, 8, seed=i) for i in (0, 1, 2)])
    )


def test_folder_is_decoded_to_a_map_on_disk(folder):
    assert isinstance(load(folder).array, np.memmap)


def test_folder_leaves_no_files_behind(folder, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    samples = load(folder)
    assert batch(samples).shape == (3, 1, 6, 8)
    assert list(scratch.iterdir()) == []


def test_one_colour_image_makes_all_colour(folder):
    save(folder / "c.png", noise(6, 8, 3))
    samples = load(folder)
    assert samples.shape == (3, 6, 8)
    grey = batch(samples)[0]
    assert torch.equal(grey[0], grey[1])
    assert np.array_equal(pixels(samples)[-1], noise(6, 8, 3))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_can_be_forced(folder, channels):
    save(folder / "c.png", noise(6, 8, 3))
    assert load(folder, channels=channels).shape == (channels, 6, 8)


def test_mixed_sizes_name_two_files_and_the_remedy(folder):
    save(folder / "b/other.png", noise(5, 9))
    with pytest.raises(ValueError, match="--size") as caught:
        load(folder)
    message = str(caught.value)
    assert "other.png" in message
    assert "9×5" in message
    assert "8×6" in message


def test_size_crops_the_middle(tmp_path):
    wide, tall = noise(4, 8), noise(10, 4, seed=1)
    save(tmp_path / "1.png", wide)
    save(tmp_path / "2.png", tall)
    samples = load(tmp_path, 4)
    assert np.array_equal(pixels(samples)[..., 0], np.stack([wide[:, 2:6], tall[3:7]]))


def test_size_averages_when_it_reduces(tmp_path):
    fine = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    for name in ("1.png", "2.png"):
        save(tmp_path / name, fine.astype(np.uint8))
    inner = batch(load(tmp_path, 8))[:, :, 2:-2, 2:-2]
    assert (inner - 0.5).abs().max() < 0.01


def test_size_of_images_that_have_it_changes_nothing(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", noise(7, 7, 3, seed=i))
    assert torch.equal(batch(load(tmp_path)), batch(load(tmp_path, 7)))


def damaged_files(folder):
    whole = save(folder / "cut.jpg", noise(6, 8)).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[:-40])
    (folder / "empty.png").touch()
    (folder / "text.gif").write_text("hello")
    png = save(folder / "flipped.png", noise(6, 8)).read_bytes()
    at = png.index(b"IDAT") + 12
    (folder / "flipped.png").write_bytes(png[:at] + bytes(9) + png[at + 9 :])


def test_damaged_files_are_named_and_left_out(folder):
    expected = pixels(load(folder))
    damaged_files(folder)
    with pytest.warns(UserWarning, match="4 of 7"):
        samples = load(folder)
    assert np.array_equal(pixels(samples), expected)
    assert len(samples.skipped) == 4
    for name in ("cut.jpg", "empty.png", "flipped.png", "text.gif"):
        assert sum(f"{name}: " in reason for reason in samples.skipped) == 1


def test_damaged_files_are_errors_if_strict(folder):
    (folder / "text.gif").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.gif"):
        load(folder, strict=True)


def test_files_with_a_good_header_are_found_bad_when_decoded(tmp_path):
    whole = save(tmp_path / "2.jpg", noise(64, 64)).read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[:-200])
    for name in ("1.png", "3.png"):
        save(tmp_path / name, noise(64, 64, seed=int(name[0])))
    with pytest.warns(UserWarning, match=r"2\.jpg"):
        samples = load(tmp_path)
    assert np.array_equal(pixels(samples)[1, ..., 0], noise(64, 64, seed=3))


def test_images_of_too_many_pixels_are_refused(folder, monkeypatch):
    save(folder / "bomb.png", np.zeros((10, 10), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    with pytest.warns(UserWarning, match=r"bomb\.png"):
        samples = load(folder)
    assert len(samples) == 3


def test_reading_a_folder_leaves_the_warning_filters_alone(tmp_path):
    for i in range(600):
        save(tmp_path / f"{i}.png", noise(2, 2))
    before = list(warnings.filters)
    load(tmp_path)
    assert warnings.filters == before


def test_nothing_but_bad_files(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"1\.png"):
        load(tmp_path)


def test_one_image_is_too_few(tmp_path):
    save(tmp_path / "1.png", noise(4, 4))
    with pytest.raises(ValueError, match="least 2"):
        load(tmp_path)


def test_a_folder_without_images(tmp_path):
    with pytest.raises(ValueError, match=r"\.png"):
        load(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_scaled_to_8(tmp_path, suffix):
    deep = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    for i in range(2):
        save(tmp_path / f"{i}.{suffix}", deep)
    samples = load(tmp_path)
    assert np.array_equal(pixels(samples)[0, ..., 0], np.arange(256).reshape(16, 16))


def test_palettes_become_colours(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    for name in ("1.png", "2.gif"):
        image.save(tmp_path / name)
    assert (pixels(load(tmp_path)) == [10, 200, 30]).all()


@pytest.mark.parametrize(("mode", "ink"), [("RGBA", (200, 0, 0, 0)), ("LA", (90, 0))])
def test_transparency_is_laid_on_white(tmp_path, mode, ink):
    for name in ("1.png", "2.png"):
        Image.new(mode, (3, 3), ink).save(tmp_path / name)
    samples = load(tmp_path)
    assert samples.shape[0] == (3 if mode == "RGBA" else 1)
    assert (batch(samples) == 1).all()


def test_black_and_white(tmp_path):
    for name in ("1.png", "2.png"):
        Image.new("1", (3, 3), 1).save(tmp_path / name)
    assert (batch(load(tmp_path)) == 1).all()


@pytest.mark.parametrize(
    ("suffix", "options"), [("jpg", {}), ("png", {}), ("tif", {"compression": "tiff_lzw"})]
)
def test_orientation_is_applied(tmp_path, suffix, options):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    lit = np.zeros((16, 32), np.uint8)
    lit[:, :16] = 255
    for i in range(2):
        save(tmp_path / f"{i}.{suffix}", lit, exif=exif, **options)
    samples = load(tmp_path)
    assert samples.shape == (1, 32, 16)
    assert batch(samples)[:, :, :16].mean() > 0.95
    assert batch(samples)[:, :, 16:].mean() < 0.05


def test_orientation_decides_whether_sizes_are_mixed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    save(tmp_path / "1.jpg", noise(16, 32), exif=exif)
    save(tmp_path / "2.jpg", noise(32, 16))
    assert load(tmp_path).shape == (1, 32, 16)


def test_a_full_disk_is_noticed_before_decoding(folder, monkeypatch):
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=7))
    with pytest.raises(OSError, match=r"144.* 7 "):
        load(folder)


def test_text_in_a_png_does_no_harm(folder):
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 1000)
    save(folder / "d.png", noise(6, 8), pnginfo=info)
    assert len(load(folder)) == 4


def test_hidden_folders_are_passed_over(folder):
    save(folder / ".thumbnails/1.png", noise(2, 2))
    assert len(load(folder)) == 3


def test_16_bits_are_rounded(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", np.full((4, 4), 200, np.uint16))
    assert (pixels(load(tmp_path)) == 1).all()


def test_no_file_reaches_the_postscript_reader(folder, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("run"))
    (folder / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\nshowpage\n"
    )
    with pytest.warns(UserWarning, match=r"x\.png: not an image"):
        load(folder)


# Arrays.


@pytest.mark.parametrize(
    ("shape", "sample", "image"),
    [
        ((5, 8, 9), (1, 8, 9), True),
        ((5, 8, 9, 3), (3, 8, 9), True),
        ((5, 8, 9, 1), (1, 8, 9), True),
        ((5, 3, 8, 9), (3, 8, 9), True),
        ((5, 1, 8, 9), (1, 8, 9), True),
        ((5, 7), (7,), False),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.float16, ">f4"])
def test_shapes_of_arrays(shape, sample, image, dtype):
    given = noise(*shape)
    array = given if dtype is np.uint8 else (given / 255).astype(dtype)
    samples = load(array)
    assert (samples.shape, is_image(samples), len(samples)) == (sample, image, 5)
    out = batch(samples)
    assert out.dtype == torch.float32
    assert out.is_contiguous()
    last = image and len(shape) == 4 and shape[3] in (1, 3)
    expected = (np.moveaxis(given, 3, 1) if last else given).reshape(5, *sample) / 255
    tolerance = 1e-3 if dtype is np.float16 else 1e-6
    assert np.allclose(out.numpy(), expected, atol=tolerance)


def test_arrays_and_tensors_are_not_copied():
    array = noise(4, 8, 8)
    assert np.shares_memory(load(array).array, array)
    tensor = torch.from_numpy(array)
    assert np.shares_memory(load(tensor).array, array)


def test_batches_do_not_share_memory_with_the_array():
    array = np.ones((4, 8, 8), np.float32)
    load(array)[0].zero_()
    batch(load(array)).zero_()
    assert (array == 1).all()


def test_reversed_arrays():
    array = noise(4, 8, 8)[::-1, ::-1]
    assert np.array_equal(pixels(load(array))[..., 0], array)


def test_booleans_are_0_and_1():
    array = noise(4, 8, 8) > 127
    assert np.array_equal(batch(load(array))[:, 0].numpy(), array.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.int8, np.int32])
def test_other_integers_are_their_values(dtype):
    array = np.arange(20, dtype=dtype).reshape(4, 5)
    samples = load(array)
    assert samples.kind.name == "arrays"
    assert torch.equal(batch(samples), torch.arange(20.0).reshape(4, 5))


@pytest.mark.parametrize(
    ("array", "low", "high"),
    [
        (np.arange(256).reshape(4, 8, 8), 0, 255),
        (np.linspace(-1, 1, 256).reshape(4, 8, 8), -1, 1),
        (np.linspace(0, 255, 256, dtype=np.float32).reshape(4, 8, 8), 0, 255),
        (np.linspace(0, 65535, 256).astype(np.uint16).reshape(4, 8, 8), 0, 65535),
        (np.linspace(-3, 7.5, 256).reshape(4, 8, 8), -3, 7.5),
    ],
)
def test_images_of_another_range_keep_their_values_and_it_is_said(array, low, high):
    with pytest.warns(UserWarning, match=re.escape(f"show the range {low:g} (black) to {high:g}")):
        samples = load(array)
    x = batch(samples)
    assert torch.equal(x[:, 0], torch.from_numpy(array.astype(np.float32)))
    shown = samples.kind.unit(x)
    assert (float(shown.min()), float(shown.max())) == (0, 1)


@pytest.mark.parametrize("array", [np.zeros((4, 2), complex), np.full((4, 2), "a")])
def test_what_is_no_number_is_refused(array):
    with pytest.raises(ValueError, match=str(array.dtype)):
        load(array)


@pytest.mark.parametrize("shape", [(0, 8, 8), (4, 0)])
def test_too_few_samples(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        load(np.zeros(shape, np.float32))


def test_one_sample_can_be_read_and_not_trained_on():
    samples = load(np.zeros((1, 8, 8), np.float32))
    assert len(samples) == 1
    with pytest.raises(ValueError, match=r"At least 2 samples .* got n=1"):
        samples.split(0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_values_must_be_finite(bad):
    array = np.zeros((3000, 40, 40))
    array[[2900, 2999], 3, 4] = bad
    with pytest.raises(ValueError, match=r"2 of 3000.*2900"):
        load(array)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_are_resized_like_files(tmp_path, dtype):
    array = noise(3, 20, 12, 3)
    for i, image in enumerate(array):
        save(tmp_path / f"{i}.png", image)
    given = array if dtype is np.uint8 else array.astype(np.float32) / 255
    samples = load(given, 9)
    assert samples.shape == (3, 9, 9)
    assert isinstance(samples.array, np.memmap)
    assert (batch(samples) - batch(load(tmp_path, 9))).abs().max() <= 1.01 / 255


def test_channels_of_arrays_can_be_changed():
    array = noise(3, 8, 8)
    wide = load(array, channels=3)
    assert wide.shape == (3, 8, 8)
    assert np.array_equal(pixels(load(pixels(wide), channels=1))[..., 0], array)


@pytest.fixture
def photos(tmp_path):
    """Ten of a camera's pictures, and as many of which every other one stands upright."""
    for i in range(10):
        for folder, turned in (("alike", False), ("mixed", i % 2)):
            (tmp_path / folder).mkdir(exist_ok=True)
            pixels = noise(96, 128, 3, seed=i)
            Image.fromarray(pixels.swapaxes(0, 1) if turned else pixels).save(
                tmp_path / folder / f"{i}.png"
            )
    return tmp_path


def test_auto_makes_large_images_smaller_and_keeps_all_of_them(photos):
    samples = load(photos / "alike", "auto")
    assert samples.shape == (3, 55, 74)
    assert samples.told.replace("\xa0", " ") == (
        "Made smaller: they have 128 × 96 pixels (--size)."
    )
    # As many white pixels as there were, in mean: nothing is cropped.
    own = np.mean([noise(96, 128, 3, seed=i).mean() / 255 for i in range(10)])
    assert float(batch(samples).mean()) == pytest.approx(own, abs=5e-3)


def test_auto_crops_images_of_several_shapes(photos):
    samples = load(photos / "mixed", "auto")
    assert samples.shape == (3, 64, 64)
    assert samples.told.replace("\xa0", " ").startswith("Cropped to a square and resized: ")
    with pytest.raises(ValueError, match="auto"):
        load(photos / "mixed")


def test_auto_never_enlarges(tmp_path):
    for i, side in enumerate((20, 30, 40)):
        Image.fromarray(noise(side, 50, seed=i)).save(tmp_path / f"{i}.png")
    assert load(tmp_path, "auto").shape == (1, 30, 30)
    x = noise(5, 40, 50)
    assert (load(x, "auto").shape, load(x, "auto").told) == ((1, 40, 50), "")


def test_auto_makes_arrays_smaller_whose_values_are_pixels():
    x = noise(5, 3, 100, 120)
    assert load(x, "auto").shape == (3, 58, 70)
    scores = np.random.default_rng(0).normal(size=(5, 3, 100, 120)).astype(np.float32)
    with pytest.warns(UserWarning, match="pictures show"):
        assert load(scores, "auto").shape == (3, 100, 120)


def test_more_images_are_made_as_small_as_those_before(photos, tmp_path):
    kind = load(photos / "alike", "auto").kind
    saved = json.loads(json.dumps(kinds.settings_of(kind)))
    kind = kinds.kind_from(saved, tmp_path)
    for source in (photos / "mixed", noise(4, 90, 120, 3)):
        assert kinds.as_samples(source, kind=kind).shape == (3, 55, 74)
    with pytest.raises(ValueError, match="size"):
        kinds.kind_from(saved | {"size": [64, "64"]}, tmp_path)


def test_size_is_for_images():
    with pytest.raises(ValueError, match="images"):
        load(np.zeros((4, 5), np.float32), 8)
    assert load(np.zeros((4, 5), np.float32), "auto").shape == (5,)


def test_bytes_of_unclear_shape_are_refused():
    with pytest.raises(ValueError, match=re.escape("(5, 3, 8, 3) is ambiguous")):
        load(noise(5, 3, 8, 3))


@pytest.mark.parametrize("shape", [(5, 4, 8, 9), (5, 9, 9, 2, 2), (5, 20, 24)])
def test_bytes_of_any_other_shape_keep_it(shape):
    given = noise(*shape)
    x = batch(load(given.reshape(shape)))
    expected = given[:, None] if len(shape) == 3 else given
    assert np.allclose(x.numpy(), expected / np.float32(255))


@pytest.mark.parametrize("channels", [2, 4, 16])
def test_bytes_with_a_few_channels_last_are_arrays_with_these_first(channels):
    given = noise(5, 20, 24, channels)
    samples = load(given)
    assert samples.kind.name == "arrays"
    assert samples.shape == samples.kind.shape == (channels, 20, 24)
    assert np.array_equal(pixels(samples), given)


def test_floating_point_samples_of_any_shape():
    samples = load(np.ones((5, 4, 8, 9), np.float32))
    assert (samples.shape, is_image(samples)) == ((4, 8, 9), False)


def test_bfloat16():
    assert (batch(load(torch.ones(3, 8, 8, dtype=torch.bfloat16))) == 1).all()


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_channels_are_1_or_3(channels):
    with pytest.raises(ValueError, match=f"channels={channels}"):
        load(noise(3, 8, 8), channels=channels)


@pytest.mark.parametrize("size", [0, -3, 2.5, True, "large"])
def test_size_must_be_positive(size):
    with pytest.raises(ValueError, match=f"size={size!r}"):
        load(noise(4, 8, 8), size)


# Files of arrays.


def test_npy_is_mapped(tmp_path):
    array = noise(6, 9, 8)
    np.save(tmp_path / "x.npy", array)
    samples = load(tmp_path / "x.npy")
    assert isinstance(samples.array, np.memmap)
    assert np.array_equal(pixels(samples)[..., 0], array)


@pytest.mark.long
def test_npy_larger_than_what_is_read(tmp_path):
    """A sparse file of 8 TB: nothing but the header and two rows of it is ever read."""
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 23, 1 << 20)}
        np.lib.format.write_array_header_2_0(file, header)
        file.truncate(file.tell() + (1 << 43))
    samples = load(path)
    assert samples.__getitems__([0, (1 << 23) - 1]).shape == (2, 1 << 20)


@pytest.mark.parametrize("save_npz", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_npz_is_mapped(tmp_path, save_npz, order, dtype):
    array = np.asarray(noise(40, 9, 8), dtype, order=order)
    save_npz(tmp_path / "x.npz", labels=np.arange(40), images=array)
    with outside(dtype):
        samples = load(tmp_path / "x.npz")
    assert isinstance(samples.array, np.memmap)
    scale = 255 if dtype is np.uint8 else 1
    assert np.array_equal(batch(samples)[:, 0].mul(scale).numpy(), array)


def test_npz_that_is_not_compressed_is_mapped_in_place(tmp_path):
    np.savez(tmp_path / "x.npz", noise(40, 9, 8))
    assert Path(str(load(tmp_path / "x.npz").array.filename)).name == "x.npz"


def test_npz_of_one_array_by_any_name(tmp_path):
    np.savez(tmp_path / "x.npz", faces=noise(4, 8, 8))
    assert len(load(tmp_path / "x.npz")) == 4


def test_npz_of_several_unknown_arrays(tmp_path):
    np.savez(tmp_path / "x.npz", left=noise(4, 8, 8), right=noise(4, 8, 8))
    with pytest.raises(ValueError, match=r"left.*right"):
        load(tmp_path / "x.npz")


def test_pickles_are_never_read(tmp_path):
    class Harm:
        def __reduce__(self):
            return pytest.fail, ("a pickle was read",)

    np.save(tmp_path / "x.npy", np.array([Harm(), Harm()], object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", np.array([Harm(), Harm()], object))
    (tmp_path / "y.npy").write_bytes(pickle.dumps(Harm()))
    for name in ("x.npy", "x.npz", "y.npy"):
        with pytest.raises(ValueError, match=name):
            load(tmp_path / name)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "small.npz", "x-idx3-ubyte", "x-idx3-ubyte.gz"])
def test_cut_files(tmp_path, name):
    path = tmp_path / name
    writers = {"x.npy": np.save, "x.npz": np.savez, "small.npz": np.savez_compressed}
    if name in writers:
        writers[name](path, noise(50, 9, 8))
    else:
        write_idx(path, noise(50, 9, 8))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=re.escape(name)):
        load(path)


@pytest.mark.parametrize("name", ["x.npz", "x-idx3-ubyte.gz"])
def test_scrambled_files(tmp_path, name):
    path = tmp_path / name
    if name == "x.npz":
        np.savez_compressed(path, noise(50, 9, 8))
    else:
        write_idx(path, noise(50, 9, 8))
    whole = bytearray(path.read_bytes())
    whole[1000:1100] = bytes(range(100))
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=re.escape(name)):
        load(path)


def test_npz_with_a_forged_header(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
    )
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "x.npz", "w", kind) as archive:
            archive.writestr("x.npy", header.getvalue() + bytes(100))
        with pytest.raises(ValueError, match=str(1 << 40)):
            load(tmp_path / "x.npz")


def write_idx(path, array, shape=None):
    types = {"u1": 0x08, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    kind = array.dtype.str[1:]
    shape = shape or array.shape
    header = struct.pack(f">HBB{len(shape)}I", 0, types[kind], len(shape), *shape)
    content = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "a-idx3-ubyte.gz", "a.idx", "a.idx.gz"])
def test_idx_is_mapped(tmp_path, name, dtype):
    array = noise(30, 9, 8).astype(dtype)
    write_idx(tmp_path / name, array)
    with outside(dtype):
        samples = load(tmp_path / name)
    assert isinstance(samples.array, np.memmap)
    scale = 255 if dtype is np.uint8 else 1
    assert np.array_equal(batch(samples)[:, 0].mul(scale).numpy(), array)


@pytest.mark.parametrize("name", ["x-idx3-ubyte", "x-idx3-ubyte.gz"])
@pytest.mark.parametrize("shape", [(1 << 20, 1 << 10, 1 << 10), (1 << 30, 1 << 30, 1 << 30)])
def test_idx_with_a_forged_header(tmp_path, name, shape):
    write_idx(tmp_path / name, noise(1000), shape)
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["x-idx3-ubyte", "x-idx3-ubyte.gz"])
def test_idx_with_more_than_its_header_says(tmp_path, name):
    write_idx(tmp_path / name, noise(10, 9, 8), (9, 9, 8))
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name)


def test_idx_of_labels(tmp_path):
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", noise(10))
    with pytest.raises(ValueError, match="labels"):
        load(tmp_path / "train-labels-idx1-ubyte.gz")


def test_idx_that_is_none(tmp_path):
    for content in (b"", b"\0\0", b"hello world", b"\0\0\x07\x03" + bytes(12)):
        (tmp_path / "x.idx").write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.idx"):
            load(tmp_path / "x.idx")


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_folder_of_idx_files_means_its_training_images(tmp_path, packed):
    write_idx(tmp_path / f"train-images-idx3-ubyte{packed}", noise(20, 9, 8))
    write_idx(tmp_path / f"train-labels-idx1-ubyte{packed}", noise(20))
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{packed}", noise(5, 9, 8))
    assert np.array_equal(pixels(load(tmp_path))[..., 0], noise(20, 9, 8))


def test_files_of_other_kinds(tmp_path):
    (tmp_path / "x.xyz").write_bytes(b"\0\1")
    with pytest.raises(ValueError, match=r"x\.xyz is of no known kind: .*\.npy.*\.csv.*\.txt"):
        load(tmp_path / "x.xyz")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        ValueError, match=r"x\.csv: At least 3 rows are needed, one of them to be held out: got 1"
    ):
        load(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["train/cat", "train/dog", "test/cat"], ["cat", "dog", "cat"]),
        (["Train", "Train", "val"], None),
        (["train/cat", "dog", "dog"], ["dog", "dog", "train/cat"]),
        (["cat", "train", "train"], ["cat", "train", "train"]),
    ],
)
def test_parts_of_a_data_set_are_no_classes(tmp_path, folders, classes):
    for i, folder in enumerate(folders):
        save(tmp_path / folder / f"{i}.png", noise(8, 8, seed=i))
    found = load(tmp_path).labels
    assert (None if found is None else sorted(found.tolist())) == (classes and sorted(classes))


# Names.


def test_digits():
    samples = load("digits")
    assert (len(samples), samples.shape, is_image(samples)) == (1797, (1, 8, 8), True)
    x = batch(samples)
    assert (x.min(), x.max()) == (0, 1)
    assert samples.array.dtype == np.uint8


@pytest.mark.parametrize("near", ["minst", "digit", "fashion_mnist"])
def test_a_misspelt_name(near):
    with pytest.raises(FileNotFoundError, match="Did you mean"):
        load(near)


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_a_name_wins_over_a_folder_and_a_path_over_a_name(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", noise(3, 8, 8))
    (tmp_path / "digits").mkdir()
    save(tmp_path / "digits/1.png", noise(4, 4))
    save(tmp_path / "digits/2.png", noise(4, 4))
    monkeypatch.chdir(tmp_path)
    assert len(load("x.npy")) == 3
    assert len(load("digits")) == 1797
    assert len(load("./digits")) == 2


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A data set on a server of this machine, and a cache of its own."""
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", noise(7, 9, 8))
    checksum = hashlib.sha256((tmp_path / "train-images-idx3-ubyte.gz").read_bytes()).hexdigest()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/train-images-idx3-ubyte.gz"
    monkeypatch.setenv("ENTROPAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(DOWNLOADS, "mnist", (address, checksum))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_downloads_are_kept(published, tmp_path):
    first = load("mnist")
    assert np.array_equal(pixels(first)[..., 0], noise(7, 9, 8))
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    (tmp_path / "train-images-idx3-ubyte.gz").unlink()
    assert torch.equal(batch(load("mnist")), batch(first))


def test_a_download_that_is_not_the_published_file(published, tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", noise(8, 9, 8))
    with pytest.raises((OSError, ValueError), match="folder") as caught:
        load("mnist")
    assert "hash" in str(caught.value)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_without_a_network(published, monkeypatch):
    monkeypatch.setitem(DOWNLOADS, "mnist", ("http://127.0.0.1:1/x.gz", "0" * 64))
    with pytest.raises(OSError, match="folder"):
        load("mnist")


# Samples.


@given(
    arrays(np.uint8, st.tuples(st.integers(2, 5), st.integers(8, 9), st.integers(8, 9))),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_a_batch_is_its_samples(array, chosen):
    samples = load(array)
    rows = [i % len(samples) for i in chosen]
    whole = samples.__getitems__(rows)
    assert whole.shape == (len(rows), *samples.shape)
    for i, row in enumerate(rows):
        assert torch.equal(whole[i], samples[row])
        assert torch.equal(whole[i], torch.from_numpy(array[row : row + 1]).float() / 255)


def test_samples_are_a_sequence():
    samples = load(noise(3, 8, 8))
    assert len(list(samples)) == 3
    assert torch.equal(samples[-1], samples[2])
    with pytest.raises(IndexError):
        samples[3]


def test_subsets_are_views():
    array = noise(20, 8, 8)
    samples = load(array)
    some = samples.subset(np.array([7, 3, 11]))
    again = some.subset(np.array([2, 0]))
    assert isinstance(some, Samples)
    assert np.shares_memory(again.array, array)
    assert (len(some), len(again), again.shape) == (3, 2, (1, 8, 8))
    assert torch.equal(batch(again), samples.__getitems__([11, 7]))
    assert torch.equal(again[1], samples[7])


def test_subsets_keep_within_the_samples():
    samples = load(noise(20, 8, 8))
    with pytest.raises(IndexError):
        samples.subset(np.array([25]))[0]


def test_subsets_take_no_masks():
    with pytest.raises(ValueError, match="flatnonzero"):
        load(noise(3, 8, 8)).subset(np.array([True, False, True]))


@pytest.mark.long
def test_subset_of_a_huge_file_reads_nothing(tmp_path):
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 23)}
        np.lib.format.write_array_header_2_0(file, header)
        file.truncate(file.tell() + (1 << 43))
    train, _ = split(1 << 20)
    assert len(load(tmp_path / "x.npy").subset(train)) == len(train)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_take_whole_batches(folder, workers):
    samples = load(folder).subset([2, 0, 1])
    loader = DataLoader(samples, batch_size=2, num_workers=workers, collate_fn=collate)
    assert torch.equal(torch.cat(list(loader)), batch(samples))


def test_samples_can_be_pickled(folder):
    samples = load(folder).subset([2, 0])
    assert torch.equal(batch(pickle.loads(pickle.dumps(samples))), batch(samples))


# Splits.


@given(st.integers(3, 300), st.floats(0, 0.6), st.integers(0, 2**31))
def test_splits_part_all_samples(n, validation, seed):
    if n - max(1, round(n * validation)) < 2:
        return
    train, held_out = split(n, validation, seed=seed)
    assert sorted([*train, *held_out]) == list(range(n))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()
    assert len(train) >= 2
    assert len(held_out) == (max(1, round(n * validation)) if validation else 0)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(split(n, validation, seed=seed), (train, held_out), strict=True)
    )


def test_splits_differ_by_seed():
    assert not np.array_equal(split(100)[1], split(100, seed=1)[1])


@pytest.mark.parametrize("validation", [-0.1, 1, 2.5, float("nan")])
def test_the_fraction_held_out_is_in_range(validation):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        split(10, validation)


@pytest.mark.parametrize(("n", "validation"), [(2, 0.1), (1, 0.0), (0, 0.5)])
def test_too_few_samples_to_split(n, validation):
    with pytest.raises(ValueError, match=f"n={n}"):
        split(n, validation)


@pytest.mark.parametrize("kind", ["U", object])
def test_arrays_of_sentences_are_text(kind, tmp_path):
    sentences = ["a cat sat here", "the dog ran off", "birds fly high", "fish swim low"] * 5
    assert kinds.read(np.array(sentences, kind)).kind.name == "text"
    np.save(tmp_path / "x.npy", np.array(sentences))
    assert kinds.read(tmp_path / "x.npy").kind.name == "text"


def test_arrays_with_named_columns_are_tables():
    rows = np.zeros(20, [("size", "f4"), ("kind", "U1")])
    rows["size"], rows["kind"] = np.arange(20), list("ab" * 10)
    assert [column.name for column in kinds.read(rows).kind.columns.all] == ["size", "kind"]


def test_numbers_longer_than_torch_has_them():
    x = np.random.default_rng(0).standard_normal((20, 3)).astype(np.longdouble)
    assert torch.equal(kinds.read(x).first(20), torch.from_numpy(x.astype(np.float32)))


def test_no_samples_are_told():
    with pytest.raises(ValueError, match=r"There must be samples: got .* \(0, 3\)"):
        kinds.read(np.zeros((0, 3)))


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (["a b", "b c", "c d"], {"size": 32}, r"`size` is for images: got size=32 with sentences"),
        (["a b", "b c", "c d"], {"drop": ("a",)}, r"`drop` is for tables: got drop=\['a'\] with"),
        ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, {"channels": 1}, r"`channels` is for images: .* rows"),
        ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, {"length": 9}, r"`length` is for text: got length=9"),
        (np.zeros((4, 3), np.float32), {"size": 8}, r"`size` is for images: got size=8 with"),
        (np.zeros((4, 8, 8), np.uint8), {"rules": ("a < b",)}, r"`rules` is for tables: .* images"),
    ],
)
def test_options_of_other_kinds_are_refused(source, options, said):
    made = pa.table(source) if isinstance(source, dict) else source
    with pytest.raises(ValueError, match=said):
        kinds.read(made, **options)
