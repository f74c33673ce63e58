"""A second, small variational autoencoder, on the codes of the first."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae.prior.base import PLAIN, Asked, Prior, learn, normal, seeded


class TwoStage(Prior):
    """The two-stage prior: z ~ N(μ(u), γ²), u ~ N(0, I), learnt as a variational autoencoder.

    With as many dimensions for u as for z, which is enough for any distribution that fills the
    space of codes.

    Args:
        dim: Dimensions of the code.
        hidden: Size of the three hidden layers of encoder and decoder.
        steps: Training steps, of 512 codes each.

    References:
        Dai and Wipf, "Diagnosing and enhancing VAE models", ICLR 2019, section 4.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int, *, hidden: int = 256, steps: int = 3000) -> None:
        super().__init__()
        self.dim, self.hidden, self.steps = dim, hidden, steps
        self._begin(0)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def _begin(self, seed: int) -> None:
        """Networks that nothing has been learnt with."""
        with seeded(seed):
            self.encoder = _Skip(self.dim, 2 * self.dim, self.hidden)
            self.decoder = _Skip(self.dim, self.dim, self.hidden)
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Maximise the evidence lower bound of standardised codes by Adam."""
        code = self._training_codes(code, 2).to(self.mean)
        self.mean.copy_(code.mean(0))
        self.scale.copy_(code.std(0).clamp(min=torch.finfo(code.dtype).tiny))
        code = (code - self.mean) / self.scale
        generator = torch.Generator().manual_seed(seed)
        self._begin(seed)
        self.to(code)

        def loss(z: Tensor) -> Tensor:
            mean, deviation = self._posterior(z)
            noise = torch.randn(z.shape, generator=generator).to(z)
            kl = 0.5 * (mean.square() + deviation.square() - 1).sum(1) - deviation.log().sum(1)
            return (kl - self._likelihood(z, mean + deviation * noise)).mean()

        learn(
            self,
            code,
            loss,
            steps=self.steps,
            generator=generator,
            doing="Fitting the second stage",
        )

    @torch.no_grad()
    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        u, noise = (normal(n, self.dim, generator, asked).to(self.mean) for _ in range(2))
        return self.mean + self.scale * (self.decoder(u) + self.log_gamma.exp() * noise)

    @torch.no_grad()
    def log_prob(self, code: Float[Tensor, "n d"], *, draws: int = 500) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats, by importance sampling: a lower bound on average.

        References:
            Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, eq. (8).
        """
        z = (code - self.mean) / self.scale
        mean, deviation = self._posterior(z)
        generator = torch.Generator().manual_seed(0)
        terms = []
        for _ in range(draws):
            noise = torch.randn(z.shape, generator=generator).to(z)
            u = mean + deviation * noise
            # log p(u) − log q(u | z), in which log 2π cancels.
            ratio = 0.5 * (noise.square() - u.square()).sum(1) + deviation.log().sum(1)
            terms.append(self._likelihood(z, u) + ratio)
        bound = torch.logsumexp(torch.stack(terms), 0) - math.log(draws)
        return bound - self.scale.log().sum()

    def _posterior(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.encoder(z).chunk(2, 1)
        return mean, log_deviation.exp()

    def _likelihood(self, z: Tensor, u: Tensor) -> Tensor:
        error = ((z - self.decoder(u)) / self.log_gamma.exp()).square()
        return -(0.5 * error + self.log_gamma + 0.5 * math.log(2 * math.pi)).sum(1)


class _Skip(nn.Module):
    """Three hidden layers; the last layer also sees the input, as in the paper."""

    def __init__(self, fan_in: int, out: int, hidden: int) -> None:
        super().__init__()
        sizes = (fan_in, hidden, hidden, hidden)
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.hidden = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        self.last = nn.Linear(hidden + fan_in, out)

    def forward(self, x: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        """Any vectors to vectors."""
        return self.last(torch.cat([self.hidden(x), x], 1))
