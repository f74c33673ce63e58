"""What a finding is: its kind, what was measured, and how bad it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from entropae.diagnosis.measured import Measured

# What is an order of magnitude below something else, in amplitude, is lost beside it.
NEGLIGIBLE = 0.1
# Chance that a flawless model gets any finding that is a test, all tests together.
LEVEL = 0.01
# More than this share is most.
MOST = 0.5


class Severity(IntEnum):
    """How much a finding spoils samples or reconstructions."""

    NOTE = 0
    WARNING = 1
    SERIOUS = 2

    @property
    def word(self) -> str:
        """In lower case."""
        return self.name.lower()


class Verdict(NamedTuple):
    """What a finding's measurement came to."""

    severity: Severity
    value: float  # the effect
    threshold: float  # the effect from which it is serious
    figure: str  # what was measured, in words
    explains: tuple[str, ...] | None = None  # likewise: what it was measured to account for


class UnmeasuredError(Exception):
    """A finding cannot be told from these data; the message says why."""


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong with an autoencoder.

    Attributes:
        name: How programs call it.
        title: How people do.
        meaning: What it means for samples and reconstructions.
        how: How it is measured, with the formula.
        cause: What usually brings it about.
        remedy: What to do, in general.
        judge: From the measurements to a verdict; `None` if there is nothing to report.
        explains: Names of findings that this one may bring with it. They are listed after it if
            they are no worse.
    """

    name: str
    title: str
    meaning: str
    how: str
    cause: str
    remedy: str
    judge: Callable[[Measured], Verdict | None]
    explains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with this autoencoder.

    Attributes:
        name: The kind's.
        title: The kind's.
        severity: How bad it is.
        figure: What was measured, in words.
        value: The effect.
        threshold: The effect from which it is serious.
        cause: What probably brings it about.
        remedy: What to do, given what the model has.
        follows_from: Name of another finding that probably is the reason for this one, or `""`.
        settings: Of the recipe, by their names with dots, that follow the remedy.
        prior: What to sample from instead, if that is the remedy.
    """

    name: str
    title: str
    severity: Severity
    figure: str
    value: float
    threshold: float
    cause: str
    remedy: str
    follows_from: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    prior: str = ""


def of_error(ratio: float) -> Severity:
    """Severity of a displacement, as a squared error over the model's own reconstruction error.

    It is serious where it moves outputs by more than the model's own error does.
    """
    return _of(ratio, serious=1.0, warning=NEGLIGIBLE)


def of_share(share: float) -> Severity:
    """Severity of something that befalls a share of the samples: serious if it does most."""
    return _of(share, serious=MOST, warning=NEGLIGIBLE)


def _of(value: float, *, serious: float, warning: float) -> Severity:
    return Severity((value >= warning) + (value >= serious))
