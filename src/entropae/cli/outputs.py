"""Files that commands write figures and pictures to."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entropae.messages import printable
from entropae.storage import atomic
from entropae.storage.atomic import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")


def check_out(paths: Sequence[str], file: str) -> None:
    """Raise unless all are CSV files or pictures, and none of them the file that is read.

    Raises:
        ValueError: If one is not.
    """
    for path in paths:
        atomic.check_out(Path(path), read=[file])
        if Path(path).suffix.lower() not in (".csv", *PICTURES):
            raise ValueError(f"`--out` must end in .csv, {', '.join(PICTURES)}: got {path}.")


def write(
    paths: Sequence[str], columns: Mapping[str, Iterable[Any]], figure: Callable[[], Figure]
) -> None:
    """Write columns by name into CSV files, numbers that are NaN as nothing, and pictures."""
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in PICTURES:
            with replacing(path) as temporary:
                figure().savefig(temporary, format=path.suffix.lower()[1:], dpi=150)
            continue
        text = io.StringIO(newline="")
        rows = ([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
        csv.writer(text, lineterminator="\n").writerows([list(columns), *rows])
        write_text(path, text.getvalue())


def say_written(paths: Sequence[str]) -> None:
    """Print what was written, if anything."""
    if paths:
        print(f"Wrote {' and '.join(map(printable, paths))}.")


def _cell(value: Any) -> Any:
    return "" if isinstance(value, float) and value != value else value
