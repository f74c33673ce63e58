"""Mutual information, conditional and of many columns, by counting neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Float
from torch import Tensor

from entropae.information.formulas import CONDITIONAL, PAIRS
from entropae.information.parts import Scale
from entropae.information.terms import (
    ConditionalMethod,
    Method,
    Settings,
    averaged,
    check_lag,
)
from entropae.information.value import value_of
from entropae.variables import Data, Discrete, Period, Resolutions, variables_of

Lags = Iterable[int] | np.ndarray


@overload
def knn_mutual_information(
    x: Tensor,
    y: Tensor | Data,
    k: int = ...,
    *,
    method: Method = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    lag: int = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_mutual_information(
    x: Data,
    y: Tensor,
    k: int = ...,
    *,
    method: Method = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    lag: int = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_mutual_information(
    x: Data,
    y: Data,
    k: int = ...,
    *,
    method: Method = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    lag: int = ...,
    seed: int = ...,
) -> float: ...
@overload
def knn_mutual_information(
    x: Data,
    y: Data,
    k: int = ...,
    *,
    method: Method = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    lag: Lags,
    seed: int = ...,
) -> Float[np.ndarray, " lags"]: ...
def knn_mutual_information(
    x: Any,
    y: Any,
    k: int = 3,
    *,
    method: Method = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    lag: int | Lags = 0,
    seed: int = 0,
) -> Tensor | float | Float[np.ndarray, " lags"]:
    """Mutual information I(X; Y) from a sample of pairs, in nats.

    Distances are in the maximum norm, within and across `x` and `y`. With `ε(i)` the distance from
    pair `i` to its k-th nearest pair, `n_x(i)` and `n_y(i)` the numbers of other points within
    that distance in one of the two alone, and `⟨·⟩` the mean over `i`:

        ksg1    ψ(k) + ψ(n) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩      n_x: ‖x_j − x_i‖ < ε(i)
        ksg2    ψ(k) − 1/k + ψ(n) − ⟨ψ(n_x) + ψ(n_y)⟩        n_x: ‖x_j − x_i‖ ≤ ε_x(i)
        gao     log n + ⟨ψ(k̃) − ψ(n_x + 1) − ψ(n_y + 1)⟩     n_x: ‖x_j − x_i‖ < ε(i), or = 0
        ross    ψ(n) + ⟨ψ(k) − ψ(n_c) − ψ(n_y + 1)⟩          n_c: rows of the class of x_i
        plugin  Σ p log(p / (p_x p_y)) − (K_xy − K_x − K_y + 1)/2n

    `ε_x(i)` is the largest distance in `x` alone to the k nearest pairs. Where `ε(i) = 0`, `k̃(i)`
    is the number of pairs equal to pair `i`, itself included, and `n_x`, `n_y` count equal points;
    elsewhere it is `k`. In `ross`, and wherever there are classes, neighbours are of one class, and
    `k` is less in a class of fewer rows. `p` are frequencies, `K` the numbers of values that occur.

    `"auto"` takes `plugin` for discrete parts, `ross` for one discrete and one continuous, `gao`
    for parts that are partly discrete, and `ksg1` for continuous ones. Of what kind a column is, is
    recognised from its type and values, see `resolution`, `discrete` and `period`;
    `mutual_information_estimate` says what was found, with a standard error.

    Args:
        x: First parts, shape `(n, d_x)`, or `(n,)` for `d_x = 1`: a tensor, array, or frame of
            pandas, polars, pyarrow or xarray.
        y: Second parts, shape `(n, d_y)`, row by row the partners of `x`.
        k: Which neighbour. Smaller is less biased, larger less variable.
        method: `"auto"`, `"ksg1"`, `"ksg2"`, `"gao"`, `"ross"` or `"plugin"`. `ksg2` has a little
            less bias than `ksg1` where dependence is strong and dimensions are many, and a little
            more variance. For continuous parts of several columns also a map of `knn_entropy`, such
            as `"copula"`, for H(X) + H(Y) − H(X, Y), or `"map"` to choose one.
        resolution: `"auto"` to find for each column the step that its values are rounded to, the
            step itself, or `None` to take all numbers as they are, unless they are named in
            `discrete`. Rounded values are spread evenly over their step, which keeps their
            information exactly; the estimate is the mean over 4 spreads. A mapping gives it by
            name of column.
        scale: `"standard"` to divide each column by its standard deviation (with outliers, that of
            its quartiles), so that units do not matter, and to make columns with heavy tails even
            by a strictly increasing map, which keeps the information; `None` to leave them.
        discrete: Names of columns whose values are classes: `"x"`, `"y"`, `"x[0]"`, or names of a
            frame; `True` for all. Texts, logical values and categories are anyway, and so are
            numbers with at most 10 different values, unless a mapping says `False` of them, as in
            `{"x": False}` for marks on a scale.
        period: Period of circular columns, such as 360 of degrees, for all columns that are not
            discrete, or by name.
        exclude: Rows no farther than this before or after a row are no neighbours of it (Theiler's
            window), for time series.
        lag: `x` this many rows before `y`. Several give an array of as many values, each from the
            same rows of `y`.
        seed: Of the spreads.

    Returns:
        A scalar tensor without gradient if `x` or `y` is a tensor, else a float; an array for
        several lags. May be negative, chiefly for independent parts: it is not clipped, so that
        the mean over samples is kept. 0 if a part is constant. If `k` other pairs coincide with
        some pair, `ksg1` and `ksg2` mean little, and a warning says so.

    Raises:
        ValueError: If a part is empty, not finite or has more than two axes; if `x` and `y` differ
            in length; if `k` is not in `[1, n − 1]`; if an option is unknown or not the method's.

    References:
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eqs. (8) and (9).
        Gao, Kannan, Oh and Viswanath, NeurIPS 30 (2017) 5986, as computed by their program
        (github.com/wgao9/mixed_KSG). Their algorithm 1 has log(n_x + 1) with n_x: ‖x_j − x_i‖ ≤ ε
        instead, and with it a bias that no sample size removes while `k` is fixed.
        Ross, PLoS ONE 9 (2014) e87357, eq. (4).
        Miller, in Information Theory in Psychology (1955) 95, the correction of entropies.
        Theiler, Phys. Rev. A 34 (1986) 2427, the window.

    Examples:
        >>> import numpy as np
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 5000))
        >>> y = 0.6 * x + 0.8 * noise
        >>> print(f"{knn_mutual_information(x, y):.1f}, in truth {-np.log(1 - 0.6**2) / 2:.1f}")
        0.2, in truth 0.2
        >>> print(f"{knn_mutual_information(x.round(1), y.round(1)):.1f} of rounded values")
        0.2 of rounded values
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    if not isinstance(lag, Iterable):
        n = len(variables_of(x, "x", **options)[0]) if lag else 0
        shift = check_lag(lag, n) if lag else 0
        return value_of({"x": x, "y": y}, settings, PAIRS, lag=shift, **options)
    return _over_lags(x, y, list(lag), settings, options)


