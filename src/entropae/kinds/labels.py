"""The classes of samples: of a file with one label for each, and by name."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from entropae.kinds.label_tables import from_table, is_label_table
from entropae.kinds.samples import Samples
from entropae.storage.regular import check_regular

LARGEST = 1 << 27  # bytes, unpacked
# A class of fewer samples has no distribution that could be told from them.
LEAST = 10


def with_labels(samples: Samples, source: str) -> Samples:
    """Samples with the labels of a file.

    Args:
        samples: All that were read.
        source: An `.npy` file, one in IDX (`…idx1-ubyte`, also `.gz`), a text with a label a line,
            in the order of the samples, or a table, see `label_tables.from_table`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or has not one label for each sample.
    """
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"No file {source!r} with labels. Give one with a label a line for `labels`."
        )
    check_regular(path)
    labels = _read(path)
    plain = len(labels) == len(samples.array) and not _has_columns(labels)
    if is_label_table(path) and not plain:
        return replace(samples, labels=from_table(path, len(samples.array), samples.names))
    if labels.ndim != 1 or len(labels) != len(samples.array):
        raise ValueError(
            f"{path} must have one label for each of the {len(samples.array)} samples: got "
            f"{labels.shape}."
        )
    return replace(samples, labels=labels)


def labelled(samples: Samples, source: str | None, classes: Sequence[str]) -> Samples:
    """Samples with the labels that a recipe names, if these are of the classes that are known.

    A stranger's recipe may name any file, and one's own file may have gone: then without.
    """
    if source is None or not classes or samples.labels is not None:
        return samples
    try:
        found = samples.kind.label(samples, source)
    except (OSError, ValueError):
        return samples
    return found if set(classes_of(found) or ()) == set(classes) else samples


def _read(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes, too many for labels.")
    if content[:4] == b"\x00\x00\x08\x01":
        return np.frombuffer(content, np.uint8, offset=8)
    lines = content.decode(errors="surrogateescape").split("\n")
    return np.array([line.strip() for line in lines[: len(lines) - (lines[-1] == "")]])


def _has_columns(labels: np.ndarray) -> bool:
    """Whether labels are lines of a table: all of them have one separator."""
    return labels.dtype.kind == "U" and any(
        all(separator in line for line in labels.tolist()) for separator in ",;\t"
    )


def labels_of(data: Any) -> list[str] | None:
    """The classes of samples that classes can be learnt from.

    `None` if they came with none, with numbers that are no classes, or with too few of a class.
    """
    found = classes_of(data)
    sizes = Counter(found).values()
    return found if len(sizes) > 1 and min(sizes) >= LEAST else None


def classes_of(data: Any) -> list[str] | None:
    """The class of each sample, if they came with any."""
    if not isinstance(data, Samples) or data.labels is None:
        return None
    labels = data.labels if data.index is None else data.labels[data.index]
    return names(labels) if labels.dtype.kind in "iubUSO" else None


def names(labels: Any) -> list[str]:
    """Labels as texts; whole numbers without a point."""
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    return [
        str(int(x)) if isinstance(x, float) and x.is_integer() else str(x) for x in array.tolist()
    ]
