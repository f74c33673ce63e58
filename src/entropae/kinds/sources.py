"""What people bring, opened: paths and names, arrays, data sets of torch and others, lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from entropae.kinds.cells import in_cells
from entropae.kinds.downloads import NAMES, by_name
from entropae.kinds.items import Items, items_of, read_items
from entropae.kinds.loaders import unwrapped
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.messages import printable, unknown
from entropae.neighbors import is_of_rows
from entropae.storage.arrays import is_array_file, read_array
from entropae.storage.foreign import way_on
from entropae.storage.regular import check_regular

TAKEN = (
    "a tensor, an array, a data frame, a path, a torch Dataset or DataLoader, or a list of samples"
)


class Opened(NamedTuple):
    """A source of which kinds are asked whether it is theirs.

    Attributes:
        content: A tensor, an array, a frame, a list of sentences, `Samples`, `Pictures`, or the
            path of a file or folder.
        labels: One for each sample, if it came with any.
        path: Where it was read from, for messages.
        column: The one of the labels, in a file of columns.
    """

    content: Any
    labels: np.ndarray | None = None
    path: str = ""
    column: str | None = None


def opened(source: Any, reading: Reading) -> Opened:
    """A source with all that is unpacked that can be without knowing its kind.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ValueError: If it is damaged or unusable.
    """
    if isinstance(source, str | Path):
        return _at(source, reading)
    source = unwrapped(source)
    if is_of_rows(source):
        source = list(source)
    if isinstance(source, Tensor | np.ndarray | Samples):
        _check_no_key(source, reading)
        return Opened(_unpacked(source))
    pair = _pair(source)
    if pair is not None:
        _check_no_key(source, reading)
        return Opened(*pair)
    items = items_of(source, key=reading.key, label=reading.labels)
    if isinstance(items, Items):
        content, labels, column = read_items(
            items, key=reading.key, label=reading.labels, progress=reading.progress
        )
        return Opened(content, labels, column=column)
    _check_no_key(source, reading)
    return Opened(source if items is None else items)


def _check_no_key(source: Any, reading: Reading) -> None:
    if reading.key is not None:
        raise ValueError(
            f"`key` is for data of fields or columns: got key={reading.key!r} with a "
            f"{type(source).__name__}. Leave it out."
        )


def _at(source: str | Path, reading: Reading) -> Opened:
    """What lies at a path, or goes by a name."""
    if str(source) in NAMES:
        return Opened(by_name(str(source), download=reading.download))
    path = Path(source)
    if source == "" or not path.exists():  # an empty name would be the current folder
        raise nothing_at(source)
    if path.is_dir():
        idx = sorted(path.glob("train-images*idx3-ubyte*"))
        return Opened(read_array(idx[0]), path=str(idx[0])) if idx else Opened(path, path=str(path))
    check_regular(path)
    held = in_cells(path, key=reading.key, label=reading.labels, drop=reading.drop)
    if held is not None:
        return Opened(held.content, held.labels, str(path), held.column)
    return Opened(_unpacked(read_array(path)) if is_array_file(path) else path, path=str(path))


def nothing_at(source: str | Path) -> FileNotFoundError:
    """That there is nothing at a path, and what may be meant."""
    return FileNotFoundError(f"No file or folder {str(source)!r}. {_meant(source)}".rstrip())


def _meant(source: str | Path) -> str:
    """What may be meant by a path at which there is nothing, if anything can be told."""
    path = Path(source)
    if re.match(r"\w+://", str(source)):
        return "Nothing is fetched from an address: download it, and give the file."
    if re.search(r"[*?]", path.name) and path.parent.is_dir():
        return f"Give the folder, of which all images are read: {str(path.parent)!r}."
    if str(source).startswith("~") and path.expanduser().exists():
        return f"Give {str(path.expanduser())!r}."
    is_name = len(path.parts) < 2 and get_close_matches(str(source), NAMES)
    if path.name and path.parent.is_dir() and not is_name:
        near = get_close_matches(path.name, [one.name for one in path.parent.iterdir()], n=1)
        if near:
            return f"Did you mean {str(path.parent / near[0])!r}?"
    return "" if len(path.parts) > 1 else unknown("data set", str(source), NAMES)


def _unpacked(source: Any) -> Any:
    """An array's sentences as a list, its named columns as such; anything else as it is."""
    if not isinstance(source, np.ndarray):
        return source
    if source.dtype.names:
        return {name: source[name] for name in source.dtype.names}
    words = source.dtype.kind == "O" and all(isinstance(one, str) for one in source.flat)
    return source.tolist() if source.ndim == 1 and (source.dtype.kind == "U" or words) else source


def _pair(source: Any) -> tuple[Any, np.ndarray | None] | None:
    """Samples and their labels, if it is a pair `(x, y)`; no labels if `y` has more axes."""
    arrays = Tensor | np.ndarray
    if not isinstance(source, tuple) or len(source) != 2:
        return None
    x, y = source
    if not (isinstance(x, arrays) and isinstance(y, arrays | list) and x.ndim > 1):
        return None
    if len(x) != len(y):
        raise ValueError(
            f"A pair (x, y) must have one y for each x: got {len(x)} and {len(y)}. To validate on "
            "samples of your own, hand them over as `validation`."
        )
    labels = np.asarray(y.detach().cpu() if isinstance(y, Tensor) else y)
    return x, labels if labels.ndim == 1 else None


def refusal(content: Any) -> Exception:
    """Why a source that no kind claims is of no use."""
    if isinstance(content, Path):
        return ValueError(
            f"{printable(content)} is of no known kind: "
            + (
                way_on(content)
                or "give a folder of images, an array (.npy, .npz, .safetensors or IDX), a table "
                "(.csv or .parquet) or a text (.txt)."
            )
        )
    if hasattr(content, "toarray"):
        return TypeError(
            f"Samples must be dense: got a {type(content).__name__}. Give x.toarray()."
        )
    return TypeError(f"Samples must be {TAKEN}: got {type(content).__name__}.")


def tensor_of(batch: Any) -> Tensor:
    """The samples of a batch as a loader gives it: of a pair `(x, y)`, or of a dict, the first.

    Raises:
        TypeError: If there is no tensor in it.

    Examples:
        >>> tensor_of((torch.zeros(2, 3), torch.tensor([0, 1]))).shape
        torch.Size([2, 3])
    """
    first = batch
    if isinstance(first, Mapping):
        tensors = [value for value in first.values() if isinstance(value, Tensor)]
        first = max(tensors, key=lambda value: value.ndim, default=None)
    while isinstance(first, tuple | list) and first:
        first = first[0]
    if isinstance(first, np.ndarray):
        first = torch.from_numpy(first)
    if not isinstance(first, Tensor):
        raise TypeError(
            f"A batch must be a tensor, or a tuple or dict with one: got {type(batch).__name__}."
        )
    return first
