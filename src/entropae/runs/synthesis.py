"""A frame or a table in, a model that draws more of the same out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import Any

from entropae.kinds import Samples, read
from entropae.kinds.measures import Evaluating
from entropae.kinds.reading import Reading
from entropae.kinds.tables import Tables
from entropae.kinds.tables.frames import several
from entropae.model import Autoencoder
from entropae.prior.progress import showing_steps
from entropae.recipe import ModelConfig, Recipe
from entropae.runs.checked import check_recipe
from entropae.runs.files import reading_of
from entropae.runs.making import ENOUGH, begun_model
from entropae.runs.priors import fit_priors
from entropae.runs.training import fit_by


@dataclass(frozen=True, eq=False)
class Synthesis:
    """A model of a table, with the rows that it was trained on.

    Attributes:
        model: The autoencoder.
        train: The rows that it was trained on.
        held_out: Those that it was not.
    """

    model: Autoencoder
    train: Samples
    held_out: Samples

    @property
    def kind(self) -> Any:
        """What the columns and rules are."""
        return self.train.kind

    @property
    def columns(self) -> dict[str, str]:
        """What each column was taken for."""
        return {one.name: getattr(one, "meaning", "identifier") for one in self.kind.columns.all}

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that every drawn row keeps."""
        return tuple(map(str, self.kind.rules))

    def sample(
        self,
        n: int,
        *,
        where: Any = None,
        shares: Any = None,
        prior: str | None = None,
        seed: int | None = None,
    ) -> Any:
        """New rows in a frame of the library, with the types, that the table came with.

        Args:
            n: How many.
            where: Conditions that all of them meet: `"species=Gentoo, mass>5000"`, a mapping from
                columns to values, or a function from a frame to a value for each row.
            shares: Of the categories of a column, `"species=equal"` or
                `{"species": {"Adelie": 0.7, "Gentoo": 0.3}}`.
            prior: To draw from: `"normal"`, `"full"` or `"mixture"`; by default the model's own.
            seed: For the same rows again.

        Raises:
            ValueError: If a condition cannot be read, or so many rows that meet it cannot be had.
        """
        return self.model.sample(
            n, seed=seed, prior=prior, where=where, shares=shares, near=lambda: self.train
        )

    def impute(self, data: Any, *, only: str | Sequence[str] = (), seed: int | None = None) -> Any:
        """A table with its missing cells filled in, drawn given the known cells of their rows.

        Args:
            data: A frame or a file with the model's columns, and maybe others.
            only: The columns to fill in; by default all.
            seed: For the same values again; other seeds give other imputations.

        Returns:
            A frame of the library that the data came in; of a file, a `pyarrow.Table`.

        Raises:
            ValueError: If a column is not there, or of another type.
        """
        return self.model.impute(data, only=only, seed=seed)

    def evaluate(
        self,
        *,
        target: str | None = None,
        n: int = 10_000,
        out: str | Path | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> dict[str, Any]:
        """Measure rows drawn by each prior beside held-out ones, how like and how private.

        Args:
            target: A column to predict from the others, by trees that learn from drawn rows.
            n: At most so many held-out rows.
            out: A folder for pictures of the columns, drawn beside real.
            seed: Of what is drawn.
            progress: Show a bar.

        Returns:
            `samples`, how many rows were held out; for each prior, and for `real rows`, the figures
            that `entropae.kinds.tables.measures.MEASURES` describes; and `columns`, how far each is
            from the held-out one.

        Raises:
            ValueError: If fewer than ten rows are held out, or the target is not a column.
        """
        if self.held_out is self.train:
            raise ValueError(
                "No rows are held out to measure beside: synthesize with validation=0.1."
            )
        folder = None if out is None else Path(out)
        options = Evaluating(n=n, seed=seed, progress=progress, target=target, out=folder)
        self.kind.check_evaluating(options)
        return self.kind.evaluate(self.model, self.train, self.held_out, options)

    def save(self, folder: str | Path) -> None:
        """Keep the model: `ea.load(folder).sample(1000)`, or `entropae sample FOLDER`."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.model.save(folder)


def synthesize(
    data: Any,
    *,
    columns: Mapping[str, Any] | None = None,
    rules: str | Sequence[str] = (),
    find_rules: bool = True,
    drop: str | Sequence[str] = (),
    model: ModelConfig | None = None,
    epochs: int | None = None,
    validation: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> Synthesis:
    """Learn a table, to draw rows like its own.

    Args:
        data: A frame of pandas or polars, a `pyarrow.Table`, a mapping of columns, or a file.
        columns: What columns are, where that is not found out rightly, by name: `"category"`,
            `"number step 0.5"`, `"date %d/%m/%Y"`, `"identifier"`, or a list of ordered categories.
        rules: That all rows keep: `"start <= end"`, `"zip -> town"`, `"a + b = c"`,
            `"a * b = c"`.
        find_rules: Look for such rules, and keep them.
        drop: Columns to leave out.
        model: Networks and latent; by default as `entropae fit` has them.
        epochs: Passes over the rows; by default 8000 steps, but 5 to 300 passes.
        validation: Share of the rows that is kept from training, for `evaluate`.
        seed: Of all that is random.
        progress: Print what the columns were taken for, and show bars.

    Returns:
        What draws rows: `synthesize(frame).sample(1000)` is a frame as the one that was given.

    Raises:
        ValueError: If the data are no table, or a column or a rule is not as declared.
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise ValueError(
            "`columns` must say what columns are, as {'zip': 'category'}: got "
            f"{type(columns).__name__}."
        )
    recipe = Recipe(
        drop=several(drop),
        columns={str(name): said for name, said in (columns or {}).items()},
        rules=several(rules),
        find_rules=find_rules,
        epochs=None if epochs is None else index(epochs),
        validation=validation,
        seed=index(seed),
        model=model or ModelConfig(),
    )
    return synthesized(data, recipe, progress=progress)


def synthesized(data: Any, recipe: Recipe, *, progress: bool, **split: Any) -> Synthesis:
    """What `synthesize` does as a recipe says; of the split `keys` and `below` can be given."""
    check_recipe(recipe)
    samples = _table(data, replace(reading_of(recipe, progress=progress), **split))
    if progress:
        print(samples.kind.introduction)
    below = split.get("below")
    train, held_out = samples.split(recipe.validation, seed=recipe.seed, below=below)
    recipe, made, _ = begun_model(recipe, samples, train, held_out, say=progress)
    log = fit_by(recipe, made, samples, progress=progress)
    with showing_steps(progress):
        fit_priors(made, train.some(ENOUGH), held_out, recipe, int(log[-1]["step"]))
    samples.kind.learn(made, held_out.some(ENOUGH), train)
    return Synthesis(made, train, held_out)


def _table(data: Any, reading: Reading) -> Samples:
    """Rows of a frame or a file.

    Raises:
        ValueError: If the data are none, with what makes a frame of them.
    """
    known = isinstance(data, str | Path) or Tables.claims(data)
    got = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    try:
        samples = read(data, **vars(reading))
        if samples.kind.types:
            return samples
        got = samples.kind.things
    except (TypeError, ValueError):
        if known:
            raise
    raise ValueError(
        f"`data` must be a table: got {got.removeprefix('builtins.')}. Give a file or a frame with "
        "named columns, such as pandas.DataFrame(data); other data are trained on with fit."
    )
