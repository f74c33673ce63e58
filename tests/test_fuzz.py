"""Damaged files: every loader reads them or says what is wrong with which."""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
