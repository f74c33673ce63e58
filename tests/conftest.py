"""One thread a test process, as there are as many of these as cores; one seed for every test."""

from __future__ import annotations

import os

import pytest

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(autouse=True)
def _seed() -> None:
    import torch

    torch.manual_seed(0)
