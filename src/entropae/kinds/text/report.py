"""Sections of a report about sentences."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from entropae.drawing.blocks import Block
from entropae.kinds import written
from entropae.nn.tokens import PAD

samples = written.samples
interpolations = written.interpolations


def reconstructions(run: Any) -> list[Block]:
    """Held-out sentences and what comes out."""
    return written.reconstructions(run, wrong_tokens, "share of wrong tokens")


def nearest(run: Any) -> list[Block]:
    """Whether sentences are copies."""
    return written.nearest(run, "between codes")


def wrong_tokens(x: Int[Tensor, "n t"], again: Int[Tensor, "n s"]) -> Float[Tensor, " n"]:
    """Share of the places of each sentence where the reconstruction has another token."""
    width = max(x.shape[1], again.shape[1])
    x, again = (nn.functional.pad(one, (0, width - one.shape[1]), value=PAD) for one in (x, again))
    there = (x != PAD) | (again != PAD)
    return ((x != again) & there).sum(1).double() / there.sum(1)
