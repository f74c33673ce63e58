"""Budgets for strangers: their files, their clients; and output that is whole or not there."""

from __future__ import annotations

import contextlib
import copy
import errno
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.explorer import connections, intake, server
from entropae.kinds import read as load
from entropae.kinds.images.files import read_image
from entropae.latent import Plain
from entropae.recipe import read_settings
from entropae.storage import limits
from entropae.storage.arrays import read_array
from entropae.storage.atomic import replacing
from options import SMALL

# Files


def jpeg(scans: int, size: int = 256) -> bytes:
    """A progressive picture with that many empty scans more."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size, size), np.uint8)
    Image.fromarray(noise).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    head = content[last : last + 2 + int.from_bytes(content[last + 2 : last + 4], "big")]
    return content[:-2] + scans * head + b"\xff\xd9"


def test_a_picture_of_many_scans(tmp_path):
    """In the explorer's upload and in folders; as many as anybody writes are read."""
    bomb, fine = jpeg(15_000), jpeg(20)
    began = time.perf_counter()
    with pytest.raises(ValueError, match=r"it has 15,0\d\d scans, and 100 is the limit"):
        read_image(io.BytesIO(bomb), (1, 8, 8))
    assert read_image(io.BytesIO(fine), (1, 8, 8)).shape == (1, 8, 8)
    for i, content in enumerate((fine, fine, bomb)):
        (tmp_path / f"{i}.jpg").write_bytes(content)
    with pytest.warns(UserWarning, match="1 of 3 images left out"):
        samples = load(tmp_path, size=8)
    assert len(samples) == 2
    assert "scans" in samples.skipped[0]
    assert time.perf_counter() - began < 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x-idx3-ubyte", "x.txt", "recipe.yaml"])
def test_a_pipe_that_is_called_a_file(name, tmp_path, capsys):
    os.mkfifo(tmp_path / name)
    reads = {"recipe.yaml": read_settings}.get(name, load)
    with pytest.raises(ValueError, match="it is a pipe"):
        reads(tmp_path / name)
    if name == "x.npy":
        with pytest.raises(ValueError, match="it is a pipe"):
            read_array(tmp_path / name)
        assert main(["fit", "--data", str(tmp_path / name), "--out", str(tmp_path / "run")]) == 1
        assert "it is a pipe" in capsys.readouterr().err


def test_links_lead_no_command_out_of_a_run(run, tmp_path, capsys):
    import shutil

    own = Path(shutil.copytree(run, tmp_path / "run"))
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "encoder.onnx").write_text("precious")
    (own / "export").symlink_to(outside)
    commands = (
        ["export"],
        ["evaluate"],
        ["report"],
        ["diagnose"],
        ["sample", "--out", str(tmp_path / "x.png")],
        ["encode", "--out", str(tmp_path / "x.npy")],
    )
    for command in commands:
        assert main([command[0], str(own), *command[1:]]) == 1
        assert "links in it that lead elsewhere" in capsys.readouterr().err
    assert (outside / "encoder.onnx").read_text() == "precious"
    assert len(list(outside.iterdir())) == 1
    (own / "export").unlink()
    (own / "again.png").symlink_to("samples.png")  # within it
    assert main(["sample", str(own), "--out", str(tmp_path / "x.png")]) == 0


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("sample", "x.png"),
        ("sample", "x.npy"),
        ("reconstruct", "x.png"),
        ("interpolate", "x.jpg"),
        ("encode", "x.npy"),
        ("encode", "x.csv"),
        pytest.param("report", "x.html", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_leaves_nothing_under_the_final_name(
    command, name, run, tmp_path, monkeypatch, capsys
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for before in (None, b"as it was"):
        if before:
            (tmp_path / name).write_bytes(before)
        with monkeypatch.context() as patch:
            patch.setattr("entropae.storage.atomic._flush", full)
            assert main([command, str(run), "--out", str(tmp_path / name)]) == 1
        assert "No space left on device" in capsys.readouterr().err
        assert [path.read_bytes() for path in tmp_path.iterdir()] == ([before] if before else [])


def test_pictures_are_written_under_another_name_first(run, tmp_path, monkeypatch):
    """Whatever a kind of run writes: it is there whole, or not at all."""
    seen: list[Path] = []
    save = Image.Image.save

    def watch(self, where, *rest, **options):
        if isinstance(where, Path):
            seen.append(where)
        return save(self, where, *rest, **options)

    monkeypatch.setattr(Image.Image, "save", watch)
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "many")]) == 0
    assert main(["sample", str(run), "--out", str(tmp_path / "one.png")]) == 0
    assert len(seen) == 4
    assert all("partial" in path.name and path.suffix == ".png" for path in seen)
    with replacing(tmp_path / "x.webp") as temporary:
        assert temporary.suffix == ".webp"
        temporary.write_text("x")


