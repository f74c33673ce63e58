"""What a training run says of the model that came out."""

from __future__ import annotations

import warnings
from typing import Any

from entropae.kinds import Samples
from entropae.metrics import normality
from entropae.model.autoencoder import Autoencoder

# Which neighbour the entropy of the finished code is measured with.
NEIGHBOUR = 3
MOST = 10_000  # samples


def measure(model: Autoencoder, train: Samples, held_out: Samples) -> dict[str, Any]:
    """Reconstruction errors and the normality of the code, on training and on held-out samples.

    `code` is left out with a warning if there are too few samples for a third neighbour, or no more
    than dimensions, of which no distribution can be seen.
    """
    result: dict[str, Any] = {}
    for name, samples in (("train", train), ("validation", held_out)):
        some = samples.some(MOST)
        result[name] = {"samples": len(some), **some.kind.figures(model, some)}
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
