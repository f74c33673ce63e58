"""An estimate as a number, what speaks against it as warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.special import digamma

from entropae.information.dimensions import why_too_many
from entropae.information.formulas import Formula
from entropae.information.mapped import why_off
from entropae.information.result import like
from entropae.information.settled import why_unsettled
from entropae.information.terms import Averaged, Sample, Settings, averaged, sample_of
from entropae.neighbors import warn


def value_of(
    samples: dict[str, Any], settings: Settings, formulas: Mapping[str, Formula], **options: Any
) -> Any:
    """The estimate, a tensor where a sample is one; arguments as of `sample_of`."""
    return like(warned(sample_of(samples, settings, formulas, **options)), *samples.values())


def warned(sample: Sample) -> float:
    """The estimate of a sample whose estimator is chosen."""
    found = averaged(sample)
    if found.terms.tied and sample.method in ("ksg1", "ksg2", "ross"):
        warn_of_ties(found.terms.tied, sample)
    parts = [part.values for part in sample.turn(0)] if found.terms.map else []
    for message in (
        *sample.doubts,
        *sample.warnings,
        why_too_many(sample, found.value, unasked=True),
        why_off(parts, found.terms.map, found.value),
        why_unsettled(sample, found) if _is_strong(sample, found) else None,
    ):
        if message:
            warn(message)
    return found.value


def _is_strong(sample: Sample, found: Averaged) -> bool:
    """Whether so much is found that neighbours may not tell it all: a second look is dear."""
    return found.value > 0.5 * float(digamma(sample.n) - digamma(sample.settings.k))


def warn_of_ties(tied: int, sample: Sample) -> None:
    """Warn that the distribution has no density, and what to do."""
    gao = 'or `method="gao"`, which is made for ties' if "gao" in sample.formulas else ""
    warn(
        f"{tied} of {sample.n} points coincide with k={sample.settings.k} or more others, so the "
        "distribution has no density and the estimate means little. Use "
        f'`resolution="auto"`{", " + gao if gao else ""}.'
    )
