"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTIAL = ".entropae-partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block succeeds.

    Its bytes are on the disk before it does, so that a loss of power leaves the old or the new.

    Raises:
        OSError: If the disk is full, or for whatever reason else it cannot be written.
    """
    # With its suffix, by which many writers go.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{PARTIAL}{path.suffix}")
    try:
        temporary.unlink(missing_ok=True)
        temporary.open("xb").close()  # never through a link that lies there
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        if hasattr(os, "O_DIRECTORY"):  # not on Windows
            _flush(path.parent)
    except OSError as error:
        said = (
            f"{path} could not be written: {error.strerror or error}. What was there before is "
            "intact. Make room, or permit writing there, and try again"
        )
        # Libraries that write themselves do not always tell a number.
        raise (OSError(said) if error.errno is None else OSError(error.errno, said)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text, replacing the file at once."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def remove_partial(folder: Path) -> None:
    """Remove what writers left behind that were killed."""
    for path in folder.glob(f".*{PARTIAL}*"):
        path.unlink(missing_ok=True)


def check_out(
    path: Path,
    *,
    folder: bool = False,
    read: Iterable[Any] = (),
    otherwise: str = "Give another --out.",
) -> None:
    """Raise unless something can be written there, before any work is done.

    Args:
        path: A file, or a folder.
        folder: Whether it may be one.
        read: Names of what is read, in whose place nothing is written.
        otherwise: What to do if it cannot be.

    Raises:
        ValueError: If it is a file that is read.
        OSError: If a folder is in its place, or something else in a folder's, or its place is none
            that may be written to.
    """
    if path.is_file() and any(os.path.isfile(one) and path.samefile(one) for one in read if one):
        raise ValueError(
            f"`--out` is a file that is read, which would be lost: {path}. Give another."
        )
    if path.is_dir() and not folder:
        raise IsADirectoryError(f"`--out` must be a file: {path} is a folder. Give a file in it.")
    if folder and path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"`--out` must be a folder: {path} is none. Give another, or one that is to be made."
        )
    inside = path if path.is_dir() else path.absolute().parent
    found = next(one for one in (inside, *inside.absolute().parents) if one.exists())
    if not found.is_dir() or not os.access(found, os.W_OK | os.X_OK):
        raise PermissionError(
            f"Nothing can be written to {path}: {found} is no folder that you may write to. "
            f"{otherwise}"
        )


def check_links(folder: Path) -> None:
    """Refuse a folder with links that lead out of it: what is written there would land elsewhere.

    Raises:
        OSError: Naming the first one.
    """
    # Not by `resolve`, which fails on links in a circle.
    place = os.path.realpath(folder)
    for path in folder.rglob("*"):
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(place):
            raise OSError(f"{folder} has links in it that lead elsewhere: {path}. Remove them.")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
