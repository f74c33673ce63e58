"""The columns of a sample, whatever it came in."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from entropae.messages import unknown
from entropae.neighbors import as_points, is_of_rows, without_decimals
from entropae.variables.frames import columns_of
from entropae.variables.kind import Resolution, Variable, recognise
from entropae.variables.texts import numbers_of

# A sparse matrix with more entries than this, zeros included, is not made dense unasked.
DENSE = 10**8

# Anything that a sample comes in: arrays, lists, frames, mappings from names to columns.
Data = ArrayLike | Mapping[str, Any]
Discrete = bool | Sequence[str] | Mapping[str, bool]
Period = float | int | Mapping[str, float | int] | None
Resolutions = Resolution | Mapping[str, Resolution]


def variables_of(
    x: Any,
    name: str = "x",
    *,
    discrete: Discrete = (),
    period: Period = None,
    resolution: Resolutions = "auto",
) -> list[Variable]:
    """The columns of a sample, each recognised, see `recognise`.

    Texts of one form that are numbers, such as 12.5 kg, are taken as these.

    Args:
        x: A tensor, array, list, frame or series (see `columns_of`), or sparse matrix.
        name: What to call the sample in messages. Its columns are called by the names that the
            frame has, or `x` if there is one and `x[0]`, `x[1]`, … if there are more.
        discrete: Names of columns, or of the sample, whose values are classes; `True` for all. A
            mapping says by name whether they are: `False` takes numbers as a scale, however few.
        period: Period of all columns that are not discrete, or by name of those that are circular.
        resolution: Of all columns, or by name, `"auto"` for the others.

    Returns:
        The columns in their order.

    Raises:
        ValueError: As `as_points` and `recognise`.
    """
    discrete, period, resolution = map(by_name, (discrete, period, resolution))
    made: list[Variable] = []
    for label, values in named_columns(x, name).items():
        asked = _is_discrete(label, name, discrete)
        about: Any = _of(label, name, period, None)
        step: Any = _of(label, name, resolution, "auto")
        written = None if asked or values.dtype.kind not in "OU" else numbers_of(values)
        numbers, form = written or (values, "")
        is_text = numbers.dtype.kind in "OUSb" and _is_frame(x)
        asked = True if asked is None and is_text else asked
        turns = None if asked and not (is_text and isinstance(period, Mapping)) else about
        one = recognise(label, numbers, discrete=asked, period=turns, resolution=step)
        made.append(replace(one, form=form))
    return made


def _is_discrete(label: str, name: str, discrete: Discrete) -> bool | None:
    """Whether a column's values are classes; `None` if that is not said."""
    if isinstance(discrete, Mapping):
        said = _of(label, name, discrete, None)
        return None if said is None else bool(said)
    if isinstance(discrete, bool):
        return discrete or None
    return True if label in discrete or name in discrete else None


def _of(label: str, name: str, option: Any, otherwise: Any) -> Any:
    """An option for one column, given by its name, by that of its sample, or for all."""
    if not isinstance(option, Mapping):
        return option
    return next((option[one] for one in (label, name) if one in option), otherwise)


def by_name(option: Any) -> Any:
    """An option that names columns, which may be called by numbers, as by texts."""
    if isinstance(option, Mapping):
        return {str(name): value for name, value in option.items()}
    if isinstance(option, str | bool | int | float | np.number) or option is None:
        return option
    return tuple(map(str, option))


def check_names(known: Sequence[str], **options: Any) -> None:
    """Raise if an option names what is not there.

    Raises:
        ValueError: If it does.
    """
    for option, value in options.items():
        if isinstance(value, str) and option == "discrete":
            raise ValueError(f"`discrete` must be a list of names: got {value!r}.")
        value = by_name(value)
        if isinstance(value, str | bool | int | float | np.number) or value is None:
            continue
        for one in value:
            if one not in known:
                raise ValueError(f"`{option}`: " + unknown("column", one, list(known)))
        if option == "discrete" and isinstance(value, Mapping):
            for one, said in value.items():
                if not isinstance(said, bool | np.bool_):
                    raise ValueError(f"`discrete` must be True or False: got {one}={said!r}.")


def named_columns(x: Any, name: str, *, missing_too: bool = False) -> dict[str, np.ndarray]:
    """The columns of a sample as arrays, by name.

    Args:
        x: See `variables_of`.
        name: What to call the sample in messages.
        missing_too: Whether values may be missing: NaN, NaT or `None`.

    Raises:
        ValueError: As `as_points`.
    """
    found = columns_of(x)
    if found is not None:
        if not found:
            raise ValueError(f"`{name}` must have columns: got a frame without any.")
        unnamed = getattr(x, "name", name) in (None, "")  # a series, which is called "0" else
        return {name: found["0"]} if unnamed and list(found) == ["0"] else found
    array = _as_table(x, name, missing_too)
    if array.shape[1] == 1:
        return {name: array[:, 0]}
    return {f"{name}[{i}]": array[:, i] for i in range(array.shape[1])}


def _is_frame(x: Any) -> bool:
    return not isinstance(x, Tensor | np.ndarray | list | tuple)


def _as_table(x: Any, name: str, missing_too: bool = False) -> np.ndarray:
    """An array of shape (n, d), of numbers that are finite, or of anything else."""
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(x):
        if np.prod(x.shape, dtype=float) > DENSE:
            raise ValueError(
                f"`{name}` is a sparse matrix of shape {x.shape}, too large to be made dense. "
                "Select some of its columns."
            )
        x = x.toarray()
    x = list(x) if is_of_rows(x) else x
    if missing_too and not isinstance(x, Tensor):
        array = without_decimals(np.asarray(x))
        if array.ndim in (1, 2) and array.size and array.dtype.kind != "c":
            return array.reshape(len(array), -1)
    if isinstance(x, Tensor) and x.dtype == torch.bool:
        x = x.cpu().numpy()
    if isinstance(x, Tensor):
        checked = as_points(x, name).detach().cpu()
        exact = x if x.layout == torch.strided and not x.is_floating_point() else checked
        return exact.detach().cpu().numpy().reshape(len(checked), -1)
    array = _as_array(x)
    if array is None or array.dtype.kind in "fc" or array.ndim not in (1, 2) or not array.size:
        return as_points(x, name).numpy()
    return array.reshape(len(array), -1)


def _as_array(x: Any) -> np.ndarray | None:
    """Arrays that `as_points` would lose digits or classes of; `None` for what it should judge."""
    if np.ma.is_masked(x):
        return None
    try:
        array = without_decimals(np.asarray(x))
    except ValueError:
        return None
    return array if array.dtype.kind in "biufmMOUS" else None
