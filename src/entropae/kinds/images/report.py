"""Sections of a report about images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.drawing import sheets
from entropae.drawing.blocks import Block, Heading, Pair, Pairs, Picture, Pictures
from entropae.drawing.palette import shades
from entropae.kinds.values import report as values
from entropae.kinds.values.errors import squared_errors

TYPICAL, WORST = 24, 8


def samples(run: Any) -> list[Block]:
    """Samples of each prior, beside real ones."""
    unit = run.train.kind.unit
    pictures = [
        Picture(
            sheets.sheet(unit(x), f"{title}: a sheet of {len(x)}, {_brightness(unit(x))}"), title
        )
        for title, x in values.titled_samples(run).items()
    ]
    return [Pictures(pictures)]


def reconstructions(run: Any) -> list[Block]:
    """Held-out images and what comes out, at random and the worst."""
    unit = run.train.kind.unit
    x = run.held_out.spread(values.COMPARED)
    again = run.model.reconstruct(x).cpu()
    errors = squared_errors(x, again)
    pictures = [
        _pairs(unit(x[rows]), unit(again[rows]), title, float(errors[rows].mean()))
        for title, rows in values.typical_and_worst(run, errors, TYPICAL, WORST).items()
    ]
    return [values.errors_in_words(run, errors), Pictures(pictures)]


def _pairs(x: Tensor, again: Tensor, title: str, error: float) -> Picture:
    rows = [row for both in zip(x.split(8), again.split(8), strict=True) for row in both]
    alt = (
        f"{title}: {len(x)} images in rows of eight, below each row its reconstructions, of mean "
        f"squared error {error:.3g} per value"
    )
    sheet = sheets.sheet(torch.cat(rows), alt, columns=min(8, len(x)))
    return Picture(sheet, f"{title}. Each row of originals has its reconstructions below it.")


def interpolations(run: Any) -> list[Block]:
    """Decoded paths between the codes of held-out images, on the sphere."""
    text, between = values.paths(run, 6, 10)
    if between is None:
        return [text]
    pairs, steps = between.shape[:2]
    between = run.train.kind.unit(between)
    apart = float((between[:, 1:] - between[:, :-1]).double().square().mean().sqrt())
    alt = (
        f"{pairs} rows of {steps} images: each begins with the reconstruction of one image and "
        f"ends with that of another; consecutive ones differ by {apart:.2g} in root mean square"
    )
    sheet = sheets.sheet(between.flatten(0, 1), alt, columns=steps)
    picture = Picture(sheet, "Each row goes from one image to another.", wide=True)
    return [text, Pictures([picture])]


def nearest(run: Any) -> list[Block]:
    """Whether samples are copies of training images."""
    unit = run.train.kind.unit

    def shown(
        title: str, said: list[tuple[str, str, str, str]], drawn: Tensor, found: Tensor
    ) -> list[Block]:
        return [Heading(title), _side_by_side(said, unit(drawn), unit(found))]

    note = (
        "Below, each sample has the training image nearest to it on its right, and their distance"
        + (", also relative to the usual one." if run.has_held_out else ".")
    )
    return values.nearest_with(run, shown, note=note)


def _side_by_side(said: list[tuple[str, str, str, str]], drawn: Tensor, found: Tensor) -> Pairs:
    """Samples and training images with their numbers and distances."""
    return Pairs(
        [
            Pair(
                sheets.sheet(x[None], f"Sample {i}"),
                sheets.sheet(y[None], f"Training image {row}, the nearest to sample {i}"),
                f"{distance} ({relative})",
            )
            for (i, row, distance, relative), x, y in zip(said, drawn, found, strict=True)
        ]
    )


def on_map(
    images: Tensor,
    places: Float[np.ndarray, "n 2"],
    caption: str,
    labels: Sequence[str] | None,
) -> Picture:
    """Each image at its place."""
    alt = f"{caption} Each image is at its place"
    picture = sheets.mapped(images, places, alt, labels=labels)
    return Picture(picture, caption, wide=True, legend=shades(labels))


def _brightness(x: Tensor) -> str:
    return f"of mean brightness {x.double().clamp(0, 1).mean():.2f}"
