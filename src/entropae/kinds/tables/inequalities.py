"""Inequalities between columns, for cells that are drawn one column after the other.

And the ends of columns that count from others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.column import Gap
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditionals import Cells, Keeps
from entropae.kinds.tables.rules import Before, Rule, steps
from entropae.kinds.tables.settled import vectors_of


class Inequalities(Keeps):
    """Which cells keep the inequalities, such as `start <= end`.

    Leaving out whole rows that break a rule bends the distribution: rows near to equality break it
    most often, so too few of them remain. Drawing the one cell again bends it less.

    Args:
        columns: What the cells are of.
        rules: Of which the inequalities are taken, unless one of their columns is computed later.
    """

    def __init__(self, columns: Columns, rules: Sequence[Rule]) -> None:
        self.columns = columns
        computed = {name for _, name in steps(rules)}
        self._rules: dict[int, list[Before]] = {}
        for rule in rules:
            free = not computed & {*rule.names} and {*rule.names} <= columns.places.keys()
            if isinstance(rule, Before) and free and not self._counts(rule):
                for i in {j for name in rule.names for j in self._moving(name)}:
                    self._rules.setdefault(i, []).append(rule)
        ends = np.cumsum([0, *(len(column.groups) for column in columns.columns)])
        self._own = [slice(a, b) for a, b in pairwise(ends)]

        self._reaching: dict[int, list[str]] = {}
        for column in columns.columns:
            for i in self._moving(column.name) if column.gap is not None else ():
                self._reaching.setdefault(i, []).append(column.name)

    def concerns(self, i: int) -> bool:
        """Whether there is a rule for a column."""
        return i in self._rules or i in self._reaching

    def met(self, i: int, cells: Cells) -> Bool[np.ndarray, " n"]:
        """Which rows keep all rules for a column."""
        import pyarrow as pa

        def part(j: int) -> np.ndarray:
            return vectors_of([self.columns.columns[j]], cells[:, self._own[j]])

        rules = self._rules.get(i, [])
        names = {name for rule in rules for name in rule.names}
        table = pa.table(self.columns.values(part, names))
        held = [rule.met(table, self.columns) for rule in rules]
        held += self.columns.reached(part, self._reaching.get(i, []))
        return np.all(held, 0)

    def _counts(self, rule: Before) -> bool:
        """Whether a rule is kept by what one of its columns counts from the other."""
        gaps = (self._gap(name) for name in rule.names)
        low, high = (gap if gap is not None and gap.slope == 1 else None for gap in gaps)
        if high is not None and high.since == rule.low:
            least = high.ends[0]
        elif low is not None and low.since == rule.high:
            least = -low.ends[1]
        else:
            return False
        return bool(least > 0 or (least == 0 and rule.sign == "<="))

    def _gap(self, name: str) -> Gap | None:
        return self.columns.columns[self.columns.places[name]].gap

    def _moving(self, name: str) -> Iterator[int]:
        """The column, and those that it counts from: with them it moves."""
        yield self.columns.places[name]
        gap = self._gap(name)
        if gap is not None:
            yield from self._moving(gap.since)
