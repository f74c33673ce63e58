"""The entropy estimators, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, overload

from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import digamma, polygamma
from torch import Tensor

from entropae.entropy.blocks import entropy_by_blocks
from entropae.entropy.degenerate import infinite
from entropae.entropy.distances import (
    LOG_UNIT_BALL,
    Pointwise,
    as_tuple,
    log_distance,
    neighbour_distances,
)
from entropae.entropy.local import local_normal
from entropae.entropy.maps import MAPPED, mapped_points
from entropae.entropy.prepared import Scale, check_by_blocks, coincident, prepared
from entropae.entropy.weights import weights
from entropae.entropy.whitening import (
    kl_constant,
    mean_log_distances,
    normal_bias,
    whiten,
)
from entropae.neighbors import Norm, check_choice, constant, is_opaque, showing_progress, warn
from entropae.out_of_core.sources import Large, is_large
from entropae.variables import Resolutions

Mapping = Literal["copula", "ica", "radial", "student", "mixture", "tree", "auto"]
EntropyMethod = Literal["kl", "whitened", "weighted", "kpn", "calibrated"] | Mapping


@overload
def knn_entropy(
    x: Tensor,
    k: int | Sequence[int] = ...,
    *,
    method: EntropyMethod = ...,
    norm: Norm = ...,
    floor: float = ...,
    p: int | None = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
    progress: bool = ...,
) -> Tensor: ...
@overload
def knn_entropy(
    x: ArrayLike | Large,
    k: int | Sequence[int] = ...,
    *,
    method: EntropyMethod = ...,
    norm: Norm = ...,
    floor: float = ...,
    p: int | None = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    seed: int = ...,
    progress: bool = ...,
) -> float: ...
def knn_entropy(
    x: Any,
    k: int | Sequence[int] = 3,
    *,
    method: EntropyMethod = "kl",
    norm: Norm = "euclidean",
    floor: float = 0.0,
    p: int | None = None,
    resolution: Resolutions = "auto",
    scale: Scale = "auto",
    seed: int = 0,
    progress: bool = False,
) -> Tensor | float:
    """Differential entropy of the distribution that `x` is a sample of, in nats.

    The Kozachenko–Leonenko estimator: with `ε_k(i)` the distance from `x_i` to its k-th nearest
    neighbour among the other points, and `B_d` the volume of the unit ball,

        Ĥ_k = (d/n) Σ_i log ε_k(i) + log B_d + ψ(n) − ψ(k).

    Consistent for smooth distributions; biased for finite `n`, upwards and strongly when `d` is
    large. Set it beside `gaussian_baseline(n, d, k)` before comparing it with a closed form, or
    take `entropy_estimate`, which does. With several values of `k`: the mean of their `Ĥ_k`.

    The other methods:

    - `"whitened"`: Ĥ_k of the whitened sample, plus ½ log det Σ̂ of the sample covariance. Linear
      maps A add log |det A| exactly. For columns of unequal scale or strong correlation.
    - `"calibrated"`: `"whitened"`, less its mean on normal distributions over their true entropy,

          Ĥ = ½ log det 2πe Σ̂ − [baseline(n, d, k) − Ĥ_k(whitened sample)].

      As the whitened estimate is off by the same on all Gaussians of equal `n` and `d`, this is
      unbiased on each of them, up to the noise of a simulated baseline. Better for distributions
      near to a Gaussian, whose bias they share; worse for those whose bias is of the other sign:
      uniform cubes at d ≤ 8, of which balls reach over the edges (n = 500: +0.07 for
      +0.05 at d = 2, +0.42 for +0.33 at d = 4). Worse too for clusters far apart in many
      dimensions, which whitening flattens (n = 1000, d = 16, means 16 standard deviations apart:
      +1.34 for +0.84). Heavy tails keep part of their bias. The baseline is simulated once for each
      n, d and k, at the cost of 4 to 64 estimates.
    - `"weighted"`: Σ_j w_j Ĥ_j over neighbours j = 1 … k, with the `weights(k, d)` that cancel the
      leading terms of the bias. Needs `k ≥ d`, and many points: terms cancel as `k/n` goes to 0.
      Of 1000 or 2000 normal points with `k = 5 d` it is less biased than `"kl"` with the same `k`
      at d = 4 and 8, more at d = 5 and 6, and noise from d = 16.
    - `"kpn"`: instead of an even density in the ball, a normal one in the box of the k-th neighbour
      in the maximum norm, fitted to the `p` nearest neighbours: with `g_i` its density and `G_i`
      its probability of the box,

          Ĥ = (1/n) Σ_i log(G_i / g_i(x_i)) + ψ(n) − ψ(k).

      For samples near to a line or a surface in d ≤ 4. Milliseconds a point, growing with `d`.
    - `"copula"`, `"ica"`, `"radial"`, `"student"`, `"mixture"`, `"tree"`: as `"calibrated"`, but
      after a map that makes the sample nearly normal, and less the log of its derivative. It takes
      columns of any shape (`"copula"`), sums of independent ones (`"ica"`), elliptical
      distributions as Student's t (`"radial"`), the same with bent columns (`"student"`), clusters
      (`"mixture"`) or bent dependence of pairs (`"tree"`) to normal ones, so that the bias that is
      left is the normal one's. See `entropy/maps/`.
    - `"auto"`: whichever of these, and of `"calibrated"`, has the least cross-entropy on points
      held out. `entropy_estimate` says which it was, and what speaks against it.

    Args:
        x: Sample of shape `(n, d)`, or `(n,)` for `d = 1`. Half precision is computed in float32,
            integers in float64; covariances always in float64. Or a sample larger than memory, for
            `"kl"`: the path of a `.npy` or `.parquet` file, of which all columns with numbers are
            taken, `ea.open_table(path, columns)` for some of them, an `np.memmap`, or a dask array.
            It is read by blocks and sorted into cells in a temporary folder (the dask array: on
            its workers), and the value is the same.
        k: Which neighbour, or several for `"kl"`, `"whitened"`, `"calibrated"` and maps. Smaller is
            less biased, larger less variable.
        method: Which estimator.
        norm: `"euclidean"` or `"maximum"`, the norm that distances are measured in. `"kpn"` has its
            boxes in the maximum norm whatever is said here. With `"maximum"`, the whitened sample
            is that of the Cholesky factor, and only triangular maps add log |det A| exactly.
        floor: Below this distance, `log ε` continues along its tangent, `log floor + ε/floor − 1`,
            which keeps value and gradient bounded. At the default, 0, coincident points make the
            estimate `-inf`, the true value for a distribution with atoms. Not for `"kpn"` and maps.
        p: Neighbours that `"kpn"` fits its Gaussians to. By default 2 % of `n`, at least 5 (d+1)
            and at least 10 k; the estimate is too low where `(k/p)^(1/d)` is not small.
        resolution: `"auto"` to find for each column the step that its values are rounded to, the
            step itself, by name of column if they differ (`"x[0]"`, …), or `None` to take numbers
            as they are. Rounded values are spread evenly over their step: the entropy is then that
            of the rounded values plus the logarithm of the step, close to that before rounding. The
            estimate is the mean over 4 spreads. Tensors that require a gradient, and samples read
            by blocks, are taken as they are.
        scale: `"standard"` to divide columns by their standard deviations before (with outliers,
            those of their quartiles), and add the logarithms of these, so that units do not matter;
            `"auto"` to do so where they differ by more than a factor of 10, as in columns of unlike
            units; `None` to leave them. Tensors that require a gradient, and samples read by
            blocks, are taken as they are.
        seed: Of the spreads.
        progress: Show a bar of the search for neighbours.

    Returns:
        A scalar tensor if `x` is a tensor, with gradient to every point except from `"kpn"` and
        maps, whose value is detached; else a float. If columns are constant or exactly linearly
        dependent, if one takes two values only, or one value holds 1 % of its rows or more: `-inf`,
        with a warning that names them (`"kl"` and `"weighted"`: if `floor` is 0). `-inf` with a
        warning, too, where points coincide with their k-th neighbour.

    Raises:
        ValueError: If `x` is empty, not finite, or has more than two axes; if `k` is not in
            `[1, n − 1]`, or several where one is asked for; if `floor` is negative; if an option
            is not the method's; if `"whitened"` or `"calibrated"` has not more points than
            dimensions, or the sample is read by blocks and the method not `"kl"`.
        OSError: If there is no such file, or no room to sort its rows.

    References:
        Kozachenko and Leonenko, Problems of Information Transmission 23 (1987) 95.
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eq. (20), for any k.
        Berrett, Samworth and Yuan, Annals of Statistics 47 (2019) 288, the weighted
        estimator, with ψ(n) for log(n − 1), to which it is equal up to 1/(2n).
        Lombardi and Pant, Phys. Rev. E 93 (2016) 013310, for kpN.

    Examples:
        >>> import numpy as np
        >>> from entropae import gaussian_entropy
        >>> x = np.random.default_rng(0).standard_normal((10_000, 2))
        >>> print(f"{knn_entropy(x):.1f}, in truth {gaussian_entropy(2):.1f}")
        2.8, in truth 2.8
        >>> x = np.random.default_rng(0).standard_normal((1000, 32))
        >>> for method in ("kl", "calibrated"):
        ...     print(f"{knn_entropy(x, method=method):.1f}, in truth {gaussian_entropy(32):.1f}")
        48.6, in truth 45.4
        45.3, in truth 45.4
    """
    if is_large(x):
        check_by_blocks(resolution)
        how: dict[str, Any] = {"method": method, "norm": norm, "p": p, "progress": progress}
        found = entropy_by_blocks(x, k, floor=floor, as_it_is=resolution is None, **how)
        if found.value == -math.inf:
            warn(found.degenerate or coincident(found.ks, by_blocks=True))
        else:
            for message in found.warnings:
                warn(message)
        return found.value
    sample = prepared(x, resolution=resolution, scale=scale, seed=seed)
    points = sample.points
    ks = check_options(points, k, method=method, floor=floor, p=p)
    looks = (floor == 0 or METHODS[method].linear) and not is_opaque(points)
    message = sample.why_singular if looks else None
    said = sample.warnings
    if message:
        if points.requires_grad:
            message += " As a loss, give a `floor`, below which distances do not count."
        said = (*said, message)
        entropy = infinite(points)
    else:
        with showing_progress(progress):
            values = [METHODS[method].pointwise(t, ks, norm, floor, p).value for t in sample.turns]
        entropy = (sum(values[1:], values[0]) / len(values) + sample.shift).to(points.dtype)
        if looks and floor == 0 and method != "kpn" and entropy.isneginf():
            said = (coincident(ks, points.requires_grad),)
    for message in said:
        warn(message)
    return entropy if isinstance(x, Tensor) else float(entropy)


def check_options(
    points: Float[Tensor, "n d"],
    k: int | Sequence[int],
    *,
    method: str,
    floor: float = 0.0,
    p: int | None = None,
) -> tuple[int, ...]:
    """The values of k asked for, once the options are known to be the method's.

    Raises:
        ValueError: See `knn_entropy`.
    """
    n, d = points.shape
    check_choice(method, METHODS, "method")
    ks = as_tuple(k, n)
    if len(ks) > 1 and not METHODS[method].several:
        raise ValueError(
            f'`k` must be one integer for method="{method}": got k={k!r}. '
            'Use one, or method="kl", "whitened", "calibrated" or a map for a mean over several.'
        )
    if p is not None and method != "kpn":
        raise ValueError(f'`p` is for method="kpn": got p={p!r} with method="{method}". Omit it.')
    if floor != 0 and method in ("kpn", *MAPPED):
        raise ValueError(f'`floor` must be 0 for method="{method}": got floor={floor}. Omit it.')
    if method == "weighted":
        weights(max(ks), d)
    return ks


def kl_spread(ks: tuple[int, ...]) -> float:
    """Variance of a term of `"kl"` in a uniform distribution."""
    return _spread(ks, (1 / len(ks),) * len(ks))


@constant
def _spread(ks: tuple[int, ...], weight: tuple[float, ...]) -> float:
    """Variance of Σ_j w_j log ε_j^d at even density; log ε_j and log ε_l share ψ'(max(j, l))."""
    return _cached_spread(ks, weight)


