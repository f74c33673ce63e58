"""Errors of reconstructions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae import distributed
from entropae.kinds.samples import Samples
from entropae.nn import points_of


def mean_squared_error(model: Any, samples: Samples) -> float:
    """Squared error per value, over the samples of all processes.

    Of values in mixed units each is measured in its own standard deviation.
    """
    own = samples.subset(np.arange(len(samples))[distributed.share(len(samples))])
    errors = [torch.zeros(0, dtype=torch.float64)]
    for start in range(0, len(own), 1024):
        x = own.__getitems__(range(start, min(start + 1024, len(own))))
        with distributed.alone():
            errors.append(squared_errors(x, model.reconstruct(x), model.decoder))
    return float(distributed.gather(torch.cat(errors)).mean())


def squared_errors(
    x: Tensor, again: Tensor, decoder: nn.Module | None = None
) -> Float[Tensor, " n"]:
    """Mean squared error of each sample's values, as a decoder of such samples has it."""
    apart = points_of(decoder, again.cpu().double()) - points_of(decoder, x.cpu().double())
    return apart.square().mean(1)
