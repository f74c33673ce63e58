"""The log of a training."""

from __future__ import annotations

Row = dict[str, int | float]


class Log(list[Row]):
    """A row an epoch, with the parts of the loss by name; a notebook shows it as curves."""

    def _repr_html_(self) -> str:
        from entropae.notebook import image, table

        if not any("/" in name for row in self for name in row):
            return "<p>No epoch has been logged.</p>"
        last = [f"{name}: {value:.4g}" for name, value in self[-1].items()]
        if len(self) == 1:
            return table([last])
        from entropae.drawing.pictures import as_png, curves, pixels_of

        return image(as_png(pixels_of(curves(self))), f"Curves of a training. {', '.join(last)}")
