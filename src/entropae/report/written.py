"""Sections of samples that are read: sentences, and rows of a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.report.blocks import Block, Heading, Table, Text
from entropae.report.trained import Trained, nearest_training, spread
from entropae.run import TITLES
from entropae.tabular import TableSamples
from entropae.text import PAD

FEW, SHEET, PATHS = 6, 12, 4
COMMON = 3  # values of a column that are named
COMPARED = 2000
SEARCHED = 256


def samples(run: Trained) -> list[Block]:
    """Samples of each prior, beside real ones."""
    columns, rows = run.read(spread(run.held_out, SHEET))
    titled = {f"{run.others.capitalize()} {run.things}.": rows}
    for name in run.model.priors:
        drawn = run.samples(SHEET, name)
        titled[f"Samples from {TITLES.get(name, name)}."] = run.read(drawn, drawn=True)[1]
    tables = [
        Table(title, ["", *columns], _numbered(rows), words=True) for title, rows in titled.items()
    ]
    return [*tables, *_columns(run)]


def _columns(run: Trained) -> list[Block]:
    """What each column of a table has."""
    if not isinstance(run.train, TableSamples):
        return []
    columns = run.train.columns
    said = {f"real, {run.others}": _said(columns.decode(spread(run.held_out, COMPARED).numpy()))}
    for name in run.model.priors:
        drawn = run.samples(COMPARED, name).numpy()
        said[f"from {TITLES.get(name, name)}"] = _said(columns.draw(drawn, seed=run.seed))
    rows = [[one.name, *(table[one.name] for table in said.values())] for one in columns.columns]
    caption = "Each column: mean ± standard deviation, or the commonest values and their shares."
    return [Table(caption, ["column", *said], rows, words=True)]


def _said(table: Any) -> dict[str, str]:
    """What the columns of a `pyarrow.Table` have, in a few words each."""
    return {name: _column(table.column(name).to_pylist()) for name in table.column_names}


def _column(values: list[Any]) -> str:
    there = [value for value in values if value is not None]
    missing = f"; missing {1 - len(there) / len(values):.0%}" if len(there) < len(values) else ""
    numbers = all(isinstance(value, int | float) and value is not True for value in there)
    if numbers and len(set(there)) > COMMON:
        return f"{np.mean(there):.3g} ± {np.std(there):.3g}{missing}"
    common = Counter(map(str, there)).most_common(COMMON)
    return ", ".join(f"{value} {n / len(values):.0%}" for value, n in common) + missing


def reconstructions(run: Trained) -> list[Block]:
    """Held-out samples and what comes out, at random and the worst."""
    x = spread(run.held_out, COMPARED)
    again = run.model.reconstruct(x).cpu()
    errors = _errors(run, x, again)
    typical = torch.linspace(0, len(x) - 1, min(SHEET, len(x))).long()
    parts = {
        f"{run.others.capitalize()} {run.things}": typical,
        "Those reconstructed worst": errors.argsort(descending=True)[:FEW],
    }
    unit = "share of tokens that are others" if run.train.tokenizer else "squared error per value"
    blocks: list[Block] = [
        Text(
            f"The {unit}, of {len(x):,} {run.others} {run.things}: median {errors.median():.3g}, "
            f"at most {errors.max():.3g}."
        )
    ]
    for title, rows in parts.items():
        columns, originals = run.read(x[rows])
        _, made = run.read(again[rows])
        both = [
            [f"{i} {what}", *cells]
            for i, two in enumerate(zip(originals, made, strict=True), 1)
            for what, cells in zip(("original", "reconstruction"), two, strict=True)
        ]
        caption = f"{title}, each with its reconstruction."
        blocks.append(Table(caption, ["", *columns], both, words=True))
    return blocks


def _errors(run: Trained, x: Tensor, again: Tensor) -> Float[Tensor, " n"]:
    if not run.train.tokenizer:
        return (again - x).double().square().flatten(1).mean(1)
    width = max(x.shape[1], again.shape[1])
    x, again = (nn.functional.pad(one, (0, width - one.shape[1]), value=PAD) for one in (x, again))
    there = (x != PAD) | (again != PAD)
    return ((x != again) & there).sum(1).double() / there.sum(1)


def interpolations(run: Trained) -> list[Block]:
    """Decoded paths between the codes of held-out samples, on the sphere."""
    x = spread(run.held_out, 2 * PATHS)
    pairs = len(x) // 2
    if not pairs:
        return [Text("There are too few samples for paths between them.")]
    between = run.model.interpolate(x[:pairs], x[pairs : 2 * pairs], steps=6).cpu()
    text = (
        f"Spherical paths between the codes of {run.others} {run.things}: what is decoded in "
        "between ought to look as real as the ends."
    )
    blocks: list[Block] = [Text(text)]
    for i, path in enumerate(between, 1):
        columns, rows = run.read(path)
        blocks.append(Table(f"Path {i}.", ["step", *columns], _numbered(rows), words=True))
    return blocks


def nearest(run: Trained) -> list[Block]:
    """Whether samples are copies of training data."""
    drawn = run.samples(SEARCHED)
    rows, distances, searched = nearest_training(run, drawn)
    _, said = run.read(drawn, drawn=True)
    found = run.train.__getitems__(rows.tolist())
    columns, real = run.read(found)
    copied = sum(a == b for a, b in zip(said, real, strict=True))
    where = "between codes" if run.train.tokenizer else "between rows as the model sees them"
    text = (
        f"Of {len(drawn)} samples, {copied} are the same as the training sample nearest to them "
        f"(of {searched:,} searched; distances are {where}). Short or common ones may come "
        "twice by chance; many that are long mean copies."
    )
    blocks: list[Block] = [Text(text), Heading("Those nearest to training samples")]
    both = [
        [f"{i} {what}", *cells]
        for i, row in enumerate(distances.argsort()[:FEW].tolist(), 1)
        for what, cells in (("sample", said[row]), ("training", real[row]))
    ]
    caption = "Each with the training sample nearest to it."
    return [*blocks, Table(caption, ["", *columns], both, words=True)]


def _numbered(rows: list[list[str]]) -> list[list[str]]:
    return [[str(i), *row] for i, row in enumerate(rows, 1)]
