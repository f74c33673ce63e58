"""The grid that the numbers of a column lie on: decimals, multiples of a step, days of a week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

PLACES = 9  # decimals at most
BELIEVED = 10  # different values that a step greater than one unit is believed of
DIGITS = 8  # of a number that is rounded by its size, at most
EXACT = float(1 << 53)


@dataclass(frozen=True)
class Grid:
    """The numbers `(origin + step·k) / 10^places` of all whole `k`.

    Attributes:
        places: Decimals.
        origin: In units of the last decimal.
        step: Likewise.

    Examples:
        >>> grid = grid_of(np.array([2750.0, 2775, 3100, *range(3000, 4000, 50)]))
        >>> grid.size, grid.values(grid.sites(np.array([3325.0])))
        (25.0, array([3325]))
    """

    places: int = 0
    origin: int = 0
    step: int = 1

    @property
    def size(self) -> float:
        """Its step as a number."""
        return self.step / 10**self.places

    def sites(self, values: np.ndarray) -> Float[np.ndarray, " n"]:
        """The `k` of values; between two of them for a value that is not on the grid."""
        if values.dtype.kind == "f":
            units = values * 10.0**self.places
            whole = np.rint(units)
            units = np.where(np.abs(units - whole) < 1e-6, whole, units)
            return (units - self.origin) / self.step
        if values.dtype == np.int64 and len(values):
            low, high = int(values.min()), int(values.max())
            if max(abs(low), abs(high), abs(self.origin)) < 1 << 62:
                return (values - self.origin) / self.step
        return np.array([(int(v) - self.origin) / self.step for v in values], np.float64)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The numbers of it that are nearest to others, exactly also where they are large.

        Examples:
            >>> Grid(0, 1, 5).nearest(np.array([7, 10, -2])), Grid(1).nearest(np.array([0.3 - 0.1]))
            (array([ 6, 11, -4]), array([0.2]))
        """
        whole = values.dtype.kind in "iu" and not self.places
        units = values if whole else np.rint(values * 10.0**self.places).astype(np.int64)
        half = self.step // 2
        units = units - ((units - self.origin + half) % self.step - half)
        return units / 10.0**self.places if self.places else units

    def values(self, sites: Float[np.ndarray, " n"]) -> np.ndarray:
        """The numbers of whole `k`: floats, or whole numbers if there are no places."""
        k = np.rint(sites)
        if self.places:
            return (k * self.step + self.origin) / 10.0**self.places
        if np.abs(k).max(initial=0) * self.step + abs(self.origin) < 1 << 62:
            return k.astype(np.int64) * self.step + self.origin
        return np.array([int(v) * self.step + self.origin for v in k], object)


def grid_of(values: np.ndarray) -> Grid | None:
    """The coarsest grid that all values lie on; `None` if they have more decimals than 9.

    A step of more than one unit of the last decimal needs ten different values.

    Args:
        values: Those that are not missing.
    """
    distinct = np.unique(values)
    if not len(distinct):
        return None
    if distinct.dtype.kind == "f":
        return _of_decimals(distinct)
    whole = [int(v) for v in distinct]
    return Grid(0, whole[0], _step(np.array(np.diff(distinct), object), len(distinct)))


def digits_of(values: np.ndarray) -> int:
    """How many digits numbers that lie on no grid are rounded to, each by its size; 0: more than 8.

    Ten different values are needed.

    Args:
        values: Those that are not missing.

    Examples:
        >>> small = np.array([float(f"1.25e-{i}") for i in range(9, 20)])
        >>> digits_of(small), digits_of(np.arange(1, 20) / 7)
        (3, 0)
    """
    distinct, most = np.unique(values), 0
    if distinct.dtype.kind != "f" or len(distinct) < BELIEVED:
        return 0
    for value in distinct.tolist():
        mantissa = repr(abs(value)).partition("e")[0]
        most = max(most, len(mantissa.replace(".", "").strip("0")))
        if most > DIGITS:
            return 0
    return most


def rounded(values: np.ndarray, digits: int) -> np.ndarray:
    """Numbers with so many digits."""
    return np.array([float(f"{value:.{digits - 1}e}") for value in values.tolist()])


def _of_decimals(distinct: np.ndarray) -> Grid | None:
    for places in range(PLACES + 1):
        units = np.rint(distinct * 10.0**places)
        if np.abs(units).max() >= EXACT:
            return None
        if np.array_equal(units / 10.0**places, distinct):
            gaps = np.diff(units).astype(np.int64)
            return Grid(places, int(units[0]), _step(gaps, len(distinct)))
    return None


def _step(gaps: np.ndarray, distinct: int) -> int:
    return int(np.gcd.reduce(gaps)) if distinct >= BELIEVED else 1
