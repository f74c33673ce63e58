"""How a training went, as far as its diagnosis asks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

STAGES = ("validation", "train")


class History(NamedTuple):
    """Steps of a training, and the reconstruction error after each epoch.

    Attributes:
        steps: How many there were.
        errors: Step and error, of held-out samples if any were.
    """

    steps: int
    errors: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, log: Sequence[Mapping[str, float]]) -> History | None:
        """From the rows of a log; `None` if it has none.

        Examples:
            >>> History.of([{"step": 5, "train/reconstruction": 0.5}])
            History(steps=5, errors=((5, 0.5),))
        """
        if not log:
            return None
        every = (f"{stage}/reconstruction" for stage in STAGES)
        found = (tuple((row["step"], row[name]) for row in log if name in row) for name in every)
        return cls(int(log[-1]["step"]), next(filter(None, found), ()))

    @property
    def fall(self) -> float:
        """By what share of its end the error fell in the second half; NaN of fewer than 4 rows.

        Examples:
            >>> History(40, ((10, 9.0), (20, 3.0), (30, 2.5), (40, 2.0))).fall
            0.5
        """
        if len(self.errors) < 4:
            return math.nan
        half = [error for step, error in self.errors if step <= self.steps / 2]
        end = self.errors[-1][1]
        return (half[-1] - end) / abs(end) if half and end else math.nan
