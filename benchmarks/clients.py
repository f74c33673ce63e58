"""Two hundred honest clients at the explorer's server for a minute, beside idle and slow ones.

    python benchmarks/clients.py --seconds 60

`entropae explore` is a process of its own. Honest clients ask for four codes to be decoded, or
upload a picture, over a new connection each time, and ask again when they are answered. Beside them
are clients that send nothing, that send their headers or a picture a byte at a time, and that take
no answers; they come again when the server has closed them. Every honest request must be answered.
Writes `results/clients.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from _machine import save

COMMAND = [sys.executable, "-m", "entropae.cli"]
FIT = ["--data", "digits", "--epochs", "3", "--model.hidden", "[32]", "--model.latent.dim", "2"]
CLIENTS = {
    "that decode": 190,
    "that upload": 10,
    "that send nothing": 100,
    "slow with headers": 50,
    "slow with a picture": 50,
    "that take no answers": 20,
}
PAUSE = 0.2  # seconds between two bytes of slow ones
HEAD = "{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n"


class Load:
    """What clients of one server find.

    Attributes:
        taken: Seconds of each answered request, by the kind of client.
        ends: How often which status came, or which error, by the kind of client.
    """

    def __init__(self, port: int, until: float) -> None:
        self.port, self.until = port, until
        self.taken: dict[str, list[float]] = {}
        self.ends: dict[str, Counter[str]] = {name: Counter() for name in CLIENTS}
        picture = io.BytesIO()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture, "PNG")
        codes = json.dumps({"codes": 4 * [[0.0, 1.0]]}).encode()
        self.decode = _request("POST /api/decode", codes)
        self.upload = _request("POST /api/encode", picture.getvalue())

    async def run(self) -> None:
        """All clients, until the time is over."""
        act: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
            "that decode": lambda name: self.honest(name, self.decode),
            "that upload": lambda name: self.honest(name, self.upload),
            "that send nothing": lambda name: self.slow(name, b""),
            "slow with headers": lambda name: self.slow(
                name, b"GET / HTTP/1.1\r\nX: " + bytes(9999)
            ),
            "slow with a picture": lambda name: self.slow(
                name, _head("POST /api/encode", 1_000_000), bytes(9999)
            ),
            "that take no answers": lambda name: self.slow(name, 4000 * _request("GET /map.js")),
        }
        async with asyncio.TaskGroup() as group:
            for name, number in CLIENTS.items():
                for _ in range(number):
                    group.create_task(self.again(name, act[name]))

    async def again(self, name: str, act: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        """Act over and over."""
        while (left := self.until - time.monotonic()) > 0:
            honest = name in ("that decode", "that upload")
            try:
                # An honest one that has asked waits for its answer.
                await asyncio.wait_for(act(name), None if honest else left)
            except TimeoutError:
                return
            except OSError as error:
                self.ends[name][type(error).__name__] += 1

    async def honest(self, name: str, request: bytes) -> None:
        """Ask once."""
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        status = (await reader.readline()).split()[1:2]
        await reader.read()
        writer.close()
        self.ends[name][b"".join(status).decode() or "cut off"] += 1
        self.taken.setdefault(name, []).append(time.perf_counter() - began)

    async def slow(self, name: str, at_once: bytes, by_and_by: bytes = b"") -> None:
        """Send, and take nothing, until the server closes."""
        if name == "slow with headers":
            at_once, by_and_by = at_once[:20], at_once[20:]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 12)
        with contextlib.closing(writer):
            writer.write(at_once)
            for byte in by_and_by:
                writer.write(bytes([byte or 120]))
                await writer.drain()
                if reader.at_eof():
                    break
                await asyncio.sleep(PAUSE)
            while not (reader.at_eof() or writer.is_closing() or reader.exception()):
                await asyncio.sleep(PAUSE)
            self.ends[name]["closed"] += 1


def _head(what: str, size: int) -> bytes:
    return (HEAD.format(what, size) + "\r\n").encode()


def _request(what: str, body: bytes = b"") -> bytes:
    close = "" if what.startswith("GET") else "Connection: close\r\n"
    return (HEAD.format(what, len(body)) + close + "\r\n").encode() + body


def resident(pid: int) -> int:
    """The most memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*COMMAND, "fit", "--out", f"{folder}/run", "--no-report", *FIT], check=True)
        serve = [*COMMAND, "explore", f"{folder}/run", "--port", "0"]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(re.findall(r":(\d+)/", process.stdout.readline())[0])
            before = resident(process.pid)
            load = Load(port, time.monotonic() + seconds)
            asyncio.run(load.run())
            grown = resident(process.pid) - before
            process.terminate()
    figures = {}
    for name, taken in load.taken.items():
        quantiles = np.quantile(taken, [0.5, 0.95, 1]).round(3)
        figures[name] = dict(zip(("median", "95 %", "longest"), quantiles.tolist(), strict=True))
        figures[name]["requests"] = len(taken)
    ends = {name: dict(one) for name, one in load.ends.items()}
    result = {"clients": CLIENTS, "seconds": figures, "ends": ends, "bytes_more": grown}
    print(json.dumps(result, indent=1))
    save("clients", result, seconds=seconds)
    refused = [name for name in load.taken if set(ends[name]) != {"200"}]
    if refused:
        raise RuntimeError(f"Honest clients were refused: {refused}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    main(options.seconds)
