"""Every loader, with valid files of its own, and ways to damage them: for tests and benchmarks."""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import entropae as ea
from entropae.cli import read_recipe_file
from entropae.kinds import read as load
from entropae.kinds.images import Images
from entropae.kinds.images.files import read_image
from entropae.kinds.text.tokenizer import Tokenizer
from entropae.latent import Entropic
from entropae.model import WEIGHTS
from entropae.nn import pair
from entropae.reader import read_table
from entropae.reader.rows import open_table
from entropae.recipe import RECIPE, ModelConfig, Recipe
from entropae.report.words import compared, evaluated
from entropae.runs import read_recipe, write_recipe
from entropae.storage.records import read_log
from entropae.training.checkpoints import CHECKPOINT, PREVIOUS, last_good, write

# What a loader may raise, always naming what it was reading.
DOCUMENTED = (ValueError, OSError)
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 8), np.uint8)
FORMATS = ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm", "pgm")


class Loader(NamedTuple):
    """How to make valid files in an empty folder, and how to read them."""

    make: Callable[[Path], None]
    read: Callable[[Path], object]


def _images(folder: Path) -> None:
    for i, suffix in enumerate(FORMATS):
        picture = Image.fromarray(PIXELS[i])
        picture.convert("RGB" if suffix == "ppm" else "L").save(folder / f"{i}.{suffix}")
    options = {"compression": "tiff_deflate"}
    Image.fromarray(PIXELS[9]).save(folder / "deflate.tif", **options)
    Image.fromarray(PIXELS[10]).convert("P").save(folder / "palette.png")
    Image.fromarray(PIXELS[11].astype(np.uint16) * 257).save(folder / "deep.png")


