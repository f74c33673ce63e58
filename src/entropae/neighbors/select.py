"""The smallest of many numbers, by minima of groups."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.return_types import topk as Smallest  # noqa: N812 a type

# Elements of the largest block of distances held at once: on a processor, what its cache holds.
BLOCK = {"cpu": 1 << 20}
LARGE_BLOCK = 1 << 26


def block_size(like: Tensor) -> int:
    """Elements of the largest block of distances held at once."""
    return BLOCK.get(like.device.type, LARGE_BLOCK)


def smallest(values: Float[Tensor, "r m"], k: int) -> Smallest:
    """The `k` smallest of each row and where they are, smallest first, as `topk` returns them.

    They lie in the `k` groups with the smallest minima. Minima of groups of columns far from each
    other are found at the pace of the memory, which `topk` of whole rows is not.
    """
    r, m = values.shape
    size = group_size(m, k, 0)
    groups = m // size
    if size == 1 or groups <= k:
        return values.topk(k, largest=False)
    minima = values[:, : groups * size].view(r, size, groups).amin(1)
    group = minima.topk(k, largest=False).indices
    steps = torch.arange(size, device=values.device) * groups
    rest = torch.arange(groups * size, m, device=values.device).expand(r, -1)
    column = torch.cat([(group[:, :, None] + steps).view(r, -1), rest], 1)
    found = values.gather(1, column).topk(k, largest=False)
    return Smallest((found.values, column.gather(1, found.indices)))


def group_size(m: int, k: int, d: int) -> int:
    """Points of a group, a power of two: the fastest for `m` points of which `k` are sought.

    There are `m / size` minima to choose from, and then `k size` points to look at, each of which
    costs as much as about `8 + d` minima.
    """
    best = math.sqrt(m / (k * (8 + d)))
    return 1 << min(6, max(0, round(math.log2(max(best, 1)))))
