"""The kinds that there are, and which one a source or a saved model is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from entropae.kinds.arrays import Arrays
from entropae.kinds.base import Kind
from entropae.kinds.images import Images
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.sources import Opened, opened, refusal
from entropae.kinds.tables import Tables
from entropae.kinds.text import Text
from entropae.messages import unknown
from entropae.recipe import RECIPE, read_settings

# Asked in this order whether a source is theirs.
KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (Text, Tables, Images, Arrays)}


def register(kind: type[Kind]) -> type[Kind]:
    """Add a kind, which is asked before all others whether a source is its own. A decorator.

    Raises:
        ValueError: If another kind has its name.
    """
    known = KINDS.get(kind.name)
    if known is not None and known.__qualname__ != kind.__qualname__:
        raise ValueError(f"There is another kind called {kind.name!r}. Choose another `name`.")
    others = {name: other for name, other in KINDS.items() if name != kind.name}
    KINDS.clear()
    KINDS.update({kind.name: kind} | others)
    return kind


def read(source: Any, **options: Any) -> Samples:
    """Samples from wherever they are.

    Args:
        source: A folder of images (below it, at any depth); an `.npy`, `.npz` or IDX file; a table
            (`.csv`, `.parquet`, a frame of pandas, polars or pyarrow); images or arrays in the
            cells of a `.parquet` file, see `cells.in_cells`; a text (`.txt`, `.txt.gz`, a list of
            sentences); `digits`, `mnist` or `fashion-mnist`; a tensor or an array; a data set or a
            `DataLoader` of torch, a list of tensors, arrays or images, or anything that gives
            samples one by one. In pairs `(x, y)`, `x` is the sample and `y` its label.
        options: See `Reading`.

    Values of uint8 are divided by 255. Arrays of shape `(n, h, w)`, `(n, h, w, c)` and
    `(n, c, h, w)` with 1 or 3 channels are images and come out as `(n, c, h, w)`; any other array,
    and every tensor, comes out in the shape it has.

    Files may be anybody's. Pickles are never read; an image of more than 89 million pixels is left
    out, and a compressed file refused that unpacks to more than a gigabyte and to more than 100
    times its size.

    Returns:
        The samples. Files that could not be read are in `skipped`, and a warning counts them.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ValueError: If it holds nothing usable; the message says why and what to do.
        TypeError: If it is nothing that samples can be taken from.
        OSError: If there is no room to unpack it, or a download fails.
    """
    return _read(source, Reading(**options), None)


def as_samples(data: Any, *, kind: Kind | None = None, **options: Any) -> Samples:
    """Samples as they are; anything else read, as a model of a kind takes it if one is given."""
    return data if isinstance(data, Samples) else _read(data, Reading(**options), kind)


def _read(source: Any, reading: Reading, kind: Kind | None) -> Samples:
    if not isinstance(reading.labels, str | Path | None):
        raise TypeError(
            "`labels` must name a file or a column: got a "
            f"{type(reading.labels).__name__}. Give labels of your own as a pair: (x, labels)."
        )
    found = opened(source, reading)
    try:
        samples = _claimed(found, reading, kind)
    except ValueError as error:
        if not found.path or found.path in str(error):
            raise
        raise ValueError(f"{found.path}: {error}") from error
    if not samples.files:
        path = found.path or (found.content if isinstance(found.content, Path) else "")
        samples = replace(samples, files=(Path(path),) if path else ())
    if found.labels is not None:
        samples = replace(samples, labels=found.labels)
    if reading.labels is None or reading.labels == found.column:
        return samples
    return samples.kind.label(samples, reading.labels)


def _claimed(found: Opened, reading: Reading, kind: Kind | None) -> Samples:
    content = found.content
    if isinstance(content, Samples):
        return content
    if isinstance(content, Tensor) and content.layout != torch.strided:
        raise ValueError("Samples must be dense: got a sparse tensor. Give x.to_dense().")
    if kind is not None:
        return kind.read_more(content, reading)
    for known in KINDS.values():
        if known.claims(content):
            reading.check(known.name, known.things, of_cells=found.path.endswith(".parquet"))
            return known.read(content, reading)
    raise refusal(content)


def settings_of(kind: Kind) -> dict[str, Any]:
    """A kind as plain values, for `kind_from`."""
    return {"name": kind.name} | kind.settings()


def kind_from(settings: Mapping[str, Any], folder: Path) -> Kind:
    """The kind that a saved model is of.

    Raises:
        ValueError: If it is unknown, or what it keeps beside the model is missing or damaged.
    """
    options = dict(settings)
    name = options.pop("name", None)
    if name not in KINDS:
        raise ValueError(
            unknown("kind of data", str(name), KINDS)
            + " Import the module that registers it before you load the model."
        )
    try:
        return KINDS[name].restore(options, folder)
    except (TypeError, OSError) as error:
        raise ValueError(f"its kind, {name}, cannot be restored: {error}") from error


def kind_of_earlier(encoder: nn.Module, decoder: nn.Module, folder: Path) -> Kind | None:
    """The kind of a model that was saved before kinds were, by what lies in its folder."""
    size = None
    if (folder / RECIPE).is_file():
        size = read_settings(folder / RECIPE).get("size")
    if Tables.is_in(folder):
        return Tables.restore({}, folder)
    if Text.is_in(folder):
        return Text.restore({"length": getattr(decoder, "length", 64)}, folder)
    shape = getattr(encoder, "shape", None)
    if shape is None:
        return None
    is_image = len(shape) == 3 and shape[0] in (1, 3)
    return Images(shape, size=size) if is_image else Arrays(shape)
