"""Normal laws and their mixture."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.prior.base import Prior


class Normal(Prior):
    """The standard normal N(0, I), which the Entropic AutoEncoder drives its codes to."""

    mean: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes."""
        return torch.randn(n, self.dim, generator=generator).to(self.mean)

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return -0.5 * code.square().sum(1) - 0.5 * self.dim * math.log(2 * math.pi)


class Full(Prior):
    """A normal law with the codes' mean and full covariance (MVG in the published tables)."""

    mean: Tensor
    factor: Tensor  # lower triangular, factor @ factor.T = covariance

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Mean and covariance of the codes."""
        code = self._training_codes(code, self.dim + 1)
        self.mean.copy_(code.mean(0))
        covariance = torch.atleast_2d(torch.cov(code.T))
        self.factor.copy_(_cholesky(covariance))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes."""
        normal = torch.randn(n, self.dim, generator=generator).to(self.mean)
        return self.mean + normal @ self.factor.T

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return torch.distributions.MultivariateNormal(
            self.mean, scale_tril=self.factor, validate_args=False
        ).log_prob(code)


class Mixture(Prior):
    """A mixture of normal laws with full covariances (GMM in the published tables).

    Args:
        dim: Dimensions of the code.
        components: How many; 10 as published. `None`: chosen among 1, 2, 4, … 32 by the Bayesian
            information criterion, and set to the chosen number when fitted.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, components: int | None = 10) -> None:
        super().__init__()
        self.dim = dim
        self.components = components
        self._allocate(components or 1)

    def _allocate(self, c: int) -> None:
        self.register_buffer("weights", torch.full((c,), 1 / c))
        self.register_buffer("means", torch.zeros(c, self.dim))
        self.register_buffer("factors", torch.eye(self.dim).repeat(c, 1, 1))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Expectation-maximisation by scikit-learn."""
        from sklearn.mixture import GaussianMixture

        points = self._training_codes(code, 2 * (self.components or 1)).cpu().numpy()
        counts = [self.components] if self.components else [2**i for i in range(6)]
        fits = [
            GaussianMixture(count, max_iter=200, reg_covar=1e-5, random_state=seed).fit(points)
            for count in counts
            if count <= len(points) // 2
        ]
        best = fits[0] if len(fits) == 1 else min(fits, key=lambda fit: fit.bic(points))
        device = self.means.device
        self.components = int(best.n_components)
        self._allocate(self.components)
        self.weights.copy_(torch.as_tensor(best.weights_))
        self.means.copy_(torch.as_tensor(best.means_))
        self.factors.copy_(torch.linalg.cholesky(torch.as_tensor(best.covariances_)))
        self.to(device)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes."""
        choice = torch.multinomial(self.weights.cpu(), n, replacement=True, generator=generator)
        choice = choice.to(self.means.device)
        normal = torch.randn(n, self.dim, generator=generator).to(self.means)
        return self.means[choice] + torch.einsum("nij,nj->ni", self.factors[choice], normal)

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        each = torch.distributions.MultivariateNormal(
            self.means, scale_tril=self.factors, validate_args=False
        ).log_prob(code[:, None])
        return torch.logsumexp(each + self.weights.log(), 1)


def _cholesky(covariance: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        raise ValueError(
            "The codes' covariance is singular: some coordinates are constant or dependent. "
            "Use a smaller latent dimension."
        )
    return factor
