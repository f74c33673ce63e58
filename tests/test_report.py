"""The report of a run: what is on the page, that it loads nothing, and that a browser shows it."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from markupsafe import escape
from PIL import Image
from selenium.webdriver import ActionChains, Keys
from torch import nn

from entropae import report
from entropae.cli import COMMANDS, main
from entropae.drawing import charts, sheets
from entropae.drawing.blocks import Block, Code, Pictures, Table, Text
from entropae.kinds import identity
from entropae.kinds import read as load_samples
from entropae.kinds.values.nearest import nearest_training
from entropae.latent import Plain
from entropae.model import Autoencoder
from entropae.recipe import ModelConfig, Recipe
from entropae.report import Origin, Trained, latent, trained, words
from entropae.runs import Run, new_model, portable, write_recipe
from entropae.runs.files import reading_of
from entropae.storage.records import read_log
from entropae.training import fit

from browser import console, overflow, requested, screenshot, view

VOID = {"meta", "img", "link", "path", "use", "br"}
HOSTILE = "<script>alert('1')</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"


def made(folder: Path, recipe: Recipe) -> Path:
    """A run folder with a model that has not been trained: no time is spent."""
    samples = load_samples(recipe.data, **vars(reading_of(recipe)))
    model = new_model(recipe, samples)
    model.kind = samples.kind
    train, _ = samples.split(recipe.validation, seed=recipe.seed)
    model.calibrate([train.first(len(train))])
    model.fit_prior(train, "mixture")
    folder.mkdir(parents=True, exist_ok=True)
    write_recipe(recipe, folder)
    identity.write(folder, samples, samples.halves(recipe.validation, seed=recipe.seed))
    rows = ["step,learning_rate,train/reconstruction,validation/reconstruction"]
    rows += [f"{step},0.01,{1 / step},{'' if step % 2 else 2 / step}" for step in range(1, 9)]
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    model.save(folder)
    return folder


def section(name: str, run: Trained) -> list[Block]:
    """A section of the page, by its name."""
    return report.SECTIONS[name][1](run)


def small(data: Path | str, **options: object) -> Recipe:
    latent = {"name": "entropic", "dim": 4}
    model = ModelConfig(hidden=(8,), latent=latent)
    return replace(Recipe(data=str(data), model=model), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made(tmp_path_factory.mktemp("runs") / "digits", small("digits"))
    Run.open(folder).report(progress=False)
    return folder


def array(path: Path, *shape: int, seed: int = 0) -> Path:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    np.save(path, values)
    return path


KINDS = ["digits", "vectors", "signal", "colour", "nothing held out", "sentences", "rows"]


@pytest.fixture(scope="module", params=KINDS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pages of runs with data of each kind."""
    if request.param == "digits":
        run = request.getfixturevalue("digits")
        return (run / "report.html").read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("data")
    source = {
        "vectors": lambda: array(folder / "vectors.npy", 200, 3),
        "signal": lambda: array(folder / "signal.npy", 200, 2, 600),
        "colour": lambda: colour(folder / "colour.npy", 120, 64),
        "nothing held out": lambda: array(folder / "all.npy", 60, 1),
        "sentences": lambda: sentences(folder / "corpus.txt"),
        "rows": lambda: rows(folder / "people.csv"),
    }[request.param]()
    share = 0.0 if request.param == "nothing held out" else 0.25
    run = made(folder / "run", small(source, validation=share))
    return Run.open(run).report(progress=False).read_text(encoding="utf-8")


def colour(path: Path, n: int, side: int) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    np.save(path, values)
    return path


def sentences(path: Path) -> Path:
    """Sixty, of which none comes twice."""
    lines = itertools.product(("a <b>cat", "the dog"), ("sees", "hears"), map(str, range(15)))
    path.write_text("".join(f"{' '.join(words)}\n" for words in lines))
    return path


