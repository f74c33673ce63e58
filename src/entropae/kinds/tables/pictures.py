"""Columns drawn beside real ones, and how they go together, as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from entropae.drawing.charts import any_letters
from entropae.drawing.saved import save
from entropae.kinds.tables.comparison.columns import DRAWN, TEST, Shared
from entropae.kinds.tables.comparison.quality import associations, marginal
from entropae.messages import printable
from entropae.storage.atomic import replacing

BARS = 8
LETTERS = 18  # of a name in a picture
KEPT = 5  # held-out rows that a category must have to be named: of fewer it might name a person
REAL_COLOUR, DRAWN_COLOUR = "#3a7cf0", "#d66010"
MOST_NAMED = 30  # columns beside a matrix
DATED = 200_000  # days from 1970 within which dates are written on an axis


def short(name: str) -> str:
    """A name that has room in a picture."""
    name = printable(name)
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"


def difference(column: Shared) -> str:
    """How far a column is drawn from how it is held out, in words."""
    far = marginal(column)
    if math.isnan(far):
        return "no distance: it has no spread"
    return f"{far:.2f} standard deviations" if column.is_number else f"total variation {far:.2f}"


def draw_marginal(axes: Any, column: Shared, colours: tuple[str, str]) -> None:
    """A column held out and drawn: densities of numbers, shares of categories."""
    if column.is_number:
        _histograms(axes, column, colours)
    else:
        _bars(axes, column, colours)


def _histograms(axes: Any, column: Shared, colours: tuple[str, str]) -> None:
    # Dates in days since 1970, as Matplotlib has them; times and spans in hours.
    unit = column.per_day / (1 if column.dated else 24) or 1
    here, there = (column.values[i][~np.isnan(column.values[i])] / unit for i in (TEST, DRAWN))
    if not len(here) or not len(there):
        axes.text(0.5, 0.5, "only missing values", ha="center", transform=axes.transAxes)
        return
    years = column.dated and bool(np.abs(here).max() > DATED)
    if years:  # such as 9999-12-31, of which Matplotlib has no dates
        here, there = (1970 + values / 365.2425 for values in (here, there))
    low, high = np.quantile(here, (0.005, 0.995))
    margin = 0.05 * (high - low) or 1.0
    bins = int(np.clip(np.sqrt(len(here)), 5, 24))
    edges = np.linspace(low - margin, high + margin, bins + 1)
    for values, colour, label in zip((here, there), colours, ("held-out", "drawn"), strict=True):
        inside = np.clip(values, edges[0], edges[-1])  # what is farther is in the outermost bins
        heights = np.histogram(inside, edges)[0] / len(values)
        axes.stairs(heights, edges, color=colour, label=label, linewidth=1.5)
    axes.set_ylabel("share of values")
    if years:
        axes.set_xlabel("year")
    elif column.dated:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=3, maxticks=7)  # six have no step for 31 months
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif column.per_day:
        axes.set_xlabel("hours")


def _bars(axes: Any, column: Shared, colours: tuple[str, str]) -> None:
    here, there = column.shares(TEST), column.shares(DRAWN)
    n = len(column.values[TEST])
    order = [i for i in np.argsort(-here, kind="stable") if here[i] * n >= KEPT][:BARS]
    names = list(column.levels or [])
    levels = [short(names[i]) or "missing" for i in order]
    shares = [list(one[order]) for one in (here, there)]
    if len(order) < np.count_nonzero(here + there):
        levels.append("others")
        shares = [[*one, 1 - sum(one)] for one in shares]
    places = np.arange(len(levels))
    for i, (heights, colour, label) in enumerate(
        zip(shares, colours, ("held-out", "drawn"), strict=True)
    ):
        axes.bar(places + 0.4 * (i - 0.5), heights, 0.38, color=colour, label=label)
    axes.set_xticks(places, levels, rotation=30 if len("".join(levels)) > 30 else 0)
    axes.set_ylabel("share of rows")


def matrices(columns: Sequence[Shared]) -> dict[str, Float[np.ndarray, "c c"]]:
    """How columns go together held out and drawn, and the difference."""
    real, drawn = (associations(columns, i) for i in (TEST, DRAWN))
    return {"held-out": real, "drawn": drawn, "drawn less held-out": drawn - real}


def name_axes(axes: Any, columns: Sequence[Shared]) -> None:
    """Columns' names beside a matrix, or their numbers if there is no room for them."""
    if len(columns) <= MOST_NAMED:
        names = [short(column.name) for column in columns]
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
    else:
        axes.set_xlabel("number of the column, from 0")
    axes.grid(visible=False)


def write_pictures(columns: Sequence[Shared], out: Path, name: str) -> None:
    """Write `marginals-NAME.png` and `associations-NAME.png` into a folder.

    Args:
        columns: Of training, held-out and drawn rows.
        out: The folder, which is made.
        name: Of what drew the rows.
    """
    out.mkdir(parents=True, exist_ok=True)
    for what, figure in (("marginals", _marginals(columns)), ("associations", _matrices(columns))):
        with replacing(out / f"{what}-{name}.png") as path, any_letters():
            save(figure, path)


def _marginals(columns: Sequence[Shared]) -> Any:
    from matplotlib.figure import Figure

    wide = min(4, len(columns))
    high = math.ceil(len(columns) / wide)
    figure = Figure(figsize=(3.6 * wide, 2.6 * high), layout="constrained")
    axes = np.ravel(figure.subplots(high, wide, squeeze=False))
    for one, column in zip(axes, columns, strict=False):
        draw_marginal(one, column, (REAL_COLOUR, DRAWN_COLOUR))
        one.set_title(f"{short(column.name)}: {difference(column)}", fontsize=9, parse_math=False)
        one.tick_params(labelsize=7)
    for one in axes[len(columns) :]:
        one.set_axis_off()
    axes[0].legend(fontsize=8, frameon=False)
    return figure


def _matrices(columns: Sequence[Shared]) -> Any:
    from matplotlib.figure import Figure

    side = float(np.clip(0.3 * len(columns), 3.5, 9))
    figure = Figure(figsize=(3 * side + 1, side + 1), layout="constrained")
    picture: Any = None
    for axes, (title, values) in zip(figure.subplots(1, 3), matrices(columns).items(), strict=True):
        picture = axes.imshow(values, cmap="PuOr_r", vmin=-1, vmax=1)
        axes.set_title(title)
        name_axes(axes, columns)
        axes.tick_params(labelsize=8)
    figure.colorbar(picture, ax=figure.axes, shrink=0.8, label="correlation or its like")
    return figure
