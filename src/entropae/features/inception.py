"""The Inception network of the FID, built here so that no image library is needed for it.

Layers and the names of the weights are those of `weights-inception-2015-12-05-6726825d.pth`, the
conversion of TensorFlow's network that torch-fidelity and pytorch-fid publish.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 299


class Inception(nn.Sequential):
    """Inception v3 of 2015-12-05 up to its 2048 pooled features, with random weights.

    References:
        Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
        Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017 (the FID).
    """

    def __init__(self) -> None:
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": _conv(3, 32, 3, stride=2),
            "Conv2d_2a_3x3": _conv(32, 32, 3),
            "Conv2d_2b_3x3": _conv(32, 64, 3, padding=1),
            "MaxPool_1": nn.MaxPool2d(3, 2),
            "Conv2d_3b_1x1": _conv(64, 80, 1),
            "Conv2d_4a_3x3": _conv(80, 192, 3),
            "MaxPool_2": nn.MaxPool2d(3, 2),
            "Mixed_5b": _fine(192, 32),
            "Mixed_5c": _fine(256, 64),
            "Mixed_5d": _fine(288, 64),
            "Mixed_6a": _to_middle(288),
            "Mixed_6b": _middle(128),
            "Mixed_6c": _middle(160),
            "Mixed_6d": _middle(160),
            "Mixed_6e": _middle(192),
            "Mixed_7a": _to_coarse(768),
            "Mixed_7b": _coarse(1280, _mean_pool()),
            # The network of 2015 takes the maximum here; the means leave the padding out.
            "Mixed_7c": _coarse(2048, nn.MaxPool2d(3, 1, padding=1)),
            "AvgPool": nn.AdaptiveAvgPool2d(1),
            "Flatten": nn.Flatten(),
        }
        super().__init__(OrderedDict(layers))


def load_inception(path: str | Path, *, sha256: str = SHA256) -> Inception:
    """The network with the weights of a file.

    Args:
        path: `weights-inception-2015-12-05-6726825d.pth` (torch-fidelity) or
            `pt_inception-2015-12-05-6726825d.pth` (pytorch-fid), which are the same file.
        sha256: What the file must hash to. With any other weights a distance is not an FID.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not the one asked for.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There are no Inception weights at {path}.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} must be the standard FID Inception's weights, with SHA-256 {sha256}: got "
            f"{found}. Distances with other weights are no FID."
        )
    weights = torch.load(path, map_location="cpu", weights_only=True)
    network = Inception()
    # What follows the pooled features is not built.
    network.load_state_dict({k: v for k, v in weights.items() if not k.startswith("fc.")})
    return network.eval()