def rows(path: Path) -> Path:
    """Sixty, of numbers that are all different and of categories, some missing."""
    towns = itertools.cycle(["Rome", "<i>Oslo", ""])
    lines = [f"{number * 1.25},{town}" for number, town in zip(range(60), towns, strict=False)]
    path.write_text("\n".join(["income,town", *lines, ""]))
    return path


class Page(HTMLParser):
    """The elements of a page, and the text of each section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = ""
        self.text: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"] or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[self.section] = self.text.get(self.section, "") + data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def test_the_page_loads_nothing(page: str):
    elements = Page(page).elements
    tags = {tag for tag, _ in elements}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "video", "audio"}
    for tag, attributes in elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset", "href", "xlink:href", "data", "poster", "action"):
            if name in attributes:
                assert re.match(r"#|data:", attributes[name] or ""), (tag, attributes)
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    policy = [one["content"] for one in Page(page).all("meta") if "http-equiv" in one]
    assert policy[0] is not None
    assert policy[0].startswith("default-src 'none'; img-src data:;")
    assert len(page) < 3_000_000


def test_every_section_is_there(page: str):
    found = Page(page)
    assert [one["id"] for one in found.all("section")] == list(report.SECTIONS)
    for name, (title, _) in report.SECTIONS.items():
        assert len(found.text[name].split()) > len(title.split()) + 3, name


def test_the_page_is_accessible(page: str):
    found = Page(page)
    assert found.all("html") == [{"lang": "en"}]
    assert "width=device-width" in str(found.all("meta"))
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    said = [one["alt"] for one in found.all("img")]
    said += [one["aria-label"] for one in found.all("svg") if one.get("role") == "img"]
    assert len(said) == len(found.all("img", "svg"))
    assert all(text and len(text) > 7 for text in said)
    assert all(one.get("scope") in ("col", "row") for one in found.all("th"))
    ids = [one["id"] for _, one in found.elements if "id" in one]
    assert len(ids) == len(set(ids))
    for _, one in found.elements:
        for name in ("href", "xlink:href", "aria-labelledby"):
            target = one.get(name) or ""
            if target.startswith("#") or name == "aria-labelledby" in one:
                assert target.removeprefix("#") in ids
    for one in [*found.all("pre"), *[d for d in found.all("div") if d.get("class") == "scroll"]]:
        assert one["tabindex"] == "0"
        assert one["aria-label"]


def ratio(first: str, second: str) -> float:
    """The contrast of two colours (WCAG 2.1)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_text_has_contrast_in_both_schemes():
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    style = (Path(report.__file__).parent / "page/style.css").read_text()
    schemes = [dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in style.split("@media")[:2]]
    for scheme in schemes:
        for ground in ("ground", "panel"):
            for colour in ("ink", "soft", "accent", "other", "watch"):
                assert ratio(scheme[colour], scheme[ground]) >= 4.5, (colour, ground)


def test_hostile_names_are_text(tmp_path: Path):
    name = HOSTILE.replace("/", "∕")
    data = array(tmp_path / f"{name}.npy", 100, 3)
    folder = made(tmp_path / name / "seed-0", small(data, validation=0.3))
    (folder / "log.csv").write_text(f'step,"train/{HOSTILE.replace(chr(34), "")}"\n1,2\n2,3\n')
    figures = {"frechet": 1.0}
    versions = {HOSTILE: HOSTILE}
    (folder / "metrics.json").write_text(json.dumps({"versions": versions, "date": HOSTILE}))
    evaluated = {"features": HOSTILE, HOSTILE: figures}
    (folder / "evaluation-x.json").write_text(json.dumps(evaluated))
    results = {HOSTILE: [{"features": HOSTILE, HOSTILE: figures}], "b": [{HOSTILE: figures}]}
    (tmp_path / "results.json").write_text(json.dumps(results))
    text = Run.open(folder).report(progress=False).read_text(encoding="utf-8")
    found = Page(text)
    assert not found.all("script")
    assert all(re.match(r"data:", one["src"] or "") for one in found.all("img"))
    assert not any(key.startswith("on") for _, one in found.elements for key in one)
    for section in ("summary", "curves", "metrics", "again"):
        assert "alert('1')" in found.text[section], section
        assert "{{ 7*7 }}" in found.text[section], section
    assert "‮" not in text


