"""What scikit-learn's `fit` and its like are given, checked as it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

DTYPES = [np.float64, np.float32]


def refuse(estimator: BaseEstimator, unsupported: Mapping[str, Any]) -> None:
    """Raise if `fit` was given sample weights, or what no `fit` knows."""
    given = [name for name, value in unsupported.items() if value is not None]
    if given:
        raise TypeError(
            f"{type(estimator).__name__}.fit takes samples only: got {', '.join(given)}. To weigh "
            "samples, repeat them, or draw rows in proportion to their weights."
        )


def checked(estimator: BaseEstimator, x: Any, *, first: bool = False) -> Float[np.ndarray, "n d"]:
    """Samples as `fit`, if they are the first, or a fitted estimator must have them."""
    if first:
        return np.asarray(validate_data(estimator, x, dtype=DTYPES, ensure_min_samples=2))
    check_is_fitted(estimator)
    return np.asarray(validate_data(estimator, x, reset=False, dtype=DTYPES))
