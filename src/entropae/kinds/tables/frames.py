"""Frames of pandas, polars and others as tables of pyarrow, and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Any

import numpy as np

from entropae.kinds.items import alone, is_sample
from entropae.reader import need_pyarrow

MARK = "\x1f"  # between a column's name and that of what is kept of it
NUMBERS = "entropae.numbers"  # the columns of pandas that are called by numbers, beside texts


def library_of(frame: Any) -> str | None:
    """The library of a frame, `""` for pyarrow and mappings; `None` if it is no frame."""
    library = type(frame).__module__.partition(".")[0]
    if library in ("pandas", "polars") and type(frame).__name__.endswith("Frame"):
        return library
    if isinstance(frame, Mapping):
        is_frame = bool(frame) and all(np.ndim(values) == 1 for values in frame.values())
        return "" if is_frame else None
    return "" if hasattr(frame, "__arrow_c_stream__") and hasattr(frame, "schema") else None


def to_table(frame: Any, drop: Collection[str] = ()) -> Any:
    """A frame as a `pyarrow.Table`; an index of pandas that is no count of the rows is a column.

    Args:
        frame: A frame of pandas, polars or pyarrow, or a mapping of columns.
        drop: Columns to leave out, which may hold anything.

    Raises:
        ImportError: If pyarrow is not installed.
        ValueError: If a column holds what no table can, or two have one name.
    """
    need_pyarrow("Tables")
    import pyarrow as pa

    if type(frame).__name__ == "LazyFrame":
        frame = frame.collect()
    frame = without(frame, drop)
    if library_of(frame) == "pandas":
        frame = _plainly_named(frame)
        if len({*frame.columns}) < frame.shape[1]:
            raise ValueError(_why_not(frame))
    try:
        if library_of(frame) == "pandas":
            table = pa.Table.from_pandas(frame, preserve_index=_every_level(frame))
        elif library_of(frame) == "polars":
            table = frame.to_arrow(compat_level=sys.modules["polars"].CompatLevel.oldest())
        elif isinstance(frame, Mapping):
            table = pa.table({str(name): _column(values) for name, values in frame.items()})
        else:
            table = pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ValueError(_why_not(frame) or f"The frame is no table: {error}") from error
    return _plain_texts(table.replace_schema_metadata(None))


def _plain_texts(table: Any) -> Any:
    """A table without views of texts, which few of Arrow's functions take."""
    import pyarrow as pa

    fields = [f.with_type(pa.string()) if f.type == pa.string_view() else f for f in table.schema]
    return table.cast(pa.schema(fields))


def several(words: Any) -> tuple[str, ...]:
    """Names of columns or rules, of which one may stand alone, as texts: labels may be numbers."""
    return (str(words),) if isinstance(words, str | Integral) else tuple(map(str, words))


def with_index(frame: Any, name: str) -> Any:
    """A frame of pandas whose index, if it has that name, is a column of its table, always."""
    if library_of(frame) != "pandas" or frame.index.name != name:
        return frame
    import pandas as pd

    return frame.set_axis(pd.Index(frame.index.to_numpy(), name=name))


def without_index(frame: Any) -> Any:
    """A frame without an index that has no name, as of rows that were filtered or shuffled."""
    if library_of(frame) != "pandas" or any(name is not None for name in frame.index.names):
        return frame
    return frame.reset_index(drop=True)


def names_of(frame: Any) -> list[str]:
    """The names of a frame's columns, and of what its index of pandas becomes."""
    if library_of(frame) == "pandas":
        import pyarrow as pa

        made = frame.iloc[:0, :0]
        kept = pa.Schema.from_pandas(made, preserve_index=_every_level(made))
        return [*map(str, frame.columns), *kept.names]
    if isinstance(frame, Mapping):
        return list(map(str, frame))
    return list(frame.collect_schema() if hasattr(frame, "collect_schema") else frame.column_names)


