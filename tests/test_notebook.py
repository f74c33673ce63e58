"""What a notebook shows: complete, and nothing of the data becomes markup."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import entropae as ea
from entropae.kinds import as_samples
from entropae.latent import Plain
from entropae.nn import MLPDecoder, MLPEncoder
from entropae.runs import Run

HOSTILE = "<script>alert('x & y')</script>"
VOID = {"img"}


class Reader(HTMLParser):
    """Tags, which must be closed in order, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.said)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    x[:, 1] += x[:, 0]
    return pd.DataFrame(x, columns=["a", HOSTILE, "c"])


def test_an_estimate_is_shown_with_its_warnings():
    estimate = ea.entropy_estimate(np.random.default_rng(0).standard_normal((300, 16)))
    read = Reader(estimate._repr_html_())
    assert f"{estimate.value:.3f} ± {estimate.standard_error:.3f} nats" in read.text
    assert estimate.warnings
    assert all(one in read.text for one in estimate.warnings)


def test_information_is_shown_and_names_are_escaped(frame):
    found = ea.information_matrix(frame)
    read = Reader(found._repr_html_())
    assert HOSTILE in read.text
    assert "script" not in read.tags
    assert read.text.count(f"{found.values[0, 1]:.3f}") == 2
    ranked = ea.rank_features(frame, HOSTILE)
    read = Reader(ranked._repr_html_())
    assert f"says of {HOSTILE}" in read.text
    assert "script" not in read.tags
    estimate = ea.mutual_information_estimate(frame["a"], frame[HOSTILE], permutations=20)
    read = Reader(estimate._repr_html_())
    assert f"{estimate.p_value:.3f}" in read.text


def test_a_diagnosis_shows_all_that_its_text_says():
    model = ea.Autoencoder(nn.Identity(), nn.Identity(), Plain(3))
    torch.manual_seed(0)
    found = model.diagnose(3 + torch.randn(100, 3), progress=False)
    read = Reader(found._repr_html_())
    assert found.findings
    words = " ".join(read.text.split())
    for one in found.findings:
        assert one.title in words
        if not one.follows_from:
            assert one.cause in words
            assert one.remedy in words
    assert read.tags.count("details") == len(found.findings)
    worst = replace(found.findings[0], title=HOSTILE, figure=HOSTILE, cause=HOSTILE, remedy=HOSTILE)
    hostile = replace(found, findings=(worst,), unmeasured={HOSTILE: HOSTILE}, run=HOSTILE)
    read = Reader(hostile._repr_html_())
    assert "script" not in read.tags
    assert read.text.count(HOSTILE) >= 6


def test_a_run_shows_its_overview(tmp_path: Path):
    folder = tmp_path / "a<b>"
    model = ea.Autoencoder(MLPEncoder((4,), 2), MLPDecoder((4,), 2), Plain(2))
    model.save(folder)
    run = Run.open(folder)
    assert "img" not in Reader(run._repr_html_()).tags
    (folder / "overview.png").write_bytes(b"\x89PNG")
    read = Reader(run._repr_html_())
    assert "img" in read.tags
    assert str(folder) in read.text
    assert "'" not in read.text


def test_names_do_not_steer_the_page():
    """An override of the writing direction, a bell and half a surrogate pair are shown as text."""
    rng = np.random.default_rng(0)
    names = ("a\u202eb", "c\x07d", "e\udcff")
    found = ea.information_matrix(dict(zip(names, rng.standard_normal((3, 50)), strict=True)))
    text = Reader(found._repr_html_()).text
    assert all(shown in text for shown in (r"a\u202eb", r"c\x07d", r"e\udcff"))
    text.encode()  # as a notebook is written


def pixels(html: str) -> np.ndarray:
    """The picture in a piece of a page."""
    (data,) = re.findall(r"base64,([^\"]+)\"", html)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_samples_are_thumbnails():
    """25 of 8×8 pixels, enlarged six times, with margins of 2; below each row its images again."""
    x = torch.rand(30, 1, 8, 8)
    model = ea.Autoencoder(nn.Flatten(), nn.Unflatten(1, (1, 8, 8)), Plain(64))
    model.kind = as_samples(x).kind
    read = Reader(as_samples(x)._repr_html_())
    assert "30 images of 8 × 8 pixels in grey" in read.text
    assert pixels(as_samples(x)._repr_html_()).shape == (252, 252, 3)
    assert repr(model.show(n=4)) == "4 images of 8 × 8 pixels in grey"
    assert pixels(model.show(n=4)._repr_html_()).shape == (102, 102, 3)
    both = pixels(model.show(x, n=16)._repr_html_())
    assert both.shape == (202, 402, 3)
    np.testing.assert_array_equal(both[2:50], both[52:100])
    assert "and their reconstructions" in repr(model.show(x))


def test_values_are_lines_and_words_are_escaped(tmp_path):
    lines = Reader(as_samples(torch.randn(30, 64))._repr_html_())
    assert lines.tags == ["p", "img"]
    pytest.importorskip("tokenizers")
    sentences = Reader(as_samples([f"{HOSTILE} {n}" for n in range(30)])._repr_html_())
    assert "script" not in sentences.tags
    assert sentences.text.count("alert") == 25
    rows = as_samples(pd.DataFrame({"a": [HOSTILE, "b"] * 20, "x": np.linspace(0, 1, 40)}))
    assert "script" not in Reader(rows._repr_html_()).tags


def test_a_log_is_curves():
    rows = [{"epoch": i, "step": i, "train/reconstruction": 1 / i} for i in (1, 2, 3)]
    log = ea.training.Log(rows)
    assert log == rows
    read = Reader(log._repr_html_())
    assert read.tags == ["img"]
    assert pixels(log._repr_html_()).std() > 5
    assert Reader(ea.training.Log(rows[:1])._repr_html_()).tags[0] == "table"
    assert Reader(ea.training.Log([])._repr_html_()).tags == ["p"]
