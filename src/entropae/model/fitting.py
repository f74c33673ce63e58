"""What priors and heads are fitted with, besides codes: labels, and which codes are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from entropae.kinds import Kind, Samples, as_samples
from entropae.prior import Prior

# A class of fewer samples has no distribution that could be told from them.
LEAST = 10


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
    found = labels_of(data) if labels is True else names(labels)
    if found is None:
        raise ValueError(
            f"The data came without labels, or with fewer than {LEAST} samples of a class. Give "
            "others: labels=labels."
        )
    return data, options | {"labels": found}


def labels_of(data: Any) -> list[str] | None:
    """The classes that samples came with.

    `None` if they came with none, with numbers that are no classes, or with too few of a class.
    """
    if not isinstance(data, Samples) or data.labels is None:
        return None
    labels = data.labels if data.index is None else data.labels[data.index]
    found = names(labels) if labels.dtype.kind in "iubUSO" else []
    sizes = Counter(found).values()
    return found if len(sizes) > 1 and min(sizes) >= LEAST else None


def names(labels: Any) -> list[str]:
    """Labels as texts; whole numbers without a point."""
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    return [
        str(int(x)) if isinstance(x, float) and x.is_integer() else str(x) for x in array.tolist()
    ]
