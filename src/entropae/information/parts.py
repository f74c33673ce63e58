"""The parts of a sample of pairs or triples as coordinates with a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from entropae.variables import Variable, scale_of, standardized

Scale = Literal["standard"] | None


@dataclass(frozen=True, eq=False)
class Part:
    """Coordinates of one part of each row.

    Distances are in the maximum norm, on a circle where a coordinate has a period, and infinite
    between rows of unlike class.

    Attributes:
        values: Coordinates, shape `(n, d)`; `d` may be 0.
        classes: Class of each row, shape `(n,)`, or `None`.
        period: Of each coordinate, shape `(d,)`, 0 for those on a line; `None` if all are.
    """

    values: Float[np.ndarray, "n d"]
    classes: Int[np.ndarray, " n"] | None = None
    period: Float[np.ndarray, " d"] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Int[np.ndarray, " m"] | slice) -> Part:
        """Some of the rows."""
        classes = None if self.classes is None else self.classes[rows]
        return Part(self.values[rows], classes, self.period)

    @property
    def is_discrete(self) -> bool:
        """Whether there is nothing but classes."""
        return self.values.shape[1] == 0


def joined(parts: Sequence[Part]) -> Part:
    """Several parts as one."""
    values = np.hstack([part.values for part in parts])
    period = None
    if any(part.period is not None for part in parts):
        period = np.concatenate(
            [
                np.zeros(part.values.shape[1]) if part.period is None else part.period
                for part in parts
            ]
        )
    return Part(values, joint_classes([part.classes for part in parts]), period)


def joint_classes(
    classes: Sequence[Int[np.ndarray, " n"] | None],
) -> Int[np.ndarray, " n"] | None:
    """One class for each combination that occurs, numbered from 0; `None` if there are none."""
    joint = None
    for one in classes:
        if one is None:
            continue
        if joint is None:
            joint = np.unique(one, return_inverse=True)[1]
        else:
            pairs = joint * (int(one.max()) + 1) + one
            joint = np.unique(pairs, return_inverse=True)[1]
    return joint


def part_of(
    variables: Sequence[Variable],
    *,
    scale: Scale = "standard",
    seed: int = 0,
    turn: int = 0,
    copies: Sequence[int] | None = None,
) -> Part:
    """Columns as one part: spread, scaled, classes apart.

    Args:
        variables: The columns.
        scale: `"standard"` for columns as `standardized` has them, `None` to leave units.
        seed: Of the spreading.
        turn: Which of several spreads.
        copies: Which occurrence of the same column each one is.
    """
    n = len(variables[0])
    columns, periods, classes = [], [], []
    for variable, copy in zip(variables, copies or [0] * len(variables), strict=True):
        if variable.classes is not None:
            classes.append(variable.classes)
        if variable.kind in ("discrete", "constant"):
            continue
        values = variable.spread(seed, turn, copy)
        period = variable.period or 0.0
        if period:
            values = np.mod(values, period)
        if scale == "standard":
            values = standardized(variable, values.astype(np.float64))
            period = period and period / scale_of(variable)
        columns.append(values)
        periods.append(period)
    values = np.stack(columns, 1) if columns else np.zeros((n, 0))
    period = np.array(periods) if any(periods) else None
    return Part(values, joint_classes(classes), period)
