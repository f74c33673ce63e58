"""Two related tables measured: drawn parents and children against those that were held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entropae.kinds.reading import Reading
from entropae.kinds.tables.comparison import compare_tables, more_held_out, real_rows
from entropae.kinds.tables.comparison.related import Related, compare_related
from entropae.kinds.tables.evaluation import REAL, comparable
from entropae.kinds.tables.frames import with_index
from entropae.kinds.tables.opened import opened
from entropae.kinds.tables.related import parents_of
from entropae.kinds.tables.words import emptied
from entropae.messages import unknown

if TYPE_CHECKING:
    from entropae.runs.related import RelatedSynthesis

LEAST = 10  # held-out parents; and rows of a table, for the figures that are of it alone
PAIR = "both tables"


def evaluate_related(
    model: RelatedSynthesis, parent: Any, child: Any, *, n: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Measure drawn parents and children: see `RelatedSynthesis.evaluate`."""
    train, test = _halves(model, parent, child)
    if len(test.parent) < LEAST:
        every = len(train.parent) + len(test.parent)
        raise ValueError(
            f"At least {LEAST} held-out parents are needed: got {len(test.parent)} of {every}. "
            f"{more_held_out(LEAST, every, 'fit-related')}"
        )
    count = max(len(train.parent), 3 * len(test.parent)) if n is None else n
    rows, made = model.drawn(count, seed=seed)
    places = parents_of(rows, made, model.relation.key, model.relation.foreign_key)
    drawn = _related(model, rows, made, places)
    if not len(test.child) or not len(drawn.child):
        raise ValueError("Held-out or drawn parents have no children: there is nothing to compare.")
    kinds: tuple[Any, Any] = (model.parent.kind, model.child.kind)
    asked: dict[str, Any] = {
        "categories": kinds[1].categories,
        "of_parents": kinds[0].categories,
    }
    found, alike = compare_related(train, test, drawn, **asked)
    result: dict[str, Any] = {
        "parents": len(test.parent),
        "children": len(test.child),
        "drawn parents": len(drawn.parent),
        "drawn children": len(drawn.child),
        PAIR: {"drawn": found, REAL: compare_related(train, test, train, **asked)[0]},
        "siblings": alike,
    }
    for i, (name, kind) in enumerate(zip(model.names, kinds, strict=True)):
        tables: list[Any] = [(one.parent, one.child)[i] for one in (train, test, drawn)]
        if tables[0].num_columns and min(map(len, tables)) >= LEAST:
            how: dict[str, Any] = {"categories": kind.categories, "seed": seed}
            figures = compare_tables(*tables, **how)
            result[name] = {"drawn": figures, REAL: real_rows(*tables[:2], **how)}
    return result


def _halves(model: RelatedSynthesis, parent: Any, child: Any) -> tuple[Related, Related]:
    """Parents that the models learnt from, and those held out, each with their children."""
    relation = model.relation
    sources = (with_index(parent, relation.key), with_index(child, relation.foreign_key))
    upper, lower = (opened(source, Reading()).table for source in sources)
    for table, names in ((upper, relation.parent), (lower, relation.child)):
        for name in names:
            if name not in table.column_names:
                raise ValueError(unknown("column", name, table.column_names))
    places = parents_of(upper, lower, relation.key, relation.foreign_key)
    held = relation.held_out(upper)
    numbers = np.zeros(len(held), np.int64)
    made = []
    for half in (~held, held):
        numbers[half] = np.arange(half.sum())
        own = half[places]
        some = upper.filter(half), lower.filter(own)
        made.append(_related(model, some[0], some[1], numbers[places[own]]))
    return made[0], made[1]


def _related(model: RelatedSynthesis, parent: Any, child: Any, places: np.ndarray) -> Related:
    """Rows as they are compared."""
    kinds: tuple[Any, Any] = (model.parent.kind, model.child.kind)
    tables = [
        comparable(kind.columns, emptied(table, kind.words))
        for kind, table in zip(kinds, (parent, child), strict=True)
    ]
    return Related(tables[0], tables[1], places)
