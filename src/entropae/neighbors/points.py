"""Samples as points, checked."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.neighbors.operators import is_opaque

# Rows so few may be columns.
FEW = 10


def as_points(x: Any, name: str = "x") -> Float[Tensor, "n d"]:
    """The sample as `n` points of `d` dimensions, in float32 or float64.

    Args:
        x: A tensor or array-like of shape `(n, d)`, or `(n,)` for `n` points of one dimension.
        name: What to call the sample in messages.

    Returns:
        A tensor of shape `(n, d)`. Half precision becomes float32, integers and booleans float64.

    Raises:
        ValueError: If `x` is complex, empty, of another number of axes, or has NaN or inf (which
            nobody looks for inside `torch.compile` and `torch.func`).
    """
    points = x if isinstance(x, Tensor) else torch.as_tensor(_as_array(x, name))
    if points.is_nested:
        raise ValueError(
            f"`{name}` must be one tensor, and not nested. Join its parts: "
            f"`torch.cat({name}.unbind())`"
        )
    if points.layout != torch.strided or points.is_meta:
        raise ValueError(
            f"`{name}` must be a dense tensor with numbers: got layout {points.layout} on "
            f"{points.device}. Use `to_dense()`."
        )
    if points.is_complex():
        raise ValueError(f"`{name}` must be real: got {points.dtype}. Stack its parts as columns.")
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2:
        raise ValueError(
            f"`{name}` must have shape (n, d) or (n,): got {tuple(points.shape)}. "
            "Flatten each sample to one row."
        )
    if points.numel() == 0:
        raise ValueError(f"`{name}` must not be empty: got shape {tuple(points.shape)}.")
    if not points.is_floating_point():
        points = points.double()
    elif points.dtype in (torch.float16, torch.bfloat16):
        points = points.float()
    if not is_opaque(points):
        _check_finite(points.detach(), name)
    return points


def is_of_rows(x: Any) -> bool:
    """Whether an array of one axis holds a vector in each place, as a column of a frame may."""
    is_objects = isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1 and len(x) > 0
    return is_objects and isinstance(x[0], np.ndarray | list | tuple | Tensor)


def _check_finite(points: Float[Tensor, "n d"], name: str) -> None:
    finite = torch.isfinite(points)
    if not finite.all():
        bad = (~finite.all(1)).nonzero()[:, 0]
        raise ValueError(
            f"`{name}` must be finite: got NaN or inf in {len(bad)} of {len(points)} rows, "
            f"the first in row {int(bad[0])}. Remove or impute these rows."
        )


def without_decimals(array: np.ndarray) -> np.ndarray:
    """An array, in float64 if it is of numbers some of which are Python's `Decimal`."""
    if array.dtype.kind != "O":
        return array
    kinds = {type(value) for value in array.flat}
    numbers = all(issubclass(kind, Real | Decimal) and kind is not bool for kind in kinds)
    return array.astype(np.float64) if numbers and Decimal in kinds else array


def _as_array(x: Any, name: str) -> np.ndarray:
    if np.ma.is_masked(x):
        raise ValueError(
            f"`{name}` must have no masked numbers: got {np.ma.count_masked(x)}. Leave out or "
            "impute their rows, then pass `.data`."
        )
    try:
        array = np.asarray(x)
        array = np.asarray(list(array)) if is_of_rows(array) else array
    except ValueError as error:
        raise ValueError(f"`{name}` must have rows of equal length: {error}") from error
    array = without_decimals(array)
    if array.dtype.kind not in "biufc":
        if hasattr(x, "toarray"):
            raise ValueError(
                f"`{name}` must be dense: got a {type(x).__name__}. Give {name}.toarray()."
            )
        if array.ndim == 0:
            raise ValueError(
                f"`{name}` must be a numeric array, tensor or frame: got {type(x).__name__}. "
                "Gather all its rows in one first."
            )
        raise ValueError(
            f"`{name}` must be numeric: got dtype {array.dtype}. If its texts are numbers, convert "
            "them with astype(float)."
        )
    wide = np.complex128 if array.dtype.kind == "c" else np.float64
    # torch knows neither foreign byte orders, nor negative strides, nor long doubles.
    kept = array.dtype if array.dtype in (np.float16, np.float32) else np.dtype(wide)
    array = np.ascontiguousarray(array, kept.newbyteorder("="))
    # A single row counts as contiguous whatever its strides. torch warns of what it may not write.
    reversed_ = min(array.strides, default=0) < 0
    return array.copy() if reversed_ or not array.flags.writeable else array


def check_choice(choice: object, known: Iterable[str], name: str) -> None:
    """Raise unless an option is one of those that are known.

    Raises:
        ValueError: If it is none of them.
    """
    known = list(known)
    if choice not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}: got {choice!r}.")


def check_k(k: Any, available: int, points: str) -> None:
    """Raise unless `k` neighbours can be found among `available` points.

    Raises:
        ValueError: If `k` is not an integer in [1, available], or nothing is available.
    """
    # In this order: `torch.compile` knows `int`, and no abstract classes.
    if isinstance(k, bool) or not (isinstance(k, int) or isinstance(k, Integral)):  # noqa: SIM101
        raise ValueError(f"`k` must be an integer: got k={k!r}. Use one of at least 1.")
    if available < 1:
        raise ValueError(
            f"`k` needs at least one other row: got {points}. Each row is one observation; if "
            "yours are the columns, transpose: `x.T`."
        )
    if not 1 <= int(k) <= available:
        turned = " Rows are observations; if yours are the columns, transpose: `x.T`."
        raise ValueError(
            f"`k` must be in [1, {available}]: got k={k} with {points}. "
            "Use a smaller `k` or a larger sample." + (turned if available < FEW else "")
        )


def as_count(name: str, value: Any, least: int) -> int:
    """An option that counts something, as Python's own integer.

    Raises:
        ValueError: If it is no integer, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"`{name}` must be an integer of at least {least}: got {name}={value!r}.")
    return int(value)
