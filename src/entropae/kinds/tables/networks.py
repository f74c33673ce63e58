"""Networks for rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from entropae.kinds.samples import Samples
from entropae.nn import MLPEncoder, TableDecoder, default_hidden
from entropae.nn.table import entropies_of

ENOUGH = 100_000  # rows whose entropies tell those of all


def networks(
    groups: Sequence[int], config: Any, latent: Any, samples: Samples
) -> tuple[nn.Module, nn.Module]:
    """Fully connected ones, the decoder with probabilities of categories.

    Args:
        groups: Layout of a row as a vector, see `Columns.groups`.
        config: What a recipe says of the model.
        latent: Of the model.
        samples: Rows to be trained on.

    Raises:
        ValueError: If other networks are asked for.
    """
    if config.network not in ("auto", "mlp"):
        raise ValueError(f"`--model.network` must be mlp for a table: got {config.network}.")
    some = samples.some(ENOUGH)
    entropies = [round(h, 6) for h in entropies_of(groups, some.first(len(some)))]
    hidden = default_hidden(len(samples)) if config.hidden is None else config.hidden
    options: dict[str, Any] = {"hidden": hidden, "linear": config.start != "random"}
    return (
        MLPEncoder(samples.shape, latent.in_features, **options),
        TableDecoder(tuple(groups), latent.dim, entropies=entropies, **options),
    )
