"""The kernel distance."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from entropae.messages import whole
from entropae.metrics.pairs import two_samples


class KernelDistance(NamedTuple):
    """Mean over subsets, and standard deviation between subsets."""

    mean: float
    std: float


def kernel_distance(
    x: Any, y: Any, *, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x·y/f + 1)³, unbiased.

    Unlike the Fréchet distance it has no bias at small samples, and may come out negative. It is
    called KID only if the features are those of the standard Inception network.

    Args:
        x: Features of shape `(n, f)`.
        y: Features of shape `(m, f)`.
        subsets: Number of random subsets of both samples.
        size: Points of each subset; at most the smaller sample.
        seed: Of the subsets.

    Raises:
        ValueError: If a sample is not finite or has one point, the dimensions differ, or `subsets`
            or `size` is too small.

    References:
        Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 3 and eq. (4).
    """
    x, y = two_samples(x, y)
    subsets, size = whole("subsets", subsets, 1), min(whole("size", size, 2), len(x), len(y))
    generator = torch.Generator().manual_seed(whole("seed", seed, 0))
    in_x, in_y = x.new_zeros(len(x), subsets), y.new_zeros(len(y), subsets)
    for subset in range(subsets):
        for member in (in_x, in_y):
            drawn = torch.randperm(len(member), generator=generator)[:size]
            member[drawn.to(member.device), subset] = 1
    within = sum(
        _kernel_sums(z, z, member, member) - member.T @ _cubic(z.square().sum(1) / z.shape[1])
        for z, member in ((x, in_x), (y, in_y))
    )
    values = within / (size * (size - 1)) - 2 * _kernel_sums(x, y, in_x, in_y) / size**2
    return KernelDistance(float(values.mean()), float(values.std(correction=0)))


def _kernel_sums(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> Tensor:
    """Kernel values summed over each subset's pairs, all subsets in one pass over the pairs."""
    total = x.new_zeros(in_x.shape[1])
    for rows, member in zip(x.split(1024), in_x.split(1024), strict=True):
        total += (member * (_cubic(rows @ y.T / y.shape[1]) @ in_y)).sum(0)
    return total


def _cubic(product: Tensor) -> Tensor:
    return (product + 1).pow(3)