def _plainly_named(frame: Any) -> Any:
    """A frame of pandas whose columns are called as Arrow can call them again.

    Those of categories or intervals are what they stand for, texts and others beside each other
    texts.
    """
    import pandas as pd

    names = frame.columns
    if isinstance(names, pd.MultiIndex):
        return frame
    if isinstance(names, pd.CategoricalIndex):
        names = names.astype(object)
    if isinstance(names, pd.IntervalIndex) or names.inferred_type.startswith("mixed"):
        names = pd.Index(list(map(str, names)), name=names.name)
    return frame if names is frame.columns else frame.set_axis(names, axis=1)


def _every_level(frame: Any) -> bool | None:
    """Whether an index of pandas is kept whatever it is: Arrow forgets levels that count rows."""
    return True if frame.index.nlevels > 1 else None


def without(frame: Any, drop: Collection[str]) -> Any:
    """A frame without some of its columns."""
    library = library_of(frame)
    if isinstance(frame, Mapping):
        return {name: values for name, values in frame.items() if str(name) not in drop}
    if library == "pandas":
        return frame.loc[:, [str(name) not in drop for name in frame.columns]]
    if library == "polars":
        return frame.drop([name for name in names_of(frame) if name in drop])
    return frame


def _why_not(frame: Any) -> str:
    """Which column of a frame of pandas is none of a table, and what to do."""
    import pyarrow as pa

    if library_of(frame) != "pandas":
        return ""
    names = list(map(str, frame.columns))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f"More than one column is called {', '.join(map(repr, twice))}. Rename them."
    for i, name in enumerate(names):
        values = frame.iloc[:, i]
        if hasattr(values, "sparse"):
            return (
                f"The column {name!r} is sparse. Make it dense, as by frame[{name!r}].sparse."
                f"to_dense(), or leave it out: drop=[{name!r}]"
            )
        try:
            pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            there = [v for v in values if isinstance(v, np.ndarray) or (v is not None and v == v)]
            kinds = sorted({type(v).__name__ for v in there})
            held = f"values of type {' and '.join(kinds)}" if kinds else f"{values.dtype}"
            remedy = "Make them of one type" if len(kinds) > 1 else "Make them numbers or texts"
            return (
                f"The column {name!r} holds {held}. {remedy}, as by frame[{name!r}].astype(str), "
                f"or leave it out: drop=[{name!r}]"
            ) + (alone(name) if there and is_sample(there[0]) else "")
    return ""


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
        some = _plainly_named(frame if rows else frame.iloc[:0])
        schema = pa.Schema.from_pandas(some, preserve_index=_every_level(frame))
        found = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
        numbers = {str(name): int(name) for name in frame.columns if isinstance(name, Integral)}
        return found | ({NUMBERS: json.dumps(numbers)} if len({*some.columns} & {*numbers}) else {})
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


def _to_pandas(table: Any) -> Any:
    """A frame of pandas, with the columns of dtype object that its metadata name."""
    import pandas as pd

    frame = table.to_pandas()
    numbers = json.loads((table.schema.metadata or {}).get(NUMBERS.encode(), b"{}"))
    if numbers:
        frame.columns = frame.columns.map(lambda name: numbers.get(name, name))
    said = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("columns", [])
    types = {one["field_name"]: one.get("numpy_type") for one in said}
    for i, name in enumerate(map(str, frame.columns)):
        if types.get(name) == "object" and not pd.api.types.is_object_dtype(frame.dtypes.iloc[i]):
            values = pd.Series(table[name].to_pylist(), index=frame.index, dtype=object)
            frame.isetitem(i, values)
        if types.get(name) == "string[pyarrow]":  # which pandas takes for its own type of texts
            frame.isetitem(i, frame.iloc[:, i].astype(pd.ArrowDtype(table.schema.field(name).type)))
    return frame


def to_library(table: Any, library: str, metadata: Mapping[str, str] | None = None) -> Any:
    """A `pyarrow.Table` as a frame of a library that the caller has imported or can import."""
    if library == "pandas":
        return _to_pandas(table.replace_schema_metadata(dict(metadata or {})))
    if library == "polars":
        import importlib

        polars = sys.modules.get("polars") or importlib.import_module("polars")
        return polars.from_arrow(_described(table, metadata or {}))
    return table
