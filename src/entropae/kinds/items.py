"""Samples that come one by one: torch's data sets and loaders, lists, generators.

They are read once, into a temporary file. Whatever a data set draws at random for a sample is thus
drawn once; to have it drawn anew in each epoch, give a loader to a Lightning trainer of your own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from entropae.kinds.loaders import rows, unbatched
from entropae.kinds.pictures import Picture, Pictures, is_picture, taken
from entropae.messages import printable, unknown

# Of these fields of a dict the first that there is, unless another is asked for.
FIELDS = ("image", "img", "images", "pixel_values", "x", "input", "inputs", "data", "text")
LABELS = ("label", "labels", "y", "target")
MOST = 10_000_000  # samples of a source that does not say how many it has


class Items(NamedTuple):
    """Samples that can be gone through, and how many there are, if that is known."""

    each: Iterable[Any]
    number: int | None = None


class _Place(NamedTuple):
    """Where a picture ends in a file of many; its shape, if it is pixels; why it is empty."""

    end: int
    shape: tuple[int, ...]
    damage: str


def alone(name: str) -> str:
    """How a column of a frame that is no table's is learnt."""
    return f"; to learn it alone: fit(model, frame, key={name!r})"


def is_sample(value: Any) -> bool:
    """Whether a cell is more than one number or text: a vector or a picture."""
    return isinstance(value, np.ndarray) or is_picture(value)