@lru_cache(maxsize=1024)
def _cached_spread(ks: tuple[int, ...], weight: tuple[float, ...]) -> float:
    return sum(
        v * w * float(polygamma(1, max(j, l)))
        for j, v in zip(ks, weight, strict=True)
        for l, w in zip(ks, weight, strict=True)  # noqa: E741
    )


def _kl(points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None) -> Pointwise:
    n, d = points.shape
    logs = mean_log_distances(points, ks, norm, floor)
    return Pointwise(logs, d, kl_constant(n, d, ks, norm), kl_spread(ks))


def _whitened(
    points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None
) -> Pointwise:
    white, half_log_det = whiten(points)
    entropy = _kl(white, ks, norm, floor, p)
    if floor == 0 and not is_opaque(points) and entropy.log_distance.isneginf().any():
        _check_coincidences(entropy.log_distance, points, ks, norm)
    return entropy._replace(constant=entropy.constant + half_log_det)


def _check_coincidences(
    logs: Float[Tensor, " n"], points: Float[Tensor, "n d"], ks: tuple[int, ...], norm: Norm
) -> None:
    """Raise if points coincide once whitened that did not before."""
    lost = int((logs.isneginf() & ~mean_log_distances(points, ks, norm).isneginf()).sum())
    if lost:
        raise ValueError(
            f"`x` must not span so many orders of magnitude to be whitened: {lost} of "
            f"{len(points)} points would coincide, which they do not, by rounding. Remove what is "
            'far out, take logarithms, or use method="kl".'
        )


