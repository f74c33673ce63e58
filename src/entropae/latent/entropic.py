"""The Entropic AutoEncoder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from entropae import distributed
from entropae.entropy import entropy_of_distances, log_distance
from entropae.latent.base import Latent, LatentOutput, Penalty, check_warmup, check_weight, ramp
from entropae.neighbors import kth_distance
from entropae.nn.normalization import Standardize, precise

Correction = Literal["potential", "anchors", "none"]
CORRECTIONS = get_args(Correction)
# Share of the training from which codes move slowly enough to be kept in the bank for some steps.
SLOW = 0.5


class Entropic(Latent):
    """The Entropic AutoEncoder (EAE): codes of the largest entropy for their mean and variance.

    Mean 0 and variance 1 hold by construction (`Standardize`); of all such distributions
    N(0, I) has the largest entropy, so the penalty `entropy` = Ĥ/d (nats per dimension) enters the
    loss with weight −λ. Ĥ is `knn_entropy` of the batch. That is the published method
    (`correction="none"`). In a small batch, however, Ĥ is larger for codes on a sphere than for
    N(0, I), and pushes such codes towards one. A second penalty of weight λ corrects this for every
    batch and dimension:

    - `potential`: the mean of Φ(‖z‖), whose pull is, at each radius, the push that `entropy` has
      on the average where the codes follow N(0, I) (see `latent/potential.py`).
    - `anchors`: the mean log distances `ν` from a code to its nearest of fresh N(0, I) points, and
      `ν'` from such a point to its nearest code. With `ε` between codes,

          entropy − anchors = mean log ε − mean log ν − mean log ν' + constant,

      whose pull and push cancel at N(0, I) too, on the average over those points.

    The batch is that of all processes, and each looks for the neighbours of its own codes.

    Args:
        dim: Dimensions of the code, d.
        weight: λ, the relative reconstruction error paid for one nat per dimension (see `Latent`).
        k: Which neighbour.
        correction: `"potential"`, `"anchors"` or `"none"`.
        bank: Number of recent codes, without gradient, first in, first out, that neighbours are
            also sought among in the second half of the training; before, codes move so fast that
            they are pushed from where others have long left. A sample must not meet its own older
            code there, so the bank must be emptied by `forget()` at each epoch's start. `Training`
            does that; in a loop of your own that never does, no bank is kept.
        warmup: Shares of the training: λ is 0 up to the first, then rises linearly to `weight` at
            the second.
        noise: Standard deviations, at the beginning and at the end of the training, of the noise
            that the code has on its way to the decoder; between them it changes linearly. The
            entropy is of the codes without it, and inference has none.
        standardize: Batch normalisation without affine parameters, by which mean 0 and variance 1
            hold. Without it the potential alone keeps the codes to them, nearly.
        floor: Distance below which log ε is continued by its tangent, so that coincident codes get
            a bounded push apart (see `knn_entropy`).
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).

    References:
        Ghose, Rashwan and Poupart, "Batch norm with entropic regularization turns deterministic
        autoencoders into generative models", UAI 2020. Corrections and bank are ours.
    """

    recent: Tensor

    def __init__(
        self,
        dim: int,
        weight: float = 1.0,
        *,
        k: int = 1,
        correction: Correction = "potential",
        bank: int = 4096,
        warmup: Sequence[float] = (0.05, 0.3),
        noise: Sequence[float] = (0.0, 0.0),
        standardize: bool = True,
        floor: float = 1e-2,
        head: str | None = None,
    ) -> None:
        super().__init__(dim, head)
        check_weight(weight)
        if k < 1:
            raise ValueError(f"`k` must be >= 1: got k={k}.")
        if correction not in CORRECTIONS:
            raise ValueError(
                f"`correction` must be one of {', '.join(CORRECTIONS)}: got {correction!r}."
            )
        if correction != "potential" and not standardize:
            raise ValueError(
                "`standardize=False` needs the correction `potential`, which alone keeps codes of "
                f"large entropy from growing without end: got correction={correction!r}."
            )
        if bank < 0:
            raise ValueError(f"`bank` must be >= 0: got bank={bank}.")
        if not floor > 0:
            raise ValueError(f"`floor` must be positive in the loss: got floor={floor}.")
        self.weight = weight
        self.k = k
        self.correction: Correction = correction
        self.bank = bank
        self.warmup = check_warmup(warmup)
        if not isinstance(noise, tuple | list) or len(noise) != 2:
            raise ValueError(f"`noise` must be two numbers >= 0: got noise={noise!r}.")
        first, last = noise
        if not (first >= 0 and last >= 0):
            raise ValueError(f"`noise` must be two numbers >= 0: got noise={noise}.")
        self.noise = first, last
        self.floor = floor
        self.standardize = standardize
        if standardize:
            self.norm = Standardize(dim)
        self.register_buffer("recent", torch.zeros(bank, dim), persistent=False)
        self.seen = 0
        self.keeps = False

    def forward(self, h: Float[Tensor, "n d"]) -> LatentOutput:
        """The code, with penalties unless the batch has `k` points or fewer."""
        code = self.code(h)
        batch = distributed.gather(code)
        if len(batch) <= self.k:
            return LatentOutput(code, {})
        # The process's own codes first: they are those that neighbours are sought of.
        start = distributed.place(code)[0].start
        others = torch.cat([batch[start:], batch[:start], self.recent[: self.seen]])
        weight = self.current_weight()
        penalties = {"entropy": Penalty(self._entropy(code, others), -weight)}
        if self.correction == "potential":
            penalties["potential"] = Penalty(self._potential(code, others, len(batch)), weight)
        elif self.correction == "anchors":
            penalties["anchors"] = Penalty(self._anchors(code, others, len(batch)), weight)
        if self.training and self.bank and self.keeps and self.progress >= SLOW:
            self._remember(batch.detach())
        if self.training and any(self.noise):
            first, last = self.noise
            code = code + (first + self.progress * (last - first)) * distributed.randn_like(code)
        return LatentOutput(code, penalties)

    def code(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The code, standardised or not; no neighbours are sought."""
        self.check(h)
        return self.norm(precise(h))

    @property
    def settled(self) -> float:
        """When λ is full and the bank in use."""
        return max(self.warmup[1], SLOW if self.bank else 0.0)

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

    def memory(self) -> dict[str, Tensor | int | float]:
        """The bank."""
        return {"recent": self.recent, "seen": self.seen, "keeps": int(self.keeps)}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take the bank up again."""
        self.recent.copy_(memory["recent"])
        self.seen, self.keeps = int(memory["seen"]), bool(memory["keeps"])

    def _entropy(self, code: Tensor, others: Tensor) -> Tensor:
        distance = distributed.gather(kth_distance(code, others, k=self.k, same=True))
        m = len(others) - 1
        return entropy_of_distances(distance, self.dim, m, self.k, floor=self.floor) / self.dim

    def _potential(self, code: Tensor, others: Tensor, n: int) -> Tensor:
        # Here, so that who only decodes need not load what it takes.
        from entropae.latent.potential import potential

        m = len(others) - 1
        if m not in (n - 1, n - 1 + self.bank):
            # While the bank fills, near enough.
            m = round(2 ** (round(2 * math.log2(m)) / 2))
        return distributed.mean(potential(n, self.dim, self.k, max(m, self.k))(code))

    def _anchors(self, code: Tensor, others: Tensor, n: int) -> Tensor:
        # As many points as each code has other codes to be near to.
        normal = distributed.randn(len(others) - 1, self.dim, like=code)
        pull = kth_distance(code, normal, k=self.k)
        # A mean over fewer points is as unbiased, and a bank's worth of them would be dear.
        few = normal[:n]
        cover = kth_distance(few[distributed.share(len(few))], others, k=self.k)
        logs = [distributed.mean(log_distance(distance, self.floor)) for distance in (pull, cover)]
        return logs[0] + logs[1]

    @torch.no_grad()
    def _remember(self, code: Tensor) -> None:
        code = code[-self.bank :]
        place = torch.arange(self.seen, self.seen + len(code), device=code.device) % self.bank
        self.recent[place] = code.to(self.recent)
        self.seen += len(code)
