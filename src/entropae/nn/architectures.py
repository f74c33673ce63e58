"""Encoders and decoders by the name of their architecture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from entropae.nn.convolutions import SIDES, ConvDecoder, ConvEncoder
from entropae.nn.mlp import GAIN, MLPDecoder, MLPEncoder, Output
from entropae.nn.residual import ResidualDecoder, ResidualEncoder

ARCHITECTURES = ("mlp", "conv", "residual")
# Numbers of a sample above which convolutions have fewer weights than fully connected layers.
MANY = 1024


def suited(network: str, shape: Sequence[int]) -> str:
    """The architecture of that name; of `"auto"`, one for samples of a shape.

    Raises:
        ValueError: If there is none of that name.
    """
    if network == "auto":
        image = len(shape) == 3 and all(SIDES[0] <= side <= SIDES[1] for side in shape[1:])
        return "conv" if image and math.prod(shape) > MANY else "mlp"
    if network not in ARCHITECTURES:
        known = ", ".join(("auto", *ARCHITECTURES))
        raise ValueError(f"`network` must be one of {known}: got {network!r}.")
    return network


def encoder_of(
    network: str,
    shape: Sequence[int],
    out_features: int,
    *,
    width: int,
    hidden: Sequence[int],
    linear: bool,
    dropout: float,
) -> MLPEncoder | ConvEncoder | ResidualEncoder:
    """An encoder; options that its architecture does not have are left out: see `nn.pair`."""
    if network == "mlp":
        return MLPEncoder(shape, out_features, hidden=hidden, linear=linear, dropout=dropout)
    if network == "conv":
        return ConvEncoder(shape, out_features, width=width, linear=linear)
    return ResidualEncoder(shape, out_features, hidden=hidden, linear=linear, dropout=dropout)


def decoder_of(
    network: str,
    shape: Sequence[int],
    in_features: int,
    *,
    width: int,
    hidden: Sequence[int],
    output: Output,
    linear: bool,
    dropout: float,
    gain: float = GAIN,
) -> MLPDecoder | ConvDecoder | ResidualDecoder:
    """A decoder; options that its architecture does not have are left out: see `nn.pair`."""
    if network == "mlp":
        return MLPDecoder(
            *(shape, in_features),
            hidden=hidden,
            output=output,
            linear=linear,
            gain=gain,
            dropout=dropout,
        )
    if network == "conv":
        return ConvDecoder(shape, in_features, width=width, output=output, linear=linear)
    return ResidualDecoder(shape, in_features, width=4 * width, output=output, linear=linear)
