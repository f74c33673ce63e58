"""What a training run says of the model that came out."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from entropae.kinds import Samples
from entropae.metrics import normality
from entropae.model.autoencoder import Autoencoder
from entropae.model.errors import gaussian_error, nats_per_value
from entropae.model.output import error_function

# Which neighbour the entropy of the finished code is measured with.
NEIGHBOUR = 3
MOST = 10_000  # samples
BATCH = 512  # of them, for the error that was trained on


def measure(model: Autoencoder, train: Samples, held_out: Samples) -> dict[str, Any]:
    """Reconstruction errors and the normality of the code, on training and on held-out samples.

    Where the model was trained on another error than the squared one or the decoder's own, that is
    in `reconstruction`, as in the log; in `nats_per_value` too if it is a `gaussian_error`.

    `code` is left out with a warning if there are too few samples for a third neighbour, or no more
    than dimensions, of which no distribution can be seen.
    """
    result: dict[str, Any] = {}
    for name, samples in (("train", train), ("validation", held_out)):
        some = samples.some(MOST)
        result[name] = {"samples": len(some), **some.kind.figures(model, some)}
        if model.error is not error_function(model.decoder):
            result[name] |= _trained_on(model, some)
        least = max(NEIGHBOUR, model.latent.dim)
        if len(some) <= least:
            warnings.warn(
                f"How normal the code of the {name} samples is, is left out: that takes more than "
                f"{least} samples, there are {len(some)}. Train on more, or hold out a larger "
                "share (validation).",
                stacklevel=3,
            )
            continue
        result[name]["code"] = normality(model.encode(some), k=NEIGHBOUR)._asdict()
    return result


def _trained_on(model: Autoencoder, samples: Samples) -> dict[str, float]:
    """The error that a model was trained on, of one large batch."""
    x = samples.spread(BATCH)
    with torch.no_grad():
        error = float(model.error(model.reconstruct(x).cpu(), x).mean())
    found = {"reconstruction": error}
    if model.error is gaussian_error:
        found["nats_per_value"] = nats_per_value(error)
    return found
