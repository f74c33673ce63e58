"""Reconstruction errors to train on besides the squared one, each positive, so that it has a log.

What is minimised is the logarithm of the error (see `total_loss`): each of these is therefore the
likelihood of a distribution whose scale is fitted, and λ has the same meaning with all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from entropae import distributed
from entropae.features import check
from entropae.features.maps import distance_of_maps, efficientnet_maps
from entropae.kinds import Samples
from entropae.messages import unknown
from entropae.model.autoencoder import Autoencoder
from entropae.model.output import ErrorFunction, squared_error
from entropae.nn.normalization import precise

# The square of a step of 8 bits, in values from 0 to 1.
STEP = 255.0**-2


def absolute_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Absolute error of each element: the likelihood of a Laplace distribution of fitted scale."""
    return (precise(reconstruction) - precise(x)).abs()


def gaussian_error(reconstruction: Tensor, x: Tensor, *, floor: float = STEP) -> Tensor:
    """The likelihood of a normal distribution whose variance is fitted for each element.

    The geometric mean, over the elements of a sample, of the batch's mean squared errors σ², whose
    logarithm is twice the negative log-likelihood per value, less log 2πe (see `nats_per_value`).
    What is hard to reconstruct everywhere counts less, and what is easy more, than in the squared
    error, which has one variance for all.

    Args:
        reconstruction: Shape `(n, …)`.
        x: The same shape.
        floor: Added to each variance, so that elements without any error, as black corners, do not
            count without limit. By default the square of a step of 8 bits.

    References:
        Rybkin et al., "Simple and effective VAE training with calibrated decoders", ICML 2021,
        section 4, there of one variance.

    Examples:
        >>> x = torch.zeros(2, 2)
        >>> again = torch.tensor([[0.1, 1.0], [0.1, 1.0]])
        >>> round(float(gaussian_error(again, x, floor=0)), 3)
        0.1
    """
    squared = squared_error(reconstruction, x)
    variances = distributed.average(squared.mean(0), len(x)) + floor
    return variances.log().mean().exp()


def perceptual_error(size: int = 64) -> ErrorFunction:
    """Squared error and distance of feature maps: their geometric mean.

    A given relative gain counts the same in either. The features are of early blocks of
    EfficientNet-Lite0; the network is no part of the model.

    Args:
        size: Pixels that images are resized to for it. Their values are in [0, 1].

    Raises:
        ImportError: If the package with its weights is not installed.
    """
    maps = efficientnet_maps(size)

    def error(reconstruction: Float[Tensor, "n c h w"], x: Float[Tensor, "n c h w"]) -> Tensor:
        with torch.no_grad():
            wanted = maps(precise(x))
        features = distance_of_maps(maps(precise(reconstruction)), wanted)
        both = torch.stack([features, squared_error(reconstruction, x).mean()])
        # Its logarithm has a gradient where nothing is left of one of them, its root has not.
        return (both + torch.finfo(both.dtype).tiny).log().mean().exp()

    return error


ERRORS: Mapping[str, Callable[[], ErrorFunction]] = {
    "squared": lambda: squared_error,
    "l1": lambda: absolute_error,
    "gaussian": lambda: gaussian_error,
    "perceptual": perceptual_error,
}


def make_error(name: str) -> ErrorFunction:
    """A reconstruction error by its name.

    Raises:
        ValueError: If there is none by that name.
        ImportError: If it needs a package that is not installed.
    """
    if name not in ERRORS:
        raise ValueError(unknown("error", name, ERRORS))
    return ERRORS[name]()


def check_error(name: str) -> None:
    """Raise what `make_error` would, before any work is done."""
    if name not in ERRORS:
        raise ValueError(unknown("error", name, ERRORS))
    if name == "perceptual":
        check("efficientnet-lite0")


def check_suits(name: str, model: Autoencoder, samples: Samples) -> None:
    """Raise unless a model of such samples can be trained on this error.

    Raises:
        ValueError: If its decoder has an error of its own, or the samples no features.
    """
    if name == "squared":
        return
    if hasattr(model.decoder, "error") or hasattr(model.decoder, "nll"):
        raise ValueError(
            f"`model.error` must be squared for {samples.kind.things}, which have an error of "
            f"their own: got {name}."
        )
    bounded = getattr(model.decoder, "output", "linear") != "linear"
    if name == "perceptual" and not (samples.kind.view == "image" and bounded):
        raise ValueError(
            "`model.error` can be perceptual for images with values in [0, 1] only: got "
            f"{samples.kind.things} of {samples.kind.describe_size()}. Take l1."
        )


def nats_per_value(gaussian: float) -> float:
    """Negative log-likelihood per value, in nats, where `gaussian_error` is this.

    Examples:
        >>> import math
        >>> round(nats_per_value(1 / (2 * math.pi * math.e)), 6)
        0.0
    """
    return 0.5 * math.log(2 * math.pi * math.e * gaussian)
