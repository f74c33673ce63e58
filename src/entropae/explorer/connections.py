"""Connections of the explorer's server: none that sends nothing keeps others out."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from entropae.storage.limits import HEADER_SECONDS, WAITING


class Connection(H11Protocol):
    """Closes itself if a request's headers do not come in time, and for others' sake before.

    Uvicorn waits for ever for the first request, and for the end of one that has begun.
    """

    # Of all servers of the process: those that wait for headers, the oldest first.
    waiting: ClassVar[dict[Connection, asyncio.TimerHandle]] = {}

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()
        if len(self.waiting) > WAITING:
            next(iter(self.waiting))._close()

    def data_received(self, data: bytes) -> None:
        """Wait on, until headers are whole; from the first byte of a next request too."""
        self._wait()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._heard()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self not in self.waiting and self.conn.their_state is h11.IDLE:
            self.waiting[self] = self.loop.call_later(HEADER_SECONDS, self._close)

    def _heard(self) -> None:
        timer = self.waiting.pop(self, None)
        if timer is not None:
            timer.cancel()

    def _close(self) -> None:
        self._heard()
        self.transport.close()
