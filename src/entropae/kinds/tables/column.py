"""One column of a table: what it is, and its values as numbers and back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from entropae.messages import unknown

FEW = 10  # distinct numbers up to which they are categories
MOST = 100  # categories of a column
KNOTS = 1000  # quantiles of a column of numbers
DECIMALS = 6


@cache
def types() -> dict[str, Any]:
    """Column types that are understood, by Arrow's name: no other is made, whatever a file says."""
    import pyarrow as pa

    whole = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
    units = ("s", "ms", "us", "ns")
    known = [
        *(pa.null(), pa.bool_(), pa.string(), pa.large_string(), pa.float32(), pa.float64()),
        *whole,
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.date32()),
        *(pa.timestamp(unit, zone) for unit in units for zone in (None, "UTC")),
        *(pa.dictionary(index, pa.string(), ordered) for index in whole for ordered in (0, 1)),
    ]
    return {str(kind): kind for kind in known}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        type: Arrow's name of its type.
        levels: Its categories, dates as whole numbers; `None` for a column of numbers.
        missing: Whether values can be missing, which is a state of its own.
        decimals: Places to which its numbers are rounded; `None`: not.
        knots: Its numbers' quantiles at `(i + 1/2)/K`.
    """

    name: str
    type: str
    levels: tuple[Any, ...] | None = None
    missing: bool = False
    decimals: int | None = None
    knots: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def groups(self) -> tuple[int, ...]:
        """Its part of a vector: 0 for a number, `n` for the probabilities of `n` states."""
        if self.levels is None:
            return (0, 2) if self.missing else (0,)
        return (len(self.levels) + self.missing,)

    @property
    def width(self) -> int:
        """How many numbers of a vector it takes."""
        return sum(max(1, group) for group in self.groups)


def describe(name: str, values: Any, rows: np.ndarray) -> Column:
    """The column that these values are of, its quantiles those of some rows.

    Raises:
        ValueError: If it is of a type, or has so many categories, that it is of no use.
    """
    import pyarrow as pa

    kind = str(values.type)
    if kind not in types():
        raise ValueError(f"The column {name!r} has the type {kind}. Leave it out: --drop {name}.")
    plain, absent = _plain(name, values)
    present = plain[~absent]
    distinct, counts = np.unique(present, return_counts=True)
    missing = bool(absent.any())
    numeric = _is_number(kind)
    if not numeric or len(distinct) <= FEW:
        if len(distinct) > MOST:
            sort = "identifies the rows" if counts.max() == 1 else "has too many categories"
            raise ValueError(
                f"The column {name!r} {sort}: {len(distinct)} distinct values, and {MOST} is the "
                f"limit. Leave it out: --drop {name}."
            )
        if pa.types.is_dictionary(values.type) and values.type.ordered:  # which its order is
            order = values.chunk(0).dictionary.to_pylist()
            distinct = np.array([level for level in order if level in set(distinct)], object)
        return Column(name, kind, tuple(distinct.tolist()), missing)
    whole = not pa.types.is_floating(types()[kind])
    if whole and len(distinct) == len(plain) and (np.diff(plain) == 1).all():
        raise ValueError(
            f"The column {name!r} numbers the rows, from {plain[0]} to {plain[-1]}. "
            f"Leave it out: --drop {name}."
        )
    seen = plain[rows][~absent[rows]].astype(np.float64)
    if not len(seen):
        raise ValueError(f"The column {name!r} has no value in the rows to learn from. Drop it.")
    ranks = (np.arange(min(KNOTS, len(seen))) + 0.5) / min(KNOTS, len(seen))
    knots = np.quantile(seen, ranks, method="hazen")
    knots[[0, -1]] = seen.min(), seen.max()
    decimals = 0 if whole else _decimals(present)
    return Column(name, kind, None, missing, decimals, knots)


def _plain(name: str, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """A column's values, dates as whole numbers, texts as objects; and which are missing."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(pa.string())
    elif pa.types.is_date(kind):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        values = values.cast(pa.int64())
    absent = values.is_null(nan_is_null=pa.types.is_floating(kind)).to_numpy()
    if pa.types.is_null(kind) or absent.all():
        return np.zeros(len(values), np.float64), np.ones(len(values), bool)
    if pa.types.is_floating(kind):
        plain = values.fill_null(0).to_numpy()
        if np.isinf(plain).any():
            raise ValueError(f"The column {name!r} has infinite numbers. Replace them.")
        return plain, absent
    if pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return values.fill_null(0).to_numpy(), absent
    if pa.types.is_boolean(kind):
        return values.fill_null(False).to_numpy(), absent
    return np.array(values.fill_null("").to_pylist(), object), absent


def _is_number(kind: str) -> bool:
    return kind.startswith(("int", "uint", "float", "double", "date", "timestamp"))


def _decimals(values: np.ndarray) -> int | None:
    """Places after the point that all values have at most; `None` if more than 6."""
    for places in range(DECIMALS + 1):
        if np.array_equal(np.round(values, places), values):
            return places
    return None


