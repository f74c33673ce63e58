"""What is done with a sample before its neighbours are sought."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.degenerate import why_degenerate
from entropae.neighbors import as_points, check_choice, is_opaque
from entropae.variables import (
    Resolutions,
    Variable,
    check_names,
    columns_of,
    copies_of,
    repeated_rows,
    say_repeated,
    scales_of,
    variables_of,
    without_gaps,
)

Scale = Literal["auto", "standard"] | None
# Spreads of rounded values that an estimate is the mean over.
SPREADS = 4
IN_MEMORY = "give them as an array in memory, np.array(x), where they are spread over their steps"
# Share of the rows that one value holds from which there is an atom.
ATOM = 0.01
# Different values from which a numeric column may be a rounded one.
LEAST_VALUES = 3


class Prepared(NamedTuple):
    """A sample as points, ready for an estimator of densities.

    Attributes:
        points: The sample as it came.
        turns: The same with rounded values spread, each time anew, and columns scaled.
        shift: What the scaling took from the entropy, in nats.
        degenerate: Why there is no density, in words; `None` if nothing says so.
        notes: What was done, in words.
        warnings: What speaks against it, in words.
        names: What the columns are called, if they are a frame's.
    """

    points: Float[Tensor, "n d"]
    turns: list[Float[Tensor, "n d"]]
    shift: float = 0.0
    degenerate: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def why_singular(self) -> str | None:
        """Why there is no density, in words; `None` if neither values nor columns say so."""
        return self.degenerate or why_degenerate(self.points.detach(), self.names)


def prepared(
    x: Any, *, resolution: Resolutions = "auto", scale: str | None = "auto", seed: int = 0
) -> Prepared:
    """The sample's points, rounded values spread over their step and columns scaled.

    Tensors that require a gradient are taken as they are.

    Args:
        x: Sample of shape `(n, d)` or `(n,)`, or a frame.
        resolution: See `knn_entropy`.
        scale: See `knn_entropy`.
        seed: Of the spreads.

    Raises:
        ValueError: As `as_points`, and if a column of a frame is not of numbers.
    """
    if scale is not None:
        check_choice(scale, ["auto", "standard"], "scale")
    if isinstance(x, Tensor) and (x.requires_grad or is_opaque(x)):
        points = as_points(x)
        return Prepared(points, [points])
    is_frame = columns_of(x) is not None
    if resolution is None and scale is None and not is_frame:
        points = as_points(x)
        return Prepared(points, [points])
    points = None if is_frame or _is_of_times(x) else as_points(x)
    made = variables_of(x, "x", resolution=resolution)
    check_names(["x", *(v.name for v in made)], resolution=resolution)
    variables = [_without_atoms(v) for v in made]
    if points is None or any(v.shift for v in variables):
        points = torch.from_numpy(_stacked([_numbers(v) for v in variables]))
    made = _of_variables(points, variables, scale, seed)
    return made._replace(names=tuple(v.name for v in variables)) if is_frame else made


def _of_variables(
    points: Float[Tensor, "n d"], variables: list[Variable], scale: str | None, seed: int
) -> Prepared:
    n, d = points.shape
    warnings, made = [], []
    if n <= d and d > 1:
        warnings.append(
            f"n={n} rows are not more than d={d} columns, too few to tell their entropy. Each row "
            "is one observation; if yours are the columns, transpose: `x.T`."
        )
    for variable in variables:
        why = _why_no_density(variable)
        if why:
            return Prepared(points, [points], 0.0, why, (), tuple(warnings))
        if variable.kind == "discrete":
            rounded = variable.as_numbers()
            assert rounded is not None  # else there was no density
            made.append(rounded)
            warnings.append(
                f"`{variable.name}` takes only {variable.levels} values, and is taken as rounded "
                f"to steps of {_step(rounded):.6g}. If its values are classes, there is no density "
                "and the entropy is -inf: leave the column out."
            )
        else:
            made.append(variable)
    repeated = repeated_rows(made)
    if repeated is not None:
        warnings.append(say_repeated(float(repeated.mean())))
    made = without_gaps(made, repeated)
    notes = tuple(v.note for v in made if v.note and v.kind != "constant")
    rounded = any(v.cells is not None for v in made)
    divisors = scales_of(made, scale)
    if scale == "auto" and (divisors != 1).any():
        notes += (f"columns divided by their scales, {divisors.min():.3g} to {divisors.max():.3g}",)
    if not rounded and (divisors == 1).all():
        return Prepared(points, [points], 0.0, None, notes, tuple(warnings))
    copies = copies_of([v.cells for v in made])
    turns = [
        torch.from_numpy(
            _stacked([v.spread(seed, turn, c) for v, c in zip(made, copies, strict=True)])
            / divisors
        ).to(points.device)
        for turn in range(SPREADS if rounded else 1)
    ]
    return Prepared(points, turns, float(np.log(divisors).sum()), None, notes, tuple(warnings))


def check_by_blocks(resolution: Resolutions) -> None:
    """Raise if values that are read by blocks, and taken as they are, are said to be rounded.

    Raises:
        ValueError: If they are.
    """
    if resolution is not None and (not isinstance(resolution, str) or resolution != "auto"):
        raise ValueError(
            "`resolution` must be left out for samples that are read by blocks, which are taken as "
            f"they are: got {resolution!r}. If values are rounded, {IN_MEMORY}."
        )


def _is_of_times(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "mMO"


def _numbers(variable: Variable) -> np.ndarray:
    if variable.kind == "discrete" and variable.came_as == "label":
        raise ValueError(
            f"`{variable.name}` must be numbers to have an entropy in nats of a density: got "
            f"{variable.levels} classes. {variable.doubt or 'Leave it out.'}"
        )
    return variable.values


def _stacked(columns: list[np.ndarray]) -> np.ndarray:
    return np.stack(columns, 1).astype(np.float64)


def _without_atoms(variable: Variable) -> Variable:
    """A mixed column as continuous, if no value of it holds many rows."""
    if variable.kind != "mixed" or variable.classes is None:
        return variable
    if np.bincount(variable.classes)[1:].max() >= ATOM * len(variable):
        return variable
    return variable.without_atoms()


def _why_no_density(variable: Variable) -> str | None:
    """Why a column has no density, in words."""
    if variable.kind == "mixed" and variable.classes is not None:
        counts = np.bincount(variable.classes)[1:]
        row = int(np.flatnonzero(variable.classes == 1 + counts.argmax())[0])
        value = variable.values[row] + variable.shift
        return (
            f"The value {value:.6g} holds {counts.max() / len(variable):.0%} of the rows of "
            f"`{variable.name}`, so the distribution has no density, the entropy is -inf. Leave "
            "these rows out to measure the entropy of the others."
        )
    if variable.kind != "discrete":
        return None
    rounded = variable.as_numbers()
    step = None if rounded is None or rounded.cells is None else rounded.cells.step
    if step is not None and variable.levels >= LEAST_VALUES:
        return None
    remedy = "Leave it out"
    if step is not None:
        remedy += (
            f"; or, if it is rounded so roughly, use resolution={{'{variable.name}': {step:.6g}}}"
        )
    return (
        f"`{variable.name}` takes only {variable.levels} values, so the distribution has no "
        f"density, the entropy is -inf. {remedy}."
    )


def _step(variable: Variable) -> float:
    step = None if variable.cells is None else variable.cells.step
    return math.nan if step is None else step


def coincident(ks: tuple[int, ...], gradient: bool = False, *, by_blocks: bool = False) -> str:
    """Points that coincide with their neighbour, in words; of what is read by blocks, if it is."""
    spread = IN_MEMORY if by_blocks else 'use resolution="auto"'
    lost = ", and gradients are not numbers" if gradient else ""
    return (
        f"Points coincide with their neighbour k={max(ks)}, so the entropy is -inf{lost}. Use a "
        "larger `k`; in `knn_entropy` also a `floor`, below which distances do not count. If "
        f"values are rounded, {spread}; if rows are there twice by mistake, leave out the second "
        "ones."
    )
