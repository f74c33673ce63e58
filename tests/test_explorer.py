"""The explorer: its numbers, its server on good, bad and hostile requests, and its page."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from entropae.cli import main
from entropae.explorer import Space, principal_axes
from entropae.explorer.server import (
    ANSWERS,
    HEADERS,
    JSON_BYTES,
    UPLOAD_BYTES,
    application,
    is_loopback,
)
from entropae.kinds import read as load_samples
from entropae.kinds.images.files import read_image
from entropae.latent import Plain, Spherical
from entropae.model import Autoencoder, load
from entropae.runs import Run

from browser import chromium
from explorer_page import Page, contrast, looked_at, reached_by_keys, use_every_control

EARLIER = Path(__file__).parent / "earlier"
SMALL = ["--epochs", "3", "--model.hidden", "[32]", "--model.latent.dim", "5", "--no-report"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "<i>digits"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL]) == 0
    return folder


class Server:
    """`entropae explore` as a user starts it."""

    def __init__(self, run: Path, *options: str) -> None:
        command = [sys.executable, "-m", "entropae.cli", "explore", str(run), "--port", "0"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*command, *options], stdout=pipe, stderr=pipe, text=True)
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", told)
        if not found:
            raise RuntimeError(told + self.stop())
        self.port = int(found[1])
        self.url = found[0]

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and content of a request's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            self.headers = dict(answer.getheaders())
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **fields: object) -> dict:
        status, content = self.ask(path, json.dumps(fields).encode())
        assert status == 200, content
        return json.loads(content)

    def stop(self) -> str:
        """Interrupt it, as Ctrl-C does; what it said on the error stream."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[1]


def test_ctrl_c_ends_it_whatever_is_being_asked(run):
    """And without a traceback, though headers and uploads are on their way, and never come."""
    server = Server(run)
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for i, one in enumerate(slow):
        one.sendall(b"POST /api/encode HTTP/1.1\r\nHost: localhost\r\n")
        one.sendall(b"Content-Length: 1000000\r\n\r\nx" if i % 2 else b"X: ")
    said = server.stop()
    for one in slow:
        one.close()
    assert server.process.returncode == 130
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def server(run):
    server = Server(run)
    yield server
    said = server.stop()
    assert said.strip() in ("", "Stopped."), said


def numbers(packed: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), "<f4").reshape(shape)


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