def _over_lags(
    x: Any, y: Any, lags: Sequence[int], settings: Settings, options: dict[str, Any]
) -> Float[np.ndarray, " lags"]:
    from entropae.information.lags import at_lags

    made = [float(averaged(sample).value) for sample in at_lags(x, y, lags, settings, **options)]
    return np.array(made)


@overload
def knn_conditional_mutual_information(
    x: Tensor,
    y: Tensor | Data,
    z: Tensor | Data,
    k: int = ...,
    *,
    method: ConditionalMethod = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: Data,
    y: Tensor,
    z: Tensor | Data,
    k: int = ...,
    *,
    method: ConditionalMethod = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: Data,
    y: Data,
    z: Tensor,
    k: int = ...,
    *,
    method: ConditionalMethod = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    seed: int = ...,
) -> Tensor: ...
@overload
def knn_conditional_mutual_information(
    x: Data,
    y: Data,
    z: Data,
    k: int = ...,
    *,
    method: ConditionalMethod = ...,
    resolution: Resolutions = ...,
    scale: Scale = ...,
    discrete: Discrete = ...,
    period: Period = ...,
    exclude: int = ...,
    seed: int = ...,
) -> float: ...
def knn_conditional_mutual_information(
    x: Any,
    y: Any,
    z: Any,
    k: int = 3,
    *,
    method: ConditionalMethod = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    seed: int = 0,
) -> Tensor | float:
    """Conditional mutual information I(X; Y | Z) from a sample of triples, in nats.

    Distances are in the maximum norm. With `ε(i)` the distance from triple `i` to its k-th nearest
    triple, and `n_xz(i)`, `n_yz(i)`, `n_z(i)` the numbers of other points within that distance in
    the parts named,

        ksg1    ψ(k) − ⟨ψ(n_xz + 1) + ψ(n_yz + 1) − ψ(n_z + 1)⟩    n_z: ‖z_j − z_i‖ < ε(i)
        gao     ⟨ψ(k̃) − ψ(n_xz) − ψ(n_yz) + ψ(n_z)⟩                n_z: ‖z_j − z_i‖ ≤ ε(i)
        plugin  Σ p log(p p_z / (p_xz p_yz)) − (K_xyz + K_z − K_xz − K_yz)/2n

    `k̃(i)` is the number of triples equal to triple `i` where `ε(i) = 0`, else `k`. `"auto"` takes
    `plugin` for discrete parts, `gao` where `x` or `y` has classes, and else `ksg1`: given classes,
    it is the mean over them of the information within each. Biased towards 0 where dependence is
    strong or dimensions are many. Unless `scale` is `None`, `ksg1` takes of columns of `x` and `y`
    that are mostly linear in `z` what is not, which leaves the information as it is, and what is
    left wide enough to count in: see `given.py`.

    Args:
        x: First parts, shape `(n, d_x)`, or `(n,)` for `d_x = 1`.
        y: Second parts, shape `(n, d_y)`.
        z: Parts that are given, shape `(n, d_z)`.
        k: Which neighbour.
        method: `"auto"`, `"ksg1"`, `"gao"`, `"plugin"`, or a map, see `knn_mutual_information`.
        resolution: As in `knn_mutual_information`.
        scale: As in `knn_mutual_information`.
        discrete: As in `knn_mutual_information`.
        period: As in `knn_mutual_information`.
        exclude: As in `knn_mutual_information`.
        seed: As in `knn_mutual_information`.

    Returns:
        A scalar tensor without gradient if any part is a tensor, else a float. May be negative.
        0 if `x` or `y` is constant. If `k` other triples coincide with some triple, `ksg1` means
        little, and a warning says so.

    Raises:
        ValueError: As `knn_mutual_information`.

    References:
        Frenzel and Pompe, Phys. Rev. Lett. 99 (2007) 204101, for `ksg1`; there with
        h_N = −Σ_{j≤N} 1/j, which is −γ − ψ(N + 1).
        Mesner and Shalizi, IEEE Trans. Inf. Theory 67 (2021) 464, algorithm 1, for `gao`; there cut
        at 0.

    Examples:
        >>> import numpy as np
        >>> z, *noise = np.random.default_rng(0).standard_normal((3, 5000))
        >>> x, y = 2 * z + noise[0], 2 * z + noise[1]
        >>> dependent = knn_mutual_information(x, y)
        >>> given_z = knn_conditional_mutual_information(x, y, z)
        >>> print(f"{dependent:.1f}, given z {abs(given_z):.1f}")
        0.5, given z 0.0
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    return value_of({"x": x, "y": y, "z": z}, settings, CONDITIONAL, **options)
