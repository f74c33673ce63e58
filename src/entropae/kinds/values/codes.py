"""Codes written to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from entropae.storage.atomic import replacing


def _npy(code: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, code)


def _csv(code: np.ndarray, path: Path) -> None:
    header = ",".join(f"z{i}" for i in range(code.shape[1]))
    np.savetxt(path, code, "%.9g", ",", header=header, comments="")


def _parquet(code: np.ndarray, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {f"z{i}": column for i, column in enumerate(code.T)}
    parquet.write_table(pa.table(columns), path)


WRITERS: dict[str, Callable[[np.ndarray, Path], None]] = {
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


def write_codes(code: Float[np.ndarray, "n d"], path: Path) -> None:
    """Write codes, a row each, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        WRITERS[path.suffix.lower()](code, temporary)
