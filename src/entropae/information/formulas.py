"""The estimators of information as means over the rows, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import digamma

from entropae.entropy.maps import MAPPED
from entropae.information.mapped import by_map, conditional_sums, pair_sums
from entropae.information.parts import Part, joined, joint_classes
from entropae.information.search import count_up_to, count_within, search

# From the number of parts to which of their joint entropies count, and how often.
Sums = Callable[[int], dict[tuple[int, ...], int]]


class Terms(NamedTuple):
    """An estimate as a mean.

    Attributes:
        values: What the estimate is the mean of, shape `(m,)`.
        rows: Which rows they are of, shape `(m,)`: those whose class occurs once are left out.
        freedom: Degrees of freedom of a table of counts; 0 of estimates from neighbours.
        tied: Rows that coincide with their k-th neighbour.
        map: The map of the entropies that they are sums of; nothing if they are no such sums.
    """

    values: Float[np.ndarray, " m"]
    rows: Int[np.ndarray, " m"]
    freedom: float = 0.0
    tied: int = 0
    map: str = ""


def ksg1(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
    """Kraskov, Stögbauer and Grassberger (2004), eq. (8), of more than two parts eq. (23).

    With a part of classes it is Ross (2014), eq. (4).
    """
    found = search(parts, k, exclude)
    marginal = sum(digamma(count_within(part, found.inside, exclude) + 1) for part in parts)
    terms = digamma(_least(found.k)) + (len(parts) - 1) * digamma(found.others + 1) - marginal
    return _kept(terms, found.k, found.distance)


def ksg2(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
    """Kraskov, Stögbauer and Grassberger (2004), eq. (9).

    The correction 1/k is for each part beyond the first that has a volume.
    """
    found = search(parts, k, exclude)
    marginal, volumes = np.zeros(len(found.k)), 0
    for part, edge in zip(parts, found.edges, strict=True):
        up_to = count_up_to(part, edge, exclude)
        # A class has no edge for a neighbour to lie on: the row itself counts instead.
        marginal += digamma(_least(up_to + part.is_discrete))
        volumes += not part.is_discrete
    k_ = _least(found.k)
    terms = digamma(k_) - max(volumes - 1, 0) / k_
    terms += (len(parts) - 1) * digamma(found.others + 1) - marginal
    return _kept(terms, found.k, found.distance)


def gao(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
    """Gao, Kannan, Oh and Viswanath (2017), as their program computes it."""
    found = search(parts, k, exclude)
    tied, zero = found.distance == 0, np.zeros(len(found.k))
    multiplicity = _least(found.k)
    if tied.any():
        multiplicity = np.where(tied, count_up_to(joined(parts), zero, exclude) + 1, multiplicity)
    marginal = np.zeros(len(found.k))
    for part in parts:
        inside = count_within(part, found.inside, exclude)
        if tied.any():
            inside = np.where(tied, count_up_to(part, zero, exclude), inside)
        marginal += digamma(inside + 1)
    terms = digamma(multiplicity) - marginal + (len(parts) - 1) * np.log(found.others + 1)
    return _kept(terms, found.k, np.where(tied, 1.0, found.distance))


def plugin(parts: Sequence[Part], k: int = 0, exclude: int = 0) -> Terms:
    """Frequencies for probabilities, with Miller's and Madow's correction of the entropies.

    Each entropy is raised by (K − 1)/2n, K classes of it occurring (Miller 1955).
    """
    n = len(parts[0])
    one_by_one = [_frequency(part.classes, n) for part in parts]
    joint = _frequency(joint_classes([part.classes for part in parts]), n)
    terms = np.log(joint[0]) - sum(np.log(p) for p, _ in one_by_one)
    freedom = joint[1] - 1 - sum(levels - 1 for _, levels in one_by_one)
    return Terms(terms - freedom / (2 * n), np.arange(n), max(freedom, 0))


def frenzel_pompe(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
    """Frenzel and Pompe (2007), with strict counts."""
    x, y, z = parts
    found = search(parts, k, exclude)
    within = [
        digamma(count_within(part, found.inside, exclude) + 1)
        for part in (joined([x, z]), joined([y, z]), z)
    ]
    terms = digamma(_least(found.k)) - within[0] - within[1] + within[2]
    return _kept(terms, found.k, found.distance)


def mesner_shalizi(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
    """Mesner and Shalizi (2020), algorithm 1, without its cut at 0."""
    x, y, z = parts
    found = search(parts, k, exclude)
    tied = found.distance == 0
    multiplicity = _least(found.k)
    if tied.any():
        same = count_up_to(joined(parts), np.zeros(len(x)), exclude)
        multiplicity = np.where(tied, same, multiplicity)
    up_to = [
        digamma(_least(count_up_to(part, found.distance, exclude)))
        for part in (joined([x, z]), joined([y, z]), z)
    ]
    terms = digamma(_least(multiplicity)) - up_to[0] - up_to[1] + up_to[2]
    return _kept(terms, found.k, np.ones(len(x)))


def plugin_conditional(parts: Sequence[Part], k: int = 0, exclude: int = 0) -> Terms:
    """Frequencies for probabilities, each entropy corrected as in `plugin`."""
    x, y, z = (part.classes for part in parts)
    n = len(parts[0])
    (xz, k_xz), (yz, k_yz), (z_, k_z), (xyz, k_xyz) = (
        _frequency(joint_classes(some), n) for some in ([x, z], [y, z], [z], [x, y, z])
    )
    freedom = k_xyz + k_z - k_xz - k_yz
    terms = np.log(xyz) + np.log(z_) - np.log(xz) - np.log(yz)
    return Terms(terms - freedom / (2 * n), np.arange(n), max(freedom, 0))


def _least(counts: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    return np.maximum(counts, 1)


def _kept(terms: np.ndarray, k: np.ndarray, distance: np.ndarray) -> Terms:
    rows = np.flatnonzero(k > 0)
    return Terms(terms[rows], rows, tied=int((distance[rows] == 0).sum()))


def _frequency(classes: Int[np.ndarray, " n"] | None, n: int) -> tuple[np.ndarray, int]:
    """Share of the rows that are of each row's class, and the number of classes."""
    if classes is None:
        return np.ones(n), 1
    _, which, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return counts[which] / n, len(counts)


