"""Networks that start where principal component analysis ends.

For linear networks and normal data, whitened principal components maximise the entropy of the code
at the least squared error. A network with a linear path beside its layers (`linear=True`) can start
there, and learns only what principal components lack.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.nn.convolutions import ConvDecoder, ConvEncoder
from entropae.nn.mlp import MLPDecoder, MLPEncoder
from entropae.nn.residual import ResidualDecoder, ResidualEncoder
from entropae.nn.scaling import Scaled, ScaledDecoder, ScaledEncoder, Scaling
from entropae.nn.table import TableDecoder

# Frequency below which a category is not taken as rarer, so that its logit stays moderate.
RAREST = 1e-3


def has_linear_path(network: nn.Module) -> bool:
    """Whether a network can start at principal components."""
    return getattr(network, "direct", None) is not None or (
        isinstance(network, TableDecoder | Scaled) and bool(network.linear)
    )


def linear_weights(model: nn.Module) -> list[nn.Parameter]:
    """Those of linear paths beside convolutions, which learn more slowly than these."""
    networks = [m for m in model.modules() if isinstance(m, ConvEncoder | ConvDecoder)]
    return [weight for one in networks if one.direct for weight in one.direct.parameters()]


@torch.no_grad()
def start_at_components(
    encoder: nn.Module,
    decoder: nn.Module,
    mean: Float[Tensor, " m"],
    axes: Float[Tensor, "r m"],
    deviations: Float[Tensor, " r"],
) -> None:
    """Let a pair with linear paths encode to whitened principal components and decode from them.

    The linear paths are set, the last of the layers beside them become 0, so that the pair
    reconstructs as principal component analysis does. Probabilities of categories, which are no
    linear map of the code, agree with it to first order about their frequencies. Coordinates of
    the code beyond the components keep their random start.

    Args:
        encoder: With a linear path.
        decoder: With a linear path.
        mean: Of the samples; with networks of values in mixed units, of their points, as the rest.
        axes: The components, unit vectors, no more than the code has dimensions.
        deviations: Standard deviations of the samples along them.

    Raises:
        ValueError: If a network has no linear path.
    """
    if isinstance(encoder, ScaledEncoder) and isinstance(decoder, ScaledDecoder):
        mean, deviations = _standardized(decoder.scaling, mean, deviations)
        encoder, decoder = encoder.layers, decoder.layers
    slope, centre = axes, mean
    if isinstance(decoder, TableDecoder) and decoder.linear:
        slope, centre = _logits(decoder, mean, axes)
        decoder = decoder.layers
    for network in (encoder, decoder):
        if not has_linear_path(network):
            raise ValueError(
                f"{type(network).__name__} has no linear path to start from: make it with "
                "linear=True."
            )
    # For the type checker.
    assert isinstance(encoder, MLPEncoder | ConvEncoder | ResidualEncoder)
    assert isinstance(decoder, MLPDecoder | ConvDecoder | ResidualDecoder)
    assert encoder.direct is not None
    assert decoder.direct is not None
    r = len(axes)
    whitening = axes / deviations[:, None]
    encoder.direct.weight[:r] = whitening.to(encoder.direct.weight)
    encoder.direct.bias[:r] = -(whitening @ mean).to(encoder.direct.bias)
    encoder.direct.weight[r:] = 0
    encoder.direct.bias[r:] = 0
    last = encoder.layers[-1]
    for weights in last.parameters():
        weights[:r] = 0
    decoder.direct.weight[:, :r] = (slope * deviations[:, None]).T.to(decoder.direct.weight)
    decoder.direct.weight[:, r:] = 0
    decoder.direct.bias.copy_(centre)
    for weights in decoder.layers[-1].parameters():
        weights.zero_()


def _standardized(scaling: Scaling, mean: Tensor, deviations: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviations of samples as the layers inside see them; of points they are these."""
    if scaling.is_mixed:
        return mean, deviations
    return (mean - scaling.mean) / scaling.scale, deviations / scaling.scale[0]


def _logits(
    decoder: TableDecoder, mean: Float[Tensor, " m"], axes: Float[Tensor, "r m"]
) -> tuple[Tensor, Tensor]:
    """Slope and centre of the linear path, logits for categories.

    The softmax of log p + δ/p is p + δ to first order, where δ sums to 0 over the states.
    """
    slopes, centres = [], []
    for group, p, axis in zip(
        decoder.groups, mean.split(decoder.widths), axes.split(decoder.widths, 1), strict=True
    ):
        p = p.clamp_min(RAREST) if group else p
        slopes.append(axis / p if group else axis)
        centres.append(p.log() if group else p)
    return torch.cat(slopes, 1), torch.cat(centres)
