"""What is asked of the code: a class per method.

An autoencoder is an encoder, a latent and a decoder. The latent turns the encoder's output `h` into
the code `z` that the decoder gets, and says what its law is asked to be, as named penalties.
Everything else about a method is the same for all, so adding one is adding a class here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.entropy import entropy_of_distances, log_distance
from entropae.neighbors import kth_distance


class Penalty(NamedTuple):
    """A named part of the loss: `weight · value` is added to it."""

    value: Tensor  # scalar, per dimension of the code
    weight: float


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
    range and number of elements.

    Attributes:
        dim: Dimensions of the code.
        progress: Share of the training that is done, in [0, 1]. `Training` sets it, schedules read
            it. Without `Training` it stays 1: full weight.
    """

    dim: int
    progress: float = 1.0

    def __init__(self, dim: int) -> None:
        super().__init__()
        if not isinstance(dim, int) or dim < 1:
            raise ValueError(f"`dim` must be a positive integer: got dim={dim!r}.")
        self.dim = dim

    @property
    def in_features(self) -> int:
        """How many numbers per sample the encoder must give."""
        return self.dim

    @abstractmethod
    def forward(self, h: Float[Tensor, "n in_features"]) -> Coded:
        """Code and penalties of a batch. In training mode batch statistics, else running ones."""

    def forget(self) -> None:
        """Drop what is remembered of earlier batches: their samples are about to come again."""

    def calibrate(self, batches: Iterable[Float[Tensor, "n in_features"]]) -> None:
        """Replace running statistics by those of the whole training set, once fitting ends."""

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