def encoded(column: Column, values: Any) -> Float[np.ndarray, "n w"]:
    """Values as their part of the vectors.

    Raises:
        ValueError: If they are of another type, or not among the column's categories.
    """
    if str(values.type) != column.type:
        kinds = (values.type, types()[column.type])
        try:
            values = values.cast(kinds[1])
        except Exception as error:
            raise ValueError(
                f"The column {column.name!r} must be of type {column.type}: got {kinds[0]}."
            ) from error
    plain, absent = _plain(column.name, values)
    if absent.any() and not column.missing:
        raise ValueError(
            f"The column {column.name!r} has {absent.sum()} missing values, and had none in the "
            "table that the model was trained on. Leave those rows out."
        )
    if column.levels is None:
        scores = np.where(absent, 0.0, _scores(column.knots, plain.astype(np.float64)))[:, None]
        if not column.missing:
            return scores
        return np.concatenate([scores, ~absent[:, None], absent[:, None]], 1)
    known = {level: i for i, level in enumerate(column.levels)}
    found = np.array([known.get(value, -1) for value in plain.tolist()])
    found[absent] = len(column.levels)
    unseen = found < 0
    if unseen.any():
        found[unseen] = _nearest_levels(column, plain[unseen])
    return np.eye(column.width)[found]


def _nearest_levels(column: Column, values: np.ndarray) -> np.ndarray:
    """The categories of numbers that were not in the training table: those nearest to them.

    Raises:
        ValueError: If the categories are no numbers.
    """
    first = values[:1].tolist()[0]
    said = (
        f"The column {column.name!r} has values that were not in the table that the model was "
        f"trained on, such as {first!r}, in {len(values)} rows."
    )
    levels = np.array(column.levels)
    if levels.dtype.kind not in "iuf":
        raise ValueError(f"{said} Leave those rows out.")
    warnings.warn(f"{said} Each is taken as the nearest value that was.", stacklevel=6)
    return np.abs(levels - values[:, None].astype(np.float64)).argmin(1)


def _scores(knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Normal scores: of repeated values, that of the middle of their ranks."""
    ranks = (np.arange(len(knots)) + 0.5) / len(knots)
    low = np.interp(values, knots, ranks)
    high = 1 - np.interp(-values, -knots[::-1], ranks)
    return ndtri((low + high) / 2)


def decoded(column: Column, x: Float[np.ndarray, "n w"], random: np.random.Generator | None) -> Any:
    """Its part of the vectors as values: the most probable categories, or drawn ones."""
    import pyarrow as pa

    kind = types()[column.type]
    if column.levels is None:
        knots = column.knots
        ranks = (np.arange(len(knots)) + 0.5) / len(knots)
        values = np.interp(ndtr(x[:, 0]), ranks, knots)
        if column.decimals is not None:
            values = np.round(values, column.decimals)
        absent = _chosen(x[:, 1:], random) == 1 if column.missing else np.zeros(len(x), bool)
        if pa.types.is_floating(kind):
            return pa.array(values, mask=absent).cast(kind)
        low, high = (int(v) for v in knots[[0, -1]])
        whole = [
            None if gone else min(max(int(value), low), high)
            for value, gone in zip(values, absent, strict=True)
        ]
        return _array(whole, kind)
    chosen = _chosen(x, random)
    return _array([(*column.levels, None)[i] for i in chosen], kind)


def _chosen(p: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
    if random is None:
        return p.argmax(1)
    edges = np.cumsum(np.clip(p, 0, None), 1)
    u = random.random((len(p), 1)) * edges[:, -1:]
    return np.minimum((u >= edges).sum(1), p.shape[1] - 1)


def _array(values: list[Any], kind: Any) -> Any:
    """Plain values as a column of a type."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode().cast(kind)
    if pa.types.is_date(kind):
        return pa.array(values, pa.int32()).cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def checked(row: Mapping[str, Any], knots: np.ndarray) -> Column:
    """A column as a stranger's file describes it."""
    if set(row) != {"name", "type", "levels", "missing", "decimals"}:
        raise ValueError(f"a column is described by {sorted(row)}")
    name, kind, levels = row["name"], row["type"], row["levels"]
    if not isinstance(name, str) or not isinstance(row["missing"], bool):
        raise ValueError("a column's name must be a text, and `missing` true or false")
    if kind not in types():
        raise ValueError(unknown("type", str(kind), types()))
    places = row["decimals"]
    if places is not None and (type(places) is not int or not 0 <= places <= DECIMALS):
        raise ValueError(f"`decimals` must be from 0 to {DECIMALS}: got {places!r}")
    if levels is None:
        if not _is_number(kind):
            raise ValueError(f"the column {name!r} of type {kind} needs its categories")
        if knots.ndim != 1 or not 1 <= len(knots) <= KNOTS or knots.dtype != np.float64:
            raise ValueError(f"the column {name!r} needs from 1 to {KNOTS} quantiles")
        if not np.isfinite(knots).all() or (np.diff(knots) < 0).any():
            raise ValueError(f"the quantiles of {name!r} must be finite and rise")
        return Column(name, kind, None, row["missing"], places, knots)
    if not isinstance(levels, list) or len(levels) > MOST or len(levels) + row["missing"] < 1:
        raise ValueError(f"the column {name!r} must have from 1 to {MOST} categories")
    finite = all(math.isfinite(level) for level in levels if isinstance(level, float))
    if len(set(levels)) < len(levels) or not finite:
        raise ValueError(f"the categories of {name!r} must differ and be finite")
    import pyarrow as pa

    try:
        _array(levels, types()[kind])
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"the categories of {name!r} are not of type {kind}: {error}") from error
    return Column(name, kind, tuple(levels), row["missing"], places)
