"""What a notebook shows: complete, and nothing of the data becomes markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import entropae as ea
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
