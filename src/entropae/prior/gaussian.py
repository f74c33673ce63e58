"""Normal distributions and their mixture."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.prior.base import Prior

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

# Added to each variance of a mixture, and of a full normal without an inverse.
RIDGE = 1e-5


class Normal(Prior):
    """The standard normal N(0, I), which the Entropic AutoEncoder drives its codes to."""

    mean: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))

    def draw_block(self, n: int, generator: torch.Generator | None) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        return torch.randn(n, self.dim, generator=generator).to(self.mean)

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return -0.5 * code.square().sum(1) - 0.5 * self.dim * math.log(2 * math.pi)


class Full(Prior):
    """A Gaussian with the mean and full covariance of the codes (MVG in the published tables)."""

    mean: Tensor
    factor: Tensor  # lower triangular, factor @ factor.T = covariance

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", _identity(dim))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Mean and covariance of the codes.

        Of codes that vary in fewer directions than they have coordinates, such as those of a
        collapsed VAE, a little is added to each variance, with a warning.
        """
        code = self._training_codes(code, self.dim + 1)
        self.mean.copy_(code.mean(0))
        covariance = torch.atleast_2d(torch.cov(code.T))
        self.factor.copy_(_cholesky(covariance))

    def draw_block(self, n: int, generator: torch.Generator | None) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        normal = torch.randn(n, self.dim, generator=generator).to(self.mean)
        return self.mean + normal @ self.factor.T

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return torch.distributions.MultivariateNormal(
            self.mean, scale_tril=self.factor, validate_args=False
        ).log_prob(code)


class Mixture(Prior):
    """A mixture of normal distributions with full covariances (GMM in the published tables).

    Args:
        dim: Dimensions of the code.
        components: How many; 10 in the published tables. `None`: the first of 1, 2, 4, … 256 after
            which the Bayesian information criterion of up to 10 000 codes gets worse; set to the
            chosen number when fitted.

    References:
        Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978) 461.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, components: int | None = None) -> None:
        super().__init__()
        self.dim = dim
        self.components = components
        self._allocate(components or 1)

    def _allocate(self, c: int) -> None:
        self.register_buffer("weights", torch.full((c,), 1 / c))
        self.register_buffer("means", torch.zeros(c, self.dim))
        self.register_buffer("factors", _identity(self.dim).repeat(c, 1, 1))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Expectation-maximisation by scikit-learn."""
        points = self._training_codes(code, 2 * (self.components or 1)).cpu().numpy()
        if self.components is None:
            few = points[np.linspace(0, len(points) - 1, min(len(points), 10_000)).astype(int)]
            first = _best_mixture(few, seed)
            best = _mixture(first.n_components, seed)
            # From where the fewer codes led, all of them are soon fitted.
            best.set_params(
                weights_init=first.weights_,
                means_init=first.means_,
                precisions_init=first.precisions_,
            )
        else:
            best = _mixture(self.components, seed)
        best.fit(points)
        device = self.means.device
        self.components = int(best.n_components)
        self._allocate(self.components)
        self.weights.copy_(torch.as_tensor(best.weights_))
        self.means.copy_(torch.as_tensor(best.means_))
        self.factors.copy_(torch.linalg.cholesky(torch.as_tensor(best.covariances_)))
        self.to(device)

    def draw_block(self, n: int, generator: torch.Generator | None) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
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


def _identity(d: int) -> Tensor:
    """As `torch.eye`, which loads torch's compiler where nothing is allocated."""
    return torch.zeros(d, d).fill_diagonal_(1)


def _mixture(components: int, seed: int) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(components, max_iter=200, reg_covar=RIDGE, random_state=seed)


def _best_mixture(points: np.ndarray, seed: int) -> GaussianMixture:
    """The mixture of 1, 2, 4, … components after which the criterion gets worse."""
    best = _mixture(1, seed).fit(points)
    for components in (2**i for i in range(1, 9)):
        if components > len(points) // 2:
            break
        fitted = _mixture(components, seed).fit(points)
        if fitted.bic(points) > best.bic(points):
            break
        best = fitted
    return best


def _cholesky(covariance: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        warnings.warn(
            "The codes' covariance is singular: some coordinates are constant or dependent. "
            f"{RIDGE:g} is added to each variance. Use a smaller latent dimension, or a lighter "
            "penalty.",
            stacklevel=3,
        )
        factor = torch.linalg.cholesky(covariance + RIDGE * torch.eye(len(covariance)))
    return factor
