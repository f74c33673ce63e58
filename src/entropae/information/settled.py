"""Whether an information has settled: what half of the rows say beside all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from entropae.entropy import change, halves, matters
from entropae.entropy.maps import MAPS
from entropae.information.terms import Averaged, Sample


def why_unsettled(sample: Sample, found: Averaged, error: float = 0.0) -> str | None:
    """Why more rows would say something else, in words; `None` if nothing shows that.

    Where one part is a function of the other, the information is infinite, and what neighbours say
    grows by the logarithm of the rows; where classes are many beside the rows, tables say too much.

    Args:
        sample: What was estimated.
        found: The estimate.
        error: Its standard error, where it is known.
    """
    n, k, exclude = sample.n, sample.settings.k, sample.settings.exclude
    if sample.method == "none" or found.terms.map in MAPS or not found.value > 2 * error:
        return None
    if n // 2 <= k + exclude or sample.warnings or found.terms.tied:
        return None
    if found.terms.map:
        sample = replace(sample, method=found.terms.map)
    parts = sample.turn(0)
    of_all, of_halves = np.full((2, n), np.nan)
    whole = sample.terms(parts) if sample.is_rounded else found.terms
    of_all[whole.rows] = whole.values
    # Rows are half as many between two of a half.
    fewer = replace(sample, settings=replace(sample.settings, exclude=(exclude + 1) // 2))
    for rows in halves(n):
        half = fewer.terms([part.take(rows) for part in parts])
        of_halves[rows[half.rows]] = half.values
    changed = change(of_halves, of_all)
    if not matters(changed, error):
        return None
    if changed < 0:
        return (
            f"Half of the rows say {-changed:.2f} nats more than all: the value may be too large "
            "by as much or more, whatever the interval. Group classes, or use more rows."
        )
    return (
        f"Half of the rows say {changed:.2f} nats less than all: the value is rather a lower "
        "bound, and may be too small by as much or more, whatever the interval. Use "
        "more rows, and fewer columns or classes; where one column is a function of others, the "
        "information is infinite, and grows with the rows without end."
    )
