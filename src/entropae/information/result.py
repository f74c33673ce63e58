"""The type of a result: that of the samples it is of."""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors import as_points


def like(value: Float[Tensor, ""] | float, *samples: Any) -> Tensor | float:
    """`value` as the caller will have it: a tensor where a sample was one, else a float."""
    tensors = [sample for sample in samples if isinstance(sample, Tensor)]
    if not tensors or isinstance(value, Tensor):
        return value if tensors else float(value)
    dtype = reduce(torch.promote_types, (as_points(sample).dtype for sample in samples))
    return torch.tensor(value, dtype=dtype, device=tensors[0].device)
