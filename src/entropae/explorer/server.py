"""The explorer's server: a page, and JSON about codes. It answers this machine unless told else."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import re
import reprlib
import socket
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from torch import Tensor

from entropae.explorer.connections import Connection
from entropae.explorer.intake import Intake
from entropae.explorer.space import Space, pack
from entropae.messages import printable
from entropae.storage.limits import (
    AT_ONCE,
    BODY_SECONDS,
    CONNECTIONS,
    JSON_BYTES,
    UPLOAD_BYTES,
)

EVERYWHERE = ("0.0.0.0", "::")  # all of the machine's addresses
PAGE = files("entropae.explorer") / "page"
SCRIPTS = ("drawing.js", "remote.js", "map.js", "explorer.js")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

# The page needs nothing but itself, and nobody may frame it or read from it.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

Answer = Callable[[Space, bytes], dict[str, Any]]


def application(space: Space, host: str = "127.0.0.1") -> ASGIApp:
    """The server as an ASGI application.

    Args:
        space: What is explored.
        host: The address that it is bound to: under this name it may be asked for.
    """
    page = (PAGE / "index.html").read_text()
    page = page.replace("<!-- scripts -->", "\n".join(map(SCRIPT.format, SCRIPTS)))
    # Numbers of the whole map, made once: they do not change.
    about = json.dumps(space.describe(), allow_nan=False).encode()
    routes = [Route("/", partial(_fixed, page.encode(), "text/html"))]
    for name in ("style.css", *SCRIPTS):
        content = (PAGE / name).read_bytes()
        kind = TYPES[name[name.rindex(".") :]]
        routes.append(Route(f"/{name}", partial(_fixed, content, kind)))
    routes.append(Route("/api/space", partial(_fixed, about, "application/json")))
    turn, intake = asyncio.Lock(), Intake()
    for name, (answer, most) in ANSWERS.items():
        endpoint = partial(_answer, space, turn, intake, answer, most)
        routes.append(Route(f"/api/{name}", endpoint, methods=["POST"]))
    handlers: Mapping[Any, Any] = {HTTPException: _refusal, Exception: _failure}
    return _Guard(Starlette(routes=routes, exception_handlers=handlers), host)


# A name or address in numbers, IPv6 in brackets, and perhaps a port.
HOST = re.compile(r"([^\[\]:@/\s]+|\[[^\[\]\s]+\])(?::\d{1,5})?")
SCRIPT = '<script src="{}" defer></script>'


class _Guard:
    """Refuses requests under foreign names or from foreign pages, and sets the headers of all.

    A page on the network can have its name resolve to 127.0.0.1 once it is loaded (DNS rebinding);
    what it then asks for still carries that name in the Host header. An address written in numbers
    has nothing to resolve.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.names = {"localhost", host.lower()}
        if not is_loopback(host):
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # start and end; there are no web sockets
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refuse(Headers(scope=scope))
        app = _error(403, refused) if refused else self.app
        await app(scope, receive, send_with_headers)

    def _refuse(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._known(host):
            return (
                f"`Host` must be an address in numbers or one of {', '.join(sorted(self.names))}: "
                f"got {host!r}. Start the explorer with --host NAME to use that name."
            )
        for origin in headers.getlist("origin"):
            if origin not in (f"http://{host}", f"https://{host}"):
                return f"Another page's request is not answered: got `Origin` {origin!r}."
        return None

    def _known(self, host: str) -> bool:
        found = HOST.fullmatch(host.lower())
        if not found:
            return False
        return found[1] in self.names or _is_address(found[1].strip("[]"))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to it."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def serve(space: Space, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve the explorer until it is interrupted.

    Args:
        space: What is explored.
        host: Address or name to bind to. Others on the network reach it unless it is a loopback.
        port: 0 for any that is free.

    Raises:
        OSError: If that cannot be bound to.
    """
    if not 0 <= port < 1 << 16:
        raise ValueError(f"`port` must be in 0 to 65535: got port={port}.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address, family=family)
    except OSError as error:
        raise OSError(
            f"The explorer cannot listen at {host}, port {port}: {error.strerror or error}. Give "
            "another --port or --host."
        ) from error
    with listening:
        # Of a socket made without naming TCP, asyncio does not know that it may be told this.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown = f"[{host}]" if ":" in host else host
        if host in EVERYWHERE:
            shown = "localhost"
        port = listening.getsockname()[1]
        print(f"Open http://{shown}:{port}/ in a browser; Ctrl-C ends it.", flush=True)
        config = uvicorn.Config(
            application(space, host),
            log_level="error",  # strangers' bad requests are none of the user's
            http=Connection,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=1,
            server_header=False,
            ws="none",
        )
        uvicorn.Server(config).run([listening])


async def _fixed(content: bytes, kind: str, request: Request) -> Response:
    return Response(content, media_type=kind)


async def _answer(
    space: Space, turn: asyncio.Lock, intake: Intake, answer: Answer, most: int, request: Request
) -> Response:
    try:
        # One turn at a time: one uses all cores, and many would fill the memory.
        async with intake.body(request, most) as body, turn:
            result = await run_in_threadpool(answer, space, body)
    except ValueError as error:
        return _error(400, str(error))
    except TimeoutError:
        return _error(
            408,
            f"The request took too long to arrive: it may take {BODY_SECONDS:g} seconds, and less "
            "while others need the memory. Send it again.",
        )
    except ClientDisconnect:
        return _error(400, "The request was cut off.")
    return JSONResponse(result)


def _decode(space: Space, body: bytes) -> dict[str, Any]:
    codes = _codes(_fields(body, {"codes"})["codes"], space.dim)
    values = space.decode(codes)
    if not values.isfinite().all():
        raise ValueError("The decoder gives no finite values there. Use smaller codes.")
    return {"values": pack(values), "count": len(values)}


def _neighbours(space: Space, body: bytes) -> dict[str, Any]:
    fields = _fields(body, {"code", "k"})
    code = _codes([fields["code"]], space.dim)[0]
    index, distance = space.neighbours(code, _integer("k", fields["k"], AT_ONCE))
    rows = index.tolist()
    return {
        "values": pack(space.samples.__getitems__(rows)),
        "codes": pack(space.codes[index]),
        "indices": rows,
        "distances": [round(float(value), 6) for value in distance],
    }


def _sample(space: Space, body: bytes) -> dict[str, Any]:
    fields = _fields(body, {"prior", "n"})
    prior = fields["prior"]
    if not isinstance(prior, str) or len(prior) > 100:
        raise ValueError(f"`prior` must be a short name: got {_short(prior)}.")
    return {"codes": pack(space.draw(prior, _integer("n", fields["n"], AT_ONCE)))}


def _encode(space: Space, body: bytes, *, invert: bool = False) -> dict[str, Any]:
    kind = space.samples.kind
    x = kind.upload(body)
    x = sum(kind.range) - x if invert else x
    return {"values": pack(x), "codes": pack(space.encode(x[None]))}


ANSWERS: dict[str, tuple[Answer, int]] = {
    "decode": (_decode, JSON_BYTES),
    "neighbours": (_neighbours, JSON_BYTES),
    "sample": (_sample, JSON_BYTES),
    "encode": (_encode, UPLOAD_BYTES),
    "encode-inverted": (partial(_encode, invert=True), UPLOAD_BYTES),
}


def _fields(body: bytes, names: set[str]) -> dict[str, Any]:
    """The fields of a JSON object, which has these and no others."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The request must be JSON: {error}.") from error
    if not isinstance(found, dict) or found.keys() != names:
        got = sorted(found)[:8] if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"The request must have the fields {sorted(names)}: got {_short(got)}.")
    return found


def _codes(value: Any, dim: int) -> Tensor:
    right = (
        isinstance(value, list)
        and 1 <= len(value) <= AT_ONCE
        and all(isinstance(code, list) and len(code) == dim for code in value)
        and all(_is_number(z) for code in value for z in code)
    )
    if not right:
        raise ValueError(
            f"Codes must be 1 to {AT_ONCE} lists of {dim} finite numbers of float32's range: got "
            f"{_short(value)}."
        )
    return torch.tensor(value, dtype=torch.float32)


def _is_number(value: Any) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value) and abs(value) < 3e38
    except OverflowError:
        return False


def _integer(name: str, value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"`{name}` must be an integer from 1 to {most}: got {_short(value)}.")
    return value


def _short(value: Any) -> str:
    return reprlib.repr(value)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": printable(message)}, status_code=status)


async def _refusal(request: Request, error: HTTPException) -> Response:
    return _error(error.status_code, f"{error.detail} ({request.method} {request.url.path})")


async def _failure(request: Request, error: Exception) -> Response:
    return _error(500, "The server failed at this; the cause is in its terminal.")
