"""A finished run, and what can be done with it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from entropae.features import check
from entropae.kinds import Evaluating, Kind, Samples, as_samples, identity
from entropae.kinds.keys import Rule
from entropae.kinds.labels import labelled, labels_of
from entropae.messages import printable
from entropae.model import CONFIG, Autoencoder, load
from entropae.prior import canonical, fitted
from entropae.prior.names import check_names
from entropae.recipe import Recipe
from entropae.runs.files import LOG, METRICS, portable, read_recipe, reading_of, some_of
from entropae.runs.measured import evaluation_path, features_of
from entropae.storage.atomic import check_links, check_out, write_text
from entropae.storage.records import read_json, read_log

if TYPE_CHECKING:
    from entropae.diagnosis import Diagnosis
    from entropae.drawing.log import Log
    from entropae.explorer import Space
    from entropae.kinds.reading import Reading
    from entropae.report import Trained


class Run:
    """A run folder that `entropae fit` made: a model, the data that it was trained on, figures.

    Nothing is read before it is asked for. A folder that `Autoencoder.save` wrote will do for what
    needs the model only, such as `sample`.

    Args:
        folder: The folder.
        data: Where its data are: if they are no longer where its recipe says; or if they are not
            those that it was trained on, or it does not say which those were (a recipe may be a
            stranger's, and name any file).

    Raises:
        FileNotFoundError: If the folder is no run, or its training is not finished.
    """

    def __init__(self, folder: str | Path, *, data: str | None = None) -> None:
        self.folder = Path(folder)
        check_links(self.folder)
        self.data = data
        if not (self.folder / CONFIG).is_file():
            read_recipe(self.folder)  # which fails if it is no run at all
            raise FileNotFoundError(
                f"The run in {folder} is not finished: {CONFIG} is missing. Go on with it: "
                f"entropae fit --resume --out {folder}"
            )

    @classmethod
    def open(cls, folder: str | Path, *, data: str | None = None) -> Run:
        """The run in a folder."""
        return cls(folder, data=data)

    def _repr_html_(self) -> str:
        from entropae.notebook import picture, table

        figures = {"folder": str(self.folder), "latent": type(self.model.latent).__name__}
        if (self.folder / METRICS).is_file():
            numbers = {k: v for k, v in self.metrics.items() if isinstance(v, int | float)}
            figures |= {name: f"{value:.4g}" for name, value in numbers.items()}
        overview = self.folder / "overview.png"
        return table(figures.items()) + (picture(overview) if overview.is_file() else "")

    @cached_property
    def recipe(self) -> Recipe:
        """How it was trained; ValueError if its recipe is damaged, an OSError if there is none."""
        return read_recipe(self.folder)

    @cached_property
    def model(self) -> Autoencoder:
        """The trained model."""
        return load(self.folder)

    @property
    def kind(self) -> Kind:
        """What kind of data it is of."""
        kind = self.model.kind
        if kind is None:
            raise ValueError(f"The model in {self.folder} does not say what kind of data it is of.")
        return kind

    @property
    def source(self) -> str:
        """Where its data are."""
        return self.data or self.recipe.data

    @cached_property
    def samples(self) -> Samples:
        """All samples of its data.

        Raises:
            FileNotFoundError: If they are no longer there.
            ValueError: If they are not those that it was trained on, and were not given.
        """
        if self.identity is None and self.data is None:
            raise ValueError(
                f"The run in {self.folder} does not say what was in its data, and its recipe may "
                f"name any file: {printable(self.source)}. If that is meant, give "
                f"--trained-on {shlex.quote(self.source)}."
            )
        own = self.recipe.labels if self.recipe.key else None  # of a file they are read below
        reading = replace(reading_of(self.recipe), download=self.data is not None, labels=own)
        try:
            samples = as_samples(self.source, kind=self.kind, **vars(reading))
        except (FileNotFoundError, IsADirectoryError) as error:
            raise FileNotFoundError(
                f"The data of the run in {self.folder} are not there: {error} Put them back, or "
                "give --trained-on PATH."
            ) from error
        if self.identity is not None:
            given = self.data is not None
            identity.compare(self.identity, samples, self.source, self.folder, given=given)
        then = (self.identity or {}).get("labels")
        return labelled(samples, self.recipe.labels, self.model.classes, then)

    @cached_property
    def identity(self) -> Mapping[str, Any] | None:
        """What is known of the data that it was trained on."""
        return identity.read(self.folder)

    def read(self, source: Any) -> Samples:
        """Other samples, as the model takes them."""
        return some_of(source, as_samples(source, kind=self.kind, **vars(self.reading)))

    @cached_property
    def _split(self) -> tuple[Samples, Samples]:
        rule: Rule = "order" if self.identity is None else "keys"
        below = None if self.identity is None else self.identity["split"]["below"]
        recipe = self.recipe
        return self.samples.split(recipe.validation, seed=recipe.seed, below=below, rule=rule)

    @property
    def train(self) -> Samples:
        """The samples that it was trained on."""
        return self._split[0]

    @property
    def held_out(self) -> Samples:
        """The samples that it was not trained on; those that it was if none were held out."""
        return self._split[1]

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """What was measured when it was trained."""
        try:
            return read_json(self.folder / METRICS)
        except FileNotFoundError:
            return {}

    @cached_property
    def log(self) -> Log:
        """A row an epoch, which a notebook shows as curves."""
        from entropae.drawing.log import Log

        return Log(read_log(self.folder / LOG))

    def sample(
        self,
        n: int = 64,
        *,
        prior: str | None = None,
        seed: int | None = None,
        where: Any = None,
        shares: Any = None,
    ) -> Any:
        """New samples: images or values as a tensor, rows with their types, sentences.

        A prior that the model has not is fitted to the training samples, for this once. `where` and
        `shares` are of tables: see `Autoencoder.sample`.
        """
        self.fit_missing([prior])
        return self.model.sample(
            n, prior=prior, seed=seed, where=where, shares=shares, near=lambda: self.train
        )

    def fit_missing(self, priors: Iterable[str | None]) -> None:
        """Fit those priors that the model has not, to its training samples; its folder stays.

        `None` is the model's own.

        Raises:
            ValueError: If there is no prior of such a name.
        """
        known = self.model.priors.keys()
        asked = {name for name in priors if name is not None} - known
        check_names(asked)
        missing = sorted({*map(canonical, asked)} - known)
        if missing:
            before, labels = self.model.prior, labels_of(self.train) is not None
            self.model.fit_priors(self.train, missing, labels=labels, seed=self.recipe.seed)
            self.model.prior = before

    def impute(self, data: Any = None, *, out: str | None = None, **asked: Any) -> Any:
        """A table, by default its own, with missing cells drawn, or written: see `Synthesis`."""
        if data is None and len(self.samples):  # which makes sure that they are its own
            data = self.source
        return self.kind.impute(self.model, data, self.reading, out=out, **asked)

    @property
    def reading(self) -> Reading:
        """How other data are read: as its own, without the labels of those."""
        return replace(reading_of(self.recipe), labels=None)

    def reconstruct(self, data: Any = None, *, n: int = 16) -> Any:
        """Samples encoded and decoded again: some of those held out, or others."""
        return self.kind.reconstructed(self.model.reconstruct(self.given(data).first(n)))

    def interpolate(
        self, data: Any = None, *, n: int = 8, steps: int = 10, path: Any = "spherical"
    ) -> list[Any]:
        """Paths between the codes of pairs of samples, both ends included."""
        x = self.given(data).first(2 * n)
        half = len(x) // 2
        between = self.model.interpolate(x[:half], x[half : 2 * half], steps=steps, path=path)
        return [self.kind.reconstructed(points) for points in between]

    def encode(self, data: Any = None) -> Float[Tensor, "n d"]:
        """Codes of all its samples, or of others."""
        return self.model.encode(self.samples if data is None else self.read(data))

    def given(self, data: Any = None) -> Samples:
        """The samples that a command is about: those given, else those held out."""
        return self.held_out if data is None else self.read(data)

    def evaluate(
        self,
        data: Any = None,
        *,
        features: str | None = None,
        n: int = 10_000,
        priors: Sequence[str] = (),
        progress: bool = True,
        target: str | None = None,
        out: str | Path | None = None,
    ) -> dict[str, Any]:
        """Measure the model on held-out samples; kept in the folder as `evaluation-….json`.

        Args:
            data: Others to measure on.
            features: What `features.find` takes; by default the values themselves.
            n: At most so many samples.
            priors: Fit these to the training codes too, if the model has them not.
            progress: Show a bar.
            target: Of a table: the column that is predicted from the others, by trees that learn
                from drawn rows.
            out: Of a table: a folder for pictures of its columns and of how they go together.

        Returns:
            What `Kind.evaluate` returns, and what was `asked`.

        Raises:
            ValueError: If the features or a prior are unknown, or there are too few samples.
        """
        features = features_of(self.kind, features)
        if self.kind.features is not None:
            check(features)
        check_names(priors)
        kept = evaluation_path(self.folder, features)
        check_out(kept, otherwise="Copy the run to where you may.")
        if n < 2:
            raise ValueError(f"`n` must be at least 2: got n={n}.")
        options = Evaluating(
            features=features,
            n=n,
            seed=self.recipe.seed,
            progress=progress,
            target=target,
            out=None if out is None else Path(out),
        )
        self.kind.check_evaluating(options)
        test = self.given(data)
        self.fit_missing(priors)
        asked = {"test": None if data is None else str(data), "n": n, "priors": sorted(priors)}
        if target is not None:
            asked["target"] = target
        found = {"asked": asked} | self.kind.evaluate(self.model, self.train, test, options)
        write_text(kept, json.dumps(found, indent=2) + "\n")
        return found

    def diagnose(
        self,
        data: Any = None,
        *,
        n: int = 2000,
        prior: str | None = None,
        progress: bool = True,
    ) -> Diagnosis:
        """What is wrong with the model, why, and what to do; kept in the folder.

        Args:
            data: Samples to examine it on; by default its held-out ones.
            n: At most so many samples of each set.
            prior: Examine samples of this prior, which is fitted if the model has it not; by
                default of the one that `sample` uses.
            progress: Show a bar.

        Raises:
            ValueError: If there is no such prior, or the samples do not suit the model.
        """
        from entropae.runs import examined

        self.fit_missing([prior])
        before = self.model.prior
        self.model.prior = fitted(before if prior is None else prior, self.model.priors)
        try:
            if data is None:
                found = examined.examine(self, n=n, prior=self.model.prior, progress=progress)
            else:
                found = self.examine(self.read(data), n=n, progress=progress)
        finally:
            self.model.prior = before
        return replace(found, run=str(self.folder), priors=tuple(self.model.priors))

    def examine(self, others: Samples | None, *, n: int, progress: bool) -> Diagnosis:
        """The diagnosis, made anew, on its training samples and others."""
        from entropae.model.examination import examine
        from entropae.runs import examined

        return examine(
            self.model,
            self.train,
            others,
            batch_size=self.recipe.batch_size,
            n=n,
            progress=progress,
            log=examined.log(self),
            recipe=examined.settings(self),
        )

    def report(
        self, out: str | Path | None = None, *, progress: bool = True, real_rows: bool = False
    ) -> Path:
        """Write the report of the run, by default as `report.html` into its folder.

        Args:
            out: The file.
            progress: Show a bar.
            real_rows: Show rows of a table's data too, which may be of persons.

        Raises:
            OSError: If the page cannot be written.
            ValueError: If one of its files is damaged.
        """
        from entropae.report import REPORT, write

        place = self.folder / REPORT if out is None else Path(out)
        check_out(place)
        return write(replace(self.trained(), real_rows=real_rows), place, progress=progress)

    def space(self, n: int = 20_000) -> Space:
        """The latent space for the explorer, with at most so many of the training samples.

        Raises:
            ValueError: If samples of this kind cannot be explored.
        """
        from entropae.explorer import Space
        from entropae.explorer.space import unseen

        if n < 2:
            raise ValueError(f"At least 2 samples are needed to explore: got -n {n}.")
        if self.kind.view is None:
            raise ValueError(unseen(self.kind, f"entropae report {shlex.quote(str(self.folder))}"))
        return Space(self.model, self.train.some(n), title=self.folder.resolve().name)

    def trained(self) -> Trained:
        """The run as its report sees it."""
        from entropae.report import Origin, Trained

        try:
            log: Any = self.log
        except (OSError, ValueError) as error:
            log = f"There are no curves: {error}"
        return Trained(
            self.model,
            self.train,
            self.held_out,
            self.recipe.validation > 0,
            self.metrics,
            log,
            self.recipe.seed,
            self.recipe.batch_size,
            Origin(self.folder, portable(self.recipe)),
            examine=lambda progress: self.diagnose(progress=progress),
        )
