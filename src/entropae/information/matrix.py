"""Information of all pairs of a table's columns, and of each column with a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from jaxtyping import Float

from entropae.information.columns import Column, columns_from, pair_of
from entropae.information.estimate import InformationEstimate, estimate
from entropae.information.formulas import PAIRS
from entropae.information.parallel import mapped
from entropae.information.parts import Scale
from entropae.information.terms import Method, Settings, check_settings
from entropae.messages import unknown
from entropae.neighbors import as_count
from entropae.variables import Discrete, Period, Resolutions, like_frame


@dataclass(frozen=True, eq=False)
class InformationMatrix:
    """Mutual information of all pairs of columns.

    Attributes:
        names: The columns.
        values: Estimates, symmetric, NaN on the diagonal and where there is none, shape `(d, d)`.
        standard_errors: Their standard errors.
        p_values: Their p-values; NaN without permutations.
        methods: Which estimator each is by.
        notes: What was done with which column, and which pairs have no estimate, in words.
        warnings: What speaks against estimates, in words.
        unit: `"nats"` or `"bits"`.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "d d"] = field(repr=False)
    standard_errors: Float[np.ndarray, "d d"] = field(repr=False)
    p_values: Float[np.ndarray, "d d"] = field(repr=False)
    methods: np.ndarray = field(repr=False)
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    unit: str
    like: Any = field(repr=False, default=None)

    def frame(self) -> Any:
        """The values as a frame of the library that the table came in; else a dict of columns."""
        columns = {name: self.values[:, i] for i, name in enumerate(self.names)}
        return like_frame(columns, self.like, rows=self.names)

    def _repr_html_(self) -> str:
        from entropae.notebook import matrix, remarks

        shown = matrix(self.names, self.values.tolist())
        return f"<p>Mutual information in {self.unit}</p>{shown}" + remarks((), self.warnings)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Columns by their mutual information with a target, the largest first.

    Attributes:
        target: What they are compared with.
        names: The columns.
        values: Estimates, shape `(d,)`; columns without one come last, with NaN.
        standard_errors: Their standard errors.
        p_values: Their p-values; NaN without permutations.
        methods: Which estimator each is by.
        notes: What was done with which column, in words.
        warnings: What speaks against estimates, in words.
        unit: `"nats"` or `"bits"`.
    """

    target: str
    names: tuple[str, ...]
    values: Float[np.ndarray, " d"]
    standard_errors: Float[np.ndarray, " d"] = field(repr=False)
    p_values: Float[np.ndarray, " d"] = field(repr=False)
    methods: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    unit: str
    like: Any = field(repr=False, default=None)

    def frame(self) -> Any:
        """A row for each column, as a frame of the library that the table came in; else a dict."""
        columns = {
            "column": np.array(self.names, object),
            self.unit: self.values,
            "standard_error": self.standard_errors,
            "p_value": self.p_values,
            "method": np.array(self.methods, object),
        }
        return like_frame(columns, self.like)

    def _repr_html_(self) -> str:
        from entropae.notebook import number, remarks, table

        figures = zip(self.values, self.standard_errors, self.p_values, strict=True)
        rows = [
            (name, f"{number(v)} ± {number(error)}", number(p), method)
            for name, (v, error, p), method in zip(self.names, figures, self.methods, strict=True)
        ]
        head = (f"says of {self.target}", self.unit, "p-value", "method")
        return table(rows, head=head) + remarks((), self.warnings)


def information_matrix(
    frame: Any,
    *,
    columns: Sequence[str] | None = None,
    k: int = 3,
    method: Method = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    permutations: int = 0,
    exclude: int = 0,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> InformationMatrix:
    """Mutual information of all pairs of columns of a table, in nats, with errors and p-values.

    Each pair has the estimator that suits its kinds, see `knn_mutual_information`, on the rows
    where neither value is missing. Pairs are estimated on all processors.

    Args:
        frame: A frame of pandas, polars, pyarrow or xarray, a mapping from names to columns, or an
            array of shape `(n, d)`, whose columns are called `"0"`, `"1"`, ….
        columns: Which columns; by default all.
        k: Which neighbour.
        method: Which estimator, see `knn_mutual_information`.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: Names of columns whose values are classes; `True` for all. A mapping says by name
            whether they are.
        period: Period of circular columns, by name.
        permutations: Permuted samples of each pair for its p-value; 0 for none.
        exclude: Theiler's window, see `knn_mutual_information`.
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar.

    Returns:
        The matrix. Its diagonal is NaN: of a continuous column with itself it would be infinite.

    Raises:
        ValueError: If there are fewer than two columns, a name is unknown, or an option is not what
            it should be.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> height = rng.normal(1.7, 0.1, 500)
        >>> table = {"height": height.round(2), "mass": (80 * height - 70).round()}
        >>> table["eyes"] = rng.choice(["blue", "brown"], 500)
        >>> found = information_matrix(table)
        >>> found.names, found.methods[0].tolist()
        (('height', 'mass', 'eyes'), ['', 'ksg1', 'ross'])
        >>> found.values.round(0) + 0
        array([[nan,  3.,  0.],
               [ 3., nan,  0.],
               [ 0.,  0., nan]])
    """
    settings = Settings(k, method, scale, exclude, seed)
    made = columns_from(frame, columns, discrete, period, resolution)
    names = tuple(made)
    d = len(names)
    if d < 2:
        raise ValueError(f"The table must have at least 2 columns: got {', '.join(names)}.")
    pairs = [(i, j) for i in range(d) for j in range(i)]
    all_columns = list(made.values())
    found = _estimates(
        [(all_columns[i], all_columns[j]) for i, j in pairs],
        *(settings, permutations, bits, progress),
    )
    values, errors, p_values = np.full((3, d, d), np.nan)
    methods = np.full((d, d), "", object)
    for (i, j), one in zip(pairs, found, strict=True):
        if isinstance(one, InformationEstimate):
            for a, b in ((i, j), (j, i)):
                values[a, b], errors[a, b] = one.value, one.standard_error
                p_values[a, b], methods[a, b] = one.p_value, one.method
    notes, warnings = _said(all_columns, pairs, found, names)
    unit = "bits" if bits else "nats"
    return InformationMatrix(names, values, errors, p_values, methods, notes, warnings, unit, frame)


def rank_features(
    frame: Any,
    target: Any,
    *,
    columns: Sequence[str] | None = None,
    k: int = 3,
    method: Method = "auto",
    resolution: Resolutions = "auto",
    scale: Scale = "standard",
    discrete: Discrete = (),
    period: Period = None,
    permutations: int = 0,
    exclude: int = 0,
    bits: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> Ranking:
    """Columns of a table by their mutual information with a target, in nats, the largest first.

    Args:
        frame: See `information_matrix`.
        target: Name of a column of the table, or a column of as many rows.
        columns: Which columns to rank; by default all others.
        k: Which neighbour.
        method: Which estimator, see `knn_mutual_information`.
        resolution: See `knn_mutual_information`.
        scale: See `knn_mutual_information`.
        discrete: Names of columns whose values are classes, `"target"` for a target that is no
            column of the table; `True` for all. A mapping says by name whether they are.
        period: Period of circular columns, by name.
        permutations: Permuted samples of each column for its p-value; 0 for none.
        exclude: Theiler's window, see `knn_mutual_information`.
        bits: In bits, not in nats.
        seed: Of spreads and permutations.
        progress: Show a bar.

    Returns:
        The ranking.

    Raises:
        ValueError: As `information_matrix`, and if there is no such target.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> table = {"a": rng.standard_normal(500), "b": rng.standard_normal(500)}
        >>> table["sick"] = table["b"] + 0.5 * rng.standard_normal(500) > 0
        >>> rank_features(table, "sick").names
        ('b', 'a')
    """
    settings = Settings(k, method, scale, exclude, seed)
    name, made = _with_target(frame, target, columns, discrete, period, resolution)
    others = {key: one for key, one in made.items() if key != name}
    if not others:
        raise ValueError(f"The table must have columns beside the target: got {name} alone.")
    pairs = [(one, made[name]) for one in others.values()]
    found = _estimates(pairs, settings, permutations, bits, progress)
    numbers = np.array(
        [
            (one.value, one.standard_error, one.p_value)
            if isinstance(one, InformationEstimate)
            else (np.nan, np.nan, np.nan)
            for one in found
        ]
    )
    order = np.argsort(-numbers[:, 0], kind="stable")  # NaN come last
    names = list(others)
    methods = [one.method if isinstance(one, InformationEstimate) else "" for one in found]
    indices = [(i, len(names)) for i in range(len(names))]
    notes, warnings = _said([*others.values(), made[name]], indices, found, (*names, name))
    value, error, p_value = numbers[order].T
    return Ranking(
        target=name,
        names=tuple(names[i] for i in order),
        values=value,
        standard_errors=error,
        p_values=p_value,
        methods=tuple(methods[i] for i in order),
        notes=notes,
        warnings=warnings,
        unit="bits" if bits else "nats",
        like=frame,
    )


def _with_target(
    frame: Any,
    target: Any,
    columns: Sequence[str] | None,
    discrete: Discrete,
    period: Period,
    resolution: Resolutions,
) -> tuple[str, dict[str, Column]]:
    options = (discrete, period, resolution)
    if isinstance(target, str | Integral):
        target = str(target)
        wanted = None if columns is None else [*(c for c in columns if c != target), target]
        made = columns_from(frame, wanted, *options)
        if target not in made:
            raise ValueError(unknown("column", target, list(made)))
        return target, made
    return "target", columns_from(frame, columns, *options, beside={"target": target})


def _estimates(
    pairs: Sequence[tuple[Column, Column]],
    settings: Settings,
    permutations: int,
    bits: bool,
    progress: bool,
) -> list[InformationEstimate | str]:
    """Each pair's estimate, or why there is none."""
    permutations = as_count("permutations", permutations, 0)
    settings = check_settings(settings, PAIRS, pairs[0][0].n)

    def one(pair: tuple[Column, Column]) -> InformationEstimate | str:
        try:
            sample = pair_of(*pair, settings)
            return estimate(sample, permutations, bits=bits, parallel=False)
        except ValueError as error:
            return str(error)

    return mapped(one, pairs, name="Pairs", progress=progress)


def _said(
    columns: Sequence[Column],
    pairs: Sequence[tuple[int, int]],
    found: Sequence[InformationEstimate | str],
    names: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes on columns and on pairs without an estimate; warnings, each with its pairs."""
    notes = [note for column in columns for note in column.notes]
    by_warning: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}
    for (i, j), one in zip(pairs, found, strict=True):
        pair = f"{names[i]} and {names[j]}"
        if isinstance(one, str):
            without.setdefault(one, []).append(pair)
            continue
        for warning in one.warnings:
            by_warning.setdefault(warning, []).append(pair)
    notes += [f"{_some(some)}: no estimate. {why}" for why, some in without.items()]
    return tuple(notes), tuple(f"{_some(some)}: {why}" for why, some in by_warning.items())


def _some(pairs: Sequence[str]) -> str:
    return "; ".join(pairs[:3]) + (f"; and {len(pairs) - 3} more pairs" if len(pairs) > 3 else "")