def test_sentences_and_rows_are_read(tmp_path: Path):
    """Real ones are there as they are, beside what the model makes of them."""
    for source, said in (
        (sentences(tmp_path / "a.txt"), "a <b>cat"),
        (rows(tmp_path / "a.csv"), "<i>Oslo"),
    ):
        run = Run.open(made(tmp_path / source.suffix, small(source, validation=0))).trained()
        run = replace(run, real_rows=True)
        lines = set(source.read_text().splitlines())
        blocks = section("samples", run)
        real, *made_up = (block for block in blocks if isinstance(block, Table))
        assert {",".join(row[1:]) for row in real.rows} <= lines
        assert len(made_up) >= len(run.model.priors)
        both = next(block for block in section("reconstructions", run) if isinstance(block, Table))
        assert {",".join(row[1:]) for row in both.rows[::2]} <= lines
        near = next(block for block in section("nearest", run) if isinstance(block, Table))
        assert {",".join(row[1:]) for row in near.rows[1::2]} <= lines
        assert len([b for b in section("interpolations", run) if isinstance(b, Table)]) == 4
        text = report.page(run)
        assert said not in text
        assert str(escape(said)) in text


def test_columns_are_summed_up(tmp_path: Path):
    run = Run.open(made(tmp_path / "run", small(rows(tmp_path / "a.csv"), validation=0))).trained()
    table = [block for block in section("samples", run) if isinstance(block, Table)][-1]
    assert [row[0] for row in table.rows] == ["income", "town"]
    numbers = 1.25 * np.arange(60)
    assert table.rows[0][1] == f"{numbers.mean():.3g} ± {numbers.std():.3g}"
    assert table.rows[1][1] == "Rome 33%, <i>Oslo 33%; missing 33%"


