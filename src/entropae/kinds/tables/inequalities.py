"""Inequalities between columns, for cells that are drawn one column after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.column import decoded
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
        places = {column.name: i for i, column in enumerate(columns.columns)}
        self._rules: dict[int, list[Before]] = {}
        for rule in rules:
            free = not computed & {*rule.names} and {*rule.names} <= places.keys()
            if isinstance(rule, Before) and free:
                for name in rule.names:
                    self._rules.setdefault(places[name], []).append(rule)
        self._places = places
        ends = np.cumsum([0, *(len(column.groups) for column in columns.columns)])
        self._own = [slice(a, b) for a, b in pairwise(ends)]

    def concerns(self, i: int) -> bool:
        """Whether there is a rule for a column."""
        return i in self._rules

    def met(self, i: int, cells: Cells) -> Bool[np.ndarray, " n"]:
        """Which rows keep all rules for a column."""
        import pyarrow as pa

        names = {name for rule in self._rules[i] for name in rule.names}
        table = pa.table({name: self._values(self._places[name], cells) for name in names})
        return np.all([rule.met(table, self.columns) for rule in self._rules[i]], 0)

    def _values(self, i: int, cells: Cells) -> object:
        column = self.columns.columns[i]
        return decoded(column, vectors_of([column], cells[:, self._own[i]]))
