"""The Entropic AutoEncoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from entropae import ranks
from entropae.entropy import entropy_of_distances, log_distance
from entropae.latent.base import (
    Coded,
    Latent,
    Penalty,
    Standardize,
    check_warmup,
    check_weight,
    ramp,
)
from entropae.neighbors import kth_distance


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

    The batch is that of all processes, and each looks for the neighbours of its own codes.

    Args:
        dim: Dimensions of the code, d.
        weight: λ, the relative reconstruction error paid for one nat per dimension (see `Latent`).
        k: Which neighbour.
        anchored: Add the penalty `anchor`.
        bank: Number of recent codes, without gradient, first in, first out, that neighbours are
            also sought among. A sample must not meet its own older code there, so the bank must be
            emptied by `forget()` at each epoch's start. `Training` does that; in a loop of your own
            that never does, no bank is kept.
        warmup: Shares of the training: λ is 0 up to the first, then rises linearly to `weight` at
            the second.
        noise: Standard deviation of the noise that the decoder's code is given in training, which
            falls linearly to 0 at its end. The entropy is of the codes without it.
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
        bank: int = 4096,
        warmup: Sequence[float] = (0.05, 0.3),
        noise: float = 0.0,
        floor: float = 1e-2,
    ) -> None:
        super().__init__(dim)
        check_weight(weight)
        if k < 1:
            raise ValueError(f"`k` must be >= 1: got k={k}.")
        if bank < 0:
            raise ValueError(f"`bank` must be >= 0: got bank={bank}.")
        if not floor > 0:
            raise ValueError(f"`floor` must be positive in the loss: got floor={floor}.")
        self.weight = weight
        self.k = k
        self.anchored = anchored
        self.bank = bank
        self.warmup = check_warmup(warmup)
        if not noise >= 0:
            raise ValueError(f"`noise` must be >= 0: got noise={noise}.")
        self.noise = noise
        self.floor = floor
        self.norm = Standardize(dim)
        self.register_buffer("recent", torch.zeros(bank, dim), persistent=False)
        self.seen = 0
        self.keeps = False

    def forward(self, h: Float[Tensor, "n d"]) -> Coded:
        """The standardised code, with penalties unless the batch has `k` points or fewer."""
        self.check(h)
        code = self.norm(h)
        batch = ranks.gather(code)
        if len(batch) <= self.k:
            return Coded(code, {})
        # The process's own codes first: they are those that neighbours are sought of.
        start = ranks.place(code)[0].start
        others = torch.cat([batch[start:], batch[:start], self.recent[: self.seen]])
        weight = self.current_weight()
        penalties = {"entropy": Penalty(self._entropy(code, others), -weight)}
        if self.anchored:
            penalties["anchor"] = Penalty(self._anchor(code, others, len(batch)), weight)
        if self.training and self.bank and self.keeps:
            self._remember(batch.detach())
        if self.training and self.noise:
            code = code + self.noise * (1 - self.progress) * ranks.randn_like(code)
        return Coded(code, penalties)

    @property
    def least_batch(self) -> int:
        """Each code needs `k` others."""
        return max(2, self.k + 1)

    def current_weight(self) -> float:
        """λ at this point of the training."""
        return self.weight * ramp(self.progress, *self.warmup)

    def forget(self) -> None:
        """Empty the bank, and keep one from now on."""
        self.seen = 0
        self.keeps = True

    def _entropy(self, code: Tensor, others: Tensor) -> Tensor:
        distance = ranks.gather(kth_distance(code, others, k=self.k, same=True))
        m = len(others) - 1
        return entropy_of_distances(distance, self.dim, m, self.k, floor=self.floor) / self.dim

    def _anchor(self, code: Tensor, others: Tensor, n: int) -> Tensor:
        # As many points as each code has other codes to be near to.
        normal = ranks.randn(len(others) - 1, self.dim, like=code)
        pull = kth_distance(code, normal, k=self.k)
        # A mean over fewer points is as unbiased, and a bank's worth of them would be dear.
        few = normal[:n]
        cover = kth_distance(few[ranks.share(len(few))], others, k=self.k)
        logs = [ranks.mean(log_distance(distance, self.floor)) for distance in (pull, cover)]
        return logs[0] + logs[1]

    @torch.no_grad()
    def _remember(self, code: Tensor) -> None:
        code = code[-self.bank :]
        place = torch.arange(self.seen, self.seen + len(code), device=code.device) % self.bank
        self.recent[place] = code.to(self.recent)
        self.seen += len(code)
