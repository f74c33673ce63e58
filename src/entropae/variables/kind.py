"""What a column is: continuous, rounded, discrete, both, circular or constant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from entropae.variables.frames import EXACT
from entropae.variables.lattice import Cells, cells_of, precision
from entropae.variables.spread import spread
from entropae.variables.texts import why_numbers

Kind = Literal["continuous", "lattice", "discrete", "mixed", "circular", "constant"]
Resolution = Literal["auto"] | float | int | None

# Numbers with no more different values than this are classes, unless they hardly repeat.
CLASSES = 10
# Rows that a class must have in the mean.
REPEATS = 3
# A value is an atom if it is so many times as frequent as those around it.
STANDS_OUT = 8
# Rows of a long column that are looked at first.
SOME = 5000
# Rows beyond that, which chance may add where values are few.
BY_CHANCE = 5


@dataclass(frozen=True, eq=False)
class Variable:
    """A column, and what it was recognised as.

    Attributes:
        name: What to call it in messages.
        kind: What it is.
        values: Numbers whose differences are exact, shape `(n,)`; 0 for discrete ones.
        classes: Discrete: each row's class, from 0. Mixed: 0 for rows of the continuous part, else
            the atom's number, from 1.
        cells: What values are spread over; `None` if they are not rounded.
        period: Of circular ones.
        levels: Different values of discrete ones.
        shift: What was taken from the values that came in.
        came_as: Whether the values came in as numbers or as labels.
        doubt: What speaks against taking it so, in words; nothing if nothing does.
        form: How its numbers were written as texts, see `entropae.variables.quantities`.
    """

    name: str
    kind: Kind
    values: Float[np.ndarray, " n"] = field(repr=False)
    classes: Int[np.ndarray, " n"] | None = field(default=None, repr=False)
    cells: Cells | None = field(default=None, repr=False)
    period: float | None = None
    levels: int = 0
    shift: float = 0.0
    came_as: Literal["number", "label"] = "number"
    doubt: str = ""
    form: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def spread(self, seed: int = 0, turn: int = 0, copy: int = 0) -> Float[np.ndarray, " n"]:
        """The values, each at a random place of its cell; atoms stay where they are."""
        if self.cells is None:
            return self.values
        return spread(self.values, self.cells, seed=seed, turn=turn, copy=copy)

    @property
    def note(self) -> str | None:
        """What is done with the column that a reader should know, in words."""
        what = [f"written as {self.form}"] if self.form else []
        if self.kind == "constant":
            what.append("constant")
        if self.kind == "discrete":
            what.append(f"{self.levels} classes")
        if self.kind == "circular" and self.period is not None:
            what.append(f"circular, with period {self.period:.6g}")
        if self.kind == "mixed" and self.classes is not None:
            share = float(np.mean(self.classes > 0))
            atoms = int(self.classes.max())
            held = "one value holds" if atoms == 1 else f"{atoms} values hold"
            what.append(f"{held} {share:.0%} of the rows")
        if self.cells is not None:
            over = "the gaps between its values"
            if self.cells.step is not None:
                more = "" if self.cells.is_even else " and more"
                over = f"steps of {self.cells.step:.6g}{more}"
            what.append(f"spread over {over}")
        return f"{self.name}: {', '.join(what)}" if what else None

    def unspread(self) -> Variable:
        """The same column, its values taken as they are."""
        return replace(self, kind="mixed" if self.kind == "mixed" else "continuous", cells=None)

    def without_atoms(self) -> Variable:
        """A mixed column as if no value of it stood out."""
        if self.kind != "mixed":
            return self
        cells = cells_of(self.values, precision(self.values))
        kind = "continuous" if cells is None else "lattice"
        return replace(self, kind=kind, classes=None, cells=cells)

    def as_numbers(self, step: float | None = None) -> Variable | None:
        """A discrete column as one on a lattice; `None` if it does not hold numbers.

        Args:
            step: The step of the lattice, if known.
        """
        if self.kind != "discrete" or self.came_as == "label":
            return None
        cells = cells_of(self.values, precision(self.values), step)
        kind = "continuous" if cells is None else "lattice"
        return Variable(self.name, kind, self.values, None, cells, levels=self.levels)

    def take(self, rows: Int[np.ndarray, " m"]) -> Variable:
        """The same column, some of its rows."""
        cells = None if self.cells is None else self.cells.take(rows)
        classes = None if self.classes is None else self.classes[rows]
        return Variable(
            *(self.name, self.kind, self.values[rows], classes, cells),
            *(self.period, self.levels, self.shift, self.came_as, self.doubt, self.form),
        )


def recognise(
    name: str,
    values: Any,
    *,
    discrete: bool | None = None,
    period: float | int | None = None,
    resolution: Resolution = "auto",
) -> Variable:
    """What a column is, from its type and its values.

    Texts, logical values and categories are discrete, and so are numbers with at most 10 different
    values that occur three times or more in the mean. Numbers with a value that holds many times
    more rows than those around it are mixed: a continuous part, and atoms. Of the rest, those with
    a step, or with many ties, are on a lattice; the others are continuous. Dates and times are
    numbers of seconds.

    Args:
        name: What to call the column in messages.
        values: Shape `(n,)`: numbers, logical values, texts, dates or times.
        discrete: Whether its values are classes; `None` to recognise it.
        period: Of values on a circle, such as 360 of degrees.
        resolution: `"auto"` to find the step that values are rounded to, the step itself, or `None`
            to take numbers as they are, as continuous.

    Returns:
        The column.

    Raises:
        ValueError: If values are missing, infinite or complex, if numbers are asked for and there
            are none, or if `period` or `resolution` is not positive.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> recognise("height", rng.normal(1.7, 0.1, 200).round(2)).note
        'height: spread over steps of 0.01'
        >>> recognise("eyes", ["blue", "green", "blue"]).kind
        'discrete'
    """
    array = _as_column(name, values)
    check_options(resolution, period)
    if not _holds_numbers(array):
        if discrete is False or period is not None:
            raise ValueError(
                f"`{name}` must be numbers to be taken as continuous: got {array.dtype}. "
                "Leave `discrete` and `period` out for it."
            )
        return _discrete(name, array)
    numbers, shift, eps = _numbers(name, array)
    if (numbers == numbers[0]).all():
        return Variable(name, "constant", np.zeros(len(numbers)), levels=1, shift=shift)
    if discrete:
        return _discrete(name, numbers, "number", shift)
    if period is not None:
        return _circular(name, numbers + shift, float(period), resolution, eps)
    if resolution is None:
        return Variable(name, "continuous", numbers, shift=shift)
    if discrete is None and resolution == "auto" and _is_plainly_continuous(numbers, eps):
        return Variable(name, "continuous", numbers, shift=shift)
    distinct, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    few = len(distinct) <= CLASSES and len(numbers) >= REPEATS * len(distinct)
    if few and discrete is None and resolution == "auto":
        return _discrete(name, numbers, "number", shift)
    atoms = _atoms(counts) if discrete is None else np.zeros(0, np.int64)
    step = None if resolution == "auto" else float(resolution)
    if not len(atoms):
        cells = cells_of(numbers, eps, step)
        kind = "continuous" if cells is None else "lattice"
        return Variable(name, kind, numbers, None, cells, shift=shift)
    return _mixed(name, numbers, distinct, which, atoms, eps, step, shift)


def _is_plainly_continuous(numbers: np.ndarray, eps: float) -> bool:
    """Whether some rows of a long column have neither ties nor a step."""
    if len(numbers) < 10 * SOME:
        return False
    some = np.random.default_rng(0).choice(len(numbers), SOME, replace=False)
    return cells_of(numbers[some], eps) is None and len(np.unique(numbers[some])) == SOME


def check_options(resolution: Any, period: Any) -> None:
    """Raise unless these are a resolution and a period, see `recognise`."""
    for what, value, word in (
        ("resolution", resolution, '"auto", None, or the step that values are rounded to'),
        ("period", period, "None, or a number above 0"),
    ):
        if value is None or (what == "resolution" and isinstance(value, str) and value == "auto"):
            continue
        if isinstance(value, tuple | list):
            raise ValueError(
                f"`{what}` must be one for all columns, or several by their names, as "
                f'{what}={{"x": {value[0] if value else 1}}}: got {len(value)} without names.'
            )
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not 0 < float(value) < math.inf:
            raise ValueError(f"`{what}` must be {word}: got {what}={value!r}.")


def _as_column(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"`{name}` must be a column of at least one row: got shape {array.shape}.")
    if array.dtype.kind == "c":
        raise ValueError(f"`{name}` must be real: got {array.dtype}. Stack its parts as columns.")
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if array.dtype.kind in "fmMO":
        bad = np.flatnonzero(missing(array) | _infinite(array))
        if len(bad):
            raise ValueError(
                f"`{name}` must be finite: got NaN or inf in {len(bad)} of {len(array)} rows, "
                f"the first in row {bad[0]}. Remove or impute these rows."
            )
    return array


def _infinite(array: np.ndarray) -> np.ndarray:
    return np.isinf(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Objects that are all numbers as numbers; texts and all else as they are."""
    from numbers import Integral, Real

    if all(isinstance(v, Integral) and not isinstance(v, bool | np.bool_) for v in array):
        # Beyond 64 bits, integers stay objects, and are still subtracted exactly.
        return np.array([int(v) for v in array], object)
    if all(isinstance(v, Real) and not isinstance(v, bool | np.bool_) for v in array):
        return array.astype(np.float64)
    return array


