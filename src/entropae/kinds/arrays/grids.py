"""Arrays of several channels over a plane, as pictures: the channels of a sample side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.drawing import sheets
from entropae.drawing.blocks import Block, Picture, Pictures, Text
from entropae.drawing.pictures import save_panels
from entropae.kinds.samples import Samples
from entropae.kinds.values.errors import squared_errors
from entropae.kinds.values.report import (
    COMPARED,
    errors_in_words,
    paths,
    titled_samples,
    typical_and_worst,
    units_in_words,
)
from entropae.nn import mixed_units
from entropae.prior import TITLES

SHEET, FEW, PATHS, STEPS = 16, 8, 3, 8
COLUMNS = 2
GAP = 1  # pixels between channels


class Limits(NamedTuple):
    """The values of each channel that are drawn black and white, of one unit all the same."""

    low: Float[Tensor, "c 1 1"]
    high: Float[Tensor, "c 1 1"]

    @property
    def said(self) -> str:
        """In words."""
        if len(self.low) > 1:
            return "each in grey from its smallest value (black) to its largest (white)"
        low, high = (float(end) for end in self)
        return f"in grey from {low:.3g} (black) to {high:.3g} (white)"


def side_by_side(x: Float[Tensor, "n c h w"], limits: Limits) -> Float[Tensor, "n 1 h m"]:
    """One grey picture for each sample, of all its channels.

    Examples:
        >>> x = torch.zeros(7, 5, 8, 8)
        >>> side_by_side(x, limits_of(x)).shape
        torch.Size([7, 1, 8, 47])
    """
    spread = limits.high - limits.low
    grey = (x - limits.low) / torch.where(spread > 0, spread, 1.0)
    spaced = nn.functional.pad(grey.clamp(0, 1), (0, GAP), value=1.0)
    joined = spaced.transpose(1, 2).flatten(2)[:, None]
    return nn.functional.pad(joined, (0, 2 * GAP), value=1.0)  # samples lie farther apart


def limits_of(x: Float[Tensor, "n c h w"], decoder: object = None) -> Limits:
    """The smallest and the largest of some real samples; of each channel, if units are mixed."""
    across = (0, 2, 3) if mixed_units(decoder) else (0, 1, 2, 3)
    low, high = (end(x, across, keepdim=True)[0] for end in (torch.amin, torch.amax))
    return Limits(low, high)


def illustrate(model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
    """Held-out samples, their reconstructions and samples of each prior."""
    x = held_out.drawn(SHEET, seed=seed)
    panels = {"held-out samples": x, "their reconstructions": model.reconstruct(x).cpu()}
    for name in model.priors:
        drawn = model.draw(SHEET, seed=seed, prior=name).cpu()
        panels[f"samples from {TITLES.get(name, name)}"] = drawn
    limits = limits_of(x, model.decoder)
    pictures = {title: side_by_side(part, limits) for title, part in panels.items()}
    save_panels(pictures, folder / "overview.png", columns=COLUMNS)
    return [folder / "overview.png"]


def samples(run: Any) -> list[Block]:
    """Samples of each prior, beside real ones."""
    limits = _limits(run)
    pictures = [
        Picture(_sheet(x, limits, f"{title}: a sheet of {len(x)}"), title)
        for title, x in titled_samples(run, SHEET).items()
    ]
    text = f"Each sample has its {run.train.shape[0]} channels side by side, {limits.said}."
    return [Text(text), *units_in_words(run), Pictures(pictures)]


def reconstructions(run: Any) -> list[Block]:
    """Held-out samples and what comes out, at random and the worst."""
    x, limits = run.held_out.spread(COMPARED), _limits(run)
    again = run.model.reconstruct(x).cpu()
    errors = squared_errors(x, again, run.model.decoder)
    pictures = []
    for title, some in typical_and_worst(run, errors, FEW, FEW).items():
        both = zip(x[some].split(COLUMNS), again[some].split(COLUMNS), strict=True)
        rows = torch.cat([row for two in both for row in two])
        alt = f"{title}, mean squared error {errors[some].mean():.3g}"
        caption = f"{title}. Each row of originals has its reconstructions below it."
        pictures.append(Picture(_sheet(rows, limits, alt), caption))
    return [errors_in_words(run, errors), Pictures(pictures)]


def interpolations(run: Any) -> list[Block]:
    """Decoded paths between the codes of held-out samples, on the sphere."""
    text, between = paths(run, PATHS, STEPS)
    if between is None:
        return [text]
    sheet = _sheet(
        between.transpose(0, 1).flatten(0, 1),
        _limits(run),
        f"{len(between)} columns of {STEPS} samples",
        columns=len(between),
    )
    caption = "Each column goes from one sample, at the top, to another."
    return [text, Pictures([Picture(sheet, caption, wide=True)])]


def _limits(run: Any) -> Limits:
    return limits_of(run.held_out.spread(COMPARED), run.model.decoder)


def _sheet(x: Tensor, limits: Limits, alt: str, *, columns: int = COLUMNS) -> Any:
    most = sheets.LARGEST * x.shape[1]
    return sheets.sheet(side_by_side(x, limits), alt, columns=columns, most=most)
