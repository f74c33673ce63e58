"""A trained model as its report sees it: what files say, checked, and what the model does."""

from __future__ import annotations

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
from entropae.model.measuring import measure

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
        real_rows: Whether rows of a table's data are shown, which may be of persons.
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
    real_rows: bool = False

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
    real_rows: bool = False,
) -> Trained:
    """A model with networks of your own, measured: see `entropae.report.write_model`."""
    train = as_samples(data, kind=model.kind)
    others = train if held_out is None else as_samples(held_out, kind=train.kind)
    metrics = measure(model, train, others)
    if log:
        metrics |= {"steps": int(log[-1]["step"]), "epochs": int(log[-1]["epoch"])}
    return Trained(
        model,
        train,
        others,
        held_out is not None,
        metrics,
        log,
        seed,
        batch_size,
        real_rows=real_rows,
    )


def series(rows: Sequence[Mapping[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Steps and values of a column, where it has any."""
    points = [(row["step"], row[name]) for row in rows if name in row]
    return [x for x, _ in points], [y for _, y in points]