def test_the_command_writes_the_same_page(digits: Path, tmp_path: Path, capsys: Any):
    path = tmp_path / "new" / "page.html"
    assert main(["report", str(digits), "--out", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    assert path.read_bytes() == (digits / "report.html").read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_errors_of_the_command(digits: Path, tmp_path: Path, capsys: Any):
    assert main(["report", str(tmp_path / "nothing")]) == 1
    assert "is no run folder: recipe.yaml is missing" in capsys.readouterr().err
    assert main(["report", str(digits), "--out", str(tmp_path)]) == 1
    assert "must be a file" in capsys.readouterr().err


def test_a_run_that_cannot_be_read(tmp_path: Path):
    data = array(tmp_path / "data.npy", 50, 2)
    folder = made(tmp_path / "run", small(data))
    old = Run.open(folder).report(progress=False).read_bytes()
    (folder / "metrics.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"metrics\.json is damaged"):
        Run.open(folder).report(progress=False)
    (folder / "metrics.json").unlink()
    data.rename(tmp_path / "elsewhere.npy")
    with pytest.raises(FileNotFoundError, match=r"data of the run .* are not there"):
        Run.open(folder).report(progress=False)
    (folder / "model.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"not finished.*--resume"):
        Run.open(folder).report(progress=False)
    assert (folder / "report.html").read_bytes() == old


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2", "step,x\n1,two", 'step,"x\n1', "step\n1,2,3", "\0"]
)
def test_a_damaged_log(text: str, tmp_path: Path):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match="is damaged"):
        read_log(tmp_path / "log.csv")


def test_a_log_is_read_as_it_was_written(tmp_path: Path):
    (tmp_path / "log.csv").write_text("epoch,step,train/a,validation/a\n1,7,0.5,\n2,14,nan,3\n")
    rows = read_log(tmp_path / "log.csv")
    assert trained.series(rows, "train/a") == ([7.0], [0.5])
    assert trained.series(rows, "validation/a") == ([14.0], [3.0])


class Known(nn.Module):
    """A decoder that gives back some of its training samples, whatever the code."""

    def __init__(self, samples: torch.Tensor) -> None:
        super().__init__()
        self.samples = samples

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        return self.samples[torch.arange(len(code)) % len(self.samples)]


def subject(model: Autoencoder, values: np.ndarray, tmp_path: Path) -> Trained:
    """A run of a model of one's own, four fifths of the samples for training."""
    samples = load_samples(values)
    kept = len(samples) * 4 // 5
    train, held_out = (samples.subset(np.arange(*part)) for part in ((kept,), (kept, len(samples))))
    origin = Origin(tmp_path, portable(small("digits")))
    return Trained(model, train, held_out, True, {}, origin=origin)


def normal(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def said(blocks: list) -> str:
    """All text of a section."""
    pictures = [one for block in blocks if isinstance(block, Pictures) for one in block.pictures]
    texts = [block.text for block in blocks if isinstance(block, Text | Code)]
    return "\n".join([*texts, *(one.caption for one in pictures)])


def test_copies_of_training_samples_are_seen(tmp_path: Path):
    values = normal(500, 3)
    copies = torch.from_numpy(values[[7, 300, 42]])
    run = subject(Autoencoder(nn.Identity(), Known(copies), Plain(3)), values, tmp_path)
    rows, distances, searched = nearest_training(run, copies)
    assert rows.tolist() == [7, 300, 42]
    assert distances.tolist() == [0, 0, 0]
    assert searched == 400
    found = said(section("nearest", run))
    assert "is 0 (root mean square over values), 0.00 times that of held-out samples" in found
    assert "100.0% of samples are nearer" in found


def test_distances_are_per_value_and_some_are_searched_of_many(tmp_path: Path):
    values = np.arange(10, dtype=np.float32)[:, None].repeat(4, 1)
    run = subject(Autoencoder(nn.Identity(), nn.Identity(), Plain(4)), values, tmp_path)
    x = torch.full((1, 4), 7.5)
    assert nearest_training(run, x)[1].tolist() == [0.5]  # of 7, the last training sample
    rows, distances, searched = nearest_training(run, x, numbers=8)  # two samples
    assert (searched, rows.tolist(), distances.tolist()) == (2, [7], [0.5])


def test_what_is_exact_is_said_to_be(tmp_path: Path):
    """An identity with codes of N(0, I): no error, and norms of mean 2 √(2/π)."""
    run = subject(Autoencoder(nn.Identity(), nn.Identity(), Plain(3)), normal(20_000, 3), tmp_path)
    found = said(section("reconstructions", run))
    assert "has the median 0; the largest is 0." in found
    norms = latent._norms(run.code)
    law = 2 * math.sqrt(2 / math.pi), math.sqrt(3 - 8 / math.pi)
    expected = f"chi distribution of 3 degrees of freedom has {law[0]:.3g} and {law[1]:.3g}"
    assert expected in norms.caption
    mean, spread = re.findall(r"mean ([\d.]+), spread ([\d.]+)", norms.caption)[0]
    assert float(mean) == pytest.approx(law[0], abs=4 * law[1] / math.sqrt(len(run.code)))
    assert float(spread) == pytest.approx(law[1], abs=0.04)


def test_correlated_coordinates_are_named():
    z = normal(4000, 4).astype(float)
    z[:, 3] = 0.8 * z[:, 1] + 0.6 * z[:, 3]
    caption = latent._correlations(z).caption
    assert re.search("coordinates [13] and [13];", caption)
    most = re.findall(r"to ([\d.]+), the largest", caption)[0]
    assert float(most) == pytest.approx(0.8, abs=0.06)


def test_a_matrix_is_drawn_in_its_signs_colours():
    values = np.array([[0.0, 1.0], [-0.5, 0.0]])
    svg = charts.matrix("m", values, most=1.0, alt="a < b")
    assert 'aria-label="a &lt; b"' in svg
    assert 'href="data:image/png;base64,' in svg


def test_charts_take_the_pages_colours_and_keep_their_names_apart():
    svg = charts.lines("one", {"a": ([1, 2], [1, 2])}, alt="x", x="step")
    assert "var(--accent)" in svg
    assert not re.search("#0101", svg)
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= ids


def test_a_sheet_is_clear_between_its_images():
    white = sheets.sheet(torch.ones(2, 1, 50, 50), "two", columns=2)
    assert (white.width, white.height) == (106, 54)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(white.source.split(",")[1]))))
    assert pixels[0, 0, 3] == 0
    assert pixels[10, 53, 3] == 0
    assert pixels[10, 10].tolist() == [255] * 4
    assert int((pixels[..., 3] == 255).sum()) == 2 * 50 * 50


