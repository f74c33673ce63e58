"""The unit of a column."""

from __future__ import annotations

import math

import numpy as np

from entropae.variables.kind import Variable

# A standard deviation so many times that of the quartiles is one of outliers.
OUTLYING = 3.0
# Distance between the quartiles of a normal distribution, in standard deviations.
QUARTILES = 1.349


def scale_of(variable: Variable) -> float:
    """What a column is divided by: its standard deviation, or with outliers that of its quartiles.

    Atoms are left out, and columns on a circle are measured along it.
    """
    values = variable.values.astype(np.float64)
    if variable.classes is not None:
        values = values[variable.classes == 0]
    if variable.period is not None:
        # A uniform distribution on the circle.
        return variable.period / math.sqrt(12)
    if len(values) < 2:
        return 1.0
    largest = float(np.abs(values).max())
    unit = largest if largest > 0 else 1.0
    deviation = float(np.std(values / unit)) * unit
    low, high = np.percentile(values, [25, 75])
    quartiles = float(high - low) / QUARTILES
    if quartiles > 0 and deviation > OUTLYING * quartiles:
        return quartiles
    return deviation if deviation > 0 else 1.0
