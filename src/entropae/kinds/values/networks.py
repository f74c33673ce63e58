"""Networks of samples that are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from entropae.kinds.samples import Samples
from entropae.latent import Latent
from entropae.nn import FEW, default_hidden, pair
from entropae.recipe import ModelConfig

if TYPE_CHECKING:
    from entropae.kinds.base import Kind


def networks(
    kind: Kind, config: ModelConfig, latent: Latent, samples: Samples
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder, see `Kind.networks`."""
    some = samples.first(1024)
    bounded = bool(((some >= 0) & (some <= 1)).all())
    linear = config.start != "random"
    light = config.network == "auto" and linear and len(samples) < FEW
    dropout = kind.dropout if linear else 0.0
    return pair(
        kind.light if light else config.network,
        kind.shape,
        latent.in_features,
        latent.dim,
        width=config.width,
        hidden=default_hidden(len(samples)) if config.hidden is None else config.hidden,
        output=("clip" if linear else "sigmoid") if bounded else "linear",
        linear=linear,
        dropout=dropout if config.dropout is None else config.dropout,
        scaling=samples.scaling,
    )
