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


# Of samples from held-out ones, in whatever features.
DISTANCES = {
    "frechet": Measure("Fréchet distance"),
    "kernel": Measure("kernel distance"),
    "precision": Measure("precision", "higher"),
    "recall": Measure("recall", "higher"),
    "density": Measure("density", "higher"),
    "coverage": Measure("coverage", "higher"),
    "nearest": Measure("distance to training data", "near 1"),
}
# What distances between the values themselves are called, and what to think of them.
VALUES = {"pixels": "by pixels", "values": "by values"}
BLUR = (
    "By pixels a blurred image is near to every image: these figures say little of how samples "
    'look. For those that do, features of a network: pip install "entropae[features]", and '
    "entropae evaluate again."
)


def titled(measure: Measure, features: str | None) -> str:
    """What a figure is called, by the values themselves or by features of a network.

    Examples:
        >>> titled(Measure("precision", "higher"), "pixels")
        'precision by pixels (higher is better)'
    """
    by = f" {VALUES[features]}" if features in VALUES else ""
    return f"{measure.title}{by}{better(measure.better)}"


def better(way: str) -> str:
    """In which direction a figure is good, in brackets; nothing if in none.

    Examples:
        >>> better("lower")
        ' (lower is better)'
    """
    return f" ({way} is better)" if way else ""


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
