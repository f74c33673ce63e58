"""Columns of data frames, and results as a frame of the same library.

No library of frames is imported that the caller has not imported.
"""

from __future__ import annotations

import decimal
import math
import numbers
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from entropae.messages import unknown

EXACT = 1 << 53  # up to which float64 holds every integer
# How a column of vectors of one length is handed over.
ALONE = "give the vectors of this column alone: np.stack(column)"


def columns_of(frame: Any, names: Sequence[str] | None = None) -> dict[str, np.ndarray] | None:
    """The columns of a frame, by name and in their order.

    Args:
        frame: A frame or series of pandas, polars, pyarrow, Modin or cuDF, an xarray `Dataset` or
            `DataArray`, a mapping from names to columns, a structured NumPy array, or anything else
            with `__arrow_c_stream__`.
        names: Which columns, in this order; by default all.

    Returns:
        Arrays of one axis and equal length, or `None` if it is no frame. Their dtype says what they
        hold: numbers are `f`, `i` or `u`, with NaN where they are missing; `b` is logical; dates
        and times are `datetime64` (in UTC, if they had a zone) and `timedelta64`, with NaT where
        they are missing; `object` is text or categories, also categories that are numbers, with
        `None` where they are missing.

    Raises:
        ValueError: If a name is unknown or there twice, columns differ in length, or a column holds
            what is neither a number, a text, a category nor a time.

    Examples:
        >>> columns_of({"height": [1.7, None], "eyes": ["blue", "green"]})
        {'height': array([1.7, nan]), 'eyes': array(['blue', 'green'], dtype=object)}
        >>> columns_of(np.zeros((3, 2))) is None
        True
    """
    found = _columns(frame)
    if found is None:
        return None
    known, column = found
    twice = {name for name in known if known.count(name) > 1}
    if twice:
        raise ValueError(f"The frame has more than one column called {', '.join(sorted(twice))}.")
    for name in names or ():
        if name not in known:
            raise ValueError(unknown("column", name, known))
    made = {name: column(known.index(name)) for name in (known if names is None else names)}
    lengths = {name: len(values) for name, values in made.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Columns must have the same number of rows: got {lengths}.")
    return made


def like_frame(columns: Mapping[str, Any], like: Any, *, rows: Sequence[str] | None = None) -> Any:
    """A frame of the library that another frame is of.

    Args:
        columns: Columns by name.
        like: A frame as `columns_of` takes it.
        rows: Names of the rows: the index of a pandas frame, the coordinate `row` of an xarray
            `Dataset`, in all others a first column called `row`.

    Returns:
        A frame; if `like` is none, a dict of the columns.

    Examples:
        >>> like_frame({"a": [1, 2]}, np.zeros(1, [("x", "f4")]))
        array([(1,), (2,)], dtype=[('a', '<i8')])
    """
    named = {} if rows is None else {"row": np.array(rows, object)}
    if _library(like) == "xarray":
        made = {name: ("row", np.asarray(values)) for name, values in columns.items()}
        return sys.modules["xarray"].Dataset(made, coords=named)
    if _structured(like):
        arrays = {name: np.asarray(values) for name, values in (named | dict(columns)).items()}
        kinds = [(name, values.dtype) for name, values in arrays.items()]
        out = np.empty(len(next(iter(arrays.values()), ())), kinds)
        for name, values in arrays.items():
            out[name] = values
        return out
    native = _narwhals(like)
    if native is None:
        return named | dict(columns)
    if native.implementation.is_pandas():
        return native.implementation.to_native_namespace().DataFrame(dict(columns), index=rows)
    import narwhals.stable.v2 as nw

    plain = {name: np.asarray(values).tolist() for name, values in (named | dict(columns)).items()}
    return nw.from_dict(plain, backend=native.implementation).to_native()


# Names of columns, and what makes an array of the i-th.
Found = tuple[list[str], Callable[[int], np.ndarray]]


def _columns(frame: Any) -> Found | None:
    if _library(frame) == "xarray":  # whose Dataset is a mapping too
        return _xarray(frame)
    if isinstance(frame, Mapping):
        values = list(frame.values())
        return list(map(str, frame)), lambda i: _column(str(list(frame)[i]), values[i])
    if _structured(frame):
        fields = frame.dtype.names
        return list(fields), lambda i: _column(fields[i], frame[fields[i]])
    native = _narwhals(frame)
    if native is None:
        return None
    # By number: the names may be no texts, or there twice, and the caller wants that said.
    series = list(native.iter_columns())
    names = [str(one.name) for one in series]
    return names, lambda i: _series(names[i], series[i])


def _structured(frame: Any) -> bool:
    return isinstance(frame, np.ndarray) and frame.dtype.names is not None


def _library(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]


def _narwhals(frame: Any) -> Any:
    """The frame as Narwhals has it, in memory; `None` if it is no frame."""
    if isinstance(frame, np.ndarray | str | bytes | int | float | list | tuple) or frame is None:
        return None
    import narwhals.stable.v2 as nw

    native = nw.from_native(frame, pass_through=True, allow_series=True)
    if isinstance(native, nw.LazyFrame):
        return native.collect()
    if isinstance(native, nw.Series):
        return native.to_frame() if native.name else native.alias("0").to_frame()
    if isinstance(native, nw.DataFrame):
        return native
    if hasattr(frame, "__arrow_c_stream__"):
        import pyarrow as pa

        return nw.from_native(pa.table(frame), eager_only=True)
    return None


def _xarray(frame: Any) -> Found:
    if hasattr(frame, "data_vars"):
        names = [str(name) for name in frame.data_vars]
        parts = list(frame.data_vars.values())
        shapes = {name: dict(part.sizes) for name, part in zip(names, parts, strict=True)}
        if len({tuple(shape.items()) for shape in shapes.values()}) > 1:
            raise ValueError(
                f"The variables of a Dataset must have the same dimensions: got {shapes}. Select "
                "some, or broadcast them with xarray.broadcast."
            )
        return names, lambda i: _column(names[i], parts[i].to_numpy().ravel())
    if frame.ndim == 1:
        return [str(frame.name or "0")], lambda i: _column(str(frame.name), frame.to_numpy())
    if frame.ndim != 2:
        raise ValueError(
            f"A DataArray must have one dimension, or two (rows, columns): got {dict(frame.sizes)}."
        )
    labels = frame[frame.dims[1]].to_numpy().tolist()
    names = list(map(str, labels))
    return names, lambda i: _column(names[i], frame.to_numpy()[:, i])


def _series(name: str, series: Any) -> np.ndarray:
    """A column as Narwhals has it, as an array."""
    import narwhals.stable.v2 as nw

    kind: Any = series.dtype
    if kind.is_decimal():
        series, kind = series.cast(nw.Float64()), nw.Float64()
    if kind in (nw.Int128, nw.UInt128):  # which NumPy has not
        return _labels(name, series.to_list())
    if kind.is_integer() or kind == nw.Boolean:
        if not series.is_null().any():
            return np.asarray(series.to_numpy(), bool if kind == nw.Boolean else None)
        return _labels(name, series.to_list(), logical=kind == nw.Boolean)
    if kind.is_float():
        return series.cast(nw.Float64()).to_numpy() if series.is_null().any() else series.to_numpy()
    if kind == nw.Datetime:
        if kind.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return np.array(series.to_numpy(), f"datetime64[{kind.time_unit}]")
    if kind == nw.Duration:
        return np.array(series.to_numpy(), f"timedelta64[{kind.time_unit}]")
    if kind == nw.Date:
        return np.array(_objects(series.to_list()).tolist(), "datetime64[D]")
    if kind.is_nested() or kind == nw.Binary:
        way = ALONE if kind in (nw.List, nw.Array) else "take from it what is meant"
        raise ValueError(
            f"The column {name!r} holds {kind}, and a column must hold numbers, texts, categories "
            f"or times. Leave it out, or {way}."
        )
    if kind == nw.Categorical or kind == nw.Enum:
        return _objects(series.to_list())
    return _labels(name, series.to_list())


def _column(name: str, values: Any) -> np.ndarray:
    """A column of a mapping as an array."""
    inner = None if _library(values) == "builtins" else columns_of(values)
    if inner is not None:
        return next(iter(inner.values()))
    if isinstance(values, np.ma.MaskedArray):
        return _labels(name, values.tolist(), logical=values.dtype.kind == "b")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"The column {name!r} is not an array: {error}.") from error
    if array.ndim != 1:
        way = f" Leave it out, or {ALONE}." if array.ndim > 1 else ""
        raise ValueError(f"The column {name!r} must have one axis: got shape {array.shape}.{way}")
    if array.dtype.kind in "biufmM":
        return array
    if array.dtype.kind == "c":
        raise ValueError(f"The column {name!r} holds complex numbers. Give its parts as columns.")
    return _labels(name, array.tolist())


