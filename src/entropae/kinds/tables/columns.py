"""What a table's columns are, and its rows as vectors and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from entropae.kinds.tables.column import KNOTS, Column, checked, decoded, describe, encoded
from entropae.kinds.tables.files import TABLE
from entropae.messages import unknown
from entropae.storage.atomic import replacing, write_text

NUMBERS = "table.safetensors"
LARGEST = 1 << 22  # bytes of the description
WIDEST = 10_000  # numbers of a row


class Columns:
    """The columns of a table, which say how a row becomes a vector and a vector a row.

    A number becomes its normal score: `Φ⁻¹` of its rank, so that heavy tails and any scale are
    alike, and repeated values take the whole interval of their ranks on the way back. A category
    is one-hot; what is missing is a state of its own. Nothing but names, types, categories and
    quantiles is kept.

    Args:
        columns: In their order.
        noise: Lower triangular `(m, m)` for `m` columns of numbers: what `draw` adds to the scores
            that a decoder returns, so that they have the spread that the data have.

    Examples:
        >>> import pyarrow as pa
        >>> table = pa.table({"age": list(range(20, 40, 1)), "who": ["a", None] * 10})
        >>> columns = Columns.fit(table.slice(0, 20))
        Traceback (most recent call last):
        ...
        ValueError: The column 'age' numbers the rows... Leave it out: --drop age.
        >>> columns = Columns.fit(table.drop_columns("age"))
        >>> columns.encode(table)[:2]
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    def __init__(self, columns: Sequence[Column], noise: np.ndarray | None = None) -> None:
        self.columns = tuple(columns)
        m = sum(column.levels is None for column in self.columns)
        self.noise = np.zeros((m, m)) if noise is None else noise
        if self.noise.shape != (m, m):
            raise ValueError(f"`noise` must have shape {(m, m)}: got {self.noise.shape}.")

    @property
    def groups(self) -> tuple[int, ...]:
        """Layout of a vector: 0 for a number, `n` for the probabilities of `n` states."""
        return tuple(group for column in self.columns for group in column.groups)

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return sum(column.width for column in self.columns)

    @classmethod
    def fit(cls, table: Any, rows: np.ndarray | None = None) -> Columns:
        """The columns of a `pyarrow.Table`.

        Args:
            table: Whose types, categories and missing values are known.
            rows: Whose quantiles are taken; by default all.

        Raises:
            ValueError: If there is no row or column, a type is unknown, numbers are infinite, or a
                column has too many categories or numbers the rows.
        """
        if not table.num_rows or not table.num_columns:
            raise ValueError(f"A table must have rows and columns: got shape {table.shape}.")
        rows = np.arange(table.num_rows) if rows is None else rows
        made = cls([describe(name, table.column(name), rows) for name in table.column_names])
        if made.width > WIDEST:
            raise ValueError(f"A row makes {made.width} numbers, {WIDEST} is the limit.")
        return made

    def encode(self, table: Any) -> Float[np.ndarray, "n w"]:
        """Rows of a `pyarrow.Table` as vectors; columns that are not of these are passed over.

        Raises:
            ValueError: If a column is not there, or has a category, a missing value or a type that
                it had not when these columns were fitted.
        """
        for column in self.columns:
            if column.name not in table.column_names:
                raise ValueError(unknown("column", column.name, table.column_names))
        parts = [encoded(column, table.column(column.name)) for column in self.columns]
        return np.concatenate(parts, 1).astype(np.float32)

    def decode(self, x: Float[np.ndarray, "n w"]) -> Any:
        """Rows of vectors as a `pyarrow.Table`: of every category the most probable."""
        return self._table(np.asarray(x, np.float64), None)

    def draw(self, x: Float[np.ndarray, "n w"], *, seed: int | None = None) -> Any:
        """Likewise, but categories are drawn by their probabilities, and numbers have `noise`.

        Args:
            x: What a decoder returned.
            seed: For the same rows again.
        """
        return self._table(np.asarray(x, np.float64), np.random.SeedSequence(seed))

    def fit_noise(self, x: Float[np.ndarray, "n w"], again: Float[np.ndarray, "n w"]) -> None:
        """Set `noise` from what reconstructions of held-out rows leave of them.

        A decoder returns means, which spread less than the data. What is left is taken as normal,
        of the residuals' covariance, and independent of the code.
        """
        where = self._numbers()
        residual = np.asarray(again, np.float64)[:, where] - np.asarray(x, np.float64)[:, where]
        for i, column in enumerate(c for c in self.columns if c.levels is None):
            if column.missing:
                residual[x[:, where[i] + 2] > 0, i] = 0
        covariance = residual.T @ residual / len(residual)
        self.noise = np.linalg.cholesky(covariance + 1e-12 * np.eye(len(where)))

    def save(self, folder: str | Path) -> None:
        """Write `table.json` and `table.safetensors` into a folder."""
        folder = Path(folder)
        kept = [asdict(column) for column in self.columns]
        knots = {str(i): row.pop("knots") for i, row in enumerate(kept)}
        arrays = {name: np.ascontiguousarray(row) for name, row in knots.items()}
        text = json.dumps({"columns": kept}, ensure_ascii=False, indent=1) + "\n"
        if len(text.encode()) > LARGEST:
            raise ValueError(f"The categories take more than {LARGEST} bytes. Drop the longest.")
        with replacing(folder / NUMBERS) as path:
            path.write_bytes(save(arrays | {"noise": np.ascontiguousarray(self.noise)}))
        write_text(folder / TABLE, text)

    @classmethod
    def load(cls, folder: str | Path) -> Columns:
        """What `save` wrote, checked.

        Raises:
            ValueError: If it is damaged, or describes what no table has.
        """
        path = Path(folder) / TABLE
        try:
            if path.stat().st_size > LARGEST:
                raise ValueError(f"it has more than {LARGEST} bytes")
            rows = json.loads(path.read_text())["columns"]
            if not isinstance(rows, list) or not 1 <= len(rows) <= WIDEST:
                raise ValueError(f"it must have from 1 to {WIDEST} columns")
            if (path.parent / NUMBERS).stat().st_size > 8 * KNOTS * len(rows) + LARGEST * 8:
                raise ValueError(f"{NUMBERS} is larger than its columns need")
            arrays = load_file(path.parent / NUMBERS)
            made = cls(
                [checked(row, arrays[str(i)]) for i, row in enumerate(rows)], arrays["noise"]
            )
            if len({column.name for column in made.columns}) < len(rows):
                raise ValueError("it has a name twice")
            if made.width > WIDEST or not np.isfinite(made.noise).all():
                raise ValueError("its rows are too wide, or its noise is not finite")
        except (
            *(KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError),
            *(OSError, SafetensorError),
        ) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        return made

    def _numbers(self) -> np.ndarray:
        starts = np.cumsum([0, *(column.width for column in self.columns)])[:-1]
        pairs = zip(starts, self.columns, strict=True)
        return np.array([start for start, c in pairs if c.levels is None], np.int64)

    def _table(self, x: np.ndarray, seed: np.random.SeedSequence | None) -> Any:
        import pyarrow as pa

        if x.ndim != 2 or x.shape[1] != self.width:
            raise ValueError(f"`x` must have shape (n, {self.width}): got {x.shape}.")
        # A stream for each column, so that the first rows do not depend on how many there are.
        n = 1 + len(self.columns)
        random = [None] * n if seed is None else [np.random.default_rng(s) for s in seed.spawn(n)]
        if random[0] is not None:
            x, where = x.copy(), self._numbers()
            x[:, where] += random[0].standard_normal((len(x), len(where))) @ self.noise.T
        made, start = {}, 0
        for column, own in zip(self.columns, random[1:], strict=True):
            part = x[:, start : start + column.width]
            made[column.name] = decoded(column, part, own)
            start += column.width
        return pa.table(made)
