"""The contract of a latent."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from entropae.messages import unknown
from entropae.nn.normalization import Standardize

# Names of the priors that are maps of N(0, I): `entropae.prior.HEADS`.
HEADS = ("flow-matching", "full")


class Penalty(NamedTuple):
    """A named part of the loss: `weight · value` is added to it."""

    value: Tensor  # scalar, per dimension of the code
    weight: float


def ramp(progress: float, start: float, full: float) -> float:
    """0 up to one share of the training, 1 from another on, and linear between."""
    if progress >= full:
        return 1.0
    return max(0.0, (progress - start) / (full - start))


def check_warmup(warmup: Sequence[float]) -> tuple[float, float]:
    """The two shares of the training between which a weight rises.

    Raises:
        ValueError: If they are no shares, or in the wrong order.
    """
    if not isinstance(warmup, tuple | list) or len(warmup) != 2:
        raise ValueError(f"`warmup` must be two shares of the training: got warmup={warmup!r}.")
    start, full = warmup
    if not 0 <= start <= full <= 1:
        raise ValueError(f"`warmup` must be 0 <= start <= full <= 1: got warmup={warmup}.")
    return start, full


class LatentOutput(NamedTuple):
    """What a latent makes of the encoder's output."""

    code: Tensor  # (n, dim)
    penalties: dict[str, Penalty]


class Latent(nn.Module, ABC):
    """A distribution asked of the code. Final subclasses are found by their lower-case name.

    A subclass keeps every constructor argument as an attribute of the same name (as scikit-learn's
    estimators do): that is how it is written to a config file and built again.

    Penalties are per dimension of the code, and their weights are relative to the reconstruction:
    training minimises `log(reconstruction) + Σ weight · value`, so a weight says how large a share
    of the reconstruction error may be paid for one unit of the penalty, whatever the data's size,
    range and number of elements. With a decoder that has a likelihood of its own, as for text,
    training minimises nats per dimension: there a weight is nats of likelihood per nat of the
    penalty.

    Attributes:
        dim: Dimensions of the code.
        constraints: How many equations each code fulfils: it varies in as many dimensions fewer.
        head: Name of the map that `fit` fits to the finished codes, after which `encode` returns
            N(0, I) codes: `"flow-matching"` or `"full"`, which is linear (see
            `Autoencoder.fit_head`); `None` for codes as they are.
        norm: How codes are standardised: `Standardize`, or nothing.
        progress: Share of the training that is done, in [0, 1]. `Training` sets it, schedules read
            it. Without `Training` it stays 1: full weight.
    """

    constraints: ClassVar[int] = 0
    dim: int
    head: str | None
    norm: nn.Module
    progress: float = 1.0

    def __init__(self, dim: int, head: str | None = None) -> None:
        super().__init__()
        if not isinstance(dim, Integral) or dim < 1:
            raise ValueError(f"`dim` must be a positive integer: got dim={dim!r}.")
        if head not in (None, *HEADS):
            raise ValueError(unknown("head", str(head), HEADS))
        self.dim = int(dim)
        self.head = head
        self.norm = nn.Identity()

    @property
    def in_features(self) -> int:
        """How many numbers per sample the encoder must give."""
        return self.dim

    @abstractmethod
    def forward(self, h: Float[Tensor, "n in_features"]) -> LatentOutput:
        """Code and penalties of a batch. In training mode batch statistics, else running ones."""

    def code(self, h: Float[Tensor, "n in_features"]) -> Float[Tensor, "n d"]:
        """The code alone, for where no penalties are asked for."""
        return self(h).code

    def decoder_penalties(self, decoder: nn.Module, code: Tensor) -> dict[str, Penalty]:
        """What is asked of the decoder besides, at the codes of a batch."""
        return {}

    @property
    def constrains(self) -> bool:
        """Whether `constrain` bounds weights, which then cannot start at principal components."""
        return False

    def constrain(self, decoder: nn.Module) -> None:
        """Change the decoder as this latent needs it, in place, when a model is put together."""

    def project(self, code: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Bring codes drawn from a prior to where this latent's codes lie."""
        return code

    def forget(self) -> None:
        """Drop what is remembered of earlier batches: their samples are about to come again."""

    def memory(self) -> dict[str, Tensor | int | float]:
        """What is remembered of earlier batches, for a checkpoint within an epoch."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Remember what `memory` returned."""

    @property
    def settled(self) -> float:
        """Share of the training after which the loss stays what it is."""
        return float(getattr(self, "warmup", (0.0, 0.0))[1])

    @property
    def least_batch(self) -> int:
        """The smallest training batch that the code and all penalties are defined for."""
        return 2 if isinstance(self.norm, Standardize) else 1

    def calibrate(self, batches: Iterable[Float[Tensor, "n in_features"]]) -> None:
        """Replace running statistics by those of the whole training set, once fitting ends."""
        if isinstance(self.norm, Standardize):
            self.norm.calibrate(batches)

    @staticmethod
    def known() -> dict[str, type[Latent]]:
        """All latents that have been imported, by their lower-case name."""
        found: dict[str, type[Latent]] = {}
        unseen = list(Latent.__subclasses__())
        while unseen:
            latent = unseen.pop(0)
            found.setdefault(latent.__name__.lower(), latent)
            unseen += latent.__subclasses__()
        return found

    def check(self, h: Tensor) -> None:
        """Raise unless the encoder's output has the shape that this latent takes.

        Raises:
            ValueError: With both shapes, if it has another.
        """
        if h.ndim != 2 or h.shape[1] != self.in_features:
            raise ValueError(
                f"The encoder must return shape (n, {self.in_features}) for "
                f"{type(self).__name__}(dim={self.dim}): got {tuple(h.shape)}. {self._way(h)}"
            )

    def _way(self, h: Tensor) -> str:
        """How an encoder comes to return what this latent takes, also one that is trained."""
        if h.ndim < 2:
            return "Give a batch, of one sample x[None]."
        ways = []
        if h.ndim > 2:
            ways.append(
                f"Wrap both networks, nn.Sequential(encoder, nn.Flatten()) and nn.Sequential("
                f"nn.Unflatten(1, {tuple(h.shape[1:])}), decoder)"
            )
        if h.ndim == 3 and h.shape[2] == self.in_features:
            ways.append(
                "if x yields batches, give their samples: [one for batch in x for one in batch]"
            )
        numbers = math.prod(h.shape[1:])
        if h.ndim == 2 and numbers == 2 * self.in_features:
            ways.append(
                "Of means and log-variances take the means, nn.Sequential(encoder, Means()), with "
                "a Means whose forward returns h.chunk(2, 1)[0]; or give "
                f'ea.latent.named("vae", dim={self.dim})'
            )
        if numbers != self.in_features:
            dim, rest = divmod(numbers * self.dim, self.in_features)
            fits = f", and make it {type(self).__name__}(dim={dim})" if dim and not rest else ""
            if h.ndim > 2:
                ways[0] += fits
            elif fits:
                ways.append(f"make it {type(self).__name__}(dim={dim})")
            layers = "nn.Flatten() and " if h.ndim > 2 else ""
            layers += f"nn.Linear({numbers}, {self.in_features})"
            ways.append(f"end an encoder yet to be trained with {layers}")
        way = "; or ".join(ways) + "."
        return way[0].upper() + way[1:]


def check_weight(weight: float) -> None:
    """Raise unless a penalty's weight is a number from 0.

    Raises:
        ValueError: With the weight.
    """
    if not (isinstance(weight, Real) and 0 <= weight < math.inf):
        raise ValueError(f"`weight` must be a finite number >= 0: got weight={weight!r}.")
