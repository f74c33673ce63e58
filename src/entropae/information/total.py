"""Total correlation of many columns, by counting neighbours."""

from __future__ import annotations

from typing import Any, overload

from torch import Tensor

from entropae.information.formulas import MANY
from entropae.information.parts import Scale
from entropae.information.terms import ConditionalMethod, Settings
from entropae.information.value import value_of
from entropae.variables import Data, Discrete, Period, Resolutions


@overload
def knn_total_correlation(
    x: Tensor,
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
def knn_total_correlation(
    x: Data,
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
def knn_total_correlation(
    x: Any,
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
    """Total correlation Σ_c H(X_c) − H(X) of the columns of `x`, in nats: 0 if independent.

    Distances are in the maximum norm. With `ε(i)` the distance from `x_i` to its k-th nearest
    neighbour and `n_c(i)` the number of other points strictly within it in column `c` alone,

        T̂ = ψ(k) + (d − 1) ψ(n) − ⟨Σ_c ψ(n_c + 1)⟩.

    At `d = 2` this is `knn_mutual_information` of the two columns, and `gao` and `plugin` are those
    of more than two. Biased towards 0 where dependence is strong or columns are many.

    Args:
        x: Sample of shape `(n, d)`, `d ≥ 2`.
        k: Which neighbour.
        method: `"auto"`, `"ksg1"`, `"gao"` or `"plugin"`.
        resolution: As in `knn_mutual_information`.
        scale: As in `knn_mutual_information`.
        discrete: As in `knn_mutual_information`.
        period: As in `knn_mutual_information`.
        exclude: As in `knn_mutual_information`.
        seed: As in `knn_mutual_information`.

    Returns:
        A scalar tensor without gradient if `x` is a tensor, else a float. May be negative. 0 if
        fewer than two columns vary. If `k` other points coincide with some point, `ksg1` means
        little, and a warning says so.

    Raises:
        ValueError: If `x` has fewer than two columns, or as `knn_mutual_information`.

    References:
        Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138, eq. (23), with the
        counts of eq. (8).

    Examples:
        >>> import numpy as np
        >>> common, *own = np.random.default_rng(0).standard_normal((4, 5000))
        >>> x = 2 * common[:, None] + np.stack(own, axis=1)  # three correlations of 0.8
        >>> print(f"{knn_total_correlation(x):.1f}, in truth {-np.log(0.2**2 * 2.6) / 2:.1f}")
        1.1, in truth 1.1
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    return value_of({"x": x}, settings, MANY, each=True, **options)
