"""What a finished run of arrays shows first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from torch import Tensor

from entropae.drawing.pictures import lines, pixels_of, save_lines
from entropae.kinds.samples import Samples
from entropae.nn import points_of
from entropae.prior import TITLES

SHOWN = 8


def illustrate(model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
    """Held-out samples, their reconstructions and samples of each prior, as lines."""
    x = held_out.drawn(SHOWN, seed=seed)
    panels = {"held-out": x, "their reconstructions": model.reconstruct(x)}
    for name in model.priors:
        drawn = model.draw(SHOWN, seed=seed, prior=name)
        panels[f"samples from {TITLES.get(name, name)}"] = drawn
    rows = {title: points_of(model.decoder, x.cpu()).numpy() for title, x in panels.items()}
    save_lines(rows, folder / "overview.png", panels=True)
    return [folder / "overview.png"]


def picture(
    x: Shaped[Tensor, "n ..."], again: Shaped[Tensor, "n ..."] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """Some samples as lines, beside their reconstructions if these are given."""
    groups = {"samples": x} if again is None else {"samples": x, "reconstructions": again}
    rows = {name: some[:SHOWN].cpu().flatten(1).numpy() for name, some in groups.items()}
    return pixels_of(lines(rows, panels=True))
