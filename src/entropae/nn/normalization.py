"""Batch normalisation: over the batch of all processes, of the code, and its calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import reduce
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from entropae import distributed
from entropae.distributed import count, place, total


def batch_norm(
    x: Float[Tensor, "n c ..."],
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    momentum: float,
    eps: float,
) -> Float[Tensor, "n c ..."]:
    """`nn.functional.batch_norm` in training, over the batch of all processes.

    From differences to the mean, in float32 or better, and with gradient of any order, which
    `nn.SyncBatchNorm` has not; nor does that run on CPUs.
    """
    if count() == 1:
        return nn.functional.batch_norm(
            x, running_mean, running_var, weight, bias, True, momentum, eps
        )
    with torch.autocast(x.device.type, enabled=False):
        h = x if x.dtype == torch.float64 else x.float()
        axes = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        elements = place(x)[1] * math.prod(x.shape[2:])
        centre = total(h.sum(axes)) / elements
        centred = h - centre.view(shape)
        variance = total(centred.square().sum(axes)) / elements
        z = centred * (variance + eps).rsqrt().view(shape)
        if weight is not None:
            z = z * weight.view(shape)
        if bias is not None:
            z = z + bias.view(shape)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                unbiased = variance * (elements / max(1, elements - 1))
                running_mean.lerp_(centre.to(running_mean), momentum)
                running_var.lerp_(unbiased.to(running_var), momentum)
        return z.to(x.dtype)


class BatchNorm(_BatchNorm):
    """`nn.BatchNorm1d`, `2d` and `3d`, over the batch of all processes."""

    def forward(self, input: Float[Tensor, "n c ..."]) -> Float[Tensor, "n c ..."]:
        """The normalised batch."""
        if count() == 1 or not (self.training or self.running_mean is None):
            return super().forward(input)
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1 / float(self.num_batches_tracked)
        return batch_norm(
            input,
            self.running_mean if self.training else None,
            self.running_var if self.training else None,
            self.weight,
            self.bias,
            momentum=momentum or 0.0,
            eps=self.eps,
        )

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes will do."""


def synchronize(module: nn.Module) -> None:
    """Make each of torch's batch normalisations in a module a `BatchNorm`, in place."""
    for part in module.modules():
        if type(part) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm):
            part.__class__ = BatchNorm  # as torch's lazy modules do: tensors and hooks stay


def precise(h: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """In single precision or better, whatever autocast made of it."""
    return h if h.dtype == torch.float64 else h.float()


def in_precision_of(network: nn.Module, x: Tensor) -> Tensor:
    """Numbers as a network takes them: encoder, latent and decoder may differ in precision."""
    weights = (p.dtype for p in network.parameters() if p.is_floating_point())
    return x.to(next(weights, x.dtype)) if x.is_floating_point() else x


def in_single(fn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """What `Module.to` and its like do to tensors, but leave in single precision or better."""

    def kept(x: Tensor) -> Tensor:
        made = fn(x)
        return x.to(made.device) if made.is_floating_point() and made.itemsize < 4 else made

    return kept


class Standardize(nn.Module):
    """Batch normalisation without affine parameters: the constraint of the Entropic AutoEncoder.

    In training every coordinate has exactly mean 0 and variance 1 over the batch, which is that of
    all processes (Ghose, Rashwan and Poupart 2020, section 3); at inference running statistics are
    used. These lag behind the encoder, so `calibrate` takes them from the training set when fitting
    ends. Always in float32 or better. A batch of one has no variance and is normalised by the
    running statistics.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, dim: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.register_buffer("running_mean", torch.zeros(dim))
        self.register_buffer("running_var", torch.ones(dim))

    def forward(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The standardised batch."""
        statistics = self.running_mean, self.running_var
        with torch.autocast(h.device.type, enabled=False):
            if self.training and distributed.place(h)[1] > 1:
                return batch_norm(precise(h), *statistics, momentum=self.momentum, eps=self.eps)
            return nn.functional.batch_norm(precise(h), *statistics, eps=self.eps)

    def _apply(self, fn: Any, *args: Any, **options: Any) -> Any:
        """Keep the statistics in single precision where the networks have half."""
        return super()._apply(in_single(fn), *args, **options)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Float[Tensor, "n d"]]) -> None:
        """Set mean and variance to those of all batches together, also of other processes."""
        zero = torch.zeros(len(self.running_mean), dtype=torch.float64)
        moments = Moments(0, zero, zero)
        for h in batches:
            h = h.cpu().double()  # some devices have no double precision
            moments = moments.add(Moments(len(h), h.mean(0), (h - h.mean(0)).square().sum(0)))
        if distributed.count() > 1:
            own = torch.cat([zero.new_tensor([moments.n]), moments.mean, moments.square])
            every = [
                Moments(int(row[0]), *row[1:].chunk(2)) for row in distributed.gather(own[None])
            ]
            moments = reduce(Moments.add, every)
        if moments.n > 1:
            self.running_mean.copy_(moments.mean)
            self.running_var.copy_(moments.square / (moments.n - 1))


class Moments(NamedTuple):
    """Number of points, their mean, and the sum of their squared differences from it."""

    n: int
    mean: Tensor
    square: Tensor

    def add(self, other: Moments) -> Moments:
        """Of both samples together (Chan, Golub and LeVeque 1983, eq. 1.5)."""
        n = self.n + other.n
        if n == 0:
            return self
        step = other.mean - self.mean
        square = self.square + other.square + step.square() * self.n * other.n / n
        return Moments(n, self.mean + step * other.n / n, square)


def average_batch_norms(
    network: nn.Module,
    inputs: Callable[[], Iterator[Tensor]],
    but: Collection[nn.Module] = (),
) -> None:
    """Set running statistics to their plain average over all batches, but those of some parts."""
    norms = [one for one in network.modules() if isinstance(one, _BatchNorm) and one not in but]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with distributed.alone():
        for x in inputs():
            if len(x) > 1:
                network(in_precision_of(network, x))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
        statistics = dict(norm.named_buffers())
        seen = statistics.pop("num_batches_tracked")
        for statistic in statistics.values():
            statistic.copy_(distributed.average(statistic, int(seen)))
        seen.copy_(distributed.total(seen))


def norms(part: nn.Module) -> list[_BatchNorm | Standardize]:
    """The batch normalisations in a module."""
    return [one for one in part.modules() if isinstance(one, _BatchNorm | Standardize)]