def test_a_map_puts_images_at_their_places():
    places = np.array([[0.0, 0.0], [2.0, 1.0]])
    images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    found = sheets.mapped(images, places, "map", side=100, thumbnail=20)
    assert (found.width, found.height) == (100, 60)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.source.split(",")[1]))))
    assert pixels[10, 10].tolist() == [0, 0, 0, 255]
    assert pixels[50, 90].tolist() == [255] * 4
    assert pixels[10, 90, 3] == 0


def test_a_map_has_frames_in_the_colours_of_classes():
    images, places = torch.zeros(2, 1, 20, 20), np.array([[0.0, 0.0], [2.0, 1.0]])
    options = {"side": 100, "thumbnail": 20}
    found = sheets.mapped(images, places, "map", labels=["dog", "cat"], **options)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.source.split(",")[1]))))
    dog, cat = np.array([255, 127, 14]), np.array([31, 119, 180])
    assert np.abs(pixels[1, 10, :3] - dog.astype(float)).max() < 40
    assert np.abs(pixels[50, 81, :3] - cat.astype(float)).max() < 40
    assert pixels[10, 10, :3].max() < 40
    many = [str(i) for i in range(11)]
    alike = sheets.mapped(torch.zeros(11, 1, 8, 8), np.eye(11, 2), "map", labels=many)
    assert alike == sheets.mapped(torch.zeros(11, 1, 8, 8), np.eye(11, 2), "map")


@pytest.mark.parametrize(("n", "d"), [(3, 1), (3, 2), (100, 1), (100, 2), (60, 5)])
def test_codes_of_any_number_have_places(n: int, d: int):
    places, how = latent.plane(normal(n, d).astype(float))
    assert how.startswith("by t-SNE") == (d > 2)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_codes_that_coincide_have_a_report(tmp_path: Path):
    """A collapsed encoder: nothing is drawn that divides by a spread of 0."""

    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0 * x[:, :2]

    run = subject(Autoencoder(Nothing(), nn.Linear(2, 3), Plain(2)), normal(200, 3), tmp_path)
    found = Page(report.page(run))
    assert "could not be examined: All codes are equal" in found.text["diagnosis"]


def test_rivals_are_summed_up(tmp_path: Path):
    measured = [{"features": "pixels", "normal": {"frechet": f}, "seconds": 1} for f in (2.0, 4.0)]
    (tmp_path / "results.json").write_text(json.dumps({"own": measured, "other": measured[:1]}))
    folder = tmp_path / "own" / "seed-0"
    folder.mkdir(parents=True)
    run = replace(
        subject(Autoencoder(nn.Identity(), nn.Identity(), Plain(3)), normal(10, 3), tmp_path),
        origin=Origin(folder, portable(small("digits"))),
    )
    (table,) = words.rivals(run)
    assert isinstance(table, words.Table)
    assert table.marked == 0
    assert table.rows[0][0] == "own (this one)"
    assert "3 ± 1.4" in table.rows[0]
    (tmp_path / "results.json").write_text('{"a": 1}')
    (text,) = words.rivals(run)
    assert "results.json is damaged" in str(text)


