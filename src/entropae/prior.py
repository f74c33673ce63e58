"""Laws of the code that samples are drawn from: N(0, I), or fitted after training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm.auto import tqdm

from entropae.neighbors import as_points


class Prior(nn.Module, ABC):
    """A law on codes. Fitted state is kept in buffers, so that it is saved with the model."""

    dim: int

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Fit the law to the codes of the training set.

        Raises:
            ValueError: If the codes are not finite, of another dimension, or too few.
        """

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes. The generator is a CPU one whatever the device."""

    @abstractmethod
    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""

    def _training_codes(self, code: Tensor, least: int) -> Tensor:
        code = as_points(code, "code").detach().cpu().double()
        if code.shape[1] != self.dim:
            raise ValueError(f"The codes must have {self.dim} dimensions: got {code.shape[1]}.")
        if len(code) < least:
            raise ValueError(
                f"{type(self).__name__} in {self.dim} dimensions needs at least {least} codes: got "
                f"{len(code)}. Use a simpler prior or more data."
            )
        return code


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


class Flow(Prior):
    """A neural spline flow (zuko's), for codes of a law that no mixture fits.

    Args:
        dim: Dimensions of the code.
        transforms: Number of autoregressive spline transforms.
        hidden: Sizes of the hidden layers of each.
        steps: Training steps, of 512 codes each.

    Raises:
        ImportError: If zuko is not installed: `pip install "entropae[flow]"`.

    References:
        Durkan et al., "Neural spline flows", NeurIPS 2019.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        dim: int,
        *,
        transforms: int = 3,
        hidden: Sequence[int] = (128, 128),
        steps: int = 2000,
    ) -> None:
        super().__init__()
        try:
            from zuko.flows import NSF
        except ImportError as error:
            raise ImportError('A flow needs zuko: pip install "entropae[flow]".') from error
        self.dim, self.transforms, self.hidden = dim, transforms, tuple(hidden)
        self.steps = steps
        self.flow = NSF(dim, transforms=transforms, hidden_features=self.hidden)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Maximum likelihood by Adam, on standardised codes, with a falling learning rate."""
        code = self._training_codes(code, 2).to(self.mean)
        self.mean.copy_(code.mean(0))
        self.scale.copy_(code.std(0).clamp(min=torch.finfo(code.dtype).tiny))
        code = (code - self.mean) / self.scale
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(self.flow.parameters(), 2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        with torch.enable_grad():
            for _ in tqdm(range(self.steps), "Fitting the flow", unit="step"):
                some = torch.randint(len(code), (min(512, len(code)),), generator=generator)
                loss = -self.flow().log_prob(code[some.to(code.device)]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes."""
        normal = torch.randn(n, self.dim, generator=generator).to(self.mean)
        return self.mean + self.scale * self.flow().transform.inv(normal)

    @torch.no_grad()
    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        standard = (code - self.mean) / self.scale
        return self.flow().log_prob(standard) - self.scale.log().sum()


def _cholesky(covariance: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        raise ValueError(
            "The codes' covariance is singular: some coordinates are constant or dependent. "
            "Use a smaller latent dimension."
        )
    return factor


PRIORS: dict[str, type[Prior]] = {
    "normal": Normal,
    "full": Full,
    "mixture": Mixture,
    "flow": Flow,
}
