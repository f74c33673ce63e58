"""Encoders and decoders by name, and pairs of them that fit a sample's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from entropae.nn.architectures import decoder_of, encoder_of, suited
from entropae.nn.convolutions import ConvDecoder, ConvEncoder
from entropae.nn.lstm import LSTMDecoder, LSTMEncoder
from entropae.nn.mlp import GAIN, LINEAR_GAIN, MLPDecoder, MLPEncoder, Output
from entropae.nn.residual import ResidualDecoder, ResidualEncoder
from entropae.nn.scaling import ScaledDecoder, ScaledEncoder, Scaling
from entropae.nn.table import TableDecoder
from entropae.nn.transformer import TransformerDecoder, TransformerEncoder

NETWORKS: dict[str, type[nn.Module]] = {
    network.__name__: network
    for network in (
        *(MLPEncoder, MLPDecoder, ScaledEncoder, ScaledDecoder, TableDecoder),
        *(ConvEncoder, ConvDecoder),
        *(ResidualEncoder, ResidualDecoder),
        *(LSTMEncoder, LSTMDecoder, TransformerEncoder, TransformerDecoder),
    )
}


def pair(
    network: str,
    shape: Sequence[int],
    in_features: int,
    dim: int,
    *,
    width: int = 16,
    hidden: Sequence[int] = (512, 256),
    output: Output | None = None,
    linear: bool = False,
    dropout: float = 0.0,
    scaling: Scaling | None = None,
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of one kind for samples of a shape.

    Args:
        network: `"mlp"`, `"conv"`, `"residual"`, or `"auto"`: conv for images of more than 1024
            numbers and 8 to 256 pixels a side, else mlp. Those of text are made by `text_pair`.
        shape: Shape of a sample.
        in_features: Numbers per sample that the latent takes.
        dim: Dimensions of the code.
        width: Of the convolutions: channels of the first, which grow in the course of the
            network; a quarter of those of the residual decoder, which do not.
        hidden: Of the mlp, and of the residual encoder.
        output: The decoder's last activation; by default a sigmoid of images (three axes), which
            then are of values from 0 to 1, and none of other samples.
        dropout: Likewise.
        linear: A linear path beside the layers of both, for `nn.start_at_components`.
        scaling: Where values lie and how far they spread, if they are not of about size 1; the
            decoder then has no last activation.

    Raises:
        ValueError: If these are no networks for such samples.
    """
    network = suited(network, shape)
    if output is None:
        output = "sigmoid" if len(shape) == 3 else "linear"
    gain = LINEAR_GAIN if linear else GAIN
    options: dict[str, Any] = {"width": width, "hidden": hidden}
    options |= {"linear": linear, "dropout": dropout}
    if scaling is None:
        return (
            encoder_of(network, shape, in_features, **options),
            decoder_of(network, shape, dim, output=output, gain=gain, **options),
        )
    encoder = ScaledEncoder(shape, in_features, network=network, **options)
    decoder = ScaledDecoder(shape, dim, network=network, gain=gain, **options)
    encoder.set(scaling)
    decoder.set(scaling)
    return encoder, decoder


def text_pair(
    network: str,
    vocabulary: int,
    length: int,
    in_features: int,
    dim: int,
    *,
    hidden: int = 256,
    dropout: float | None = None,
    word_dropout: float = 0.0,
    linear: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of one kind for sentences.

    Args:
        network: `"lstm"`, which `"auto"` is too, or `"transformer"`.
        vocabulary: Number of tokens.
        length: Tokens of a sentence at most, its end included.
        in_features: Numbers per sample that the latent takes.
        dim: Dimensions of the code.
        hidden: Numbers per token.
        dropout: In training; by default 0.5 of the lstm's decoder, 0.1 of the transformers.
        word_dropout: Share of the tokens that are hidden from the decoder in training.
        linear: Of the lstm, a linear path beside the cells of both, for
            `kinds.text.start_from_counts`.

    Raises:
        ValueError: If these are no networks for sentences.
    """
    if network not in (known := ("auto", "lstm", "transformer")):
        raise ValueError(f"`network` must be one of {', '.join(known)}: got {network!r}.")
    if network == "transformer":
        share = 0.1 if dropout is None else dropout
        return (
            TransformerEncoder(
                vocabulary, in_features, length=length, hidden=hidden, dropout=share
            ),
            TransformerDecoder(
                *(vocabulary, dim),
                length=length,
                hidden=hidden,
                dropout=share,
                word_dropout=word_dropout,
            ),
        )
    return (
        LSTMEncoder(vocabulary, in_features, hidden=hidden, linear=linear),
        LSTMDecoder(
            *(vocabulary, dim),
            length=length,
            hidden=hidden,
            dropout=0.5 if dropout is None else dropout,
            word_dropout=word_dropout,
            linear=linear,
        ),
    )
