"""What signals do, in every command and in `fit`: one policy, in one place.

The first Ctrl-C (SIGINT), SIGTERM or SIGHUP stops what is going on where nothing is lost: training
finishes its step and writes a checkpoint, anything else ends where it is, and files are written
whole or not at all. The second one ends the process at once. A command's exit code is 128 and the
signal's number: 130, 143, 129. In Python the first one becomes a `Stopped`, which is a
`KeyboardInterrupt`; a script that does not catch it ends with the same exit codes. A signal that is
ignored (`nohup`) stays ignored.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Seconds in which torchrun's own signal is taken for an echo of the terminal's, not for a second.
ECHO = 2.0
MOMENT = 0.02  # seconds until a signal that came at a bad moment is looked at again
POLL = 0.5  # seconds between two looks at whether the parent is there

Handler = Callable[[int, Any], None]


class Stopped(KeyboardInterrupt):
    """A signal asked to stop. What was finished until then is kept.

    Attributes:
        number: The signal's.
        epoch: In which training stopped, counted from 1, if it was training.
    """

    def __init__(
        self, number: int = signal.SIGINT, message: str = "Stopped.", *, epoch: int | None = None
    ) -> None:
        super().__init__(message)
        self.number, self.epoch = int(number), epoch

    def __reduce__(self) -> Any:
        """As workers send it to their parent."""
        return _stopped, (self.number, str(self), self.epoch)

    @property
    def code(self) -> int:
        """The exit code that shells give to such an end."""
        return 128 + self.number


def _stopped(number: int, message: str, epoch: int | None) -> Stopped:
    return Stopped(number, message, epoch=epoch)


class AtOnce(BaseException):
    """A signal that ends training where it is: no `KeyboardInterrupt`, which Lightning swallows."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Wish:
    """Whether a signal has asked to stop, while it is only noted.

    Attributes:
        number: The signal's, or `None`.
        patient: Whether what goes on looks at this from time to time; else a signal ends it.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.patient = True
        self.since = 0.0

    def __bool__(self) -> bool:
        return self.number is not None

    def install(self) -> None:
        """Note signals from now on; again, after somebody else's handlers took their place."""
        _install(self._note)

    def _note(self, number: int, frame: Any) -> None:
        again, _process.again = _process.again, False
        if self.number is None or again:
            self.number, self.since = number, time.monotonic()
            _process.first = number
            _exit_with_code()
            if not self.patient:
                raise AtOnce(number)
        elif "TORCHELASTIC_RUN_ID" not in os.environ or time.monotonic() - self.since > ECHO:
            if _process.is_command:
                _end(number)
            raise AtOnce(number)


class _Process:
    """What this process knows of the signals that came."""

    is_command = False
    is_idle = False  # a worker that waits for what to do
    first: int | None = None
    imports = 0  # that it was in when the command began
    again = False  # whether the next signal is the first one, put off
    exits = False  # whether a script that a `Stopped` ends has its code


_process = _Process()


@contextmanager
def in_command() -> Iterator[None]:
    """Inside, the first signal raises `Stopped`, and the second ends the process at once."""
    before = _process.is_command, _process.first, _process.imports
    _process.is_command, _process.first = True, None
    _process.imports = _imports(sys._getframe())
    try:
        with _handled(_raise):
            yield
    finally:
        _process.is_command, _process.first, _process.imports = before


@contextmanager
def deferred(wish: Wish) -> Iterator[None]:
    """Inside, the first signal is only noted; the second ends the command, or raises `AtOnce`.

    In other threads than the main one, which get no signals, it does nothing.
    """
    with _handled(wish._note):
        yield


def as_worker() -> None:
    """Make this process one that works for another, of which it gets its signals; see `in_command`.

    Ctrl-C reaches all processes of a terminal, and the parent tells its workers by SIGTERM. Ends
    with its parent, whatever that dies of.
    """
    _process.is_command = _process.is_idle = True
    _install(_raise)
    sys.unraisablehook = _not_lost(sys.unraisablehook)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()


@contextmanager
def working() -> Iterator[None]:
    """Inside, a worker does something; after a signal nothing new is begun.

    Raises:
        Stopped: If a signal has asked this process to stop.
    """
    if _process.is_command and _process.first is not None:
        raise Stopped(_process.first)
    idle, _process.is_idle = _process.is_idle, False
    try:
        yield
    finally:
        _process.is_idle = idle


def follow_parent() -> None:
    """End this process when its parent has died, also if that was before this call."""
    spawner = multiprocessing.parent_process()
    parent = os.getppid() if spawner is None else spawner.pid

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="entropae: watch the parent", daemon=True).start()


def _exit_with_code() -> None:
    """From now on a `Stopped` that nobody catches ends a script with its code, where Python has 1.

    Not a prompt: that shows it, and goes on.
    """
    if _process.exits:
        return
    _process.exits, before = True, sys.excepthook

    def hook(kind: Any, error: BaseException, trace: Any) -> None:
        before(kind, error, trace)
        if isinstance(error, Stopped) and not hasattr(sys, "ps1") and not sys.flags.interactive:
            raise SystemExit(error.code)

    sys.excepthook = hook


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Another handler of all signals that are not ignored, and the handlers of before after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, hook = _install(handler), sys.unraisablehook
    sys.unraisablehook = _not_lost(hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, one in before.items():
            signal.signal(number, one)


def _not_lost(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    """What Python calls where it ignores an exception, as in `__del__`: a signal's comes again."""

    def called(found: Any) -> None:
        if isinstance(found.exc_value, Stopped | AtOnce):
            threading.Thread(target=_put_off, args=(found.exc_value.number,), daemon=True).start()
        else:
            hook(found)

    return called


def _install(handler: Handler) -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # `None`: set by other than Python, and cannot be set back.
    before = {n: one for n, one in before.items() if one not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, handler)
    return before


def _raise(number: int, frame: Any) -> None:
    again, _process.again = _process.again, False
    if _process.first is not None and not again:
        _end(number)
    _process.first = number
    if _process.is_idle:
        return
    if _imports(frame) > _process.imports:
        threading.Thread(target=_put_off, args=(number,), daemon=True).start()
        return
    raise Stopped(number)


def _imports(frame: Any) -> int:
    """How deep in imports that is: an exception there may be lost, or leave half of a module."""
    depth = 0
    while frame is not None:
        depth += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return depth


def _put_off(number: int) -> None:
    """Send the signal again, in a moment."""
    time.sleep(MOMENT)
    _process.again = True
    signal.raise_signal(number)


def _end(number: int) -> NoReturn:
    os._exit(128 + number)
