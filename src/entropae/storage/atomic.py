"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".entropae-partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block succeeds.

    Its bytes are on the disk before it does, so that a loss of power leaves the old or the new.

    Raises:
        OSError: If the disk is full, or for whatever reason else it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        temporary.unlink(missing_ok=True)
        temporary.open("xb").close()  # never through a link that lies there
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        if hasattr(os, "O_DIRECTORY"):  # not on Windows
            _flush(path.parent)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{path} could not be written: {error.strerror or error}. What was there before is "
            "intact. Make room, or permit writing there, and try again",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text, replacing the file at once."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def remove_partial(folder: Path) -> None:
    """Remove what writers left behind that were killed."""
    for path in folder.glob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
