"""Arrays of samples, looked through once: whether they are finite, and their range."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from entropae.kinds.samples import Samples

if TYPE_CHECKING:
    from entropae.kinds.base import Kind

CHUNK = 1 << 22  # numbers at a time
LONGEST = 8  # bytes of a number
# Samples that are looked at, and steps of single precision, in quarters of a range, that lose them.
LOOKED_AT, LOST = 1000, 0.3


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


def check_single(array: np.ndarray) -> None:
    """Say so if single precision, in which networks compute, does not tell samples apart.

    Raises:
        ValueError: If that is so of all values.
    """
    if array.dtype.itemsize < 4 or array.dtype == np.float32 or len(array) < 2:
        return
    rows = np.linspace(0, len(array) - 1, min(len(array), LOOKED_AT)).astype(np.int64)
    x = np.asarray(array[rows], np.float64).reshape(len(rows), -1)
    spread, largest = np.ptp(x, 0) / 4, np.abs(x).max(0)  # of small values no square is left
    steps = np.maximum(largest * np.finfo(np.float32).eps, np.finfo(np.float32).tiny)
    varied = spread > 0
    lost = varied & (steps > LOST * spread)
    coarse = lost | (varied & (steps > 1)) if array.dtype.kind in "iu" else lost
    if not coarse.any():
        return
    which = "All values" if coarse.all() else f"{int(coarse.sum())} of {len(coarse)} values"
    said = (
        f"{which} differ by so little beside their size, or are so small, that single precision, "
        f"in which networks compute, rounds them, e.g. {x[0, coarse.argmax()]:.12g}. Train on "
        "(x - x.mean(0)) / x.std(0), and bring samples back by y * x.std(0) + x.mean(0)."
    )
    if lost.sum() == varied.sum():
        raise ValueError(said)
    if array.ndim > 2:  # rows of features are told to become a table, which keeps them
        warnings.warn(said, stacklevel=5)


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
