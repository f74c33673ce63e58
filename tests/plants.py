"""Autoencoders each broken in one known way, and healthy ones.

Most are a healthy model changed by surgery: a part that the fault would have left so is put in.
Where the code's law is at fault, the code is mapped by an invertible T and the decoder undoes it,
so that it reconstructs as before: exactly what a model has learnt whose codes have that law.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

import entropae as ea
from entropae import kinds
from entropae.diagnosis import Diagnosis
from entropae.latent import Latent, Variational
from entropae.nn import pair


@dataclass
class Patient:
    """A model and what it is examined on."""

    model: ea.Autoencoder
    train: Tensor
    held_out: Tensor | None
    batch_size: int | None = None
    log: Sequence[Mapping[str, float]] = ()

    def diagnose(self) -> Diagnosis:
        return self.model.diagnose(
            self.train,
            self.held_out,
            batch_size=self.batch_size,
            log=self.log,
            progress=False,
        )


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


# Data, all split the same way.


SEED = 0  # of all data and models; the benchmark sets others


def digits() -> tuple[Tensor, Tensor]:
    return _digits(SEED)


@cache
def _digits(seed: int) -> tuple[Tensor, Tensor]:
    samples = kinds.read("digits")
    train, held_out = kinds.split(len(samples), 0.25, seed=seed)
    return samples.subset(train).first(2000), samples.subset(held_out).first(2000)


def colours() -> tuple[Tensor, Tensor]:
    """Digits in red to orange on black."""
    torch.manual_seed(SEED)
    tints = [torch.rand(len(x), 1) * torch.tensor([0.2, 0.6, 0.1]) for x in digits()]
    return tuple(  # type: ignore[return-value]
        x * (torch.tensor([0.8, 0.1, 0.0]) + tint)[:, :, None, None]
        for x, tint in zip(digits(), tints, strict=True)
    )


def waves(factors: Callable[[int], Tensor], n: int = 2000) -> tuple[Tensor, Tensor]:
    """Signals of 32 numbers, linear in some random factors, with a little noise."""
    torch.manual_seed(SEED)
    z = factors(n).float()
    t = torch.linspace(0, 2 * math.pi, 32)
    basis = torch.stack([f((i // 2 + 1) * t) for i, f in enumerate([torch.sin, torch.cos] * 4)])
    x = z @ basis[: z.shape[1]] + 0.05 * torch.randn(n, 32)
    return x[: 3 * n // 4], x[3 * n // 4 :]


def normal(d: int) -> Callable[[int], Tensor]:
    return lambda n: torch.randn(n, d)


# Models


def trained(
    latent: Latent,
    samples: tuple[Tensor, Tensor],
    *,
    hidden: tuple[int, ...] = (128, 64),
    epochs: int = 20,
    batch_size: int = 128,
    seed: int = 0,
    network: str = "mlp",
    learning_rate: float = 3e-3,
) -> Patient:
    train, held_out = samples
    torch.manual_seed(seed + SEED)
    bounded = bool((train >= 0).all() and (train <= 1).all())
    encoder, decoder = pair(
        network,  # type: ignore[arg-type]
        train.shape[1:],
        latent.in_features,
        latent.dim,
        hidden=hidden,
        width=8,
        output="sigmoid" if bounded else "linear",
    )
    model = ea.Autoencoder(encoder, decoder, latent)
    fit(model, train, epochs, batch_size, seed, learning_rate)
    return Patient(model, train, held_out, batch_size)


def fit(
    model: ea.Autoencoder,
    train: Tensor,
    epochs: int,
    batch_size: int = 128,
    seed: int = 0,
    learning_rate: float = 3e-3,
    **options: Any,
) -> None:
    ea.fit(
        model,
        train,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed + SEED,
        validation=0,
        learning_rate=learning_rate,
        progress=False,
        **options,
    )


def linear(samples: tuple[Tensor, Tensor], d: int) -> Patient:
    """Principal components, whitened: exact for data that are linear in Gaussian factors."""
    train, held_out = samples
    flat = train.flatten(1)
    mean = flat.mean(0)
    _, s, v = torch.linalg.svd(flat - mean, full_matrices=False)
    scale = s[:d] / (len(flat) - 1) ** 0.5
    shape = train.shape[1:]
    encoder = Of(lambda x: (x.flatten(1) - mean) @ v[:d].T / scale)
    decoder = Of(lambda z: (z * scale @ v[:d] + mean).unflatten(1, shape))
    return Patient(ea.Autoencoder(encoder, decoder, ea.Plain(d)), train, held_out)


@cache
def _healthy(seed: int) -> Patient:
    return trained(ea.Entropic(8, bank=1024), digits(), epochs=40)


def healthy() -> Patient:
    """A copy of the digits' model, to operate on."""
    return copy.deepcopy(_healthy(SEED))


