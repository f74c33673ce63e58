"""Where training starts from: the principal components of the training samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.kinds import Samples, as_samples
from entropae.metrics.principal import PrincipalComponents, leading_components
from entropae.model.autoencoder import Autoencoder
from entropae.nn import ScaledDecoder, start_at_components

# Samples, and numbers of all together, that components are taken from at most: of more, some.
MOST = 20_000
NUMBERS = 1 << 28
# Numbers that are held in memory as one tensor between the passes.
HELD = 1 << 26
# Of each sample, where samples are changed at random.
COPIES = 4


def components_of(
    samples: Samples,
    most: int,
    *,
    seed: int = 0,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> PrincipalComponents:
    """The principal components of samples as points; of at most 20 000, evenly spaced.

    Args:
        samples: The samples.
        most: How many components.
        seed: Of the search for them, and of random changes.
        augment: Changes a batch at random, as in training: then the components are those of four
            changed copies of each sample (fewer of more than 5000 samples).
    """
    numbers = math.prod(samples.shape)
    some = samples.some(max(2, min(MOST, NUMBERS // numbers)))
    copies = 1 if augment is None else max(1, min(COPIES, MOST // len(some)))
    whole = some.first(len(some)) if len(some) * numbers <= HELD else None

    points = samples.points

    def parts() -> Iterator[Tensor]:
        size = max(1, (1 << 22) // numbers)
        for start in range(0, len(some), size):
            rows = range(start, min(start + size, len(some)))
            yield some.__getitems__(rows) if whole is None else whole[start : start + size]

    def batches() -> Iterator[Tensor]:
        for i, part in enumerate(parts()):
            for copy in range(copies):
                yield points(part if augment is None else changed(part, i, copy))

    def changed(part: Tensor, i: int, copy: int) -> Tensor:
        """The same at each pass, since the search goes over the samples several times."""
        assert augment is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + (i * COPIES + copy) * 1_000_003)
            return augment(part)

    return leading_components(batches, most, seed=seed)


def start_from_pca(
    model: Autoencoder, data: Any, *, seed: int = 0, found: PrincipalComponents | None = None
) -> Autoencoder:
    """Let a model of networks with linear paths start as principal component analysis.

    Its code is the whitened principal components of the data, its reconstruction that of principal
    component analysis with as many components as the code has dimensions. Training goes on from
    there, so that it needs fewer steps, above all on few samples.

    Args:
        model: With built-in networks made with `linear=True`; it is changed in place.
        data: The training samples, as `fit` takes them.
        seed: Of the search for components of samples with over 1024 numbers.
        found: The components, if they are known.

    Returns:
        The model itself.

    Raises:
        ValueError: If a network has no linear path.

    References:
        Tipping and Bishop, "Probabilistic principal component analysis", JRSS B 1999: of a linear
        model with normal codes, the maximum of the likelihood.

    Examples:
        >>> import torch
        >>> from entropae.latent import Entropic
        >>> from entropae.nn import MLPDecoder, MLPEncoder
        >>> x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> encoder = MLPEncoder((4,), 4, linear=True)
        >>> decoder = MLPDecoder((4,), 4, linear=True, output="linear")
        >>> model = start_from_pca(Autoencoder(encoder, decoder, Entropic(4)), x).eval()
        >>> bool((model.reconstruct(x) - x).abs().max() < 1e-3)
        True
    """
    if found is None:
        scaling = model.decoder.scaling if isinstance(model.decoder, ScaledDecoder) else None
        samples = replace(as_samples(data, validation=0), scaling=scaling)
        found = components_of(samples, model.latent.dim, seed=seed)
    dim = model.latent.dim
    deviations = found.variances[:dim].sqrt()
    start_at_components(model.encoder, model.decoder, found.mean, found.axes[:dim], deviations)
    return model


def pca_error(samples: Samples, found: PrincipalComponents, dim: int, *, clip: bool) -> float:
    """Squared error per value of a reconstruction from principal components.

    Args:
        samples: Any but those that the components were taken from.
        found: The components.
        dim: How many of them.
        clip: Whether reconstructions are clipped to [0, 1], as networks' are.
    """
    return float(pca_errors(samples, found, dim, clip=clip).mean())


def pca_errors(
    samples: Samples, found: PrincipalComponents, dim: int, *, clip: bool = False
) -> Float[Tensor, " n"]:
    """`pca_error`, of each sample."""
    mean, axes = found.mean.float(), found.axes[:dim].float()
    errors, size = [], max(1, (1 << 22) // len(mean))
    for start in range(0, len(samples), size):
        rows = range(start, min(start + size, len(samples)))
        x = samples.points(samples.__getitems__(rows))
        again = mean + (x - mean) @ axes.T @ axes
        again = again.clamp(0, 1) if clip else again
        errors.append((again - x).double().square().mean(1))
    return torch.cat(errors)
