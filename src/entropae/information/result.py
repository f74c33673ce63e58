"""The type of a result: that of the samples it is of."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors import as_points


def like(value: Float[Tensor, ""] | float, *samples: Any) -> Tensor | float:
    """`value` as the caller will have it: a tensor where a sample was one, else a float."""
    tensors = [sample for sample in samples if isinstance(sample, Tensor)]
    if not tensors or isinstance(value, Tensor):
        return value if tensors else float(value)
    dtype = reduce(torch.promote_types, map(_dtype, samples))
    return torch.tensor(value, dtype=dtype, device=tensors[0].device)


def _dtype(sample: Any) -> torch.dtype:
    """What a sample is computed in; classes, texts and frames in the least there is."""
    if isinstance(sample, Tensor):
        return as_points(sample).dtype if sample.dtype != torch.bool else torch.float32
    found = np.asarray(sample)
    if found.dtype.kind in "iuf":
        return torch.float32 if found.dtype in (np.float16, np.float32) else torch.float64
    return torch.float32
