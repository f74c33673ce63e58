"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of zlib's levels: pictures are a tenth larger than by the default, 6, and take half the time.
LEVEL = 3


def save(
    figure: Figure,
    file: Path | IO[Any],
    *,
    format: str = "png",
    dpi: int = 100,
    **options: Any,
) -> None:
    """Write a figure as its `savefig` does, pixel for pixel, but sooner.

    `savefig` first draws the whole figure unseen, so that its parts are placed; here they are only
    placed.

    Args:
        figure: It may have a layout engine, which it has no more afterwards.
        file: Where to.
        format: `png`, or `svg`.
        dpi: Pixels an inch.
        options: More that `savefig` takes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # Letters are measured by who draws them.
    {"png": FigureCanvasAgg, "svg": FigureCanvasSVG}[format](figure)
    figure.set_dpi(72 if format == "svg" else dpi)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    if format == "png":
        options = {"pil_kwargs": {"compress_level": LEVEL}} | options
    figure.savefig(file, format=format, dpi=dpi, **options)
