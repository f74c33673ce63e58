"""One column of a table: what it is, and its values as numbers and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtri

from entropae.kinds.tables import forms, spans
from entropae.kinds.tables.grid import Grid
from entropae.kinds.tables.offsets import Offsets
from entropae.kinds.tables.plain import (
    Plain,
    inner,
    is_number,
    is_text,
    plain,
    type_of,
)
from entropae.kinds.tables.ranks import middle, scores_of

KNOTS = 1000  # quantiles of a column of numbers
UNSEEN = 1e-6  # the score of a text that no training row has
CAPPED = 0.01  # of its numbers, from which on an end is a cap


def _ends(knots: np.ndarray, grid: Grid | None) -> np.ndarray:
    return knots[[0, -1]] if grid is None else grid.values(knots[[0, -1]])


@dataclass(frozen=True)
class Gap:
    """What a column counts from another one, such as an end from its start.

    Attributes:
        since: The name of the other column.
        grid: As of a column.
        knots: Likewise.
        sites: Likewise.
        slope: Of a line of the other column that it is counted from; 1: from that column itself.
    """

    since: str
    grid: Grid | None = None
    knots: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    sites: np.ndarray | None = field(default=None, repr=False)
    slope: float = 1.0

    @property
    def ends(self) -> np.ndarray:
        """The least and the greatest of its numbers."""
        return _ends(self.knots, self.grid)

    @property
    def width(self) -> float:
        """That of the middle half of its numbers."""
        return middle(self.knots) * (1.0 if self.grid is None else self.grid.size)


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        type: Arrow's name of its type.
        levels: Its categories as plain values; `None` for a column that is a score.
        missing: Whether values can be missing, which is a state of its own.
        grid: What its numbers are rounded to; `None`: nothing.
        knots: Its numbers' quantiles at `(i + 1/2)/K`, as places on the grid; of categories, their
            shares.
        meaning: In a word or two; empty in models of before it was kept.
        form: How dates are written as texts or whole numbers, or numbers as texts, see `forms`.
        zones: Offsets that its texts end in, which are states.
        offsets: Those that the time tells; its numbers are in UTC.
        sites: The only places on the grid that its numbers take.
        labels: Categories that are too many for a state each: a score is a place among their
            shares, in this order.
        dictionary: All that a dictionary names, with what is in no row.
        nan: Whether what is missing is NaN.
        digits: That its numbers are rounded to where they lie on no grid; 0: to none.
        gap: What its score is of instead of its own numbers; `None`: of these.
    """

    name: str
    type: str
    levels: tuple[Any, ...] | None = None
    missing: bool = False
    grid: Grid | None = None
    knots: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    meaning: str = ""
    form: str = ""
    zones: tuple[str, ...] = ()
    offsets: Offsets | None = None
    sites: np.ndarray | None = field(default=None, repr=False)
    labels: tuple[Any, ...] | None = field(default=None, repr=False)
    dictionary: tuple[Any, ...] | None = field(default=None, repr=False)
    nan: bool = False
    digits: int = 0
    gap: Gap | None = None

    @property
    def scale(self) -> Column | Gap:
        """What has the quantiles that its scores are of."""
        return self.gap or self

    @property
    def ends(self) -> np.ndarray:
        """The least and the greatest of its numbers."""
        return _ends(self.knots, self.grid)

    @property
    def capped(self) -> tuple[bool, bool]:
        """Whether many of its numbers are the least or the greatest, as of percents 0 and 100."""
        low, high = (int((self.knots == end).sum()) for end in self.knots[[0, -1]])
        least = max(2, CAPPED * len(self.knots))
        return low >= least, high >= least

    @property
    def groups(self) -> tuple[int, ...]:
        """Its part of a vector: 0 for a number, `n` for the probabilities of `n` states."""
        if self.levels is not None:
            return (len(self.levels) + self.missing,)
        return (0, *((2,) if self.missing else ()), *((len(self.zones),) if self.zones else ()))

    @property
    def gone(self) -> tuple[int, int] | None:
        """Which state of which of its groups is to be missing; `None` if it cannot be."""
        if not self.missing:
            return None
        return (1, 1) if self.levels is None else (0, len(self.levels))

    @property
    def width(self) -> int:
        """How many numbers of a vector it takes."""
        return sum(max(1, group) for group in self.groups)

    @property
    def categories(self) -> tuple[Any, ...] | None:
        """Its categories, however they are coded; `None` for numbers, dates and times."""
        return self.levels if self.labels is None else self.labels

    @property
    def order(self) -> tuple[Any, ...] | None:
        """Its categories in their order, if they have one."""
        return self.categories if self.meaning == "ordered category" else None


