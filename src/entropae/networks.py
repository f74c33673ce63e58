"""Encoders and decoders. Any pair of modules will do in their place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.text import LSTMDecoder, LSTMEncoder, TransformerDecoder, TransformerEncoder

Output = Literal["sigmoid", "linear"]

# How weights of convolutions lie in memory, and so their outputs: a step takes a fifth less time.
CHANNELS_LAST = torch.channels_last
OUTPUTS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "linear": nn.Identity}


class MLPEncoder(nn.Module):
    """Fully connected encoder for samples of any shape.

    Args:
        shape: Shape of a sample, e.g. `(1, 28, 28)`.
        out_features: Numbers per sample that the latent takes (`latent.in_features`).
        hidden: Sizes of the hidden layers, each followed by a ReLU.
    """

    def __init__(
        self, shape: Sequence[int], out_features: int, *, hidden: Sequence[int] = (512, 256)
    ) -> None:
        super().__init__()
        self.shape, self.out_features, self.hidden = tuple(shape), out_features, tuple(hidden)
        self.layers = _mlp([math.prod(shape), *hidden, out_features])

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n out"]:
        """Samples to `(n, out_features)`."""
        return self.layers(x.flatten(1))


class MLPDecoder(nn.Module):
    """Fully connected decoder to samples of any shape.

    Args:
        shape: Shape of a sample.
        in_features: Dimensions of the code.
        hidden: Sizes of the hidden layers, in the order of the encoder's.
        output: `"sigmoid"` for data in [0, 1], `"linear"` for any other.
        gain: The code is multiplied by it. From few inputs of size 1 a network learns coarse
            features first and fine ones late, if ever; a gain brings them within reach.

    References:
        Tancik et al., "Fourier features let networks learn high frequency functions in low
        dimensional domains", NeurIPS 2020, on that bias and the effect of the inputs' scale.
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        hidden: Sequence[int] = (512, 256),
        output: Output = "sigmoid",
        gain: float = 10.0,
    ) -> None:
        super().__init__()
        if not gain > 0:
            raise ValueError(f"`gain` must be positive: got gain={gain}.")
        self.shape, self.in_features, self.hidden = tuple(shape), in_features, tuple(hidden)
        self.output, self.gain = output, gain
        self.layers = _mlp([in_features, *reversed(self.hidden), math.prod(shape)])
        self.activation = OUTPUTS[output]()

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Codes to samples."""
        return self.activation(self.layers(self.gain * z)).unflatten(1, self.shape)


def _mlp(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class TableDecoder(nn.Module):
    """An `MLPDecoder` of rows of numbers and of categories' probabilities.

    Args:
        groups: Layout of a row: 0 for a number, `n` for the probabilities of `n` states.
        in_features: Dimensions of the code.
        hidden: Sizes of the hidden layers of the encoder, which this has reversed.
    """

    def __init__(
        self, groups: Sequence[int], in_features: int, *, hidden: Sequence[int] = (512, 256)
    ) -> None:
        super().__init__()
        self.groups, self.in_features, self.hidden = tuple(groups), in_features, tuple(hidden)
        if not all(type(group) is int and group >= 0 for group in self.groups):
            raise ValueError(f"`groups` must be whole numbers from 0: got {self.groups}.")
        self.widths = [max(1, group) for group in self.groups]
        shape = (sum(self.widths),)
        self.layers = MLPDecoder(shape, in_features, hidden=hidden, output="linear")

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
        """Codes to rows."""
        parts = self.layers(z).split(self.widths, 1)
        pairs = zip(parts, self.groups, strict=True)
        return torch.cat([part.softmax(1) if group else part for part, group in pairs], 1)


class ConvEncoder(nn.Module):
    """The convolutional encoder that RAE's and EAE's published tables share.

    4×4 convolutions of stride 2, each with batch normalisation and ReLU, channels width · (1, 2, 4,
    8, 8, …), then a linear layer. Four of them up to 64 pixels (fewer below 16, so that a pixel is
    left), one more for each doubling beyond.

    Args:
        shape: Shape of an image, `(channels, height, width)`, height and width from 8 to 256.
        out_features: Numbers per image that the latent takes (`latent.in_features`).
        width: Channels of the first convolution. 128 as published; 16 trains on a CPU.

    References:
        Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, appendix D.
    """

    def __init__(self, shape: Sequence[int], out_features: int, *, width: int = 128) -> None:
        super().__init__()
        channels, height, wide = _image_shape(shape)
        self.shape, self.out_features, self.width = tuple(shape), out_features, width
        deepest = math.floor(math.log2(min(height, wide)))
        stages = min(deepest, 4 + max(0, math.ceil(math.log2(max(height, wide) / 64))))
        sizes = [channels, *(width * min(8, 2**i) for i in range(stages))]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            convolution = nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(fan_out), nn.ReLU()]
        features = sizes[-1] * (height >> stages) * (wide >> stages)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, out_features))
        self.to(memory_format=CHANNELS_LAST)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n out"]:
        """Images to `(n, out_features)`."""
        return self.layers(x)


class ConvDecoder(nn.Module):
    """The convolutional decoder that RAE's and EAE's published tables share.

    A linear layer to 8 · width channels of about 8×8 pixels, 4×4 transposed convolutions of
    stride 2 with batch normalisation and ReLU (two up to 32 pixels, one more for each doubling
    beyond), each halving the channels, and a 4×4 convolution of stride 1. Odd sizes are cropped
    from the next size up.

    Args:
        shape: Shape of an image, `(channels, height, width)`, height and width from 8 to 256.
        in_features: Dimensions of the code.
        width: As the encoder's.
        output: `"sigmoid"` for data in [0, 1], `"linear"` for any other.
    """

    def __init__(
        self,
        shape: Sequence[int],
        in_features: int,
        *,
        width: int = 128,
        output: Output = "sigmoid",
    ) -> None:
        super().__init__()
        channels, height, wide = _image_shape(shape)
        self.shape, self.in_features, self.width = tuple(shape), in_features, width
        self.output = output
        stages = max(2, math.ceil(math.log2(max(height, wide) / 8)))
        start = (8 * width, math.ceil(height / 2**stages), math.ceil(wide / 2**stages))
        sizes = [max(8 * width >> i, 1) for i in range(stages + 1)]
        layers: list[nn.Module] = [
            nn.Linear(in_features, math.prod(start), bias=False),
            nn.Unflatten(1, start),
            nn.BatchNorm2d(start[0]),
            nn.ReLU(),
        ]
        for fan_in, fan_out in pairwise(sizes):
            convolution = nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(fan_out), nn.ReLU()]
        last = nn.Conv2d(sizes[-1], channels, 4)
        self.layers = nn.Sequential(*layers, nn.ZeroPad2d((1, 2, 1, 2)), last)
        self.to(memory_format=CHANNELS_LAST)  # type: ignore[call-overload]
        self.activation = OUTPUTS[output]()

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        """Codes to images."""
        _, height, width = self.shape
        return self.activation(self.layers(z)[..., :height, :width])


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[0] not in (1, 3) or not all(8 <= s <= 256 for s in shape[1:]):
        raise ValueError(
            "Convolutional networks take images of shape (1 or 3, height, width) with height and "
            f"width from 8 to 256: got {tuple(shape)}. Resize the images or use the mlp."
        )
    return shape[0], shape[1], shape[2]


NETWORKS: dict[str, type[nn.Module]] = {
    network.__name__: network
    for network in (
        *(MLPEncoder, MLPDecoder, TableDecoder, ConvEncoder, ConvDecoder),
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
    output: Output = "sigmoid",
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of one kind for samples of a shape.

    Args:
        network: `"mlp"`, `"conv"`, or `"auto"`: convolutions for images of more than 1024 numbers.
            Those of text are made by `text_pair`.
        shape: Shape of a sample.
        in_features: Numbers per sample that the latent takes.
        dim: Dimensions of the code.
        width: Of the convolutions.
        hidden: Of the mlp.
        output: The decoder's last activation.

    Raises:
        ValueError: If these are no networks for such samples.
    """
    if network not in (known := ("auto", "mlp", "conv")):
        raise ValueError(f"`network` must be one of {', '.join(known)}: got {network!r}.")
    if network == "auto":
        network = "conv" if len(shape) == 3 and math.prod(shape) > 1024 else "mlp"
    if network == "mlp":
        encoder = MLPEncoder(shape, in_features, hidden=hidden)
        return encoder, MLPDecoder(shape, dim, hidden=hidden, output=output)
    encoder = ConvEncoder(shape, in_features, width=width)
    return encoder, ConvDecoder(shape, dim, width=width, output=output)


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
        LSTMEncoder(vocabulary, in_features, hidden=hidden),
        LSTMDecoder(
            *(vocabulary, dim),
            length=length,
            hidden=hidden,
            dropout=0.5 if dropout is None else dropout,
            word_dropout=word_dropout,
        ),
    )
