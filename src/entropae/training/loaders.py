"""The batches of a training, the same for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import islice
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Sampler, SequentialSampler

from entropae import distributed
from entropae.kinds import Samples, collate


class Shares(BatchSampler):
    """A process's share of every batch of one order, which is the same in all processes."""

    def __init__(self, sampler: Any, size: int, *, drop_last: bool, rank: int, processes: int):
        super().__init__(sampler, size, drop_last)
        self.rank, self.processes = rank, processes
        self.passed_over = 0  # of the next pass, those that it begins after

    def __iter__(self) -> Iterator[list[int]]:
        first, self.passed_over = self.passed_over, 0
        for batch in islice(super().__iter__(), first, None):
            yield batch[distributed.share(len(batch), self.rank, self.processes)]


class Shuffled(Sampler[int]):
    """All rows in torch's `DistributedSampler`'s order, in 8 bytes a row and not a list of numbers.

    Args:
        n: Number of rows.
        seed: Of the order, with the epoch, which Lightning sets.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.seed, self.epoch = n, seed, 0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        for part in torch.randperm(self.n, generator=generator).split(1 << 16):
            yield from part.tolist()

    def set_epoch(self, epoch: int) -> None:
        """Another order."""
        self.epoch = epoch


class Loaders(lightning.LightningDataModule):
    """Training and validation batches, the training ones in an order fixed by seed and epoch.

    With several processes, each has its share of the batches that one process would have; this
    wants `Trainer(use_distributed_sampler=False)`.

    Args:
        train: Samples to learn from.
        validation: Held-out samples, or none.
        batch_size: Samples a step, over all processes together.
        least: A last training batch of fewer samples than this is left out of its epoch.
        seed: Of the order.
    """

    def __init__(
        self, train: Samples, validation: Samples | None, batch_size: int, *, least: int, seed: int
    ) -> None:
        super().__init__()
        self.train, self.validation = train, validation
        self.batch_size, self.least, self.seed = batch_size, least, seed

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Batches of this process's share, shuffled anew each epoch."""
        last = len(self.train) % self.batch_size
        drop_last = 0 < last < self.least and len(self.train) > self.batch_size
        order = Shuffled(len(self.train), self.seed)
        return self._loader(self.train, order, drop_last=drop_last)

    def pass_over(self, batches: int) -> None:
        """Leave out so many batches at the next pass over the training samples."""
        assert self.trainer is not None
        loader: Any = self.trainer.train_dataloader
        loader.batch_sampler.passed_over = batches

    def shares(self) -> DataLoader[Tensor]:
        """All training samples once, in large even batches, of which this process has its share.

        They are shuffled: no batch is of some part of the data only.
        """
        assert self.trainer is not None
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.seed))
        number = max(1, round(len(self.train) / max(self.batch_size, 512)))
        every = [rows.tolist() for rows in order.tensor_split(number)]
        own: Any = every[self.trainer.global_rank :: self.trainer.world_size]
        return DataLoader(self.train, batch_sampler=own, collate_fn=collate)

    def rows(self, batch: int) -> list[int]:
        """Which rows of the data this process's batch of this number has in this epoch."""
        assert self.trainer is not None
        loader: Any = self.trainer.train_dataloader
        sampler = copy(loader.batch_sampler)  # whose own place stays where it is
        chosen = next(islice(sampler, batch, None))
        return chosen if self.train.index is None else self.train.index[chosen].tolist()

    def val_dataloader(self) -> Any:
        """Batches of the held-out samples, in order."""
        if self.validation is None:
            return []
        return self._loader(self.validation, SequentialSampler(self.validation))

    def _loader(
        self, samples: Samples, order: Sampler[int], *, drop_last: bool = False
    ) -> DataLoader[Tensor]:
        rank, processes = (
            (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        )
        shares = Shares(order, self.batch_size, drop_last=drop_last, rank=rank, processes=processes)
        return DataLoader(samples, batch_sampler=shares, collate_fn=collate)