def mapped(
    patient: Patient,
    forward: Callable[[Tensor], Tensor],
    backward: Callable[[Tensor], Tensor],
    dim: int | None = None,
) -> Patient:
    """Codes T(z), and a decoder that undoes T."""
    old = patient.model
    model = ea.Autoencoder(
        Of(lambda x: forward(old.latent(old.encoder(x)).code), old.encoder, old.latent),
        Of(lambda z: old.decoder(backward(z)), old.decoder),
        ea.Plain(dim or old.latent.dim),
    ).eval()
    return Patient(model, patient.train, patient.held_out)


def radial(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def apply(z: Tensor) -> Tensor:
        norm = z.norm(dim=1, keepdim=True)
        return z / norm * f(norm)

    return apply


# The faults


def running_statistics() -> Patient:
    """The latent's running statistics are of something else."""
    patient = healthy()
    patient.model.latent.norm.running_mean += 2 * patient.model.latent.norm.running_var.sqrt()
    patient.model.latent.norm.running_var *= 4
    return patient


def inner_statistics() -> Patient:
    """A batch normalisation inside the user's encoder has never had its statistics updated."""
    train, held_out = digits()
    torch.manual_seed(SEED)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 8)
    )
    _, decoder = pair("mlp", (1, 8, 8), 8, 8, hidden=(128, 64))
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(8, bank=0))
    fit(model, train, 20)
    encoder[2].reset_running_stats()
    return Patient(model, train, held_out, 128)


def scaled() -> Patient:
    """Codes three times as large as those of N(0, I)."""
    return mapped(healthy(), lambda z: 3 * z, lambda z: z / 3)


def off_centre() -> Patient:
    """Codes with mean 1.5."""
    return mapped(healthy(), lambda z: z + 1.5, lambda z: z - 1.5)


def dead() -> Patient:
    """Three coordinates more, that never move; their decoder weights are as they began."""
    return extended(lambda z: torch.zeros(len(z), 3))


def duplicated() -> Patient:
    """The first three coordinates twice; the decoder weights of their differences never learnt."""
    return extended(lambda z: z[:, :3], lambda z: z[:, :3])


def extended(
    more: Callable[[Tensor], Tensor], known: Callable[[Tensor], Tensor] | None = None
) -> Patient:
    """Three more coordinates; what differs from what the decoder knows meets weights as drawn."""
    patient = healthy()
    d = patient.model.latent.dim
    first = patient.model.decoder.layers[0]
    torch.manual_seed(SEED + 1)
    fresh = nn.Linear(d + 3, first.out_features).weight[:, d:].detach()
    with torch.no_grad():
        wide = nn.Linear(d + 3, first.out_features)
        wide.weight[:, :d], wide.weight[:, d:], wide.bias[:] = first.weight, fresh, first.bias
        if known is not None:
            wide.weight[:, :3] -= fresh  # together they act on the code as the old ones did
    patient.model.decoder.layers[0] = wide
    return mapped(patient, lambda z: torch.cat([z, more(z)], 1), lambda z: z, d + 3)


def correlated() -> Patient:
    """Codes with all correlations 0.8."""
    factor = torch.linalg.cholesky(0.2 * torch.eye(8) + 0.8)
    return mapped(healthy(), lambda z: z @ factor.T, lambda z: z @ factor.T.inverse())


def shell() -> Patient:
    """Norms within a tenth of what they spread in N(0, I)."""
    middle = math.sqrt(7.5)
    return mapped(
        healthy(),
        radial(lambda r: middle + (r - middle) / 10),
        radial(lambda r: (middle + 10 * (r - middle)).clamp(min=0)),
    )


def tails() -> Patient:
    """Codes sinh(2 z), of variance 1."""
    size = math.sqrt((math.exp(8) - 1) / 2)
    return mapped(healthy(), lambda z: (2 * z).sinh() / size, lambda z: (size * z).asinh() / 2)


