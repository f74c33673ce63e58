"""Whether samples are as a divergence by neighbours needs them: in one place, and no curve."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from torch import Tensor

from entropae.entropy import change, halves, matters
from entropae.neighbors import Norm, kth_distance, nearest

# So many times as far from points of Q as these are from each other, a point is beyond them; so
# many are by chance: a share, and a number, of 50 to 2000 normal, exponential or Cauchy points.
BEYOND, SHARE, NUMBER = 3.0, 0.02, 3
# So many times as many dimensions as the points seem to spread in are not by chance; 200 points of
# three columns come to 1.3.
THIN = 1.4


def why_misled(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], k: int, norm: Norm, error: float
) -> str | None:
    """Why distances to neighbours say something else, in words; `None` if nothing shows that.

    Args:
        p: Sample of P.
        q: Sample of Q.
        k: Which neighbour.
        norm: See `knn_divergence`.
        error: Standard error of the estimate.
    """
    return _why_apart(p, q, k, norm, error) or _why_thin(p, q, k, norm, error)


def _why_apart(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], k: int, norm: Norm, error: float
) -> str | None:
    """Why more points would say something else, in words; `None` if nothing shows that.

    Where P reaches beyond the points of Q, distances to them stay as they are while those within P
    shrink: the estimate grows by the logarithm of the points, whatever the divergence. Where there
    is no such place and half of the points say something else, there is no density.
    """
    if min(len(p), len(q)) // 2 <= k:
        return None
    across = kth_distance(p, q, k=k, norm=norm)
    beyond = _beyond(across, p, q, k, norm)
    if beyond > SHARE + NUMBER / len(p):
        return (
            f"{beyond:.0%} of the points of `x` lie beyond those of `y`, whose density there is "
            "not seen: the value is rather a lower bound, which the interval does not show. Use "
            "more points of `y`; none help if it has none there at all, and the value is inf."
        )
    of_halves = np.empty(len(p))
    for rows, others in zip(halves(len(p)), halves(len(q)), strict=True):
        part, other = p[rows], q[others]
        near = kth_distance(part, other, k=k, norm=norm)
        of_halves[rows] = _terms(near, part, len(other), k, norm)
    changed = change(of_halves, _terms(across, p, len(q), k, norm))
    if not matters(changed, error):
        return None
    return (
        f"Half of the points say {abs(changed):.2f} nats {'less' if changed > 0 else 'more'} than "
        "all: the value may be off by as much or more, which the interval does not show. Use more "
        "points; if one column is a function of others, leave it out."
    )


def _why_thin(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], k: int, norm: Norm, error: float
) -> str | None:
    """Why all dimensions should not count, in words; `None` if they should.

    In m dimensions, distances to neighbours among half of the points are 2^(1/m) times those among
    all. On a curve or surface m is less than d, while the estimate is d times a mean logarithm of
    distances, where it should be m times that.
    """
    n, d = p.shape
    if d < 2 or n // 2 <= k:
        return None
    of_halves = np.empty(n)
    for rows in halves(n):
        of_halves[rows] = _logs(kth_distance(p[rows], k=k, norm=norm))
    within, across = (_logs(kth_distance(p, *other, k=k, norm=norm)) for other in ((), (q,)))
    shrunk = -change(of_halves, within)
    times = d * shrunk / math.log(2)
    excess = d * float((across - within).mean()) * (1 - 1 / max(times, 1.0))
    if times < THIN or not matters(excess, error):
        return None
    return (
        f"Points of `x` spread as in {d / times:.1f} dimensions, not {d}, as on a curve or a "
        f"surface, or too few for so many: the value is {times:.1f} times too large if those of "
        "`y` lie on the same one, and inf if not. If one column is a function of others, leave it "
        "out; or measure coordinates along it, such as an autoencoder's codes."
    )


def _logs(distance: Float[Tensor, " n"]) -> Float[np.ndarray, " n"]:
    return distance.log().double().cpu().numpy()


def _beyond(
    across: Float[Tensor, " n"],
    p: Float[Tensor, "n d"],
    q: Float[Tensor, "m d"],
    k: int,
    norm: Norm,
) -> float:
    """Share of the points of P, at these distances from points of Q, that lie beyond those."""
    within = kth_distance(q, k=k, norm=norm)
    near = nearest(p, q, norm=norm)[:, 0]
    return float((across > BEYOND * within[near]).double().mean())


def _terms(
    across: Float[Tensor, " n"], p: Float[Tensor, "n d"], m: int, k: int, norm: Norm
) -> Float[np.ndarray, " n"]:
    """Each point's part of the divergence, from its distance to the k-th of `m` points of Q."""
    within = kth_distance(p, k=k, norm=norm)
    ratio = (across.log() - within.log()).double().cpu().numpy()
    return p.shape[1] * ratio + math.log(m / (len(p) - 1))
