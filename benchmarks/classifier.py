"""A small digit (or clothes) classifier whose features the benchmarks measure distances in.

    python benchmarks/classifier.py DATA [--name mnist]

DATA is a folder with the data set's four IDX files. Trains on the training labels, seed 0, and
keeps the weights as benchmarks/weights/NAME.safetensors. A Fréchet distance in these features is
called "Fréchet distance (NAME classifier)", never FID.
"""

from __future__ import annotations

import argparse
import gzip
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from entropae.kinds import read

WEIGHTS = Path(__file__).parent / "weights"
FEATURES = 128


class Classifier(nn.Module):
    """Two convolutions and a hidden layer of 128 features, for 28×28 grey images in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, FEATURES),
            nn.ReLU(),
        )
        self.classes = nn.Linear(FEATURES, 10)

    def forward(self, x: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 10"]:
        """Logits."""
        return self.classes(self.features(x))


@cache
def trained(name: str) -> Classifier:
    """The classifier of a data set, from its file."""
    classifier = Classifier()
    classifier.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    return classifier.eval()


@torch.no_grad()
def features(name: str, images: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 128"]:
    """Features of images in the classifier of a data set."""
    classifier = trained(name).to(images.device)
    return torch.cat([classifier.features(batch) for batch in images.split(1000)]).cpu()


# For `entropae evaluate --features classifier:mnist`, with this folder on the import path.
mnist = partial(features, "mnist")
fashion_mnist = partial(features, "fashion_mnist")


def read_labels(path: Path) -> Tensor:
    """The labels of an IDX file."""
    return torch.from_numpy(np.frombuffer(gzip.open(path).read(), np.uint8, offset=8).copy()).long()


def read_images(path: Path) -> Float[Tensor, "n 1 28 28"]:
    """All images of a file as one tensor."""
    samples = read(path)
    return samples.first(len(samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", default="mnist")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    images = read_images(options.data / "train-images-idx3-ubyte.gz")
    labels = read_labels(options.data / "train-labels-idx1-ubyte.gz")
    torch.manual_seed(0)
    classifier = Classifier()
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    for epoch in range(options.epochs):
        for batch in torch.randperm(len(images)).split(256):
            optimizer.zero_grad()
            nn.functional.cross_entropy(classifier(images[batch]), labels[batch]).backward()
            optimizer.step()
        print(f"Epoch {epoch + 1} of {options.epochs}.", flush=True)
    classifier.eval()
    images = read_images(options.data / "t10k-images-idx3-ubyte.gz")
    labels = read_labels(options.data / "t10k-labels-idx1-ubyte.gz")
    with torch.no_grad():
        right = torch.cat([classifier(b).argmax(1) for b in images.split(1000)]) == labels
    WEIGHTS.mkdir(exist_ok=True)
    save_file(classifier.state_dict(), WEIGHTS / f"{options.name}.safetensors")
    print(f"Test accuracy {right.float().mean():.4f}.")


if __name__ == "__main__":
    main()
