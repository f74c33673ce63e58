"""From columns to an estimate: which estimator, several spreads, the mean of the terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from entropae.information.formulas import CONDITIONAL, MANY, PAIRS, Formula, Terms
from entropae.information.given import less_given
from entropae.information.parts import Part, Scale, joint_classes, part_of
from entropae.neighbors import check_choice, check_k
from entropae.variables import (
    Discrete,
    Period,
    Resolutions,
    Variable,
    check_names,
    copies_of,
    repeated_rows,
    say_repeated,
    variables_of,
    without_gaps,
)

Maps = Literal["map", "copula", "ica", "radial", "student", "mixture", "tree"]
Method = Literal["auto", "ksg1", "ksg2", "gao", "ross", "plugin"] | Maps
ConditionalMethod = Literal["auto", "ksg1", "gao", "plugin"] | Maps
# Spreads that an estimate of rounded columns is the mean over.
SPREADS = 4
# What `method="auto"` says of its choice.
WHY = {
    "ksg1": "all parts are continuous",
    "ross": "one part is discrete, the other continuous",
    "gao": "parts are partly discrete",
    "plugin": "all parts are discrete",
    "none": "a part is constant",
}


@dataclass(frozen=True)
class Settings:
    """How to estimate.

    Attributes:
        k: Which neighbour.
        method: Which estimator, or `"auto"`.
        scale: Whether columns are standardised.
        exclude: Theiler's window.
        seed: Of the spreading.
    """

    k: int = 3
    method: str = "auto"
    scale: Scale = "standard"
    exclude: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sample:
    """The parts of one sample as columns, what to do with them, and by which formulas.

    Attributes:
        parts: The columns of each part.
        settings: How to estimate.
        formulas: What `settings.method` is one of: `PAIRS`, `CONDITIONAL` or `MANY`.
        method: The method that was chosen, `"none"` if there is nothing to estimate.
        notes: What is done that a reader should know.
        warnings: What speaks against the estimate.
        doubts: What speaks against how columns are taken.
        in_order: Whether the rows' order means something, as it does if parts are lagged.
    """

    parts: tuple[tuple[Variable, ...], ...]
    settings: Settings
    formulas: Mapping[str, Formula] = field(repr=False)
    method: str = "auto"
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    in_order: bool = False

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.parts[0][0])

    @property
    def is_rounded(self) -> bool:
        """Whether columns are spread, so that several spreads are averaged."""
        return any(variable.cells is not None for part in self.parts for variable in part)

    def turn(self, turn: int) -> list[Part]:
        """The parts as coordinates, rounded columns spread for the `turn`-th time."""
        copies = iter(copies_of([variable.cells for part in self.parts for variable in part]))
        made = self.settings
        parts = [
            part_of(
                part,
                scale=made.scale,
                seed=made.seed,
                turn=turn,
                copies=[next(copies) for _ in part],
            )
            for part in self.parts
        ]
        if self.formulas is CONDITIONAL and self.method == "ksg1" and made.scale is not None:
            x, y, given = parts
            return [less_given(x, given), less_given(y, given), given]
        return parts

    def terms(self, parts: Sequence[Part]) -> Terms:
        """The terms of the estimate from coordinates."""
        made = self.settings
        return self.formulas[self.method](parts, made.k, made.exclude)


@dataclass(frozen=True, eq=False)
class Averaged:
    """Terms averaged over several spreads.

    Attributes:
        terms: The terms; those of a constant part are 0.
        spread: Variance of the value that is due to where values were spread to.
    """

    terms: Terms
    spread: float

    @property
    def value(self) -> float:
        """The estimate, in nats."""
        return float(self.terms.values.mean())


def sample_of(
    samples: Mapping[str, Any],
    settings: Settings,
    formulas: Mapping[str, Formula],
    *,
    discrete: Discrete = (),
    period: Period = None,
    resolution: Resolutions = "auto",
    lag: int = 0,
    each: bool = False,
) -> Sample:
    """Columns read and recognised, options checked, the estimator chosen.

    Args:
        samples: Parts by name, in the order that the formulas take them in.
        settings: How to estimate.
        formulas: By what.
        discrete: See `variables_of`.
        period: See `variables_of`.
        resolution: See `variables_of`.
        lag: Rows that the first part is ahead of the others.
        each: Whether each column is a part of its own.

    Raises:
        ValueError: If parts differ in length, or an option is not what it should be.
    """
    if isinstance(discrete, str):
        discrete = (discrete,)
    options: dict[str, Any] = {"discrete": discrete, "period": period, "resolution": resolution}
    parts = {name: variables_of(x, name, **options) for name, x in samples.items()}
    known = [*parts, *(v.name for part in parts.values() for v in part)]
    check_names(known, **options)
    check_lengths({name: len(part[0]) for name, part in parts.items()})
    columns = [tuple(part) for part in parts.values()]
    if each:
        columns = [(variable,) for part in columns for variable in part]
        if len(columns) < 2:
            raise ValueError(
                f"`x` must have at least 2 columns: got d={len(columns)}. Stack what may depend."
            )
    return chosen(shifted(columns, lag), settings, formulas)


def check_lengths(lengths: Mapping[str, int]) -> None:
    """Raise unless all parts have as many rows.

    Raises:
        ValueError: If they have not.
    """
    if len(set(lengths.values())) > 1:
        names = " and ".join(f"`{name}`" for name in lengths)
        raise ValueError(
            f"{names} must have as many rows as each other: got n={list(lengths.values())}. "
            "Each row is one observation of all of them."
        )


def shifted(parts: Sequence[tuple[Variable, ...]], lag: int) -> list[tuple[Variable, ...]]:
    """The first part `lag` rows before the others; fewer rows are left."""
    if lag == 0:
        return list(parts)
    n = len(parts[0][0])
    rows = np.arange(n - abs(lag))
    first, rest = (rows, rows + lag) if lag > 0 else (rows - lag, rows)
    return [
        tuple(variable.take(rest if i else first) for variable in part)
        for i, part in enumerate(parts)
    ]


def check_lag(lag: Any, n: int) -> int:
    """A lag as an integer.

    Raises:
        ValueError: If it is none, or leaves fewer than two rows.
    """
    try:
        found = index(lag)
    except TypeError:
        raise ValueError(f"`lag` must be an integer or integers: got lag={lag!r}.") from None
    if isinstance(lag, bool) or abs(found) > n - 2:
        raise ValueError(
            f"`lag` must be in [{2 - n}, {n - 2}]: got lag={lag!r} with n={n} rows. Use a smaller "
            "`lag`, or a longer series."
        )
    return found


def check_settings(settings: Settings, formulas: Mapping[str, Formula], n: int) -> Settings:
    """The settings, with Python's own integers.

    Raises:
        ValueError: If one is not what it should be.
    """
    check_choice(settings.method, ["auto", *formulas], "method")
    if settings.scale is not None:
        check_choice(settings.scale, ["standard"], "scale")
    check_k(settings.k, n - 1, f"n={n} points")
    whole = isinstance(settings.exclude, int | np.integer) and not isinstance(
        settings.exclude, bool
    )
    if not whole or settings.exclude < 0 or 2 * settings.exclude + settings.k >= n:
        raise ValueError(
            f"`exclude` must be an integer of at least 0, less than (n - k)/2: got "
            f"exclude={settings.exclude!r} with n={n} rows and k={settings.k}. It is the number of "
            "rows before and after each one that are no neighbours of it."
        )
    if not isinstance(settings.seed, int | np.integer) or settings.seed < 0:
        raise ValueError(f"`seed` must be an integer of at least 0: got seed={settings.seed!r}.")
    return replace(
        settings, k=int(settings.k), exclude=int(settings.exclude), seed=int(settings.seed)
    )


def chosen(
    parts: Sequence[tuple[Variable, ...]], settings: Settings, formulas: Mapping[str, Formula]
) -> Sample:
    """The sample with its estimator chosen, and columns made what that estimator takes."""
    settings = check_settings(settings, formulas, len(parts[0][0]))
    method = settings.method
    is_discrete = [all(v.kind in ("discrete", "constant") for v in part) for part in parts]
    if _is_trivial(parts, formulas):
        method = "none"
    elif method == "auto":
        method = _choice(parts, is_discrete, formulas)
    elif method in ("ksg1", "ksg2", "ross") and all(is_discrete):
        parts = [tuple(_as_numbers(v, method) for v in part) for part in parts]
    elif method == "ross" and sum(is_discrete) != 1:
        raise ValueError(
            '`method="ross"` is for one discrete part and one continuous: got '
            f"{sum(is_discrete)} discrete. Name what is discrete in `discrete`, or use "
            'method="auto".'
        )
    elif method == "plugin" and not all(is_discrete):
        names = [v.name for part in parts for v in part if v.kind not in ("discrete", "constant")]
        raise ValueError(
            f'`method="plugin"` is for discrete columns: got {", ".join(names)} continuous. '
            'Use method="auto", or name them in `discrete`.'
        )
    parts, left_out = _with_neighbours(parts, method, settings.exclude)
    repeated = repeated_rows([v for part in parts for v in part])
    parts = [tuple(without_gaps(part, repeated)) for part in parts]
    notes = [v.note for v in dict.fromkeys(v for part in parts for v in part) if v.note]
    if left_out:
        notes.append(f"{left_out} rows whose class occurs once were left out")
    warnings = () if repeated is None else (say_repeated(float(repeated.mean())),)
    doubts = tuple(dict.fromkeys(v.doubt for part in parts for v in part if v.doubt))
    return Sample(tuple(parts), settings, formulas, method, tuple(notes), warnings, doubts)


def _is_trivial(parts: Sequence[tuple[Variable, ...]], formulas: Mapping[str, Formula]) -> bool:
    """Whether a part is constant, and so tells nothing."""
    constant = [all(v.kind == "constant" for v in part) for part in parts]
    if formulas is MANY:
        return sum(not one for one in constant) < 2
    return any(constant[:2])


def _choice(
    parts: Sequence[tuple[Variable, ...]],
    is_discrete: Sequence[bool],
    formulas: Mapping[str, Formula],
) -> str:
    if all(is_discrete):
        return "plugin"
    # Given classes, neighbours are of the same class, and there the columns are continuous.
    told = parts[:2] if formulas is CONDITIONAL else parts
    if all(v.classes is None for part in told for v in part):
        return "ksg1"
    mixed = any(
        v.classes is not None
        for part, discrete in zip(parts, is_discrete, strict=True)
        for v in part
        if not discrete
    )
    return "ross" if formulas is PAIRS and sum(is_discrete) == 1 and not mixed else "gao"


def _as_numbers(variable: Variable, method: str) -> Variable:
    """A discrete column for an estimator of densities."""
    if variable.kind == "constant":
        return variable
    made = variable.as_numbers()
    if made is None:
        raise ValueError(
            f'`method="{method}"` is for numbers: got `{variable.name}` with classes, beside none '
            'that is continuous. Use method="auto" or "plugin".'
        )
    return made


def _with_neighbours(
    parts: Sequence[tuple[Variable, ...]], method: str, exclude: int
) -> tuple[list[tuple[Variable, ...]], int]:
    """The parts without the rows whose class occurs once, as Ross (2014) leaves them out."""
    if method == "none":
        return list(parts), 0
    doubts = [v.doubt for part in parts for v in part if v.doubt]
    for part in parts:
        _check_repeats(joint_classes([v.classes for v in part if v.kind == "discrete"]), doubts)
    classes = joint_classes([v.classes for part in parts for v in part])
    if classes is None or exclude or method == "plugin":
        return list(parts), 0
    often = np.bincount(classes)[classes] > 1
    if often.all():
        return list(parts), 0
    _check_repeats(classes, doubts)
    rows = np.flatnonzero(often)
    return [tuple(v.take(rows) for v in part) for part in parts], int((~often).sum())


def _check_repeats(classes: Int[np.ndarray, " n"] | None, doubts: Sequence[str]) -> None:
    if classes is not None and len(classes) > 1 and np.bincount(classes).max() == 1:
        why = (
            f"Each of the {len(classes)} rows has a class of its own, so there is none to compare "
            "it with. Leave out columns that number the rows, or group their classes."
        )
        raise ValueError(" ".join([why, *doubts]))


def averaged(sample: Sample) -> Averaged:
    """The estimate, over several spreads of what is rounded."""
    if sample.method == "none":
        return Averaged(Terms(np.zeros(sample.n), np.arange(sample.n)), 0.0)
    turns = SPREADS if sample.is_rounded else 1
    found = [sample.terms(sample.turn(turn)) for turn in range(turns)]
    terms = found[0]._replace(values=np.mean([one.values for one in found], 0))
    if not len(terms.rows):
        raise ValueError(
            "No row has a neighbour: classes are too many, or `exclude` is too large. Group "
            "classes, or use a smaller `exclude`."
        )
    spread = (
        float(np.var([one.values.mean() for one in found], ddof=1)) / turns if turns > 1 else 0.0
    )
    return Averaged(terms, spread)
