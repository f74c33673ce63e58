"""The classes of samples, from a file with one label for each."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np

from entropae.kinds.samples import Samples
from entropae.storage.regular import check_regular

LARGEST = 1 << 27  # bytes, unpacked


def with_labels(samples: Samples, source: str) -> Samples:
    """Samples with the labels of a file.

    Args:
        samples: All that were read.
        source: An `.npy` file, one in IDX (`…idx1-ubyte`, also `.gz`), or a text with a label a
            line, in the order of the samples.

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
    if labels.ndim != 1 or len(labels) != len(samples.array):
        raise ValueError(
            f"{path} must have one label for each of the {len(samples.array)} samples: got "
            f"{labels.shape}."
        )
    return replace(samples, labels=labels)


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