class TestSpace:
    def test_axes_of_a_known_law(self):
        rng = np.random.default_rng(0)
        rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        # Exactly orthogonal columns with variances 9, 4, 1 before they are turned.
        plain = np.linalg.qr(rng.standard_normal((50, 4)) @ np.eye(4))[0]
        plain = np.linalg.qr(np.column_stack([np.ones(50), plain]))[0][:, 1:4] * np.sqrt(49)
        code = plain * [3, 2, 1] @ rotation.T + [1, 2, 3]
        axes = principal_axes(code)
        np.testing.assert_allclose(axes.mean, [1, 2, 3])
        np.testing.assert_allclose(axes.scales, [3, 2, 1])
        np.testing.assert_allclose(axes.shares, [9 / 14, 4 / 14, 1 / 14])
        np.testing.assert_allclose(np.abs(axes.vectors @ rotation), np.eye(3), atol=1e-12)
        assert (axes.vectors[np.arange(3), np.abs(axes.vectors).argmax(1)] > 0).all()

    def test_axes_are_as_many_as_the_codes_vary_in(self):
        line = np.outer(np.arange(5.0), [3, 4])
        axes = principal_axes(line)
        np.testing.assert_allclose(axes.vectors, [[0.6, 0.8]])
        np.testing.assert_allclose(axes.shares, [1])
        assert len(principal_axes(np.random.default_rng(0).standard_normal((99, 20))).scales) == 8
        with pytest.raises(ValueError, match="All codes coincide"):
            principal_axes(np.ones((5, 3)))

    def test_neighbours_are_the_nearest(self, run):
        space = Run.open(run).space(200)
        code = torch.randn(5)
        index, distance = space.neighbours(code, 7)
        every = np.linalg.norm(space.codes.numpy() - code.numpy(), axis=1)
        np.testing.assert_allclose(np.sort(every)[:7], distance, rtol=1e-6)
        np.testing.assert_allclose(every[index], distance, rtol=1e-6)
        own, zero = space.neighbours(space.codes[11], 1)
        assert (int(own), float(zero)) == (11, 0)
        assert len(space.neighbours(code, 500)[0]) == 200

    def test_codes_are_the_models(self, run):
        space, model = Run.open(run).space(50), load(run)
        x = space.samples.first(50)
        torch.testing.assert_close(space.codes, model.encode(x))
        torch.testing.assert_close(space.decode(space.codes), model.reconstruct(x))
        for name in model.priors:
            drawn = space.decode(space.draw(name, 4, seed=3))
            torch.testing.assert_close(drawn, model.sample(4, seed=3, prior=name))

    def test_codes_off_the_sphere_are_brought_there(self):
        encoder, decoder = nn.Linear(6, 3), nn.Linear(3, 6)
        space = Space(
            Autoencoder(encoder, decoder, Spherical(3)), load_samples(np.eye(6)), title="x"
        )
        z = torch.tensor([[3.0, 0, 0]])
        torch.testing.assert_close(space.decode(z), space.decode(10 * z))
        assert space.describe()["thumbnails"] is None

    def test_classes_have_colours(self):
        model = Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), Plain(3))
        samples = load_samples(np.eye(6))
        assert Space(model, samples, title="x").describe()["classes"] is None
        known = replace(samples, labels=np.array(list("baabbb")))
        found = Space(model, known.subset([5, 1, 0]), title="x").describe()["classes"]
        assert (found["names"], found["numbers"]) == (["a", "b"], [1, 0, 1])
        assert len(set(found["colours"])) == 2

    def test_bad_spaces(self, run):
        with pytest.raises(ValueError, match="got -n 1"):
            Run.open(run).space(1)
        model = Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), Plain(3))
        with torch.no_grad():
            model.encoder.bias.fill_(torch.nan)
        with pytest.raises(ValueError, match="not finite"):
            Space(model, load_samples(np.eye(6)), title="x")

    @pytest.mark.parametrize("command", ["explore", "export"])
    def test_sentences_are_not_for_the_map(self, command, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        shutil.copytree(EARLIER / "text", "run")
        shutil.copy(EARLIER / "text.txt", tmp_path)
        with pytest.raises(ValueError, match="Sentences cannot be explored or exported"):
            Run.open("run").space(20)
        assert main([command, "run"]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        # What it tells to do instead can be done.
        (told,) = re.findall(r"entropae (report .*)$", said, re.MULTILINE)
        # The run is of before runs kept which data they were trained on: these must be named.
        assert main(shlex.split(told)) == 1
        (named,) = re.findall(r"give (--trained-on .*)\.$", capsys.readouterr().err, re.MULTILINE)
        assert main(shlex.split(f"{told} {named}")) == 0
        assert Path("run/report.html").is_file()


class TestReadImage:
    def test_as_it_is(self):
        pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
        x = read_image(io.BytesIO(png(pixels)), (3, 9, 7))
        np.testing.assert_array_equal(x.permute(1, 2, 0), pixels.astype(np.float32) / 255)
        grey = read_image(io.BytesIO(png(pixels[..., 0])), (1, 9, 7))
        np.testing.assert_array_equal(grey[0], pixels[..., 0].astype(np.float32) / 255)

    def test_cropped_to_its_centre(self):
        wide = np.zeros((8, 24), np.uint8)
        wide[:, 8:16] = 200
        assert (read_image(io.BytesIO(png(wide)), (1, 8, 8)) == 200 / 255).all()

    def test_transparent_is_white(self):
        clear = np.zeros((4, 4, 4), np.uint8)
        assert (read_image(io.BytesIO(png(clear)), (3, 4, 4)) == 1).all()

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "not an image"),
            (b"GIF89a", "cannot be read"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
            (png(np.zeros((50, 50), np.uint8))[:60], "cannot be read"),
            (png(np.zeros((50, 50), np.uint8)), "50×50 pixels, over 2,000"),
        ],
    )
    def test_refused(self, content, reason):
        with pytest.raises(ValueError, match=reason):
            read_image(io.BytesIO(content), (1, 8, 8), pixels=2000)


