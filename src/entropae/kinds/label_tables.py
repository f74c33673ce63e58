"""The classes of samples from a table: by the names of their files, or in their order."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from entropae.messages import counted
from entropae.reader import read_table, suffix_of

SUFFIXES = (".csv", ".tsv", ".parquet")
# What a column of classes is called where there are others.
USUAL = ("label", "labels", "class", "classes", "target", "category", "y")
# How a column may name the file that lies at a path of a folder.
FORMS: tuple[Callable[[PurePosixPath], str], ...] = (
    str,
    lambda path: path.name,
    lambda path: path.stem,
)


def is_label_table(path: Path) -> bool:
    """Whether labels in such a file may have names beside them, or a title above."""
    return suffix_of(path) in SUFFIXES


def from_table(path: Path, n: int, names: Sequence[str]) -> np.ndarray:
    """The label of each sample.

    Args:
        path: A table. Either one of its columns has the names of the samples' files, with or
            without their folders and endings, in any order and with others; or it has a row for
            each sample.
        n: How many samples there are.
        names: Paths of their files in their folder, if each came from one.

    Raises:
        ImportError: If it needs pyarrow, which is not installed.
        ValueError: If it cannot be read, names not all samples, or has no column that is the class.
    """
    table = read_table(path).data
    columns = {
        name: ["" if x is None else class_name(x) for x in table[name].to_pylist()]
        for name in table.column_names
    }
    key, form = _key(columns, names)
    label = _label(path, [name for name in columns if name != key])
    if key is None:
        if len(table) == n:
            return np.array(columns[label])
        how = ""
        if names:
            how = f", and none of its columns has the names of their files, as {names[0]}"
        raise ValueError(
            f"{path} must have one row for each of the {n} samples: got {len(table)}{how}. Empty "
            "lines are no rows."
        )
    found: dict[str, str] = {}
    for one, said in zip(columns[key], columns[label], strict=True):
        if found.setdefault(one, said) != said:
            raise ValueError(f"{path} has two labels for {one}: {found[one]} and {said}.")
    wanted = [form(PurePosixPath(name)) for name in names]
    lacking = [one for one in wanted if one not in found]
    if lacking:
        raise ValueError(
            f"{path} has no label for {len(lacking)} of the {n} samples: {counted(lacking)}. Leave "
            "these out, or add a row for each with a class of its own, such as unknown."
        )
    return np.array([found[one] for one in wanted])


def class_name(value: object) -> str:
    """A class as a text, a whole number without a point; as written on any system."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value))


def _key(
    columns: dict[str, list[str]], names: Sequence[str]
) -> tuple[str | None, Callable[[PurePosixPath], str]]:
    """The column that names most of the files, if one does, and how."""
    best: tuple[int, str | None, Callable[[PurePosixPath], str]] = (0, None, str)
    for form in FORMS:
        wanted = {form(PurePosixPath(name)) for name in names}
        if len(wanted) < len(names):
            continue  # two files would have one name
        for name, values in columns.items():
            known = len(wanted.intersection(values))
            if known > best[0]:
                best = (known, name, form)
    # A few can be found by chance, as a number that is a file's name and a class.
    return best[1:] if 2 * best[0] > len(names) else (None, str)


def _label(path: Path, columns: Sequence[str]) -> str:
    """The column of classes."""
    usual = [name for name in columns if name.lower() in USUAL]
    chosen = columns if len(columns) == 1 else usual
    if len(chosen) == 1:
        return chosen[0]
    held = counted(columns, 10) or "no other"
    raise ValueError(
        f"Which column of {path} is the class? It has {held}. Call one {USUAL[0]}, or leave out "
        "the others."
    )
