"""Figures that a run keeps in files: JSON and CSV, read within limits."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

# Bytes that files beside the model may have, so that no folder of a stranger's fills the memory.
LARGEST = 1 << 22
LONGEST = 1 << 26  # a log of many epochs
DRAWABLE = 1e30  # beyond which nothing can be drawn


def read_json(path: Path) -> dict[str, Any]:
    """What a file of the run says.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is too large, or does not hold named values.
    """
    _check_size(path, LARGEST)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged: it holds no named values. Remove it.")
    return found


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a training's log; cells that are empty or cannot be drawn are left out.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is too large, or no table of numbers by the step.
    """
    _check_size(path, LONGEST)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file, strict=True)
            if "step" not in (table.fieldnames or ()):
                raise ValueError("it has no column `step`")
            # A row that is too long has a list of the rest, which is no number.
            rows = [{name: float(cell) for name, cell in row.items() if cell} for row in table]
    except (csv.Error, ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it.") from error
    rows = [{name: value for name, value in row.items() if abs(value) < DRAWABLE} for row in rows]
    return [row for row in rows if "step" in row]


def _check_size(path: Path, most: int) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there.")
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes, at most {most:,} are read.")
