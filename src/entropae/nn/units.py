"""Where the values of arrays lie, and whether they are in one unit."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from entropae.nn.scaling import Scaling

# What to do with features x for networks that take values as they are.
STANDARDIZED = "x = (x - x.mean(0)) / x.std(0)"
# Standard deviations of neighbours that are so many times each other's are in other units.
UNLIKE = 10.0
# What lies and spreads within this is of about size 1, as networks want it.
SMALL, LARGE = 0.1, 10.0
# Shares of the values that have a floor or a ceiling in common, where they are in one unit.
MOSTLY, OFTEN = 0.9, 0.3


def scaling_of(x: Shaped[Tensor, "n ..."]) -> Scaling | None:
    """Mean and scale of each value of samples; `None` if these are about as of N(0, 1).

    Features in mixed units each have their own, and so have channels of signals; the places of a
    signal share one, since it may well be quieter at its ends.

    Args:
        x: Samples to learn from.

    Examples:
        >>> x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
        >>> scaling_of(x)
        >>> scaling = scaling_of(x * torch.tensor([1.0, 1000.0]) + 7)
        >>> scaling.is_mixed, scaling.scale.round().tolist()[0]
        (True, 1.0)
    """
    x = x.double()
    if x.ndim > 2 and min(x.shape[1:]) > 1:
        # The shortest axis is that of channels.
        axis = 1 + min(range(x.ndim - 1), key=lambda i: x.shape[1 + i])
        others = tuple(i for i in range(x.ndim) if i != axis)
        channels = Scaling(x.mean(others), x.std(others))
        if _is_unlike(channels.scale):
            shape = [1 if i != axis else -1 for i in range(1, x.ndim)]
            mean, scale = (part.reshape(shape).expand(x.shape[1:]).flatten() for part in channels)
            return _usable(mean, scale)
    flat = x.flatten(1)
    mean, scale = flat.mean(0), flat.std(0)
    if x.ndim == 2 and _is_unlike(scale) and not _have_one_unit(x):
        return _usable(mean, scale)
    centre, spread = flat.mean(), flat.std()
    if not spread > 0 or (SMALL <= spread <= LARGE and centre.abs() <= LARGE * spread):
        return None
    return _usable(centre.expand(flat.shape[1]), spread.expand(flat.shape[1]))


def _have_one_unit(x: Float[Tensor, "n m"]) -> bool:
    """Whether values are counts, or have one floor and one ceiling, as pixels and ratings have.

    Rare ones then spread less than others without being in another unit.
    """
    low, high = x.amin(0), x.amax(0)
    has_floor = bool((low == low.min()).double().mean() > MOSTLY)
    counts = bool((x == x.round()).all())
    return has_floor and (counts or bool((high == high.max()).double().mean() > OFTEN))


def _is_unlike(scale: Tensor) -> bool:
    """Whether two that stand side by side differ much, of those that are not constant."""
    scale = scale[scale > 0].log()
    return len(scale) > 1 and bool((scale.diff().abs() > torch.tensor(UNLIKE).log()).any())


def _usable(mean: Tensor, scale: Tensor) -> Scaling:
    """In single precision; what is constant has any scale."""
    return Scaling(mean.float(), torch.where(scale > 0, scale, 1.0).float())
