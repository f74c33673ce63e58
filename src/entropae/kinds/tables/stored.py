"""Columns in a folder: `table.json` with what they are, `table.safetensors` with their numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from entropae.kinds.tables.checked import checked, described
from entropae.kinds.tables.column import KNOTS, Column
from entropae.kinds.tables.files import TABLE
from entropae.kinds.tables.identifiers import Identifier, checked_identifier
from entropae.storage.atomic import replacing, write_text

NUMBERS = "table.safetensors"
LARGEST = 1 << 26  # bytes of the description
WIDEST = 10_000  # numbers of a row


def write_columns(
    folder: Path,
    columns: Sequence[Column],
    identifiers: Sequence[Identifier],
    noise: np.ndarray,
    more: Mapping[str, Any],
) -> None:
    """Write both files.

    Raises:
        ValueError: If the categories are too long.
    """
    said: dict[str, Any] = {"columns": [described(column) for column in columns]}
    said["identifiers"] = [asdict(one) for one in identifiers]
    text = json.dumps(said | dict(more), ensure_ascii=False, indent=1) + "\n"
    if len(text.encode()) > LARGEST:
        raise ValueError(f"The categories take more than {LARGEST} bytes. Drop the longest.")
    arrays = {"noise": noise}
    for i, column in enumerate(columns):
        gap = column.gap
        found = {f"{i}": column.knots, f"{i}.sites": column.sites}
        found |= {} if gap is None else {f"{i}.gap": gap.knots, f"{i}.gap.sites": gap.sites}
        arrays |= {name: array for name, array in found.items() if array is not None}
    with replacing(folder / NUMBERS) as path:
        path.write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
    write_text(folder / TABLE, text)


def read_columns(
    folder: Path,
) -> tuple[list[Column], list[Identifier], list[str] | None, np.ndarray, bool]:
    """The columns, identifiers, order of names and noise in a folder, checked.

    And whether there were conditionals with them.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, OSError,
        SafetensorError: If they are damaged, or describe what no table has.
    """
    size = (folder / TABLE).stat().st_size
    if size > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    said = json.loads((folder / TABLE).read_text("utf-8"))
    rows, identifiers = said["columns"], said.get("identifiers", [])
    if not isinstance(rows, list) or not 1 <= len(rows) + len(identifiers) <= WIDEST:
        raise ValueError(f"it must have from 1 to {WIDEST} columns")
    # Quantiles and sites of each column and of its gap, a share of each category, and the noise.
    if (folder / NUMBERS).stat().st_size > 40 * KNOTS * len(rows) + 8 * size + (1 << 25):
        raise ValueError(f"{NUMBERS} is larger than its columns need")
    arrays = load_file(folder / NUMBERS)
    columns = [checked(row, arrays, i) for i, row in enumerate(rows)]
    if sum(column.width for column in columns) > WIDEST or not np.isfinite(arrays["noise"]).all():
        raise ValueError("its rows are too wide, or its noise is not finite")
    named = [checked_identifier(row) for row in identifiers]
    return columns, named, said.get("order"), arrays["noise"], bool(said.get("settled"))
