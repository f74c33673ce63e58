"""What a run's samples are drawn from: priors fitted to its codes, and the best of them."""

from __future__ import annotations

import warnings
from typing import Any

from entropae.kinds import Samples
from entropae.kinds.labels import labels_of
from entropae.model import Autoencoder
from entropae.prior import FlowMatching, Prior
from entropae.recipe import Recipe

# Training steps below which no codes are worth a flow, and codes too few for one.
FEWEST, CODES = 200, 100
FLOW = "flow-matching"


def fit_priors(
    model: Autoencoder, train: Samples, held_out: Samples | None, recipe: Recipe, steps: int
) -> dict[str, Any]:
    """Fit what samples are drawn from, as the recipe says.

    With `prior: auto` the normal distributions, the mixture and flow matching are compared on
    held-out codes. If flow matching is best it becomes the model's head.

    Args:
        model: A trained model.
        train: Its training samples.
        held_out: Samples that it was not trained on, if there are any.
        recipe: Of the run.
        steps: Training steps of the autoencoder, as steps of a small one.

    Returns:
        What was compared, for `metrics.json`; nothing if nothing was.
    """
    dim, seed = model.latent.dim, recipe.seed
    if len(train) < dim + 1:
        warnings.warn(
            f"Only N(0, I) is there to sample from: the fitted Gaussian and the mixture of codes "
            f"of {dim} dimensions need {dim + 1} training samples, there are {len(train)}. Train "
            "on more, or lower model.latent.dim.",
            stacklevel=3,
        )
        return {}
    labels = labels_of(train) is not None
    flow = FlowMatching.sized(dim, len(train), steps, recipe.flow_steps)
    usual: list[str | Prior] = ["full", "mixture"]
    if recipe.prior == "auto" and held_out is not None:
        learnt = (steps >= FEWEST or recipe.flow_steps) and len(train) >= max(CODES, 4 * dim)
        tried = [*usual, flow] if learnt and model.head is None else usual
        choice = model.choose_prior(train, held_out, tried, labels=labels, seed=seed)
        found = {"codes": choice.plain()}
        if choice.best != FLOW:
            return found
        head = model.priors[FLOW]
        assert isinstance(head, FlowMatching)  # for the type checker
        model.attach(head)
        choice = model.choose_prior(train, held_out, usual, labels=labels, seed=seed)
        return found | {"head": choice.plain()}
    others = [*usual, flow] if recipe.prior == FLOW else usual
    model.fit_priors(train, others, labels=labels, seed=seed)
    model.prior = "normal" if recipe.prior == "auto" else recipe.prior
    return {}
