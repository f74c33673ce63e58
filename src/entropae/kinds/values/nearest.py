"""The training samples that others are nearest to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.kinds.samples import evenly
from entropae.neighbors import nearest


def nearest_training(
    run: Any, x: Float[Tensor, "n ..."], *, numbers: int = 1 << 28
) -> tuple[Tensor, Tensor, int]:
    """The number of the training sample that each sample is nearest to, and the distance to it.

    Args:
        run: Whose training samples to search.
        x: Samples.
        numbers: Read at most so many; where there are more, samples at even distances are searched.

    Returns:
        Rows of `run.train`; distances, root mean square over the values that `Kind.embed` gives;
        and how many training samples were searched.
    """
    kind = run.train.kind
    size = max(1, math.prod(run.train.shape))
    searched = evenly(len(run.train), max(1, numbers // size))
    x = kind.embed(run.model, x).cpu()
    best = torch.full((len(x),), torch.inf, dtype=torch.float64)
    row = torch.zeros(len(x), dtype=torch.int64)
    step = max(1, (1 << 24) // size)
    for start in range(0, len(searched), step):
        rows = searched[start : start + step]
        some = kind.embed(run.model, run.train.__getitems__(rows.tolist())).cpu()
        index = nearest(x, some)[:, 0]
        distance = (x - some[index]).double().square().mean(1).sqrt()
        closer = distance < best
        best = torch.where(closer, distance, best)
        row = torch.where(closer, torch.from_numpy(rows)[index], row)
    return row, best, len(searched)


def flat(x: Tensor) -> Float[np.ndarray, "n m"]:
    """Samples as rows of numbers."""
    return x.detach().cpu().flatten(1).double().numpy()
