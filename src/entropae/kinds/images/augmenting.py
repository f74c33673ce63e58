"""Random changes of images that leave them as likely as before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

# Pixels of a side for one pixel of a shift.
SIDE = 32


def flipped(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Images, each mirrored left to right with probability one half."""
    chosen = torch.rand(len(x), device=x.device) < 0.5
    return torch.where(chosen[:, None, None, None], x.flip(3), x)


def shifted(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Images, each shifted at random by up to a pixel per 32 of a side, at least one.

    What comes in at an edge repeats the pixels there.
    """
    n, _, height, width = x.shape
    most = max(1, max(height, width) // SIDE)
    down = torch.randint(-most, most + 1, (n, 1), device=x.device)
    right = torch.randint(-most, most + 1, (n, 1), device=x.device)
    rows = (torch.arange(height, device=x.device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=x.device) + right).clamp(0, width - 1)
    images = torch.arange(n, device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


AUGMENTATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "flip": flipped,
    "shift": shifted,
    "flip-shift": lambda x: shifted(flipped(x)),
}
