"""Tables of numbers and categories, from files and frames; samples are rows with their types.

Needs pyarrow, which keeps a column's type: pip install "entropae[tables]".
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.kinds.base import Kind
from entropae.kinds.keys import halved, keys_of_table
from entropae.kinds.measures import Evaluating, Measure
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.tables.asked import Shares, Where, draw_rows, near_rows, of_classes
from entropae.kinds.tables.cells import Cells, How, cells_of_vectors
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.drawn import Account
from entropae.kinds.tables.files import SUFFIXES, TABLE, is_table, write_file
from entropae.kinds.tables.formulas import formulas
from entropae.kinds.tables.frames import library_of, metadata_of, to_library, without
from entropae.kinds.tables.meaning import check_types
from entropae.kinds.tables.measures import MEASURES, check_target
from entropae.kinds.tables.opened import opened, said_of
from entropae.kinds.tables.pixels import as_images
from entropae.kinds.tables.proposed import declared_and_found
from entropae.kinds.tables.repaired import Repaired, repaired
from entropae.kinds.tables.rules import Rule, read_rules, said_of_gaps
from entropae.kinds.tables.sentences import as_sentences
from entropae.kinds.tables.shown import introduction
from entropae.kinds.tables.style import Style, style_from
from entropae.kinds.tables.words import TEXTS, checked_words, emptied, marks, refilled, words_of
from entropae.messages import number_of, unknown, whole
from entropae.storage.atomic import write_text

RULES = "rules.json"  # in a run folder
ENOUGH = 100_000  # rows that the noise of reconstructions is learnt from


class Tables(Kind):
    """Rows of a table, as vectors of normal scores and one-hot categories.

    Args:
        columns: What the columns are.
        library: Of the frames that samples are given as; `""` for those of pyarrow.
        rules: That every drawn row keeps.
        metadata: What the library keeps of a frame's types and index beside its columns.
        style: How the text file is written that the rows came from, if they did; so are CSV files.
        words: That stand for what is missing in columns of texts, see `words`.
        labels: The column that has the classes of the rows, if one was named.
    """

    name = "tables"
    things = "rows"
    features = None
    suffix = ".csv"
    measures: ClassVar[Mapping[str, Measure]] = MEASURES

    def __init__(
        self,
        columns: Columns,
        *,
        library: str = "",
        rules: Sequence[Rule] = (),
        metadata: Mapping[str, str] | None = None,
        style: Style | None = None,
        words: Mapping[str, str] | None = None,
        labels: str | None = None,
    ) -> None:
        self.style, self.words, self.labels = style, dict(words or {}), labels
        self.columns = columns
        self.library = library
        self.rules = tuple(rules)
        self.metadata = dict(metadata or {})
        self.shape = (columns.width,)
        self.introduced = ""

    @classmethod
    def claims(cls, source: Any) -> bool:
        """A file of named columns, or a frame."""
        return is_table(source) or library_of(source) is not None

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """Rows as vectors, by what the columns of the rows that are not held out are."""
        table, library, style, names = opened(source, reading)
        said, dropped = said_of(reading, names)
        table = table.select([name for name in table.column_names if name not in dropped])
        check_types(table, more=True)
        words = words_of(table, {n for n, one in said.items() if one.meaning in TEXTS})
        table = emptied(table, words)
        least = 3 if reading.validation else 2
        if table.num_rows < least:
            held_out = ", one of them to be held out" if reading.validation else ""
            raise ValueError(f"At least {least} rows are needed{held_out}: got {table.num_rows}.")
        keys = keys_of_table(table) if reading.keys is None else reading.keys
        how: dict[str, Any] = {"keys": keys, "below": reading.below, "rule": reading.rule}
        halves = halved(table.num_rows, reading.validation, seed=reading.seed, **how)
        columns = Columns.fit(table, halves.train, declared=said)
        if all(column.levels is not None and column.width < 2 for column in columns.columns):
            raise ValueError("All columns are constant: there is nothing to learn.")
        wanted: dict[str, Any] = {"find": reading.find_rules, "given": reading.given}
        rules = declared_and_found(table, columns, reading.rules, **wanted)
        columns = columns.counted(table, halves.train, **said_of_gaps(rules))
        known = metadata_of(without(source, dropped))
        options: dict[str, Any] = {"metadata": known, "style": style, "words": words}
        kind = cls(columns, library=library, rules=rules, **options)
        texts = [column.name for column in columns.columns if column.meaning.startswith("text")]
        more = as_images(source, table, style) or as_sentences(source, table, texts, style)
        kind.introduced = introduction(table, columns, rules, more, words=words)
        return Samples(columns.encode(table, known=True), kind, keys=keys)

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
        table = emptied(opened(source, reading).table, self.words)
        encoded = self.columns.encode(table)  # which refuses a table without the model's columns
        known = [name for name in self.types if name in table.column_names]
        return Samples(encoded, self, keys=keys_of_table(table.select(known)))

    @property
    def types(self) -> Mapping[str, str]:
        """Arrow's names of the columns' types."""
        return {column.name: column.type for column in self.columns.all}

    @property
    def introduction(self) -> str:
        """What the columns were taken for, and the rules."""
        return self.introduced

    def settings(self) -> dict[str, Any]:
        """The library of frames, and the style; the columns and rules are written beside it."""
        style = {} if self.style is None else {"style": self.style.settings()}
        words = {"words": self.words} if self.words else {}
        labels = {"labels": self.labels} if self.labels is not None else {}
        more = {"rules": len(self.rules), **style, **words, **labels}
        return {"library": self.library, "metadata": self.metadata, **more}

    def save(self, folder: Path) -> None:
        """Write the columns and the rules."""
        self.columns.save(folder)
        text = json.dumps([rule.settings() for rule in self.rules], ensure_ascii=False, indent=1)
        write_text(folder / RULES, text + "\n")

    @classmethod
    def restore(cls, settings: Mapping[str, Any], folder: Path) -> Tables:
        """Read the columns and the rules."""
        columns = Columns.load(folder)
        metadata = {str(k): str(v) for k, v in dict(settings.get("metadata", {})).items()}
        return cls(
            columns,
            library=str(settings.get("library", "")),
            rules=read_rules(folder / RULES, columns.order, some=bool(settings.get("rules"))),
            metadata=metadata,
            style=style_from(settings["style"]) if "style" in settings else None,
            words=checked_words(settings.get("words", {})),
            labels=str(settings["labels"]) if "labels" in settings else None,
        )

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a folder holds the columns of a table."""
        return (folder / TABLE).is_file()

    def networks(self, config: Any, latent: Any, samples: Samples) -> tuple[nn.Module, nn.Module]:
        """Fully connected ones, the decoder with probabilities of categories."""
        from entropae.kinds.tables.networks import networks

        return networks(self.columns.groups, config, latent, samples)

    def learn(self, model: Any, samples: Samples, train: Samples | None = None) -> None:
        """How far reconstructions are from held-out rows, and each column given the others."""
        x = samples.first(ENOUGH)
        self.columns.fit_noise(x.numpy(), model.reconstruct(x).cpu().numpy())
        if train is not None:
            self.columns.fit_conditionals(train.some(ENOUGH).first(ENOUGH).numpy())

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
        return frozenset(one.name for one in self.columns.columns if one.categories is not None)

    def label(self, samples: Samples, labels: str) -> Samples:
        """Rows with the values of a column as their classes."""
        decoded = self.columns.decode(samples.array)
        if labels not in decoded.column_names:
            raise ValueError(unknown("column", labels, decoded.column_names))
        values = decoded.column(labels).to_pylist()
        kind = copy(self)
        kind.labels = labels
        named = np.array(["" if v is None else str(v) for v in values])
        return replace(samples, kind=kind, labels=named)

    def describe_size(self) -> str:
        """Columns, and the numbers that they make."""
        columns = number_of(len(self.columns.order), "column")
        return f"{columns} ({number_of(self.columns.width, 'number')})"

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
        return self.frame(self.table(x, drawn=drawn, seed=seed))

    def frame(self, table: Any) -> Any:
        """A `pyarrow.Table` as a frame of the library that the rows came from."""
        return to_library(refilled(table, self.words), self.library, self.metadata)

    def drawn(
        self,
        model: Any,
        n: int,
        *,
        seed: int | None = None,
        where: Where | None = None,
        shares: Shares | None = None,
        near: Callable[[], Samples] | None = None,
        labels: str | None = None,
        **drawing: Any,
    ) -> tuple[Any, Account]:
        """New rows as a `pyarrow.Table` that keep the rules and meet conditions, all of them.

        Args:
            model: The autoencoder.
            n: How many.
            seed: For the same rows again.
            where: Conditions, such as `"species=Gentoo, mass>5000"`, a mapping from columns to
                values, or a function from a frame to a value for each row.
            shares: Of the categories of a column, as `"species=equal"`.
            near: Gives the training rows, of which those that meet rare conditions are drawn near.
            labels: The column of classes, if the model does not say which that is.
            drawing: Options of `model.draw`.

        Returns:
            The rows, and what was done to get them.

        Raises:
            ValueError: If so many cannot be had, or a condition cannot be read.
        """
        n, seed = whole("n", n, 1), None if seed is None else whole("seed", seed, 0)
        own = int(torch.randint(1 << 31, ()).item()) if seed is None else seed
        classes = self.labels or labels, model.classes
        of, shares, drawing = of_classes(self.columns, *classes, shares, drawing)

        def draw(count: int) -> Any:
            return model.draw(count, seed=own, **drawing).cpu().numpy()

        close = None if near is None else near_rows(model, self.columns, near, own)
        return draw_rows(
            self.columns,
            self.rules,
            draw,
            n,
            seed=own,
            where=where,
            shares=shares,
            near=close,
            of=of,
            frame=self.frame,
            words=marks(self.words, self.style),
        )

    def sample(self, model: Any, n: int, *, seed: int | None = None, **asked: Any) -> Any:
        """New rows as a frame of the library that they came from: see `drawn`."""
        table, account = self.drawn(model, n, seed=seed, **asked)
        if account.near:
            warnings.warn(str(account).strip(), stacklevel=3)
        return self.frame(table)

    def write_samples(
        self,
        model: Any,
        n: int,
        out: str,
        *,
        seed: int | None = None,
        **asked: Any,
    ) -> str:
        """New rows as CSV or Parquet, and what was done to get them."""
        table, account = self.drawn(model, n, seed=seed, **asked)
        return self.write_table(table, out) + str(account)

    def impute(
        self,
        model: Any,
        source: Any,
        reading: Reading | None = None,
        *,
        out: str | None = None,
        **asked: Any,
    ) -> Any:
        """A table with its missing cells drawn, in a frame as it came, see `imputation.impute`.

        With `out` it is written, and a sentence says what was done.
        """
        from entropae.kinds.tables.imputation import filled

        return filled(self, model, source, reading or Reading(), out=out, **asked)

    def cells(self, x: Tensor, how: How = "encoded", *, seed: int | None = None) -> Cells:
        """Names of columns, and each row's values as texts."""
        return cells_of_vectors(self, x, how, seed)

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """New rows as CSV or Parquet."""
        return self.write_table(self.table(made, drawn=True, seed=seed), out)

    def reconstructed(self, again: Float[Tensor, "n w"]) -> Any:
        """Rows as a frame, repaired where they break a rule."""
        return self.frame(self.repaired(again)[0])

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """The reconstructed rows, repaired where they break a rule, which is said."""
        table, done = self.repaired(again)
        return self.write_table(table, out) + str(done)

    def write_paths(self, between: Tensor, out: str) -> str:
        """The rows of all paths, one path after the other, repaired likewise."""
        return self.write_pairs(between, between.flatten(0, 1), out)

    def repaired(self, x: Float[Tensor, "n w"], **drawn: Any) -> tuple[Any, Repaired]:
        """Vectors as rows, see `table`, repaired where they break a rule; and what was done."""
        return repaired(self.table(x, **drawn), self.columns, self.rules)

    def write_table(
        self,
        table: Any,
        out: str,
        *,
        style: Style | None = None,
        texts: Mapping[str, Sequence[str | None]] | None = None,
    ) -> str:
        """Write a `pyarrow.Table` as CSV, as that was which the rows came from, or as Parquet.

        Cells that have `texts` are written so: see `texts_of`.
        """
        self.check_out(out)
        style = style or self.style
        write_file(refilled(table, self.words), out, style, texts)
        how = style.said if style and out.lower().endswith(".csv") else ""
        how = f", {how}, as the table was" if how else ""
        return f"Wrote {len(table)} rows to {out}{how}.{formulas(table, out)}"

    def check_out(self, out: str) -> None:
        """CSV and Parquet."""
        if Path(out).suffix.lower() not in SUFFIXES:
            raise ValueError(f"`--out` must end in .csv or .parquet for a table: got {out}.")

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """A file of new rows."""
        self.write_samples(model, max(20, len(held_out)), str(folder / "samples.csv"), seed=seed)
        return [folder / "samples.csv"]

    def picture(self, x: Tensor, again: Tensor | None = None) -> None:
        """None: they are read."""

    @property
    def sections(self) -> Any:
        """As tables."""
        from entropae.kinds.tables import report

        return (report.samples, report.reconstructions, report.interpolations, report.nearest)
