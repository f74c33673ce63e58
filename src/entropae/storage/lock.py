"""One process at a time in a folder."""

from __future__ import annotations

import json
import os
import platform
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from entropae.messages import printable

LOCK = ".entropae-lock"
# Folders that this process has claimed: what it calls may claim them again.
_held: set[Path] = set()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Inside, no other process that asks for this folder gets it; it is made if there is none.

    The system holds the lock and gives it back when the process ends, whatever it dies of: a file
    that was left behind holds nobody up. Folders that were made for the lock and are empty in the
    end are removed.

    Raises:
        FileExistsError: If another process has it, with its number.
    """
    place = folder.resolve()
    if place in _held:
        yield
        return
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    file = _locked(folder / LOCK)
    _held.add(place)
    try:
        yield
    finally:
        _held.discard(place)
        (folder / LOCK).unlink(missing_ok=True)
        file.close()
        for path in new:
            if any(path.iterdir()):
                break
            path.rmdir()


def is_empty(folder: Path) -> bool:
    """Whether there is nothing in a folder, or it is not there; locks do not count."""
    return not folder.exists() or all(path.name == LOCK for path in folder.iterdir())


def _locked(path: Path) -> IO[str]:
    """The lock's file, open and locked, with who holds it in it."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(f"{printable(path)} is no file, as the lock of a folder is. Remove it.")
    while True:
        # Not through a link, which might lead anywhere.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, 0o644), "r+", encoding="utf-8")
        if not _lock(file):
            holder = _holder(file)
            file.close()
            raise FileExistsError(
                f"{path.parent} is in use by another process{holder}. Wait until it has ended, or "
                "give another --out."
            )
        try:
            # Whoever had it may have removed the file between our opening and our locking it.
            current = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            current = False
        if current:
            break
        file.close()
    about = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%F %T %Z")}
    file.truncate(0)
    json.dump(about, file)
    file.flush()
    return file


def _holder(file: IO[str]) -> str:
    try:
        about = json.loads(file.read(1000))
        said = f"{int(about['pid'])} on {about['host']}, since {about['since']}"
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError, OSError):
        return ""
    return f" ({printable(said)})"


try:
    import fcntl

    def _lock(file: IO[str]) -> bool:
        """Lock a file, if no other process has."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

except ImportError:  # on Windows
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    FAR = 1 << 30  # what is locked there cannot be read either

    def _lock(file: IO[str]) -> bool:
        """Lock a file, if no other process has."""
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True
