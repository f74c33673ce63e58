"""Samples that come one by one: torch's data sets and loaders, lists, generators.

They are read once, into a temporary file. Whatever a data set draws at random for a sample is thus
drawn once; to have it drawn anew in each epoch, give a loader to a Lightning trainer of your own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    TensorDataset,
    default_collate,
    default_convert,
)
from tqdm.auto import tqdm

# Of these fields of a dict the first that there is, unless another is asked for.
FIELDS = ("image", "img", "images", "pixel_values", "x", "input", "inputs", "data", "text")
LABELS = ("label", "labels", "y", "target")
MOST = 10_000_000  # samples of a source that does not say how many it has


class Items(NamedTuple):
    """Samples that can be gone through."""

    each: Iterable[Any]
    number: int | None = None
    batched: bool = False


def unwrapped(source: Any) -> Any:
    """The data set of a loader that only batches it; the tensors of one that only holds them."""
    while isinstance(source, DataLoader) and source.collate_fn in (
        default_collate,
        default_convert,
    ):
        source = source.dataset
    if isinstance(source, TensorDataset):
        tensors: Any = source.tensors
        return tensors if len(tensors) > 1 else tensors[0]
    return source


def items_of(source: Any) -> Items | list[str] | None:
    """A source as what gives its samples one by one; `None` if it is no such thing.

    A list of texts is what it is.
    """
    if isinstance(source, DataLoader):
        return Items(source, batched=True)
    if _is_frame(source) or isinstance(source, str | bytes):
        return None
    if isinstance(source, Mapping):
        return Items(_rows(source), len(next(iter(source.values()), ())))
    if isinstance(source, Sequence):
        if source and all(isinstance(one, str) for one in source):
            return list(source)
        return Items(source, len(source)) if source else None
    if isinstance(source, IterableDataset | Iterator):
        return Items(source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return Items((source[i] for i in range(len(source))), len(source))
    return Items(source) if isinstance(source, Iterable) and not hasattr(source, "shape") else None


def _is_frame(source: Any) -> bool:
    """Whether it has named columns, of one axis each."""
    if isinstance(source, Mapping):
        return bool(source) and all(np.ndim(values) == 1 for values in source.values())
    return any(hasattr(source, name) for name in ("__arrow_c_stream__", "__dataframe__"))


def _rows(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def read_items(
    items: Items, *, key: str | None, progress: bool
) -> tuple[Tensor | np.ndarray | list[str], np.ndarray | None]:
    """All samples, in an array on disk, and their labels if each has one.

    Raises:
        ValueError: If there are none, or too many; if they differ in shape; or if it is not clear
            which field of a dict is the sample.
        TypeError: If a sample is none.
        OSError: If there is no room for them.
    """
    labels: list[Any] = []
    texts: list[str] = []
    first: Any = None
    value: Any = None
    n = 0
    each = _unbatched(items.each) if items.batched else items.each
    with tempfile.TemporaryFile() as scratch:  # the map keeps the file, closed or not
        free = shutil.disk_usage(tempfile.gettempdir()).free
        bar = tqdm(each, "Reading samples", items.number, unit="sample", disable=not progress)
        for n, item in enumerate(bar, 1):
            value, label = _split(item, key)
            labels.append(label)
            if isinstance(value, str):
                texts.append(value)
                continue
            array = _array(value, n - 1)
            first = array if first is None else first
            _check(array, first, n)
            scratch.write(array.tobytes())
            if scratch.tell() > free // 2:
                raise OSError(
                    f"The samples take more than half of the {free:,} bytes that are free in "
                    f"{tempfile.gettempdir()}. Set TMPDIR to a larger disk, or give fewer."
                )
        if not n:
            raise ValueError("There must be samples: got none. An iterator gives its items once.")
        whole = _labels(labels)
        if texts:
            if len(texts) < n:
                raise ValueError(f"All samples must be texts, or none: got {len(texts)} of {n}.")
            return texts, whole
        scratch.flush()
        mapped = np.memmap(scratch, first.dtype, "c", 0, (n, *first.shape))
    # Tensors are in the shape that a network takes; arrays and pictures may not be.
    return (torch.from_numpy(mapped) if isinstance(value, Tensor) else mapped), whole


def _unbatched(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, Mapping):
            yield from _rows(batch)
        elif isinstance(batch, tuple | list):
            yield from zip(*batch, strict=True)
        else:
            yield from batch


def _split(item: Any, key: str | None) -> tuple[Any, Any]:
    """The sample and the label in an item."""
    if isinstance(item, Mapping):
        label = next((item[name] for name in LABELS if name in item and name != key), None)
        return item[_field(item, key)], label
    if isinstance(item, tuple | list) and not all(isinstance(v, int | float) for v in item):
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _field(item: Mapping[str, Any], key: str | None) -> str:
    if key is not None:
        if key not in item:
            raise ValueError(f"Items have the fields {', '.join(item)}: got key={key!r}.")
        return key
    known = [name for name in FIELDS if name in item] or [k for k in item if k not in LABELS]
    if len(known) != 1 and not set(known[:1]) & set(FIELDS):
        raise ValueError(
            f"Items have the fields {', '.join(item)}: say which holds the samples with key=…."
        )
    return known[0]


def _array(value: Any, number: int) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).contiguous().numpy()
    if hasattr(value, "getbands"):  # a picture of Pillow
        return np.asarray(value.convert("L" if value.mode in ("1", "L", "LA") else "RGB"))
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"A sample must be a tensor, an array, a picture or a text: number {number} is a "
            f"{type(value).__name__}."
        )
    return np.ascontiguousarray(array)


def _check(array: np.ndarray, first: np.ndarray, n: int) -> None:
    if array.shape != first.shape or array.dtype != first.dtype:
        raise ValueError(
            f"All samples must have one shape and type: the first has {first.shape} {first.dtype}, "
            f"number {n - 1} has {array.shape} {array.dtype}. Resize or convert them."
        )
    if array.ndim == 0:
        raise ValueError("A sample must be more than one number: got numbers. Give shape (n, d).")
    if n > MOST:
        raise ValueError(
            f"More than {MOST:,} samples came without an end. Cut the source with itertools.islice."
        )


def _labels(labels: list[Any]) -> np.ndarray | None:
    """Labels as an array, if every sample has one that is a number or a text."""
    if any(label is None or np.ndim(label) for label in labels):
        return None
    plain = [label.item() if isinstance(label, Tensor) else label for label in labels]
    made = np.asarray(plain)
    return made if made.dtype.kind in "biufU" else None