def _holds_numbers(array: np.ndarray) -> bool:
    # `_of_objects` left integers that are too large for 64 bits.
    return array.dtype.kind in "fiumM" or (
        array.dtype.kind == "O" and all(type(v) is int for v in array)
    )


def missing(array: np.ndarray) -> np.ndarray:
    """Where a column has no value: NaN, NaT or `None`.

    Args:
        array: Shape `(n,)`.

    Returns:
        Booleans of shape `(n,)`.
    """
    if array.dtype.kind in "mM":
        return np.isnat(array)
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind != "O":
        return np.zeros(len(array), bool)
    return np.array([v is None or v != v for v in array])


def _numbers(name: str, array: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The column as floats, what was subtracted from it first, and its precision."""
    if array.dtype.kind in "mM":
        return _seconds(array), 0.0, 0.0
    if array.dtype.kind in "iu" and max(abs(int(array.min())), abs(int(array.max()))) < EXACT:
        return array.astype(np.float64), 0.0, 0.0
    if array.dtype.kind in "iuO":
        # Python's integers have no largest; what is left of them without the least fits.
        least = int(min(array))
        exact = np.array([float(int(v) - least) for v in array])
        return exact, float(least), 0.0
    kept = array if array.dtype == np.float32 else array.astype(np.float64)
    return kept, 0.0, precision(array)


def _seconds(array: np.ndarray) -> np.ndarray:
    """Times since the first, in seconds."""
    if array.dtype.kind == "M":
        array = array - array.min()
    if np.datetime_data(array.dtype)[0] in ("Y", "M", "W", "D", "h", "m", "generic"):
        array = array.astype("timedelta64[s]")
    unit, count = np.datetime_data(array.dtype)
    ticks = array.astype(np.int64)
    # In ticks a clock may have more digits than float64 has.
    common = max(int(np.gcd.reduce(ticks - ticks.min())), 1)
    second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12}.get(unit, 10**15)
    return (ticks - ticks.min()) // common * (common * count / second)


def _discrete(
    name: str,
    array: np.ndarray,
    came_as: Literal["number", "label"] = "label",
    shift: float = 0.0,
) -> Variable:
    plain = array
    if array.dtype.kind == "O":
        order = {value: i for i, value in enumerate(sorted(set(array.tolist()), key=_rank))}
        classes = np.array([order[value] for value in array.tolist()])
        distinct, levels = list(order), len(order)
        plain = classes.astype(np.float64)
    else:
        distinct, classes = np.unique(array, return_inverse=True)
        levels = len(distinct)
        plain = array.astype(np.float64) if array.dtype.kind in "fiub" else classes.astype(float)
    if levels == 1:
        return Variable(name, "constant", np.zeros(len(array)), levels=1)
    return Variable(
        name,
        "discrete",
        plain if array.dtype.kind in "fiu" else np.zeros(len(array)),
        classes.astype(np.int64),
        levels=levels,
        shift=shift,
        came_as=came_as,
        doubt=(array.dtype.kind in "OUS" and why_numbers(name, list(distinct), len(array))) or "",
    )


def _rank(value: Any) -> tuple[str, Any]:
    return (type(value).__name__, value)


def _circular(
    name: str, numbers: np.ndarray, period: float, resolution: Resolution, eps: float
) -> Variable:
    values = np.mod(numbers, period)
    values = np.where(values >= period, 0.0, values)
    step = None if resolution in ("auto", None) else float(resolution)
    cells = None if resolution is None else cells_of(values, max(eps, 2e-16), step)
    return Variable(name, "circular", values, None, cells, float(period))


def _atoms(counts: Int[np.ndarray, " m"]) -> Int[np.ndarray, " a"]:
    """Which of the sorted different values hold many times the rows of those around them."""
    around = 4
    if len(counts) <= CLASSES:
        return np.zeros(0, np.int64)
    padded = np.pad(counts, around, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1)
    others = np.delete(windows, around, axis=1)
    typical = np.median(others, axis=1)
    # A steep density also falls to a small part of itself, but not at one step.
    beside = others[:, around - 1 : around + 1].max(1)
    stands_out = counts >= STANDS_OUT * typical + BY_CHANCE
    atoms = np.flatnonzero(stands_out & (2 * counts >= STANDS_OUT * beside))
    # Where every tenth value stands out, as round numbers do, the column is only read roughly.
    return atoms if len(atoms) <= 0.1 * len(counts) else np.zeros(0, np.int64)


def _mixed(
    name: str,
    numbers: np.ndarray,
    distinct: np.ndarray,
    which: np.ndarray,
    atoms: np.ndarray,
    eps: float,
    step: float | None,
    shift: float,
) -> Variable:
    number = np.zeros(len(distinct), np.int64)
    number[atoms] = 1 + np.arange(len(atoms))
    classes = number[which]
    free = classes == 0
    cells = cells_of(numbers[free], eps, step)
    if cells is not None:
        below, above = np.zeros((2, len(numbers)))
        below[free], above[free] = cells.below, cells.above
        cells = Cells(which, below, above, cells.step, cells.is_even)
    return Variable(name, "mixed", numbers, classes, cells, shift=shift)
