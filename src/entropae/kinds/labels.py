"""The classes of samples: of a file with one label for each, and by name."""

from __future__ import annotations

import gzip
import hashlib
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from entropae.kinds.label_tables import class_name, from_table, is_label_table
from entropae.kinds.samples import Samples
from entropae.reader.encoding import doubt, encoding_of, single_byte
from entropae.storage.arrays import OBJECTS, map_npy
from entropae.storage.regular import check_regular

LARGEST = 1 << 27  # bytes, unpacked
NAMED = 3  # classes that are named where there are many
# A class of fewer samples has no distribution that could be told from them; such are one together.
LEAST = 10
RARE = "rare classes"
MISSING = ("", "nan")  # the latter is what NumPy writes


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
    n, kept = len(samples.array), samples.kept
    most = n if kept is None else max(n, len(kept))
    while labels.ndim == 1 and len(labels) > most and labels[-1] == "":  # lines at the end
        labels = labels[:-1]
    plain = len(labels) == n and not _has_columns(labels)
    if is_label_table(path) and not plain:
        labels = from_table(path, n, samples.names)
    elif kept is not None and len(labels) == len(kept):
        labels = labels[kept]
    if labels.ndim != 1 or len(labels) != n:
        raise ValueError(_wrong_number(path, labels, samples))
    return replace(samples, labels=np.array(_classes(path, labels)))


def _wrong_number(path: Path, labels: np.ndarray, samples: Samples) -> str:
    n = len(samples.array)
    got = len(labels) if labels.ndim == 1 else labels.shape
    lines = "" if samples.kept is None else f", or of the {len(samples.kept)} lines"
    title = " If its first line is a title, remove that." if got == n + 1 else ""
    return f"{path} must have one label for each of the {n} samples{lines}: got {got}.{title}"


def _classes(path: Path, labels: np.ndarray) -> list[str]:
    """Labels as classes, of which none may be missing."""
    found = names(labels)
    gone = [i for i, name in enumerate(found) if name in MISSING]
    if gone:
        raise ValueError(
            f"{path} has no label for {len(gone)} of the {len(found)} samples, first for number "
            f"{gone[0] + 1}. Leave these samples out, or give them a class of their own, such as "
            "unknown."
        )
    if labels.dtype.kind == "f" and (broken := labels[labels % 1 != 0]).size:
        raise ValueError(
            f"{path} must have classes: got numbers such as {broken[0]:g}. Make classes of them, "
            "such as low and high."
        )
    return found


def labelled(
    samples: Samples, source: str | None, classes: Sequence[str], known: str | None = None
) -> Samples:
    """Samples with the labels that a recipe names, if these are of the classes that are known.

    A stranger's recipe may name any file, and one's own file may have gone: then without.

    Args:
        samples: The samples.
        source: A file, or a column of a table.
        classes: That are known.
        known: The digest of the labels that they had; a warning says if a file has others.
    """
    if source is None or not classes or samples.labels is not None:
        return samples
    try:
        found = samples.kind.label(samples, source)
    except (OSError, ValueError):
        return samples
    changed = known is not None and Path(source).is_file() and digest_of(found.labels) != known
    if RARE in classes and found.labels is not None:
        named = [name if name in classes else RARE for name in names(found.labels)]
        found = replace(found, labels=np.array(named))
    if set(classes_of(found) or ()) != set(classes):
        return samples
    if changed:
        warnings.warn(
            f"The labels in {source} are not those that the run was trained with: figures of "
            "classes are of those that are there now.",
            stacklevel=4,
        )
    return found


def digest_of(labels: Any) -> str:
    """What tells these labels from others."""
    content = "\n".join(names(labels)).encode(errors="replace")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _read(path: Path) -> np.ndarray:
    try:
        if path.suffix == ".npy":
            return np.atleast_1d(map_npy(path))
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        why = "it holds Python objects: save it again from y.astype(str)"
        raise ValueError(
            f"{path} cannot be read: {why if str(error) == OBJECTS else error}"
        ) from error
    if len(content) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes, too many for labels.")
    if content[:4] == b"\x00\x00\x08\x01":
        return np.frombuffer(content, np.uint8, offset=8)
    lines = _decoded(path, content).split("\n")
    return np.array([line.strip() for line in lines[: len(lines) - (lines[-1] == "")]])


def _decoded(path: Path, content: bytes) -> str:
    """A text in the encoding that it shows, and a remark if that may be another."""
    try:
        encoding = encoding_of(content)
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = single_byte(content)
        text = content.decode(encoding)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if said := doubt(path, encoding):
        warnings.warn(said, stacklevel=6)
    return text


def _has_columns(labels: np.ndarray) -> bool:
    """Whether labels are lines of a table: all of them have one separator."""
    return labels.dtype.kind == "U" and any(
        all(separator in line for line in labels.tolist()) for separator in ",;\t"
    )


def labels_of(data: Any) -> list[str] | None:
    """The classes of samples that classes can be learnt from.

    Those of few samples are put together. `None` if they came with none, with numbers that are no
    classes, or if even together there are too few of those.
    """
    found = classes_of(data) or []
    rare = set(_rare(found))
    if sum(name in rare for name in found) >= LEAST:
        found = [RARE if name in rare else name for name in found]
    sizes = Counter(found).values()
    return found if len(sizes) > 1 and min(sizes) >= LEAST else None


def say_classes(data: Samples) -> str:
    """Which classes are too small to be drawn alone, in words; nothing if none is."""
    found = classes_of(data) or []
    rare = _rare(found)
    if len(set(found)) == 1:
        return f"All {data.kind.things} are of one class, {found[0]}: there is none to choose."
    if not rare:
        return ""
    named = ", ".join(f"{name} {size}" for name, size in list(rare.items())[:NAMED])
    named += f" and {len(rare) - NAMED} more" if len(rare) > NAMED else ""
    few = f"Classes of fewer than {LEAST} {data.kind.things} to learn from: {named}."
    if labels_of(data) is not None:
        return f"{few} Together they are the class “{RARE}”."
    return f"{few} Samples of one class cannot be drawn unless these are left out."


def _rare(found: Sequence[str]) -> dict[str, int]:
    return {name: size for name, size in Counter(found).items() if size < LEAST}


def classes_of(data: Any) -> list[str] | None:
    """The class of each sample, if they came with any."""
    if not isinstance(data, Samples) or data.labels is None:
        return None
    labels = data.labels if data.index is None else data.labels[data.index]
    whole = labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels))
    return names(labels) if whole or labels.dtype.kind in "iubUSO" else None


def names(labels: Any) -> list[str]:
    """Labels as texts; whole numbers without a point."""
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if array.ndim != 1:
        raise ValueError(
            f"`labels` must have one label for each sample: got shape {array.shape}. Of one column "
            "for each class give labels.argmax(1), of a single column labels[:, 0]."
        )
    return [class_name(x) for x in array.tolist()]
