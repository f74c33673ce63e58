"""What a table's columns are, and its rows as vectors and back."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from safetensors import SafetensorError

from entropae.kinds.tables.column import Column, Numbers, encoded, read_values, unseen
from entropae.kinds.tables.conditionals import CONDITIONALS, Conditionals, Keeps
from entropae.kinds.tables.declared import Declared
from entropae.kinds.tables.decoding import decoded
from entropae.kinds.tables.files import TABLE
from entropae.kinds.tables.gaps import Counts, check_gaps, counting, numbers_in, with_gaps
from entropae.kinds.tables.identifiers import Identifier
from entropae.kinds.tables.many import ordered
from entropae.kinds.tables.meaning import check_types, describe
from entropae.kinds.tables.settled import cells_of, settled, streams
from entropae.kinds.tables.stored import NUMBERS, WIDEST, read_columns, write_columns
from entropae.messages import unknown

LOOKED = 20_000  # rows by which many categories are put in order


class Columns:
    """The columns of a table, which say how a row becomes a vector and a vector a row.

    A number becomes its normal score: `Φ⁻¹` of its rank, so that heavy tails and any scale are
    alike, and repeated values take the whole interval of their ranks on the way back. A category
    is one-hot; what is missing is a state of its own. Identifiers are no part of a vector. Nothing
    but names, types, categories, patterns and quantiles is kept.

    Args:
        columns: Those that are modelled, in their order.
        noise: Lower triangular `(m, m)` for `m` columns of numbers: what `draw` adds to the scores
            that a decoder returns, so that they have the spread that the data have.
        identifiers: Columns that are made anew.
        order: Names of all; by default the identifiers are the last.
        conditionals: Each column given the others, which `draw` settles rows by.

    Examples:
        >>> import pyarrow as pa
        >>> table = pa.table({"no": range(20), "who": ["a", None] * 10})
        >>> columns = Columns.fit(table)
        >>> columns.encode(table)[:2]
        array([[1., 0.],
               [0., 1.]], dtype=float32)
        >>> columns.decode(columns.encode(table)[:2]).to_pylist()
        [{'no': 20, 'who': 'a'}, {'no': 21, 'who': None}]
    """

    def __init__(
        self,
        columns: Sequence[Column],
        noise: np.ndarray | None = None,
        *,
        identifiers: Sequence[Identifier] = (),
        order: Sequence[str] | None = None,
        conditionals: Conditionals | None = None,
    ) -> None:
        self.conditionals = conditionals
        self.columns, self.identifiers = tuple(columns), tuple(identifiers)
        named = [one.name for one in (*self.columns, *self.identifiers)]
        if len(set(named)) < len(named):
            raise ValueError("it has a name twice")
        self.order = tuple(named if order is None else order)
        if sorted(self.order) != sorted(named):
            raise ValueError(f"`order` must have all names: got {self.order}.")
        self.places = {column.name: i for i, column in enumerate(self.columns)}
        check_gaps(self.columns)
        m = sum(column.levels is None for column in self.columns)
        self.noise = np.zeros((m, m)) if noise is None else noise
        if self.noise.shape != (m, m):
            raise ValueError(f"`noise` must have shape {(m, m)}: got {self.noise.shape}.")

    @property
    def groups(self) -> tuple[int, ...]:
        """Layout of a vector: 0 for a number, `n` for the probabilities of `n` states."""
        return tuple(group for column in self.columns for group in column.groups)

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return sum(column.width for column in self.columns)

    @property
    def all(self) -> tuple[Column | Identifier, ...]:
        """Columns and identifiers in the order of the table."""
        found = {one.name: one for one in (*self.columns, *self.identifiers)}
        return tuple(found[name] for name in self.order)

    def named(self, name: str) -> Column | Identifier:
        """The column of a name.

        Raises:
            ValueError: If there is none.
        """
        for one in (*self.columns, *self.identifiers):
            if one.name == name:
                return one
        raise ValueError(unknown("column", name, self.order))

    @classmethod
    def fit(
        cls,
        table: Any,
        rows: np.ndarray | None = None,
        *,
        declared: Mapping[str, Declared] | None = None,
    ) -> Columns:
        """The columns of a `pyarrow.Table`.

        Args:
            table: Whose types, categories and missing values are known.
            rows: Whose quantiles are taken; by default all.
            declared: What its user says of columns.

        Raises:
            ValueError: If there is no row or column, a type is unknown, numbers are infinite, a
                column is not as declared, or there is none to learn from.
        """
        if not table.num_rows or not table.num_columns:
            raise ValueError(f"A table must have rows and columns: got shape {table.shape}.")
        rows, said = np.arange(table.num_rows) if rows is None else rows, declared or {}
        for name in said:
            if name not in table.column_names:
                raise ValueError(unknown("column", name, table.column_names))
        check_types(table)
        every = [
            describe(name, table.column(name), rows, said.get(name)) for name in table.column_names
        ]
        made = cls(
            [one for one in every if isinstance(one, Column)],
            identifiers=[one for one in every if isinstance(one, Identifier)],
            order=table.column_names,
        )
        if not made.columns:
            raise ValueError(
                f"All columns identify the rows: there is nothing to learn. Say what one is: "
                f"--category {shlex.quote(table.column_names[0])} "
                f"(columns={{{table.column_names[0]!r}: 'category'}} in Python)"
            )
        if made.width > WIDEST:
            raise ValueError(f"A row makes {made.width} numbers, {WIDEST} is the limit.")
        return made._with_order(table.take(rows[:LOOKED]))

    def _with_order(self, table: Any) -> Columns:
        """With columns of many categories in the order of the others."""
        if not any(column.labels for column in self.columns):
            return self
        few = Columns([column for column in self.columns if column.labels is None])
        others = few.encode(table) if few.columns else np.zeros((len(table), 0))
        made = []
        for column in self.columns:
            if column.labels is not None:
                places = {label: i for i, label in enumerate(column.labels)}
                found = read_values(column, table.column(column.name))
                place = np.array([places.get(v, -1) for v in found.values.tolist()])
                column = ordered(column, np.where(found.absent, -1, place), others)
            made.append(column)
        return Columns(made, self.noise, identifiers=self.identifiers, order=self.order)

    def counted(self, table: Any, rows: np.ndarray | None = None, **known: Any) -> Columns:
        """With columns that lie close to another one counted from it.

        Args:
            table: That they were fitted to.
            rows: As of `fit`.
            known: What rules say of them, see `gaps.with_gaps`.
        """
        rows = np.arange(table.num_rows) if rows is None else rows
        made = with_gaps(self.columns, table, rows, **known)
        return Columns(made, self.noise, identifiers=self.identifiers, order=self.order)

    def encode(self, table: Any, *, known: bool = False) -> Float[np.ndarray, "n w"]:
        """Rows of a `pyarrow.Table` as vectors; columns that are not of these are passed over.

        Values that these columns had not when they were fitted are unknown, which a warning says.

        Args:
            table: The rows.
            known: Whether it is the table that they were fitted to, of which only rows that were
                held out have such values, without a warning.

        Raises:
            ValueError: If a column is not there, or of another type.
        """
        for column in self.columns:
            if column.name not in table.column_names:
                raise ValueError(unknown("column", column.name, table.column_names))
        with warnings.catch_warnings():
            if known:
                warnings.filterwarnings("ignore", ".*values that no training row has", UserWarning)
            numbers = self.numbers(table)
            # At scores of 0 stands what is commonly between two columns.
            counts = Counts(self.columns, lambda i: np.zeros((len(table), 1)), numbers)
            parts = []
            for column in self.columns:
                values, own = table.column(column.name), numbers.get(column.name)
                if own is None:
                    parts.append(encoded(column, values))
                else:
                    parts.append(encoded(column, values, counts.scores(column.name), own.known))
        return np.concatenate(parts, 1).astype(np.float32)

    def numbers(self, table: Any) -> dict[str, Numbers]:
        """Numbers of columns in a table that count from each other."""
        names = counting(self.columns)
        return {one.name: numbers_in(table, one) for one in self.columns if one.name in names}

    def decode(self, x: Float[np.ndarray, "n w"]) -> Any:
        """Rows of vectors as a `pyarrow.Table`: of every category the most probable."""
        return Drawing(self, None).table(x)

    def draw(self, x: Float[np.ndarray, "n w"], *, seed: int | None = None) -> Any:
        """Likewise, but categories are drawn by their probabilities, and numbers have `noise`.

        Then rows are settled by the conditionals, if there are any.

        Args:
            x: What a decoder returned.
            seed: For the same rows again.
        """
        return Drawing(self, np.random.SeedSequence(seed)).table(x)

    def fit_noise(self, x: Float[np.ndarray, "n w"], again: Float[np.ndarray, "n w"]) -> None:
        """Set `noise` from what reconstructions of held-out rows leave of them.

        A decoder returns means, which spread less than the data. What is left is taken as normal,
        of the residuals' covariance, and independent of the code.
        """
        where = self.scores
        residual = np.asarray(again, np.float64)[:, where] - np.asarray(x, np.float64)[:, where]
        for i, column in enumerate(c for c in self.columns if c.levels is None):
            if column.missing:
                residual[x[:, where[i] + 2] > 0, i] = 0
        covariance = residual.T @ residual / len(residual)
        self.noise = np.linalg.cholesky(covariance + 1e-12 * np.eye(len(where)))

    def fit_conditionals(self, x: Float[np.ndarray, "n w"], *, seed: int = 0) -> None:
        """Learn each column given the others, from training rows: drawn rows are settled by it."""
        groups, gone = zip(*((one.groups, one.gone) for one in self.columns), strict=True)
        cells = cells_of(self.columns, x)
        self.conditionals = Conditionals.fit(groups, cells, gone=gone, seed=seed)

    def save(self, folder: str | Path) -> None:
        """Write `table.json`, `table.safetensors` and `conditionals.safetensors` into a folder."""
        folder = Path(folder)
        if self.conditionals is not None:
            self.conditionals.save(folder)
        more = {"order": list(self.order), "settled": self.conditionals is not None}
        write_columns(folder, self.columns, self.identifiers, self.noise, more)

    @classmethod
    def load(cls, folder: str | Path) -> Columns:
        """What `save` wrote, checked.

        Raises:
            ValueError: If it is damaged, or describes what no table has.
        """
        path = Path(folder) / TABLE
        try:
            columns, identifiers, order, noise, drawn_by = read_columns(path.parent)
            made = cls(columns, noise, identifiers=identifiers, order=order)
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename} is missing.") from error
        except SafetensorError as error:
            raise ValueError(f"{path.with_name(NUMBERS)} cannot be read: {error}") from error
        except (
            *(KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError),
            OSError,
        ) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        groups, gone = zip(*((one.groups, one.gone) for one in made.columns), strict=True)
        made.conditionals = Conditionals.load(path.parent, groups, gone)
        if drawn_by and made.conditionals is None:
            raise ValueError(f"{path.with_name(CONDITIONALS)} is missing.")
        return made

    def parts(self, x: Float[np.ndarray, "n w"]) -> Callable[[int], np.ndarray]:
        """What gives the part of vectors that a column has, by its place."""
        starts = np.cumsum([0, *(column.width for column in self.columns)])
        return lambda i: x[:, starts[i] : starts[i + 1]]

    def unseen(self, x: Float[np.ndarray, "n w"]) -> dict[str, Bool[np.ndarray, " n"]]:
        """In which encoded rows the value of a column of categories is one no training row has."""
        part = self.parts(x)
        columns = enumerate(self.columns)
        return {one.name: unseen(one, part(i)) for i, one in columns if one.categories is not None}

    def values(
        self,
        part: Callable[[int], np.ndarray],
        names: Collection[str] | None = None,
        known: Mapping[str, Numbers] | None = None,
    ) -> dict[str, Any]:
        """Columns of vectors as Arrow columns.

        Args:
            part: Gives the part of the vectors that a column has, by its place.
            names: Of the columns; by default all.
            known: Numbers of columns that are known in some rows.
        """
        made, counts = {}, Counts(self.columns, part, known)
        for name, i in self.places.items():
            if names is None or name in names:
                counted = self.columns[i].gap is not None or name in (known or {})
                own = counts.of(name) if counted else None
                made[name] = decoded(self.columns[i], part(i), own)
        return made

    def reached(
        self, part: Callable[[int], np.ndarray], names: Collection[str]
    ) -> list[Bool[np.ndarray, " n"]]:
        """Where columns that count from another one stay between their own ends, or at a cap.

        Args:
            part: As of `values`.
            names: Of the columns.
        """
        counts, inside = Counts(self.columns, part), []
        for name in names:
            made, beyond = counts.counted(name)
            column = self.columns[self.places[name]]
            (low, high), (least, most) = column.ends, column.capped
            inside.append(((low <= made) | least) & ((made <= high) | most) | beyond)
        return inside

    @property
    def scores(self) -> np.ndarray:
        """Where in a vector the scores are that noise is added to."""
        starts = np.cumsum([0, *(column.width for column in self.columns)])[:-1]
        pairs = zip(starts, self.columns, strict=True)
        return np.array([start for start, c in pairs if c.levels is None], np.int64)


class Drawing:
    """Rows of vectors that come in parts, drawn as if they had come together.

    Args:
        columns: What the vectors are of.
        seed: Of what is drawn; `None` for the most probable values.
        keeps: Rules that rows are settled by.
    """

    def __init__(
        self,
        columns: Columns,
        seed: np.random.SeedSequence | None,
        *,
        keeps: Keeps | None = None,
    ) -> None:
        self.columns, self.keeps = columns, keeps
        # A stream for each column, so that the first rows do not depend on how many there are.
        self.random: list[Any] = []
        if seed is not None:
            self.noise = np.random.default_rng(seed.spawn(1)[0])
            self.random = streams(seed, len(columns.columns))
        self.names = (seed or np.random.SeedSequence(0)).spawn(len(columns.identifiers))

    def table(self, x: Float[np.ndarray, "n w"]) -> Any:
        """The next rows, as a `pyarrow.Table`."""
        import pyarrow as pa

        made = self.modelled(x)
        for own, seed in zip(self.columns.identifiers, self.names, strict=True):
            made[own.name] = own.make(len(x), np.random.default_rng(seed))
        return pa.table({name: made[name] for name in self.columns.order})

    def modelled(self, x: Float[np.ndarray, "n w"]) -> dict[str, Any]:
        """The next rows, column by column, without identifiers."""
        x = np.array(x, np.float64)
        if x.ndim != 2 or x.shape[1] != self.columns.width:
            raise ValueError(f"`x` must have shape (n, {self.columns.width}): got {x.shape}.")
        columns = self.columns
        if self.random:
            where = columns.scores
            x[:, where] += self.noise.standard_normal((len(x), len(where))) @ columns.noise.T
            x = settled(columns.columns, columns.conditionals, x, self.random, keeps=self.keeps)
        return columns.values(columns.parts(x))
