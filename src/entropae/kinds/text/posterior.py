"""What a VAE's posterior tells of sentences."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from entropae.latent import Variational
from entropae.nn.sequences import SequenceDecoder


class Posterior(NamedTuple):
    """What a VAE's posterior tells of sentences, in nats per sentence.

    Attributes:
        kl: Mean KL(q(z | x) ‖ N(0, I)).
        mutual_information: I(x; z) under q: `kl` − KL(q(z) ‖ N(0, I)), q(z) being the average of
            the posteriors of the same sentences; so at most log n.
        nll: −log p(x) by importance weights.
    """

    kl: float
    mutual_information: float
    nll: float


@torch.no_grad()
def posterior(model: Any, rows: Int[Tensor, "n t"], *, draws: int = 32, seed: int = 0) -> Posterior:
    """KL, mutual information and importance-weighted NLL of a VAE.

    −log p(x) ≤ −log (1/K) Σ p(x | zᵢ) p(zᵢ) / q(zᵢ | x), zᵢ ~ q(z | x).

    Args:
        model: An autoencoder with a `Variational` latent and a decoder with `nll`.
        rows: Sentences, as rows of tokens.
        draws: K.
        seed: Of the draws.

    Raises:
        ValueError: If the latent has no posterior.

    References:
        Burda, Grosse and Salakhutdinov, ICLR 2016, eq. (8). Hoffman and Johnson, "ELBO surgery",
        2016, for the mutual information.
    """
    latent = model.latent
    if not isinstance(latent, Variational):
        raise ValueError(f"Only a Variational latent has a posterior: got {type(latent).__name__}.")
    generator = torch.Generator().manual_seed(seed)
    nll = decoder_of(model).nll
    mean, log_variance = (part.double() for part in latent.posterior(model.encoder(rows)))
    kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
    weights, information = [], torch.zeros(len(rows), dtype=torch.float64)
    for draw in range(draws):
        noise = torch.randn(mean.shape, generator=generator, dtype=torch.float64)
        z = mean + (0.5 * log_variance).exp() * noise
        inside = _log_normal(z, mean, log_variance)
        prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
        weights.append(prior - inside - nll(z.float(), rows).double())
        if draw < 4:
            every = _log_normal(z[:, None], mean, log_variance)
            information += (inside - every.logsumexp(1) + math.log(len(rows))) / min(4, draws)
    bound = torch.stack(weights).logsumexp(0) - math.log(draws)
    return Posterior(float(kl.mean()), float(information.mean()), float(-bound.mean()))


def _log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    squared = (z - mean).square() / log_variance.exp()
    return -0.5 * (squared + log_variance + math.log(2 * math.pi)).sum(-1)


def decoder_of(model: Any) -> SequenceDecoder:
    """The decoder of a model, which must be one of sentences."""
    if not isinstance(model.decoder, SequenceDecoder):
        raise ValueError(
            f"The decoder must be one of sentences: got {type(model.decoder).__name__}."
        )
    return model.decoder
