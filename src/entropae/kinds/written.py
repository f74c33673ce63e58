"""Sections of a report about samples that are read: sentences, and rows of a table.

Their kinds have a method `cells(x, how, seed=…)`, which gives the names of columns and each
sample's cells; `how` says whether they are encoded samples, decoded ones, or drawn ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.drawing.blocks import Block, Heading, Table, Text
from entropae.kinds.values.nearest import nearest_training
from entropae.kinds.values.report import COMPARED, SEARCHED, paths
from entropae.prior import TITLES

Cells = tuple[list[str], list[list[str]]]  # names of columns, and the cells of each sample
FEW, SHEET, PATHS = 6, 12, 4


def samples(
    run: Any, *, real: bool = True, drawn: Callable[[str], Cells] | None = None
) -> list[Block]:
    """Samples of each prior, beside real ones if these are to be shown.

    Args:
        run: What is reported on.
        real: Whether they are.
        drawn: Gives cells of a prior's samples, where it is not the decoder alone that makes them.
    """
    kind = run.train.kind
    titled = {}
    if real:
        titled[f"{run.others.capitalize()} {run.things}."] = kind.cells(run.held_out.spread(SHEET))
    for name in run.model.priors:
        cells = drawn(name) if drawn else kind.cells(run.samples(SHEET, name), "drawn")
        titled[f"Samples from {TITLES.get(name, name)}."] = cells
    return [
        Table(title, ["no.", *columns], _numbered(rows), words=True)
        for title, (columns, rows) in titled.items()
    ]


def reconstructions(run: Any, errors: Any, unit: str) -> list[Block]:
    """Held-out samples and what comes out, at random and the worst.

    Args:
        run: What is reported on.
        errors: From samples and their reconstructions to the error of each.
        unit: What the error is.
    """
    kind = run.train.kind
    x = run.held_out.spread(COMPARED)
    again = run.model.reconstruct(x).cpu()
    found: Float[Tensor, " n"] = errors(x, again)
    parts = {
        f"{run.others.capitalize()} {run.things}": torch.linspace(
            0, len(x) - 1, min(SHEET, len(x))
        ).long(),
        "Those reconstructed worst": found.argsort(descending=True)[:FEW],
    }
    blocks: list[Block] = [
        Text(
            f"The {unit} of {len(x):,} {run.others} {run.things}: median {found.median():.3g}, at "
            f"most {found.max():.3g}."
        )
    ]
    for title, rows in parts.items():
        columns, originals = kind.cells(x[rows])
        _, made = kind.cells(again[rows], "decoded")
        both = [
            [f"{i} {what}", *cells]
            for i, two in enumerate(zip(originals, made, strict=True), 1)
            for what, cells in zip(("original", "reconstruction"), two, strict=True)
        ]
        caption = f"{title}, each with its reconstruction."
        blocks.append(Table(caption, ["no.", *columns], both, words=True))
    return blocks


def interpolations(run: Any) -> list[Block]:
    """Decoded paths between the codes of held-out samples, on the sphere."""
    text, between = paths(run, PATHS, 6)
    if between is None:
        return [text]
    return [text, *along(run.train.kind, between)]


def along(kind: Any, between: Float[Tensor, "paths steps ..."]) -> list[Block]:
    """A table of each path."""
    blocks: list[Block] = []
    for i, path in enumerate(between, 1):
        columns, rows = kind.cells(path, "decoded")
        blocks.append(Table(f"Path {i}.", ["step", *columns], _numbered(rows), words=True))
    return blocks


def nearest(run: Any, where: str) -> list[Block]:
    """Whether samples are copies of training data.

    Args:
        run: What is reported on.
        where: What distances are measured between.
    """
    kind = run.train.kind
    drawn = run.samples(SEARCHED)
    rows, distances, searched = nearest_training(run, drawn)
    names, said = kind.cells(drawn, "drawn", seed=run.seed)
    columns, real = kind.cells(run.train.__getitems__(rows.tolist()))
    said = [[row[names.index(name)] for name in columns] for row in said]
    copied = sum(a == b for a, b in zip(said, real, strict=True))
    text = (
        f"{copied} of {len(drawn)} samples are the same as the training sample nearest to them "
        f"(among {searched:,}; distances are {where}). Short or common ones may come twice by "
        "chance; many that are long mean copies."
    )
    blocks: list[Block] = [Text(text), Heading("Those nearest to training samples")]
    both = [
        [f"{i} {what}", *cells]
        for i, row in enumerate(distances.argsort()[:FEW].tolist(), 1)
        for what, cells in (("sample", said[row]), ("training", real[row]))
    ]
    caption = "Each with the training sample nearest to it."
    return [*blocks, Table(caption, ["no.", *columns], both, words=True)]


def _numbered(rows: list[list[str]]) -> list[list[str]]:
    return [[str(i), *row] for i, row in enumerate(rows, 1)]
