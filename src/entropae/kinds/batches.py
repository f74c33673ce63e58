"""Batches of whatever a model is given, as its encoder takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from entropae import distributed
from entropae.kinds.base import Kind
from entropae.kinds.registered import as_samples
from entropae.kinds.samples import Samples
from entropae.messages import whole


def batches(data: Any, kind: Kind | None, size: int, *, shuffled: bool = False) -> Iterator[Tensor]:
    """Batches of this process's share of samples, in order; an empty one if it has none.

    Args:
        data: A batch as the encoder takes it, or whatever `as_samples` takes.
        kind: Of the model, if it is known.
        size: Samples at a time.
        shuffled: In an order at random instead, always the same, and evenly many at a time.
    """
    size = whole("batch_size", size, 1)
    if isinstance(data, Tensor) and _is_batch(data, kind):
        if kind is not None and len(data):
            kind.look_at(data[:size])
        if shuffled:
            yield from (data[rows] for rows in _parts(len(data), size))
        else:
            yield from data[distributed.share(len(data))].split(size)
        return
    samples = as_samples(data, kind=kind)
    if shuffled:
        yield from (samples.__getitems__(rows.tolist()) for rows in _parts(len(samples), size))
        return
    own = distributed.share(len(samples))
    for start in range(own.start, max(own.stop, own.start + 1), size):
        yield samples.__getitems__(range(start, min(start + size, own.stop)))


def _parts(n: int, size: int) -> Sequence[Int[Tensor, " m"]]:
    """This process's rows of so many in an order at random, in even parts."""
    rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))[distributed.share(n)]
    return rows.tensor_split(max(1, -(-len(rows) // size)))


def _is_batch(x: Tensor, kind: Kind | None) -> bool:
    """Whether a tensor is a batch as the encoder takes it."""
    return x.dtype != torch.uint8 if kind is None else kind.accepts(x)


def is_array(data: Any) -> bool:
    """Whether data are numbers as the encoder takes them, not rows or sentences to be read."""
    return isinstance(data, Tensor | Samples) or type(data).__module__.partition(".")[0] == "numpy"