def read_values(column: Column, values: Any) -> Plain:
    """The plain values of an Arrow column that is of this column's type, or can become it.

    Numbers become texts of the column's form.

    Raises:
        ValueError: If it cannot.
    """
    kind = type_of(column.type)
    if values.type != kind and forms.is_of_numbers(column.form) and is_number(values.type):
        found = plain(values.cast(type_of("double"), safe=False))
        return Plain(written(column, found.values), found.absent)
    if is_text(kind) and column.form and (texts := _dates_written(column, values)) is not None:
        return texts
    if str(kind).startswith("duration") and is_text(values.type):
        values = _spans(values, kind)
    if values.type != kind:
        try:
            values = _without_nan(values).cast(inner(kind))
        except Exception as error:
            raise ValueError(
                f"The column {column.name!r} must be of type {column.type}: got {values.type}."
            ) from error
    return plain(values)


def _dates_written(column: Column, values: Any) -> Plain | None:
    """Dates or times as texts of a column's form, if they are of its sort; else `None`."""
    import pyarrow as pa

    unit, zone = forms.unit_of(column.form), getattr(values.type, "tz", None)
    dated = pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)
    known = forms.meaning_of(column.form) in ("date", "date-time") and unit in ("D", "s", "us")
    if not dated or not known or bool(zone) != (column.offsets is not None):
        return None
    naive = pa.timestamp("us" if unit == "us" else "s")
    if zone:
        values = values.cast(pa.timestamp(values.type.unit))  # the same moments
    found = plain(values.cast(naive, safe=False))
    numbers = found.values // 86_400 if unit == "D" else found.values
    return Plain(written(column, numbers), found.absent)


def written(column: Column, values: np.ndarray) -> np.ndarray:
    """Numbers as texts of a column's form, with offsets that they tell."""
    if column.offsets is not None:
        return column.offsets.texts(values)
    return np.array([forms.written(value, column.form) for value in values.tolist()], object)


