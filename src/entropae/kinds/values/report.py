"""Sections of a report about arrays of numbers, drawn as lines over the numbers of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.drawing import charts
from entropae.drawing.blocks import Block, Picture, Pictures, Table, Text
from entropae.kinds.values.errors import squared_errors
from entropae.kinds.values.nearest import flat, nearest_training
from entropae.nn import mixed_units, points_of
from entropae.prior import TITLES

SHEET = 49
# Samples in one chart: of few values each, and of many.
MANY, FEW = 24, 8
NAMED = 16  # values a sample that a table has rows for
COMPARED = 2000
SEARCHED = 256
SHOWN = 6

# Of some samples: their words, and they and their nearest training samples.
Shown = Callable[[str, list[tuple[str, str, str, str]], Tensor, Tensor], list[Block]]


def titled_samples(run: Any, number: int = SHEET) -> dict[str, Tensor]:
    """Real samples and samples of each prior, by their titles."""
    titled = {f"{run.others.capitalize()} {run.things}": run.held_out.spread(number)}
    for name in run.model.priors:
        titled[f"Samples from {TITLES.get(name, name)}"] = run.samples(number, name)
    return titled


def samples(run: Any) -> list[Block]:
    """Samples of each prior, beside real ones."""
    most = MANY if math.prod(run.train.shape) <= NAMED else FEW
    shown = {title: _drawn(run, x)[:most] for title, x in titled_samples(run).items()}
    everything = np.concatenate(list(shown.values()))
    margin = 0.05 * np.ptp(everything)
    limits = float(everything.min() - margin), float(everything.max() + margin)
    pictures = [
        Picture(
            charts.profiles(
                f"samples-{i}",
                {title: x},
                alt=f"{title}: {len(x)} lines, {_range(x)}",
                limits=limits,
            ),
            title,
        )
        for i, (title, x) in enumerate(shown.items())
    ]
    return [*units_in_words(run), Pictures(pictures), *_moments(run)]


def _drawn(run: Any, x: Tensor) -> Float[np.ndarray, "n m"]:
    """Samples as lines to draw."""
    return points_of(run.model.decoder, x.cpu()).double().numpy()


def units_in_words(run: Any) -> list[Block]:
    """That errors are of values in units of their own, if they are."""
    said = (
        "The values are in mixed units: each is drawn in its own, and errors are in its standard "
        "deviations."
    )
    return [Text(said)] if mixed_units(run.model.decoder) else []


def _moments(run: Any) -> list[Block]:
    """Mean and standard deviation of each value, where there are few."""
    size = math.prod(run.train.shape)
    if size > NAMED:
        return []
    columns = {f"real, {run.others}": flat(run.held_out.spread(COMPARED))}
    for name in run.model.priors:
        columns[f"from {TITLES.get(name, name)}"] = flat(run.samples(COMPARED, name))
    rows = [
        [str(i), *(f"{x[:, i].mean():.3g} ± {x[:, i].std():.3g}" for x in columns.values())]
        for i in range(size)
    ]
    caption = "Mean ± standard deviation of each value."
    return [Table(caption, ["value", *columns], rows)]


def errors_in_words(run: Any, errors: Float[Tensor, " n"]) -> Text:
    """The median and the largest error."""
    return Text(
        f"The squared error per value of {len(errors):,} {run.others} {run.things} has the median "
        f"{errors.median():.3g}; the largest is {errors.max():.3g}."
    )


def typical_and_worst(
    run: Any, errors: Float[Tensor, " n"], typical: int, worst: int
) -> dict[str, Int[Tensor, " m"]]:
    """Rows at even distances and those of the largest errors, by their titles."""
    n = len(errors)
    largest = errors.argsort(descending=True)[:worst]
    return {
        f"{run.others.capitalize()} {run.things}": torch.linspace(0, n - 1, min(typical, n)).long(),
        f"The {len(largest)} reconstructed worst": largest,
    }


def reconstructions(run: Any) -> list[Block]:
    """Held-out samples and what comes out, at random and the worst."""
    x = run.held_out.spread(COMPARED)
    again = run.model.reconstruct(x).cpu()
    errors = squared_errors(x, again, run.model.decoder)
    parts = typical_and_worst(run, errors, FEW // 2, FEW // 2)
    pictures = [
        Picture(
            charts.profiles(
                f"reconstructions-{i}",
                {"original": _drawn(run, x[rows]), "reconstruction": _drawn(run, again[rows])},
                alt=f"{title}: {len(rows)} originals and their reconstructions as lines, mean "
                f"squared error {errors[rows].mean():.3g}",
            ),
            title,
        )
        for i, (title, rows) in enumerate(parts.items())
    ]
    return [errors_in_words(run, errors), Pictures(pictures), *_errors(flat(x), flat(again))]


def _errors(x: Float[np.ndarray, "n m"], again: Float[np.ndarray, "n m"]) -> list[Block]:
    """How well each value is reconstructed, where there are few."""
    if x.shape[1] > NAMED:
        return []
    spreads = x.std(0)
    roots = np.sqrt(np.square(again - x).mean(0))
    rows = [
        [str(i), f"{spread:.3g}", f"{root:.3g}", f"{100 * (root / max(spread, 1e-300)) ** 2:.3g} %"]
        for i, (spread, root) in enumerate(zip(spreads, roots, strict=True))
    ]
    columns = ["value", "standard deviation", "error (root mean square)", "share of variance lost"]
    return [Table("How well each value is reconstructed.", columns, rows)]


def paths(run: Any, number: int, steps: int) -> tuple[Text, Tensor | None]:
    """Decoded paths between held-out samples, and what they are; none if there are too few."""
    x = run.held_out.spread(2 * number)
    pairs = len(x) // 2
    if not pairs:
        return Text("There are too few samples for paths between them."), None
    between = run.model.interpolate(x[:pairs], x[pairs : 2 * pairs], steps=steps).cpu()
    text = (
        f"Spherical paths between the codes of {run.others} {run.things}: what is decoded in "
        f"between ought to look as real as the ends."
    )
    return Text(text), between


def interpolations(run: Any) -> list[Block]:
    """Decoded paths between the codes of held-out samples, on the sphere."""
    text, between = paths(run, 6, 10)
    if between is None:
        return [text]
    pictures = [
        Picture(
            charts.path(
                f"path-{i}",
                _drawn(run, path),
                alt=f"{len(path)} lines from one sample to another, {_range(path)}",
            ),
            f"Path {i + 1}",
        )
        for i, path in enumerate(between[:4])
    ]
    return [text, Pictures(pictures)]


def nearest(run: Any) -> list[Block]:
    """Whether samples are copies of training data."""
    return nearest_with(run, _as_table)


def nearest_with(run: Any, shown: Shown, *, note: str = "") -> list[Block]:
    """Whether samples are copies of training data, and some beside their nearest ones.

    Args:
        run: What is reported on.
        shown: Blocks of some samples and the training samples nearest to them.
        note: A paragraph on what these show.
    """
    drawn = run.samples(SEARCHED)
    both = torch.cat([drawn, run.held_out.spread(SEARCHED)])
    rows, distances, searched = nearest_training(run, both)
    distances, others = distances.split([len(drawn), len(both) - len(drawn)])
    usual = float(others.median()) if run.has_held_out else 0.0
    blocks: list[Block] = [Text(_copies_in_words(run, distances, others, searched))]
    blocks += [Text(note)] if note else []
    parts = {
        "The first samples": torch.arange(min(SHOWN, len(drawn))),
        f"Of {len(drawn)} samples, those nearest to training {run.things}": distances.argsort()[
            :SHOWN
        ],
    }
    for title, chosen in parts.items():
        said = [
            (str(i), str(int(rows[i])), f"{distances[i]:.3g}", _relative(distances[i], usual))
            for i in chosen.tolist()
        ]
        found = run.train.__getitems__(rows[chosen].tolist())
        blocks += shown(title, said, drawn[chosen], found)
    return blocks


def _copies_in_words(run: Any, distances: Tensor, others: Tensor, searched: int) -> str:
    among = f"{searched:,} training {run.things}"
    if searched < len(run.train):
        among += f" of {len(run.train):,}"
    text = (
        f"The median distance of {len(distances)} samples to the nearest of {among} is "
        f"{distances.median():.3g} (root mean square over values)"
    )
    if not run.has_held_out:
        return text + ". Nothing was held out to compare it with."
    usual = float(others.median())
    if not usual:
        return text + f". Most held-out {run.things} are among the training ones: it tells nothing."
    near = float((distances < others.quantile(0.01)).double().mean())
    return text + (
        f", {float(distances.median()) / usual:.2f} times that of held-out {run.things}; "
        f"{near:.1%} of samples are nearer than 1 % of held-out {run.things} are. Well below "
        "1, or a share far over 1 %, means copies."
    )


def _as_table(
    title: str, said: list[tuple[str, str, str, str]], drawn: Tensor, found: Tensor
) -> list[Block]:
    caption = f"{title}, and of each the nearest training sample, by its number."
    columns = ["sample", "training sample", "distance", "of the usual distance"]
    return [Table(caption, columns, said)]


def on_map(places: Float[np.ndarray, "n 2"], caption: str, labels: Sequence[str] | None) -> Picture:
    """Samples as points in the plane."""
    return Picture(charts.scatter("map", places, alt=caption, labels=labels), caption)


def _relative(distance: Tensor, usual: float) -> str:
    return f"{float(distance) / usual:.2f} ×" if usual else "nothing to compare with"


def _range(x: Tensor | np.ndarray) -> str:
    return f"of values from {x.min():.3g} to {x.max():.3g}"
