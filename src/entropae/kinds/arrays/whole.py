"""Values of arrays that are whole numbers, and come back as such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

# Where values lie along the first axis of a sample, the least and the most of them.
Place = Sequence[int]
EXACT = 1 << 24  # up to which all whole numbers are in single precision


def whole_places(x: Shaped[Tensor, "n c ..."]) -> list[Place]:
    """Where along the first axis of samples there are whole numbers only, with their range.

    Examples:
        >>> whole_places(torch.tensor([[0.5, 3.0], [1.0, 7.0]]))
        [(1, 3, 7)]
    """
    values = x.movedim(1, 0).flatten(1)
    low, high = values.amin(1), values.amax(1)
    is_whole: Bool[Tensor, " c"] = (values == values.round()).all(1)
    is_whole &= (low > -EXACT) & (high < EXACT)
    where = is_whole.nonzero().flatten()
    ends = low[where].long().tolist(), high[where].long().tolist()
    return list(zip(where.tolist(), *ends, strict=True))


def to_whole(
    x: Shaped[Tensor, "n c ..."], places: Sequence[Place], *, drawn: bool, seed: int | None
) -> Shaped[Tensor, "n c ..."]:
    """Samples with whole numbers in some places, within the range of those there.

    Args:
        x: What a decoder returned.
        places: See `whole_places`.
        drawn: Whether a number is rounded up as often as it is near to the one above, so that means
            stay, and a rare flag is as rare as it was; else to the nearest.
        seed: Of that.
    """
    where, low, high = torch.tensor(places).T
    shape = (-1, *[1] * (x.ndim - 2))
    values = x[:, where].cpu()
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    up = torch.rand(values.shape, generator=generator) if drawn else 0.5
    values = (values + up).floor().clamp(low.view(shape), high.view(shape))
    x = x.clone()
    x[:, where] = values.to(x)
    return x


def whole_dtype(source: Any) -> str:
    """The type of an array's or a tensor's whole numbers or flags; empty if it is none of these."""
    name = getattr(source.dtype, "name", str(source.dtype)).removeprefix("torch.")
    return name if name.startswith(("int", "uint", "bool")) else ""
