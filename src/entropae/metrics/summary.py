"""Figures of several runs, as means and standard deviations."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def summary(name: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over runs of every number, under flat names.

    Args:
        name: Of the row.
        found: The figures of each run, nested by name.

    Examples:
        >>> row = summary("a", [{"x": {"y": 1.0}}, {"x": {"y": 3.0}}])
        >>> row["x y"], round(row["x y sd"], 3)
        (2.0, 1.414)
    """
    flat = [dict(_flat(one)) for one in found]
    row: dict[str, Any] = {"recipe": name, "seeds": len(found)}
    for key in dict.fromkeys(key for one in flat for key in one):
        values = [one[key] for one in flat if key in one]
        row[key] = statistics.fmean(values)
        spread = len(values) > 1 and all(map(math.isfinite, values))
        row[f"{key} sd"] = statistics.stdev(values) if spread else math.nan
    return row


def _flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in found.items():
        if isinstance(value, Mapping) and key != "asked":
            yield from _flat(value, f"{prefix}{key} ")
        elif isinstance(value, int | float):
            yield prefix + key, float(value)