# Output


@pytest.mark.long
def test_what_is_said_survives_a_terminal_of_ascii(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    np.savetxt(tmp_path / "é.csv", x, delimiter=",", header="a,b", comments="")
    done = subprocess.run(
        [sys.executable, "-m", "entropae.cli", "entropy", str(tmp_path / "é.csv")],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b" +/- " in done.stdout


@pytest.mark.long
def test_a_name_does_not_turn_the_page(tmp_path):
    folder = tmp_path / "run\u202egnp.exe"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL[:-1]]) == 0
    page = (folder / "report.html").read_text()
    assert not set(page) & {"\u202e", "\u2066", "\u200f"}
    assert "\\u202e" in page


def test_formulas_of_a_strangers_table_are_told(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    for cells, told in ((("=1+1", "b"), True), (("a", "b"), False)):
        rows = [f"{i * i / 7:.3f},{cells[i % 2]}" for i in range(80)]
        (tmp_path / "x.csv").write_text("\n".join(["height,group", *rows]) + "\n")
        folder = tmp_path / f"run-{told}"
        fit = ["fit", "--data", str(tmp_path / "x.csv"), "--out", str(folder), *SMALL]
        assert main(fit) == 0
        capsys.readouterr()
        out = str(tmp_path / "new.csv")
        assert main(["sample", str(folder), "--out", out]) == 0
        assert ("would run texts in 1 of its columns" in capsys.readouterr().out) == told
        assert (cells[0] in Path(out).read_text()) is True, "what is written is not changed"


# Threads


def test_encoding_in_threads_is_encoding():
    """One thread does not set another's model to training."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    model = ea.Autoencoder(network, nn.Linear(2, 4), Plain(2)).train()
    x = torch.randn(64, 4)
    expected = model.encode(x)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: model.encode(x), range(400)))
    assert all(torch.equal(code, expected) for code in codes)
    assert all(part.training for part in model.modules())
    assert torch.equal(copy.deepcopy(model).encode(x), expected)


FORKED = """
import multiprocessing, torch
import entropae as ea
torch.set_num_threads(2)
x = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))
before = float(ea.knn_entropy(x)), float((x @ x.T).sum())
def again(_):
    return float(ea.knn_entropy(x)), float((x @ x.T).sum())
with multiprocessing.get_context("fork").Pool(2) as pool:
    for found in pool.map(again, range(2)):
        assert abs(found[0] / before[0] - 1) < 1e-6, (found, before)
