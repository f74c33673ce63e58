"""Batch normalisation: over the batch of all processes, of the code, and its calibration."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial, reduce
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from entropae import distributed
from entropae.distributed import count, place, total

LEAST = 8  # rows whose own statistics are worth anything


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
        moments = Moments.none(len(self.running_mean))
        for h in batches:
            moments = moments.add(Moments.of(h))
        moments = moments.gathered()
        if moments.n > 1:
            self.running_mean.copy_(moments.mean)
            self.running_var.copy_(moments.variance)


class Moments(NamedTuple):
    """Number of points, their mean, and the sum of their squared differences from it."""

    n: int
    mean: Tensor
    square: Tensor

    @classmethod
    def none(cls, dim: int) -> Moments:
        """Of no points."""
        zero = torch.zeros(dim, dtype=torch.float64)
        return cls(0, zero, zero)

    @classmethod
    def of(cls, h: Float[Tensor, "n d"]) -> Moments:
        """Of some points, in double precision."""
        h = h.cpu().double()  # some devices have no double precision
        mean = h.mean(0)
        return cls(len(h), mean, (h - mean).square().sum(0))

    @property
    def variance(self) -> Tensor:
        """That of what the points are a sample of."""
        return self.square / (self.n - 1)

    def gathered(self) -> Moments:
        """Of the points of all processes."""
        if distributed.count() == 1:
            return self
        own = torch.cat([self.mean.new_tensor([self.n]), self.mean, self.square])
        every = [Moments(int(row[0]), *row[1:].chunk(2)) for row in distributed.gather(own[None])]
        return reduce(Moments.add, every)

    def add(self, other: Moments) -> Moments:
        """Of both samples together (Chan, Golub and LeVeque 1983, eq. 1.5)."""
        n = self.n + other.n
        if n == 0:
            return self
        step = other.mean - self.mean
        square = self.square + other.square + step.square() * self.n * other.n / n
        return Moments(n, self.mean + step * other.n / n, square)


def pool_batch_norms(
    network: nn.Module,
    inputs: Callable[[], Iterator[Tensor]],
    but: Collection[nn.Module] = (),
) -> None:
    """Set running statistics to those of all rows of all batches, but those of some parts.

    Each batch is normalised by its own statistics on the way, as in training (Wu and Johnson 2021,
    section 3, precise batch statistics). Statistics of no rows stay as they were.
    """
    found = [one for one in network.modules() if isinstance(one, _BatchNorm) and one not in but]
    found = [norm for norm in found if norm.track_running_stats]
    if not found:
        return
    kept = [{name: x.clone() for name, x in norm.named_buffers()} for norm in found]
    seen: list[list[Moments]] = [[] for _ in found]  # which copies on other devices add to, too
    hooks = [
        norm.register_forward_pre_hook(partial(_add_moments, own), with_kwargs=True)
        for norm, own in zip(found, seen, strict=True)
    ]
    batches = 0
    try:
        for norm in found:
            norm.train()
        # Compiled networks pass over hooks.
        loaded = "torch._dynamo" in sys.modules
        eagerly = torch.compiler.set_stance("force_eager") if loaded else nullcontext()
        with eagerly:
            for x in _at_least(LEAST, inputs()):  # of which this process has its share
                if len(x) > 1:
                    with distributed.alone():
                        network(in_precision_of(network, x))
                    batches += 1
                    for own in seen:
                        own[:] = [reduce(Moments.add, own)] if own else []
    finally:
        for hook in hooks:
            hook.remove()
        for norm, buffers in zip(found, kept, strict=True):
            norm.eval()
            for name, x in norm.named_buffers():
                x.copy_(buffers[name])
    number = int(distributed.total(torch.tensor(batches)))
    for norm, own in zip(found, seen, strict=True):
        moments = reduce(Moments.add, own, Moments.none(norm.num_features)).gathered()
        if moments.n > 1:
            statistics = dict(norm.named_buffers())
            statistics["running_mean"].copy_(moments.mean)
            statistics["running_var"].copy_(moments.variance)
            statistics["num_batches_tracked"].fill_(number)


def _add_moments(
    seen: list[Moments], norm: nn.Module, given: tuple[Tensor, ...], named: Mapping[str, Tensor]
) -> None:
    """Add those of what a batch normalisation gets, channel by channel."""
    x = precise([*given, *named.values()][0])
    variance, mean = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
    n = x.numel() // len(mean)
    seen.append(Moments(n, mean.cpu().double(), n * variance.cpu().double()))


def _at_least(least: int, batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Batches of at least so many rows, smaller ones put together; fewer if there are not so many.

    Examples:
        >>> [len(x) for x in _at_least(4, torch.zeros(11, 2).split(3))]
        [6, 5]
    """
    held: list[Tensor] = []
    ready: list[Tensor] = []
    for x in batches:
        before = held or ready
        if before and x.shape[1:] != before[0].shape[1:]:
            yield torch.cat([*ready, *held])
            ready, held = [], []
        held.append(x)
        if sum(map(len, held)) >= least:
            if ready:
                yield torch.cat(ready)
            ready, held = held, []
    if ready or held:
        yield torch.cat([*ready, *held])


def norms(part: nn.Module) -> list[_BatchNorm | Standardize]:
    """The batch normalisations in a module."""
    return [one for one in part.modules() if isinstance(one, _BatchNorm | Standardize)]
