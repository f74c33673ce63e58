"""Damaged files: every loader reads them or says what is wrong with which."""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entropae.cli import read_recipe_file
from entropae.kinds import read as load
from entropae.reader import read_table

from loaders import LOADERS, attempt

QUICK = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(QUICK, max_examples=2000)
randoms = st.integers(0, 1 << 64).map(random.Random)


@cache
def made(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="valid-"))
    LOADERS[name].make(folder)
    return folder


@pytest.mark.parametrize("name", LOADERS)
def test_valid_files_can_be_read(name):
    LOADERS[name].read(made(name))


@pytest.mark.parametrize("name", LOADERS)
def test_damaged_files(name, tmp_path):
    @QUICK
    @given(randoms)
    def check(draw: random.Random) -> None:
        attempt(LOADERS[name], made(name), tmp_path, draw)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADERS)
def test_many_damaged_files(name, tmp_path):
    @LONG
    @given(randoms)
    def check(draw: random.Random) -> None:
        attempt(LOADERS[name], made(name), tmp_path, draw)

    check()


# What this has found, each by itself.


@pytest.mark.parametrize(
    "text",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (12, 9",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1e9, 9), }",
        b"{'descr': ['<f8'], 'fortran_order': False, 'shape': (12, 9), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': "
        + b"(" * 200
        + b"9"
        + b")" * 200
        + b"}",
        b"\x00 = 3",
    ],
    ids=["open bracket", "float", "list", "brackets", "zero"],
)
def test_headers_that_numpy_stumbles_over(text, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(864))
    with pytest.raises(ValueError, match=r"x.npy cannot be read"):
        load(path)
    with pytest.raises(ValueError, match=r"x.npy cannot be read"):
        read_table(path)


def test_unusable_samples_are_of_a_named_file(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match=r"x.npy: Samples must be finite"):
        load(path)


def test_unusable_settings_are_of_a_named_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("on_nonfinite: svop")
    with pytest.raises(ValueError, match=r"recipe.yaml .*must be 'stop' or 'skip': got 'svop'"):
        read_recipe_file(path)


def test_an_archive_that_points_before_its_file_is_named(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros((3, 9, 9), np.uint8))
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02") + 42
    path.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
    with pytest.raises((ValueError, OSError), match=r"x.npz cannot be read"):
        load(path)


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "1E-3", "0.001"])
def test_numbers_of_recipes(text, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"learning_rate: {text}\nmodel: {{latent: {{name: entropic, weight: {text}}}}}")
    recipe = read_recipe_file(path)
    assert recipe.learning_rate == recipe.model.latent["weight"] == 0.001
