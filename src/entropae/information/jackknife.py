"""Standard errors of estimates that no formula has one for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor


def jackknife(
    estimator: Callable[..., Any],
    *samples: Any,
    paired: bool = True,
    groups: int = 10,
    seed: int = 0,
) -> float:
    """Standard error of an estimate, by the jackknife that leaves out a group at a time.

    With `θ_g` the estimate without the g-th of G random groups of rows, and `θ̄` their mean,

        SE² = (G − 1)/G Σ_g (θ_g − θ̄)².

    It tells of variance, not of bias. For estimates from nearest neighbours it errs on the large
    side, because leaving rows out also makes other rows neighbours.

    Args:
        estimator: From the samples to a number.
        samples: Arrays of shape `(n, …)`.
        paired: Whether a row is one observation of all samples, to be left out of all at once;
            else each sample has groups of its own.
        groups: G; as many estimates are made.
        seed: Of the groups.

    Returns:
        The standard error; NaN if an estimate is not finite.

    Raises:
        ValueError: If a sample has no axis of rows; if there are fewer than 2 groups, or fewer rows
            than groups.

    References:
        Shao and Wu, Annals of Statistics 17 (1989) 1176, the delete-d jackknife.
    """
    samples = tuple(x if isinstance(x, Tensor) else np.asarray(x) for x in samples)
    if not samples or any(x.ndim == 0 for x in samples):
        raise ValueError(f"`samples` must be arrays with rows: got {[x.shape for x in samples]}.")
    rows = [len(sample) for sample in samples]
    if not 2 <= groups <= min(rows):
        raise ValueError(f"`groups` must be in [2, {min(rows)}]: got groups={groups}.")
    rng = np.random.default_rng(seed)
    order = [rng.permutation(n) for n in rows]
    if paired:
        order = [order[0]] * len(order)
    estimates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to say was said of the whole sample
        for group in range(groups):
            kept = [np.sort(np.delete(o, np.s_[group::groups])) for o in order]
            estimates.append(
                float(estimator(*(x[rows] for x, rows in zip(samples, kept, strict=True))))
            )
    if not np.isfinite(estimates).all():
        return math.nan
    return math.sqrt((groups - 1) * float(np.var(estimates)))
