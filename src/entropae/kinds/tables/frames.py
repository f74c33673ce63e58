"""Frames of pandas, polars and others as tables of pyarrow, and back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

MARK = "\x1f"  # between a column's name and that of what is kept of it


def library_of(frame: Any) -> str | None:
    """The library of a frame, `""` for pyarrow and mappings; `None` if it is no frame."""
    library = type(frame).__module__.partition(".")[0]
    if library in ("pandas", "polars") and type(frame).__name__.endswith("Frame"):
        return library
    if isinstance(frame, Mapping):
        is_frame = bool(frame) and all(np.ndim(values) == 1 for values in frame.values())
        return "" if is_frame else None
    return "" if hasattr(frame, "__arrow_c_stream__") and hasattr(frame, "schema") else None


def to_table(frame: Any) -> Any:
    """A frame as a `pyarrow.Table`; an index of pandas that is no count of the rows is a column.

    Raises:
        ValueError: If a column holds what no table can.
    """
    import pyarrow as pa

    if type(frame).__name__ == "LazyFrame":
        frame = frame.collect()
    try:
        if library_of(frame) == "pandas":
            table = pa.Table.from_pandas(frame)
        elif library_of(frame) == "polars":
            table = frame.to_arrow(compat_level=sys.modules["polars"].CompatLevel.oldest())
        elif isinstance(frame, Mapping):
            table = pa.table({str(name): _column(values) for name, values in frame.items()})
        else:
            table = pa.table(frame)
    except (pa.ArrowException, TypeError) as error:
        raise ValueError(f"The frame cannot be read as a table: {error}") from error
    return table.replace_schema_metadata(None)


def metadata_of(frame: Any, *, rows: bool = False) -> dict[str, str]:
    """What pandas keeps of a frame's types and index in an Arrow schema, or polars of a column's.

    That of columns has their numbers before its names.

    Args:
        frame: A frame.
        rows: For the same rows again, so that an index that counts them counts from where it does.
    """
    import pyarrow as pa

    library = library_of(frame)
    if library == "pandas":
        found = pa.Schema.from_pandas(frame if rows else frame.iloc[:0]).metadata or {}
        return {key.decode(): value.decode() for key, value in found.items()}
    if library != "polars":
        return {}
    eager = frame.head(0).collect() if type(frame).__name__ == "LazyFrame" else frame[:0]
    schema = eager.to_arrow(compat_level=sys.modules["polars"].CompatLevel.oldest()).schema
    return {
        f"{field.name}{MARK}{key.decode()}": value.decode()
        for field in schema
        for key, value in (field.metadata or {}).items()
    }


def _described(table: Any, metadata: Mapping[str, str]) -> Any:
    """A table whose columns have their metadata."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        start = f"{field.name}{MARK}"
        own = {k.removeprefix(start): v for k, v in metadata.items() if k.startswith(start)}
        fields.append(field.with_metadata(own) if own else field)
    return table.cast(pa.schema(fields)) if metadata else table


def _column(values: Any) -> Any:
    return values.to_numpy() if hasattr(values, "to_numpy") else values


def to_library(table: Any, library: str, metadata: Mapping[str, str] | None = None) -> Any:
    """A `pyarrow.Table` as a frame of a library that the caller has imported or can import."""
    if library == "pandas":
        return table.replace_schema_metadata(dict(metadata or {})).to_pandas()
    if library == "polars":
        import importlib

        polars = sys.modules.get("polars") or importlib.import_module("polars")
        return polars.from_arrow(_described(table, metadata or {}))
    return table
