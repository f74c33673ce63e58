"""Networks called, and what is wrong with them said."""

from __future__ import annotations

import re
from typing import Any, Literal

from torch import Tensor, nn

from entropae.kinds import Kind
from entropae.nn.normalization import in_precision_of

# What torch says of batches of another shape than a network takes.
MISFIT = re.compile(
    r"cannot be multiplied|size of tensor|to have \d+ channels|[Ee]xpected .*input|must match"
    r"|same dtype|scalar type"
)

PICKED = {
    "encoder": ", of a distribution its mean: encoder(x).latent_dist.mean, encoder(x)[0]",
    "decoder": ": decoder(z).sample, decoder(z)[0]",
}
WAYS = {
    "encoder": "Change its first layer, or the shape or type of the samples.",
    "decoder": (
        "Change its first layer; of one that takes codes of a shape (c, h, w), give "
        "nn.Sequential(nn.Unflatten(1, (c, h, w)), decoder)."
    ),
}


def call(
    network: nn.Module, x: Tensor, *, role: Literal["encoder", "decoder"], kind: Kind | None
) -> Tensor:
    """What a network makes of a batch.

    Raises:
        TypeError: If that is no tensor.
        ValueError: If the network cannot take the batch, with what it said.
    """
    try:
        made = network(in_precision_of(network, x))
    except RuntimeError as error:
        if MISFIT.search(str(error)) is None:
            raise
        said = str(error).splitlines()[0]
        what = f" ({kind.describe_size()} each)" if kind is not None and role == "encoder" else ""
        raise ValueError(
            f"The {role} cannot take a batch of shape {tuple(x.shape)}{what}: {said}. {WAYS[role]}"
        ) from error
    _check_tensor(made, role)
    return made


def _check_tensor(made: Any, role: str) -> None:
    """Raise unless a network returned one tensor."""
    if isinstance(made, Tensor):
        return
    held = f" with {', '.join(map(repr, made))}" if isinstance(made, dict) else ""
    held = f" of {len(made)}" if isinstance(made, tuple | list) else held
    what = "codes" if role == "encoder" else "samples"
    raise TypeError(
        f"The {role} must return one tensor of {what}: got a {type(made).__name__}{held}. "
        f"Wrap it in a module whose forward picks the one that is meant{PICKED[role]}."
    )
