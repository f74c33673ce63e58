"""Feature maps of a trained network, by which images can be compared in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.features.efficientnet import load_efficientnet, prepared

# Blocks whose outputs are taken: edges, textures, and parts of things, at 1/2, 1/4 and 1/8.
BLOCKS = (0, 2, 4)

Maps = Callable[[Tensor], list[Tensor]]


def efficientnet_maps(size: int = 64) -> Maps:
    """Outputs of three early blocks of EfficientNet-Lite0, with gradient.

    Args:
        size: Pixels that images, of values in [0, 1], are resized to.

    Raises:
        ImportError: If the package with its weights is not installed.
    """
    network: nn.Module = load_efficientnet().requires_grad_(False)

    def maps(x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        part: Any = network.to(x.device)
        h = part._swish(part._bn0(part._conv_stem(prepared(x, size))))
        found = []
        for i, block in enumerate(part._blocks[: BLOCKS[-1] + 1]):
            h = block(h)
            if i in BLOCKS:
                found.append(h)
        return found

    return maps


def distance_of_maps(a: list[Tensor], b: list[Tensor]) -> Float[Tensor, ""]:
    """Mean squared difference of feature maps whose vectors at each place have norm 1.

    References:
        Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric",
        CVPR 2018, equation 1, with equal weights.
    """
    parts = [
        (nn.functional.normalize(one, dim=1) - nn.functional.normalize(other, dim=1))
        .square()
        .sum(1)
        .mean()
        for one, other in zip(a, b, strict=True)
    ]
    return torch.stack(parts).mean()
