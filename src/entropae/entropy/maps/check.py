"""What speaks against an estimate by a map."""

from __future__ import annotations

import math
from typing import NamedTuple

from entropae.entropy.maps.bias import WORTH_A_WARNING, SeenBias, bias_by_rise
from entropae.entropy.maps.choice import Comparison, cross_entropies, has_enough, usable
from entropae.entropy.maps.mapped import Mapped
from entropae.entropy.maps.reference import Sample

NOTHING = SeenBias(0.0, 0.0)


class Check(NamedTuple):
    """The check of an estimate.

    Attributes:
        upper_bound: The least held-out cross-entropy of all references, which exceeds the entropy
            in the mean over samples. NaN if there are too few points.
        reference: Whose it is.
        warnings: What speaks against the estimate, in words.
    """

    upper_bound: float
    reference: str
    warnings: tuple[str, ...]


def check(
    x: Sample,
    found: Mapped,
    method: str,
    comparison: Comparison | None = None,
    *,
    seen: SeenBias = NOTHING,
    taken: bool = False,
    log_unit: float = 0.0,
) -> Check:
    """Hold an estimate against other references, and against itself at other neighbours.

    Args:
        x: The sample.
        found: The estimate.
        method: Its map.
        comparison: Cross-entropies, if they are known.
        seen: The bias that was seen on the map's own reference, and taken away.
        taken: Whether what the rise shows was taken away.
        log_unit: What to add to an entropy of `x` to have it in the user's units.
    """
    n, d = x.shape
    if comparison is None:
        if not has_enough(n, d):
            few = f"n={n} points of d={d} dimensions are too few to check the estimate."
            return Check(math.nan, "", (few,) if d > 1 else ())
        comparison = cross_entropies(x, usable(x))
    best = comparison.best
    bound, error = comparison.bound(best)
    said = [
        _of_rise(found, d, taken),
        _of_fit(seen, method),
        _of_excess(comparison, method, found),
        _of_bound(found, best, bound, error, log_unit),
    ]
    return Check(bound + log_unit, best, tuple(filter(None, said)))


def _of_rise(found: Mapped, d: int, taken: bool) -> str:
    bias = bias_by_rise(found, d)
    if not bias:
        return ""
    sign = "high" if bias > 0 else "low"
    said = (
        f"as if it were {abs(bias):.2f} too {sign}. So much was taken away, and as much again may "
        "be left"
        if taken
        else f"so that the estimate may be too {sign} by about {abs(bias):.1f}"
    )
    return (
        f"The tenth neighbour says {found.rise:+.2f} nats more than the first, where both would "
        f"agree if the map left normal points only, {said}. More points help."
    )


def _of_fit(seen: SeenBias, method: str) -> str:
    if seen.value < max(WORTH_A_WARNING, 2 * seen.standard_error):
        return ""
    return (
        f'Finding the map of method="{method}" in so few points costs: on samples of its own '
        f"reference the estimate is {seen.value:.2f} ± {seen.standard_error:.2f} nats too high. So "
        "much was taken away, and as much again may be left. More points help."
    )


def _of_excess(comparison: Comparison, method: str, found: Mapped) -> str:
    if method not in comparison.losses or comparison.best == method:
        return ""
    gap, error = comparison.excess(method, comparison.best)
    # Distances show a share of what a reference misses, and correct for it.
    unseen = gap * (1 - min(1.0, max(0.0, found.slope)))
    if gap < 3 * error or unseen < WORTH_A_WARNING:
        return ""
    return (
        f'The sample is nearer to the reference of method="{comparison.best}" than to that of '
        f'"{method}", by {gap:.2f} ± {error:.2f} nats on points held out, of which the estimate '
        f'may miss {unseen:.1f}. Use method="{comparison.best}", or method="auto".'
    )


def _of_bound(found: Mapped, best: str, bound: float, error: float, log_unit: float) -> str:
    over = found.value - bound
    if not over > 3 * math.hypot(error, found.variance**0.5):
        return ""
    return (
        f"The estimate is {over:.2f} nats above an upper bound, the cross-entropy "
        f'{bound + log_unit:.2f} ± {error:.2f} of the reference of method="{best}" on points held '
        "out."
    )