class TestServer:
    def test_decode(self, server, run):
        codes = torch.randn(3, 5)
        found = server.json("/api/decode", codes=codes.tolist())
        expected = load(run).decode(codes).numpy()
        np.testing.assert_array_equal(numbers(found["values"], 3, 1, 8, 8), expected)

    def test_answers_at_once(self, server):
        """Not after the 40 ms that a system may wait for more to send."""
        body = json.dumps({"codes": [[0.0] * 5]}).encode()
        seconds = []
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(20):
            began = time.perf_counter()
            connection.request("POST", "/api/decode", body)
            connection.getresponse().read()
            seconds.append(time.perf_counter() - began)
        connection.close()
        assert min(seconds) < 0.03

    def test_neighbours(self, server, run):
        space = Run.open(run).space()
        found = server.json("/api/neighbours", code=space.codes[5].tolist(), k=3)
        assert found["indices"][0] == 5
        assert found["distances"][0] == 0
        rows = found["indices"]
        np.testing.assert_array_equal(numbers(found["codes"], 3, 5), space.codes[rows])
        images = numbers(found["values"], 3, 1, 8, 8)
        np.testing.assert_array_equal(images, space.samples.__getitems__(rows))

    def test_sample(self, server):
        for prior in ("normal", "full", "mixture"):
            drawn = numbers(server.json("/api/sample", prior=prior, n=64)["codes"], 64, 5)
            assert np.isfinite(drawn).all()
            assert 0.5 < drawn.std() < 1.5

    def test_encode(self, server, run):
        pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
        for path, x in (("encode", pixels / 255), ("encode-inverted", 1 - pixels / 255)):
            status, content = server.ask(f"/api/{path}", png(pixels))
            assert status == 200
            x = torch.from_numpy(x).float()[None, None]
            found = json.loads(content)
            np.testing.assert_allclose(numbers(found["values"], 1, 1, 8, 8), x, atol=1e-7)
            code = load(run).encode(x)
            np.testing.assert_allclose(numbers(found["codes"], 1, 5), code, atol=1e-6)

    def test_the_page_may_load_nothing_but_itself(self, server):
        for path in ("/", "/style.css", "/explorer.js", "/api/space", "/none"):
            server.ask(path)
            assert HEADERS.items() <= server.headers.items()
        page = server.ask("/")[1].decode()
        assert not re.search(r"<script(?! src)|<style|https?:|\son\w+=", page)

    @pytest.mark.parametrize(
        ("host", "answered"),
        [
            ("127.0.0.1", True),
            ("localhost:99", True),
            ("[::1]:8765", True),
            ("192.168.0.7", True),  # in numbers: no name to rebind
            ("example.com", False),
            ("localhost.example.com:8765", False),
            ("127.0.0.1.example.com", False),
            ("example.com@127.0.0.1", False),
            ("127.0.0.1:80:80", False),
            ("", False),
        ],
    )
    def test_asked_under_another_name(self, server, host, answered):
        status, content = server.ask("/api/space", Host=host)
        assert status == (200 if answered else 403)
        if not answered:
            assert "--host" in json.loads(content)["error"]

    def test_the_machines_name_is_known_where_others_may_ask(self, run):
        space, name = Run.open(run).space(20), socket.gethostname().encode()

        def status(host: str) -> int:
            sent = []

            async def send(message):
                sent.append(message)

            headers = [(b"host", name + b":8765")]
            scope = {"type": "http", "method": "GET", "path": "/style.css", "headers": headers}
            anyio.run(application(space, host), scope, None, send)
            return sent[0]["status"]

        assert status("0.0.0.0") == 200
        assert status("127.0.0.1") == 403

    def test_asked_by_another_page(self, server):
        body = json.dumps({"codes": [[0.0] * 5]}).encode()
        host = server.url.rstrip("/").partition("://")[2]
        for origin in ("https://example.com", "null", "http://127.0.0.1:1", f"other://{host}"):
            status, content = server.ask("/api/decode", body, Origin=origin)
            assert status == 403
            assert "Another page" in json.loads(content)["error"]
        own = server.url.rstrip("/")
        assert server.ask("/api/decode", body, Origin=own)[0] == 200
        head = f"POST /api/decode HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection(("127.0.0.1", server.port), 5) as two:
            two.sendall(f"{head}Origin: {own}\r\nOrigin: null\r\n\r\n".encode() + body)
            assert b" 403 " in two.recv(1 << 12)

    @pytest.mark.parametrize(
        ("path", "body", "status", "reason"),
        [
            ("/api/decode", b"{", 400, "must be JSON"),
            ("/api/decode", b"\xff\xfe", 400, "must be JSON"),
            ("/api/decode", b"[" * 100_000, 400, "must be JSON"),
            ("/api/decode", b'{"codes": [[0,0,0,0,0]], "x": 1}', 400, r"fields \['codes'\]"),
            ("/api/decode", b'{"codes": [[0,0,0,0]]}', 400, "1 to 64 lists of 5"),
            ("/api/decode", b'{"codes": []}', 400, "1 to 64 lists of 5"),
            ("/api/decode", b'{"codes": [[0,0,0,0,NaN]]}', 400, "finite"),
            ("/api/decode", b'{"codes": [[0,0,0,0,1e39]]}', 400, "finite"),
            ("/api/decode", b'{"codes": [[0,0,0,0,true]]}', 400, "finite"),
            ("/api/decode", b'{"codes": [[0,0,0,0,1' + b"0" * 400 + b"]]}", 400, "finite"),
            ("/api/neighbours", b'{"code": [0,0,0,0,0], "k": 65}', 400, "from 1 to 64"),
            ("/api/neighbours", b'{"code": [0,0,0,0,0], "k": 1.0}', 400, "from 1 to 64"),
            ("/api/sample", b'{"prior": "ful", "n": 1}', 400, "Did you mean 'full'"),
            ("/api/sample", b'{"prior": ["full"], "n": 1}', 400, "short name"),
            ("/api/sample", b'{"prior": "\\ud800\\u001b", "n": 1}', 400, "Unknown prior"),
            ("/api/encode", b"no image", 400, "not an image"),
            ("/api/encode", b"", 400, "not an image"),
            ("/api/none", b"", 404, "Not Found"),
            ("/api/decode", None, 405, "Method Not Allowed"),
            ("/../../etc/passwd", None, 404, "Not Found"),
        ],
    )
    def test_bad_requests_are_told_why(self, server, path, body, status, reason):
        got, content = server.ask(path, body)
        assert got == status
        assert server.headers["content-type"] == "application/json"
        error = json.loads(content)["error"]
        assert re.search(reason, error)
        assert len(error) < 400

    def test_large_requests(self, server):
        assert server.ask("/api/decode", b" " * (JSON_BYTES + 1))[0] == 413
        assert server.ask("/api/encode", bytes(UPLOAD_BYTES + 1))[0] == 413
        file = io.BytesIO()
        Image.new("1", (5000, 5000)).save(file, "PNG")  # of 3 kB
        status, content = server.ask("/api/encode", file.getvalue())
        assert status == 400
        assert "5000×5000 pixels, over 16,777,216" in json.loads(content)["error"]

    def test_two_hundred_bad_requests(self, server):
        """Of all kinds; then it answers as before."""
        seen = []
        json_values = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
        fields = st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("codes", "code", "k", "prior", "n"), json_values)
        )
        bodies = st.binary() | (json_values | fields).map(lambda value: json.dumps(value).encode())
        paths = st.sampled_from(["decode", "neighbours", "sample", "encode"]).map("/api/{}".format)

        @given(path=paths | st.from_regex(r"/[!-~]{0,20}", fullmatch=True), body=bodies)
        @settings(
            max_examples=150,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def send(path: str, body: bytes) -> None:
            status, content = server.ask(path, body)
            assert 400 <= status < 500
            assert json.loads(content)["error"]
            seen.append(status)

        @given(st.binary(min_size=1) | st.just(b"POST /api/decode HTTP/1.1\r\n"))
        @settings(max_examples=60, deadline=None, derandomize=True, database=None)
        def send_raw(content: bytes) -> None:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(100)
            assert not answer or re.match(rb"HTTP/1.1 [34]\d\d", answer)
            seen.append(0)

        send()
        send_raw()
        assert len(seen) >= 200
        assert server.process.poll() is None
        assert server.json("/api/decode", codes=[[0.0] * 5])["count"] == 1

    def test_decoders_that_overflow(self):
        model = Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), Plain(3))
        with torch.no_grad():
            model.decoder.weight.fill_(1e30)
        space = Space(model, load_samples(np.eye(6)), title="x")
        with pytest.raises(ValueError, match="no finite values"):
            ANSWERS["decode"][0](space, b'{"codes": [[1e20, 0, 0]]}')