print("done")
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked there")
def test_a_process_forked_after_threads_does_not_hang():
    done = subprocess.run(
        [sys.executable, "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=120,
        env={key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"},
    )
    assert done.stdout == "done\n", done.stderr


# The explorer's server


@pytest.fixture(scope="module")
def port(run):
    """A server of this process, in a thread, where limits can be changed."""
    import uvicorn

    from entropae.runs import Run

    app = server.application(Run.open(run).space(100))
    config = uvicorn.Config(
        app,
        port=0,
        log_level="error",
        http=connections.Connection,
        limit_concurrency=limits.CONNECTIONS,
        ws="none",
    )
    serving = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serving.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    serving.should_exit = True
    thread.join()
    listening.close()


def ask(port: int, codes: int = 1) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/api/decode", json.dumps({"codes": codes * [[0.0, 1.0]]}))
    status = connection.getresponse().status
    connection.close()
    return status


def test_idle_connections_lock_nobody_out(port):
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(limits.WAITING + 100)]
    try:
        for one in idle[::2]:
            one.sendall(b"POST /api/decode HTTP/1.1\r\nHost: loc")
        assert ask(port) == 200
    finally:
        for one in idle:
            one.close()


def test_a_crowd_that_has_only_just_come_is_heard(port):
    """More than may wait, who connect before any of them asks."""
    with connected(port, limits.WAITING + 60) as many:
        for one in many:
            one.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(b" 200 " in one.recv(1 << 12) for one in many)


def test_sixty_honest_requests_at_once_are_all_answered(port):
    with ThreadPoolExecutor(60) as pool:
        assert list(pool.map(lambda _: ask(port, 8), range(120))) == [200] * 120


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_headers_have_their_time(sent, port, monkeypatch):
    """Also those of a second request on a connection."""
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    for before in (b"", b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
            one.sendall(before)
            if before:
                time.sleep(0.1)
            began = time.perf_counter()
            one.sendall(sent)
            while one.recv(1 << 16):
                if before and not sent:
                    return  # an idle connection that has been answered has uvicorn's own time
            assert time.perf_counter() - began < 5


def test_bodies_have_their_time_and_do_not_hold_up_others(port, monkeypatch):
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.5)
    slow = []
    head = b"POST /api/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    for name in [b"encode"] * 6 + [b"decode"] * 6:
        one = socket.create_connection(("127.0.0.1", port), timeout=10)
        one.sendall(head % name)
        slow.append(one)
    assert ask(port) == 200
    for one in slow:
        assert b" 408 " in one.recv(1 << 12)
        one.close()


@contextlib.contextmanager
def connected(port: int, times: int) -> Iterator[list[socket.socket]]:
    """So many connections that have sent nothing."""
    with contextlib.ExitStack() as stack:
        where = ("127.0.0.1", port)
        yield [stack.enter_context(socket.create_connection(where, 5)) for _ in range(times)]


def upload(port: int) -> int:
    """An honest one."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(file, "PNG")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/api/encode", file.getvalue())
    status = connection.getresponse().status
    connection.close()
    return status


def test_slow_uploads_do_not_hold_up_an_honest_one(port):
    head = b"POST /api/encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    with connected(port, 12) as slow:
        for one in slow:
            one.sendall(head + b"x")
        assert upload(port) == 200


def test_of_bodies_that_fill_the_memory_the_oldest_is_cut_off(port, monkeypatch):
    monkeypatch.setattr(intake, "HELD_BYTES", 100_000)
    head = b"POST /api/encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n"
    with connected(port, 2) as (first, second):
        for one in (first, second):
            one.sendall(head + bytes(80_000))
        assert b" 408 " in first.recv(1 << 12)
        assert upload(port) == 200
        second.sendall(bytes(10_000))
        assert b" 400 " in second.recv(1 << 12), "it was read, and is no picture"
    monkeypatch.setattr(intake, "HELD_BYTES", 10)
    assert upload(port) == 503


def ends(one: socket.socket, seconds: float) -> int:
    """Bytes until the server closes a connection in that time."""
    one.settimeout(seconds)
    size = 0
    try:
        while part := one.recv(1 << 16):
            size += len(part)
    except ConnectionResetError:
        pass
    return size


@pytest.mark.long
def test_an_answer_that_nobody_takes_has_its_time(port, monkeypatch):
    """Also if it is closed, which waits for what has not been taken."""
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.5)
    times = 4000
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        one.settimeout(2)
        one.connect(("127.0.0.1", port))
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(times):
                one.sendall(b"GET /explorer.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(3)
        size = (Path(server.__file__).parent / "page" / "explorer.js").stat().st_size
        assert ends(one, 2) < times * size


def test_a_body_that_nobody_asked_for_has_its_time(port, monkeypatch):
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.5 - connections.GRACE)
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        until = time.perf_counter() + 5
        with contextlib.suppress(ConnectionError):
            while time.perf_counter() < until:
                one.sendall(b"x")
                time.sleep(0.05)
        assert time.perf_counter() < until


def test_connections_that_have_been_answered_wait_like_others(port):
    many = []
    with contextlib.ExitStack() as stack:
        for _ in range(limits.WAITING + 20):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            one.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in one.recv(1 << 12)
            many.append(one)
        time.sleep(connections.GRACE)
        began = time.perf_counter()
        assert ask(port) == 200
        for one in many[:20]:
            ends(one, 2)
        assert time.perf_counter() - began < connections.HEADER_SECONDS - connections.GRACE - 1


POST = b"POST /api/decode HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (
            POST + b'10;x="y"\r\n{"codes": [[0.0,\r\n7\r\n 1.0]]}\r\n0\r\nTrailer: x\r\n\r\n',
            b" 200 ",
        ),
        (POST + b"1;" + (1 << 17) * b"x", b" 400 "),
        (POST + b"fffffffffffffff\r\n" + (1 << 21) * b"x", b" 413 "),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + UPGRADE + b"\r\n", b" 200 "),
    ],
    ids=["in chunks", "an endless extension", "an endless chunk", "a wish for a web socket"],
)
def test_other_ways_to_speak_are_answered_like_any(sent, status, port):
    with connected(port, 1) as (one,):
        with contextlib.suppress(ConnectionError):
            one.sendall(sent)
        assert status in one.recv(1 << 12)


@pytest.mark.slow
def test_an_hour_of_clients_in_a_minute(port):
    """Two hundred that ask all the time, beside a hundred that do nothing: none is refused."""
    until = time.monotonic() + 60
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]

    def client(_: int) -> tuple[list[float], int]:
        taken, failed = [], 0
        while time.monotonic() < until:
            began = time.perf_counter()
            failed += ask(port, 4) != 200
            taken.append(time.perf_counter() - began)
        return taken, failed

    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(client, range(200)))
    taken = np.concatenate([one for one, _ in found])
    for one in idle:
        one.close()
    quantiles = np.quantile(taken, [0.5, 0.95, 1])
    print(f"{len(taken)} requests; median, 95 %, longest: {quantiles.round(3)} s")
    assert sum(failed for _, failed in found) == 0
    assert quantiles[1] < 10
