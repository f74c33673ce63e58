"""Frames of pandas, polars and others as tables of pyarrow, and back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np


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
        elif isinstance(frame, Mapping):
            table = pa.table({str(name): _column(values) for name, values in frame.items()})
        else:
            table = pa.table(frame)
    except (pa.ArrowException, TypeError) as error:
        raise ValueError(f"The frame cannot be read as a table: {error}") from error
    return table.replace_schema_metadata(None)


def metadata_of(frame: Any) -> dict[str, str]:
    """What pandas keeps of a frame's types and index in an Arrow schema; nothing for others."""
    if library_of(frame) != "pandas":
        return {}
    import pyarrow as pa

    found = pa.Schema.from_pandas(frame.iloc[:0]).metadata or {}
    return {key.decode(): value.decode() for key, value in found.items()}


def _column(values: Any) -> Any:
    return values.to_numpy() if hasattr(values, "to_numpy") else values


def to_library(table: Any, library: str, metadata: Mapping[str, str] | None = None) -> Any:
    """A `pyarrow.Table` as a frame of a library that the caller has imported or can import."""
    if library == "pandas":
        return table.replace_schema_metadata(dict(metadata or {})).to_pandas()
    if library == "polars":
        import importlib

        polars = sys.modules.get("polars") or importlib.import_module("polars")
        return polars.from_arrow(table)
    return table