def _calibrated(
    points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None
) -> Pointwise:
    entropy = _whitened(points, ks, norm, floor, p)
    return entropy._replace(constant=entropy.constant - normal_bias(points, ks, norm))


def _weighted(
    points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None
) -> Pointwise:
    n, d = points.shape
    by_neighbour = weights(ks[0], d)
    js, w = tuple(by_neighbour), tuple(by_neighbour.values())
    logs = log_distance(neighbour_distances(points, js, norm), floor)
    # A weight below 0 would make +inf, or NaN, of coincident points.
    weighted = (logs @ logs.new_tensor(w)).masked_fill(logs.isneginf().any(1), -math.inf)
    shift = sum(v * float(digamma(j)) for j, v in by_neighbour.items())
    constant = LOG_UNIT_BALL[norm](d) + float(digamma(n)) - shift
    return Pointwise(weighted, d, constant, _spread(js, w))


def _kpn(points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None) -> Pointwise:
    n, d = points.shape
    log_volume = local_normal(points, ks[0], p)
    constant = float(digamma(n) - digamma(ks[0]))
    return Pointwise(log_volume / d, d, constant, _spread(ks, (1.0,)))


def _mapped(
    method: str, points: Tensor, ks: tuple[int, ...], norm: Norm, floor: float, p: int | None
) -> Pointwise:
    terms = mapped_points(points, ks, norm, method)
    return Pointwise(terms / points.shape[1], points.shape[1], 0.0, kl_spread(ks))


@dataclass(frozen=True)
class Estimator:
    """An entry of `METHODS`."""

    pointwise: Callable[[Tensor, tuple[int, ...], Norm, float, int | None], Pointwise]
    several: bool = False  # takes several values of k
    linear: bool = False  # inverts covariances, so that dependent columns break it at any `floor`


METHODS: dict[str, Estimator] = {
    "kl": Estimator(_kl, several=True),
    "whitened": Estimator(_whitened, several=True, linear=True),
    "weighted": Estimator(_weighted),
    "kpn": Estimator(_kpn, linear=True),
    "calibrated": Estimator(_calibrated, several=True, linear=True),
    **{name: Estimator(partial(_mapped, name), several=True, linear=True) for name in MAPPED},
}
