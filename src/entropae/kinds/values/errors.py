"""Errors of reconstructions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae import distributed
from entropae.kinds.samples import Samples


def mean_squared_error(model: Any, samples: Samples) -> float:
    """Squared error per value, over the samples of all processes."""
    own = samples.subset(np.arange(len(samples))[distributed.share(len(samples))])
    errors = [torch.zeros(0, dtype=torch.float64)]
    for start in range(0, len(own), 1024):
        x = own.__getitems__(range(start, min(start + 1024, len(own))))
        with distributed.alone():
            errors.append(squared_errors(x, model.reconstruct(x)))
    return float(distributed.gather(torch.cat(errors)).mean())


def squared_errors(x: Tensor, again: Tensor) -> Float[Tensor, " n"]:
    """Mean squared error of each sample's values."""
    return (again.cpu().double() - x.double()).square().flatten(1).mean(1)
