"""The recipe as dataclasses, and objects to and from plain settings. Imports nothing heavy."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")


@dataclass
class ModelConfig:
    """What is trained.

    Args:
        network: "mlp", "conv", or "auto": conv for images of over 1024 numbers.
        width: Channels of the first convolution; the published tables have 128.
        hidden: Sizes of the hidden layers of the mlp's encoder; the decoder has them reversed.
        latent: Name of the latent and its options, e.g. --model.latent.dim 32.
    """

    network: Literal["auto", "mlp", "conv"] = "auto"
    width: int = 16
    hidden: tuple[int, ...] = (512, 256)
    latent: dict[str, Any] = field(default_factory=lambda: {"name": "entropic", "dim": 16})


@dataclass
class TrainerConfig:
    """Where and in what precision it is trained; handed to Lightning's Trainer as it is.

    Args:
        accelerator: "auto", "cpu" or "gpu".
        devices: Processes or GPUs per machine.
        num_nodes: Machines.
        strategy: Lightning's, for several processes: "auto" is "ddp".
        accumulate_grad_batches: Batches whose gradients are averaged before a step.
        precision: "32-true", "bf16-mixed" or "16-mixed". The latent is in float32 in all of them.
    """

    accelerator: str = "auto"
    devices: int | Literal["auto"] = 1
    num_nodes: int = 1
    strategy: str = "auto"
    accumulate_grad_batches: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass
class Recipe:
    """All that a training run depends on.

    Args:
        data: A folder of images, an .npy, .npz or IDX file, or digits, mnist, fashion-mnist.
        size: Crop images to a square and resize them to so many pixels.
        channels: 1 for grey, 3 for colour; by default what the images have.
        strict: Stop at the first unreadable file instead of leaving it out.
        validation: Share of the samples that is kept from training.
        epochs: Passes over the training samples; by default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step, over all processes together.
        learning_rate: Adam's, at its highest, after a rise over the first twentieth of the steps.
        decay: How the learning rate falls to 0 (cosine) or to 1 % (exponential) over the training.
        seed: Of the split, the weights, the order of the samples and all else that is random.
        compile: Compile the networks (torch.compile): minutes at first, then faster steps.
        model: Networks and latent.
        trainer: Devices and precision.
    """

    data: str = "digits"
    size: int | None = None
    channels: Literal[1, 3] | None = None
    strict: bool = False
    validation: float = 0.1
    epochs: int | None = None
    batch_size: int = 256
    learning_rate: float = 3e-3
    decay: Literal["cosine", "exponential", "none"] = "cosine"
    seed: int = 0
    compile: bool = False
    model: ModelConfig = field(default_factory=ModelConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A message for a name that is not among the known ones, with the nearest of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {what} {name!r}: known are {', '.join(names)}.{hint}"


def settings(thing: object) -> dict[str, Any]:
    """Constructor arguments of an object that keeps each as an attribute of the same name."""
    names = inspect.signature(type(thing)).parameters
    return {name: _plain(getattr(thing, name)) for name in names}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def build(known: Mapping[str, type[T]], config: Mapping[str, Any], what: str) -> T:
    """Make the object that `{"name": …, option: value, …}` describes.

    Args:
        known: Classes by name. Only these can be built, whatever a file says.
        config: A name and the constructor's arguments.
        what: What is built, for messages.

    Raises:
        ValueError: If the name or an option is unknown, or an option is missing.
    """
    options = dict(config)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(unknown(what, str(name), known))
    parameters = inspect.signature(known[name]).parameters
    for option in options:
        if option not in parameters:
            raise ValueError(unknown(f"option of {what} {name!r}:", option, parameters))
    for option, parameter in parameters.items():
        if parameter.default is parameter.empty and option not in options:
            raise ValueError(f"The {what} {name!r} needs the option {option!r}.")
    return known[name](**options)