Formula = Callable[[Sequence[Part], int, int], Terms]


def _of_map(method: str, sums: Sums, counting: Formula) -> Formula:
    """A sum of entropies by way of a map, for parts that are continuous: see `by_map`."""

    def formula(parts: Sequence[Part], k: int, exclude: int = 0) -> Terms:
        if exclude or any(p.classes is not None or p.period is not None for p in parts):
            raise ValueError(
                f"`method={method!r}` is for continuous columns without a period, and without "
                '`exclude`. Use method="auto", which takes all kinds of columns.'
            )
        found = by_map(
            [part.values for part in parts],
            sums(len(parts)),
            k,
            "auto" if method == CHOOSING else method,
            lambda rows: counting([part.take(rows) for part in parts], k, 0).values,
        )
        return Terms(found.terms, np.arange(len(found.terms)), map=found.method)

    return formula


def _with_maps(counting: Mapping[str, Formula], sums: Sums) -> dict[str, Formula]:
    maps = [CHOOSING, *(name for name in MAPPED if name != "auto")]
    return dict(counting) | {name: _of_map(name, sums, counting["ksg1"]) for name in maps}


CHOOSING = "map"  # chooses among the maps; "auto" goes by the kinds of columns
PAIRS = _with_maps(
    {"ksg1": ksg1, "ksg2": ksg2, "gao": gao, "ross": ksg1, "plugin": plugin}, pair_sums
)
CONDITIONAL = _with_maps(
    {"ksg1": frenzel_pompe, "gao": mesner_shalizi, "plugin": plugin_conditional}, conditional_sums
)
MANY = _with_maps({"ksg1": ksg1, "gao": gao, "plugin": plugin}, pair_sums)
