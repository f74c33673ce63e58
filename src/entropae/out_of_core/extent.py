"""What is known of rows after a pass over them, merged from its blocks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# Numbers in the rows drawn to make a partition from.
DRAWN = 1 << 19
# Exponents of two from which on squares of differences may leave the range of float64.
FAR = 256


class Extent(NamedTuple):
    """How many rows there are, between which values they lie, and some of them."""

    n: int
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]
    drawn: Float[np.ndarray, "m d"]
    keys: Float[np.ndarray, " m"]  # random; the rows drawn are those with the smallest

    @classmethod
    def of(cls, block: Float[np.ndarray, "n d"], seed: int, source: str, first: int = 0) -> Extent:
        """That of a block, if it is finite.

        Args:
            block: The rows.
            seed: Of the draw, the block's number.
            source: What to call the rows in messages.
            first: Number of the first row, for messages.

        Raises:
            ValueError: If a value is NaN or inf.
        """
        finite = np.isfinite(block).all(1)
        if not finite.all():
            raise ValueError(
                f"{source} must be finite: got NaN or inf in row {first + int(finite.argmin())}. "
                "Remove or impute such rows."
            )
        keys = np.random.default_rng(seed).random(len(block))
        return cls(len(block), block.min(0), block.max(0), block, keys)._cut()

    def _cut(self) -> Extent:
        most = max(1, DRAWN // self.drawn.shape[1])
        if len(self.keys) <= most:
            return self
        kept = np.argpartition(self.keys, most)[:most]
        return self._replace(drawn=self.drawn[kept], keys=self.keys[kept])

    @classmethod
    def merged(cls, *parts: Extent) -> Extent:
        """That of several blocks together."""
        n, low, high, drawn, keys = zip(*parts, strict=True)
        return cls(
            sum(n),
            np.minimum.reduce(low),
            np.maximum.reduce(high),
            np.concatenate(drawn),
            np.concatenate(keys),
        )._cut()

    @property
    def exponent(self) -> int:
        """Of a power of two to divide by, so that no square over- or underflows; mostly 0."""
        largest = float(max(np.abs(self.low).max(), np.abs(self.high).max()))
        exponent = math.frexp(largest)[1]
        return exponent if abs(exponent) > FAR else 0


class Moments(NamedTuple):
    """Number, mean and scatter of points, the scatter by its triangular factor.

    With `X` the points less their mean, `X'X = R'R`; the factor has the columns' small singular
    values to twice the digits that the covariance has them to.
    """

    n: int
    mean: Float[np.ndarray, " d"]
    factor: Float[np.ndarray, "d d"]

    @classmethod
    def of(cls, points: Float[np.ndarray, "n d"]) -> Moments:
        """Those of the points."""
        mean = points.mean(0, dtype=np.float64)
        centred = points - mean
        # Sums along columns are rounded at every row: what that left of the mean is small, and so
        # is its own rounding.
        rest = centred.mean(0)
        return cls(len(points), mean + rest, _triangle(centred - rest))

    @classmethod
    def merged(cls, *parts: Moments) -> Moments:
        """Those of several sets of points together.

        References:
            Chan, Golub and LeVeque, American Statistician 37 (1983) 242, eq. (2.1), here for
            factors.
        """
        if len(parts) == 1:
            return parts[0]
        # By halves, as rounding grows with the number of steps.
        half = len(parts) // 2
        a, b = cls.merged(*parts[:half]), cls.merged(*parts[half:])
        n, apart = a.n + b.n, b.mean - a.mean
        between = math.sqrt(a.n / n * b.n) * apart
        factor = _triangle(np.vstack([a.factor, b.factor, between]))
        return cls(n, a.mean + apart * (b.n / n), factor)


def _triangle(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d d"]:
    d = rows.shape[1]
    triangle = np.linalg.qr(rows, mode="r")
    return np.vstack([triangle, np.zeros((d - len(triangle), d))])
