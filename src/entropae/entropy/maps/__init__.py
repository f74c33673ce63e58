"""Maps that make a sample nearly normal, for entropies without the neighbours' bias.

A map `T` moves the entropy from the neighbours, whose estimate is biased wherever the sample is not
normal, into its derivative, which is known:

    H(X) = H(T(X)) − E log |det ∂T/∂x|.

What is left, `T(X)`, is nearly normal, so that the bias of its estimate is nearly that of normal
samples, which can be simulated and taken away. Each map belongs to a density, its reference, whose
cross-entropy on points held out is an upper bound of the entropy: it tells which map suits.
"""

from entropae.entropy.maps.bias import SeenBias, bias_on_reference, extrapolated
from entropae.entropy.maps.check import Check, check
from entropae.entropy.maps.choice import (
    Comparison,
    choose,
    cross_entropies,
    has_enough,
    usable,
)
from entropae.entropy.maps.estimation import (
    MAPPED,
    Found,
    check_calibrated,
    mapped_entropy,
    mapped_points,
    say_repeats,
)
from entropae.entropy.maps.mapped import MAPS, Mapped, mapped

__all__ = [
    "MAPPED",
    "MAPS",
    "Check",
    "Comparison",
    "Found",
    "Mapped",
    "SeenBias",
    "bias_on_reference",
    "check",
    "check_calibrated",
    "choose",
    "cross_entropies",
    "extrapolated",
    "has_enough",
    "mapped",
    "mapped_entropy",
    "mapped_points",
    "say_repeats",
    "usable",
]
