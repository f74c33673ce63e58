"""Information between parts of many columns, as a sum of entropies that one kind of map is used in.

    I(X; Y) = H(X) + H(Y) − H(X, Y),
    I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(X, Y, Z) − H(Z),
    T(X) = Σ_c H(X_c) − H(X).

Counting neighbours, as KSG does, loses strong dependence in many columns; entropies by way of maps
do not, where a map suits the sample. Errors that they have in common cancel in the sum only if all
of them come from the same kind of map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from entropae.entropy.maps import choose, mapped
from entropae.entropy.whitening import standardize

Part = np.ndarray


class Information(NamedTuple):
    """An information in nats, by way of a map.

    Attributes:
        value: The estimate, not clipped at 0.
        standard_error: Its standard deviation over samples, estimated.
        method: The map.
    """

    value: float
    standard_error: float
    method: str


# Columns of all parts together up to which counting neighbours has hardly a bias, and up to which
# it is dear but tells whether a map fails.
FEW, SOME = 3, 6
# Nats by which counting must exceed a map: it errs towards 0, and no sample exceeds it by chance.
FAILED = 0.1


def by_map(
    parts: Sequence[Part],
    sums: dict[tuple[int, ...], int],
    k: int,
    method: str,
    counting: Callable[[], float] | None = None,
) -> Information:
    """A sum of entropies of some parts together.

    Args:
        parts: Arrays of shapes `(n, d_i)`, row by row of the same observations.
        sums: Which parts, and how often their entropy counts, `{(0,): 1, (1,): 1, (0, 1): -1}` for
            a mutual information.
        k: Which neighbour.
        method: One of `MAPS`, or `"auto"` for what `choose` says of all parts together. With it,
            few columns are left to `counting`, and so are parts without a density, on which
            entropies fail: they then say less than counting, which errs towards 0.
        counting: The estimate by counts of neighbours, called `"ksg1"`.
    """
    standard = [_standardized(part) for part in parts]
    whole = np.hstack(standard)
    n, d = whole.shape
    if method == "auto":
        if counting is not None and d <= FEW:
            return Information(counting(), math.nan, "ksg1")
        chosen = choose(whole)
        found = by_map(parts, sums, k, chosen)
        if counting is not None and (d <= SOME or not math.isfinite(found.value)):
            counted = counting()
            if not found.value > counted - FAILED:
                return Information(counted, math.nan, "ksg1")
        return found
    total, variance = np.zeros(n), 0.0
    for which, count in sums.items():
        one = mapped(np.hstack([standard[i] for i in which]), (k,), "euclidean", method)
        total += count * one.terms
        variance += max(0.0, one.variance - float(one.terms.var(ddof=1)) / n)
    if not np.isfinite(total).all():
        return Information(math.nan, math.nan, method)
    error = math.sqrt(float(total.var(ddof=1)) / n + variance)
    return Information(float(total.mean()), error, method)


def mutual_information_by_map(
    x: Part, y: Part, k: int, method: str, counting: Callable[[], float] | None = None
) -> Information:
    """I(X; Y), see `by_map`."""
    return by_map([x, y], {(0,): 1, (1,): 1, (0, 1): -1}, k, method, counting)


def conditional_information_by_map(
    x: Part, y: Part, z: Part, k: int, method: str, counting: Callable[[], float] | None = None
) -> Information:
    """I(X; Y | Z), see `by_map`."""
    sums = {(0, 2): 1, (1, 2): 1, (0, 1, 2): -1, (2,): -1}
    return by_map([x, y, z], sums, k, method, counting)


def total_correlation_by_map(
    x: Part, k: int, method: str, counting: Callable[[], float] | None = None
) -> Information:
    """The total correlation of the columns of `x`, see `by_map`."""
    d = x.shape[1]
    sums = {(c,): 1 for c in range(d)} | {tuple(range(d)): -1}
    return by_map(np.hsplit(x, d), sums, k, method, counting)


def _standardized(part: Part) -> Part:
    return standardize(torch.from_numpy(np.ascontiguousarray(part, dtype=np.float64)))[0].numpy()
