"""A table's columns, each recognised once, with the rows where values are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.information.formulas import PAIRS
from entropae.information.terms import Sample, Settings, check_lengths, chosen
from entropae.messages import unknown
from entropae.variables import (
    Discrete,
    Period,
    Resolutions,
    Variable,
    check_names,
    columns_of,
    missing,
    named_columns,
    variables_of,
)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table.

    Attributes:
        name: What it is called.
        variable: Its values that are there; `None` if none is.
        there: Rows where there is a value.
    """

    name: str
    variable: Variable | None
    there: Bool[np.ndarray, " n"] = field(repr=False)

    @property
    def n(self) -> int:
        """Rows of the table."""
        return len(self.there)

    @property
    def notes(self) -> list[str]:
        """What is done with the column."""
        absent = int((~self.there).sum())
        made = [f"{self.name}: {absent} rows without a value are left out"] if absent else []
        if self.variable is not None and self.variable.note:
            made.append(self.variable.note)
        return made


def columns_from(
    frame: Any,
    names: Sequence[str] | None,
    discrete: Discrete,
    period: Period,
    resolution: Resolutions,
    beside: Mapping[str, Any] | None = None,
) -> dict[str, Column]:
    """The columns of a table by name.

    Args:
        frame: See `information_matrix`.
        names: Which columns, all by default.
        discrete: See `variables_of`.
        period: See `variables_of`.
        resolution: See `variables_of`.
        beside: Further columns, of as many rows.

    Raises:
        ValueError: If a name is unknown, or columns differ in length.
    """
    if isinstance(discrete, str):
        discrete = (discrete,)
    found = columns_of(frame)
    if found is None:
        array = np.stack(list(named_columns(frame, "x", missing_too=True).values()), 1)
        found = {str(i): array[:, i] for i in range(array.shape[1])}
    wanted = list(found) if names is None else list(map(str, names))
    for name in wanted:
        if name not in found:
            raise ValueError(unknown("column", name, list(found)))
    made = {name: found[name] for name in wanted}
    for name, values in (beside or {}).items():
        if name in made:
            raise ValueError(
                f"The table has a column called {name!r}, as the one beside it is called: rename "
                f"it, or name the columns that are meant: columns=[…]."
            )
        (made[name],) = named_columns(values, name, missing_too=True).values()
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    check_names(list(made), **options)
    check_lengths({name: len(values) for name, values in made.items()})
    return {name: _column(name, values, options) for name, values in made.items()}


def _column(name: str, values: np.ndarray, options: dict[str, Any]) -> Column:
    there = ~missing(values)
    if not there.any():
        return Column(name, None, there)
    # As a mapping, so that texts are what a frame's texts are.
    (variable,) = variables_of({name: values[there]}, name, **options)
    return Column(name, variable, there)


def pair_of(x: Column, y: Column, settings: Settings) -> Sample:
    """Two columns where both have a value, with their estimator.

    Raises:
        ValueError: If too few rows have both.
    """
    if x.variable is None or y.variable is None:
        raise ValueError("No row has both values.")
    if x.there.all() and y.there.all():
        return chosen([(x.variable,), (y.variable,)], settings, PAIRS)
    both = x.there & y.there
    if both.sum() < 2:
        raise ValueError("Fewer than two rows have both values.")
    parts = [
        (one.variable.take((np.cumsum(one.there) - 1)[both]),) for one in (x, y) if one.variable
    ]
    return chosen(parts, settings, PAIRS)
