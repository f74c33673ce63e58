"""Neighbours within classes and apart in time, and counts of them in the parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from entropae.information.counting import (
    Counts,
    Radius,
    count,
    differences,
    edge,
    last_distance,
    nearest_points,
    rounding,
)
from entropae.information.parts import Part, joint_classes


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What is known of each row's k-th nearest row of all parts together.

    Attributes:
        k: Which neighbour that is, shape `(n,)`: less than was asked for where a class, or what is
            apart in time, has no more rows; 0 where there is none.
        distance: Joint distance to it, shape `(n,)`.
        inside: The same less its rounding; −1 where it is 0, as nothing is nearer.
        edges: Largest distance to the neighbours up to it, in each part alone.
        others: Rows that may be neighbours at all, shape `(n,)`.
    """

    k: Counts
    distance: Radius
    inside: Radius
    edges: list[Radius]
    others: Counts


def search(parts: Sequence[Part], k: int, exclude: int = 0) -> Neighbours:
    """Each row's k-th nearest other row of all parts together.

    Args:
        parts: The parts.
        k: Which neighbour.
        exclude: Rows no farther than this in time are no neighbours (Theiler's window).
    """
    n = len(parts[0])
    found = Neighbours(
        np.zeros(n, np.int64),
        np.zeros(n),
        np.full(n, -1.0),
        [np.zeros(n) for _ in parts],
        others(n, exclude),
    )
    for rows in groups(joint_classes([part.classes for part in parts]), n):
        if len(rows) > 1:
            _search_in(parts, rows, k, exclude, found)
    return found


def _search_in(
    parts: Sequence[Part], rows: Int[np.ndarray, " m"], k: int, exclude: int, into: Neighbours
) -> None:
    """The neighbours of the rows of one class, among themselves."""
    whole = len(rows) == len(into.k)
    some = list(parts) if whole else [part.take(rows) for part in parts]
    points = np.hstack([part.values for part in some])
    period = _joint_period(some)
    most = min(k + 2 * exclude, len(rows) - 1)
    # So many at a time that the table of neighbours stays small.
    index = nearest_points(points, most, period)
    there = np.full(len(rows), min(k, most))
    if exclude:
        index, there = _apart(index, rows, k, exclude)
    kept = there > 0
    into.k[rows] = there
    measured = [(part.values, part.period) for part in some]
    distance, inside = last_distance(measured, index)
    into.distance[rows[kept]] = distance[kept]
    into.inside[rows[kept]] = inside[kept]
    for one, part in zip(into.edges, some, strict=True):
        one[rows[kept]] = edge(part.values, index, part.period)[kept]


def _apart(
    index: Int[np.ndarray, "m j"], rows: Int[np.ndarray, " m"], k: int, exclude: int
) -> tuple[Int[np.ndarray, "m k"], Counts]:
    """The first k of the neighbours that are far enough in time, the last repeated if too few."""
    allowed = np.abs(rows[index] - rows[:, None]) > exclude
    first = np.argsort(~allowed, axis=1, kind="stable")[:, :k]
    there = np.minimum(allowed.sum(1), k)
    place = np.minimum(np.arange(first.shape[1]), np.maximum(there - 1, 0)[:, None])
    return np.take_along_axis(index, np.take_along_axis(first, place, 1), 1), there


def _joint_period(parts: Sequence[Part]) -> Float[np.ndarray, " d"] | None:
    if all(part.period is None for part in parts):
        return None
    return np.concatenate(
        [np.zeros(p.values.shape[1]) if p.period is None else p.period for p in parts]
    )


def groups(classes: Int[np.ndarray, " n"] | None, n: int) -> Iterator[Int[np.ndarray, " m"]]:
    """The rows of each class; all rows if there are none."""
    if classes is None:
        yield np.arange(n)
        return
    order = np.argsort(classes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(classes[order])) + 1)


def others(n: int, exclude: int) -> Counts:
    """How many rows each one may have for neighbours."""
    i = np.arange(n)
    near = np.minimum(i, exclude) + np.minimum(n - 1 - i, exclude)
    return n - 1 - near


def count_within(part: Part, inside: Radius, exclude: int = 0) -> Counts:
    """Other rows nearer than a distance in one part, of which `inside` is less its rounding."""
    return _count(part, inside - rounding(part.values, inside, part.period), exclude)


def count_up_to(part: Part, radius: Radius, exclude: int = 0) -> Counts:
    """Other rows no farther than `radius` in one part, but for rounding."""
    return _count(part, radius + 2 * rounding(part.values, radius, part.period), exclude)


def _count(part: Part, radius: Radius, exclude: int) -> Counts:
    found = np.zeros(len(part), np.int64)
    for rows in groups(part.classes, len(part)):
        if len(rows) > 1:
            values = part.values if len(rows) == len(part) else part.values[rows]
            found[rows] = count(values, radius[rows], part.period)
    if exclude:
        found -= _near_in_time(part, radius, exclude)
    return found


def _near_in_time(part: Part, radius: Radius, exclude: int) -> Counts:
    """Of the rows counted, those that are too near in time to be."""
    n = len(part)
    found = np.zeros(n, np.int64)
    values = part.values.astype(np.float64)
    for step in range(1, min(exclude, n - 1) + 1):
        apart = np.zeros(n - step)
        if values.shape[1]:
            apart = differences(values[step:], values[:-step], part.period).max(1)
        if part.classes is not None:
            apart = np.where(part.classes[step:] == part.classes[:-step], apart, np.inf)
        found[step:] += apart <= radius[step:]
        found[:-step] += apart <= radius[:-step]
    return found
