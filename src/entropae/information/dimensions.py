"""What counting neighbours misses in many dimensions, shown on a normal distribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
from jaxtyping import Float

from entropae.information.formulas import CONDITIONAL, MANY
from entropae.information.parts import Part
from entropae.information.terms import Sample

# Dimensions from which a normal sample is drawn to compare with: when asked for an error, and not.
FROM = {False: 4, True: 8}
# Nats by which a normal distribution must be missed to be worth a warning.
WORTH_A_WARNING = 0.1


def why_too_many(
    sample: Sample, value: float, error: float = 0.0, *, unasked: bool = False
) -> str | None:
    """Why the estimate is too small for its many dimensions, in words; `None` if it is not.

    A normal sample with the covariance of the data has a known information, so that what the
    estimator says of it shows the bias.

    Args:
        sample: What was estimated.
        value: The estimate, in nats.
        error: Its standard error.
        unasked: Whether only a value was asked for, and few dimensions are not looked at.
    """
    if sample.method not in ("ksg1", "ksg2", "gao"):
        return None
    parts = sample.turn(0)
    d = sum(part.values.shape[1] for part in parts)
    if d < FROM[unasked] or any(part.classes is not None or part.is_discrete for part in parts):
        return None
    x = np.hstack([part.values for part in parts]).astype(np.float64)
    if len(x) <= 2 * d:
        return f"n={len(x)} rows are too few for d={d} dimensions: the estimate means little."
    covariance = np.cov(x.T)
    truth = normal_information(covariance, [p.values.shape[1] for p in parts], sample)
    if not math.isfinite(truth):
        return None
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_normal(np.zeros(d), covariance, len(x), method="eigh")
    sizes = np.cumsum([part.values.shape[1] for part in parts])[:-1]
    found = float(sample.terms([Part(one) for one in np.split(drawn, sizes, axis=1)]).values.mean())
    if abs(found - truth) <= max(WORTH_A_WARNING, 2 * error):
        return None
    return (
        f"n={len(x)} rows are few for d={d} dimensions: of a normal distribution with this "
        f"covariance, which has {truth:.2f} nats, the estimator says {found:.2f}, so {value:.2f} "
        'may be as far off. Use fewer columns, more rows, or method="map".'
    )


def normal_information(
    covariance: Float[np.ndarray, "d d"], sizes: list[int], sample: Sample
) -> float:
    """Information of a normal distribution, in nats: −∞ or NaN if the covariance is singular."""
    ends = np.cumsum([0, *sizes])
    blocks = [np.arange(a, b) for a, b in itertools.pairwise(ends)]

    def log_det(*some: np.ndarray) -> float:
        rows = np.concatenate(some)
        sign, value = np.linalg.slogdet(covariance[np.ix_(rows, rows)])
        return float(value) if sign > 0 else math.nan

    if sample.formulas is CONDITIONAL:
        x, y, z = blocks
        return 0.5 * (log_det(x, z) + log_det(y, z) - log_det(z) - log_det(x, y, z))
    if sample.formulas is MANY or len(blocks) >= 2:
        return 0.5 * (sum(log_det(block) for block in blocks) - log_det(*blocks))
    return math.nan
