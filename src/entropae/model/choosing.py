"""Which prior the codes follow best: likelihoods of held-out codes, compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.kinds import as_samples
from entropae.kinds.samples import evenly
from entropae.prior import BARE, TITLES

if TYPE_CHECKING:
    from entropae.model.generative import Generative

# Held-out codes that are compared on; a flow's density is dear.
MOST = 500
# From the simplest on: of priors that cannot be told apart, the first is taken.
ORDER = ("normal", "full", "mixture", "flow-matching")


class Likelihood(NamedTuple):
    """How likely held-out codes are under a prior.

    Attributes:
        nats: Mean log-density of a code.
        standard_error: Of that mean.
        behind: By how much the best one's mean is larger.
        behind_error: Standard error of that difference, code by code.
    """

    nats: float
    standard_error: float
    behind: float
    behind_error: float


class Choice(NamedTuple):
    """Priors compared on held-out codes.

    Attributes:
        best: The name of the one that was chosen: the simplest within a standard error of the best.
        codes: How many codes they were compared on.
        likelihoods: Of each, by name. With a head, of the codes before it, where that of N(0, I)
            without it can be told too.
    """

    best: str
    codes: int
    likelihoods: Mapping[str, Likelihood]

    def plain(self) -> dict[str, Any]:
        """As plain values, for a file."""
        found = {name: one._asdict() for name, one in self.likelihoods.items()}
        return {"chosen": self.best, "codes": self.codes, "log_likelihood": found}

    def __str__(self) -> str:
        """A line for each prior."""
        lines = [
            f"{TITLES.get(name, name)}: {one.nats:.2f} ± {one.standard_error:.2f} nats"
            + (" (chosen)" if name == self.best else "")
            for name, one in self.likelihoods.items()
        ]
        head = f"Mean log-likelihood of {self.codes} held-out codes:"
        return "\n".join([head, *lines])


def choose(model: Generative, held_out: Any) -> Choice:
    """Compare the priors of a model on samples that it was not trained on.

    The one-standard-error rule: of all priors whose mean log-density is within a standard error of
    the largest, the simplest.

    References:
        Breiman et al., "Classification and regression trees", 1984, section 3.4.3.
    """
    if isinstance(held_out, Tensor):  # which may be in the order of its classes
        some = held_out[evenly(len(held_out), MOST)]
    else:
        some = as_samples(held_out, kind=model.kind).some(MOST)
    if not len(some):
        raise ValueError("At least 1 held-out sample is needed to compare priors: got none.")
    densities = log_densities(model, model.encode(some, head=False))
    means = {name: float(x.mean()) for name, x in densities.items()}
    largest = max(means, key=lambda name: means[name] if math.isfinite(means[name]) else -math.inf)
    found = {
        name: Likelihood(means[name], _error(x), *_behind(densities[largest], x))
        for name, x in densities.items()
    }
    order = {name: ORDER.index(name) if name in ORDER else len(ORDER) for name in model.priors}
    near = [name for name in model.priors if found[name].behind <= found[name].behind_error]
    best = min(near or ["normal"], key=lambda name: order[name])
    return Choice(best, len(some), found)


@torch.no_grad()
def log_densities(model: Generative, code: Float[Tensor, "n d"]) -> dict[str, Float[Tensor, " n"]]:
    """Log-density of codes, before the head, under each prior; without it, of N(0, I) as well."""
    head, normal = model.head, model.priors["normal"]
    if head is None:
        return {name: prior.log_prob(code).double().cpu() for name, prior in model.priors.items()}
    u = head.to_normal(code)
    volume = head.log_prob(code) - normal.log_prob(u)
    found = {name: prior.log_prob(u) + volume for name, prior in model.priors.items()}
    found[BARE] = normal.log_prob(code)
    return {name: x.double().cpu() for name, x in found.items()}


def _error(x: Tensor) -> float:
    return float(x.std()) / math.sqrt(len(x)) if len(x) > 1 else math.inf


def _behind(best: Tensor, x: Tensor) -> tuple[float, float]:
    difference = best - x
    mean = float(difference.mean())
    return (mean, _error(difference)) if math.isfinite(mean) else (math.inf, 0.0)
