"""Charts as SVG inside the page, in the page's colours, light or dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from entropae.drawing.palette import shades
from entropae.drawing.saved import save

# Colours that no chart else has stand for the page's own, which change with the reader's scheme.
INK, SOFT, LINE, ACCENT, OTHER = "#010101", "#010102", "#010103", "#010104", "#010105"
NAMES = {INK: "ink", SOFT: "soft", LINE: "line", ACCENT: "accent", OTHER: "other"}
POSITIVE, NEGATIVE = (58, 124, 240), (214, 96, 16)  # read on white and on black
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters stay letters: small, sharp, and found by a search
    "svg.hashsalt": "entropae",  # the same chart is the same text
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.5,
    "text.parse_math": False,
    "figure.facecolor": "none",
}
STYLES = ((ACCENT, "-"), (OTHER, "--"), (INK, ":"), (SOFT, "-."))
# More points than a chart is wide in pixels cannot be seen.
POINTS = 400


def legend(axes: Axes) -> Legend:
    """Name what is drawn, above it: within, it would hide lines, and seeking room takes long."""
    return axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)


class Chart:
    """A chart that is being drawn.

    Attributes:
        axes: Where to draw.
        alt: What it shows, for who does not see it.
        markup: Its SVG, once drawn.
    """

    def __init__(self, axes: Axes, alt: str) -> None:
        self.axes = axes
        self.alt = alt
        self.markup = Markup()


@contextmanager
def any_letters() -> Iterator[None]:
    """Draw names in any script without warnings of letters that matplotlib's font has not.

    In a page they are drawn by the browser, which has more fonts; in a file of pixels as boxes.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


@contextmanager
def chart(
    name: str, alt: str, *, size: tuple[float, float] = (4.4, 2.7), equal: bool = False
) -> Iterator[Chart]:
    """Draw on the axes of what this gives; its `markup` is there when the block ends.

    Args:
        name: Of this chart alone, on the page.
        alt: What it shows, for who does not see it.
        size: Width and height in inches, of 72 of the page's pixels.
        equal: As long is as far on both axes.
    """
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        if equal:
            axes.set_aspect("equal", adjustable="datalim")
        drawn = Chart(axes, alt)
        yield drawn
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        with any_letters():
            save(figure, buffer, format="svg", metadata=nothing)
    drawn.markup = _inline(buffer.getvalue(), name, drawn.alt)


def _inline(svg: str, name: str, alt: str) -> Markup:
    """An SVG file's text as an element of a page."""
    head, body = re.split(r"(?<=>)", svg[svg.index("<svg") :], maxsplit=1)
    box = re.search(r'viewBox="([\d. ]+)"', head)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, variable in NAMES.items():
        body = body.replace(colour, f"var(--{variable})")
    label = escape(alt)
    return Markup(
        f'<svg class="chart" role="img" aria-label="{label}" viewBox="{box and box[1]}">{body}'
    )


def lines(
    name: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    alt: str,
    x: str,
    y: str = "",
    log: bool = False,
) -> Markup:
    """Curves of x and y, by their names.

    Args:
        name: Of this chart alone, on the page.
        series: Of each curve, its x and its y.
        alt: What it shows.
        x: What is along the axis.
        y: What is up the axis.
        log: Whether the y-axis is logarithmic, if values are positive and of unlike size.
    """
    with chart(name, alt) as drawn:
        for (label, (xs, ys)), (colour, dashes) in zip(series.items(), STYLES, strict=False):
            shown = np.unique(np.linspace(0, len(xs) - 1, POINTS).astype(int))
            marker = "o" if len(xs) == 1 else ""
            drawn.axes.plot(
                np.asarray(xs)[shown], np.asarray(ys)[shown], dashes, color=colour,
                label=label, marker=marker,
            )  # fmt: skip
        values = [value for _, ys in series.values() for value in ys]
        if log and 0 < 4 * min(values) < max(values):
            drawn.axes.set_yscale("log")
            drawn.axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=10))
            drawn.axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            drawn.axes.yaxis.set_minor_formatter(NullFormatter())
        if all(float(value).is_integer() for xs, _ in series.values() for value in xs):
            drawn.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        drawn.axes.set_xlabel(x)
        drawn.axes.set_ylabel(y)
        if len(series) > 1:
            legend(drawn.axes)
    return drawn.markup


def histogram(
    name: str,
    values: Float[np.ndarray, " n"],
    density: tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]],
    *,
    alt: str,
    x: str,
    labels: tuple[str, str],
) -> Markup:
    """A density of values, and the distribution it is to have."""
    with chart(name, alt) as drawn:
        drawn.axes.hist(
            values, bins="auto" if len(values) < 200 else 50, density=True, color=ACCENT, alpha=0.4,
            label=labels[0],
        )  # fmt: skip
        drawn.axes.plot(*density, color=OTHER, label=labels[1])
        drawn.axes.set_xlabel(x)
        drawn.axes.set_ylabel("density")
        legend(drawn.axes)
    return drawn.markup


