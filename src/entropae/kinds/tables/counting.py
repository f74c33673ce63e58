"""Rows with gaps in which a column counts from another one, and either may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.column import Numbers
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.decoding import counts_at, numbers_near
from entropae.kinds.tables.gaps import in_order, numbers_in


@dataclass(frozen=True)
class Counting:
    """What is drawn where one of two columns is missing: a start that is counted back from its end.

    Attributes:
        open: Which cells of vectors are drawn: those that are asked for, and what known values
            count from others that are missing.
        there: The numbers of columns that others count from, where they are known.
        back: For a column that others count from, which of these does in which rows: there its own
            values are missing and theirs are known.
    """

    open: Bool[np.ndarray, "n c"]
    there: dict[str, Numbers]
    back: dict[str, list[tuple[str, Numbers]]]

    @classmethod
    def of(
        cls,
        columns: Columns,
        table: Any,
        gaps: Bool[np.ndarray, "n c"],
        absent: Bool[np.ndarray, "n c"],
    ) -> Counting:
        """Of rows of a `pyarrow.Table`.

        Args:
            columns: Of the table.
            table: The rows.
            gaps: Which cells are asked for.
            absent: Which are not known.
        """
        drawn, there, back = gaps.copy(), {}, {}
        for column in reversed(in_order(columns.columns)):
            if column.gap is None:
                continue
            i, j = columns.places[column.name], columns.places[column.gap.since]
            drawn[:, i] |= absent[:, j]
            drawn[:, j] |= absent[:, j] & drawn[:, i]
            since = numbers_in(table, columns.columns[j])
            there[column.gap.since] = Numbers(since.values, since.known & ~absent[:, j])
            values, known = numbers_in(table, column)
            rows = known & ~absent[:, i] & absent[:, j]
            if rows.any():
                back.setdefault(column.gap.since, []).append((column.name, Numbers(values, rows)))
        return cls(drawn, there, back)

    def known(
        self, columns: Columns, part: Callable[[int], np.ndarray], rows: np.ndarray
    ) -> dict[str, Numbers]:
        """Numbers of columns that others count from, also those that follow from known others.

        Args:
            columns: Of the table.
            part: Gives the part that a column has of the vectors of these rows.
            rows: Of the table.
        """
        made = {}
        for name, there in self.there.items():
            column = columns.columns[columns.places[name]]
            values, known = there.values[rows], there.known[rows]
            for other, numbers in self.back.get(name, []):
                i = columns.places[other]
                here = numbers.known[rows] & ~known
                before = numbers.values[rows] - counts_at(columns.columns[i], part(i))
                values = np.where(here, numbers_near(column, before), values)
                known = known | here
            made[name] = Numbers(values, known)
        return made
