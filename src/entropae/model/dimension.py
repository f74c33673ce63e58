"""How many dimensions a code should have."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import torch

from entropae.diagnosis.dimension import dimension_of_normal, intrinsic_dimension
from entropae.kinds import Samples
from entropae.metrics.principal import PrincipalComponents

# Dimensions that are ever chosen, and components that they are chosen from.
LEAST, MOST = 2, 64
# Share of the held-out variance that principal components are asked for.
SHARE = 0.9
SAMPLES = 1000
NEIGHBOUR = 10


class Chosen(NamedTuple):
    """Dimensions of a code, and why so many."""

    dim: int
    why: str


def choose_dim(train: Samples, held_out: Samples, found: PrincipalComponents) -> Chosen:
    """Dimensions of a code by what samples need: between their manifold's and a linear code's.

    A nonlinear code needs as many dimensions as the data's manifold has, if networks learn it; a
    linear one as many as principal components that hold 90 % of the held-out variance. Networks of
    limited size and training lie between, and samples drawn from N(0, I) are the better the nearer
    to the first: a geometric mean is taken, in which that counts twice.

    Args:
        train: The training samples.
        held_out: Others.
        found: The `MOST` principal components of the training samples, or all that there are.

    Returns:
        From 2 to 64 dimensions (1 for samples of one number), fewer than there are samples or
        numbers in a sample.

    References:
        Levina and Bickel 2004 for the intrinsic dimension (see `intrinsic_dimension`).
    """
    most = max(1, min(MOST, len(found.axes), len(train) - 2))
    linear = _components_needed(held_out, found)
    intrinsic = min(_intrinsic(train, found), linear)
    dim = min(most, max(LEAST, round((max(1.0, intrinsic) ** 2 * linear) ** (1 / 3))))
    held = f"principal components that hold 90 % of the held-out variance ({min(linear, MOST)}"
    held += " and more)" if linear > MOST else ")"
    if intrinsic == linear:
        return Chosen(dim, f"as many as {held}")
    return Chosen(
        dim, f"between the data's intrinsic dimension ({round(intrinsic)}) and the number of {held}"
    )


def _components_needed(held_out: Samples, found: PrincipalComponents) -> int:
    """The fewest components that leave at most a tenth of the held-out variance."""
    x = held_out.points(held_out.spread(SAMPLES)).double() - found.mean
    total = x.square().sum()
    held = (x @ found.axes.T).square().sum(0).cumsum(0)
    enough = (held >= SHARE * total).nonzero()
    return int(enough[0]) + 1 if len(enough) else len(found.axes) + 1


def _intrinsic(train: Samples, found: PrincipalComponents) -> float:
    """The intrinsic dimension of the samples' scores; 0 where there are too few to tell."""
    scores = found.scores(train.points(train.spread(SAMPLES)))
    # Copies of a sample, which data have, would count as points of no dimension.
    scores = torch.unique(scores, dim=0)
    if len(scores) <= 2 * NEIGHBOUR or scores.shape[1] < 1:
        return 0.0
    seen = intrinsic_dimension(scores, k=NEIGHBOUR).value
    # Distances in many dimensions are alike, and the estimate too small: by as much as for N(0, I).
    n = max(2 * NEIGHBOUR, round(len(scores), -2))
    dims = range(1, scores.shape[1] + 1)

    def excess(d: int) -> float:
        return dimension_of_normal(n, d, NEIGHBOUR) - seen

    above = min(len(dims), 1 + bisect_left(dims, 0, key=excess))
    return float(above - 1 if above > 1 and -excess(above - 1) < excess(above) else above)
