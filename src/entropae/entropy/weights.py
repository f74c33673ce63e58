"""Weights over k that cancel the leading terms of the bias: Berrett, Samworth and Yuan."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln


@lru_cache(maxsize=1024)
def weights(k: int, d: int) -> dict[int, float]:
    """Weights `w_j` over the neighbours j = 1 … k with which entropies lose bias, if smooth.

    The vector of least norm with

        Σ_j w_j = 1,   Σ_j w_j Γ(j + 2l/d) / Γ(j) = 0  for l = 1 … ⌊d/4⌋,

    and `w_j = 0` unless `j` is one of ⌊k/d⌋, ⌊2k/d⌋, …, k. There is nothing to cancel for d < 4,
    and all `d` weights are then 1/d. They grow with `d` and alternate in sign: Σ_j |w_j| at
    k = 5 d is 4 for d = 4, 32 for d = 8 and 9000 for d = 16, where noise outweighs the bias saved.

    Args:
        k: The largest neighbour, at least `d`.
        d: Dimensions.

    Returns:
        Weight of each neighbour whose weight may differ from 0.

    Raises:
        ValueError: If `k` is less than `d`.

    References:
        Berrett, Samworth and Yuan, Annals of Statistics 47 (2019) 288, the set W^(k).

    Examples:
        >>> weights(6, 3)
        {2: 0.333..., 4: 0.333..., 6: 0.333...}
    """
    if k < d:
        raise ValueError(
            f'`k` must be at least d for method="weighted": got k={k} with d={d}. '
            f"Use k={max(2 * d, 10)} or larger, or another method."
        )
    j = np.array([step * k // d for step in range(1, d + 1)])
    moments = 2 * np.arange(1, d // 4 + 1)[:, None] / d
    # Γ(j + a)/Γ(j) grows as j^a: in units of its value at k, the rows are of like size.
    rows = np.exp(gammaln(j + moments) - gammaln(j) - gammaln(k + moments) + gammaln(k))
    constraints = np.vstack([np.ones(len(j)), rows])
    target = np.zeros(len(constraints))
    target[0] = 1
    solution = np.linalg.lstsq(constraints, target, rcond=None)[0]
    return dict(zip(j.tolist(), solution.tolist(), strict=True))
