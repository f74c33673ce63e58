"""Files that are files: opening a pipe waits for whoever may never write into it."""

from __future__ import annotations

from pathlib import Path

from entropae.messages import printable


def check_regular(path: Path) -> None:
    """Raise if something else than a file or a folder is there.

    Raises:
        ValueError: If it is a pipe, a device or a socket.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{printable(path)} is no file: it is a pipe, a device or a socket.")
