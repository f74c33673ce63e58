"""Arrays of numbers written to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from entropae.storage.atomic import replacing


def _npy(values: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, values)


def _csv(values: np.ndarray, path: Path) -> None:
    rows = values.reshape(len(values), -1)
    header = ",".join(map(str, range(rows.shape[1])))
    np.savetxt(path, rows, "%.9g", ",", header=header, comments="")


def _picture(values: np.ndarray, path: Path) -> None:
    from entropae.drawing.pictures import save_lines

    save_lines({"": values.reshape(len(values), -1)}, path)


# By a file's suffix.
WRITERS: dict[str, Callable[[np.ndarray, Path], None]] = {
    ".npy": _npy,
    ".csv": _csv,
    ".png": _picture,
    ".pdf": _picture,
    ".svg": _picture,
}


def check_out(out: str) -> None:
    """Raise unless samples can be written under a name."""
    if Path(out).suffix.lower() not in WRITERS:
        raise ValueError(
            f"`--out` must end in {', '.join(WRITERS)}, of which the last three are pictures of "
            f"lines: got {out}."
        )


def write(kind: Any, made: Tensor, out: str) -> str:
    """Write samples as an array, a table of their values, or a picture of lines."""
    check_out(out)
    _save(made.cpu().numpy(), out)
    return f"Wrote {len(made)} {kind.things} to {out}."


def write_pairs(kind: Any, x: Tensor, again: Tensor, out: str) -> str:
    """Write reconstructions, in pictures over what they are of."""
    check_out(out)
    if WRITERS[Path(out).suffix.lower()] is not _picture:
        return write(kind, again, out)
    from entropae.drawing.pictures import save_lines

    pairs = {"originals": x, "reconstructions": again}
    rows = {name: part[:8].cpu().flatten(1).numpy() for name, part in pairs.items()}
    _new(out)
    save_lines(rows, Path(out))
    return f"Wrote {out}: originals and their reconstructions as lines."


def _new(out: str) -> None:
    Path(out).parent.mkdir(parents=True, exist_ok=True)


def _save(values: np.ndarray, out: str) -> None:
    path = Path(out)
    _new(out)
    with replacing(path) as temporary:
        WRITERS[path.suffix.lower()](values, temporary)
