"""The network of a flow: how fast, and which way, points move at each time."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

FREQUENCIES = 8


class Velocity(nn.Module):
    """A residual network of points and times, with layer normalisation.

    Its last layer starts at 0: before it has learnt anything, nothing moves.

    Args:
        dim: Dimensions of the points.
        hidden: Width of its layers.
        blocks: Number of residual blocks.
        classes: How many classes points may be of; one more stands for none.
    """

    frequencies: Tensor

    def __init__(self, dim: int, hidden: int, blocks: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim, hidden)
        self.time = nn.Sequential(
            nn.Linear(1 + 2 * FREQUENCIES, hidden), nn.SiLU(), nn.Linear(hidden, hidden)
        )
        self.label = nn.Embedding(classes + 1, hidden) if classes else None
        self.blocks = nn.ModuleList(_block(hidden) for _ in range(blocks))
        self.last = nn.Sequential(nn.LayerNorm(hidden), nn.SiLU(), nn.Linear(hidden, dim))
        frequencies = math.pi * torch.arange(1.0, FREQUENCIES + 1)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.rest()

    def rest(self) -> None:
        """Have nothing move."""
        for value in self.last[-1].parameters():
            nn.init.zeros_(value)

    def forward(
        self, x: Float[Tensor, "n d"], t: Float[Tensor, "m 1"], label: Int[Tensor, " n"] | None
    ) -> Float[Tensor, "n d"]:
        """Velocities of points.

        Args:
            x: The points.
            t: Their times in [0, 1], or one for all.
            label: Their classes by number; that after the last is none.
        """
        phase = t * self.frequencies
        given = self.time(torch.cat([t, torch.sin(phase), torch.cos(phase)], 1))
        if self.label is not None and label is not None:
            given = given + self.label(label)
        h = self.first(x) + given
        for block in self.blocks:
            h = h + block(h + given)
        return self.last(h)


def _block(hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden)
    )
