"""Rows of a decoder made definite, and settled: each cell by what the others of its row are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from entropae.kinds.tables.column import Column
from entropae.kinds.tables.conditionals import Cells, Conditionals, Keeps
from entropae.kinds.tables.decoding import chosen
from entropae.kinds.tables.ranks import nearest, quantiles

SWEEPS = 2
EDGE = 1e-7  # the lowest rank

Streams = Sequence[np.random.Generator]  # one for each column


def cells_of(
    columns: Sequence[Column], x: Float[np.ndarray, "n w"], random: Streams | None = None
) -> Cells:
    """Vectors as cells: scores, and the places of states, the most probable ones or drawn ones."""
    made, start = [], 0
    for i, column in enumerate(columns):
        u = None if random is None else random[i].random((len(x), len(column.groups)))
        for j, group in enumerate(column.groups):
            part = x[:, start : start + max(1, group)]
            made.append(chosen(part, None if u is None else u[:, j]) if group else part[:, 0])
            start += max(1, group)
    return np.stack(made, 1).astype(np.float64)


def vectors_of(columns: Sequence[Column], cells: Cells) -> Float[np.ndarray, "n w"]:
    """Cells as vectors."""
    groups = [group for column in columns for group in column.groups]
    parts = [
        np.eye(group)[cells[:, i].astype(np.int64)] if group else cells[:, i : i + 1]
        for i, group in enumerate(groups)
    ]
    return np.concatenate(parts, 1)


def streams(seed: np.random.SeedSequence, columns: int) -> list[list[np.random.Generator]]:
    """What `settled` takes: of its own for each column and pass, so that rows can come in parts."""
    made = [np.random.default_rng(one) for one in seed.spawn((SWEEPS + 2) * columns)]
    return [made[i : i + columns] for i in range(0, len(made), columns)]


def settled(
    columns: Sequence[Column],
    conditionals: Conditionals | None,
    x: Float[np.ndarray, "n w"],
    random: Sequence[Streams],
    *,
    keeps: Keeps | None = None,
) -> Float[np.ndarray, "n w"]:
    """Drawn vectors after passes in which each column is drawn anew, given the others.

    A decoder draws the columns as if they were independent once the code is known. Passes of Gibbs
    sampling give back what they have to do with each other beyond it.

    Args:
        columns: What the vectors are of.
        conditionals: Each column given the others; `None` for no passes.
        x: What a decoder returned, its numbers with their noise.
        random: What `streams` gave.
        keeps: Rules that a column is drawn by too.
    """
    states, *sweeps, ranks = random
    cells = cells_of(columns, x, states)
    if conditionals is None:
        return vectors_of(columns, cells)
    places = np.cumsum([0, *(len(column.groups) for column in columns)])
    scores = [(i, at) for i, at in enumerate(places[:-1]) if columns[i].levels is None]
    for i, at in scores:
        cells[:, at] = snapped(columns[i], cells[:, at])
    for own in sweeps:
        cells = conditionals.redrawn(cells, own, keeps=keeps)
    for i, at in scores:
        cells[:, at] = spread(columns[i], cells[:, at], ranks[i].random(len(cells)))
    return vectors_of(columns, cells)


def snapped(column: Column, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Scores as they are of the values that they stand for."""
    low, high = interval(column, scores)
    return ndtri(np.clip((low + high) / 2, EDGE, 1 - EDGE))


def spread(
    column: Column, scores: Float[np.ndarray, " n"], u: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Scores anywhere in the ranks of their values, so that new values come between those seen."""
    low, high = interval(column, scores)
    return ndtri(np.clip(low + (high - low) * u, EDGE, 1 - EDGE))


def interval(column: Column, scores: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """The ranks of the values that scores stand for, from and to."""
    if column.labels is not None:
        edges = np.concatenate([[0], np.cumsum(column.knots)])
        place = np.searchsorted(edges[1:-1], ndtr(scores), side="right")
        return edges[place], edges[place + 1]
    scale = column.scale
    sites, knots, n = quantiles(scale.knots, scores), scale.knots, len(scale.knots)
    if scale.sites is not None:
        sites = nearest(scale.sites, sites)
    elif scale.grid is not None:
        sites = np.rint(sites)
    ranks = (np.arange(n) + 0.5) / n
    below = np.interp(sites, knots, ranks)
    above = 1 - np.interp(-sites, -knots[::-1], ranks)
    return np.minimum(below, above) - 0.5 / n, np.maximum(below, above) + 0.5 / n
