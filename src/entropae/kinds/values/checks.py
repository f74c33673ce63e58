"""Arrays of samples, looked through once: whether they are finite, and their range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from entropae.kinds.samples import Samples

if TYPE_CHECKING:
    from entropae.kinds.base import Kind

CHUNK = 1 << 22  # numbers at a time
LONGEST = 8  # bytes of a number


def plain_array(source: Any) -> np.ndarray:
    """An array or a tensor as an array whose numbers can be used.

    Raises:
        ValueError: If these are no samples, or no numbers.
    """
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        # NumPy has no bfloat16.
        source = (source.float() if source.dtype == torch.bfloat16 else source).numpy()
    if source.ndim > 1 and source.size == 0:
        raise ValueError(f"There must be samples: got an array of shape {source.shape}.")
    if source.ndim < 2:
        raise ValueError(
            f"Samples must have shape (n, …): got {source.shape}. Give one row a sample, e.g. "
            "x[:, None] for single numbers."
        )
    if isinstance(source, np.ma.MaskedArray) and np.ma.count_masked(source):
        raise ValueError(
            f"Samples must not be masked: got {np.ma.count_masked(source)} masked numbers. Remove "
            "or impute them."
        )
    if source.dtype == np.bool_:
        return source.view(np.uint8)[...] * np.uint8(255)
    if source.dtype.kind not in "iuf":
        raise ValueError(f"Samples must be numbers: got {source.dtype}. Convert them to floats.")
    # Torch has none of more than 64 bits.
    return source.astype(np.float64) if source.dtype.itemsize > LONGEST else source


def array_of(source: Any, kind: Kind) -> Samples | None:
    """An array or a tensor of samples in the shape of a kind; `None` if it is none.

    Raises:
        ValueError: If its numbers cannot be used.
    """
    if not isinstance(source, Tensor | np.ndarray) or tuple(source.shape[1:]) != kind.shape:
        return None
    array = plain_array(source)
    finite_range(array)
    return Samples(array, kind)


def finite_range(array: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest number, all of which must be finite in single precision.

    Raises:
        ValueError: With the first sample that is not.
    """
    if array.dtype == np.uint8:
        return 0.0, 1.0  # as they come out
    rows = max(1, CHUNK // max(1, array[0].size))
    low, high = np.inf, -np.inf
    bad = []
    for start in range(0, len(array), rows):
        with np.errstate(over="ignore"):  # what overflows float32 is infinite there
            part = np.asarray(array[start : start + rows], np.float32)
        finite = np.isfinite(part)
        low = min(low, float(part.min(initial=np.inf, where=finite)))
        high = max(high, float(part.max(initial=-np.inf, where=finite)))
        bad.append(start + np.flatnonzero(~finite.reshape(len(finite), -1).all(1)))
    wrong = np.concatenate(bad)
    if len(wrong):
        raise ValueError(
            f"Samples must be finite in float32: got NaN or inf in {len(wrong)} of {len(array)}, "
            f"the first number {wrong[0]}. Remove or impute them, or give a table (.csv, .parquet "
            "or a frame), which may have gaps."
        )
    return low, high
