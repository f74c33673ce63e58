"""Networks called, and what is wrong with them said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import Any, Literal

import torch
from torch import Tensor, nn

from entropae.kinds import Kind
from entropae.model.modes import evaluating
from entropae.nn.normalization import in_precision_of

# What torch says of batches of another shape than a network takes.
MISFIT = re.compile(
    r"cannot be multiplied|size of tensor|to have \d+ channels|[Ee]xpected .*input|must match"
    r"|should contain \d+ elements|same dtype|scalar type|values to unpack"
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
# Other ways for samples to lie in memory, as one writes them of arrays and tensors alike.
TURNS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.as_tensor(x).permute(0, 3, 1, 2)": lambda x: x.permute(0, 3, 1, 2),
    "torch.as_tensor(x).permute(0, 2, 3, 1)": lambda x: x.permute(0, 2, 3, 1),
    "x.swapaxes(1, 2)": lambda x: x.swapaxes(1, 2),
    "x[:, None]": lambda x: x[:, None],
    "x.reshape(len(x), -1)": lambda x: x.reshape(len(x), -1),
    "x[None]": lambda x: x[None],
    "[one for batch in x for one in batch]": lambda x: x.flatten(0, 1),
}


def call(
    network: nn.Module, x: Tensor, *, role: Literal["encoder", "decoder"], kind: Kind | None
) -> Tensor:
    """What a network makes of a batch.

    Raises:
        TypeError: If that is no tensor.
        ValueError: If the network cannot take the batch, with what it said; or changes it.
    """
    given = in_precision_of(network, x)
    if any(getattr(part, "inplace", False) for part in network.modules()):
        given = given.clone()  # the batch is still to be compared with, and is somebody's
    version = None if given.is_inference() else given._version
    try:
        made = network(given)
    except (RuntimeError, ValueError) as error:
        if MISFIT.search(str(error)) is None:
            raise
        said = str(error).splitlines()[0]
        what = f" ({kind.describe_size()} each)" if kind is not None and role == "encoder" else ""
        way = next(_ways(network, x, role), WAYS[role])
        raise ValueError(
            f"The {role} cannot take a batch of shape {tuple(x.shape)}{what}: {said}. {way}"
        ) from error
    changed = version is not None and given._version != version
    if changed and given.data_ptr() == x.data_ptr():
        raise ValueError(
            f"The {role} changes its input, which is still needed. Let its forward begin with "
            "x = x.clone()."
        )
    _check_tensor(made, role)
    return made


def _ways(network: nn.Module, x: Tensor, role: str) -> Iterator[str]:
    """Ways to a batch that the network takes, each tried."""
    if role == "encoder":
        if x.is_floating_point() and _takes(network, lambda x: x.long(), x):
            yield "Numbers come in float32: let its forward begin with x = x.long()."
        if x.ndim == 4 and x.shape[1] == 1 and _takes(network, lambda x: x[:, 0], x):
            sides = ", ".join(map(str, x.shape[2:]))  # arrays of images got the axis on the way
            yield f"It takes torch.as_tensor(x).reshape(-1, {sides}): give that."
        for written, turned in TURNS.items():
            if _takes(network, turned, x):
                yield f"It takes {written}: give that."
        return
    d = x.shape[1]
    # Weights of a convolution that goes up have as many rows as their input has channels.
    channels = {len(weight) for weight in network.parameters() if weight.ndim > 2}
    sides = {c: math.isqrt(d // c) for c in sorted(channels, reverse=True)}
    shapes = [(d, 1, 1), (d, 1), *((c, side, side) for c, side in sides.items())]
    for shape in shapes:
        if math.prod(shape) == d and _takes(network, nn.Unflatten(1, shape), x):
            way = f"nn.Sequential(nn.Unflatten(1, {shape}), decoder)"
            yield f"It takes codes of shape {shape}: give {way}."


def _takes(network: nn.Module, turned: Callable[[Tensor], Tensor], x: Tensor) -> bool:
    """Whether a network makes something of each sample of a batch that is turned."""
    try:
        with torch.no_grad(), evaluating(network):
            batch = in_precision_of(network, turned(x))
            return len(network(batch)) == len(batch)
    except (RuntimeError, ValueError, IndexError, TypeError):
        return False


def check_shape(made: Tensor, x: Tensor, code: Tensor) -> None:
    """Raise unless the decoder returned the shape of the samples.

    Raises:
        ValueError: With both shapes, and how it comes to return the other.
    """
    if made.shape == x.shape:
        return
    raise ValueError(
        f"The decoder must return the shape of its input batch, {tuple(x.shape)}: got "
        f"{tuple(made.shape)} from codes of shape {tuple(code.shape)}. "
        + _way_to(tuple(x.shape[1:]), tuple(made.shape[1:]))
    )


def _way_to(shape: Sequence[int], made: Sequence[int]) -> str:
    """How a network that returns samples of one shape comes to return them in another."""
    if math.prod(made) != math.prod(shape):
        return "End it with a layer of that size and nn.Unflatten."
    axes = range(len(made))
    if len(made) == len(shape):
        for order in permutations(axes):
            if [made[i] for i in order] == list(shape):
                turned = ", ".join(str(i + 1) for i in order)
                return (
                    f"Let its forward return y.permute(0, {turned}), if y is what it returns now."
                )
    parts = ["decoder"]
    parts += ["nn.Flatten()"] * (len(made) != 1)
    parts += [f"nn.Unflatten(1, {tuple(shape)})"] * (len(shape) != 1)
    return f"Give nn.Sequential({', '.join(parts)})."


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