def densities(
    name: str,
    edges: Float[np.ndarray, " b"],
    heights: Sequence[Float[np.ndarray, " c"]],
    density: tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]],
    *,
    alt: str,
    labels: tuple[str, str],
) -> Markup:
    """Densities of many coordinates over each other, and the distribution they are to have."""
    with chart(name, alt) as drawn:
        for i, height in enumerate(heights):
            drawn.axes.stairs(
                height, edges, color=ACCENT, alpha=max(0.12, min(1.0, 4 / len(heights))),
                label=labels[0] if i == 0 else None,
            )  # fmt: skip
        drawn.axes.plot(*density, "--", color=OTHER, label=labels[1])
        drawn.axes.set_xlabel("value of the coordinate")
        drawn.axes.set_ylabel("density")
        for handle in legend(drawn.axes).legend_handles:
            if handle is not None:
                handle.set_alpha(1)
    return drawn.markup


def coloured(axes: Axes, values: Float[np.ndarray, "d d"], *, most: float) -> None:
    """Numbers around 0 as a matrix of colours: blue above, orange below, and nothing where it is 0.

    Args:
        axes: Where to draw.
        values: The numbers.
        most: Those of full colour.
    """
    pixels = np.zeros((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where(values[..., None] >= 0, POSITIVE, NEGATIVE)
    pixels[..., 3] = (255 * np.clip(np.abs(values) / most, 0, 1)).round()
    axes.imshow(pixels, interpolation="nearest")
    axes.grid(visible=False)


def matrix(name: str, values: Float[np.ndarray, "d d"], *, most: float, alt: str) -> Markup:
    """A matrix of numbers around 0, of coordinates."""
    with chart(name, alt) as drawn:
        coloured(drawn.axes, values, most=most)
        for axis in (drawn.axes.xaxis, drawn.axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        drawn.axes.set_xlabel("coordinate")
        drawn.axes.set_ylabel("coordinate")
    return drawn.markup


def profiles(
    name: str,
    groups: Mapping[str, Float[np.ndarray, "n m"]],
    *,
    alt: str,
    limits: tuple[float, float] | None = None,
) -> Markup:
    """Samples that are no images as lines over the numbers of their values."""
    with chart(name, alt) as drawn:
        for (label, rows), (colour, dashes) in zip(groups.items(), STYLES, strict=False):
            shown = np.unique(np.linspace(0, rows.shape[1] - 1, POINTS).astype(int))
            marker = "o" if rows.shape[1] == 1 else ""
            for i, row in enumerate(rows):
                drawn.axes.plot(
                    shown, row[shown], dashes, color=colour, linewidth=1, marker=marker,
                    alpha=max(0.25, min(1.0, 6 / len(rows))), label=label if i == 0 else None,
                )  # fmt: skip
        drawn.axes.set_xlabel("index of the value")
        drawn.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if limits is not None:
            drawn.axes.set_ylim(limits)
        if len(groups) > 1:
            legend(drawn.axes)
    return drawn.markup


def path(name: str, rows: Float[np.ndarray, "s m"], *, alt: str) -> Markup:
    """Samples along a path, from the one end's colour to the other's."""
    with chart(name, alt, size=(4.4, 2.2)) as drawn:
        steps = np.linspace(0, 1, len(rows))
        for t, row in zip(steps, rows, strict=True):
            colour = ACCENT if t < 0.5 else OTHER
            label = {0.0: "from", 1.0: "to"}.get(float(t))
            drawn.axes.plot(
                row, color=colour, linewidth=1, alpha=0.25 + 1.5 * abs(t - 0.5), label=label
            )
        drawn.axes.set_xlabel("index of the value")
        drawn.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        legend(drawn.axes)
    return drawn.markup


def scatter(
    name: str,
    points: Float[np.ndarray, "n 2"],
    *,
    alt: str,
    labels: Sequence[str] | None = None,
) -> Markup:
    """Points of a map, whose axes mean nothing by themselves, in the colours of their classes."""
    colours = shades(labels)
    with chart(name, alt, size=(4.4, 4.0), equal=True) as drawn:
        style: dict[str, Any] = {"s": 8, "alpha": 0.6, "linewidths": 0}
        if not colours:
            drawn.axes.scatter(*points.T, color=ACCENT, **style)
        for label, colour in colours.items():
            own = points[np.asarray(labels) == label]
            drawn.axes.scatter(*own.T, color=colour, label=label, **style)
        if colours:
            legend(drawn.axes)
        drawn.axes.set_xticks([])
        drawn.axes.set_yticks([])
    return drawn.markup
