"""Paths between codes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn


def linear(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"], t: Tensor) -> Float[Tensor, "n d"]:
    """The straight line, which passes nearer to the origin than its ends are."""
    return torch.lerp(a, b, t)


def spherical(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"], t: Tensor) -> Float[Tensor, "n d"]:
    """The arc, which keeps to the norms that N(0, I) has.

    References:
        Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.
    """
    cosine = nn.functional.cosine_similarity(a, b, dim=1)[:, None].clamp(-1, 1)
    angle = torch.arccos(cosine)
    direction = torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b
    # Where the two directions agree, or oppose each other, there is no arc to follow.
    return torch.where(cosine.abs() > 1 - 1e-6, torch.lerp(a, b, t), direction / torch.sin(angle))


PATHS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "spherical": spherical,
    "linear": linear,
}
