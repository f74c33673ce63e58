"""Codes written to files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from entropae.kinds.samples import Samples
from entropae.storage.atomic import replacing

Names = tuple[str, Sequence[str | int]]


def names_of(samples: Samples) -> Names:
    """What tells whose a code is: the sample's file in its folder, or its row from 0."""
    rows = np.arange(len(samples.array)) if samples.index is None else samples.index
    if len(samples.names) == len(samples.array):
        return "file", [samples.names[i] for i in rows]
    return "row", (rows if samples.kept is None else np.flatnonzero(samples.kept)[rows]).tolist()


def _npy(code: np.ndarray, path: Path, names: Names) -> None:
    with path.open("wb") as file:
        np.save(file, code)


def _csv(code: np.ndarray, path: Path, names: Names) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([names[0], *(f"z{i}" for i in range(code.shape[1]))])
        for name, row in zip(names[1], code.tolist(), strict=True):
            out.writerow([name, *(f"{value:.9g}" for value in row)])


def _parquet(code: np.ndarray, path: Path, names: Names) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {names[0]: pa.array(names[1])}
    columns |= {f"z{i}": pa.array(column) for i, column in enumerate(code.T)}
    parquet.write_table(pa.table(columns), path)


WRITERS: dict[str, Callable[[np.ndarray, Path, Names], None]] = {
    ".npy": _npy,
    ".csv": _csv,
    ".parquet": _parquet,
}


def check_codes_out(out: str) -> None:
    """Raise unless codes can be written under a name.

    Raises:
        ValueError: If its suffix is none that is known.
        ImportError: If it needs pyarrow, which is not installed.
    """
    from importlib.util import find_spec

    suffix = Path(out).suffix.lower()
    if suffix not in WRITERS:
        raise ValueError(f"`--out` must end in {', '.join(WRITERS)}: got {out}.")
    if suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ImportError('Parquet needs pyarrow: pip install "entropae[tables]".')


def write_codes(code: Float[np.ndarray, "n d"], path: Path, samples: Samples) -> None:
    """Write codes, a row each, whole or not at all; in tables beside what `names_of` says.

    Args:
        code: The codes.
        path: An .npy, .csv or .parquet file.
        samples: That they are of.

    Raises:
        ValueError: If some are not finite.
    """
    wrong = int((~np.isfinite(code)).any(1).sum())
    if wrong:
        raise ValueError(
            f"{wrong} of {len(code)} codes are not finite: the encoder's weights are damaged, or "
            "the samples are too large for it. Nothing was written."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        WRITERS[path.suffix.lower()](code, temporary, names_of(samples))
