"""Scales at which squares neither overflow nor vanish."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def power_of_two(x: Tensor, y: Tensor) -> float:
    """What brings the largest coordinate near to 1, exactly; 1 if squares are in no danger."""
    largest = max(float(bound.abs()) for z in {x, y} for bound in z.aminmax())
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 0
    # Its own power of two must be a number too.
    least = -120 if x.dtype == torch.float32 else -1000
    return 1.0 if abs(exponent) <= 30 else 2.0 ** -max(exponent, least)


def length(difference: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    """Euclidean norm of the last axis, also where squares would overflow or vanish."""
    scale = difference.detach().abs().amax(-1, keepdim=True)
    scale = scale.clamp(min=torch.finfo(difference.dtype).tiny)
    return torch.linalg.vector_norm(difference / scale, dim=-1) * scale.squeeze(-1)
