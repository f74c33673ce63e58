"""What a flow learns from: places between noise and codes, and how fast points pass there."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

# Share of the training codes whose label is hidden, for the flow that knows of no label.
HIDDEN = 0.5


class Arcs:
    """Places on arcs between noise and codes, and the velocities there, drawn at random.

    Args:
        points: Whitened codes.
        number: The class of each.
        classes: How many classes there are; 0 for codes without.
        generator: Of the CPU.
    """

    def __init__(
        self,
        points: Float[Tensor, "n d"],
        number: Int[Tensor, " n"],
        classes: int,
        generator: torch.Generator,
    ) -> None:
        self.points, self.number = points, number
        self.classes, self.generator = classes, generator

    def draw(self, n: int, reference: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Places, times, velocities and classes of `n` of them; random numbers are the CPU's.

        Args:
            n: How many places.
            reference: Codes, `n` or more, which the velocities are means over; else each is that of
                one arc.
        """
        generator, like = self.generator, self.points
        rows = torch.randint(len(like), (max(n, reference),), generator=generator)
        noise = torch.randn(n, like.shape[1], generator=generator).to(like)
        t = torch.sigmoid(torch.randn(n, 1, generator=generator)).to(like)
        label = None
        if self.classes:
            hidden = torch.rand(n, generator=generator) < HIDDEN
            label = torch.where(hidden, self.classes, self.number[rows[:n]]).to(like.device)
        some, angle = like[rows.to(like.device)], math.pi / 2 * t
        x = angle.cos() * noise + angle.sin() * some[:n]
        ends = some[:n]
        if reference:
            apart = None if label is None else self._apart(label, rows)
            ends = _expected(x, angle, some, apart)
            noise = (x - angle.sin() * ends) / angle.cos()
        return x, t, math.pi / 2 * (angle.cos() * ends - angle.sin() * noise), label

    def _apart(self, label: Int[Tensor, " n"], rows: Int[Tensor, " m"]) -> Bool[Tensor, "n m"]:
        """Which codes are of another class than a place's, if that has one."""
        given = label[:, None]
        return (given != self.classes) & (given != self.number[rows].to(label.device))


def _expected(
    x: Float[Tensor, "n d"],
    angle: Float[Tensor, "n 1"],
    ends: Float[Tensor, "m d"],
    apart: Bool[Tensor, "n m"] | None,
) -> Float[Tensor, "n d"]:
    """The mean of the ends of all arcs, as likely as they are to pass a place.

    That is attention, the logits b x·e / a² − b² e² / 2 a²: torch does it without a matrix of all
    places and ends, which takes longer than all else in a step, if it gets one head of one batch.
    """
    a, b = angle.cos(), angle.sin()
    places = torch.cat([(b / a.square()) * x, -0.5 * (b / a).square()], 1)
    keys = torch.cat([ends, ends.square().sum(1, keepdim=True)], 1)
    seen = None if apart is None else ~apart[None, None]
    places, keys = places[None, None], keys[None, None]
    found = scaled_dot_product_attention(places, keys, keys, attn_mask=seen, scale=1.0)
    return found[0, 0, :, :-1]
