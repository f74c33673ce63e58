"""Processes that train some of many runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from entropae.imports import load
from entropae.signals import as_worker


def begin(threads: int) -> None:
    """Settings of a process among others: its share of the cores, and no bars of its own."""
    as_worker()
    load("entropae.training")
    import torch

    torch.set_num_threads(threads)
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 as long as the process
