"""The unit of a column."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from entropae.variables.kind import Variable

# A standard deviation so many times that of the quartiles is one of outliers.
OUTLYING = 3.0
# Distance between the quartiles of a normal distribution, in standard deviations.
QUARTILES = 1.349
# Columns whose scales differ by more than this factor are in unlike units.
UNLIKE = 10.0
# Percentiles beyond which single values make no heavy tail.
OUTERMOST = (1, 99)
# Values between two knots of the map of a column with heavy tails.
BETWEEN = 10
# A uniform distribution of width 1 has this standard deviation.
UNIFORM = 1 / math.sqrt(12)


def scale_of(variable: Variable) -> float:
    """What a column is divided by: its standard deviation, or with outliers that of its quartiles.

    Atoms are left out, and columns on a circle are measured along it.
    """
    values = variable.values.astype(np.float64)
    if variable.classes is not None:
        values = values[variable.classes == 0]
    if variable.period is not None:
        return variable.period * UNIFORM
    deviation, quartiles = _spreads(values)
    if _has_outliers(deviation, quartiles):
        return quartiles
    return deviation if deviation > 0 else 1.0


def scales_of(variables: Sequence[Variable], scale: str | None) -> Float[np.ndarray, " d"]:
    """What each column is divided by.

    Args:
        variables: The columns.
        scale: `"standard"` for `scale_of`; `"auto"` for that if scales differ by more than a factor
            of 10, else 1; `None` for 1.
    """
    plain = np.ones(len(variables))
    if scale is None or (scale == "auto" and len(variables) == 1):
        return plain
    scales = np.array([scale_of(variable) for variable in variables])
    alike = scales.max() <= UNLIKE * scales.min()
    return plain if scale == "auto" and alike else scales


def standardized(variable: Variable, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """A column's values, spread or not, in a unit in which neighbours tell most.

    They are divided by `scale_of`. A column with heavy tails, most of which is nearer together than
    its neighbours in other columns are, is made even instead, with variance 1, by a strictly
    increasing map that is linear between quantiles.

    Only for what such maps leave as it is, as mutual information is.
    """
    own = values if variable.classes is None else values[variable.classes == 0]
    if variable.period is not None or not _has_heavy_tails(own):
        return values / scale_of(variable)
    places = np.linspace(0, 1, max(len(own) // BETWEEN, 4) + 1)
    knots, first = np.unique(np.quantile(own, places), return_index=True)
    return np.interp(values, knots, places[first]) / UNIFORM


def _has_heavy_tails(values: Float[np.ndarray, " n"]) -> bool:
    """Whether there are outliers without the outermost values, a few of which may be wrong."""
    if len(values) < 2:
        return False
    return _has_outliers(*_spreads(np.clip(values, *np.percentile(values, OUTERMOST))))


def _spreads(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The standard deviation, and what that of the quartiles would be if they were normal."""
    if len(values) < 2:
        return 0.0, 0.0
    largest = float(np.abs(values).max())
    unit = largest if largest > 0 else 1.0
    low, high = np.percentile(values, [25, 75])
    return float(np.std(values / unit)) * unit, float(high - low) / QUARTILES


def _has_outliers(deviation: float, quartiles: float) -> bool:
    return quartiles > 0 and deviation > OUTLYING * quartiles
