"""The contract of a latent, and the constraint that several share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae import ranks


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
    start, full = warmup
    if not 0 <= start <= full <= 1:
        raise ValueError(f"`warmup` must be 0 <= start <= full <= 1: got warmup={warmup}.")
    return start, full


class Coded(NamedTuple):
    """What a latent makes of the encoder's output."""

    code: Tensor  # (n, dim)
    penalties: dict[str, Penalty]


class Latent(nn.Module, ABC):
    """A law asked of the code. Final subclasses are found by their lower-case name.

    A subclass keeps every constructor argument as an attribute of the same name (as scikit-learn's
    estimators do): that is how it is written to a config file and built again.

    Penalties are per dimension of the code, and their weights are relative to the reconstruction:
    training minimises `log(reconstruction) + Σ weight · value`, so a weight says how large a share
    of the reconstruction error may be paid for one unit of the penalty, whatever the data's size,
    range and number of elements. Of a decoder with a likelihood of its own, as of text, training
    minimises nats per dimension: there a weight is nats of likelihood per nat of the penalty.

    Attributes:
        dim: Dimensions of the code.
        norm: How codes are standardised: `Standardize`, or nothing.
        progress: Share of the training that is done, in [0, 1]. `Training` sets it, schedules read
            it. Without `Training` it stays 1: full weight.
    """

    dim: int
    norm: nn.Module
    progress: float = 1.0

    def __init__(self, dim: int) -> None:
        super().__init__()
        if not isinstance(dim, int) or dim < 1:
            raise ValueError(f"`dim` must be a positive integer: got dim={dim!r}.")
        self.dim = dim
        self.norm = nn.Identity()

    @property
    def in_features(self) -> int:
        """How many numbers per sample the encoder must give."""
        return self.dim

    @abstractmethod
    def forward(self, h: Float[Tensor, "n in_features"]) -> Coded:
        """Code and penalties of a batch. In training mode batch statistics, else running ones."""

    def code(self, h: Float[Tensor, "n in_features"]) -> Float[Tensor, "n d"]:
        """The code alone, for where no penalties are asked for."""
        return self(h).code

    def decoder_penalties(self, decoder: nn.Module, code: Tensor) -> dict[str, Penalty]:
        """What is asked of the decoder besides, at the codes of a batch."""
        return {}

    def constrain(self, decoder: nn.Module) -> None:
        """Change the decoder as this latent needs it, in place, when a model is put together."""

    def project(self, code: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Bring codes drawn from a prior to where this latent's codes lie."""
        return code

    def forget(self) -> None:
        """Drop what is remembered of earlier batches: their samples are about to come again."""

    @property
    def least_batch(self) -> int:
        """The smallest training batch that all penalties are defined for."""
        return 2

    def calibrate(self, batches: Iterable[Float[Tensor, "n in_features"]]) -> None:
        """Replace running statistics by those of the whole training set, once fitting ends."""
        if isinstance(self.norm, Standardize):
            self.norm.calibrate(batches)

    @staticmethod
    def known() -> dict[str, type[Latent]]:
        """All latents that have been imported, by their lower-case name."""
        return {kind.__name__.lower(): kind for kind in Latent.__subclasses__()}

    def check(self, h: Tensor) -> None:
        """Raise unless the encoder's output has the shape that this latent takes.

        Raises:
            ValueError: With both shapes, if it has another.
        """
        if h.ndim != 2 or h.shape[1] != self.in_features:
            raise ValueError(
                f"The encoder must return shape (n, {self.in_features}) for "
                f"{type(self).__name__}(dim={self.dim}): got {tuple(h.shape)}. "
                f"End it with nn.Flatten() and nn.Linear(…, {self.in_features})."
            )


def check_weight(weight: float) -> None:
    """Raise unless a penalty's weight is a number from 0.

    Raises:
        ValueError: With the weight.
    """
    if not weight >= 0:
        raise ValueError(f"`weight` must be >= 0: got weight={weight}.")


def precise(h: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """In single precision or better, whatever autocast made of it."""
    return h if h.dtype == torch.float64 else h.float()


class Standardize(nn.Module):
    """Batch normalisation without affine parameters: the constraint of the Entropic AutoEncoder.

    In training every coordinate has exactly mean 0 and variance 1 over the batch, which is that of
    all processes (Ghose, Rashwan and Poupart 2020, section 3); at inference running statistics are
    used. These lag behind the encoder, so `calibrate` takes them from the training set when fitting
    ends. Always in float32 or better. A batch of one has no variance and is normalised by the
    running statistics.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, dim: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.register_buffer("running_mean", torch.zeros(dim))
        self.register_buffer("running_var", torch.ones(dim))

    def forward(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The standardised batch."""
        statistics = self.running_mean, self.running_var
        with torch.autocast(h.device.type, enabled=False):
            if self.training and ranks.place(h)[1] > 1:
                return ranks.batch_norm(
                    precise(h), *statistics, momentum=self.momentum, eps=self.eps
                )
            return nn.functional.batch_norm(precise(h), *statistics, eps=self.eps)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Float[Tensor, "n d"]]) -> None:
        """Set mean and variance to those of all batches together, also of other processes."""
        zero = torch.zeros(len(self.running_mean), dtype=torch.float64)
        moments = Moments(0, zero, zero)
        for h in batches:
            h = h.cpu().double()  # some devices have no double precision
            moments = moments.add(Moments(len(h), h.mean(0), (h - h.mean(0)).square().sum(0)))
        if ranks.count() > 1:
            own = torch.cat([zero.new_tensor([moments.n]), moments.mean, moments.square])
            every = [Moments(int(row[0]), *row[1:].chunk(2)) for row in ranks.gather(own[None])]
            moments = reduce(Moments.add, every)
        if moments.n > 1:
            self.running_mean.copy_(moments.mean)
            self.running_var.copy_(moments.square / (moments.n - 1))


class Moments(NamedTuple):
    """Number of points, their mean, and the sum of their squared differences from it."""

    n: int
    mean: Tensor
    square: Tensor

    def add(self, other: Moments) -> Moments:
        """Of both samples together (Chan, Golub and LeVeque 1983, eq. 1.5)."""
        n = self.n + other.n
        if n == 0:
            return self
        step = other.mean - self.mean
        square = self.square + other.square + step.square() * self.n * other.n / n
        return Moments(n, self.mean + step * other.n / n, square)