def _idx(content: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{content.ndim}I", 0, 8, content.ndim, *content.shape)
    return header + content.tobytes()


def _idx_gz(folder: Path) -> None:
    (folder / "x-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(PIXELS), mtime=0))


TEXT = "to be, or not to be\n" + "\n".join(f"春眠不覺曉 {i}" for i in range(9)) + "\n"
TABLE = np.random.default_rng(0).normal(size=(20, 3))


def _csv(folder: Path) -> None:
    rows = [",".join(map(str, row)) for row in TABLE]
    (folder / "x.csv").write_text("\n".join(["a,b,name", *rows]) + "\n")


def _parquet(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"a": TABLE[:, 0], "n": np.arange(20) // 2, "s": ["x"] * 20, "t": [True, None] * 10}
    for name, options in {
        "plain": {"use_dictionary": False, "compression": "NONE"},
        "packed": {"compression": "GZIP"},
    }.items():
        parquet.write_table(pa.table(columns), folder / f"{name}.parquet", **options)


def _model(folder: Path) -> None:
    torch.manual_seed(0)
    model = ea.Autoencoder(*pair("mlp", (1, 8, 8), 2, 2, hidden=(4,)), Entropic(2, bank=8))
    codes = torch.randn(50, 64)
    model.fit_prior(codes.reshape(50, 1, 8, 8), ea.prior.Mixture(2, components=2))
    model.save(folder)
    # Without its checksum, which would keep most damage from what reads on behind it.
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS)


def _model_of(data: object, **options: object) -> Callable[[Path], None]:
    """A model of a kind that keeps files of its own."""

    def make(folder: Path) -> None:
        samples = load(data, **options)
        latent = Entropic(2, bank=8)
        config = ModelConfig(hidden=(4,))
        model = ea.Autoencoder(*samples.kind.networks(config, latent, samples), latent)
        model.kind = samples.kind
        model.save(folder)
        save_file(load_file(folder / WEIGHTS), folder / WEIGHTS)

    return make


def _sampled(folder: Path) -> None:
    ea.load(folder).sample(2, seed=0)


def _rows(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        load(path).first(3)


def _run(folder: Path) -> None:
    write_recipe(Recipe(), folder)
    for epoch in (0, 1):
        state = {"epoch": epoch, "state_dict": {"w": torch.ones(3, 2)}, "betas": (0.9, 0.99)}
        write(state | {"state": {0: None}}, folder / CHECKPOINT)
    assert (folder / PREVIOUS).exists()


def _read_run(folder: Path) -> None:
    read_recipe(folder)
    last_good(folder)


FIGURES = {"samples": 9, "seconds": 2.5, "mean_squared_error": 0.1, "normal": {"frechet": 1.5}}


def _measured(folder: Path) -> None:
    (folder / "log.csv").write_text("epoch,step,train/a,validation/a\n1,7,0.5,\n2,14,0.2,0.3\n")
    (folder / "evaluation-pixels.json").write_text(json.dumps(FIGURES))
    (folder / "results.json").write_text(json.dumps({"a": [FIGURES] * 2, "b": [FIGURES] * 2}))


def _read_measured(folder: Path) -> None:
    kind = Images((1, 8, 8))
    evaluated(folder / "evaluation-pixels.json", kind)
    compared(folder / "results.json", "a", kind)
    read_log(folder / "log.csv")


def _only(folder: Path) -> Path:
    """The first file, of which there is one where a loader takes a file."""
    return min(folder.iterdir())


def _read_samples(path: Path) -> None:
    samples = load(path)
    some = samples.subset(np.unique([0, len(samples) // 2, len(samples) - 1]))
    some.first(3)


def _read_text(path: Path) -> None:
    load(path, tokenizer="word", vocabulary=50, length=12).first(3)


def _each_table(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        read_table(path).numbers(missing="drop")


def _each_by_blocks(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        for _ in open_table(path, missing="drop").blocks():
            pass


def _each_upload(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        try:
            with path.open("rb") as file:
                read_image(file, (3, 8, 10), pixels=1 << 16)
        except ValueError as error:  # an upload has no name to tell
            raise ValueError(f"{path}: {error}") from error


LOADERS = {
    "image folder": Loader(_images, lambda folder: load(folder, size=8).first(20)),
    "uploaded image": Loader(_images, _each_upload),
    "npy": Loader(
        lambda folder: np.save(folder / "x.npy", PIXELS / np.float32(255)),
        lambda folder: _read_samples(_only(folder)),
    ),
    "npz": Loader(
        lambda folder: np.savez(folder / "x.npz", images=PIXELS),
        lambda folder: _read_samples(_only(folder)),
    ),
    "npz, compressed": Loader(
        lambda folder: np.savez_compressed(folder / "x.npz", images=PIXELS),
        lambda folder: _read_samples(_only(folder)),
    ),
    "IDX": Loader(
        lambda folder: (folder / "x-idx3-ubyte").write_bytes(_idx(PIXELS)) and None,
        lambda folder: _read_samples(_only(folder)),
    ),
    "IDX.gz": Loader(_idx_gz, lambda folder: _read_samples(_only(folder))),
    "text": Loader(
        lambda folder: (folder / "x.txt").write_text(TEXT, "utf-8") and None,
        lambda folder: _read_text(_only(folder)),
    ),
    "text.gz": Loader(
        lambda folder: (
            (folder / "x.txt.gz").write_bytes(gzip.compress(TEXT.encode(), mtime=0)) and None
        ),
        lambda folder: _read_text(_only(folder)),
    ),
    "tokenizer": Loader(
        lambda folder: Tokenizer.train(TEXT.splitlines(), vocabulary=280).save(folder),
        lambda folder: Tokenizer.load(folder).encode(["how now"]),
    ),
    "npy table": Loader(lambda folder: np.save(folder / "x.npy", TABLE), _each_table),
    "CSV": Loader(_csv, _each_table),
    "Parquet": Loader(_parquet, _each_table),
    "npy by blocks": Loader(lambda folder: np.save(folder / "x.npy", TABLE), _each_by_blocks),
    "Parquet by blocks": Loader(_parquet, _each_by_blocks),
    "CSV, rows of": Loader(_csv, _rows),
    "Parquet, rows of": Loader(_parquet, _rows),
    "recipe": Loader(
        lambda folder: write_recipe(Recipe(), folder),
        lambda folder: read_recipe_file(folder / RECIPE),
    ),
    "model folder": Loader(_model, ea.load),
    "model folder, images": Loader(_model_of(PIXELS), ea.load),
    "model folder, table": Loader(
        _model_of({"a": TABLE[:, 0], "b": ["x", "y", None, "x"] * 5}), _sampled
    ),
    "model folder, text": Loader(
        _model_of(TEXT.splitlines(), tokenizer="word", vocabulary=50, length=12), ea.load
    ),
    "run folder": Loader(_run, _read_run),
    "measurements": Loader(_measured, _read_measured),
}


def _flip(content: bytearray, draw: random.Random) -> None:
    content[_place(content, draw)] ^= 1 << draw.randrange(8)


def _put(content: bytearray, draw: random.Random) -> None:
    content[_place(content, draw)] = draw.randrange(256)


def _cut(content: bytearray, draw: random.Random) -> None:
    del content[_place(content, draw) :]


def _remove(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    del content[at : at + draw.randrange(1, 40)]


def _splice(content: bytearray, draw: random.Random) -> None:
    """A piece of it in another place, or many times over."""
    start, at = _place(content, draw), _place(content, draw)
    piece = content[start : start + draw.randrange(1, 60)]
    content[at:at] = piece * draw.choice([1, 1, 1, 2, 50])


def _extreme(content: bytearray, draw: random.Random) -> None:
    """A field of a header at its limit."""
    size, at = draw.choice([1, 2, 4, 8]), _place(content, draw)
    value = draw.choice([0, 1, (1 << 8 * size) - 1, (1 << 8 * size - 1) - 1, 1 << 8 * size - 2])
    content[at : at + size] = value.to_bytes(size, draw.choice(["little", "big"]))


def _number(content: bytearray, draw: random.Random) -> None:
    """Another number in a text."""
    found = list(re.finditer(rb"\d+", bytes(content)))
    if found:
        one = draw.choice(found)
        content[one.start() : one.end()] = draw.choice(
            [b"0", b"-1", b"9" * 9, b"9" * 19, b"9" * 5000, b"1e308", b"nan", b"null", b"[]", b"{}"]
        )


EDITS = (_flip, _put, _cut, _remove, _splice, _extreme, _number)


def _place(content: bytearray, draw: random.Random) -> int:
    """A place, as often at the start or the end, where headers and footers are, as anywhere."""
    size = max(1, len(content))
    near = draw.randrange(min(size, 160))
    return draw.choice([near, size - 1 - near, draw.randrange(size)])


def damage(folder: Path, draw: random.Random) -> None:
    """Change one file of a folder in one to four ways."""
    path = draw.choice(sorted(folder.iterdir()))
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        if content:
            draw.choice(EDITS)(content, draw)
    path.write_bytes(content)


def attempt(loader: Loader, made: Path, work: Path, draw: random.Random) -> str:
    """Damage a copy of valid files and read it: `"read"`, or the name of the documented error.

    Raises:
        RuntimeError: If an error does not say what was being read.
        Exception: Whatever is not documented.
    """
    folder = work / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    damage(folder, draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loader.read(folder)
        except DOCUMENTED as error:
            if str(folder) not in str(error):
                raise RuntimeError(f"{error!r} does not name the file") from error
            return type(error).__name__
    return "read"
