"""Connections of the explorer's server: none that is slow, or does nothing, keeps others out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from entropae.storage.limits import ANSWER_SECONDS, BODY_SECONDS, HEADER_SECONDS, WAITING

# Seconds that the server has to say that a body took too long, before its connection is closed;
# and that a connection has to send something, before it is closed for others' sake.
GRACE = 1.0


class Connection(H11Protocol):
    """Closes itself if headers, a body, or the taking of an answer last too long.

    Uvicorn waits for ever for all three. Among many that wait for headers the oldest is closed for
    the newest's sake, also if it has been answered before.
    """

    # Of all servers of the process: those that wait for headers and since when, the oldest first.
    waiting: ClassVar[dict[Connection, float]] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Go on to the next part, if there is all of the last one."""
        if not self.transport.get_write_buffer_size():
            self._stop("answer")
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request's headers, and for the answer to be taken."""
        if self.conn.their_state is h11.DONE:
            self._stop("body")
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Wait for the part of an answer to be taken that is too much to be held."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """Wait no longer."""
        self._stop("answer")
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        for part in tuple(self._timers):
            self._stop(part)
        self.waiting.pop(self, None)
        super().connection_lost(exc)

    def _look(self) -> None:
        """Start and stop the timers that go with what has come and gone."""
        state = self.conn.their_state
        if state is h11.IDLE:
            self._start("headers", HEADER_SECONDS, self.transport.close)
            self.waiting.setdefault(self, self.loop.time())
            self._make_room()
        else:
            self._stop("headers")
            self.waiting.pop(self, None)
        if state is h11.SEND_BODY:
            self._start("body", BODY_SECONDS + GRACE, self.transport.close)
        else:
            self._stop("body")
        if self.transport.get_write_buffer_size():
            # Closing would wait for what is not taken.
            self._start("answer", ANSWER_SECONDS, self.transport.abort)

    def _make_room(self) -> None:
        """Close the oldest of those that wait, but none that has only just come."""
        while len(self.waiting) > WAITING:
            oldest, since = next(iter(self.waiting.items()))
            if self.loop.time() - since < GRACE:
                break
            del self.waiting[oldest]
            oldest.transport.close()

    def _start(self, part: str, seconds: float, then: Callable[[], None]) -> None:
        """Have a time for a part, unless that runs already."""
        if part not in self._timers:
            self._timers[part] = self.loop.call_later(seconds, then)

    def _stop(self, part: str) -> None:
        timer = self._timers.pop(part, None)
        if timer is not None:
            timer.cancel()
