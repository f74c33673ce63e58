"""How models are measured, and what the figures are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """A figure of an evaluation, in words.

    Attributes:
        title: Its name.
        better: Which values are good.
        unit: What it is in.
        said: What it is, in a sentence.
    """

    title: str
    better: Literal["lower", "higher", "near 0", "near 0.5", "near 1", ""] = "lower"
    unit: str = ""
    said: str = ""


def directions(measures: Mapping[str, Measure]) -> str:
    """In which direction each measure is good, in a sentence or two.

    Examples:
        >>> directions({"a": Measure("distance"), "b": Measure("recall", "higher")})
        'Lower is better for distance; higher is better for recall.'
    """
    ways: dict[str, list[str]] = {}
    for measure in measures.values():
        if measure.better:
            ways.setdefault(measure.better, []).append(measure.title)
    said = "; ".join(f"{way} is better for {', '.join(titles)}" for way, titles in ways.items())
    text = f"{said[:1].upper()}{said[1:]}."
    if any(measure.title.startswith("distance to training") for measure in measures.values()):
        text += " Distances to training data are relative to those of held-out samples: well below "
        text += "1 means copies."
    return text


@dataclass(frozen=True)
class Evaluating:
    """How a model is to be measured.

    Attributes:
        features: What `features.find` takes, of samples that have features.
        n: At most so many held-out samples, and as many drawn ones.
        seed: Of the drawn samples.
        progress: Show a bar.
        target: A column of a table that is predicted from the others.
        out: A folder for pictures of a table's columns, drawn beside real.
    """

    features: str = "values"
    n: int = 10_000
    seed: int = 0
    progress: bool = True
    target: str | None = None
    out: Path | None = None
