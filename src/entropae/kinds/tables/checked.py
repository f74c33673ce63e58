"""Columns as a stranger's file describes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from entropae.kinds.tables import forms
from entropae.kinds.tables.column import KNOTS, Column, Gap
from entropae.kinds.tables.grid import DIGITS, PLACES, Grid
from entropae.kinds.tables.meaning import MOST
from entropae.kinds.tables.offsets import offsets_from
from entropae.kinds.tables.plain import arrow, is_text, is_whole, type_of

NEEDED = {"name", "type", "levels", "missing", "decimals"}
# What columns of models before had not, and what it is then.
LATER: dict[str, Any] = {
    "meaning": "",
    "form": "",
    "zones": (),
    "labels": None,
    "dictionary": None,
    "nan": False,
    "origin": 0,
    "step": 1,
    "digits": 0,
    "gap": None,
    "offsets": None,
}
MANY = 1_000_000  # categories that are no states
WIDEST = 1 << 64  # a grid of whole numbers has no more places


def described(column: Column) -> dict[str, Any]:
    """A column as plain values, without its arrays."""
    grid = column.grid or Grid()
    return {
        "name": column.name,
        "type": column.type,
        "levels": None if column.levels is None else list(column.levels),
        "missing": column.missing,
        "decimals": None if column.grid is None else grid.places,
        "meaning": column.meaning,
        "form": column.form,
        "zones": list(column.zones),
        "labels": None if column.labels is None else list(column.labels),
        "dictionary": None if column.dictionary is None else list(column.dictionary),
        "nan": column.nan,
        "origin": grid.origin,
        "step": grid.step,
        "digits": column.digits,
        "gap": None if column.gap is None else _gap_described(column.gap),
        "offsets": None
        if column.offsets is None
        else [column.offsets.starts, column.offsets.zones],
    }


def _gap_described(gap: Gap) -> dict[str, Any]:
    grid = gap.grid or Grid()
    places = None if gap.grid is None else grid.places
    found = {"since": gap.since, "decimals": places, "origin": grid.origin, "step": grid.step}
    return found | ({} if gap.slope == 1 else {"slope": gap.slope})


def checked(row: Mapping[str, Any], arrays: Mapping[str, np.ndarray], i: int) -> Column:
    """A column as a stranger's file describes it.

    Args:
        row: What `described` made, or a model of before.
        arrays: The file's arrays by name: `i` has the quantiles or shares, `i.sites` the sites.
        i: Which column it is.

    Raises:
        ValueError: If no column is as it says.
    """
    if not NEEDED <= set(row) <= NEEDED | LATER.keys():
        raise ValueError(f"a column is described by {sorted(row)}")
    said = {**LATER, **row}
    name, missing, nan = said["name"], said["missing"], said["nan"]
    if not isinstance(name, str) or type(missing) is not bool or type(nan) is not bool:
        raise ValueError("a column's name must be a text, and `missing` true or false")
    kind, knots = type_of(str(said["type"])), arrays[str(i)]
    grid = _grid(said)
    if "step" not in row and grid is not None:
        knots = knots * 10.0**grid.places  # which were numbers, and not places on a grid
    common: dict[str, Any] = {"missing": missing, "nan": nan, "meaning": _word(said["meaning"])}
    common["dictionary"] = _values(said["dictionary"], MANY, kind, name)
    if said["levels"] is not None:
        levels = _values(said["levels"], MOST, kind, name)
        if len(levels or ()) + missing < 1:
            raise ValueError(f"the column {name!r} must have from 1 to {MOST} categories")
        _check_shares(knots, len(levels or ()), name, there=False)
        return Column(name, str(kind), levels, knots=knots, **common)
    if said["labels"] is not None:
        labels = _values(said["labels"], MANY, kind, name)
        _check_shares(knots, len(labels or ()), name, there=True)
        return Column(name, str(kind), knots=knots, labels=labels, **common)
    form, zones = _word(said["form"]), _values(said["zones"], MOST, kind, name) or ()
    is_float = str(kind) in ("halffloat", "float", "double")
    if not (form or is_whole(kind) or is_float):
        raise ValueError(f"the column {name!r} of type {kind} needs its categories")
    if forms.is_of_numbers(form) and not is_text(kind):
        raise ValueError(f"the column {name!r} of type {kind} writes no numbers as {form}")
    if form and form not in (*forms.OF_TEXTS, *forms.OF_NUMBERS):
        forms.written(forms.parsed(forms.written(0, form), form), form)
    digits = common["digits"] = said["digits"]
    if type(digits) is not int or not 0 <= digits <= DIGITS or (digits and not is_float):
        raise ValueError(f"the column {name!r} cannot have {digits!r} digits")
    if said["offsets"] is not None:
        try:
            common["offsets"] = offsets_from(form, *said["offsets"])
        except ValueError as error:
            raise ValueError(f"the column {name!r} is not readable: {error}") from error
    sites = arrays.get(f"{i}.sites")
    for values in (knots, sites):
        if values is not None:
            _check_rising(values, name)
            _check_range(values, kind, name)
    if said["gap"] is not None:
        common["gap"] = _gap(said["gap"], arrays, i, kind, name)
    return Column(
        name, str(kind), None, grid=grid, knots=knots, form=form, zones=zones, sites=sites, **common
    )


def _gap(
    said: Mapping[str, Any], arrays: Mapping[str, np.ndarray], i: int, kind: Any, name: str
) -> Gap:
    usual = {"since", "decimals", "origin", "step"}
    whole = isinstance(said, dict) and said.keys() - {"slope"} == usual
    slope = float(said.get("slope", 1)) if whole else 0.0
    if not 0 < abs(slope) < np.inf:
        raise ValueError(f"what the column {name!r} counts from is none")
    knots, sites = arrays[f"{i}.gap"], arrays.get(f"{i}.gap.sites")
    for values in (knots, sites):
        if values is not None:
            _check_rising(values, name)
            _check_range(values, kind, name)
    return Gap(str(said["since"]), _grid(said), knots, sites, slope)


def _grid(said: Mapping[str, Any]) -> Grid | None:
    places, origin, step = said["decimals"], said["origin"], said["step"]
    if places is None:
        return None
    if type(places) is not int or not 0 <= places <= PLACES:
        raise ValueError(f"`decimals` must be from 0 to {PLACES}: got {places!r}")
    if type(origin) is not int or type(step) is not int or step < 0:
        raise ValueError(f"`origin` and `step` must be whole numbers: got {origin!r}, {step!r}")
    return Grid(places, origin, max(step, 1))


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise ValueError(f"a meaning or a form must be a short text: got {value!r}")
    return value


def _values(values: Any, most: int, kind: Any, name: str) -> tuple[Any, ...] | None:
    """Different finite values of a column's type."""
    import pyarrow as pa

    if values is None:
        return None
    if not isinstance(values, list | tuple) or len(values) > most:
        raise ValueError(f"the column {name!r} must have from 1 to {most} categories")
    finite = all(math.isfinite(value) for value in values if isinstance(value, float))
    if len(set(values)) < len(values) or not finite:
        raise ValueError(f"the categories of {name!r} must differ and be finite")
    try:
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if is_text(inner) and not all(isinstance(value, str) for value in values):
            raise TypeError("they are no texts")
        arrow(list(values), inner, np.zeros(len(values), bool))
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise ValueError(f"the categories of {name!r} are not of type {kind}: {error}") from error
    return tuple(values)


def _check_shares(shares: np.ndarray, n: int, name: str, *, there: bool) -> None:
    if not there and not len(shares):
        return
    if shares.shape != (n,) or shares.dtype != np.float64 or not (shares >= 0).all():
        raise ValueError(f"the shares of the categories of {name!r} are none")
    if shares.sum() > 1 + 1e-6:
        raise ValueError(f"the shares of the categories of {name!r} are more than 1")


def _check_rising(knots: np.ndarray, name: str) -> None:
    if knots.ndim != 1 or not 1 <= len(knots) <= KNOTS or knots.dtype != np.float64:
        raise ValueError(f"the column {name!r} needs from 1 to {KNOTS} quantiles")
    if not np.isfinite(knots).all() or (np.diff(knots) < 0).any():
        raise ValueError(f"the quantiles of {name!r} must be finite and rise")


def _check_range(knots: np.ndarray, kind: Any, name: str) -> None:
    """Places of whole numbers on their grid are no more than 64 bits can tell."""
    if str(kind).startswith(("int", "uint")) and max(-knots[0], knots[-1]) > WIDEST:
        raise ValueError(f"the quantiles of {name!r} are no numbers of type {kind}")
