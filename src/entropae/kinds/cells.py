"""Images and arrays in the cells of a Parquet file, as data sets are often handed on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entropae.kinds.items import FIELDS, LABELS
from entropae.kinds.pictures import Picture, Pictures, bytes_of, is_image
from entropae.messages import counted, unknown
from entropae.reader import need_pyarrow, suffix_of

# A column whose name does not say so is a class if it has as many rows to a value.
EACH = 10


class InCells(NamedTuple):
    """What stands in the cells of a file.

    Attributes:
        content: Images, or an array.
        labels: The classes of an array's samples, if a column has them.
        column: The one of the classes.
    """

    content: Pictures | np.ndarray
    labels: np.ndarray | None
    column: str | None


def in_cells(
    path: Path, *, key: str | None = None, label: str | None = None, drop: Sequence[str] = ()
) -> InCells | None:
    """The images or arrays of a Parquet file; `None` if it is a table, or no Parquet file.

    A column of bytes that are images makes it one of images, whatever else it has; a column of
    lists of numbers, all of one shape, one of arrays, if the only other column is a class.

    Args:
        path: Of any file.
        key: The column of samples, if there may be several; of lists also beside any others.
        label: The column of classes, likewise.
        drop: Columns to leave out.

    Raises:
        ImportError: If pyarrow is not installed.
        ValueError: If the file is damaged, or unpacks to far more than its size; if the column
            `key` holds no images and no lists of one shape.
    """
    if suffix_of(path) != ".parquet":
        return None
    need_pyarrow(".parquet files")
    from entropae.reader.parquet import opened, read_columns

    with opened(path) as (file, schema):
        fields = [field for field in schema if field.name not in drop]
        images = [field.name for field in fields if _is_of_images(file, field)]
        lists = [field.name for field in fields if _is_of_numbers(field.type)]
    if key is not None and key not in (usable := [*images, *lists]):
        what = "column of images or lists of numbers"
        raise ValueError(
            unknown(what, key, usable)
            if usable
            else f"There is no {what}: got key={key!r}. Leave it out."
        )
    found = images or (lists if len(fields) <= 2 or key is not None else [])
    if not found:
        return None
    column = next((name for name in (key or "", *FIELDS) if name in found), found[0])
    rest = [field.name for field in fields if field.name != column]
    plain = [name for name in rest if name not in (*images, *lists)]
    table = read_columns(path, [column, *plain])
    chosen = _class_of(table, plain, label)
    labels = None if chosen is None else _names(table.column(chosen), schema, chosen)
    others = [name for name in rest if name != chosen]
    if column not in images:
        array = _stacked(table.column(column)) if column == key or not others else None
        if array is None and column == key:
            raise ValueError(f"The lists in the column {key!r} have other lengths, or gaps.")
        return None if array is None else InCells(array, labels, chosen)
    told = [f"They are in the column {column}"]
    told += [f", their classes in {chosen}"] if chosen else []
    told += [f"; left out: {counted(others)}"] if others else []
    each = _pictures(table.column(column))
    return InCells(Pictures(str(path), each, labels, "".join(told) + "."), None, chosen)


def vectors_in(path: Path, names: Sequence[str]) -> list[str]:
    """Which columns of a Parquet file have lists of numbers as cells, all of one shape."""
    from entropae.reader.parquet import opened, read_columns

    with opened(path) as (_, schema):
        lists = [name for name in names if _is_of_numbers(schema.field(name).type)]
    return [one for one in lists if _stacked(read_columns(path, [one]).column(one)) is not None]


def holds_samples(column: Any) -> bool:
    """Whether the cells of a column are vectors, or images by their first bytes."""
    if _is_of_numbers(column.type):
        return True
    first = column.drop_null().slice(0, 1).to_pylist()
    return bool(first) and is_image(bytes_of(first[0]))


def _is_of_images(file: Any, field: Any) -> bool:
    """Whether the first cells of a column are images: bytes, or with a path beside them."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return False
    batch = next(file.iter_batches(16, columns=[field.name]), None)
    some = [] if batch is None else [bytes_of(cell) for cell in batch.column(0).to_pylist()]
    there = [content for content in some if content]
    return bool(there) and all(map(is_image, there))


def _is_of_numbers(kind: Any) -> bool:
    """Whether cells are lists of numbers, or of such lists."""
    import pyarrow as pa

    kind = getattr(kind, "storage_type", kind)
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or _is_fixed(kind)):
        return False
    inner = kind.value_type
    return pa.types.is_integer(inner) or pa.types.is_floating(inner) or _is_of_numbers(inner)


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_fixed_size_list(kind)


def _pictures(column: Any) -> list[Picture]:
    """All images; a missing one is an empty file, which cannot be read."""
    cells = (cell for chunk in column.chunks for cell in chunk)
    return [Picture(i, bytes_of(cell.as_py()) or b"") for i, cell in enumerate(cells)]


def _stacked(column: Any) -> np.ndarray | None:
    """Lists of numbers as one array, bytes if they can be; `None` if they are of other lengths."""
    import pyarrow as pa

    from entropae.reader.compute import compute

    values, shape = column.combine_chunks(), [len(column)]
    while True:
        values = getattr(values, "storage", values)
        if values.null_count:
            return None
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            break
        lengths = compute().min_max(compute().list_value_length(values)).as_py()
        if not lengths["min"] or lengths["min"] != lengths["max"]:
            return None
        shape.append(lengths["min"])
        values = values.flatten()
    array = values.to_numpy(zero_copy_only=False).reshape(shape)
    whole = array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255
    return array.astype(np.uint8) if whole and array.max() > 1 else array


def _class_of(table: Any, names: Sequence[str], asked: str | None) -> str | None:
    """The column of classes: the one asked for, one with a usual name, or the only other one."""
    from entropae.reader.compute import compute

    if asked in names:
        return asked
    usual = [name for name in names if name.lower() in LABELS]
    chosen = usual or names
    if len(chosen) != 1:
        return None
    values = table.column(chosen[0])
    number = compute().count_distinct(values).as_py()
    enough = number < len(values) if usual else EACH * number <= len(values)
    return chosen[0] if enough and not values.null_count else None


def _names(column: Any, schema: Any, name: str) -> np.ndarray:
    """Classes, by the names that a data set of Hugging Face's gives to their numbers."""
    values = np.array(column.to_pylist())
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = np.array(features[name]["names"], dtype=str)
        return names[values]
    except (KeyError, TypeError, ValueError, IndexError):
        return values
