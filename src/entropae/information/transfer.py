"""Transfer entropy of two series."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from entropae.information.lags import transfer
from entropae.information.parts import Scale
from entropae.information.result import like
from entropae.information.terms import ConditionalMethod, Settings
from entropae.information.value import warned
from entropae.variables import Discrete, Period, Resolutions


def knn_transfer_entropy(
    x: Any,
    y: Any,
    lag: int = 1,
    history: int = 1,
    *,
    source_history: int = 1,
    k: int = 3,
    method: ConditionalMethod = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    exclude: int = 0,
    seed: int = 0,
) -> Tensor | float:
    """Transfer entropy from the series `x` to the series `y`, in nats.

    What the past of `x` tells of the present of `y` beyond what the past of `y` tells,

        T = I(y_t ; x_{t−l}, …, x_{t−l−m+1} | y_{t−1}, …, y_{t−h}),

    with `l` the lag, `h` the history and `m` the source's history.

    Args:
        x: The source, shape `(n,)`, or `(n, d)` for a series of vectors.
        y: The target, of the same number of rows.
        lag: `l`, at least 1.
        history: `h`; 0 for none, which leaves the mutual information at that lag.
        source_history: `m`, at least 1.
        k: Which neighbour.
        method: Which estimator, see `knn_conditional_mutual_information`.
        resolution: As in `knn_mutual_information`.
        scale: As in `knn_mutual_information`.
        discrete: As in `knn_mutual_information`.
        period: As in `knn_mutual_information`.
        exclude: As in `knn_mutual_information`.
        seed: As in `knn_mutual_information`.

    Returns:
        A scalar tensor without gradient if `x` or `y` is a tensor, else a float. May be negative.

    Raises:
        ValueError: As `knn_mutual_information`, and if fewer than 3 rows are left.

    References:
        Schreiber, Phys. Rev. Lett. 85 (2000) 461, eq. (4).
        Frenzel and Pompe, Phys. Rev. Lett. 99 (2007) 204101, for the estimator.

    Examples:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).standard_normal((2, 3000))
        >>> x = noise[0]
        >>> y = 0.8 * np.roll(x, 1) + 0.6 * noise[1]
        >>> there, back = knn_transfer_entropy(x, y), knn_transfer_entropy(y, x)
        >>> print(f"{there:.1f}, in truth {-np.log(0.36) / 2:.1f}; back {abs(back):.1f}")
        0.5, in truth 0.5; back 0.0
    """
    settings = Settings(k, method, scale, exclude, seed)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    sample = transfer(x, y, lag, history, source_history, settings, **options)
    return like(warned(sample), x, y)
