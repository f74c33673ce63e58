"""One series before the other: by a lag, by several, and with both their pasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from entropae.information.formulas import CONDITIONAL, PAIRS, Formula
from entropae.information.terms import (
    Sample,
    Settings,
    check_lag,
    check_lengths,
    chosen,
)
from entropae.neighbors import as_count
from entropae.variables import Variable, check_names, variables_of

GAP = 1.5  # times the usual step between rows, beyond which some are missing


def at_lags(
    x: Any, y: Any, lags: Sequence[int], settings: Settings, **options: Any
) -> Iterator[Sample]:
    """A sample for each lag, all with the same rows of `y`, so that they can be compared."""
    parts = _series({"x": x, "y": y}, options)
    n = len(parts[0][0])
    if not lags:
        raise ValueError("`lag` must name at least one lag: got none.")
    shifts = [check_lag(lag, n) for lag in lags]
    low, high = min(0, *shifts), max(0, *shifts)
    if high - low > n - 2:
        raise ValueError(
            f"`lag` must leave at least 2 rows: got lags from {low} to {high} with n={n} rows."
        )
    rows = np.arange(high, n + low)
    of_y = tuple(variable.take(rows) for variable in parts[1])
    said = _said_of_times(x, y)
    for shift in shifts:
        of_x = tuple(variable.take(rows - shift) for variable in parts[0])
        yield _in_order([of_x, of_y], settings, PAIRS, said)


def transfer(
    x: Any,
    y: Any,
    lag: int,
    history: int,
    source_history: int,
    settings: Settings,
    **options: Any,
) -> Sample:
    """The source's past, the target's present, and the target's past, as columns of each row.

    Raises:
        ValueError: If too few rows are left, or a number is not what it should be.
    """
    parts = _series({"x": x, "y": y}, options)
    lag, history = as_count("lag", lag, 1), as_count("history", history, 0)
    source_history = as_count("source_history", source_history, 1)
    n = len(parts[0][0])
    first = max(lag + source_history - 1, history)
    if n - first < 3:
        raise ValueError(
            f"`lag` and `history` must leave at least 3 rows: got n={n} rows and the farthest "
            f"past {first} rows back."
        )
    rows = np.arange(first, n)
    past_x = _past(parts[0], rows, range(lag, lag + source_history))
    past_y = _past(parts[1], rows, range(1, history + 1))
    present = tuple(variable.take(rows) for variable in parts[1])
    said = _said_of_times(x, y)
    if history == 0:
        return _in_order([past_x, present], settings, PAIRS, said)
    return _in_order([past_x, present, past_y], settings, CONDITIONAL, said)


def _in_order(
    parts: Sequence[tuple[Variable, ...]],
    settings: Settings,
    formulas: Mapping[str, Formula],
    said: Sequence[str],
) -> Sample:
    """A sample of rows in order, with what their times say against that."""
    sample = chosen(parts, settings, formulas)
    return replace(sample, in_order=True, warnings=(*sample.warnings, *said))


def _said_of_times(*series: Any) -> list[str]:
    """What is wrong with the times of series, each thing once."""
    return list(dict.fromkeys(filter(None, map(_wrong_with_times, series))))


def _wrong_with_times(x: Any) -> str:
    """What is wrong with the times that a frame of pandas has as its index; nothing if they fit."""
    index = getattr(x, "index", None)
    times = getattr(index, "values", None)
    if index is None or not isinstance(times, np.ndarray) or times.dtype.kind != "M":
        return ""
    steps = np.diff(times)
    if not (steps > np.timedelta64(0)).all():
        return (
            "Rows are not in the order of their times, and lags are counted in rows: sort them, "
            "frame.sort_index()."
        )
    if not len(steps) or steps.max() <= GAP * np.median(steps):
        return ""
    low, high = (index[i + 1] - index[i] for i in (steps.argmin(), steps.argmax()))
    return (
        f"Times are {low} to {high} apart, and lags are counted in rows. For lags in time give a "
        'row for each step, frame.asfreq("D").interpolate(), or take what is without gaps.'
    )


def _past(
    variables: Sequence[Variable], rows: np.ndarray, back: Sequence[int]
) -> tuple[Variable, ...]:
    return tuple(variable.take(rows - step) for step in back for variable in variables)


def _series(samples: dict[str, Any], options: dict[str, Any]) -> list[tuple[Variable, ...]]:
    try:
        parts = {name: tuple(variables_of(x, name, **options)) for name, x in samples.items()}
    except ValueError as error:
        remedy = "Impute these rows: without them, later ones would be at other lags."
        raise ValueError(str(error).replace("Remove or impute these rows.", remedy)) from None
    check_names([*parts, *(v.name for part in parts.values() for v in part)], **options)
    check_lengths({name: len(part[0]) for name, part in parts.items()})
    return list(parts.values())
