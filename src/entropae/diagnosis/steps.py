"""Whether the training was over before it was done."""

from __future__ import annotations

import math

from entropae.diagnosis.finding import (
    NEGLIGIBLE,
    Check,
    Severity,
    UnmeasuredError,
    Verdict,
    of_error,
)
from entropae.diagnosis.measured import Measured
from entropae.diagnosis.outputs import excess

# Steps: with fewer a schedule may end before anything is learnt. Models that already do as well as
# principal components need fewer, and of few samples more would be learnt by heart.
FEW, FEWER = 500, 100
# What more steps of the same training change.
CHANGES = (
    *("undertrained", "weight_large", "latent_small", "collapse", "batch", "weight_small"),
    *("holes", "correlation", "tails", "shell", "rings", "clusters", "duplicates", "latent_large"),
)


def _steps(measured: Measured) -> Verdict | None:
    history = measured.subject.history
    if history is None:
        raise UnmeasuredError("the log of the training was not given")
    # Without a linear model to compare with, nothing says that it is good enough already.
    behind = not measured.subject.is_numeric or bool(excess(measured, _linear(measured)))
    fall, few = history.fall, (FEW if behind else FEWER) / max(1, history.steps) - 1
    figure = f"there were {history.steps} steps in all; a training takes some thousands"
    if fall > max(few, 0.0):
        figure = (
            f"in the second half of its {history.steps} steps the error still fell by "
            f"{fall / (1 + fall):.0%}"
        )
    effect = max(few, 0.0 if math.isnan(fall) else fall)
    if effect < NEGLIGIBLE:
        return None
    severity = of_error(effect) if behind else Severity.NOTE
    return Verdict(severity, effect, 1.0, figure, explains=CHANGES if behind else ())


def _linear(measured: Measured) -> float:
    return measured.linear_error(measured.dim)


STEPS = Check(
    name="steps",
    title="Too few steps",
    meaning="The training was stopped while it still got better; all else may change with more.",
    how=(
        "By how much the reconstruction error (of held-out samples, if there are any) fell in the "
        f"second half of the training, as a share of what it was at the end; or {FEW} over the "
        f"number of steps, less 1, if that is more. A note, and {FEWER} instead of {FEW}, where "
        "the model already does as well as d principal components."
    ),
    cause="Few epochs of few samples: it is steps that count, not epochs.",
    remedy="Train for four times as many epochs.",
    judge=_steps,
    explains=CHANGES,
)
