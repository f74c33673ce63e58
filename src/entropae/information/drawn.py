"""Pictures of information: a matrix, a ranking, a course over lags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from entropae.information.estimate import InformationEstimate
from entropae.information.matrix import InformationMatrix, Ranking

CELL = 0.3  # inches
NUMBERED = 16  # columns of a matrix whose cells have their number written in
LONGEST = 24  # characters of a name
MOST = 60  # bars
SIGNIFICANT = 0.05
COLOUR, FAINT = "#2a6f97", "#b8c4cc"


def matrix_figure(matrix: InformationMatrix) -> Figure:
    """A heat map of all pairs; estimates below zero are of the colour of zero."""
    d = len(matrix.names)
    side = max(3.0, CELL * d * (1.7 if d <= NUMBERED else 1))
    figure = Figure(figsize=(side + 2.6, side + 1.6), layout="constrained")
    axes = figure.subplots()
    largest = np.nanmax(matrix.values, initial=0.0)
    image = axes.imshow(matrix.values, "YlGnBu", vmin=0, vmax=largest or 1, aspect="equal")
    axes.set_facecolor("#e8e8e8")  # where there is no estimate, and on the diagonal
    names = [_short(name) for name in matrix.names]
    size = 9 if d <= 40 else max(3, 360 / d)
    axes.set_xticks(range(d), names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(range(d), names, fontsize=size, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(d + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(d + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    if d <= NUMBERED:
        for (i, j), value in np.ndenumerate(matrix.values):
            if np.isfinite(value):
                ink = "white" if value > 0.6 * largest else "#333333"
                axes.text(
                    j,
                    i,
                    f"{value:.2f}".replace("-0.00", "0.00"),
                    ha="center",
                    va="center",
                    color=ink,
                    fontsize=7,
                )
    bar = figure.colorbar(image, shrink=0.6, pad=0.02)
    bar.set_label(f"mutual information, {matrix.unit}")
    return figure


def ranking_figure(ranking: Ranking) -> Figure:
    """Bars with standard errors, the largest on top; those that may well be 0 are faint."""
    kept = np.isfinite(ranking.values)[:MOST]
    names = [_short(name) for name, keep in zip(ranking.names, kept, strict=False) if keep]
    values, errors, p = (
        part[:MOST][kept] for part in (ranking.values, ranking.standard_errors, ranking.p_values)
    )
    figure = Figure(figsize=(6.5, 1.1 + 0.27 * max(3, len(names))), layout="constrained")
    axes = figure.subplots()
    colours = [FAINT if one >= SIGNIFICANT else COLOUR for one in p]
    where = np.arange(len(names))
    axes.barh(where, values, xerr=errors, color=colours, ecolor="#555555", capsize=2)
    axes.set_yticks(where, names, parse_math=False)
    axes.invert_yaxis()
    tested = np.isfinite(p).any()
    title = f"what columns say of {_short(ranking.target)}"
    _finish(axes, f"{title} (faint: p ≥ {SIGNIFICANT})" if tested else title, "x")
    axes.axvline(0, color="#888888", linewidth=0.6)
    axes.set_xlabel(f"mutual information ± standard error, {ranking.unit}")
    return figure


def lags_figure(lags: Sequence[int], found: Sequence[InformationEstimate], what: str) -> Figure:
    """Information over lags, with standard errors."""
    figure = Figure(figsize=(6.5, 3.4), layout="constrained")
    axes = figure.subplots()
    values, errors = [one.value for one in found], [one.standard_error for one in found]
    axes.errorbar(lags, values, errors, fmt="o-", color=COLOUR, ecolor=FAINT, capsize=2, ms=3)
    _finish(axes, "", "y")
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.set_xlabel(what, parse_math=False)
    axes.set_ylabel(f"mutual information, {found[0].unit}")
    return figure


def _finish(axes: Axes, title: str, lines: Literal["x", "y"]) -> None:
    axes.set_title(title, fontsize=10, loc="left", parse_math=False)
    axes.grid(axis=lines, alpha=0.3)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
