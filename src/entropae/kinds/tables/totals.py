"""Columns of a parent that say what its children come to: their sum, mean, or an extreme."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, Num

from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.plain import arrow, is_number, plain, type_of
from entropae.kinds.tables.repaired import repaired
from entropae.kinds.tables.rule import quoted
from entropae.kinds.tables.rules import Before, Gives, Rule, Unique

HOW = ("sum", "mean", "smallest", "largest")
LEAST = 10  # parents of which a sum differs from a mean, or an extreme from the other
FINE = 0.1  # standard deviations that rounding may hide
PLACES = 6  # after the point, at most, that rounded numbers have


@dataclass(frozen=True)
class Total:
    """A column of the parent that is computed from one of its children's.

    Attributes:
        name: Of the parent's column.
        how: One of `HOW`.
        of: The child's column.
        places: After the point, to which it is rounded; `None` if it is not.
        none: Whether it is missing for parents without children, and not 0.
    """

    name: str
    how: str
    of: str
    places: int | None = None
    none: bool = False

    def __str__(self) -> str:
        return f"{quoted(self.name)} = {self.how} of {quoted(self.of)}"

    @classmethod
    def checked(cls, said: Mapping[str, Any], parent: Mapping[str, str], child: Any) -> Total:
        """One as a stranger's file describes it.

        Args:
            said: What `dataclasses.asdict` made of it.
            parent: Arrow's types of the parent's columns, by name.
            child: Those of the child's.

        Raises:
            ValueError: If the columns have none such.
        """
        places = None if said["places"] is None else int(said["places"])
        one = cls(str(said["name"]), str(said["how"]), str(said["of"]), places, bool(said["none"]))
        kinds = [type_of(types[name]) for types, name in ((parent, one.name), (child, one.of))]
        if one.how not in _ways(*kinds) or not 0 <= (one.places or 0) <= PLACES:
            raise ValueError(f"the parent's {one.name!r} is no {one.how} of {one.of!r}")
        return one


def totals_of(
    parent: Any, child: Any, places: Int[np.ndarray, " n"], leave: Collection[str]
) -> tuple[Total, ...]:
    """Columns that are the sum, mean, smallest or largest of a child's in all rows.

    Args:
        parent: A `pyarrow.Table`.
        child: Another.
        places: Of the children's parents.
        leave: Columns not to look at.
    """
    n, found = len(parent), {}
    asked = [name for name in parent.column_names if name not in leave]
    for of in child.column_names:
        kinds = [parent.column(name).type for name in asked]
        if of in leave or not any(_ways(kind, child.column(of).type) for kind in kinds):
            continue
        values, absent = _numbers(child.column(of))
        if absent.all():
            continue
        own = places[~absent]
        made = {how: _made(how, values[~absent], own, n) for how in HOW}
        counts = np.bincount(own, minlength=n)
        varied = made["smallest"] != made["largest"]
        for name in asked:
            for how in _ways(parent.column(name).type, child.column(of).type):
                tells = counts > 1 if how == "sum" else varied & (counts > 0)
                if name not in found and tells.sum() >= LEAST:
                    said = _said(parent.column(name), made[how], counts > 0, how)
                    if said is not None:
                        found[name] = Total(name, how, of, *said)
    return tuple(found.values())


def with_totals(
    parent: Any,
    child: Any,
    places: Int[np.ndarray, " n"],
    totals: Sequence[Total],
    columns: Columns,
    rules: Sequence[Rule],
    *,
    keep: Collection[str],
) -> Any:
    """The parent with what its children come to, and what follows from that by rules.

    Args:
        parent: A `pyarrow.Table`.
        child: Another.
        places: Of the children's parents.
        totals: What is computed.
        columns: Of the parent's model.
        rules: That the parent's rows keep.
        keep: Further columns that stay as they are.
    """
    n = len(parent)
    for one in totals:
        values, absent = _numbers(child.column(one.of))
        own = places[~absent]
        there = np.bincount(own, minlength=n) > 0
        made = np.zeros(n)
        if there.any():
            made = np.where(there, _made(one.how, values[~absent], own, n), 0)
        kind = parent.column(one.name).type
        column = arrow(_rounded(made, kind, one.places), kind, ~there & one.none)
        parent = parent.set_column(parent.column_names.index(one.name), one.name, column)
    fixed = {one.name for one in totals}
    return repaired(parent, columns, rules, keep={*fixed, *keep})[0] if totals else parent


def followers(totals: Sequence[Total], rules: Sequence[Rule]) -> set[str]:
    """Columns that are computed from children, and those that an equation has beside them."""
    found = {one.name for one in totals}
    equations = [rule for rule in rules if not isinstance(rule, Before | Gives | Unique)]
    for _ in equations:
        for rule in equations:
            if found & {*rule.names}:
                found |= {*rule.names}
    return found


def _ways(parent: Any, child: Any) -> tuple[str, ...]:
    """What a column of one type may be of one of another."""
    import pyarrow as pa

    if is_number(parent) and is_number(child):
        return HOW
    if is_number(parent) and pa.types.is_boolean(child):
        return HOW[:2]
    return HOW[2:] if pa.types.is_temporal(parent) and parent == child else ()


def _numbers(column: Any) -> tuple[Num[np.ndarray, " n"], np.ndarray]:
    """Values, whole numbers of their unit where they are times; and which are missing."""
    import pyarrow as pa

    values, absent = plain(column)
    if pa.types.is_boolean(column.type):
        values = values.astype(np.int64)
    if pa.types.is_decimal(column.type):
        values = values.astype(np.float64) / 10.0**column.type.scale
    return values, absent


def _made(
    how: str, values: Num[np.ndarray, " m"], places: Int[np.ndarray, " m"], n: int
) -> Num[np.ndarray, " n"]:
    """What the values of each of n parents come to; of those without any, something."""
    if how in HOW[:2]:
        sums = np.bincount(places, values.astype(np.float64), n)
        return sums if how == "sum" else sums / np.maximum(np.bincount(places, minlength=n), 1)
    least = how == "smallest"
    made = np.full(n, values.max() if least else values.min())
    (np.minimum if least else np.maximum).at(made, places, values)
    return made


def _said(
    column: Any, made: Num[np.ndarray, " n"], there: np.ndarray, how: str
) -> tuple[int | None, bool] | None:
    """To how many places a column is what was made, and if it is missing where nothing was.

    `None` if it is not that.
    """
    import pyarrow as pa

    values, absent = _numbers(column)
    if absent[there].any() or (absent.any() and not absent[~there].all()):
        return None
    none = bool(absent[~there].all()) if not there.all() else how != "sum"
    if not none and (how != "sum" or values[~there].any()):
        return None
    values, made = values[there], made[there]
    if pa.types.is_temporal(column.type):
        return (None, none) if np.array_equal(values, made) else None
    values, made = values.astype(np.float64), made.astype(np.float64)
    size = 1e-9 * (1 + np.abs(made))
    exact = (p for p in range(PLACES + 1) if (np.abs(values - np.round(values, p)) < size).all())
    places = next(exact, None)
    hidden = 0.0 if places is None else 0.5000001 * 10.0**-places
    apart = np.abs(values - made)
    if (apart > size).any() and hidden > FINE * values.std():
        return None
    return (places, none) if (apart <= hidden + size).all() else None


def _rounded(values: np.ndarray, kind: Any, places: int | None) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return np.rint(values * 10.0**kind.scale)
    if pa.types.is_integer(kind):
        return values if values.dtype.kind in "iu" else np.rint(values)
    return values if places is None or pa.types.is_temporal(kind) else np.round(values, places)
