"""Normal distributions and their mixture."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.prior.base import PLAIN, Asked, Prior, class_numbers, normal

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

# Added to each variance of a mixture, and of a full normal without an inverse.
RIDGE = 1e-5
# Smallest eigenvalue of a correlation matrix of numbers in single precision that are independent.
FLAT = 1e-8


class Normal(Prior):
    """The standard normal N(0, I), which the Entropic AutoEncoder drives its codes to."""

    mean: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))

    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        return normal(n, self.dim, generator, asked).to(self.mean)

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return -0.5 * code.square().sum(1) - 0.5 * self.dim * math.log(2 * math.pi)


class Full(Prior):
    """A Gaussian with the mean and full covariance of the codes (MVG in the published tables)."""

    mean: Tensor
    factor: Tensor  # lower triangular, factor @ factor.T = covariance
    inverse: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", identity(dim))
        self.register_buffer("inverse", identity(dim), persistent=False)
        self.register_load_state_dict_post_hook(invert)

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Mean and covariance of the codes.

        Of codes that vary in fewer directions than they have coordinates, such as those of a
        collapsed VAE, a little is added to each variance, with a warning.
        """
        code = self._training_codes(code, self.dim + 1)
        self.mean.copy_(code.mean(0))
        covariance = torch.atleast_2d(torch.cov(code.T))
        self.factor.copy_(cholesky(covariance))
        invert(self)

    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        return self.from_normal(normal(n, self.dim, generator, asked).to(self.mean))

    def from_normal(
        self, u: Float[Tensor, "n d"], label: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Codes of N(0, I) points: T⁻¹."""
        return self.mean + u @ self.factor.T

    def to_normal(
        self, code: Float[Tensor, "n d"], label: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n d"]:
        """N(0, I) points of codes: T, which whitens them."""
        return (code - self.mean) @ self.inverse.T

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        return torch.distributions.MultivariateNormal(
            self.mean, scale_tril=self.factor, validate_args=False
        ).log_prob(code)


class Mixture(Prior):
    """A mixture of normal distributions with full covariances (GMM in the published tables).

    Fitted with labels it is one of the classes' own mixtures, as large as their classes.

    Args:
        dim: Dimensions of the code.
        components: How many; 10 in the published tables. `None`: the first of 1, 2, 4, … 256 after
            which the Bayesian information criterion of up to 10 000 codes gets worse; set to the
            chosen number when fitted. With labels, of each class.
        classes: Set when fitted with labels, to their names.

    References:
        Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978) 461.
    """

    conditional = True
    weights: Tensor
    means: Tensor
    factors: Tensor
    owner: Tensor  # which class a component is of

    def __init__(
        self, dim: int, components: int | None = None, *, classes: Sequence[str] = ()
    ) -> None:
        super().__init__()
        if components is not None and components < 1:
            raise ValueError(f"`components` must be >= 1: got components={components}.")
        self.dim = dim
        self.components = components
        self.classes = tuple(classes)
        self.each = None if classes else components  # what was asked for, of each class
        self._allocate(components or 1)
        self.register_load_state_dict_post_hook(_check_shares)

    def _allocate(self, c: int) -> None:
        self.register_buffer("weights", torch.full((c,), 1 / c))
        self.register_buffer("means", torch.zeros(c, self.dim))
        self.register_buffer("factors", identity(c, self.dim))
        if self.classes:
            self.register_buffer("owner", torch.zeros(c, dtype=torch.long))
        elif hasattr(self, "owner"):  # of a fit before
            del self.owner

    def fit(
        self,
        code: Float[Tensor, "n d"],
        *,
        seed: int = 0,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Expectation-maximisation by scikit-learn.

        Raises:
            ValueError: If the codes, or those of a class, are too few for the components.
        """
        least = 2 * (self.each or 1)
        codes = self._training_codes(code, least)
        # So that what is added to variances is little for codes of any size.
        scale = torch.where((spread := codes.std(0)) > 0, spread, 1.0)
        points = (codes / scale).numpy()
        classes, number = (), torch.zeros(len(points), dtype=torch.long)
        if labels is not None:
            classes, number = class_numbers(labels, len(points))
            for i, name in enumerate(classes):
                if (size := int((number == i).sum())) < least:
                    raise ValueError(
                        f"Each class needs at least {least} codes for its mixture: {name!r} has "
                        f"{size}. Leave it out, or fit without labels."
                    )
        parts = [points[number.numpy() == i] for i in range(max(1, len(classes)))]
        found = [_fitted_mixture(part, self.each, seed) for part in parts]
        self.classes, like = classes, self.means
        sizes = torch.tensor([one.n_components for one in found])
        self.components = int(sizes.sum())
        self._allocate(self.components)
        shares = torch.tensor([len(part) / len(points) for part in parts], dtype=torch.float64)
        self.weights.copy_(_joined(found, "weights_") * shares.repeat_interleave(sizes))
        self.means.copy_(scale * _joined(found, "means_"))
        factors = torch.linalg.cholesky(_joined(found, "covariances_"))
        self.factors.copy_(scale[:, None] * factors)
        if self.classes:
            self.owner.copy_(torch.arange(len(found)).repeat_interleave(sizes))
        self.to(like)

    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        weights = self.weights.cpu()
        if asked.label is None:
            choice = torch.multinomial(weights, n, replacement=True, generator=generator)
        else:
            own = torch.where(self.owner.cpu() == asked.label[:, None], weights, 0.0)
            choice = torch.multinomial(own, 1, generator=generator)[:, 0]
        choice = choice.to(self.means.device)
        drawn = normal(n, self.dim, generator, asked).to(self.means)
        return self.means[choice] + torch.einsum("nij,nj->ni", self.factors[choice], drawn)

    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        each = torch.distributions.MultivariateNormal(
            self.means, scale_tril=self.factors, validate_args=False
        ).log_prob(code[:, None])
        return torch.logsumexp(each + self.weights.log(), 1)


