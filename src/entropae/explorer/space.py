"""A trained latent space as the explorer sees it: codes, their principal axes, and what is near."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.drawing.palette import shades
from entropae.kinds.base import Kind
from entropae.kinds.labels import classes_of
from entropae.kinds.samples import Samples
from entropae.metrics.principal import principal_components
from entropae.model import Autoencoder
from entropae.neighbors import nearest
from entropae.nn import mixed_units
from entropae.prior import TITLES, fitted

AXES = 8
# On the map; of more, thumbnails cannot be told apart and the page gets heavy.
SHOWN = 1000


class Axes(NamedTuple):
    """Principal axes of codes, the longest first."""

    mean: Float[np.ndarray, " d"]
    vectors: Float[np.ndarray, "a d"]
    scales: Float[np.ndarray, " a"]  # standard deviations along them
    shares: Float[np.ndarray, " a"]  # of the total variance


def principal_axes(code: Float[np.ndarray, "n d"], most: int = AXES) -> Axes:
    """Principal axes of codes, each with its largest component positive.

    Args:
        code: Codes, at least two of them different.
        most: At most so many axes.

    Returns:
        As many axes as the codes vary in, up to `most`.

    Raises:
        ValueError: If the codes all coincide.

    Examples:
        >>> axes = principal_axes(np.array([[1.0, 0.0], [1.0, 4.0], [1.0, 2.0]]))
        >>> axes.vectors, axes.scales
        (array([[0., 1.]]), array([2.]))
    """
    found = principal_components(torch.from_numpy(np.asarray(code)))
    mean, vectors, values = (part.numpy() for part in found)
    if not len(values):
        raise ValueError("All codes coincide: there is no space to explore. Train the model.")
    shares = values / values.sum()
    vectors, values = vectors[:most], values[:most]
    largest = vectors[np.arange(len(vectors)), np.abs(vectors).argmax(1)]
    vectors = vectors * np.sign(largest)[:, None] + 0.0  # no negative zeros
    return Axes(mean, vectors, np.sqrt(values), shares[:most])


class Space:
    """A model, its training samples and their codes.

    Args:
        model: A trained model.
        samples: Training samples, in the shape that its encoder takes.
        title: What the page is called.

    Raises:
        ValueError: If there are fewer than two samples, they are no numbers (as tokens of a text),
            or their codes are not finite or coincide.
    """

    def __init__(self, model: Autoencoder, samples: Samples, *, title: str) -> None:
        if len(samples) < 2:
            raise ValueError(f"At least 2 samples are needed: got {len(samples)}.")
        if samples.kind.view is None:
            raise ValueError(unseen(samples.kind, "report.write_model(model, data)"))
        self.model = model.eval()
        self.samples = samples
        self.title = title
        self.codes = model.encode(samples).cpu()
        if not self.codes.isfinite().all():
            raise ValueError("Some training samples have codes that are not finite. Train again.")
        self.axes = principal_axes(self.codes.numpy())
        self.on_map = np.linspace(0, len(samples) - 1, min(SHOWN, len(samples))).astype(int)

    @property
    def shown(self) -> Float[Tensor, "m ..."]:
        """The samples on the map."""
        return self.samples.__getitems__(self.on_map.tolist())

    @property
    def classes(self) -> dict[str, Any] | None:
        """Names and colours of the classes, and which one each sample on the map is of."""
        labels = classes_of(self.samples.subset(self.on_map))
        colours = shades(labels)
        if labels is None or not colours:
            return None
        names = list(colours)
        numbers = [names.index(label) for label in labels]
        return {"names": names, "colours": list(colours.values()), "numbers": numbers}

    @property
    def start(self) -> int:
        """The sample on the map whose code is nearest to the mean, to open the page with.

        What the mean itself decodes to is often grey: it is of no sample.
        """
        code = self.codes[self.on_map].double()
        return int((code - torch.from_numpy(self.axes.mean)).norm(dim=1).argmin())

    @property
    def units(self) -> dict[str, list[float]] | None:
        """Mean and scale of each value, where they are in mixed units and drawn in their own."""
        scaling = mixed_units(self.model.decoder)
        return scaling and {name: part.tolist() for name, part in scaling._asdict().items()}

    @property
    def dim(self) -> int:
        """Dimensions of the code."""
        return self.model.latent.dim

    def decode(self, code: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Samples of codes, which are first brought to where the latent's codes lie."""
        code = code.to(self.model.device)
        if self.model.head is None:
            code = self.model.latent.project(code)
        return self.model.decode(code).cpu()

    def encode(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Codes of samples."""
        return self.model.encode(x).cpu()

    def draw(self, prior: str, n: int, *, seed: int | None = None) -> Float[Tensor, "n d"]:
        """Codes drawn from a fitted prior.

        Raises:
            ValueError: If that prior has not been fitted.
        """
        prior = fitted(prior, self.model.priors)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        with torch.no_grad():
            code = self.model.priors[prior].sample(n, generator=generator)
            return (code if self.model.head else self.model.latent.project(code)).cpu()

    def neighbours(
        self, code: Float[Tensor, " d"], k: int
    ) -> tuple[Int[Tensor, " k"], Float[Tensor, " k"]]:
        """The training samples whose codes are nearest, and how far they are."""
        k = min(k, len(self.codes))
        index = nearest(code[None].float(), self.codes, k, method="differences")[0]
        return index, (self.codes[index].double() - code.double()).norm(dim=1)

    def describe(self) -> dict[str, Any]:
        """All that the page needs to draw the map, as plain values."""
        priors = self.model.priors
        return {
            "title": self.title,
            "shape": list(self.samples.shape),
            "image": self.samples.kind.view == "image",
            "range": list(self.samples.kind.range),
            "units": self.units,
            "dim": self.dim,
            "samples": len(self.samples),
            "axes": {name: value.tolist() for name, value in self.axes._asdict().items()},
            "codes": pack(self.codes[self.on_map]),
            "classes": self.classes,
            "thumbnails": self.samples.kind.thumbnails(self.shown),
            "priors": [{"name": name, "title": TITLES.get(name, name)} for name in priors],
            "prior": self.model.prior,
            "start": self.start,
        }


def unseen(kind: Kind, report: str) -> str:
    """Why samples of a kind cannot be explored, and what writes the report that shows them."""
    return (
        f"{kind.things.capitalize()} cannot be explored or exported: the explorer shows images, "
        f"and numbers as lines. A report shows them: {report}"
    )


def pack(values: Tensor) -> str:
    """Numbers as base64 of little-endian float32, row by row."""
    return base64.b64encode(values.detach().cpu().numpy().astype("<f4").tobytes()).decode()
