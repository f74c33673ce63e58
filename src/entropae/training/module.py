"""What a training step is, and the batches it gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from entropae.config import unknown
from entropae.data import Samples, collate
from entropae.latent import Penalty
from entropae.model import Autoencoder, Passed
from entropae.training.faults import Guard, OnNonFinite, first_bad_gradient

Decay = Literal["cosine", "exponential", "none"]

DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "exponential": lambda done: 0.01**done,
    "none": lambda done: 1.0,
}
# Share of the steps in which the learning rate rises from 0: Adam's first steps are its wildest.
RISE = 0.05


def squared_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Mean squared error per element of a sample: the default reconstruction error."""
    return (reconstruction.float() - x.float()).square().mean()


def total_loss(reconstruction: Tensor, penalties: Mapping[str, Penalty]) -> Tensor:
    """`log(reconstruction) + Σ weight · value`, what training minimises."""
    loss = (reconstruction + torch.finfo(reconstruction.dtype).tiny).log()
    for penalty in penalties.values():
        loss = loss + penalty.weight * penalty.value
    return loss


class Training(lightning.LightningModule):
    """Training of an `Autoencoder` by Lightning, for those who bring their own `Trainer`.

    Minimises `log(reconstruction) + Σ weight · value` over the latent's penalties. The logarithm
    makes weights relative (see `Latent`); it is the Gaussian likelihood with its variance fitted
    (Rybkin et al., "Simple and effective VAE training with calibrated decoders", ICML 2021), and
    for a plain autoencoder it changes nothing but the scale of the gradient.

    Every step begins from a random state of its own, made from the seed, the epoch and the batch's
    number, so that a run that is resumed goes on exactly as it would have.

    Args:
        model: What to train.
        learning_rate: Adam's, at its highest, to which it rises over the first steps.
        decay: How it falls: `"cosine"` to 0, `"exponential"` to 1 %, `"none"`.
        error: Reconstruction error per element, from a reconstruction and its batch: a positive
            scalar.
        seed: Of all that is random.
        on_nonfinite: What to do about a step whose loss or gradient is not finite: see `Guard`.
        folder: Where `Guard` writes which samples it was; by default nowhere.
    """

    def __init__(
        self,
        model: Autoencoder,
        *,
        learning_rate: float = 3e-3,
        decay: Decay = "cosine",
        error: Callable[[Tensor, Tensor], Tensor] = squared_error,
        seed: int = 0,
        on_nonfinite: OnNonFinite = "stop",
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        if not learning_rate > 0:
            raise ValueError(f"`learning_rate` must be positive: got {learning_rate}.")
        if decay not in DECAYS:
            raise ValueError(unknown("decay", decay, DECAYS))
        self.model = model
        self.learning_rate = learning_rate
        self.decay = decay
        self.error = error
        self.seed = seed
        self.guard = Guard(on_nonfinite, folder)

    def configure_callbacks(self) -> list[Callback]:
        """The guard against what is not finite, whoever's the trainer is."""
        return [self.guard]

    def configure_optimizers(self) -> Any:
        """Adam, and the learning rate's fall, step by step."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate)
        scheduler = LambdaLR(optimizer, self._share_of_rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_train_epoch_start(self) -> None:
        """Remember nothing of the last epoch, whose samples come again."""
        self.model.latent.forget()

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Begin the step from its own random state."""
        own = np.random.SeedSequence([self.seed, self.current_epoch, batch_idx])
        torch.manual_seed(int(own.generate_state(1, np.uint64)[0] >> 1))

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        """Loss of a batch. Logs every part of it under its name.

        Raises:
            NonFiniteError: Naming the part that is not finite, unless such steps are left out.
        """
        self.model.latent.progress = self._done(self.global_step)
        passed = self.model(batch)
        reconstruction = self.error(passed.reconstruction, batch)
        loss = total_loss(reconstruction, passed.penalties)
        if not torch.isfinite(loss):
            self.guard.meet(self, _blame(batch, passed, reconstruction))
            return loss * torch.nan  # so that every gradient, in every process, shows it
        self._record("train", reconstruction, passed)
        return loss

    def validation_step(self, batch: Tensor, index: int) -> None:
        """Log the same parts on held-out samples, at inference."""
        passed = self.model(batch)
        self._record("validation", self.error(passed.reconstruction, batch), passed)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse a step along a gradient that is not finite.

        Raises:
            NonFiniteError: Naming the parameter, unless such steps are left out.
        """
        if self.trainer.precision == "16-mixed":
            return  # its loss scaler meets infinities as a matter of course, and skips the step
        part = first_bad_gradient(self)
        if part:
            self.guard.meet(self, part)
            for parameter in self.parameters():
                parameter.grad = None  # the optimiser passes over these

    def _record(self, stage: str, reconstruction: Tensor, passed: Passed) -> None:
        parts = {"reconstruction": reconstruction}
        parts |= {name: penalty.value for name, penalty in passed.penalties.items()}
        n = len(passed.code)
        for name, value in parts.items():
            self.log(
                f"{stage}/{name}",
                value.detach(),
                on_step=False,
                on_epoch=True,
                batch_size=n,
                sync_dist=True,
            )

    def _share_of_rate(self, step: int) -> float:
        return min(1.0, self._done(step + 1) / RISE) * DECAYS[self.decay](self._done(step))

    def _done(self, step: int) -> float:
        total = self.trainer.estimated_stepping_batches
        return min(1.0, step / total) if math.isfinite(total) else 1.0


def _blame(batch: Tensor, passed: Passed, reconstruction: Tensor) -> str:
    """The first part of a loss that is not finite."""
    parts = {
        "the input": batch,
        "the code": passed.code,
        "the decoder's output": passed.reconstruction,
        "the reconstruction error": reconstruction,
    } | {f"the penalty {name!r}": penalty.value for name, penalty in passed.penalties.items()}
    bad = (name for name, value in parts.items() if not torch.isfinite(value).all())
    return next(bad, "the loss")


class Shuffled(DistributedSampler[Any]):
    """`DistributedSampler`, whose order takes 8 bytes a sample here, and not a list of numbers."""

    def __iter__(self) -> Iterator[Any]:
        """The rows of this process, in an order fixed by seed and epoch."""
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.dataset), generator=generator)  # type: ignore[arg-type]
        if self.total_size > len(order):
            order = torch.cat([order, order[: self.total_size - len(order)]])
        for part in order[self.rank :: self.num_replicas].split(1 << 16):
            yield from part.tolist()


class Loaders(lightning.LightningDataModule):
    """Training and validation batches, the training ones in an order fixed by seed and epoch.

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
        world, rank = (
            (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        )
        sampler = Shuffled(self.train, num_replicas=world, rank=rank, seed=self.seed)
        size = max(1, self.batch_size // world)
        last = len(sampler) % size
        return DataLoader(
            self.train,
            batch_size=size,
            sampler=sampler,
            drop_last=0 < last < self.least and len(sampler) > size,
            collate_fn=collate,
        )

    def rows(self, batch: int) -> list[int]:
        """Which rows of the data this process's batch of this number has in this epoch."""
        assert self.trainer is not None
        loader: Any = self.trainer.train_dataloader
        chosen = next(islice(loader.batch_sampler, batch, None))
        return chosen if self.train.index is None else self.train.index[chosen].tolist()

    def val_dataloader(self) -> Any:
        """Batches of the held-out samples, in order."""
        if self.validation is None:
            return []
        return DataLoader(self.validation, batch_size=self.batch_size, collate_fn=collate)
