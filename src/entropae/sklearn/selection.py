"""Mutual information as a score of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from entropae.information import knn_mutual_information
from entropae.variables import columns_of, named_columns


def mutual_info(
    X: Any,
    y: Any,
    *,
    k: int = 3,
    discrete: Literal["auto"] | bool | Sequence[bool] | Bool[np.ndarray, " features"] = "auto",
) -> Float[np.ndarray, " features"]:
    """Mutual information of each feature with a target, in nats: a score for `SelectKBest`.

    It is `entropae.knn_mutual_information` column by column, which recognises classes, rounded and
    repeated values, both in features and in the target: there is one function for classification
    and regression.

    Args:
        X: Features, shape `(n, n_features)`: an array, or a frame.
        y: Target, shape `(n,)`: numbers or classes.
        k: Which neighbour.
        discrete: Whether features are classes: one answer for all, one a feature, or `"auto"` to go
            by types and values. Numbers that are none are taken as a scale, however few.

    Returns:
        Shape `(n_features,)`. Not clipped: below 0 for some that are independent of the target.

    Raises:
        ValueError: If `discrete` has not one answer a feature, or as `knn_mutual_information`.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.feature_selection import SelectKBest
        >>> x, y = load_iris(return_X_y=True, as_frame=True)
        >>> chosen = SelectKBest(mutual_info, k=2).fit(x, y)
        >>> list(chosen.get_feature_names_out())
        ['petal length (cm)', 'petal width (cm)']
    """
    features, targets = _columns(X, "X"), _columns(y, "y")
    if len(targets) > 1:
        raise ValueError(f"`y` must be one column: got {len(targets)}. Score each by itself.")
    ((target, about_target),) = targets
    if not (isinstance(discrete, str) and discrete == "auto"):
        answers = np.asarray(discrete)
        if answers.dtype != bool or answers.shape not in ((), (len(features),)):
            raise ValueError(
                f'`discrete` must be "auto", a boolean, or a boolean a feature, here '
                f"{len(features)}: got discrete={discrete!r}."
            )
        said = np.broadcast_to(answers, len(features)).tolist()
        features = [(x, {"x": one}) for (x, _), one in zip(features, said, strict=True)]
    return np.array(
        [knn_mutual_information(x, target, k, discrete=one | about_target) for x, one in features]
    )


def _columns(data: Any, name: Literal["X", "y"]) -> list[tuple[np.ndarray, dict[str, bool]]]:
    """Columns, each with what its type in a frame says of it: texts and categories are classes."""
    frame = columns_of(data)
    if frame is None:
        return [(column, {}) for column in named_columns(data, name).values()]
    known = [{name.lower(): True} if column.dtype == object else {} for column in frame.values()]
    return list(zip(frame.values(), known, strict=True))
