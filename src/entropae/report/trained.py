"""A trained model as its report sees it: what files say, checked, and what the model does."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.config import Recipe
from entropae.data import Samples, as_samples
from entropae.diagnosis import Diagnosis
from entropae.model import CONFIG, Autoencoder, Data, load
from entropae.neighbors import nearest
from entropae.run import METRICS, measure, read_recipe, read_samples, split_samples
from entropae.tabular import TableSamples

LOG = "log.csv"
# Bytes that files beside the model may have, so that no folder of a stranger's fills the memory.
LARGEST = 1 << 22
LONGEST = 1 << 26  # a log of many epochs
DRAWABLE = 1e30  # beyond which nothing can be drawn
# Numbers that are held of the samples at a time.
NUMBERS = 1 << 26
# More codes make no law plainer to the eye.
CODES = 5000


class Run(NamedTuple):
    """What `entropae fit` made a model by, and where it is."""

    folder: Path
    recipe: Recipe


@dataclass(frozen=True)
class Trained:
    """A trained model and its data.

    Attributes:
        model: What came out.
        train: The samples that it was trained on.
        held_out: Those that it was not; those that it was if none were held out.
        has_held_out: Whether any were.
        metrics: What was measured of it, as in a run's `metrics.json`.
        log: A row an epoch; or why there is none, in words.
        seed: Of samples.
        batch_size: Samples of a training step, if known.
        origin: The run that it is from, if it is from one.
    """

    model: Autoencoder
    train: Samples
    held_out: Samples
    has_held_out: bool
    metrics: Mapping[str, Any]
    log: Sequence[Mapping[str, float]] | str = ()
    seed: int = 0
    batch_size: int | None = None
    origin: Run | None = None

    @property
    def others(self) -> str:
        """What the samples are called that the report is made with."""
        return "held-out" if self.has_held_out else "training"

    @property
    def things(self) -> str:
        """What its samples are."""
        if self.train.tokenizer:
            return "sentences"
        if isinstance(self.train, TableSamples):
            return "rows"
        return "images" if self.train.is_image else "samples"

    @property
    def is_written(self) -> bool:
        """Whether its samples are read: sentences, or rows of a table."""
        return self.things in ("sentences", "rows")

    def read(self, x: Tensor, *, drawn: bool = False) -> tuple[list[str], list[list[str]]]:
        """What samples say.

        Args:
            x: Samples, of a run that `is_written`.
            drawn: Whether a prior's, whose categories are drawn, or real or reconstructed ones.

        Returns:
            Columns; and of each sample its cells.
        """
        if self.train.tokenizer:
            return ["sentence"], [[line] for line in self.train.tokenizer.decode(x.tolist())]
        assert isinstance(self.train, TableSamples)
        columns = self.train.columns
        table = columns.draw(x.numpy(), seed=self.seed) if drawn else columns.decode(x.numpy())
        cells = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return table.column_names, [["" if c is None else str(c) for c in row] for row in cells]

    @cached_property
    def code(self) -> Float[np.ndarray, "n d"]:
        """Codes of held-out samples, at most so many."""
        return self.model.encode(spread(self.held_out, CODES)).cpu().double().numpy()

    @cached_property
    def diagnosis(self) -> Diagnosis | str:
        """What is wrong with it, or why that cannot be told."""
        others = self.held_out if self.has_held_out else None
        try:
            return self.model.diagnose(
                self.train, others, batch_size=self.batch_size, progress=False
            )
        except ValueError as error:
            return str(error)

    def samples(self, n: int, prior: str | None = None) -> Float[Tensor, "n ..."]:
        """Samples of a prior, always the same."""
        return self.model.sample(n, seed=self.seed, prior=prior).cpu()


def open_run(folder: Path) -> Trained:
    """Read a run.

    Raises:
        FileNotFoundError: If there is no run, it is not finished, or its data are gone.
        ValueError: If one of its files is damaged.
    """
    recipe = read_recipe(folder)
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(
            f"The run in {folder} is not finished: {CONFIG} is missing. Go on with it: "
            f"entropae fit --resume --out {folder}."
        )
    model = load(folder)
    try:
        samples = read_samples(recipe, folder=folder)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(
            f"The data of the run in {folder} are not there: {error} Put them back, or write into "
            "its recipe.yaml where they are now."
        ) from error
    train, held_out = split_samples(recipe, samples)
    try:
        metrics = read_json(folder / METRICS)
    except FileNotFoundError:
        metrics = {}
    try:
        log = read_log(folder / LOG)
    except (OSError, ValueError) as error:
        log = f"There are no curves: {error}"
    return Trained(
        model,
        train,
        held_out,
        recipe.validation > 0,
        metrics,
        log,
        recipe.seed,
        recipe.batch_size,
        Run(folder, recipe),
    )


def of_model(
    model: Autoencoder,
    data: Data | str | Path,
    held_out: Data | str | Path | None = None,
    *,
    log: Sequence[Mapping[str, float]] = (),
    batch_size: int | None = None,
    seed: int = 0,
) -> Trained:
    """A model with networks of one's own, measured: see `entropae.report.write_model`."""
    train = as_samples(data)
    others = train if held_out is None else as_samples(held_out)
    metrics = measure(model, train, others)
    if log:
        metrics |= {"steps": int(log[-1]["step"]), "epochs": int(log[-1]["epoch"])}
    return Trained(model, train, others, held_out is not None, metrics, log, seed, batch_size)


