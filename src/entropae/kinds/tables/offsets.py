"""Texts of times with an offset, which may change with the time, as where summer time is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from entropae.kinds.tables import forms
from entropae.kinds.tables.grid import grid_of

ROWS = 10  # times between two changes, on average and at least
MOST = 200  # changes


@dataclass(frozen=True)
class Offsets:
    """Which offset times have: they are numbers in UTC, and written with it.

    Attributes:
        form: Of the texts without it.
        starts: From when on each offset is used, in the form's unit and UTC; the first always was.
        zones: The offsets as they are written.
    """

    form: str
    starts: tuple[int, ...]
    zones: tuple[str, ...]

    def moment(self, text: str) -> int:
        """A text as a number in UTC; without an offset, with the one that was used then.

        Raises:
            ValueError: If it is not of the form.
        """
        found = moment_of(text, self.form)
        if forms.zone_of(text):
            return found
        made = [found - _ahead(zone, self.form) for zone in self.zones]
        used = [one for i, one in enumerate(made) if self._which(np.array([one]))[0] == i]
        return used[0] if used else made[-1]

    def texts(self, values: Int[np.ndarray, " n"]) -> np.ndarray:
        """Numbers in UTC as texts with their offsets."""
        which = self._which(values)
        by = np.array([_ahead(zone, self.form) for zone in self.zones])[which]
        local = zip((values.astype(np.int64) + by).tolist(), which, strict=True)
        return np.array([forms.written(x, self.form) + self.zones[i] for x, i in local], object)

    def _which(self, values: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.starts[1:], values, side="right")


def moment_of(text: str, form: str) -> int:
    """A text with an offset as a number in UTC, of its form's unit; without one as it is.

    Args:
        text: A time.
        form: Of what stands before the offset.

    Raises:
        ValueError: If it is not of the form.
    """
    return int(forms.parsed(forms.without_zone(text), form)) - _ahead(text, form)


def _ahead(zone: str, form: str) -> int:
    """By how much of the form's unit an offset is ahead of UTC."""
    return forms.offset_of(zone) * (1_000_000 if forms.unit_of(form) == "us" else 1)


def offsets_of(texts: Sequence[str], form: str) -> Offsets | None:
    """The offsets that different texts end in; `None` if times do not tell which.

    Nor do they where local times are rounder than those in UTC, such as midnights.

    Args:
        texts: Of times.
        form: Of what stands before the offset.

    Examples:
        >>> days = [f"2024-0{m}-{d} {d}:05+0{m // 2}:00" for m in (3, 4) for d in range(10, 24)]
        >>> offsets_of(days, "%Y-%m-%d %H:%M").zones
        ('+01:00', '+02:00')
    """
    if forms.meaning_of(form) != "date-time":
        return None
    local = np.array([forms.parsed(forms.without_zone(text), form) for text in texts], np.int64)
    zones = [forms.zone_of(text) for text in texts]
    moments = np.array([moment_of(text, form) for text in texts], np.int64)
    order = np.argsort(moments, kind="stable")
    first = [i for i, j in enumerate(order) if not i or zones[j] != zones[order[i - 1]]]
    if len(first) > 1 and (len(first) > MOST or ROWS * len(first) > len(texts)):
        return None
    grids = [grid_of(np.unique(values)) for values in (local, moments)]
    if len({grid and grid.size for grid in grids}) > 1:
        return None
    which = order[first]
    return Offsets(form, tuple(moments[which].tolist()), tuple(zones[j] for j in which))


def offsets_from(form: str, starts: Any, zones: Any) -> Offsets:
    """The fields of `Offsets`, as a stranger's file has them.

    Raises:
        ValueError: If there are no such offsets.
    """
    starts, zones = tuple(starts), tuple(zones)
    whole = all(type(start) is int and abs(start) < 1 << 62 for start in starts)
    named = all(isinstance(zone, str) and forms.ZONE.fullmatch(zone) for zone in zones)
    rising = whole and list(starts) == sorted(starts)
    timed = forms.meaning_of(form) == "date-time"
    if not (timed and rising and named) or len(starts) != len(zones) or not starts:
        raise ValueError("its offsets are none")
    return Offsets(form, starts, zones)
