"""What a decoder can return, whatever code it is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Lengths of the codes that a decoder is tried with, far beyond any that it is meant for: there a
# sigmoid returns its limits, and a linear layer numbers that grow.
FAR, FARTHER = 1e4, 1e6
TRIED = 64  # codes of each length
# Of the numbers that are returned, so many lie at a limit, and so near in shares of the range.
PILED, NEAR = 0.02, 1e-3
STEP = 0.5  # limits that somebody chose are multiples of it


class Limits(NamedTuple):
    """The least and the largest number that a decoder returns; infinite where there is none."""

    low: float
    high: float

    @property
    def said(self) -> str:
        """In words."""
        if math.isinf(self.high):
            return f"no values below {self.low:.3g}"
        if math.isinf(self.low):
            return f"no values above {self.high:.3g}"
        return f"only values from {self.low:.3g} to {self.high:.3g}"

    def outside(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        """By how much each number is beyond them."""
        return x - x.clamp(self.low, self.high)


UNBOUNDED = Limits(-math.inf, math.inf)
# Of last layers.
BOUNDED: dict[type[nn.Module], Limits] = {
    nn.Sigmoid: Limits(0.0, 1.0),
    nn.Tanh: Limits(-1.0, 1.0),
    nn.ReLU: Limits(0.0, math.inf),
    nn.Softplus: Limits(0.0, math.inf),
    nn.Hardtanh: Limits(-1.0, 1.0),
    nn.Hardsigmoid: Limits(0.0, 1.0),
}
# What may come after it, and changes no number.
SHAPES = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout)


@torch.no_grad()
def output_limits(
    decoder: Callable[[Tensor], Tensor], codes: Float[Tensor, "n d"]
) -> Limits | None:
    """The limits that a decoder's outputs do not exceed; `None` if there are none, or none known.

    They are found by codes far out, or are those of its last layer: a sigmoid may be in `forward`,
    and be scaled after it.

    Args:
        decoder: Codes to outputs, in evaluation mode.
        codes: Some codes, for their number of dimensions, device and precision.

    Examples:
        >>> z = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
        >>> output_limits(torch.tanh, z)
        Limits(low=-1.0, high=1.0)
        >>> output_limits(lambda z: 255 * z.sigmoid(), z).said
        'only values from 0 to 255'
        >>> output_limits(lambda z: z, z) is None
        True
    """
    random = torch.Generator().manual_seed(0)
    directions = torch.randn(TRIED, codes.shape[1], generator=random).to(codes)
    directions = directions / torch.linalg.vector_norm(directions, dim=1, keepdim=True)
    near, far = decoder(FAR * directions), decoder(FARTHER * directions)
    if not (isinstance(far, Tensor) and far.is_floating_point()):
        return None
    if not (near.isfinite().all() and far.isfinite().all()):
        return None
    limits = Limits(0.0 - _highest(-near, -far), _highest(near, far))
    if limits == UNBOUNDED:
        # After a normalisation even codes far out do not reach the limits of the last layer.
        limits = _of_last_layer(decoder)
    return None if limits == UNBOUNDED or limits.outside(far).abs().max() > NEAR else limits


def _of_last_layer(decoder: Callable[[Tensor], Tensor]) -> Limits:
    """Those of the last layer that is there, which need not be the last that is used."""
    layers = decoder.modules() if isinstance(decoder, nn.Module) else ()
    leaves = [part for part in layers if not any(part.children()) and not isinstance(part, SHAPES)]
    found = (limits for kind, limits in BOUNDED.items() if leaves and isinstance(leaves[-1], kind))
    return next(found, UNBOUNDED)


def _highest(near: Tensor, far: Tensor) -> float:
    """The number that many of them are at, and none beyond; infinite if there is none."""
    near, far = near.double(), far.double()
    most = float(far.max())
    slack = NEAR * min(most - float(far.min()), 1.0)
    limit = STEP * round(most / STEP)
    piled = float((far > limit - slack).double().mean()) >= PILED
    is_limit = max(most, float(near.max())) <= limit + slack and abs(most - limit) <= slack
    return limit if slack and piled and is_limit else math.inf