class TestPage:
    @pytest.mark.long
    def test_every_control(self, server, run, tmp_path):
        with chromium() as driver:
            page = Page(driver, server.url, Run.open(run).space())
            assert page["title"].text == "Latent space of <i>digits"  # a name, not markup
            use_every_control(page, tmp_path)
            reached_by_keys(page)
            looked_at(page, tmp_path)
            page.quiet()

    def test_contrast(self, server):
        found = contrast(server.ask("/style.css")[1].decode())
        assert len(found) == 16
        assert {pair: value for pair, value in found.items() if value < 4.5} == {}


class TestCommand:
    def test_loopback(self):
        assert is_loopback("127.0.0.1")
        assert is_loopback("::1")
        assert is_loopback("localhost")
        assert not is_loopback("0.0.0.0")
        assert not is_loopback("example.com")

    def test_a_port_in_use(self, run, server, capsys):
        assert main(["explore", str(run), "--port", str(server.port)]) == 1
        assert f"port {server.port}: " in (said := capsys.readouterr().err)
        assert "Give another --port" in said

    @pytest.mark.parametrize("port", ["-1", "70000"])
    def test_no_port(self, run, port, capsys):
        assert main(["explore", str(run), "--port", port]) == 1
        assert "0 to 65535" in capsys.readouterr().err

    def test_others_can_see_it(self, run, capsys, monkeypatch):
        monkeypatch.setattr("entropae.explorer.server.serve", lambda *_: None)
        assert main(["explore", str(run), "--host", "0.0.0.0"]) == 0
        assert "everybody on the network" in capsys.readouterr().err
        assert main(["explore", str(run)]) == 0
        assert capsys.readouterr().err == ""

    def test_without_its_packages(self, run, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        monkeypatch.delitem(sys.modules, "entropae.explorer.server", raising=False)
        assert main(["explore", str(run)]) == 1
        assert 'pip install "entropae[explore]"' in capsys.readouterr().err
