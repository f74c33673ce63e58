"""How stored arrays become the tensors that networks take."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from entropae.nn.sequences import trimmed


class Layout(NamedTuple):
    """From stored rows to a batch, and from a stored row's shape to a sample's."""

    tensor: Callable[[Tensor], Tensor]
    shape: Callable[[tuple[int, ...]], tuple[int, ...]]


def _numbers(batch: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    """Single precision; bytes divided by 255."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()


def _last_to_first(batch: Shaped[Tensor, "n h w c"]) -> Float[Tensor, "n c h w"]:
    return _numbers(batch).permute(0, 3, 1, 2).contiguous()


def _tokens(batch: Int[Tensor, "n t"]) -> Int[Tensor, "n s"]:
    """Token numbers, cut to the longest of the batch."""
    return trimmed(batch).long()


# By where the channels of an image are, or what the numbers are.
LAYOUTS: dict[str, Layout] = {
    "values": Layout(_numbers, lambda shape: shape),
    "chw": Layout(_numbers, lambda shape: shape),
    "hw": Layout(lambda batch: _numbers(batch)[:, None], lambda shape: (1, *shape)),
    "hwc": Layout(_last_to_first, lambda shape: (shape[2], shape[0], shape[1])),
    "tokens": Layout(_tokens, lambda shape: shape),
}
