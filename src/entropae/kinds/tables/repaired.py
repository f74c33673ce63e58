"""Rows repaired so that they keep the rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from entropae.kinds.tables.column import Column
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import keys_beside
from entropae.kinds.tables.decoding import decoded
from entropae.kinds.tables.plain import plain, replaced
from entropae.kinds.tables.rules import Before, Rule, Unique, steps
from entropae.kinds.tables.settled import vectors_of


@dataclass(frozen=True)
class Repaired:
    """What was done to rows.

    Attributes:
        rows: How many there are.
        broken: How many of them broke a rule.
        by_rule: How many broke each.
        left: How many break each still.
    """

    rows: int
    broken: int
    by_rule: dict[str, int]
    left: dict[str, int]

    def __str__(self) -> str:
        if not self.broken:
            return ""
        said = f" {self.broken} of {self.rows} rows broke rules and were repaired: "
        said += ", ".join(f"{count} '{rule}'" for rule, count in self.by_rule.items() if count)
        still = [
            f"{count} rows break '{rule}' still." for rule, count in self.left.items() if count
        ]
        return " ".join([f"{said}.", *still])


def repaired(
    table: Any, columns: Columns, rules: Sequence[Rule], *, keep: Collection[str] = ()
) -> tuple[Any, Repaired]:
    """Rows in which as little as possible is changed so that they keep the rules.

    What follows from other columns is computed from them. Of two values in the wrong order the one
    that should be higher becomes the lowest that is allowed; where there is none, the other one the
    highest. Rows that share a key stay: it is no fault of one row.

    Args:
        table: A `pyarrow.Table` of the columns.
        columns: What they are.
        rules: That every row should keep.
        keep: Columns that stay as they are.
    """
    rules = [rule for rule in rules if not isinstance(rule, Unique)]
    computed = [(rule, name) for rule, name in steps(rules) if name not in keep]
    fixed = {*keep, *(name for _, name in computed)}
    befores = [rule for rule in rules if isinstance(rule, Before)]
    before = breaks = {str(rule): ~rule.met(table, columns) for rule in rules}
    broken = int(np.any([*before.values()], 0).sum()) if rules else 0
    for _ in range(len(rules) + 1):
        if not any(rows.any() for rows in breaks.values()):
            break
        for rule, name in computed:
            where = np.flatnonzero(~rule.met(table, columns))
            made = rule.repaired(table, columns, name).column(name)
            table = _with(table, name, made.take(where), where)
        for rule in befores:
            for name in (rule.high, rule.low):
                column = columns.named(name)
                if name not in fixed and isinstance(column, Column):
                    table = _moved(table, columns, rule, column)
        breaks = {str(rule): ~rule.met(table, columns) for rule in rules}
    counts, left = (
        {name: int(rows.sum()) for name, rows in one.items()} for one in (before, breaks)
    )
    return table, Repaired(len(table), broken, counts, left)


def _moved(table: Any, columns: Columns, rule: Before, column: Column) -> Any:
    """Rows that break an inequality with one of its columns at the nearest value that keeps it."""
    where = np.flatnonzero(~rule.met(table, columns))
    if not len(where):
        return table
    up = column.name == rule.high
    other = rule.low if up else rule.high
    values = _known(column)
    beside = table.column(other).take(where)
    names, both = (other, column.name), (plain(beside).values, plain(values).values)
    bound, keys = keys_beside(columns, names, both)
    same = getattr(columns.named(other), "form", None) == column.form and beside.type == values.type
    if same and rule.sign == "<=":  # it may be the very value of the other column
        within = np.flatnonzero((bound >= keys.min()) & (bound <= keys.max()))
        values = _joined(values, beside.take(within))
        keys = np.concatenate([keys, bound[within]])
    order = np.argsort(keys, kind="stable")
    inclusive = rule.sign == "<="
    if up:
        place = np.searchsorted(keys[order], bound, side="left" if inclusive else "right")
    else:
        place = np.searchsorted(keys[order], bound, side="right" if inclusive else "left") - 1
    there = (place >= 0) & (place < len(keys))
    chosen = values.take(order[place[there]])
    return _with(table, column.name, chosen, where[there])


def _known(column: Column) -> Any:
    """Values of a column: its categories, or its quantiles."""
    import pyarrow as pa

    column = replace(column, gap=None)  # its own, and not what it counts
    if column.levels is not None:
        n = len(column.levels)
        cells = np.arange(n, dtype=np.float64)[:, None]
    else:
        n = max(1, len(column.knots))
        cells = np.zeros((n, len(column.groups)))
        cells[:, 0] = ndtri((np.arange(n) + 0.5) / n)
    return pa.chunked_array([decoded(column, vectors_of([column], cells))])


def _joined(values: Any, more: Any) -> Any:
    import pyarrow as pa

    return pa.chunked_array([*values.chunks, *more.chunks], values.type)


def _with(table: Any, name: str, values: Any, where: np.ndarray) -> Any:
    if not len(where):
        return table
    index = table.column_names.index(name)
    return table.set_column(index, name, replaced(table.column(name), values, where))
