"""Cells of rows drawn given the known ones, also of columns that count from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from entropae.kinds.tables.column import Numbers
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.conditionals import Cells
from entropae.kinds.tables.gaps import Counts, in_order
from entropae.kinds.tables.inequalities import Inequalities
from entropae.kinds.tables.settled import cells_of, spread, vectors_of

SWEEPS = 10  # passes, after which cells hardly depend on what they were at first


@dataclass(frozen=True)
class Open:
    """Which cells of vectors are drawn, and what is known of columns that count from each other."""

    open: Bool[np.ndarray, "n c"]
    known: dict[str, Numbers]

    @classmethod
    def of(
        cls,
        columns: Columns,
        table: Any,
        gaps: Bool[np.ndarray, "n c"],
        absent: Bool[np.ndarray, "n c"],
    ) -> Open:
        """Those that are asked for, and those that are open with them.

        Args:
            columns: Of the table.
            table: The rows.
            gaps: Which are asked for.
            absent: Which are not known.
        """
        drawn = gaps.copy()
        for column in reversed(in_order(columns.columns)):
            if column.gap is not None:
                i, j = columns.places[column.name], columns.places[column.gap.since]
                drawn[:, i] |= absent[:, j]
                drawn[:, j] |= absent[:, j]
        known = {
            name: Numbers(numbers.values, numbers.known & ~absent[:, columns.places[name]])
            for name, numbers in columns.numbers(table).items()
        }
        return cls(drawn, known)


class Filling:
    """Rows with gaps, and what can be filled into them."""

    def __init__(
        self,
        model: Any,
        columns: Columns,
        x: Float[np.ndarray, "n w"],
        drawn: Open,
        seed: int | None,
        *,
        missing: bool = False,
    ) -> None:
        self.missing = missing
        self.model, self.columns, self.x = model, columns, x
        self.known, self.gaps = drawn.known, drawn.open
        # Other rules are kept when rows are whole: a sum may give a cell another value than this.
        self.keeps = Inequalities(columns, ())
        self.seeds = np.random.SeedSequence(seed)
        self.forests = columns.conditionals

    def cells(self, rows: np.ndarray) -> Cells:
        """Cells of some rows, those in gaps drawn."""
        gaps, random = self.gaps[rows], self._streams()
        known = cells_of(self.columns.columns, self.x[rows])
        cells, free = self._placed(self._from_codes(self.x[rows], known, gaps, random), rows)
        for _ in range(SWEEPS):
            if self.forests is None:
                x = vectors_of(self.columns.columns, cells)
                cells = self._from_codes(x, cells, gaps, random)
            else:
                how: dict[str, Any] = {"which": free, "missing": self.missing}
                cells = self.forests.redrawn(cells, random, keeps=self.keeps, **how)
            cells, free = self._placed(cells, rows)
        start = 0
        for i, column in enumerate(self.columns.columns):
            if column.levels is None:
                here = np.flatnonzero(gaps[:, i])
                u = random[i].random(len(here))
                cells[here, start] = spread(column, cells[here, start], u)
            start += len(column.groups)
        return cells

    def _known(self, rows: np.ndarray) -> dict[str, Numbers]:
        return {
            name: Numbers(numbers.values[rows], numbers.known[rows])
            for name, numbers in self.known.items()
        }

    def _placed(self, cells: Cells, rows: np.ndarray) -> tuple[Cells, Bool[np.ndarray, "n c"]]:
        """Cells, drawn ones that follow from known numbers as these say, and which are free still.

        So a start follows from its end, and what is between them is free.
        """
        known, free = self._known(rows), self.gaps[rows]
        columns, start, cells = self.columns.columns, 0, cells.copy()
        counts = Counts(columns, self.columns.parts(vectors_of(columns, cells)), known)
        for i, column in enumerate(columns):
            if column.name in known:
                scores, there = counts.scores(column.name)
                here = there & free[:, i]
                cells[here, start] = scores[here]
                free[:, i] &= ~there | counts.drawn[column.name]
            start += len(column.groups)
        return cells, free

    def table(self, rows: np.ndarray) -> Any:
        """Some rows with their gaps drawn."""
        import pyarrow as pa

        x = vectors_of(self.columns.columns, self.cells(rows))
        part = self.columns.parts(x)
        return pa.table(self.columns.values(part, known=self._known(rows)))

    def _streams(self) -> list[np.random.Generator]:
        return [np.random.default_rng(one) for one in self.seeds.spawn(len(self.columns.columns))]

    def _from_codes(
        self, x: np.ndarray, cells: Cells, gaps: np.ndarray, random: list[np.random.Generator]
    ) -> Cells:
        """Cells with those in gaps as the decoder draws them for the codes of the rows."""
        given = torch.from_numpy(np.asarray(x, np.float32))
        again = self.model.reconstruct(given).cpu().numpy().astype(np.float64)
        scores, start = self.columns.scores, 0
        noise = random[0].standard_normal((len(x), len(scores)))
        again[:, scores] += noise @ self.columns.noise.T
        for column in self.columns.columns:
            if column.gone is not None and not self.missing:
                group, state = column.gone
                again[:, start + sum(max(1, g) for g in column.groups[:group]) + state] = 0
            start += column.width
        drawn = cells_of(self.columns.columns, again, random)
        cells, start = cells.copy(), 0
        for i, column in enumerate(self.columns.columns):
            own = slice(start, start + len(column.groups))
            cells[gaps[:, i], own] = drawn[gaps[:, i], own]
            start += len(column.groups)
        return cells
