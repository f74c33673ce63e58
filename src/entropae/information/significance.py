"""Is there any dependence? Permutations that keep everything but it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from entropae.information.counting import nearest_points
from entropae.information.formulas import CONDITIONAL
from entropae.information.parallel import mapped
from entropae.information.parts import Part
from entropae.information.search import groups
from entropae.information.terms import Sample

# Rows of like `z` that a row may change places with, itself included (Runge 2018).
NEAR = 5
Order = Int[np.ndarray, " n"]


class Significance(NamedTuple):
    """What an estimate would be without dependence.

    Attributes:
        p_value: Share of the permutations with at least the estimate, which counts as one of them.
        null: The estimates of the permutations, sorted, in nats.
    """

    p_value: float
    null: Float[np.ndarray, " permutations"]


def permutation_test(
    sample: Sample,
    permutations: int,
    *,
    seed: int = 0,
    parallel: bool = True,
    progress: bool = False,
) -> Significance:
    """A p-value for information above 0, from samples of which one part is permuted.

    With `T` the estimate and `T_b` those of B samples of which the first part is permuted,

        p = (1 + #{b: T_b ≥ T}) / (1 + B).

    Independent rows are permuted freely. Series, of which `exclude` is not 0, are shifted round in
    time by more than `exclude`, which keeps what each of them is like along time. Where `z` is
    given, a row changes places with one of the 5 rows whose `z` is nearest, in its class if there
    are classes, and so both dependences on `z` are kept.

    Args:
        sample: What is estimated.
        permutations: B.
        seed: Of the permutations.
        parallel: Whether to use all processors.
        progress: Whether to show a bar.

    References:
        Runge, AISTATS 2018 (PMLR 84) 938, algorithm 1, for the local permutation.
        Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39, for counting the estimate.
    """
    if sample.method == "none":
        return Significance(1.0, np.zeros(permutations))
    parts = sample.turn(0)
    own = float(sample.terms(parts).values.mean())
    draw = _drawing(sample, parts)

    def permuted(number: int) -> float:
        order = draw(np.random.default_rng([seed, number, 1]))
        return float(sample.terms([parts[0].take(order), *parts[1:]]).values.mean())

    if parallel:
        found = mapped(permuted, range(permutations), name="Permutations", progress=progress)
    else:
        found = [permuted(number) for number in range(permutations)]
    null = np.sort(np.array(found))
    # A sum in another order is not larger by its rounding.
    above = int((null >= own - 1e-12).sum())
    return Significance((1 + above) / (1 + permutations), null)


def _drawing(sample: Sample, parts: list[Part]) -> Callable[[np.random.Generator], Order]:
    """What draws the orders that a sample's first part may as well be in."""
    n, exclude = len(parts[0]), sample.settings.exclude
    if sample.formulas is CONDITIONAL:
        return _local(parts[2])
    if exclude:
        return lambda rng: np.roll(np.arange(n), rng.integers(exclude + 1, n - exclude))
    return lambda rng: rng.permutation(n)


def _local(z: Part) -> Callable[[np.random.Generator], Order]:
    """Orders in which rows have changed places with rows of like `z`."""
    n = len(z)
    own_class = list(groups(z.classes, n))
    if z.is_discrete:

        def within(rng: np.random.Generator) -> Order:
            order = np.arange(n)
            for rows in own_class:
                order[rows] = rng.permutation(rows)
            return order

        return within
    near = np.arange(n)[:, None].repeat(NEAR, 1)
    for rows in own_class:
        some = min(NEAR, len(rows))
        if some > 1:
            found = nearest_points(z.values[rows], some - 1, z.period)
            near[rows, 1:some] = rows[found]
    return lambda rng: _restricted(near, rng)


def _restricted(near: Int[np.ndarray, "n k"], rng: np.random.Generator) -> Order:
    """For each row one of those near to it, none twice as far as that can be."""
    choices = rng.permuted(near, axis=1).tolist()
    taken = [False] * len(near)
    order = [0] * len(near)
    for row in rng.permutation(len(near)).tolist():
        chosen = choices[row][-1]
        for one in choices[row]:
            if not taken[one]:
                chosen = one
                break
        taken[chosen] = True
        order[row] = chosen
    return np.array(order)
