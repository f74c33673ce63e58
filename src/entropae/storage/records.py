"""Figures that a run keeps in files: JSON and CSV, read within limits."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from entropae.storage.regular import check_regular

# Bytes that files beside the model may have, so that no folder of a stranger's fills the memory.
LARGEST = 1 << 22
LONGEST = 1 << 24  # a log of some hundred thousand epochs, which takes forty times the memory
LINE = 1 << 16  # of a log, of which only the last one is wanted
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


def last_row(path: Path) -> dict[str, str]:
    """The last row of a log of any length; nothing if it has none.

    Raises:
        ValueError: If it is no table.
    """
    check_regular(path)
    with path.open("rb") as file:
        head = file.readline(LINE)
        file.seek(max(file.tell(), path.stat().st_size - LINE))
        rest = file.read(LINE).strip()
    if not rest:
        return {}
    try:
        lines = [line.decode("utf-8") for line in (head, rest.splitlines()[-1])]
        names, cells = csv.reader(lines, strict=True)
        return dict(zip(names, cells, strict=True))
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it.") from error


def _check_size(path: Path, most: int) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there.")
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes, at most {most:,} are read.")
