"""Variational autoencoders: a distribution for each code instead of a point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae import distributed
from entropae.latent.base import Latent, LatentOutput, Penalty, check_warmup, check_weight, ramp
from entropae.nn.normalization import Standardize, precise


class Variational(Latent):
    """The variational autoencoder (VAE, β-VAE), and the BN-VAE.

    The encoder gives a mean μ and a log-variance for each code; in training the code is drawn from
    N(μ, σ²), at inference it is μ. The penalty `kl` is KL(N(μ, σ²) ‖ N(0, I))/d,

        KL = ½ Σ (μ² + σ² − log σ² − 1).

    Because weights are relative (see `Latent`), `weight = 2 d / D` for samples of D elements is the
    evidence lower bound with the decoder's variance fitted; the usual squared error + β KL has
    weight β d / (squared error per sample), which grows as the error falls.

    Args:
        dim: Dimensions of the code, d. The encoder gives 2 d numbers.
        weight: β, relative.
        warmup: Shares of the training: β is 0 up to the first, then rises linearly to `weight` at
            the second (annealing; Bowman et al., CoNLL 2016).
        batch_norm: γ of the BN-VAE: means are standardised over the batch, times γ, plus a learnt
            shift, which keeps KL at least d γ²/2. `None`: no batch normalisation.
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
        Higgins et al., "β-VAE", ICLR 2017, eq. (4). Zhu et al., "A batch normalized inference
        network keeps the KL vanishing away", ACL 2020.
    """

    def __init__(
        self,
        dim: int,
        weight: float = 1.0,
        *,
        batch_norm: float | None = None,
        warmup: Sequence[float] = (0.0, 0.0),
        head: str | None = None,
    ) -> None:
        super().__init__(dim, head)
        check_weight(weight)
        if batch_norm is not None and not batch_norm > 0:
            raise ValueError(f"`batch_norm` must be positive: got batch_norm={batch_norm}.")
        self.weight = weight
        self.batch_norm = batch_norm
        self.warmup = check_warmup(warmup)
        self.shift = nn.Parameter(torch.zeros(dim)) if batch_norm else None
        if batch_norm:
            self.norm = Standardize(dim)

    @property
    def in_features(self) -> int:
        """Means and log-variances."""
        return 2 * self.dim

    def forward(self, h: Float[Tensor, "n in_features"]) -> LatentOutput:
        """A draw from each code's distribution (its mean at inference), and `kl`."""
        mean, log_variance = self.posterior(h)
        code = mean
        if self.training:
            code = mean + (0.5 * log_variance).exp() * distributed.randn_like(mean)
        kl = 0.5 * distributed.mean(mean.square() + log_variance.exp() - log_variance - 1)
        weight = self.weight * ramp(self.progress, *self.warmup)
        return LatentOutput(code, {"kl": Penalty(kl, float(weight))})

    def posterior(
        self, h: Float[Tensor, "n in_features"]
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
        """Mean and log-variance of each code's distribution."""
        self.check(h)
        mean, log_variance = precise(h).chunk(2, 1)
        mean = self.norm(mean)
        if self.shift is not None:
            mean = self.batch_norm * mean + self.shift
        return mean, log_variance

    def calibrate(self, batches: Iterable[Float[Tensor, "n in_features"]]) -> None:
        """Statistics of the means over the whole training set."""
        super().calibrate(h[:, : self.dim] for h in batches)


class Balanced(Latent):
    """BN on mean and deviation: a VAE without a KL term (kexue.fm, archives/7381).

    Means and deviations are standardised over the batch and scaled by √s and √(1 − s), where
    s = τ + (1 − τ) sigmoid(θ) is learnt for each coordinate. So the code has mean 0 and variance 1
    over batch and noise by construction, and at least a share τ of it comes from the data.

    Args:
        dim: Dimensions of the code, d. The encoder gives 2 d numbers.
        least: τ in [0, 1).
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).
    """

    def __init__(self, dim: int, *, least: float = 0.5, head: str | None = None) -> None:
        super().__init__(dim, head)
        if not 0 <= least < 1:
            raise ValueError(f"`least` must be in [0, 1): got least={least}.")
        self.least = least
        self.norm = Standardize(2 * dim)
        self.theta = nn.Parameter(torch.zeros(dim))

    @property
    def in_features(self) -> int:
        """Means and deviations."""
        return 2 * self.dim

    def forward(self, h: Float[Tensor, "n in_features"]) -> LatentOutput:
        """A draw from each code's distribution (its mean at inference), and no penalty."""
        self.check(h)
        mean, deviation = self.norm(h).chunk(2, 1)
        share = self.least + (1 - self.least) * torch.sigmoid(self.theta)
        code = share.sqrt() * mean
        if self.training:
            code = code + (1 - share).sqrt() * deviation * distributed.randn_like(deviation)
        return LatentOutput(code, {})