def spread(samples: Samples, most: int) -> Float[Tensor, "m ..."]:
    """All samples, or so many of them at even distances; fewer if they are large."""
    rows = evenly(len(samples), min(most, max(1, NUMBERS // math.prod(samples.shape))))
    return samples.__getitems__(rows.tolist())


def evenly(n: int, most: int) -> Int[np.ndarray, " m"]:
    """All of `n` rows, or so many of them at even distances."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)


def flat(x: Tensor) -> Float[np.ndarray, "n m"]:
    """Samples as rows of numbers."""
    return x.detach().cpu().flatten(1).double().numpy()


def read_json(path: Path) -> dict[str, Any]:
    """What a file of the run says.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is too large, or does not hold named values.
    """
    _check_size(path, LARGEST)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged: it holds no named values. Remove it.")
    return found


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a training's log; cells that are empty or cannot be drawn are left out.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is too large, or no table of numbers by the step.
    """
    _check_size(path, LONGEST)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file, strict=True)
            if "step" not in (table.fieldnames or ()):
                raise ValueError("it has no column `step`")
            # A row that is too long has a list of the rest, which is no number.
            rows = [{name: float(cell) for name, cell in row.items() if cell} for row in table]
    except (csv.Error, ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it.") from error
    rows = [{name: value for name, value in row.items() if abs(value) < DRAWABLE} for row in rows]
    return [row for row in rows if "step" in row]


def series(rows: Sequence[Mapping[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Steps and values of a column, where it has any."""
    points = [(row["step"], row[name]) for row in rows if name in row]
    return [x for x, _ in points], [y for _, y in points]


def _check_size(path: Path, most: int) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there.")
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes, at most {most:,} are read.")


def nearest_training(
    run: Trained, x: Float[Tensor, "n ..."], *, numbers: int = 1 << 28
) -> tuple[Tensor, Tensor, int]:
    """Of each sample the number of the nearest training sample, and the distance to it.

    Args:
        run: Whose training samples to search.
        x: Samples.
        numbers: Read at most so many; of more samples, some at even distances are searched.

    Returns:
        Rows of `run.train`; distances, root mean square over a sample's values, or of sentences
        over their codes'; and how many training samples were searched.
    """

    def seen(some: Tensor) -> Tensor:
        return run.model.encode(some).cpu() if run.train.tokenizer else some.flatten(1)

    size = max(1, math.prod(run.train.shape))
    searched = evenly(len(run.train), max(1, numbers // size))
    x = seen(x)
    best = torch.full((len(x),), torch.inf, dtype=torch.float64)
    row = torch.zeros(len(x), dtype=torch.int64)
    step = max(1, (1 << 24) // size)
    for start in range(0, len(searched), step):
        rows = searched[start : start + step]
        some = seen(run.train.__getitems__(rows.tolist()))
        index = nearest(x, some)[:, 0]
        distance = (x - some[index]).double().square().mean(1).sqrt()
        closer = distance < best
        best = torch.where(closer, distance, best)
        row = torch.where(closer, torch.from_numpy(rows)[index], row)
    return row, best, len(searched)
