"""Sections of what the model makes: samples, reconstructions, paths, and what they are near to."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.report import charts, sheets, written
from entropae.report.blocks import (
    Block,
    Heading,
    Pair,
    Pairs,
    Picture,
    Pictures,
    Table,
    Text,
)
from entropae.report.trained import Trained, flat, nearest_training, spread
from entropae.run import TITLES

SHEET = 49
# Samples that are no images, in one chart: of few values each, and of many.
MANY, FEW = 24, 8
NAMED = 16  # values a sample that a table has rows for
SEARCHED = 256
SHOWN = 6


def samples(run: Trained) -> list[Block]:
    """Samples of each prior, beside real ones."""
    if run.is_written:
        return written.samples(run)
    real = spread(run.held_out, SHEET)
    titled = {f"{run.others.capitalize()} {run.things}": real}
    for name in run.model.priors:
        titled[f"Samples from {TITLES.get(name, name)}"] = run.samples(SHEET, name)
    if run.train.is_image:
        pictures = [
            Picture(sheets.sheet(x, f"{title}: a sheet of {len(x)}, {_brightness(x)}"), title)
            for title, x in titled.items()
        ]
        return [Pictures(pictures)]
    most = MANY if math.prod(run.train.shape) <= NAMED else FEW
    shown = {title: flat(x)[:most] for title, x in titled.items()}
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
    return [Pictures(pictures), *_moments(run)]


def _moments(run: Trained) -> list[Block]:
    """Mean and standard deviation of each value, where there are few."""
    size = math.prod(run.train.shape)
    if size > NAMED:
        return []
    columns = {f"real, {run.others}": flat(spread(run.held_out, 2000))}
    for name in run.model.priors:
        columns[f"from {TITLES.get(name, name)}"] = flat(run.samples(2000, name))
    rows = [
        [str(i), *(f"{x[:, i].mean():.3g} ± {x[:, i].std():.3g}" for x in columns.values())]
        for i in range(size)
    ]
    caption = "Mean ± standard deviation of each value."
    return [Table(caption, ["value", *columns], rows)]


def reconstructions(run: Trained) -> list[Block]:
    """Held-out samples and what comes out, at random and the worst."""
    if run.is_written:
        return written.reconstructions(run)
    x = spread(run.held_out, 2000)
    again = run.model.reconstruct(x).cpu()
    errors = (again - x).double().square().flatten(1).mean(1)
    few = min(24 if run.train.is_image else FEW // 2, len(x))
    typical = torch.linspace(0, len(x) - 1, few).long()
    worst = errors.argsort(descending=True)[: 8 if run.train.is_image else FEW // 2]
    text = (
        f"The squared error per value of {len(x):,} {run.others} {run.things} has the median "
        f"{errors.median():.3g}; the largest is {errors.max():.3g}."
    )
    parts = {
        f"{run.others.capitalize()} {run.things}": typical,
        f"The {len(worst)} reconstructed worst": worst,
    }
    if run.train.is_image:
        pictures = [
            _image_pairs(x[rows], again[rows], title, float(errors[rows].mean()))
            for title, rows in parts.items()
        ]
        return [Text(text), Pictures(pictures)]
    pictures = [
        Picture(
            charts.profiles(
                f"reconstructions-{i}",
                {"original": flat(x[rows]), "reconstruction": flat(again[rows])},
                alt=f"{title}: {len(rows)} originals and their reconstructions as lines, mean "
                f"squared error {errors[rows].mean():.3g}",
            ),
            title,
        )
        for i, (title, rows) in enumerate(parts.items())
    ]
    return [Text(text), Pictures(pictures), *_errors(flat(x), flat(again))]


def _image_pairs(x: Tensor, again: Tensor, title: str, error: float) -> Picture:
    rows = [row for both in zip(x.split(8), again.split(8), strict=True) for row in both]
    alt = (
        f"{title}: {len(x)} images in rows of eight, below each row its reconstructions, of mean "
        f"squared error {error:.3g} per value"
    )
    sheet = sheets.sheet(torch.cat(rows), alt, columns=min(8, len(x)))
    return Picture(sheet, f"{title}. Each row of originals has its reconstructions below it.")


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


def interpolations(run: Trained) -> list[Block]:
    """Decoded paths between the codes of held-out samples, on the sphere."""
    if run.is_written:
        return written.interpolations(run)
    x, steps = spread(run.held_out, 12), 10
    pairs = len(x) // 2
    if not pairs:
        return [Text("There are too few samples for paths between them.")]
    between = run.model.interpolate(x[:pairs], x[pairs : 2 * pairs], steps=steps).cpu()
    text = Text(
        f"Spherical paths between the codes of {run.others} {run.things}: what is decoded in "
        f"between ought to look as real as the ends."
    )
    if run.train.is_image:
        alt = (
            f"{pairs} rows of {steps} images: each begins with the reconstruction of one image and "
            f"ends with that of another; consecutive ones differ by {_step(between):.2g} in root "
            "mean square"
        )
        sheet = sheets.sheet(between.flatten(0, 1), alt, columns=steps)
        return [
            text,
            Pictures([Picture(sheet, "Each row goes from one image to another.", wide=True)]),
        ]
    pictures = [
        Picture(
            charts.path(
                f"path-{i}",
                flat(path),
                alt=f"{steps} lines from one sample to another, {_range(path)}",
            ),
            f"Path {i + 1}",
        )
        for i, path in enumerate(between[:4])
    ]
    return [text, Pictures(pictures)]


def _step(between: Float[Tensor, "n steps ..."]) -> float:
    return float((between[:, 1:] - between[:, :-1]).double().square().mean().sqrt())


def nearest(run: Trained) -> list[Block]:
    """Whether samples are copies of training data."""
    if run.is_written:
        return written.nearest(run)
    drawn = run.samples(SEARCHED)
    both = torch.cat([drawn, spread(run.held_out, SEARCHED)])
    rows, distances, searched = nearest_training(run, both)
    distances, others = distances.split([len(drawn), len(both) - len(drawn)])
    among = f"{searched:,} training {run.things}"
    if searched < len(run.train):
        among += f" of {len(run.train):,}"
    text = (
        f"The median distance of {len(drawn)} samples to the nearest of {among} is "
        f"{distances.median():.3g} (root mean square over values)"
    )
    usual = float(others.median()) if run.has_held_out else 0.0
    if usual:
        near = float((distances < others.quantile(0.01)).double().mean())
        text += (
            f", {float(distances.median()) / usual:.2f} times that of held-out {run.things}; "
            f"{near:.1%} of samples are nearer than 1 % of held-out {run.things} are. Well below "
            "1, or a share far over 1 %, means copies."
        )
    elif run.has_held_out:
        text += f". Most held-out {run.things} are among the training ones: it tells nothing."
    else:
        text += ". Nothing was held out to compare it with."
    blocks: list[Block] = [Text(text)]
    if run.train.is_image:
        blocks.append(
            Text(
                "Below, each sample has the training image nearest to it on its right, and their "
                "distance" + (", also relative to the usual one." if usual else ".")
            )
        )
    first = torch.arange(min(SHOWN, len(drawn)))
    closest = distances.argsort()[:SHOWN]
    parts = {
        "The first samples": first,
        f"Of {len(drawn)} samples, those nearest to training {run.things}": closest,
    }
    for title, chosen in parts.items():
        said = [
            (str(i), str(int(rows[i])), f"{distances[i]:.3g}", _relative(distances[i], usual))
            for i in chosen.tolist()
        ]
        if run.train.is_image:
            found = run.train.__getitems__(rows[chosen].tolist())
            blocks += [Heading(title), _side_by_side(said, drawn[chosen], found)]
        else:
            caption = f"{title}, and of each the nearest training sample, by its number."
            columns = ["sample", "training sample", "distance", "of the usual distance"]
            blocks.append(Table(caption, columns, said))
    return blocks


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


def _relative(distance: Tensor, usual: float) -> str:
    return f"{float(distance) / usual:.2f} ×" if usual else "nothing to compare with"


def _brightness(x: Tensor) -> str:
    return f"of mean brightness {x.double().clamp(0, 1).mean():.2f}"


def _range(x: Tensor | np.ndarray) -> str:
    return f"of values from {x.min():.3g} to {x.max():.3g}"
