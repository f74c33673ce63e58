"""What the processes of data-parallel training do together.

Each process has its share of a batch, and the loss is of the whole: inside `together()` every
process computes it, the same number in all of them. Outside, and with one process, all of this
module does nothing.

The backward pass of a sum over processes is the sum of their gradients. So what a process finds is
the gradient of the sum of all p equal losses, p times its share of the gradient of one; and the
mean over processes, which `DistributedDataParallel` takes, is the gradient. No other scale is
needed, nor for what is computed in every process from its own copy of the parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch import distributed as dist

# Of the process and not of a thread: autograd has threads of its own.
_joined = False

# Rows of the batch in each process, where they have been exchanged.
_rows: list[int] | None = None


@contextmanager
def together(n: int | None = None) -> Iterator[None]:
    """Inside, the processes act as one. All of them must get here and do the same.

    Does nothing unless `torch.distributed` has been initialised.

    Args:
        n: Rows of this process's share of the batch. If all row-wise calls inside are of that
            batch, this saves each of them an exchange.
    """
    with _acting(True):
        rows = None if n is None or count() == 1 else _exchanged(n)
        with _acting(True, rows):
            yield


def alone() -> Any:
    """Inside, the process acts by itself again."""
    return _acting(False)


@contextmanager
def _acting(joined: bool, rows: list[int] | None = None) -> Iterator[None]:
    global _joined, _rows
    before = _joined, _rows
    _joined, _rows = joined, rows
    try:
        yield
    finally:
        _joined, _rows = before


def count() -> int:
    """Number of processes that act as one here."""
    return dist.get_world_size() if _joined and dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process writes the files, also before the processes have met."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank() == 0
    # torchrun sets RANK, and its first process may run on any machine; Lightning's own processes
    # have the others; SLURM's have the last.
    names = ("RANK",) if "RANK" in os.environ else ("LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
    return not any(int(os.environ.get(name) or 0) for name in names)


def share(n: int, rank: int | None = None, processes: int | None = None) -> slice:
    """Which of `n` rows are a process's: consecutive, sizes at most one apart, larger ones first.

    Examples:
        >>> [share(7, rank, 3) for rank in range(3)]
        [slice(0, 3, None), slice(3, 5, None), slice(5, 7, None)]
    """
    p = count() if processes is None else processes
    rank = (dist.get_rank() if p > 1 else 0) if rank is None else rank
    each, more = divmod(n, p)
    start = rank * each + min(rank, more)
    return slice(start, start + each + (rank < more))


def place(x: Shaped[Tensor, "n ..."]) -> tuple[slice, int]:
    """Where this process's rows are among those of all, in the order of ranks, and how many all.

    Raises:
        ValueError: If `together` was given another number of rows.
    """
    if count() == 1:
        return slice(0, len(x)), len(x)
    rows = _exchanged(len(x)) if _rows is None else _rows
    rank = dist.get_rank()
    if len(x) != rows[rank]:
        raise ValueError(
            f"The rows must be those of the batch, {rows[rank]} as `together` was told: got "
            f"{len(x)}. Leave the number out."
        )
    return slice(sum(rows[:rank]), sum(rows[: rank + 1])), sum(rows)


def _exchanged(n: int) -> list[int]:
    counts = torch.zeros(count(), dtype=torch.int64)
    counts[dist.get_rank()] = n
    return _reduced(counts).tolist()


def total(x: Tensor) -> Tensor:
    """Sum over the processes, with gradient of any order."""
    return x if count() == 1 else _Total.apply(x)  # type: ignore[return-value]


def gather(x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "m ..."]:
    """The rows of all processes, in the order of ranks, with gradient. They may differ in number.

    A sum over processes of rows padded with zeros: twice the bytes of sending each row once, in the
    one operation whose gradient is itself.
    """
    if count() == 1:
        return x
    own, n = place(x)
    padded = torch.cat(
        [x.new_zeros(own.start, *x.shape[1:]), x, x.new_zeros(n - own.stop, *x.shape[1:])]
    )
    return total(padded)


def average(x: Float[Tensor, "*shape"], weight: int) -> Float[Tensor, "*shape"]:
    """Weighted mean of the processes' values. Of weight 0, a value may be NaN."""
    if count() == 1:
        return x
    # Not skipped in a process without weight, which takes part in the backward pass too.
    x = x if x.dtype == torch.float64 else x.float()
    counted = torch.where(torch.tensor(weight > 0, device=x.device), x, torch.zeros_like(x))
    sums = total(torch.cat([weight * counted.flatten(), x.new_full((1,), weight)]))
    return (sums[:-1] / sums[-1].clamp(min=1)).view_as(x)


def mean(x: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
    """Mean of all elements of all processes, with gradient."""
    return average(x.mean(), x.numel())


def any_process(yes: bool, processes: int) -> bool:
    """Whether any of so many processes says yes; all of them must ask at the same time."""
    if processes == 1:
        return yes
    with together():
        return bool(total(torch.tensor(float(yes))) > 0)


def randn(*shape: int, like: Tensor) -> Tensor:
    """N(0, 1) numbers, the same in all processes: those that the first one draws."""
    if count() == 1:
        return torch.randn(shape, dtype=like.dtype, device=like.device)
    cuda = like.device.type == "cuda"
    generator = (
        torch.cuda.default_generators[like.device.index] if cuda else torch.default_generator
    )
    own = generator.get_state()
    state = own.to(_device(own), copy=True)
    dist.broadcast(state, 0)
    generator.set_state(state.cpu())
    drawn = torch.randn(shape, dtype=like.dtype, device=like.device)
    if dist.get_rank() > 0:
        generator.set_state(own)
    return drawn


def randn_like(x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    """N(0, 1) numbers for this process's rows: those that one process would draw for them."""
    if count() == 1:
        return torch.randn_like(x)
    own, n = place(x)
    return randn(n, *x.shape[1:], like=x)[own]


class _Total(torch.autograd.Function):
    """A sum over processes, whose gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _reduced(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Total.apply(gradients[0])


def _reduced(x: Tensor) -> Tensor:
    whole = x.detach().to(_device(x), copy=True, memory_format=torch.contiguous_format)
    dist.all_reduce(whole)
    return whole.to(x.device)


def _device(x: Tensor) -> torch.device:
    """Where the processes exchange a tensor: NCCL takes those on GPUs only."""
    return (
        torch.device("cuda", torch.cuda.current_device())
        if dist.get_backend() == "nccl"
        else x.device
    )