def clusters() -> Patient:
    """Four kinds of signals, far apart."""

    def factors(n: int) -> Tensor:
        kind = torch.randint(2, (n, 2)) * 2.0 - 1
        return torch.cat([kind + 0.15 * torch.randn(n, 2), torch.randn(n, 2)], 1)

    return linear(waves(factors), 4)


def holes() -> Patient:
    """Codes in three rings, with nothing between them, and norms that spread as N(0, I)'s do."""
    middles = torch.tensor([0.6, 1.5, 2.6])

    def f(r: Tensor) -> Tensor:
        middle = middles[(r - middles).abs().argmin(1)][:, None]
        return middle + 0.3 * (r - middle)

    def factors(n: int) -> Tensor:
        return radial(f)(torch.randn(n, 2))

    return linear(waves(factors), 2)


def stale_prior() -> Patient:
    """Samples are drawn from a law that was fitted to another model's codes."""
    patient = healthy()
    other = linear(digits(), 8)
    patient.model.fit_prior(patient.train, "full")
    patient.model.priors["full"].fit(3 * other.model.encode(other.train))
    return patient


def weight_small() -> Patient:
    """No weight on the entropy."""
    return trained(ea.Entropic(8, weight=0.0, bank=0), digits())


def weight_large() -> Patient:
    """Thirty times the entropy's weight."""
    return trained(ea.Entropic(8, weight=30.0, bank=512), digits())


def latent_large() -> Patient:
    """Eight dimensions for signals of two factors."""

    def factors(n: int) -> Tensor:
        a, b = torch.rand(2, n) * 2 * math.pi
        return torch.stack([a.sin(), b.sin(), (a + b).cos(), (2 * a).cos(), (a - b).sin()], 1)

    return trained(ea.Entropic(8, bank=512), waves(factors), epochs=10)


def latent_small() -> Patient:
    """One dimension for digits."""
    return trained(ea.Entropic(1, bank=0), digits())


def batch() -> Patient:
    """Batches of four."""
    return trained(ea.Entropic(8, bank=0), digits(), epochs=1, batch_size=4, hidden=(64,))


def collapse() -> Patient:
    """A decoder without weights on the code."""
    patient = healthy()
    nn.init.zeros_(patient.model.decoder.layers[0].weight)
    return patient


def overfitting() -> Patient:
    """Large networks, forty samples, many epochs."""
    train, held_out = digits()
    few = train[:40], held_out
    return trained(ea.Plain(16, standardize=True), few, hidden=(256,), epochs=300, batch_size=40)


def copies() -> Patient:
    """A decoder that returns the training sample of the nearest code."""
    patient = healthy()
    codes = patient.model.encode(patient.train)
    patient.model.decoder = Of(lambda z: patient.train[torch.cdist(z, codes).argmin(1)])
    return patient


def bytes_given() -> Patient:
    """Data 0 … 255 for a model of data 0 … 1."""
    patient = healthy()
    return Patient(patient.model, 255 * patient.train, 255 * patient.held_out)


def negatives() -> Patient:
    """White on black for a model of black on white."""
    patient = healthy()
    return Patient(patient.model, 1 - patient.train, 1 - patient.held_out)


def channels() -> Patient:
    """Blue, green, red for a model of red, green, blue."""
    patient = linear(colours(), 16)
    return Patient(patient.model, patient.train.flip(1), patient.held_out.flip(1))


