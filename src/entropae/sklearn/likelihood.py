"""The likelihood of samples under an autoencoder whose codes follow normal distributions."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, autograd, nn

from entropae.model import Autoencoder
from entropae.prior import Mixture, Prior


def is_likelier(model: Autoencoder, x: Float[Tensor, "n features"]) -> bool:
    """Whether training samples' codes are worth the parameters of the mixture fitted to them.

    By the Bayesian information criterion, beside N(0, I), which has no parameters.
    """
    mixture, codes = model.priors["mixture"], model.encode(x)
    assert isinstance(mixture, Mixture)
    each = 1 + mixture.dim + mixture.dim * (mixture.dim + 1) // 2
    parameters = len(mixture.weights) * each - 1
    gain = mixture.log_prob(codes).sum() - model.priors["normal"].log_prob(codes).sum()
    return bool(2 * gain > parameters * math.log(len(codes)))


@torch.no_grad()
def log_density(
    decoder: nn.Module,
    prior: Prior,
    x: Float[Tensor, "n features"],
    z: Float[Tensor, "n d"],
    noise: float,
) -> Float[Tensor, " n"]:
    """Log Σ_k w_k N(x; D(z) + J (μ_k − z), J C_k Jᵀ + σ² I) of each row, by matrices of d × d.

    The components are the prior's; N(0, I) is one. `noise` is σ².
    """
    axes = torch.eye(z.shape[1]).to(z)
    columns: list[Any] = [
        autograd.functional.jvp(decoder, z, axis.expand_as(z))[1] for axis in axes
    ]
    jacobian = torch.stack(columns, 2)
    if isinstance(prior, Mixture):
        components = list(zip(prior.weights.log(), prior.means, prior.factors, strict=True))
    else:
        components = [(0.0, torch.zeros_like(z[0]), axes)]
    rest = x - decoder(z)
    each = [
        weight
        + _log_normal(
            rest + torch.einsum("nfd,nd->nf", jacobian, z - mean), jacobian @ factor, noise
        )
        for weight, mean, factor in components
    ]
    return torch.logsumexp(torch.stack(each), 0)


def _log_normal(
    rest: Float[Tensor, "n features"], factor: Float[Tensor, "n features d"], noise: float
) -> Float[Tensor, " n"]:
    """Log N(rest; 0, F Fᵀ + σ² I) of each row."""
    # By Woodbury: M = I + FᵀF/σ²; rᵀ(FFᵀ + σ²I)⁻¹r = (rᵀr − rᵀF M⁻¹ Fᵀr/σ²)/σ².
    inner = torch.eye(factor.shape[2]).to(factor) + factor.mT @ factor / noise
    cholesky = torch.linalg.cholesky(inner)
    projected = torch.einsum("nfd,nf->nd", factor, rest) / noise
    solved = torch.cholesky_solve(projected[..., None], cholesky)[..., 0]
    # What is left of the row at the likeliest code: no difference of large numbers.
    left = rest - torch.einsum("nfd,nd->nf", factor, solved)
    square = left.square().sum(1) / noise + solved.square().sum(1)
    log_det = 2 * cholesky.diagonal(dim1=1, dim2=2).log().sum(1)
    return -0.5 * (square + log_det + rest.shape[1] * math.log(2 * math.pi * noise))