def _spans(values: Any, kind: Any) -> Any:
    """Texts as spans of time, if they all are."""
    import pyarrow as pa

    size, texts = spans.SIZES[kind.unit], values.to_pylist()
    try:
        known = {text: spans.parsed(text) // size for text in {*texts} - {None}}
    except ValueError:
        return values
    return pa.chunked_array([pa.array([known.get(t) for t in texts], pa.int64()).cast(kind)])


def _without_nan(values: Any) -> Any:
    """Values with nulls for NaN, which whole numbers become in a frame of pandas with gaps."""
    import pyarrow as pa

    if not pa.types.is_floating(values.type):
        return values
    return pa.chunked_array(
        [pa.array(chunk.to_numpy(False), from_pandas=True) for chunk in values.chunks], values.type
    )


def encoded(
    column: Column,
    values: Any,
    scores: Numbers | None = None,
    known: Bool[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, "n w"]:
    """Values as their part of the vectors.

    What is not known of a value (it was not in the training table, or is missing where nothing
    was) is the middle of the scores, or every category by its share; a warning says so.

    Args:
        column: Of the values.
        values: An Arrow column.
        scores: Of one that counts from another, or is counted from.
        known: Likewise, which of its own values are there and can be read.

    Raises:
        ValueError: If they are of another type.
    """
    found = read_values(column, values)
    if column.levels is not None:
        return _states(column, found)
    if scores is None or known is None:
        made, known = (_labelled if column.labels is not None else _scored)(column, found)
        scores = Numbers(made, known & ~found.absent)
    _warn(column, found, ~(known | found.absent))
    blank = UNSEEN if column.labels is not None else 0.0
    parts = [np.where(scores.known, scores.values, blank)[:, None]]
    if column.missing:
        parts += [~found.absent[:, None], found.absent[:, None]]
    if column.zones:
        ends = [forms.ZONE.search(str(value)) for value in found.values]
        which = np.array([_place(column.zones, end and end[0]) for end in ends])
        parts.append(_one_hot(which, len(column.zones)))
    return np.concatenate(parts, 1)


def unseen(column: Column, x: Float[np.ndarray, "n w"]) -> Bool[np.ndarray, " n"]:
    """Of the part of encoded rows that a column of categories has, which no training row has."""
    if column.labels is None:
        return x.max(1) < 1
    absent = x[:, 2] == 1 if column.missing else np.zeros(len(x), bool)
    return (x[:, 0] == np.float32(UNSEEN)) & ~absent


class Numbers(NamedTuple):
    """Numbers, dates or times as numbers; and which are known."""

    values: np.ndarray
    known: Bool[np.ndarray, " n"]


def numbers_of(column: Column, found: Plain) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
    """Values of a column of numbers, dates or times as numbers; and which are any."""
    if not column.form:
        return found.values, np.ones(len(found.values), bool)
    known = ~found.absent
    made = np.zeros(len(known), np.float64 if forms.is_of_numbers(column.form) else np.int64)
    cache: dict[Any, float | None] = {}
    for i in np.flatnonzero(known):
        value = found.values[i]
        if value not in cache:
            cache[value] = _parsed(column, str(value))
        number = cache[value]
        known[i], made[i] = number is not None, number or 0
    return made, known | found.absent


def _parsed(column: Column, text: str) -> float | None:
    try:
        return number_of(column, text)
    except (ValueError, OverflowError):
        return None


def number_of(column: Column, text: str) -> float:
    """A text of a column's form as a number: in UTC, if its offsets change with the time.

    Raises:
        ValueError: If it is none.
    """
    if column.offsets is not None:
        return column.offsets.moment(text)
    return forms.parsed(forms.without_zone(text) if column.zones else text, column.form)


def _scored(column: Column, found: Plain) -> tuple[np.ndarray, np.ndarray]:
    numbers, known = numbers_of(column, found)
    sites = numbers.astype(np.float64) if column.grid is None else column.grid.sites(numbers)
    sites, known = np.where(np.isfinite(sites), sites, 0.0), known & np.isfinite(sites)
    return scores_of(column.knots, sites), known


def _labelled(column: Column, found: Plain) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the middles of categories' shares."""
    assert column.labels is not None
    known = {label: i for i, label in enumerate(column.labels)}
    place = np.array([known.get(value, -1) for value in found.values.tolist()])
    edges = np.concatenate([[0], np.cumsum(column.knots)])
    return ndtri((edges[:-1] + edges[1:]) / 2)[place], (place >= 0) | found.absent


def _states(column: Column, found: Plain) -> Float[np.ndarray, "n w"]:
    assert column.levels is not None
    known = {level: i for i, level in enumerate(column.levels)}
    place = np.array([known.get(value, -1) for value in found.values.tolist()])
    place[found.absent] = len(column.levels) if column.missing else -1
    unknown = place < 0
    if not unknown.any():
        return _one_hot(place, column.width)
    levels = np.array(column.levels)
    if levels.dtype.kind in "iuf" and len(levels) and not is_text(type_of(column.type)):
        other = unknown & ~found.absent
        _warn(column, found, other, "Each is taken as the nearest value that was.")
        far = np.abs(levels - found.values[other, None].astype(np.float64))
        place[other] = far.argmin(1)
        unknown &= found.absent
    _warn(column, found, unknown)
    made = _one_hot(np.maximum(place, 0), column.width)
    n = len(column.levels)
    shares = column.knots if len(column.knots) == n else np.full(n, 1 / max(n, 1))
    made[unknown] = np.concatenate([shares, np.zeros(column.width - n)])
    return made


def _one_hot(place: np.ndarray, n: int) -> np.ndarray:
    return np.eye(n)[np.asarray(place, np.int64)]


def _place(zones: tuple[str, ...], zone: str | None) -> int:
    return zones.index(zone) if zone in zones else 0


def _warn(
    column: Column,
    found: Plain,
    unknown: np.ndarray,
    then: str = "These cells are taken as unknown.",
) -> None:
    """Say what was not in the training table."""
    gone = unknown & found.absent if not column.missing else np.zeros(len(unknown), bool)
    gone = found.absent if not column.missing and column.levels is None else gone
    if gone.any():
        warnings.warn(
            f"The column {column.name!r} has {gone.sum()} missing values, and had none in the "
            "table that the model was trained on. These cells are taken as unknown.",
            stacklevel=6,
        )
    new = unknown & ~found.absent
    if new.any():
        first = found.values[new][:1].tolist()[0]
        warnings.warn(
            f"The column {column.name!r} has values that no training row has, "
            f"such as {first!r}, in {new.sum()} rows. {then}",
            stacklevel=6,
        )