def unreachable() -> Patient:
    """Standardised signals from a decoder that ends in a sigmoid."""
    train, held_out = waves(normal(4))
    torch.manual_seed(SEED)
    encoder, decoder = pair("mlp", (32,), 4, 4, hidden=(64,), output="sigmoid")
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(4, bank=0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The decoder returns only values from 0 to 1")
        fit(model, train, 20)
    return Patient(model, train, held_out, 128)


def clamped() -> Patient:
    """Data −1 … 1, right but for what a decoder of 0 … 1 cannot return."""
    train, held_out = (2 * x.flatten(1) - 1 for x in digits())
    clamp = Of(lambda z: z.clamp(0, 1))
    return Patient(ea.Autoencoder(nn.Identity(), clamp, ea.Plain(64)), train, held_out)


def logits() -> Patient:
    """Digits learnt by a cross-entropy that takes logits."""
    torch.manual_seed(SEED)
    encoder, decoder = pair("mlp", (1, 8, 8), 8, 8, hidden=(128, 64), output="linear")
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(8, bank=0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The reconstruction error takes logits")
        fit(model, digits()[0], 60, error=nn.functional.binary_cross_entropy_with_logits)
    return Patient(model, *digits(), 128)


def leaked() -> Patient:
    """Held-out samples that are among the training samples."""
    patient = healthy()
    return Patient(patient.model, patient.train, patient.train[:400])


def cut_off() -> Patient:
    """An encoder that ends in a ReLU."""
    torch.manual_seed(SEED)
    encoder, decoder = pair("mlp", (1, 8, 8), 8, 8, hidden=(128, 64), output="sigmoid")
    model = ea.Autoencoder(nn.Sequential(encoder, nn.ReLU()), decoder, ea.Plain(8))
    fit(model, digits()[0], 20)
    return Patient(model, *digits(), 128)


def mixed_units() -> Patient:
    """Signals of which one value is in another unit, to networks of their own."""
    units = torch.where(torch.arange(32) == 8, 1000.0, 1.0)
    train, held_out = (x * units for x in waves(normal(4)))
    torch.manual_seed(SEED)
    encoder, decoder = pair("mlp", (32,), 4, 4, hidden=(64,), output="linear")
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(4, bank=0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The values are in mixed units")
        fit(model, train, 20)
    return Patient(model, train, held_out, 128)


def undertrained() -> Patient:
    """One epoch."""
    return trained(ea.Entropic(8, bank=0), digits(), epochs=1, learning_rate=1e-3)


def few_steps() -> Patient:
    """The same, and the log says so."""
    patient = undertrained()
    patient.log = [{"step": 11, "epoch": 1, "train/reconstruction": 0.05}]
    return patient


# Each plant and the finding that names it.
PLANTS: dict[str, tuple[Callable[[], Patient], str]] = {
    "wrong running statistics of the latent": (running_statistics, "statistics"),
    "wrong running statistics in the encoder": (inner_statistics, "statistics"),
    "codes scaled by 3": (scaled, "scale"),
    "codes off centre": (off_centre, "scale"),
    "dead coordinates": (dead, "dead"),
    "duplicated coordinates": (duplicated, "duplicates"),
    "correlated coordinates": (correlated, "correlation"),
    "a shell": (shell, "shell"),
    "heavy tails": (tails, "tails"),
    "clusters": (clusters, "clusters"),
    "a stale prior": (stale_prior, "holes"),
    "rings": (holes, "rings"),
    "λ = 0": (weight_small, "weight_small"),
    "λ = 30": (weight_large, "weight_large"),
    "8 dimensions for 2": (latent_large, "latent_large"),
    "1 dimension for digits": (latent_small, "latent_small"),
    "batches of 4": (batch, "batch"),
    "a decoder that ignores the code": (collapse, "collapse"),
    "40 training samples": (overfitting, "overfitting"),
    "a decoder that copies": (copies, "copies"),
    "data 0 … 255": (bytes_given, "input"),
    "negatives": (negatives, "input"),
    "channels reversed": (channels, "input"),
    "a sigmoid for signals": (unreachable, "range"),
    "logits for digits": (logits, "logits"),
    "data −1 … 1 to a decoder of 0 … 1": (clamped, "range"),
    "held-out samples of the training set": (leaked, "leak"),
    "an encoder that ends in a ReLU": (cut_off, "cut"),
    "values in mixed units": (mixed_units, "units"),
    "one epoch": (undertrained, "undertrained"),
    "one epoch, with its log": (few_steps, "steps"),
}


# Healthy ones


def with_mixture() -> Patient:
    """No entropy, but samples are drawn from a mixture."""
    patient = trained(ea.Plain(8, standardize=True), digits(), seed=3)
    patient.model.fit_prior(patient.train, "mixture")
    return patient


HEALTHY: dict[str, Callable[[], Patient]] = {
    "EAE, digits, d = 8": healthy,
    "EAE, digits, d = 16": lambda: trained(ea.Entropic(16, bank=1024), digits(), seed=1, epochs=40),
    "EAE, digits, convolutions": lambda: trained(
        ea.Entropic(8, bank=512), digits(), seed=2, epochs=10, network="conv"
    ),
    "EAE, signals, d = 4": lambda: trained(ea.Entropic(4, bank=512), waves(normal(4)), epochs=15),
    "VAE, digits, d = 8": lambda: trained(Variational(8, 2 * 8 / 64), digits(), epochs=40),
    "principal components, signals, d = 4": lambda: linear(waves(normal(4)), 4),
    "AE + BN with a mixture, digits": with_mixture,
}
