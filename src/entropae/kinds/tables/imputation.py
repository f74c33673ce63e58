"""Missing cells of a table filled in: drawn given what is known of their rows."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Collection, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from entropae.kinds.reading import Reading
from entropae.kinds.tables.column import read_values
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import texts_of
from entropae.kinds.tables.filling import Filling, Open
from entropae.kinds.tables.frames import metadata_of, several, to_library
from entropae.kinds.tables.opened import opened
from entropae.kinds.tables.plain import plain, replaced, type_of
from entropae.kinds.tables.rules import Rule, Unique
from entropae.kinds.tables.words import emptied, refilled
from entropae.messages import unknown
from entropae.reader import dialect_of

TRIES = 20  # times that rows which break a rule are filled in anew
# Times that rules are gone through, so that equations with several cells missing are solved.
PASSES = 8


@dataclass(frozen=True)
class Filled:
    """What was filled in.

    Attributes:
        cells: How many of each column.
        broken: Rows that break each rule, as no values were found with which they keep it.
        named: Missing cells of each column that names the rows; they stay so.
    """

    cells: dict[str, int]
    broken: dict[str, int]
    named: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> str:
        """What is not as one may expect; empty if all is."""
        said = [
            f"{count} rows break '{rule}': no values were found with which they keep it."
            for rule, count in self.broken.items()
            if count
        ]
        said += [
            f"{count} cells of {name} stay missing, because it names the rows."
            for name, count in self.named.items()
            if count
        ]
        return " ".join(said)

    def __str__(self) -> str:
        counts = [f"{name} {count}" for name, count in self.cells.items() if count]
        said = f"Filled in {sum(self.cells.values())} cells" + ": " * bool(counts)
        return f"{said}{', '.join(counts)}. {self.left}".strip()


def impute(
    model: Any,
    columns: Columns,
    rules: Sequence[Rule],
    table: Any,
    *,
    seed: int | None = None,
    only: str | Sequence[str] = (),
) -> tuple[Any, Filled]:
    """A table whose missing cells are drawn, given the known cells of their rows.

    At first they are what the autoencoder makes of the rows without them. Then each is drawn anew,
    several times in turn, from the values of training rows whose other cells are alike (multiple
    imputation by chained equations, with forests). What is known stays exactly as it is.

    Args:
        model: The autoencoder.
        columns: What its columns are.
        rules: That rows keep, as far as their known cells allow.
        table: A `pyarrow.Table` with these columns, and maybe others, which stay as they are.
        seed: For the same values again; others are another imputation.
        only: The columns to fill in, or one; by default all.

    Returns:
        The table, and what was filled in.

    Raises:
        ValueError: If a column is unknown, missing, or of another type.

    References:
        S. van Buuren, "Flexible Imputation of Missing Data", 2nd ed. 2018, section 4.5; with
        forests: L. Doove et al., Computational Statistics & Data Analysis 72, 2014.
    """
    only = several(only)
    names = [column.name for column in columns.columns]
    known = [column.name for column in columns.columns if column.levels != ()]
    named = {
        one.name: int(plain(table.column(one.name)).absent.sum())
        for one in columns.identifiers
        if one.name in table.column_names
    }
    for name in only:
        if name in named:
            raise ValueError(f"The column {name!r} names the rows: its cells cannot be filled in.")
        if name not in names:
            raise ValueError(unknown("column", name, names))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*missing values, and had none", UserWarning)
        rows, absent = _with_gaps(columns, table, {*(only or names)} & {*known})
        part = _as_learnt(columns, table.take(rows.where))
        x = columns.encode(part) if len(part) else np.empty((0, columns.width))
    gaps = rows.gaps
    done = table
    if len(part):
        cells = Open.of(columns, part, gaps, absent)
        filled, broken = _kept(Filling(model, columns, x, cells, seed), rules, part, gaps)
        done = _merged(columns, table, filled, rows)
    else:
        broken = {}
    counts = dict(zip(names, gaps.sum(0).tolist(), strict=True))
    return done, Filled(counts, broken, {} if only else named)


def filled(
    kind: Any, model: Any, source: Any, reading: Reading, *, out: str | None, **asked: Any
) -> Any:
    """A file or frame with its missing cells drawn, as a frame or written to a file.

    A CSV file is written as the source was, its known cells letter by letter.

    Args:
        kind: The model's `Tables`.
        model: The autoencoder.
        source: A file or a frame.
        reading: How it is read.
        out: A file; by default a frame is returned, otherwise a sentence.
        asked: Of `impute`.
    """
    reading = replace(reading, drop=(), columns={})
    came, library, style, _ = opened(source, reading)
    done, counts = impute(model, kind.columns, kind.rules, emptied(came, kind.words), **asked)
    done = refilled(done, kind.words, came)
    if out is None:
        if counts.left:
            warnings.warn(counts.left, stacklevel=4)
        return to_library(done, library, metadata_of(source, rows=True))
    texts = None if style is None else texts_of(source, came, dialect_of(reading.dialect))
    return f"{counts} {kind.write_table(done, out, style=style, texts=texts)}"


def drawn_beside(
    model: Any,
    columns: Columns,
    rules: Sequence[Rule],
    table: Any,
    names: Collection[str],
    *,
    seed: int,
) -> tuple[Any, dict[str, int]]:
    """A table with some of its columns drawn anew, given the others.

    As missing cells are, see `impute`, but that what is drawn may be missing where it often is.

    Args:
        model: The autoencoder.
        columns: What its columns are.
        rules: That rows keep, as far as the other columns allow.
        table: A `pyarrow.Table` of these columns.
        names: Those that are drawn, from what they are on.
        seed: For the same values again.

    Returns:
        The table, and how many rows break each rule.
    """
    if not len(table):
        return table, {}
    gaps = np.tile([column.name in names for column in columns.columns], (len(table), 1))
    x, cells = columns.encode(table), Open.of(columns, table, gaps, gaps)
    return _kept(Filling(model, columns, x, cells, seed, missing=True), rules, table, gaps)


def _as_learnt(columns: Columns, table: Any) -> Any:
    """A table with the types of the model's columns, as far as they can be: rules compare these.

    A column with nothing but gaps may have come as any type.
    """
    import pyarrow as pa

    for column in columns.columns:
        i, kind = table.column_names.index(column.name), type_of(column.type)
        if table.schema.field(i).type != kind and not pa.types.is_dictionary(kind):
            with suppress(pa.ArrowException):
                table = table.set_column(i, column.name, table.column(i).cast(kind))
    return table


@dataclass(frozen=True)
class _Rows:
    where: np.ndarray  # rows with a gap
    gaps: Bool[np.ndarray, "n c"]  # of these rows


def _with_gaps(
    columns: Columns, table: Any, names: Set[str]
) -> tuple[_Rows, Bool[np.ndarray, "n c"]]:
    """Rows with cells to be filled in, and all cells of these that are missing."""
    for column in columns.columns:
        if column.name not in table.column_names:
            raise ValueError(unknown("column", column.name, table.column_names))
    absent = np.stack(
        [read_values(column, table.column(column.name)).absent for column in columns.columns],
        1,
    )
    gaps = absent & np.array([column.name in names for column in columns.columns])
    where = np.flatnonzero(gaps.any(1))
    return _Rows(where, gaps[where]), absent[where]


def _kept(
    filling: Filling, rules: Sequence[Rule], part: Any, gaps: Bool[np.ndarray, "n c"]
) -> tuple[Any, dict[str, int]]:
    """Rows filled in so that they keep the rules, and how many cannot."""
    import pyarrow as pa

    columns = filling.columns
    rules = [rule for rule in rules if not isinstance(rule, Unique)]
    rows = np.arange(len(gaps))
    made, names = filling.table(rows), [column.name for column in columns.columns]
    broken: dict[str, int] = {}
    for attempt in range(TRIES + 1):
        table = _merged(columns, part, made, _Rows(np.arange(len(gaps)), gaps))
        table, held = _by_rules(rules, columns, table, names, gaps)
        bad = np.flatnonzero(~np.all(held, 0)) if held else rows[:0]
        broken = {str(rule): int((~met).sum()) for rule, met in zip(rules, held, strict=True)}
        if not len(bad) or attempt == TRIES:
            return table, broken
        again = filling.table(bad)
        order = np.arange(len(gaps))
        order[bad] = len(gaps) + np.arange(len(bad))
        made = pa.concat_tables([made, again]).take(order)
    raise AssertionError


def _open(table: Any, rule: Rule) -> Bool[np.ndarray, " n"]:
    """Where a column of a rule is missing still, so that nobody can say that the rule is broken."""
    there = [name for name in rule.names if name in table.column_names]
    return np.any([plain(table.column(name)).absent for name in there], 0)


def _by_rules(
    rules: Sequence[Rule], columns: Columns, table: Any, names: list[str], gaps: np.ndarray
) -> tuple[Any, list[np.ndarray]]:
    """A table in which what was missing follows from the rest, and where each rule is kept."""
    held: list[np.ndarray] = []
    for _ in range(PASSES):
        before, given = table, np.zeros_like(gaps)
        for rule in rules:
            table = _by_rule(rule, columns, table, names, gaps, given)
        held = [rule.met(table, columns) | _open(table, rule) for rule in rules]
        if np.all(held) or table.equals(before):
            break
    return table, held


def _by_rule(
    rule: Rule,
    columns: Columns,
    table: Any,
    names: list[str],
    gaps: Bool[np.ndarray, "n c"],
    given: Bool[np.ndarray, "n c"],
) -> Any:
    """A table in which what was missing follows from the rest, where a rule gives it.

    Of several cells that it gives, one that no rule before has given; it is marked as given, too.
    """
    free = np.ones(len(table), bool)
    known = [name for name in rule.gives if name in names]
    for again, name in itertools.product((False, True), known):
        place = names.index(name)
        here = gaps[:, place] & free
        here &= again | ~given[:, place]
        if here.any():
            found = rule.repaired(table, columns, name).column(name)
            rows = np.flatnonzero(here)
            index = table.column_names.index(name)
            new = replaced(table.column(name), found.take(rows), rows)
            table, free = table.set_column(index, name, new), free & ~here
            given[rows, place] = True
    return table


def _merged(columns: Columns, table: Any, filled: Any, rows: _Rows) -> Any:
    """A table with the gaps of some rows filled in, all else as it was."""
    for i, column in enumerate(columns.columns):
        here = np.flatnonzero(rows.gaps[:, i])
        if not len(here):
            continue
        index = table.column_names.index(column.name)
        values = filled.column(column.name).take(here)
        made = replaced(table.column(column.name), values, rows.where[here])
        table = table.set_column(index, column.name, made)
    return table
