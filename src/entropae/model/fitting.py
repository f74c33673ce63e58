"""What priors and heads are fitted with, besides codes: labels, and which codes are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from entropae.kinds import Kind, Samples, as_samples
from entropae.kinds.labels import MISSING, classes_of, labels_of, names, say_classes
from entropae.prior import Prior


def options_of(
    data: Any,
    kind: Kind | None,
    prior: Prior,
    labels: bool | Sequence[Any] | None,
    *,
    seed: int,
) -> tuple[Any, dict[str, Any]]:
    """Data read once, and what a prior's `fit` takes besides their codes.

    Raises:
        ValueError: If there are labels, and the prior has no use for them, or the data have none.
    """
    options: dict[str, Any] = {}
    if not isinstance(data, Tensor | Samples):
        data = as_samples(data, kind=kind)
    if prior.held_out and isinstance(data, Samples):
        held_out = data.halves(prior.held_out, seed=seed).held_out
        options["held_out"] = torch.zeros(len(data), dtype=torch.bool)
        options["held_out"][held_out] = True
    if labels is None or labels is False:
        return data, options
    if not prior.conditional:
        raise ValueError(
            f'{type(prior).__name__} knows of no labels: fit "mixture" or "flow-matching" with '
            "them."
        )
    found = labels_of(data) if labels is True else _of_kept(_classes(labels), data)
    if found is None:
        said = "The data came without labels."
        if isinstance(data, Samples) and classes_of(data):
            said = say_classes(data)
        raise ValueError(f"{said} Give others: labels=labels.")
    return data, options | {"labels": found}


def _of_kept(labels: list[str], data: Any) -> list[str]:
    """The labels of those sentences that were kept, if there is one for each that was given."""
    kept = data.kept if isinstance(data, Samples) else None
    if kept is None or len(labels) != len(kept):
        return labels
    return [label for label, here in zip(labels, kept.tolist(), strict=True) if here]


def _classes(labels: Any) -> list[str]:
    """Labels that were given, one for each sample, as texts."""
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    found = names(array)
    gone = sum(one is None or str(one) in (*MISSING, "<NA>") for one in array.tolist())
    if gone:
        raise ValueError(
            f"`labels` has no class for {gone} of {len(array)} samples. Leave these samples out, "
            "or give them a class of their own, such as unknown."
        )
    return found
