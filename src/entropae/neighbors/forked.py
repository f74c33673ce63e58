"""Processes that are forked after torch has run on several threads."""

from __future__ import annotations

import os

import torch


def _on_one_thread() -> None:
    # The parent's threads are not in the child, whose first parallel loop would wait for them.
    torch.set_num_threads(1)


def register() -> None:
    """Have forked processes run on one thread, where processes can be forked."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_on_one_thread)
