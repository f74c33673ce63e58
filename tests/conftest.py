"""One thread a test process, as there are as many of these as cores; one seed for every test."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Seldom search the half a million objects of modules for garbage, which took an eighth of all.

    While they are imported there is none. What tests leave is young, and found as always.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.set_threshold(700, 10, 500)
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """What tests write need not outlive the machine: it is enough that files can be flushed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(autouse=True)
def _seed() -> None:
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on digits, as small as one can be."""
    from entropae.cli import main
    from options import SMALL

    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL]) == 0
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, started once; tests/browser.py has what to do with it."""
    from browser import chromium

    with chromium() as page:
        yield page
