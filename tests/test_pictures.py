"""Pictures of Pillow's and bytes of images, one by one: read as a folder of them would be."""

import io
import re

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
from PIL import Image
from torch import nn

import entropae as ea
from entropae.kinds import read

N = 12
LABELS = [f"town {i % 3}" for i in range(N)]


def picture(i, width=16, height=16):
    rng = np.random.default_rng(i)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def bytes_of(one, form="PNG"):
    file = io.BytesIO()
    one.save(file, form)
    return file.getvalue()


def folder_of(pictures, path):
    for i, one in enumerate(pictures):
        one.save(path / f"{i:03}.tif")
    return path


def see_through(mode):
    made = []
    for i in range(N):
        one = picture(i).convert(mode)
        one.putalpha(picture(i + N).convert("L"))
        made.append(one)
    return made


OF_OTHER_SIZES = [picture(i, 16 + i % 4, 20 + i % 3) for i in range(N)]
DEEP = [
    Image.fromarray(np.random.default_rng(i).integers(0, 65536, (16, 16)).astype(np.uint16))
    for i in range(N)
]
MODES = {
    **{mode: [picture(i).convert(mode) for i in range(N)] for mode in ("1", "L", "RGB", "P")},
    **{mode: [picture(i).convert(mode) for i in range(N)] for mode in ("CMYK", "YCbCr")},
    "LA": see_through("L"),
    "RGBA": see_through("RGB"),
    "I;16": DEEP,
    "L and RGB": [picture(i).convert("L" if i % 2 else "RGB") for i in range(N)],
    "of other sizes": OF_OTHER_SIZES,
}


@pytest.mark.parametrize("mode", MODES)
def test_pictures_are_read_as_their_files_would_be(mode, tmp_path):
    size = 16 if mode == "of other sizes" else None
    folder = read(folder_of(MODES[mode], tmp_path), size=size)
    listed = read(MODES[mode], size=size)
    assert torch.equal(listed.first(N), folder.first(N))
    assert listed.kind.settings() == folder.kind.settings()


def test_floats_are_between_their_black_and_white():
    values = np.random.default_rng(0).random((N, 16, 16)).astype(np.float32)
    values[0, 0, 0] = 1
    with pytest.warns(UserWarning, match="1 was taken for white"):
        x = read(list(map(Image.fromarray, values))).first(N)
    assert (x.squeeze(1) - torch.from_numpy(values)).abs().max() <= 0.5 / 255 + 1e-6


def test_a_picture_is_turned_as_it_is_meant_to_be_seen():
    turned = picture(0)
    exif = turned.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    shown = Image.open(file)
    x = read([shown, *map(picture, range(1, N))]).first(1)[0]
    upright = np.array(turned.transpose(Image.Transpose.ROTATE_270))
    assert torch.equal(x.mul(255).round().byte().permute(1, 2, 0), torch.from_numpy(upright))


WAYS = {
    "a list": lambda each: each,
    "pairs": lambda each: list(zip(each, LABELS, strict=True)),
    "items": lambda each: [
        {"image": one, "label": name} for one, name in zip(each, LABELS, strict=True)
    ],
    "a generator": lambda each: zip(each, LABELS, strict=True),
    "bytes": lambda each: list(map(bytes_of, each)),
    "bytes and a path": lambda each: [
        {"image": {"bytes": bytes_of(one), "path": None}, "label": name}
        for one, name in zip(each, LABELS, strict=True)
    ],
}


@pytest.mark.parametrize("size", [16, "auto"])
@pytest.mark.parametrize("way", WAYS)
def test_pictures_of_other_sizes_are_cropped_and_resized(way, size, tmp_path):
    folder = read(folder_of(OF_OTHER_SIZES, tmp_path), size=size)
    samples = read(WAYS[way](OF_OTHER_SIZES), size=size)
    assert torch.equal(samples.first(N), folder.first(N))
    assert samples.told == folder.told
    if way in ("pairs", "items", "a generator", "bytes and a path"):
        assert samples.labels.tolist() == LABELS


@pytest.mark.parametrize("cells", [OF_OTHER_SIZES, list(map(bytes_of, OF_OTHER_SIZES))])
def test_pictures_in_a_column_are_cropped_and_resized(cells, tmp_path):
    frame = pd.DataFrame({"id": range(N), "picture": cells, "town": LABELS})
    samples = read(frame, key="picture", labels="town", size=16)
    folder = read(folder_of(OF_OTHER_SIZES, tmp_path), size=16)
    assert torch.equal(samples.first(N), folder.first(N))
    assert samples.labels.tolist() == LABELS


def test_the_message_about_sizes_says_what_to_call():
    data = OF_OTHER_SIZES
    with pytest.raises(ValueError, match="number 0 has 16×20 pixels, number 11 19×22") as caught:
        read(data)
    call = re.search(r"entropae\.kinds\.read\(data, size=64\)", str(caught.value)).group()
    assert eval(call, {"entropae": ea, "data": data}).shape == (3, 64, 64)


def test_arrays_of_other_sizes_are_told_how_to_become_pictures():
    data = list(map(np.array, OF_OTHER_SIZES))
    with pytest.raises(ValueError, match="must have one shape and type: number 0 has") as caught:
        read(data)
    call = re.search(r"entropae\.kinds\.read\(map.*\)", str(caught.value)).group()
    samples = eval(call, {"entropae": ea, "data": data, "PIL": PIL})
    assert torch.equal(samples.first(N), read(OF_OTHER_SIZES, size=64).first(N))


def cut_off(i):
    """A picture that is opened, and of which the end is missing."""
    return Image.open(io.BytesIO(bytes_of(picture(i))[:200]))


@pytest.mark.parametrize("bad", [cut_off(4), bytes_of(picture(4))[:200], None])
def test_a_damaged_picture_is_left_out_with_its_label(bad):
    pictures = list(map(picture, range(N)))
    pictures[4] = bad
    with pytest.warns(UserWarning, match=r"1 of 12 images left out\. number 4: (image|not)"):
        samples = read(list(zip(pictures, LABELS, strict=True)))
    kept = [i for i in range(N) if i != 4]
    assert samples.labels.tolist() == [LABELS[i] for i in kept]
    assert torch.equal(samples.first(N), read([picture(i) for i in kept]).first(N))
    with pytest.raises(ValueError, match="number 4 cannot be read"):
        read(pictures, strict=True)


def test_pictures_and_arrays_do_not_mix():
    mixed = [*map(picture, range(N)), np.asarray(picture(0))]
    with pytest.raises(ValueError, match="must be pictures, or none: got 12 of 13"):
        read(mixed)


def test_a_model_takes_pictures_one_by_one():
    samples = read(OF_OTHER_SIZES, size=16)
    model = ea.Autoencoder(
        nn.Sequential(nn.Flatten(), nn.Linear(768, 4)),
        nn.Sequential(nn.Linear(4, 768), nn.Unflatten(1, (3, 16, 16))),
        ea.Plain(4),
    )
    ea.fit(model, samples, epochs=1, batch_size=4)
    # Whatever their size, as it has learnt to.
    codes = model.encode(OF_OTHER_SIZES)
    assert torch.equal(codes, model.encode(samples))
