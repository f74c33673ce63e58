"""Information between parts of many columns, as a sum of entropies that one kind of map is used in.

    I(X; Y) = H(X) + H(Y) − H(X, Y),
    I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(X, Y, Z) − H(Z),
    T(X) = Σ_c H(X_c) − H(X).

Counting neighbours, as KSG does, loses strong dependence in many columns; entropies by way of maps
do not, where a map suits the sample. Errors that they have in common cancel in the sum only if all
of them come from the same kind of map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from entropae.entropy.maps import MAPS, check, choose, extrapolated
from entropae.entropy.whitening import standardize

Part = np.ndarray


# Columns of all parts together up to which counting neighbours has hardly a bias, and up to which
# all rows are counted to tell whether a map fails; of more columns some rows, evenly spaced.
FEW, SOME, SOME_ROWS = 3, 6, 2000
# Nats by which counting must exceed a map: it errs towards 0, and no sample exceeds it by chance.
FAILED = 0.1
# Nats of a column's digits: of one that is known to within e⁻¹², the rest is rather rounding.
DIGITS = 12.0
# What each is for, as `method="map"` says of its choice.
SUITS = {
    "calibrated": "near to a normal distribution",
    "copula": "columns of any shape, of which normal scores are normal together",
    "radial": "an elliptical distribution",
    "student": "columns of any shape, of which Student's scores are elliptical together",
    "ica": "sums of independent columns of any shape",
    "mixture": "clusters",
    "tree": "bent dependence of pairs",
    "ksg1": "few columns, or parts that no map suits: by counting neighbours",
}


class Mapped(NamedTuple):
    """A sum of entropies.

    Attributes:
        terms: What it is the mean of.
        variance: What the maps add to the variance of their mean.
        method: The map, or `"ksg1"` for counts of neighbours.
    """

    terms: Float[np.ndarray, " n"]
    variance: float
    method: str


def by_map(
    parts: Sequence[Part],
    sums: dict[tuple[int, ...], int],
    k: int,
    method: str,
    counting: Callable[[slice], Float[np.ndarray, " m"]] | None = None,
) -> Mapped:
    """A sum of entropies of some parts together, as terms of which it is the mean.

    Args:
        parts: Arrays of shapes `(n, d_i)`, row by row of the same observations.
        sums: Which parts, and how often their entropy counts, `{(0,): 1, (1,): 1, (0, 1): -1}` for
            a mutual information.
        k: Which neighbour.
        method: One of `MAPS`, or `"auto"` for what `choose` says of all parts together. With it,
            few columns are left to `counting`, and so are parts that no map suits, or that have no
            density: sums of entropies then say less than counting, which errs towards 0.
        counting: The terms of some rows by counts of neighbours, called `"ksg1"`.

    Raises:
        ValueError: If the method is named, and a part has no density that it could find.
    """
    standard = [_standardized(part) for part in parts]
    whole = np.hstack(standard)
    if method != "auto":
        found = _sum(standard, sums, k, method)
        if not np.isfinite(found.terms).all():
            raise ValueError(
                "Parts have rows that repeat, or columns that depend on each other exactly: got no "
                f'entropy by method="{method}". Use method="auto" or "ksg1".'
            )
        return found
    if counting is None:
        return _sum(standard, sums, k, choose(whole))
    (n, d), every = whole.shape, slice(None)
    if d <= FEW:
        return Mapped(counting(every), 0.0, "ksg1")
    found = _sum(standard, sums, k, choose(whole))
    some = every if d <= SOME else slice(None, None, max(1, n // SOME_ROWS))
    counted = counting(some)
    if found.terms.mean() > counted.mean() - FAILED:
        return found
    return Mapped(counted if some == every else counting(every), 0.0, "ksg1")


def _sum(parts: Sequence[Part], sums: dict[tuple[int, ...], int], k: int, method: str) -> Mapped:
    """The sum by one map; infinite or no number where a part has no density."""
    n = len(parts[0])
    total, variance = np.zeros(n), 0.0
    for which, count in sums.items():
        one = extrapolated(np.hstack([parts[i] for i in which]), (k,), "euclidean", method)
        with np.errstate(invalid="ignore"):
            total += count * one.terms
            variance += max(0.0, one.variance - float(one.terms.var(ddof=1)) / n)
    return Mapped(total, variance, method)


def against(parts: Sequence[Part], k: int, method: str) -> tuple[str, ...]:
    """What speaks against the entropy of all parts together, in words.

    Args:
        parts: See `by_map`.
        k: Which neighbour.
        method: One of `MAPS`.
    """
    x = np.hstack([_standardized(part) for part in parts])
    found = check(x, extrapolated(x, (k,), "euclidean", method), method, taken=True)
    return tuple(f"Of the entropy of all parts together: {one}" for one in found.warnings)


def why_off(parts: Sequence[Part], method: str, value: float) -> str | None:
    """What speaks against what a map, or counting in its place, says, in words.

    Args:
        parts: See `by_map`.
        method: What it chose.
        value: What it says.
    """
    sizes = [part.shape[1] for part in parts]
    if method in MAPS and value > DIGITS * (sum(sizes) - max(sizes)):
        return (
            "Parts tell each other to within the rounding of their numbers. If a column is a "
            "function of others, the information is infinite, and the value only says how many "
            "digits they have: leave the column out."
        )
    if method != "ksg1" or sum(sizes) <= SOME:
        return None
    return (
        "No map suits these parts: sums of entropies say less than counting neighbours, which "
        f"itself says too little in d={sum(sizes)} columns. The value is rather a lower bound. Use "
        "fewer columns, or transform them so that their scatter plots look plainer."
    )


def pair_sums(parts: int) -> dict[tuple[int, ...], int]:
    """I(X; Y), of more parts their total correlation."""
    return {(i,): 1 for i in range(parts)} | {tuple(range(parts)): -1}


def conditional_sums(parts: int) -> dict[tuple[int, ...], int]:
    """I(X; Y | Z)."""
    return {(0, 2): 1, (1, 2): 1, (0, 1, 2): -1, (2,): -1}


def _standardized(part: Part) -> Part:
    return standardize(torch.from_numpy(np.ascontiguousarray(part, dtype=np.float64)))[0].numpy()
