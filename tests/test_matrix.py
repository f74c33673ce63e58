"""Every kind of data × every command and public method, with their defaults.

What comes out is looked at: files under the names that are announced, the number, shape, type and
range of what is in them, and whether what was printed is true.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import math
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml
from PIL import Image
from pyarrow import csv
from torch import Tensor

import entropae as ea
from entropae.cli import main
from entropae.kinds import KINDS
from entropae.kinds.text import evaluation
from entropae.kinds.text.language_model import language_model
from entropae.prior import TITLES
from entropae.runs import Run

from matrix_data import DATA, SHORT, of_another_shape

# Twenty held-out samples have no covariance of so many values: the user is told.
pytestmark = pytest.mark.filterwarnings("ignore:A Fréchet distance of n")
VECTOR, WIDTH = 64, 48  # samples drawn by default; pixels a small image is enlarged to
PRIORS = ("normal", "full", "mixture")


class Expected(NamedTuple):
    """What is known beforehand of a data set of `matrix_data`."""

    kind: str
    things: str
    samples: int
    shape: tuple[int, ...]
    shown: str  # what a finished run shows first
    suffix: str


EXPECTED = {
    "grey": Expected("images", "images", 220, (1, 12, 12), "overview.png", ".png"),
    "colour": Expected("images", "images", 220, (3, 12, 12), "overview.png", ".png"),
    "signals": Expected("arrays", "samples", 600, (32,), "overview.png", ".npy"),
    "vectors": Expected("arrays", "samples", 300, (6,), "overview.png", ".npy"),
    "maps": Expected("arrays", "samples", 220, (5, 8, 8), "overview.png", ".npy"),
    "table": Expected("tables", "rows", 300, (8,), "samples.csv", ".csv"),
    "text": Expected("text", "sentences", 300, (64,), "samples.txt", ""),
}


class Said(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    error: str


@dataclass
class Work:
    """A folder that a user works in, with one trained run of a kind of data."""

    name: str
    folder: Path
    data: Path
    other: Path
    fitted: Said
    kept: dict[str, Said] = field(default_factory=dict)

    @property
    def expected(self) -> Expected:
        return EXPECTED[self.name]

    @property
    def run(self) -> Path:
        return Path("runs") / self.data.stem

    @property
    def held_out(self) -> int:
        return self.expected.samples // 10

    def command(self, *arguments: str) -> Said:
        """Run a command in the folder; the same one only once."""
        line = shlex.join(arguments)
        if line not in self.kept:
            with contextlib.chdir(self.folder):
                self.kept[line] = said(*arguments)
        return self.kept[line]

    def ok(self, *arguments: str) -> str:
        """What a command prints that succeeds."""
        found = self.command(*arguments)
        assert found.code == 0, found.error
        return found.out

    def opened(self) -> Run:
        return Run.open(self.folder / self.run)


def said(*arguments: str) -> Said:
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = main(list(arguments))
        except SystemExit as stop:
            code = stop.code
    return Said(code, out.getvalue(), error.getvalue())


def of_one_line(found: Said) -> str:
    """The message of a refusal, which is one line without a traceback."""
    assert found.code == 1
    assert "Traceback" not in found.error
    lines = [line for line in found.error.splitlines() if line.startswith("entropae ")]
    assert len(lines) == 1
    assert found.error.rstrip().endswith(lines[0])
    return lines[0]


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    others = of_another_shape(folder)
    return {name: (make(folder), others[name]) for name, make in DATA.items()}


# Other data of kinds that are tried by default; these take as long again.
VARIANTS = ("colour", "vectors", "maps")


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in DATA
    ],
)
def work(request, sources, tmp_path_factory) -> Iterator[Work]:
    """Of each kind a run, trained as a user would but for an epoch only."""
    folder = tmp_path_factory.mktemp(request.param)
    data, other = sources[request.param]
    with contextlib.chdir(folder):
        torch.manual_seed(0)
        fitted = said("fit", "--data", str(data), *SHORT)
    with pytest.MonkeyPatch.context() as patch:
        # The language models that drawn sentences are measured with take most of a minute each.
        patch.setattr(evaluation, "language_model", partial(language_model, steps=5))
        yield Work(request.param, folder, data, other, fitted)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def tiles(path: Path, rows: int, columns: int) -> np.ndarray:
    """The images of a sheet of 12 × 12 ones, each enlarged to 48."""
    sheet = pixels(path)
    step = WIDTH + 2
    assert sheet.shape == (2 + rows * step, 2 + columns * step, 3)
    return np.stack(
        [
            sheet[2 + r * step : r * step + step, 2 + c * step : c * step + step]
            for r in range(rows)
            for c in range(columns)
        ]
    )


def check_rows(path: Path, n: int) -> None:
    """Rows as the table has them: its columns, their types, values that it has."""
    rows = csv.read_csv(path)
    assert rows.column_names == ["age", "income", "city", "member", "height"]
    assert [str(t) for t in rows.schema.types] == ["int64", "double", "string", "bool", "double"]
    assert len(rows) == n
    assert set(rows["city"].to_pylist()) <= {"Bern", "Oslo", "Turin"}
    age = np.array(rows["age"])
    assert age.min() >= 17
    assert age.max() <= 80
    assert np.allclose(np.round(np.array(rows["height"]), 1), np.array(rows["height"]))


def check_values(work: Work, path: Path, n: int) -> np.ndarray:
    values = np.load(path)
    assert values.shape == (n, *work.expected.shape)
    assert np.isfinite(values).all()
    return values


class TestFit:
    def test_what_it_leaves(self, work):
        assert work.fitted.code == 0, work.fitted.error
        run = work.folder / work.run
        found = re.search(r"Done: look at (\S+); the figures are in (\S+)\.\n", work.fitted.out)
        assert found
        assert found[1] == str(work.run / work.expected.shown)
        assert f"Wrote {work.run}/report.html: open it in a browser." in work.fitted.out
        for name in (found[1], found[2], f"{work.run}/report.html"):
            assert (work.folder / name).stat().st_size > 100
        metrics = json.loads((run / "metrics.json").read_text())
        assert metrics["train"]["samples"] == work.expected.samples - work.held_out
        assert metrics["validation"]["samples"] == work.held_out
        assert metrics["epochs"] == 1
        errors = KINDS[work.expected.kind].errors
        for part in ("train", "validation"):
            assert all(math.isfinite(metrics[part][name]) for name in errors)
        kind = json.loads((run / "model.json").read_text())["kind"]
        assert kind["name"] == work.expected.kind
        if work.expected.shown.endswith(".png"):
            assert pixels(run / work.expected.shown).std() > 10

    def test_resume(self, work):
        again = work.ok("fit", "--data", str(work.data), *SHORT, "--resume")
        assert f"{work.run} is finished: nothing to resume." in again
        weights = work.folder / work.run / "model.safetensors"
        before = weights.read_bytes()
        weights.with_name("model.json").unlink()
        refused = of_one_line(work.command("sample", str(work.run), "--seed", "9"))
        recommended = re.search(r"entropae (fit --resume --out \S+)", refused)
        assert recommended
        work.ok(*recommended[1].split())
        assert weights.read_bytes() == before


class TestCommands:
    def test_sample(self, work):
        out = work.ok("sample", str(work.run))
        path = work.folder / f"samples{work.expected.suffix}"
        if work.name == "text":
            assert len(out.splitlines()) == VECTOR
            return
        assert out == f"Wrote 64 {work.expected.things} to {path.name}.\n"
        if work.expected.kind == "images":
            assert tiles(path, 8, 8).std() > 5
        elif work.name == "table":
            check_rows(path, VECTOR)
        else:
            values = check_values(work, path, VECTOR)
            expected = work.opened().model.draw(VECTOR, seed=0)
            np.testing.assert_array_equal(values, expected)

    def test_reconstruct(self, work):
        out = work.ok("reconstruct", str(work.run))
        path = work.folder / f"reconstructions{work.expected.suffix}"
        some = work.opened().held_out.some(16)
        x = some.first(16)
        if work.name == "text":
            lines = out.splitlines()[:32]
            assert lines[::2] == some.kind.present(x)
            assert all(line.startswith("→ ") for line in lines[1::2])
        elif work.expected.kind == "images":
            rows = tiles(path, 4, 8).reshape(4, 8, WIDTH, WIDTH, 3)
            real = np.abs(rows[0] / 255 - bicubic(x[:8])).mean()
            assert real < 0.05, "the first row is of originals"
        elif work.name == "table":
            check_rows(path, 16)
        else:
            again = check_values(work, path, 16)
            error = np.square(again - x.numpy()).mean()
            assert f"Squared error per value: {error:.3g}"[:-1] in out
        # What may go on in a pipe has no figures in it.
        figures = work.command("reconstruct", str(work.run)).error if work.name == "text" else out
        for words in KINDS[work.expected.kind].errors.values():
            assert re.search(rf"^{words}: \d", figures, re.MULTILINE)

    def test_interpolate(self, work):
        out = work.ok("interpolate", str(work.run))
        path = work.folder / f"interpolations{work.expected.suffix}"
        paths = min(16, work.held_out // 2)
        if work.name == "text":
            assert [len(part.splitlines()) for part in out.split("\n\n")] == [10] * paths
            return
        assert out == f"Wrote {10 * paths} {work.expected.things} to {path.name}.\n"
        if work.expected.kind == "images":
            assert len(tiles(path, paths, 10)) == 10 * paths
        elif work.name == "table":
            check_rows(path, 10 * paths)
        else:
            values = check_values(work, path, 10 * paths)
            run = work.opened()
            ends = run.model.reconstruct(run.held_out.first(paths)).numpy()
            np.testing.assert_allclose(values[::10], ends, atol=1e-5)

    def test_encode(self, work):
        out = work.ok("encode", str(work.run))
        n = work.expected.samples
        run = work.opened()
        dim = run.model.latent.dim
        assert out == f"Wrote {n} codes of {dim} dimensions to codes.npy.\n"
        codes = np.load(work.folder / "codes.npy")
        assert codes.shape == (n, dim)
        np.testing.assert_allclose(codes, run.model.encode(run.samples), atol=1e-5)
        # Batch normalisation of the training codes: what holds by construction.
        train = run.model.encode(run.train)
        np.testing.assert_allclose(train.mean(0), 0, atol=1e-3)

    def test_evaluate(self, work):
        out = work.ok("evaluate", str(work.run))
        assert re.search(rf"on {work.held_out} held-out {work.expected.things}\.", out)
        (path,) = (work.folder / work.run).glob("evaluation-*.json")
        found = json.loads(path.read_text())
        assert found["samples"] == work.held_out
        kind = KINDS[work.expected.kind]
        measured = [name for name in PRIORS if name in found]
        assert work.opened().model.prior in measured
        for name in measured:
            for key, measure in kind.measures.items():
                assert (measure.title in out) == (key in found[name])
                # A table may have no rare category, no missing value, no target, no sdmetrics.
                if key in {"rare", "missing", "accuracy", "r2"} or "sdmetrics" in key:
                    continue
                assert math.isfinite(found[name][key])
                assert f"{measure.title}: {measure.said}" in out or not measure.said
            said = (
                rf"^ .* {name}  .*better"
                if kind.name == "tables"
                else rf"samples from {re.escape(TITLES[name])}$"
            )
            assert re.search(said, out, re.MULTILINE)
        used = found[work.opened().model.prior]
        for name in used.keys() & {"precision", "recall", "coverage", "copied"}:
            assert 0 <= used[name] <= 1

    @pytest.mark.long
    def test_compare(self, work):
        for latent in ("entropic", "plain"):
            recipe = {
                "data": str(work.data),
                "epochs": 1,
                "model": {"hidden": [32], "latent": {"name": latent, "dim": 16}},
            }
            (work.folder / f"{latent}.yaml").write_text(yaml.safe_dump(recipe))
        out = work.ok("compare", "entropic.yaml", "plain.yaml", "--seeds", "1", "-n", "40")
        folder = work.folder / "runs" / "comparison"
        announced = re.search(r"Wrote (.*) into runs/comparison\.\n", out)
        assert announced
        names = announced[1].split(", ")
        assert all((folder / name).stat().st_size for name in names)
        assert ("samples.png" in names) == (work.expected.kind == "images")
        assert ("samples.png" in names) == (folder / "samples.png").exists()
        head, _, *rows = (folder / "table.md").read_text().split("\n\n")[0].splitlines()
        assert [row.split(" | ")[0] for row in rows[:2]] == ["| entropic", "| plain"]
        kind = KINDS[work.expected.kind]
        first = next(iter(kind.measures.values())).title
        drawn = "drawn" if work.expected.kind == "text" else "normal"
        assert re.search(rf"{re.escape(first)}.*, {drawn}", head)
        assert "pixels" not in head or work.expected.kind == "images"
        for words in kind.errors.values():
            assert words in head
        assert all("nan" not in row and "–" not in row for row in rows[:1])

    def test_diagnose(self, work):
        out = work.ok("diagnose", str(work.run))
        counts = re.match(r"(\d+) serious, (\d+) to watch, (\d+) noted; ", out)
        assert counts
        for word, count in zip(("SERIOUS", "WARNING", "NOTE"), counts.groups(), strict=True):
            said = re.findall(rf"^{word}: |^  - .* \({word.lower()}\):", out, re.MULTILINE)
            assert len(said) == int(count)
        assert ("image" in out) <= (work.expected.kind == "images")

    def test_report(self, work):
        assert work.ok("report", str(work.run)) == (
            f"Wrote {work.run}/report.html: open it in a browser.\n"
        )
        page = (work.folder / work.run / "report.html").read_text()
        sections = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
        assert len(sections) == 11
        words = html.unescape(re.sub(r"<[^>]*>", " ", page))
        kind = work.opened().kind
        trained = work.expected.samples - work.held_out
        assert f"trained on {trained} {kind.things} of {kind.describe_size()} from" in words
        assert f"{work.held_out} held-out {kind.things}" in words
        assert (" images" in words.replace("Images", "images")) == (
            work.expected.kind == "images"
        ), "speaks of images"
        for words_of in kind.errors.values():
            assert words_of in words

    def test_what_the_report_recommends(self, work):
        page = (work.folder / work.run / "report.html").read_text()
        lines = re.findall(r"entropae [a-z]+ .*", html.unescape(re.sub(r"</?code>", "\n", page)))
        again = [line for line in lines if re.match(r"entropae \w+ .*(runs|recipe)", line)]
        first = ["report"] if work.expected.kind == "tables" else []  # with real rows
        # Remedies, which may take hours, are tried in test_causes.py.
        again = [line for line in again if " fit " not in line or line.endswith("runs/again")]
        begin = [line.split()[1] for line in again][: 3 + len(first)]
        assert begin == [*first, "fit", "report", "diagnose"]
        assert [line.split()[1] for line in again][-4:] == ["sample"] * 3 + ["evaluate"]
        for line in again:
            out = work.ok(*shlex.split(line)[1:])
            written = re.search(r"Wrote 64 \w+ to (\S+)\.\n", out)
            if " sample " in line and written:
                assert (work.folder / written[1]).stat().st_size
        assert (work.folder / "runs" / "again" / "model.safetensors").read_bytes() == (
            work.folder / work.run / "model.safetensors"
        ).read_bytes()

    @pytest.mark.long
    def test_export(self, work):
        if work.name == "text":
            refused_of_text(work, "export")
            return
        out = work.ok("export", str(work.run))
        folder = work.run / "export"
        for name in ("encoder.onnx", "decoder.onnx", "explorer.html"):
            assert f"Wrote {folder / name} (" in out
            assert (work.folder / folder / name).stat().st_size > 1000
        run = work.opened()
        x = run.held_out.first(5)
        (codes,) = onnx(work.folder / folder / "encoder.onnx", x)
        np.testing.assert_allclose(codes, run.model.encode(x), atol=1e-4)
        (again,) = onnx(work.folder / folder / "decoder.onnx", torch.from_numpy(codes))
        np.testing.assert_allclose(again, run.model.reconstruct(x), atol=1e-4)

    def test_explore(self, work):
        if work.name == "text":
            refused_of_text(work, "explore")
            return
        run = work.opened()
        space = run.space()
        told = asked(space, "/api/space")
        assert told["samples"] == len(run.train)
        assert told["dim"] == run.model.latent.dim
        x = run.held_out.first(2)
        codes = run.model.encode(x)
        drawn = asked(space, "/api/decode", codes=codes.tolist())
        values = unpacked(drawn["values"])
        assert len(values) == 2 * math.prod(told["shape"])
        np.testing.assert_allclose(values, run.model.decode(codes).flatten(), atol=1e-5)
        assert told["image"] == (work.expected.kind == "images")
        if told["image"]:
            assert told["range"] == [0, 1]
            assert values.min() >= 0
            assert values.max() <= 1
        near = asked(space, "/api/neighbours", code=codes[0].tolist(), k=3)
        assert len(unpacked(near["values"])) == 3 * math.prod(told["shape"])
        for prior in PRIORS:
            assert (
                len(unpacked(asked(space, "/api/sample", prior=prior, n=4)["codes"]))
                == 4 * told["dim"]
            )

    def test_other_data(self, work):
        """Converted where that can be done; else refused in one line that says what is wanted."""
        for name in ("reconstruct", "encode", "evaluate", "diagnose"):
            found = work.command(name, str(work.run), "--data", str(work.other))
            if work.expected.kind == "images":
                assert found.code == 0, found.error
                continue
            message = of_one_line(found)
            assert re.search(WANTED[work.name], message)
        larger = work.other.with_name(f"{work.name}-larger.npy")
        if work.expected.kind == "images":
            np.save(larger, np.zeros((30, 20, 20), np.uint8))
            message = of_one_line(work.command("encode", str(work.run), "--data", str(larger)))
            assert "12×12 pixels in" in message
            assert "got 20×20 pixels in grey" in message


# What a refusal says of the data that are wanted.
WANTED = {
    "signals": r"takes samples of shape \(32,\): got \(48,\)",
    "vectors": r"takes samples of shape \(6,\): got \(7,\)",
    "maps": r"takes samples of shape \(5, 8, 8\): got \(4, 8, 8\)",
    "table": "columns? .*(city|height|member)",
    "text": r"takes sentences: give a \.txt file or a list of texts",
}


def bicubic(x: Tensor) -> np.ndarray:
    """Images as a sheet shows them, in [0, 1]."""
    large = torch.nn.functional.interpolate(x, scale_factor=4, mode="bicubic")
    return large.clamp(0, 1).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def onnx(path: Path, x: Tensor) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})


def unpacked(text: str) -> np.ndarray:
    import base64

    return np.frombuffer(base64.b64decode(text), "<f4")


def asked(space: Any, path: str, **fields: Any) -> dict[str, Any]:
    """The explorer's answer, from its application itself."""
    from entropae.explorer.server import application

    sent: list[dict[str, Any]] = []
    body = json.dumps(fields).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST" if fields else "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }
    anyio.run(application(space), scope, receive, send)
    assert sent[0]["status"] == 200, sent
    return json.loads(b"".join(part.get("body", b"") for part in sent[1:]))


