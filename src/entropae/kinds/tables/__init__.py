"""Tables of numbers and categories, from files and frames; samples are rows with their types.

Needs pyarrow, which keeps a column's type: pip install "entropae[tables]".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from entropae.kinds.base import Kind
from entropae.kinds.keys import halved, keys_of_table
from entropae.kinds.measures import Evaluating, Measure
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.files import SUFFIXES, TABLE, is_table, read_file, write_file
from entropae.kinds.tables.formulas import formulas
from entropae.kinds.tables.frames import library_of, to_library, to_table
from entropae.kinds.tables.measures import MEASURES, check_target
from entropae.messages import unknown
from entropae.reader import dialect_of

ENOUGH = 100_000  # rows that the noise of reconstructions is learnt from


class Tables(Kind):
    """Rows of a table, as vectors of normal scores and one-hot categories.

    Args:
        columns: What the columns are.
        library: Of the frames that samples are given as; `""` for those of pyarrow.
    """

    name = "tables"
    things = "rows"
    features = None
    suffix = ".csv"
    measures: ClassVar[Mapping[str, Measure]] = MEASURES

    def __init__(self, columns: Columns, *, library: str = "") -> None:
        self.columns = columns
        self.library = library
        self.shape = (columns.width,)

    @classmethod
    def claims(cls, source: Any) -> bool:
        """A file of named columns, or a frame."""
        return is_table(source) or library_of(source) is not None

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """Rows as vectors, by what the columns of the rows that are not held out are."""
        table, library = _open(source, reading)
        for name in reading.drop:
            if name not in table.column_names:
                raise ValueError(unknown("column", name, table.column_names))
        table = table.drop_columns(list(reading.drop))
        if table.num_rows < 2:
            raise ValueError(f"At least 2 rows are needed: got {table.num_rows}.")
        keys = keys_of_table(table)
        halves = halved(
            table.num_rows, reading.validation, seed=reading.seed, keys=keys, rule=reading.rule
        )
        columns = Columns.fit(table, halves.train)
        return Samples(columns.encode(table), cls(columns, library=library), keys=keys)

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Rows of a table with the model's columns; or vectors of them."""
        if isinstance(source, Tensor | np.ndarray) and tuple(source.shape[1:]) == self.shape:
            return Samples(np.asarray(source, np.float32), self)
        if not self.claims(source):
            what = source if isinstance(source, Path) else type(source).__name__
            raise ValueError(
                "The model takes rows of a table: give a .csv, .tsv or .parquet file or a frame, "
                f"not {what}."
            )
        table = _open(source, reading)[0]
        encoded = self.columns.encode(table)  # which refuses a table without the model's columns
        return Samples(encoded, self, keys=keys_of_table(table.select(list(self.types))))

    @property
    def types(self) -> Mapping[str, str]:
        """Arrow's names of the columns' types."""
        return {column.name: column.type for column in self.columns.columns}

    def settings(self) -> dict[str, Any]:
        """The library of frames; the columns are written beside it."""
        return {"library": self.library}

    def save(self, folder: Path) -> None:
        """Write the columns."""
        self.columns.save(folder)

    @classmethod
    def restore(cls, settings: Mapping[str, Any], folder: Path) -> Tables:
        """Read the columns."""
        return cls(Columns.load(folder), library=str(settings.get("library", "")))

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a folder holds the columns of a table."""
        return (folder / TABLE).is_file()

    def networks(self, config: Any, latent: Any, samples: Samples) -> tuple[nn.Module, nn.Module]:
        """Fully connected ones, the decoder with probabilities of categories."""
        from entropae.nn import MLPEncoder, TableDecoder, default_hidden
        from entropae.nn.table import entropies_of

        if config.network not in ("auto", "mlp"):
            raise ValueError(f"`--model.network` must be mlp for a table: got {config.network}.")
        groups = self.columns.groups
        some = samples.some(ENOUGH)
        entropies = entropies_of(groups, some.first(len(some)))
        hidden = default_hidden(len(samples)) if config.hidden is None else config.hidden
        options: dict[str, Any] = {"hidden": hidden, "linear": config.start == "pca"}
        entropies = [round(h, 6) for h in entropies]
        return (
            MLPEncoder(self.shape, latent.in_features, **options),
            TableDecoder(groups, latent.dim, entropies=entropies, **options),
        )

    def learn(self, model: Any, samples: Samples) -> None:
        """How far reconstructions are from held-out rows, which drawn numbers are scattered by."""
        x = samples.first(ENOUGH)
        self.columns.fit_noise(x.numpy(), model.reconstruct(x).cpu().numpy())

    def evaluate(
        self, model: Any, train: Samples, test: Samples, options: Evaluating
    ) -> dict[str, Any]:
        """Drawn rows of each prior, and real ones, against held-out ones."""
        from entropae.kinds.tables.evaluation import evaluate

        return evaluate(self, model, train, test, options)

    def check_evaluating(self, options: Evaluating) -> None:
        """The target must be a column."""
        check_target([column.name for column in self.columns.columns], options.target)

    @property
    def categories(self) -> frozenset[str]:
        """The columns that are not of numbers."""
        return frozenset(one.name for one in self.columns.columns if one.levels is not None)

    def label(self, samples: Samples, labels: str) -> Samples:
        """Rows with the values of a column as their classes."""
        decoded = self.columns.decode(samples.array)
        if labels not in decoded.column_names:
            raise ValueError(unknown("column", labels, decoded.column_names))
        values = decoded.column(labels).to_pylist()
        return replace(samples, labels=np.array(["" if v is None else str(v) for v in values]))

    def describe_size(self) -> str:
        """Columns, and the numbers that they make."""
        return f"{len(self.columns.columns)} columns ({self.columns.width} numbers)"

    def table(
        self, x: Float[Tensor, "n w"], *, drawn: bool = False, seed: int | None = None
    ) -> Any:
        """Vectors as rows of a `pyarrow.Table`."""
        values = x.detach().cpu().numpy()
        return self.columns.draw(values, seed=seed) if drawn else self.columns.decode(values)

    def present(
        self, x: Float[Tensor, "n w"], *, drawn: bool = False, seed: int | None = None
    ) -> Any:
        """Rows with the types of their columns, in a frame of the library they came from."""
        return to_library(self.table(x, drawn=drawn, seed=seed), self.library)

    def cells(
        self, x: Tensor, *, drawn: bool = False, seed: int | None = None
    ) -> tuple[list[str], list[list[str]]]:
        """Names of columns, and each row's values as texts."""
        table = self.table(x, drawn=drawn, seed=seed)
        cells = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return table.column_names, [["" if c is None else str(c) for c in row] for row in cells]

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """New rows as CSV or Parquet."""
        return self._write(self.table(made, drawn=True, seed=seed), out)

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """The reconstructed rows."""
        return self._write(self.table(again), out)

    def write_paths(self, between: Tensor, out: str) -> str:
        """The rows of all paths, one path after the other."""
        return self._write(self.table(between.flatten(0, 1)), out)

    def _write(self, table: Any, out: str) -> str:
        self.check_out(out)
        write_file(table, out)
        return f"Wrote {len(table)} rows to {out}.{formulas(table, out)}"

    def check_out(self, out: str) -> None:
        """CSV and Parquet."""
        if Path(out).suffix.lower() not in SUFFIXES:
            raise ValueError(f"`--out` must end in .csv or .parquet for a table: got {out}.")

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """A file of new rows."""
        self.write(
            model.draw(max(20, len(held_out)), seed=seed), str(folder / "samples.csv"), seed=seed
        )
        return [folder / "samples.csv"]

    @property
    def sections(self) -> Any:
        """As tables."""
        from entropae.kinds.tables import report

        return (report.samples, report.reconstructions, report.interpolations, report.nearest)


def _open(source: Any, reading: Reading) -> tuple[Any, str]:
    """A `pyarrow.Table` of a file or a frame, and the frame's library."""
    if is_table(source):
        return read_file(source, dialect_of(reading.dialect)), ""
    library = library_of(source)
    assert library is not None  # or it would not have been claimed
    return to_table(source), library
