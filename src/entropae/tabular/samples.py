"""Rows of a table as samples to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from entropae.config import unknown
from entropae.data import Samples, split
from entropae.reader import Dialect
from entropae.tabular.columns import Columns
from entropae.tabular.files import read_file


@dataclass(frozen=True, eq=False)
class TableSamples(Samples):
    """Samples that are rows of a table.

    Attributes:
        columns: What the numbers mean.
    """

    columns: Columns = field(default_factory=lambda: Columns(()))


def encoded(
    path: str | Path,
    columns: Columns | None = None,
    *,
    drop: Sequence[str] = (),
    dialect: Dialect | None = None,
    validation: float = 0.1,
    seed: int = 0,
) -> TableSamples:
    """Rows of a file as vectors.

    Args:
        path: A `.csv`, `.tsv` or `.parquet` file.
        columns: How; by default fitted to the rows that are not held out.
        drop: Columns to leave out.
        dialect: What is known of how a text is written.
        validation: Share of the rows held out.
        seed: Of which.

    Raises:
        ValueError: If the file cannot be read, its columns do not fit, or a category is among the
            held-out rows only.
    """
    table = read_file(path, dialect)
    if columns is None:
        for name in drop:
            if name not in table.column_names:
                raise ValueError(f"{path}: " + unknown("column", name, table.column_names))
        table = table.drop_columns(list(drop))
        if table.num_rows < 2:
            raise ValueError(f"{path}: at least 2 rows are needed: got {table.num_rows}.")
        kept, _ = split(table.num_rows, validation, seed=seed)
        columns = Columns.fit(table, kept)
    return TableSamples(columns.encode(table), columns=columns)