class Standardize(nn.Module):
    """Batch normalisation without affine parameters: the constraint of the Entropic AutoEncoder.

    In training every coordinate has exactly mean 0 and variance 1 over the batch (Ghose, Rashwan
    and Poupart 2020, section 3); at inference running statistics are used. These lag behind the
    encoder, so `calibrate` takes them from the training set when fitting ends. Always in float32 or
    better. A batch of one has no variance and is normalised by the running statistics.
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
        with torch.autocast(h.device.type, enabled=False):
            return nn.functional.batch_norm(
                h if h.dtype == torch.float64 else h.float(),
                self.running_mean,
                self.running_var,
                training=self.training and len(h) > 1,
                momentum=self.momentum,
                eps=self.eps,
            )

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Float[Tensor, "n d"]]) -> None:
        """Set mean and variance to those of all batches together (Chan et al. 1983, eq. 1.5)."""
        count, mean, square = 0, torch.zeros(()), torch.zeros(())
        for h in batches:
            h = h.double()
            step = h.mean(0) - mean.to(h)
            square = square.to(h) + (h - h.mean(0)).square().sum(0)
            square = square + step.square() * count * len(h) / (count + len(h))
            mean = mean.to(h) + step * len(h) / (count + len(h))
            count += len(h)
        if count > 1:
            self.running_mean.copy_(mean)
            self.running_var.copy_(square / (count - 1))


class Plain(Latent):
    """No law asked: the code is the encoder's output (AE), standardised or not (AE + BN).

    Args:
        dim: Dimensions of the code.
        standardize: Batch normalisation without affine parameters.
    """

    def __init__(self, dim: int, *, standardize: bool = False) -> None:
        super().__init__(dim)
        self.standardize = standardize
        self.norm = Standardize(dim) if standardize else nn.Identity()

    def forward(self, h: Float[Tensor, "n d"]) -> Coded:
        """The code, and no penalty."""
        self.check(h)
        return Coded(self.norm(h), {})

    def calibrate(self, batches: Iterable[Float[Tensor, "n d"]]) -> None:
        """Statistics of the whole training set."""
        if isinstance(self.norm, Standardize):
            self.norm.calibrate(batches)


class Entropic(Latent):
    """The Entropic AutoEncoder (EAE): standardised codes of the largest entropy.

    Mean 0 and variance 1 hold by construction (`Standardize`); of all such laws N(0, I) has the
    largest entropy, so the penalty `entropy` = Ĥ/d (nats per dimension) enters the loss with weight
    −λ. Ĥ is `knn_entropy` of the batch. That is the published method (`anchored=False`). In a small
    batch, however, Ĥ is larger for codes on a sphere than for N(0, I). With `anchored` there is a
    second penalty, `anchor`, of weight λ: the mean log distances `ν` from a code to its nearest of
    fresh N(0, I) points, and `ν'` from such a point to its nearest code. With `ε` between codes,

        entropy − anchor = mean log ε − mean log ν − mean log ν' + constant,

    whose pull and push on the codes cancel at N(0, I) whatever the batch and the dimension.

    Args:
        dim: Dimensions of the code, d.
        weight: λ, the relative reconstruction error paid for one nat per dimension (see `Latent`).
        k: Which neighbour.
        anchored: Add the penalty `anchor`.
        bank: Number of recent codes, without gradient, first in, first out, that neighbours are
            also sought among. A sample must not meet its own older code there, so the bank is
            emptied (`forget`) at each epoch's start: `Training` does that, your own loop must.
        warmup: Shares of the training: λ is 0 up to the first, then rises linearly to `weight` at
            the second.
        floor: Distance below which log ε is continued by its tangent, so that coincident codes get
            a bounded push apart (see `knn_entropy`).

    References:
        Ghose, Rashwan and Poupart, "Batch norm with entropic regularization turns deterministic
        autoencoders into generative models", UAI 2020. Anchoring and bank are ours.
    """

    recent: Tensor

    def __init__(
        self,
        dim: int,
        weight: float = 1.0,
        *,
        k: int = 1,
        anchored: bool = True,
        bank: int = 0,
        warmup: Sequence[float] = (0.05, 0.3),
        floor: float = 1e-2,
    ) -> None:
        super().__init__(dim)
        if not weight >= 0:
            raise ValueError(f"`weight` must be >= 0: got weight={weight}.")
        if k < 1:
            raise ValueError(f"`k` must be >= 1: got k={k}.")
        if bank < 0:
            raise ValueError(f"`bank` must be >= 0: got bank={bank}.")
        start, full = warmup
        if not 0 <= start <= full <= 1:
            raise ValueError(f"`warmup` must be 0 <= start <= full <= 1: got warmup={warmup}.")
        if not floor > 0:
            raise ValueError(f"`floor` must be positive in the loss: got floor={floor}.")
        self.weight = weight
        self.k = k
        self.anchored = anchored
        self.bank = bank
        self.warmup = (start, full)
        self.floor = floor
        self.norm = Standardize(dim)
        self.register_buffer("recent", torch.zeros(bank, dim), persistent=False)
        self.seen = 0

    def forward(self, h: Float[Tensor, "n d"]) -> Coded:
        """The standardised code, with penalties unless the batch has `k` points or fewer."""
        self.check(h)
        code = self.norm(h)
        if len(code) <= self.k:
            return Coded(code, {})
        others = torch.cat([code, self.recent[: self.seen]])
        weight = self.current_weight()
        penalties = {"entropy": Penalty(self._entropy(code, others), -weight)}
        if self.anchored:
            penalties["anchor"] = Penalty(self._anchor(code, others), weight)
        if self.training and self.bank:
            self._remember(code.detach())
        return Coded(code, penalties)

    def current_weight(self) -> float:
        """λ at this point of the training."""
        start, full = self.warmup
        if self.progress >= full:
            return self.weight
        return self.weight * max(0.0, (self.progress - start) / (full - start))

    def calibrate(self, batches: Iterable[Float[Tensor, "n d"]]) -> None:
        """Statistics of the whole training set."""
        self.norm.calibrate(batches)

    def forget(self) -> None:
        """Empty the bank."""
        self.seen = 0

    def _entropy(self, code: Tensor, others: Tensor) -> Tensor:
        distance = kth_distance(code, others, k=self.k, same=True)
        m = len(others) - 1
        return entropy_of_distances(distance, self.dim, m, self.k, floor=self.floor) / self.dim

    def _anchor(self, code: Tensor, others: Tensor) -> Tensor:
        # As many points as each code has other codes to be near to.
        normal = torch.randn(len(others) - 1, self.dim, dtype=code.dtype, device=code.device)
        pull = kth_distance(code, normal, k=self.k)
        cover = kth_distance(normal, others, k=self.k)
        return log_distance(pull, self.floor).mean() + log_distance(cover, self.floor).mean()

    @torch.no_grad()
    def _remember(self, code: Tensor) -> None:
        code = code[-self.bank :]
        place = torch.arange(self.seen, self.seen + len(code), device=code.device) % self.bank
        self.recent[place] = code.to(self.recent)
        self.seen += len(code)
