"""A trained model as its report sees it: what files say, checked, and what the model does."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from entropae.diagnosis import Diagnosis
from entropae.kinds import Samples, as_samples
from entropae.model import Autoencoder
from entropae.training.measuring import measure

# Bytes that files beside the model may have, so that no folder of a stranger's fills the memory.
LARGEST = 1 << 22
LONGEST = 1 << 26  # a log of many epochs
DRAWABLE = 1e30  # beyond which nothing can be drawn
# More codes make no distribution plainer to the eye.
CODES = 5000


class Origin(NamedTuple):
    """The folder that `entropae fit` made a model in, and its recipe as plain values."""

    folder: Path
    settings: Mapping[str, Any]


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
    origin: Origin | None = None

    @property
    def others(self) -> str:
        """What the samples are called that the report is made with."""
        return "held-out" if self.has_held_out else "training"

    @property
    def things(self) -> str:
        """What its samples are called."""
        return self.train.kind.things

    @cached_property
    def code(self) -> Float[np.ndarray, "n d"]:
        """Codes of held-out samples, at most so many."""
        return self.model.encode(self.held_out.spread(CODES)).cpu().double().numpy()

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
        """What the decoder makes of codes from a prior, always the same."""
        return self.model.draw(n, seed=self.seed, prior=prior).cpu()


def of_model(
    model: Autoencoder,
    data: Any,
    held_out: Any = None,
    *,
    log: Sequence[Mapping[str, float]] = (),
    batch_size: int | None = None,
    seed: int = 0,
) -> Trained:
    """A model with networks of your own, measured: see `entropae.report.write_model`."""
    train = as_samples(data, kind=model.kind)
    others = train if held_out is None else as_samples(held_out, kind=train.kind)
    metrics = measure(model, train, others)
    if log:
        metrics |= {"steps": int(log[-1]["step"]), "epochs": int(log[-1]["epoch"])}
    return Trained(model, train, others, held_out is not None, metrics, log, seed, batch_size)


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