def test_commands_of_the_page_can_be_run(tmp_path: Path):
    folder = tmp_path / "it's a run"
    folder.mkdir()
    run = replace(
        subject(Autoencoder(nn.Identity(), nn.Identity(), Plain(3)), normal(10, 3), tmp_path),
        origin=Origin(folder, portable(small("digits"))),
    )
    codes = {block.label: block.text for block in words.again(run) if isinstance(block, Code)}
    lines = [shlex.split(line) for line in codes["Commands"].splitlines()]
    assert all(line[0] == "entropae" and line[1] in COMMANDS for line in lines)
    assert [line[2] for line in lines if line[1] == "report"] == [str(folder)]


def test_networks_of_ones_own_have_a_report(tmp_path: Path):
    """All but what only a run has; nothing to repeat, and no curves without a log."""
    torch.manual_seed(0)
    model = Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3), Plain(2, standardize=True))
    x = normal(200, 3)
    log = fit(model, x[:150], epochs=2, batch_size=50, progress=False)
    model.fit_prior(torch.from_numpy(x[:150]), "full")
    arguments = {"held_out": x[150:], "progress": False}
    path = report.write_model(model, x[:150], out=tmp_path / "a.html", log=log, **arguments)
    text = path.read_text(encoding="utf-8")
    assert "Report of a trained autoencoder." in text
    assert "150 samples of 3 values; 50 more were held out. It took 6 steps in 2 passes" in text
    assert "Samples from the fitted Gaussian" in text
    kept = [name for name in report.SECTIONS if name not in ("metrics", "again")]
    assert re.findall(r'<section id="(\w+)"', text) == kept
    path = report.write_model(model, x, out=tmp_path / "b.html", progress=False)
    text = path.read_text(encoding="utf-8")
    assert "200 samples of 3 values; none were held out." in text
    assert 'id="curves"' not in text
    assert report.write_model(model, x, out=path, progress=False).read_text("utf-8") == text
    with pytest.raises(IsADirectoryError, match=r"report\.html"):
        report.write_model(model, x, out=tmp_path)


def test_fit_writes_a_report(tmp_path: Path):
    data = array(tmp_path / "data.npy", 60, 3)
    options = ["--data", str(data), "--epochs", "1", "--model.latent.dim", "2"]
    assert main(["fit", *options, "--out", str(tmp_path / "a")]) == 0
    text = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"finished on 20\d\d-\d\d-\d\d", text)
    assert main(["fit", *options, "--no-report", "--out", str(tmp_path / "b")]) == 0
    assert not (tmp_path / "b" / "report.html").exists()


@pytest.mark.long
def test_a_browser_shows_it(browser: Any, page: str, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    console(browser)
    requested(browser)
    browser.get(path.as_uri())
    for width in (360, 1280):
        for scheme, darkest, brightest in (("light", 200, 256), ("dark", 0, 80)):
            view(browser, width, 800, scheme)
            assert overflow(browser) == 0
            screenshot(browser, tmp_path / "shot.png")
            with Image.open(tmp_path / "shot.png") as shot:
                assert shot.width <= width
                assert darkest <= np.median(np.asarray(shot.convert("L"))) < brightest
    assert console(browser) == []
    assert requested(browser) == [path.as_uri()]
    sizes = "return [...document.images].map(i => i.complete && i.naturalWidth)"
    assert all(browser.execute_script(sizes))


def test_the_keyboard_reaches_everything(browser: Any, digits: Path):
    view(browser, 1280, 800)
    browser.get((digits / "report.html").as_uri())
    script = "return document.querySelectorAll('a, summary, pre, [tabindex]').length"
    reached = []
    for _ in range(browser.execute_script(script)):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        one = browser.switch_to.active_element
        reached.append(one)
        outline = "return getComputedStyle(arguments[0]).outlineStyle"
        assert browser.execute_script(outline, one) == "solid"
        if one.tag_name == "summary":
            one.send_keys(Keys.ENTER)
            assert one.find_element("xpath", "..").get_attribute("open")
    assert len({one.id for one in reached}) == len(reached)
    assert {one.tag_name for one in reached} == {"a", "summary", "pre"}