def _check_shares(mixture: Any, keys: object = None) -> None:
    """Refuse a mixture that was loaded and cannot be drawn from."""
    shares = mixture.weights
    if mixture.classes:
        number = torch.arange(len(mixture.classes), device=shares.device)
        each = torch.where(mixture.owner == number[:, None], shares, 0).sum(1)
    else:
        each = shares.sum()
    if not ((shares >= 0).all() and (each > 0).all()):
        raise ValueError("a mixture's weights must not be negative, nor all of a class 0")


def identity(*shape: int) -> Tensor:
    """Identity matrices, shape `(…, d, d)` of `(…, d)`.

    `torch.eye` and whatever copies one load torch's compiler where nothing is allocated.
    """
    made = torch.zeros(*shape, shape[-1])
    made.diagonal(dim1=-2, dim2=-1).fill_(1)
    return made


def _mixture(components: int, seed: int) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(components, max_iter=200, reg_covar=RIDGE, random_state=seed)


def _joined(found: Sequence[GaussianMixture], name: str) -> Tensor:
    """What mixtures were found to have, of all their components."""
    return torch.cat([torch.as_tensor(getattr(one, name)) for one in found])


def _fitted_mixture(points: np.ndarray, components: int | None, seed: int) -> GaussianMixture:
    """A mixture of so many components, or of as many as the criterion says."""
    if components is not None:
        return _mixture(components, seed).fit(points)
    few = points[np.linspace(0, len(points) - 1, min(len(points), 10_000)).astype(int)]
    first = _best_mixture(few, seed)
    best = _mixture(first.n_components, seed)
    # From where the fewer codes led, all of them are soon fitted.
    best.set_params(
        weights_init=first.weights_,
        means_init=first.means_,
        precisions_init=first.precisions_,
    )
    return best.fit(points)


def _best_mixture(points: np.ndarray, seed: int) -> GaussianMixture:
    """The mixture of 1, 2, 4, … components after which the criterion gets worse."""
    best = _mixture(1, seed).fit(points)
    most = min(len(points) // 2, len(np.unique(points, axis=0)))
    for components in (2**i for i in range(1, 9)):
        if components > most:
            break
        fitted = _mixture(components, seed).fit(points)
        if fitted.bic(points) > best.bic(points):
            break
        best = fitted
    return best


def invert(prior: Any, keys: object = None) -> None:
    """Keep the inverse of a prior's factor, also when it has been loaded."""
    unit = torch.diag(torch.ones_like(prior.mean))
    prior.inverse.copy_(torch.linalg.solve_triangular(prior.factor, unit, upper=False))


def _is_flat(covariance: Float[Tensor, "d d"]) -> bool:
    """Whether some direction varies by no more than single precision's rounding of the others."""
    deviation = covariance.diagonal().sqrt()
    correlation = covariance / deviation / deviation[:, None]
    return float(torch.linalg.eigvalsh(correlation)[0]) < FLAT


def cholesky(covariance: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """The lower triangular factor of a covariance; with a warning, of one that has an inverse."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed or _is_flat(covariance):
        warnings.warn(
            "The codes' covariance is singular: some coordinates are constant or dependent. "
            f"{RIDGE:g} of it is added to each variance. Use a smaller latent dimension, or a "
            "lighter penalty.",
            stacklevel=3,
        )
        variance = covariance.diagonal()
        mean = variance.mean() if variance.any() else torch.ones(())
        little = RIDGE * torch.where(variance > 0, variance, mean)
        factor = torch.linalg.cholesky(covariance + torch.diag(little))
    return factor
