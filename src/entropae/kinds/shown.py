"""Samples as a notebook shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxtyping import Shaped
from torch import Tensor

from entropae.notebook import Shown, image, shown, table

if TYPE_CHECKING:
    from entropae.kinds.base import Kind


def show(
    kind: Kind,
    x: Shaped[Tensor, "n ..."],
    again: Shaped[Tensor, "n ..."] | None = None,
    *,
    drawn: bool = False,
    seed: int | None = None,
) -> Shown:
    """Samples as thumbnails or lines, with any reconstructions below or beside; or as words.

    Args:
        kind: Of the samples.
        x: The samples.
        again: Their reconstructions.
        drawn: Whether these are new samples, see `Kind.present`.
        seed: See `Kind.present`.
    """
    line = f"{len(x)} {kind.things} of {kind.describe_size()}".replace("\u00a0", " ")
    line += "" if again is None else " and their reconstructions"
    pixels = kind.picture(x, again) if len(x) else None
    if pixels is not None:
        from entropae.drawing.pictures import as_png

        return Shown(image(as_png(pixels), line), line)
    parts = [kind.present(x, drawn=drawn, seed=seed)]
    parts += [] if again is None else [kind.reconstructed(again)]
    return Shown("".join(map(_words, parts)), line)


def _words(presented: Any) -> str:
    """A frame as its library shows it; sentences a row each."""
    if hasattr(presented, "_repr_html_"):
        return presented._repr_html_()
    if isinstance(presented, list):
        return table([[str(one)] for one in presented])
    return f"<pre>{shown(presented)}</pre>"
