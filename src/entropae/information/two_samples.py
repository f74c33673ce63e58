"""Two samples of one space, read, spread and scaled alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from entropae.information.parts import Scale
from entropae.neighbors import as_points, check_choice, is_opaque
from entropae.variables import (
    Cells,
    Resolutions,
    Variable,
    check_names,
    columns_of,
    named_columns,
    repeated_rows,
    say_repeated,
    scales_of,
    variables_of,
    without_gaps,
)

# Spreads of rounded values that an estimate is the mean over.
SPREADS = 4
# Share of the rows of one sample that are in the other, beyond those that chance explains, from
# which the samples are not independent.
SHARED = 0.05


@dataclass(frozen=True, eq=False)
class TwoSamples:
    """Two samples as points.

    Attributes:
        x: The first as it came, shape `(n, d)`.
        y: The second, shape `(m, d)`.
        turns: Both, rounded values spread, each time anew, and columns scaled.
        shift: What the scaling took from an entropy, in nats.
        variables: Columns of both together; empty for samples that are taken as they are.
        warnings: What speaks against an estimate, in words.
        names: What the columns are called, if they are a frame's.
    """

    x: Float[Tensor, "n d"]
    y: Float[Tensor, "m d"]
    turns: list[tuple[Tensor, Tensor]]
    shift: float = 0.0
    variables: tuple[Variable, ...] = ()
    warnings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def check_density(self) -> None:
        """Raise if one value holds many rows of both samples, beside others that do not repeat.

        Raises:
            ValueError: If one does.
        """
        n = len(self.x)
        for variable in self.variables:
            if variable.kind != "mixed" or variable.classes is None:
                continue
            both = set(variable.classes[:n].tolist()) & set(variable.classes[n:].tolist())
            if both - {0}:
                share = float(np.mean(variable.classes > 0))
                raise ValueError(
                    f"`x` and `y` must have densities: got `{variable.name}` with {share:.0%} of "
                    "its rows at the same values in both, beside others that do not repeat. Leave "
                    "these rows out of both, or the column."
                )

    def check_independent(self) -> None:
        """Raise if the samples share rows beyond chance.

        Raises:
            ValueError: If they do.
        """
        if not self.variables:
            return
        x, y = self.x.detach().cpu().numpy(), self.y.detach().cpu().numpy()
        even = [v.cells if v.cells and v.cells.is_even else None for v in self.variables]
        steps = [cells.step or 0.0 if cells else 0.0 for cells in even]
        shared, by_chance = _shares(x, y, np.array(steps))
        scatter = math.sqrt(by_chance * (1 - by_chance) / min(len(x), len(y)))
        if shared - by_chance > SHARED + 3 * scatter:
            raise ValueError(
                f"`x` and `y` must be independent samples: got {shared:.0%} of the rows of `x` in "
                "`y`, too, which makes the estimate too small. Leave out of one what is in the "
                "other; two files of the same rows cannot be compared."
            )


def two_samples(x: Any, y: Any, *, resolution: Resolutions, scale: Scale, seed: int) -> TwoSamples:
    """Two samples read; those that require a gradient are taken as they are.

    Args:
        x: Sample of shape `(n, d)` or `(n,)`, or a frame.
        y: Sample of shape `(m, d)`; a frame's columns are taken by the names of those of `x`.
        resolution: See `knn_entropy`.
        scale: See `knn_divergence`.
        seed: Of the spreads.

    Raises:
        ValueError: If columns differ in number or name, or as `as_points`.
    """
    if scale is not None:
        check_choice(scale, ["standard"], "scale")
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        x, y = _named_alike(x, y)
    raw = any(isinstance(s, Tensor) and (s.requires_grad or is_opaque(s)) for s in (x, y))
    if raw or (resolution is None and scale is None):
        p, q = _points(x, "x"), _points(y, "y")
        _check_columns(p.shape[1], q.shape[1])
        p, q = _together(p, q, x, y)
        return TwoSamples(p, q, [(p, q)])
    names = list(_columns(x, "x")), list(_columns(y, "y"))
    _check_columns(len(names[0]), len(names[1]))
    check_names(["x", "y", *names[0]], resolution=resolution)
    n = len(next(iter(_columns(x, "x").values())))
    both = {
        name: _beside(name, a, b)
        for name, a, b in zip(
            names[0], _columns(x, "x").values(), _columns(y, "y").values(), strict=True
        )
    }
    variables = [
        _as_numbers(_apart(v, both[v.name], n, resolution))
        for v in variables_of(both, "x", resolution=resolution)
    ]
    repeated = repeated_rows(variables)
    variables = without_gaps(variables, repeated)
    points = _stacked([v.values for v in variables])
    if columns_of(x) is None and not any(v.shift for v in variables):
        p, q = _points(x, "x"), _points(y, "y")
    else:
        p, q = torch.from_numpy(points[:n]), torch.from_numpy(points[n:])
    p, q = _together(p, q, x, y)
    share = 0.0 if repeated is None else max(_repeated(points[:n]), _repeated(points[n:]))
    warnings = (say_repeated(share),) if share else ()
    rounded = any(v.cells is not None for v in variables)
    called = () if columns_of(x) is None else tuple(names[0])
    if not rounded and scale is None:
        return TwoSamples(p, q, [(p, q)], 0.0, tuple(variables), warnings, called)
    divisors = scales_of(variables, scale)
    turns = []
    for turn in range(SPREADS if rounded else 1):
        spread = [v.spread(seed, turn, i) for i, v in enumerate(variables)]
        made = torch.from_numpy(_stacked(spread) / divisors)
        turns.append((made[:n].to(p.device), made[n:].to(p.device)))
    shift = float(np.log(divisors).sum())
    return TwoSamples(p, q, turns, shift, tuple(variables), warnings, called)


def _apart(
    both: Variable, values: Shaped[np.ndarray, " l"], n: int, resolution: Resolutions
) -> Variable:
    """A column of both samples, each spread over its own step if these differ."""
    on_one_step = both.kind == "lattice" and both.cells is not None and both.cells.step is not None
    if on_one_step or both.kind not in ("continuous", "lattice", "mixed"):
        return both
    own = [
        variables_of({both.name: one}, resolution=resolution)[0] for one in (values[:n], values[n:])
    ]
    cells = [one.cells for one in own]
    plain = all(one.kind in ("continuous", "lattice") for one in own)
    if not plain or not any(one and one.step for one in cells):
        return both
    below, above = (
        np.concatenate(
            [np.zeros(len(one)) if one.cells is None else getattr(one.cells, side) for one in own]
        )
        for side in ("below", "above")
    )
    rank = np.unique(both.values, return_inverse=True)[1]
    step = max(one.step or 0.0 for one in cells if one)
    joint = Cells(rank, below, above, step, is_even=False)
    return replace(both, kind="lattice", classes=None, cells=joint)


def _beside(
    name: str, a: Shaped[np.ndarray, " n"], b: Shaped[np.ndarray, " m"]
) -> Shaped[np.ndarray, " l"]:
    """A column of both samples, one below the other."""
    kinds = {"number" if one.dtype.kind in "biuf" else one.dtype.kind for one in (a, b)}
    if len(kinds) > 1 and kinds & {"number", "m", "M"}:
        raise ValueError(
            f"`{name}` must hold values of one type in both samples: got {a.dtype} and {b.dtype}. "
            "Convert one of them, texts that are numbers with astype(float)."
        )
    return np.concatenate([a, b])


def _columns(x: Any, name: str) -> dict[str, np.ndarray]:
    return named_columns(x, name)


def _named_alike(x: Any, y: Any) -> tuple[Any, Any]:
    """Frames with the columns of the second in the order of the first."""
    of_x, of_y = columns_of(x), columns_of(y)
    if of_x is None or of_y is None or len(of_x) == 1 == len(of_y):
        return x, y
    if set(of_x) != set(of_y):
        apart = ", ".join(sorted(set(of_x) ^ set(of_y)))
        raise ValueError(
            f"`x` and `y` must have the same columns: got {apart} in one of them only. Select the "
            "columns that both have."
        )
    return of_x, {name: of_y[name] for name in of_x}


def _check_columns(d: int, other: int) -> None:
    if d != other:
        raise ValueError(
            f"`x` and `y` must have the same number of columns: got d={d} and d={other}. Both are "
            "samples of distributions on one space."
        )


def _points(x: Any, name: str) -> Float[Tensor, "n d"]:
    found = None if isinstance(x, Tensor) else columns_of(x)
    return as_points(x if found is None else np.stack(list(found.values()), 1), name)


def _together(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], x: Any, y: Any
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    dtype = torch.promote_types(p.dtype, q.dtype)
    device = p.device if isinstance(x, Tensor) else q.device
    return p.to(device, dtype), (q if isinstance(y, Tensor) else q.to(device)).to(dtype)


def _as_numbers(variable: Variable) -> Variable:
    """A column of few different numbers as one on a lattice, which keeps the divergence."""
    if variable.kind != "discrete":
        return variable
    made = variable.as_numbers()
    if made is None:
        raise ValueError(
            f"`{variable.name}` must be numbers: got {variable.levels} classes. "
            + (variable.doubt or "Leave it out, or compare the rows of each class.")
        )
    return made


def _stacked(columns: Sequence[np.ndarray]) -> Float[np.ndarray, "n d"]:
    return np.stack(columns, 1).astype(np.float64)


def _repeated(x: Shaped[np.ndarray, "n d"]) -> float:
    """Share of the rows that are there more than once."""
    _, which, counts = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    return float(np.mean(counts[which.reshape(-1)] > 1))


def _shares(
    x: Shaped[np.ndarray, "n d"], y: Shaped[np.ndarray, "m d"], steps: Float[np.ndarray, " d"]
) -> tuple[float, float]:
    """Share of the rows of `x` that are in `y`, and the share that is by chance.

    As many would be in `y` if all were a step further, where columns are rounded to steps; else as
    many as are more than once in one of them.
    """
    if steps.any():
        x, y = (np.where(steps > 0, np.rint(z / np.where(steps > 0, steps, 1)), z) for z in (x, y))
        beside = np.concatenate([x + (steps > 0), x - (steps > 0)])
        return _share_in(x, y), _share_in(beside, y)
    return _share_in(x, y), max(_repeated(x), _repeated(y))


def _share_in(x: Shaped[np.ndarray, "n d"], y: Shaped[np.ndarray, "m d"]) -> float:
    """Share of the rows of `x` that are in `y`."""
    _, which = np.unique(np.concatenate([x, y]), axis=0, return_inverse=True)
    which = which.reshape(-1)
    in_y = np.bincount(which[len(x) :], minlength=int(which.max()) + 1)
    return float(np.mean(in_y[which[: len(x)]] > 0))