def _labels(name: str, values: list[Any], *, logical: bool = False) -> np.ndarray:
    """Values of which some may be missing: numbers or times if all others are, else labels."""
    present = [value for value in values if not _is_missing(value)]
    kinds = {type(value) for value in present}
    if any(issubclass(kind, list | dict | set | tuple | np.ndarray) for kind in kinds):
        kind = kinds.pop()
        way = f", or {ALONE}" if issubclass(kind, list | tuple | np.ndarray) else ""
        raise ValueError(f"The column {name!r} holds {kind.__name__}s. Leave it out{way}.")
    if present and not logical and all(_is_number(kind) for kind in kinds):
        whole = all(issubclass(kind, numbers.Integral) for kind in kinds)
        if whole and len(present) == len(values):
            return np.array(values)
        if not whole or max(map(abs, present)) <= EXACT:
            return np.array([math.nan if _is_missing(v) else float(v) for v in values])
    if present and all(kind.__module__ == "datetime" for kind in kinds) and len(kinds) == 1:
        return _times(present[0], [None if _is_missing(value) else value for value in values])
    return _objects([None if _is_missing(value) else value for value in values])


def _times(one: Any, values: list[Any]) -> np.ndarray:
    import datetime

    if isinstance(one, datetime.timedelta):
        return np.array(values, "timedelta64[us]")
    if isinstance(one, datetime.time):
        day = datetime.date.min
        midnight = datetime.datetime.combine(day, datetime.time.min)
        since = [
            v and datetime.datetime.combine(day, v.replace(tzinfo=None)) - midnight for v in values
        ]
        return np.array(since, "timedelta64[us]")
    if isinstance(one, datetime.datetime):
        utc = datetime.UTC
        plain = [v.astimezone(utc).replace(tzinfo=None) if v and v.tzinfo else v for v in values]
        return np.array(plain, "datetime64[us]")
    return np.array(values, "datetime64[D]")


def _objects(values: Iterable[Any]) -> np.ndarray:
    listed = list(values)
    made = np.empty(len(listed), object)
    made[:] = [None if _is_missing(value) else value for value in listed]
    return made


def _is_number(kind: type) -> bool:
    return issubclass(kind, numbers.Real | decimal.Decimal) and kind not in (bool, np.bool_)


def _is_missing(value: Any) -> bool:
    # NaN, NaT and pandas' NA differ from themselves, the last without saying so.
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float | decimal.Decimal | np.floating) and value != value)
    )
