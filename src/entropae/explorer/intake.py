"""The bodies of requests, held in memory: a budget for all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import Request

from entropae.storage.limits import BODY_SECONDS, HELD_BYTES


class Intake:
    """Takes bodies in; if they become too much, the one that has been coming longest is cut off.

    So clients that send slowly hold nobody up: neither are they waited for, nor do they keep what
    others need.
    """

    def __init__(self) -> None:
        self.held = 0
        self.coming: dict[_Body, None] = {}

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """The body, read no further than allowed, whatever its header says; held while inside.

        Raises:
            HTTPException: If it is larger than `most`, or others that are whole fill the budget.
            TimeoutError: If it does not come in time, or was cut off for another.
        """
        mine = _Body()
        self.coming[mine] = None
        try:
            async with asyncio.timeout(BODY_SECONDS) as mine.limit:
                async for part in request.stream():
                    mine.parts += part
                    self.held += len(part)
                    if len(mine.parts) > most:
                        raise HTTPException(
                            413, f"A request may have {most:,} bytes here: send fewer."
                        )
                    self._make_room(mine)
            if self.coming.pop(mine, mine) is mine:
                raise TimeoutError
            yield bytes(mine.parts)
        finally:
            self._forget(mine)

    def _make_room(self, mine: _Body) -> None:
        while self.held > HELD_BYTES:
            oldest = next((body for body in self.coming if body is not mine), None)
            if oldest is None:
                raise HTTPException(503, "Too many requests are being worked on: try again.")
            if oldest.limit is not None:
                oldest.limit.reschedule(asyncio.get_running_loop().time())
            self._forget(oldest)

    def _forget(self, body: _Body) -> None:
        self.coming.pop(body, None)
        self.held -= len(body.parts)
        body.parts = bytearray()


class _Body:
    """What has come of one."""

    def __init__(self) -> None:
        self.parts = bytearray()
        self.limit: asyncio.Timeout | None = None