def refused_of_text(work: Work, command: str) -> None:
    message = of_one_line(work.command(command, str(work.run)))
    assert message.startswith(f"entropae {command}: Sentences cannot be explored or exported")
    recommended = re.search(r": entropae (report \S+)$", message)
    assert recommended, "it ends in a command"
    assert "report.html" in work.ok(*shlex.split(recommended[1]))


class TestInPython:
    def test_run(self, work):
        """The verbs of a run give what users know of such samples."""
        run = work.opened()
        expected = work.expected
        assert len(run.train) + len(run.held_out) == len(run.samples) == expected.samples
        assert run.recipe.epochs == 1
        assert run.log[-1]["epoch"] == 1
        assert run.metrics["epochs"] == 1
        check_given(work, run.sample(5, seed=0), 5)
        check_given(work, run.reconstruct(n=6), 6)
        paths = run.interpolate(n=2, steps=4)
        assert len(paths) == 2
        for path in paths:
            check_given(work, path, 4)
        dim = run.recipe.model.latent["dim"]
        assert run.encode().shape == (expected.samples, dim)
        assert run.encode(str(work.data)).shape == (expected.samples, dim)
        found = run.evaluate(n=25, progress=False) if work.name != "text" else {"samples": 25}
        assert found["samples"] == min(25, work.held_out)
        assert run.diagnose(n=60).findings is not None

    def test_load(self, work):
        model = ea.load(work.folder / work.run)
        assert set(model.priors) == set(PRIORS)
        assert type(model.kind) is KINDS[work.expected.kind]
        check_given(work, model.sample(5), 5)
        first, more = (model.draw(n, seed=3) for n in (3, 7))
        torch.testing.assert_close(first, more[:3])

    @pytest.mark.long
    @pytest.mark.parametrize("work", ["text"], indirect=True)
    def test_load_in_another_process(self, work):
        code = (
            f"import entropae as ea; model = ea.load({str(work.run)!r})\n"
            "made = model.sample(5, seed=1)\n"
            "print(type(made).__name__, len(made), model.kind.name)\n"
            "print(model.draw(5, seed=1).double().sum().item())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=work.folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told, total = done.stdout.splitlines()
        assert told.split()[1:] == ["5", work.expected.kind]
        here = ea.load(work.folder / work.run).draw(5, seed=1).double().sum().item()
        assert float(total) == pytest.approx(here, rel=1e-6)


def check_given(work: Work, made: Any, n: int) -> None:
    """What a user gets: tensors, rows with the types of their columns, sentences."""
    assert len(made) == n
    if work.name == "text":
        assert all(isinstance(line, str) for line in made)
    elif work.name == "table":
        assert isinstance(made, pa.Table)
        types = [str(t) for t in made.schema.types]
        assert types == ["int64", "double", "string", "bool", "double"]
    else:
        assert isinstance(made, Tensor)
        assert made.shape[1:] == work.expected.shape
        assert made.isfinite().all()
        if work.expected.kind == "images":
            assert made.min() >= 0
            assert made.max() <= 1


def own_networks(shape: tuple[int, ...]) -> ea.Autoencoder:
    """A model of networks that the package does not know."""
    size = math.prod(shape)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, 3))
    decoder = torch.nn.Sequential(torch.nn.Linear(3, size), torch.nn.Unflatten(1, shape))
    return ea.Autoencoder(encoder, decoder, ea.Entropic(3))


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["grey", *(pytest.param(name, marks=pytest.mark.slow) for name in ("maps", "table"))]
)
def test_networks_of_ones_own(name, sources, tmp_path, monkeypatch):
    """In Python all that a run can do; commands say how such a model is loaded."""
    from entropae.explorer import Space
    from entropae.explorer.export import export
    from entropae.report import write_model

    monkeypatch.chdir(tmp_path)
    data, expected = str(sources[name][0]), EXPECTED[name]
    model = own_networks(expected.shape)
    log = ea.fit(model, data, epochs=1, folder="kept", progress=False)
    assert log[-1]["epoch"] == 1
    again = own_networks(expected.shape)
    ea.fit(again, data, epochs=1, folder="kept", resume=True, progress=False)
    assert type(model.kind) is KINDS[expected.kind]
    assert model.encode(data).shape == (expected.samples, 3)
    torch.testing.assert_close(again.encode(data), model.encode(data))
    samples = ea.kinds.as_samples(data, kind=model.kind)
    assert len(model.reconstruct(data)) == expected.samples
    assert model.interpolate(samples.first(2), samples.first(2), steps=3).shape[:2] == (2, 3)
    model.fit_prior(data, "full")
    assert len(model.sample(5)) == 5
    assert model.diagnose(data, progress=False).figures
    page = write_model(model, data, progress=False).read_text()
    assert len(re.findall("<h2", page)) == 8, "without curves, rivals and how to repeat it"
    assert f"{expected.samples} {expected.things}" in html.unescape(page)
    space = Space(model, samples, title="mine")
    assert asked(space, "/api/space")["dim"] == 3
    if name == "grey":
        encoder, *_ = export(space, tmp_path / "export")
        x = samples.first(3)
        np.testing.assert_allclose(onnx(encoder, x)[0], model.encode(x), atol=1e-4)
    model.save("mine")
    message = of_one_line(said("sample", "mine"))
    assert "encoder" in message
    code = (
        "import torch, entropae as ea; nn = torch.nn\n"
        f"shape = {expected.shape}; size = {math.prod(expected.shape)}\n"
        "encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, 3))\n"
        "decoder = nn.Sequential(nn.Linear(3, size), nn.Unflatten(1, shape))\n"
        'print(len(ea.load("mine", encoder=encoder, decoder=decoder).sample(5)))'
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "5\n"
