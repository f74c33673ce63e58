"""Lombardi and Pant's kpN: a Gaussian fitted around each point, and its mass in the box."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import ndtr
from torch import Tensor

from entropae.entropy.distances import is_count
from entropae.neighbors import check_k, nearest

# Error allowed in a box's probability, of the order of k/p: it averages out over the points.
ACCURACY = 1e-4
# Standard deviations beyond which a normal distribution has no mass in float64.
FAR = 40.0


def default_p(n: int, d: int, k: int) -> int:
    """Neighbours that the local normal distribution is fitted to: 2 % of the sample, as published.

    At least `5 (d + 1)`, below which the covariance of so few points is noise, and at least `10 k`:
    points of a region not much larger than the box fill it evenly, whatever the distribution, and a
    Gaussian fitted to them has too little mass in the box.
    """
    return min(n - 1, max(round(0.02 * n), 5 * (d + 1), 10 * k))


@torch.no_grad()
def local_normal(points: Float[Tensor, "n d"], k: int, p: int | None) -> Float[Tensor, " n"]:
    """Log-volume of each point's box under its local normal distribution, `log(G_i / g_i(x_i))`.

    `g_i` is the normal density with mean and covariance of the `p` nearest neighbours of `x_i`
    in the maximum norm, and `G_i` its probability of the box `x_i ± ε_k(i)`.

    Returns:
        Values of shape `(n,)`. Where the `p` neighbours lie in a hyperplane: `-inf`.

    Raises:
        ValueError: If `p` is not an integer in `[max(k, d + 1), n − 1]`.
    """
    n, d = points.shape
    if n < d + 2:
        raise ValueError(
            f'`x` must have at least d + 2 points for method="kpn": got n={n}, d={d}. '
            'Use more points, or method="kl".'
        )
    p = default_p(n, d, k) if p is None else p
    if not is_count(p, max(k, d + 1)) or p > n - 1:
        raise ValueError(
            f"`p` must be an integer in [{max(k, d + 1)}, {n - 1}]: got p={p!r} with n={n} points, "
            f"d={d}, k={k}. Leave it out for {default_p(n, d, k)}."
        )
    check_k(k, n - 1, f"n={n} points")
    x = points.cpu().double().numpy()
    # The sums and squares of what is very small or large would leave the range of numbers.
    exponent = int(np.frexp(np.abs(x).max())[1])
    x = np.ldexp(x, -exponent)
    unit = np.abs(x - x.mean(0)).max()
    x = (x - x.mean(0)) / unit
    index = nearest(points, k=p, norm="maximum").cpu().numpy()
    box = np.abs(x - x[index[:, k - 1]]).max(1)
    log_volume = _interval if d == 1 else _box
    values = np.array([log_volume(x[i], box[i], x[index[i]]) for i in range(n)])
    if np.isneginf(values).any():
        warnings.warn(
            f"The {p} nearest neighbours of {np.isneginf(values).sum()} of {n} points lie in a "
            "hyperplane, so the entropy is -inf. Use a larger `p`, or drop repeated points.",
            stacklevel=5,
        )
    return torch.as_tensor(
        values + d * (math.log(unit) + exponent * math.log(2)),
        dtype=points.dtype,
        device=points.device,
    )


def _interval(centre: np.ndarray, half: float, around: np.ndarray) -> float:
    """`log(G/g)` in one dimension, by the error function."""
    scale = float(around.std(ddof=1))
    if scale == 0 or half == 0:
        return -math.inf
    # On the left flank both are small numbers with all their digits; on the right, 1 − small.
    at = -abs(float(centre[0] - around.mean()) / scale)
    mass = float(ndtr(at + half / scale) - ndtr(at - half / scale))
    return math.log(mass) + 0.5 * at**2 + 0.5 * math.log(2 * math.pi) + math.log(scale)


def _box(centre: np.ndarray, half: float, around: np.ndarray) -> float:
    """`log(G/g)` by Genz's integration, in units of the neighbours' own spread."""
    centred = around - around.mean(0)
    unit = np.abs(centred).max(0)
    if half == 0 or not unit.all():
        return -math.inf
    scale = unit * (centred / unit).std(0, ddof=1)
    standard = centred / scale
    covariance = standard.T @ standard / (len(around) - 1)
    if np.linalg.eigvalsh(covariance)[0] < 1e-13 * len(covariance):
        return -math.inf
    d = len(centre)
    # Seeded: the same sample has the same entropy at every call.
    from scipy.stats import multivariate_normal  # a second to load

    normal = multivariate_normal(
        np.zeros(d), covariance, seed=0, abseps=ACCURACY, maxpts=20_000 * d
    )
    at = (centre - around.mean(0)) / scale
    # There is nothing beyond, and squares of more may overflow.
    low, high = np.clip([at - half / scale, at + half / scale], -FAR, FAR)
    mass = float(normal.cdf(high, lower_limit=low))
    if mass <= 0:
        # The box holds k of the p neighbours, so only underflow gets here: the box is tiny.
        return d * math.log(2 * half)
    return math.log(mass) - float(normal.logpdf(at)) + float(np.log(scale).sum())
