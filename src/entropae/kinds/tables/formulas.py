"""Cells that a spreadsheet takes for formulas, which may have come with a stranger's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGINNINGS = "=+-@\t\r"


def formulas(table: Any, out: str) -> str:
    """What is to be said of texts in a CSV file that would run as formulas; empty if none would.

    They are not changed: a table that is read again must be the same.
    """
    if Path(out).suffix.lower() != ".csv":
        return ""
    import pyarrow as pa

    found = [name for name in table.column_names if name[:1] in tuple(BEGINNINGS)]
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        if any(value and value[0] in BEGINNINGS for value in column.unique().to_pylist()):
            found.append(name)
    if not found:
        return ""
    return (
        f" Mind that spreadsheets would run texts in {len(found)} of its columns as formulas: they "
        f"begin with one of {' '.join('=+-@')}. Import these columns as text."
    )