def items_of(
    source: Any, *, key: str | None = None, label: str | None = None
) -> Items | list[str] | None:
    """A source as what gives its samples one by one; `None` if it is no such thing.

    A list of texts is what it is.

    Args:
        source: Anything.
        key: A field, if one is asked for: then a mapping of columns is no frame, and a frame is
            such a mapping.
        label: The field of the classes, likewise.

    Raises:
        ValueError: If it is empty, or its columns are of unequal lengths.
    """
    if isinstance(source, type):
        return None
    if isinstance(source, DataLoader):
        return Items(unbatched(source))
    if _is_column(source):
        source = source.to_list() if hasattr(source, "to_list") else source.to_pylist()
    if isinstance(source, Mapping) and any(_is_set(values) for values in source.values()):
        raise ValueError(
            f"There must be one data set: got several, {', '.join(map(str, source))}. Give one of "
            "them, and another as `validation`."
        )
    if key is not None and _is_frame(source) and not isinstance(source, Mapping):
        source = _fields(source, key, label)
    if isinstance(source, Mapping) and (key is not None or not _is_frame(source)):
        return Items(rows(source), len(next(iter(source.values()), ())))
    if _is_frame(source) or isinstance(source, str | bytes) or hasattr(source, "toarray"):
        return None
    if isinstance(source, Sequence):
        return _of_sequence(source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return Items((source[i] for i in range(len(source))), len(source))
    return Items(source) if isinstance(source, Iterable) and not hasattr(source, "shape") else None


def _fields(frame: Any, key: str, label: str | None) -> dict[str, list[Any]]:
    """The column of a frame that is asked for, and that of the classes, if it has one.

    Raises:
        ValueError: If it is unknown.
    """
    import narwhals.stable.v2 as nw

    series = {str(one.name): one for one in nw.from_native(frame, eager_only=True).iter_columns()}
    if key not in series:
        raise ValueError(unknown("column", key, series))
    wanted = [name for name in series if name in (key, label, *LABELS)]
    return {name: series[name].to_list() for name in wanted}


def _of_sequence(source: Sequence[Any]) -> Items | list[str]:
    if not source:
        raise ValueError(f"There must be samples: got an empty {type(source).__name__}.")
    if not all(isinstance(one, str) for one in source):
        return Items(source, len(source))
    if all(os.path.isfile(one) for one in source):
        raise ValueError(
            f"A list of paths is not taken: got {printable(str(source[0]))} and others. Give the "
            "folder that they are in, or a list of what they hold."
        )
    return list(source)


def _is_set(values: Any) -> bool:
    """Whether it is a data set in itself, as a split is of one of Hugging Face's."""
    return isinstance(values, Dataset | Mapping) or hasattr(values, "column_names")


def _is_column(source: Any) -> bool:
    """Whether it is one column of a frame: of pandas, polars or pyarrow."""
    named = hasattr(source, "column_names") or type(source).__name__.endswith("Frame")
    return not named and (hasattr(source, "to_list") or hasattr(source, "to_pylist"))


def _is_frame(source: Any) -> bool:
    """Whether it has named columns, of one axis each."""
    if isinstance(source, Mapping):
        return bool(source) and all(np.ndim(values) == 1 for values in source.values())
    named = type(source).__name__.endswith("Frame")
    return named or any(hasattr(source, name) for name in ("__arrow_c_stream__", "__dataframe__"))


def read_items(
    items: Items, *, key: str | None, label: str | None = None, progress: bool
) -> tuple[Tensor | np.ndarray | list[str] | Pictures, np.ndarray | None, str | None]:
    """All samples, on disk, their labels if each has one, and `label` if it is theirs.

    They are an array, or texts as they are; or pictures, which have their labels themselves.

    Raises:
        ValueError: If there are none, or too many; if they differ in shape; or if it is not clear
            which field of a dict is the sample.
        TypeError: If a sample is none.
        OSError: If there is no room for them.
    """
    labels: list[Any] = []
    theirs = None
    texts: list[str] = []
    pictures: list[_Place] = []
    first: Any = None
    value: Any = None
    n = 0
    with tempfile.TemporaryFile() as scratch:  # the map keeps the file, closed or not
        free = shutil.disk_usage(tempfile.gettempdir()).free
        bar = tqdm(items.each, "Reading samples", items.number, unit="sample", disable=not progress)
        for n, item in enumerate(bar, 1):
            value, its_label = _split(item, key, label)
            labels.append(its_label)
            theirs = label if isinstance(item, Mapping) and label in item else None
            if isinstance(value, str):
                texts.append(value)
                continue
            if is_picture(value) or (value is None and pictures):
                content, shape, damage = _taken(value)
                pictures.append(_Place(scratch.tell() + len(content), shape, damage))
            else:
                array = _array(value, n - 1)
                first = array if first is None else first
                _check(array, first, n)
                content = array.tobytes()
            if items.number is None and n > MOST:
                raise ValueError(
                    f"More than {MOST:,} samples came without an end. Cut the source with "
                    "itertools.islice."
                )
            scratch.write(content)
            if scratch.tell() > free // 2:
                raise OSError(
                    f"The samples take more than half of the {free:,} bytes that are free in "
                    f"{tempfile.gettempdir()}. Set TMPDIR to a larger disk, or give fewer."
                )
        if not n:
            raise ValueError("There must be samples: got none. An iterator gives its items once.")
        whole = _labels(labels)
        for some, what in ((texts, "texts"), (pictures, "pictures")):
            if some and len(some) < n:
                raise ValueError(f"All samples must be {what}, or none: got {len(some)} of {n}.")
        if texts:
            return texts, whole, theirs
        scratch.flush()
        shape, form = (pictures[0].shape, np.uint8) if pictures else (first.shape, first.dtype)
        if pictures and (not shape or any(one.shape != shape for one in pictures)):
            return _pictures(scratch, pictures, whole), None, theirs
        mapped = np.memmap(scratch, form, "c", 0, (n, *shape))
    # Tensors are in the shape that a network takes; arrays and pictures may not be.
    content = torch.from_numpy(mapped) if isinstance(value, Tensor) else mapped
    return content, whole, theirs


def _taken(value: Any) -> tuple[bytes, tuple[int, ...], str]:
    """What is kept of a picture, see `taken`, or why nothing is; an empty file if it is missing."""
    from entropae.storage.pictures import DAMAGED

    if value is None:
        return b"", (), ""
    try:
        return *taken(value), ""
    except DAMAGED as error:
        return b"", (), printable(error).rstrip(".") or type(error).__name__


def _pictures(file: Any, places: Sequence[_Place], labels: np.ndarray | None) -> Pictures:
    """Pictures that lie in a file one after the other."""
    content = np.memmap(file, np.uint8, "r").data if places[-1].end else memoryview(b"")
    each = []
    start = 0
    for i, (end, shape, damage) in enumerate(places):
        each.append(Picture(i, content[start:end], shape, "number", damage))
        start = end
    return Pictures("the data", each, labels)


def _split(item: Any, key: str | None, label: str | None = None) -> tuple[Any, Any]:
    """The sample and the label in an item."""
    if isinstance(item, Mapping):
        usual = (name for name in (label, *LABELS) if name in item and name != key)
        return item[_field(item, key)], item.get(next(usual, None))
    if _is_pair(item):
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _is_pair(item: Any) -> bool:
    """Whether an item is a sample and its label, not rows of numbers."""
    if not isinstance(item, tuple | list) or not item:
        return False
    plain = int | float | list if isinstance(item, list) else int | float
    return not all(isinstance(value, plain) for value in item)


def _field(item: Mapping[str, Any], key: str | None) -> str:
    if key is not None:
        if key not in item:
            raise ValueError(f"Items have the fields {', '.join(item)}: got key={key!r}.")
        return key
    known = [name for name in FIELDS if name in item] or [k for k in item if k not in LABELS]
    if len(known) != 1 and not set(known[:1]) & set(FIELDS):
        raise ValueError(
            f"Items have the fields {', '.join(item)}: say which holds the samples with key=…, or "
            "give a table as a data frame."
        )
    return known[0]


def _array(value: Any, number: int) -> np.ndarray:
    """A sample as an array.

    Raises:
        TypeError: If it is none.
        ValueError: If it holds no numbers.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).contiguous().numpy()
    if not isinstance(value, np.ndarray | np.generic | list | tuple | int | float):
        raise TypeError(
            f"A sample must be a tensor, an array, a picture or a text: number {number} is a "
            f"{type(value).__name__}. Convert it to one of these."
        )
    try:
        # Numbers of Python's are of one type, whole or not.
        array = np.asarray(value, float if isinstance(value, list | tuple | int) else None)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"A sample that is a list must hold numbers, in rows of one length: number {number} "
            f"does not ({error})."
        ) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"Samples must be numbers: got {array.dtype} in number {number}. Convert them to "
            "floats."
        )
    return array


def _check(array: np.ndarray, first: np.ndarray, n: int) -> None:
    if array.shape != first.shape or array.dtype != first.dtype:
        raise ValueError(
            f"All samples must have one shape and type: number 0 has {first.shape} {first.dtype}, "
            f"number {n - 1} has {array.shape} {array.dtype}. "
            + (
                "Crop and resize them: entropae.kinds.read(map(PIL.Image.fromarray, data), size=64)"
                if _is_bytes_of_image(array) and _is_bytes_of_image(first)
                else "Resize, pad or convert them."
            )
        )
    if array.ndim == 0:
        raise ValueError("A sample must be more than one number: got numbers. Give shape (n, d).")


def _is_bytes_of_image(array: np.ndarray) -> bool:
    """Whether Pillow takes it for a picture, its channels last."""
    return array.dtype == np.uint8 and (array.ndim == 2 or array.shape[2:] in ((3,), (4,)))


def _labels(labels: list[Any]) -> np.ndarray | None:
    """Labels as an array, if every sample has one that is a number or a text."""
    if any(label is None or np.ndim(label) for label in labels):
        return None
    plain = [label.item() if isinstance(label, Tensor) else label for label in labels]
    made = np.asarray(plain)
    return made if made.dtype.kind in "biufU" else None