def inception_input(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 299 299"]:
    """Images in [0, 1] as the network was trained on them: 8 bits, TensorFlow's resizing, ±1."""
    x = (x.clamp(0, 1) * 255).round().expand(-1, 3, -1, -1)
    return (resize(x, SIZE) - 128) / 128


def resize(x: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c size size"]:
    """Bilinear interpolation as TensorFlow 1 has it: pixel i of the result lies at i · old/new.

    No interpolation of torch's does that: they put the centres, or the corners, of both images on
    each other.
    """
    for axis in (3, 2):
        place = torch.arange(size, device=x.device, dtype=torch.float32) * (x.shape[axis] / size)
        low = place.long()
        high = (low + 1).clamp(max=x.shape[axis] - 1)
        below, above = x.index_select(axis, low), x.index_select(axis, high)
        x = below + (above - below) * (place - low).reshape([-1] + [1] * (3 - axis))
    return x


class Mixed(nn.Module):
    """Parallel paths through named layers, their results side by side.

    A path is the names of its layers in order. Where a name is `a+b`, layers a and b take the same
    input, and their results lie side by side.
    """

    def __init__(self, layers: dict[str, nn.Module], *paths: str) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.paths = [path.split() for path in paths]

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """All paths' channels."""
        results = []
        for path in self.paths:
            y = x
            for names in path:
                y = torch.cat([self.get_submodule(name)(y) for name in names.split("+")], 1)
            results.append(y)
        return torch.cat(results, 1)


def _conv(
    fan_in: int, out: int, kernel: int | tuple[int, int], *, stride: int = 1, padding: int | str = 0
) -> nn.Sequential:
    layers = {
        "conv": nn.Conv2d(fan_in, out, kernel, stride, padding, bias=False),
        "bn": nn.BatchNorm2d(out, eps=1e-3),
        "relu": nn.ReLU(),
    }
    return nn.Sequential(OrderedDict(layers))


def _mean_pool() -> nn.Module:
    return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)


def _fine(fan_in: int, pooled: int) -> Mixed:
    """35×35 pixels."""
    layers = {
        "branch1x1": _conv(fan_in, 64, 1),
        "branch5x5_1": _conv(fan_in, 48, 1),
        "branch5x5_2": _conv(48, 64, 5, padding=2),
        "branch3x3dbl_1": _conv(fan_in, 64, 1),
        "branch3x3dbl_2": _conv(64, 96, 3, padding=1),
        "branch3x3dbl_3": _conv(96, 96, 3, padding=1),
        "pool": _mean_pool(),
        "branch_pool": _conv(fan_in, pooled, 1),
    }
    return Mixed(
        layers,
        "branch1x1",
        "branch5x5_1 branch5x5_2",
        "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3",
        "pool branch_pool",
    )


def _to_middle(fan_in: int) -> Mixed:
    layers = {
        "branch3x3": _conv(fan_in, 384, 3, stride=2),
        "branch3x3dbl_1": _conv(fan_in, 64, 1),
        "branch3x3dbl_2": _conv(64, 96, 3, padding=1),
        "branch3x3dbl_3": _conv(96, 96, 3, stride=2),
        "pool": nn.MaxPool2d(3, 2),
    }
    return Mixed(layers, "branch3x3", "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3", "pool")


def _middle(c: int) -> Mixed:
    """17×17 pixels."""
    row, column = (1, 7), (7, 1)
    layers = {
        "branch1x1": _conv(768, 192, 1),
        "branch7x7_1": _conv(768, c, 1),
        "branch7x7_2": _conv(c, c, row, padding="same"),
        "branch7x7_3": _conv(c, 192, column, padding="same"),
        "branch7x7dbl_1": _conv(768, c, 1),
        "branch7x7dbl_2": _conv(c, c, column, padding="same"),
        "branch7x7dbl_3": _conv(c, c, row, padding="same"),
        "branch7x7dbl_4": _conv(c, c, column, padding="same"),
        "branch7x7dbl_5": _conv(c, 192, row, padding="same"),
        "pool": _mean_pool(),
        "branch_pool": _conv(768, 192, 1),
    }
    return Mixed(
        layers,
        "branch1x1",
        "branch7x7_1 branch7x7_2 branch7x7_3",
        "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5",
        "pool branch_pool",
    )


def _to_coarse(fan_in: int) -> Mixed:
    layers = {
        "branch3x3_1": _conv(fan_in, 192, 1),
        "branch3x3_2": _conv(192, 320, 3, stride=2),
        "branch7x7x3_1": _conv(fan_in, 192, 1),
        "branch7x7x3_2": _conv(192, 192, (1, 7), padding="same"),
        "branch7x7x3_3": _conv(192, 192, (7, 1), padding="same"),
        "branch7x7x3_4": _conv(192, 192, 3, stride=2),
        "pool": nn.MaxPool2d(3, 2),
    }
    return Mixed(
        layers,
        "branch3x3_1 branch3x3_2",
        "branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4",
        "pool",
    )


def _coarse(fan_in: int, pool: nn.Module) -> Mixed:
    """8×8 pixels."""
    row, column = (1, 3), (3, 1)
    layers = {
        "branch1x1": _conv(fan_in, 320, 1),
        "branch3x3_1": _conv(fan_in, 384, 1),
        "branch3x3_2a": _conv(384, 384, row, padding="same"),
        "branch3x3_2b": _conv(384, 384, column, padding="same"),
        "branch3x3dbl_1": _conv(fan_in, 448, 1),
        "branch3x3dbl_2": _conv(448, 384, 3, padding=1),
        "branch3x3dbl_3a": _conv(384, 384, row, padding="same"),
        "branch3x3dbl_3b": _conv(384, 384, column, padding="same"),
        "pool": pool,
        "branch_pool": _conv(fan_in, 192, 1),
    }
    return Mixed(
        layers,
        "branch1x1",
        "branch3x3_1 branch3x3_2a+branch3x3_2b",
        "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a+branch3x3dbl_3b",
        "pool branch_pool",
    )
