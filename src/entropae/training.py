"""The LightningModule, its callbacks, and `fit`, the short way to use them."""

from __future__ import annotations

import csv
import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from tqdm.auto import tqdm

from entropae.config import TrainerConfig, unknown
from entropae.data import Samples, collate, split
from entropae.data import load as load_samples
from entropae.model import Autoencoder, Data, Passed, replacing

Decay = Literal["cosine", "exponential", "none"]

DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "exponential": lambda done: 0.01**done,
    "none": lambda done: 1.0,
}

Row = dict[str, int | float]

STEPS = 8000
CHECKPOINT = "last.ckpt"


class NonFiniteError(ArithmeticError):
    """Training met a NaN or an infinity; nothing was learnt from it."""


def squared_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Mean squared error per element of a sample: the default reconstruction error."""
    return (reconstruction.float() - x.float()).square().mean()


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
        learning_rate: Adam's, at the start.
        decay: How it falls: `"cosine"` to 0, `"exponential"` to 1 %, `"none"`.
        error: Reconstruction error per element, from a reconstruction and its batch: a positive
            scalar.
        seed: Of all that is random.
    """

    def __init__(
        self,
        model: Autoencoder,
        *,
        learning_rate: float = 1e-3,
        decay: Decay = "cosine",
        error: Callable[[Tensor, Tensor], Tensor] = squared_error,
        seed: int = 0,
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

    def configure_optimizers(self) -> Any:
        """Adam, and the learning rate's fall, step by step."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate)
        scheduler = LambdaLR(optimizer, lambda step: DECAYS[self.decay](self._done(step)))
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
            NonFiniteError: Naming the part that is not finite.
        """
        self.model.latent.progress = self._done(self.global_step)
        passed = self.model(batch)
        reconstruction = self.error(passed.reconstruction, batch)
        loss = (reconstruction + torch.finfo(reconstruction.dtype).tiny).log()
        for penalty in passed.penalties.values():
            loss = loss + penalty.weight * penalty.value
        if not torch.isfinite(loss):
            self._blame(batch, passed, reconstruction)
        self._record("train", reconstruction, passed)
        return loss

    def validation_step(self, batch: Tensor, index: int) -> None:
        """Log the same parts on held-out samples, at inference."""
        passed = self.model(batch)
        self._record("validation", self.error(passed.reconstruction, batch), passed)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse a step along a gradient that is not finite.

        Raises:
            NonFiniteError: Naming the parameter.
        """
        if self.trainer.precision == "16-mixed":
            return  # its loss scaler meets infinities as a matter of course, and skips the step
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        if not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            for name, parameter in self.named_parameters():
                if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                    raise NonFiniteError(self._where(f"the gradient of {name}"))
            raise NonFiniteError(self._where("the norm of the gradient"))

    def _record(self, stage: str, reconstruction: Tensor, passed: Passed) -> None:
        parts = {"reconstruction": reconstruction}
        parts |= {name: penalty.value for name, penalty in passed.penalties.items()}
        n = len(passed.code)
        for name, value in parts.items():
            self.log(f"{stage}/{name}", value.detach(), on_step=False, on_epoch=True, batch_size=n)

    def _blame(self, batch: Tensor, passed: Passed, reconstruction: Tensor) -> None:
        parts = {
            "the input": batch,
            "the code": passed.code,
            "the decoder's output": passed.reconstruction,
            "the reconstruction error": reconstruction,
        } | {f"the penalty {name!r}": penalty.value for name, penalty in passed.penalties.items()}
        for name, value in parts.items():
            if not torch.isfinite(value).all():
                raise NonFiniteError(self._where(name))
        raise NonFiniteError(self._where("the loss"))

    def _where(self, part: str) -> str:
        return (
            f"Step {self.global_step} (epoch {self.current_epoch}): {part} is not finite. "
            "The weights are those before this step. Look for extreme values in the data, or lower "
            f"the learning rate ({self.learning_rate:g})."
        )

    def _done(self, step: int) -> float:
        total = self.trainer.estimated_stepping_batches
        return min(1.0, step / total) if math.isfinite(total) else 1.0


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
        sampler: DistributedSampler[Tensor] = DistributedSampler(
            self.train, num_replicas=world, rank=rank, seed=self.seed
        )
        size = max(1, self.batch_size // world)
        last = len(sampler) % size
        return DataLoader(
            self.train,
            batch_size=size,
            sampler=sampler,
            drop_last=0 < last < self.least and len(sampler) > size,
            collate_fn=collate,
        )

    def val_dataloader(self) -> Any:
        """Batches of the held-out samples, in order."""
        if self.validation is None:
            return []
        return DataLoader(self.validation, batch_size=self.batch_size, collate_fn=collate)


class Calibrate(Callback):
    """Takes all running statistics from the training set when fitting ends."""

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Calibrate the model, in every process over the whole set."""
        loaders = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, Training)
        data: Samples = loaders.train
        size = loaders.batch_size
        pl_module.model.calibrate(
            lambda: iter(DataLoader(data, batch_size=max(size, 512), collate_fn=collate))
        )


class History(Callback):
    """A row an epoch of everything that was logged; written as CSV, and kept in checkpoints."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rows: list[Row] = []
        self.began = time.perf_counter()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start the clock where the last row left it."""
        spent = self.rows[-1]["seconds"] if self.rows else 0.0
        self.began = time.perf_counter() - spent

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Add the epoch's row."""
        row: Row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "seconds": round(time.perf_counter() - self.began, 3),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        row |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append(row)
        if self.path and trainer.is_global_zero:
            self.write(self.path)

    def write(self, path: Path) -> None:
        """Write all rows; cells of parts that an epoch did not log stay empty."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with replacing(path) as temporary, temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(self.rows)

    def state_dict(self) -> dict[str, Any]:
        """The rows, for a checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The rows up to the checkpoint."""
        self.rows = list(state_dict["rows"])


class Progress(Callback):
    """One bar over all steps, with the parts of the last epoch's loss by name."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Show the bar, in the first process only."""
        self.bar = tqdm(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            desc="Training",
            unit="step",
            disable=not trainer.is_global_zero,
            mininterval=0.2 if sys.stderr.isatty() else 10,
        )

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on."""
        self.bar.update(trainer.global_step - self.bar.n)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Show the epoch's figures."""
        figures = {
            name.removeprefix("train/"): f"{float(value):.4g}"
            for name, value in trainer.callback_metrics.items()
            if name.startswith("train/")
        }
        self.bar.set_postfix(epoch=trainer.current_epoch + 1, **figures, refresh=False)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Leave the full bar on the screen."""
        self.bar.close()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        """Leave the bar where it stopped."""
        if self.bar is not None:
            self.bar.close()


def fit(
    model: Autoencoder,
    data: Data | str | Path,
    *,
    epochs: int | None = None,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    error: Callable[[Tensor, Tensor], Tensor] = squared_error,
    validation: float = 0.1,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    trainer: TrainerConfig | None = None,
    progress: bool = True,
) -> list[Row]:
    """Train a model on samples, and leave it calibrated and in evaluation mode.

    Args:
        model: What to train; it is changed in place.
        data: Samples of shape `(n, …)` as a tensor, array or `Samples`, or what `data.load` takes.
        epochs: Passes over the training samples. By default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step.
        learning_rate: Adam's, at the start.
        decay: How it falls: `"cosine"`, `"exponential"` or `"none"`.
        error: Reconstruction error per element; by default the mean squared error.
        validation: Share of the samples that is held out.
        seed: Of the split, the order of the samples and all else that is random in training.
        folder: Where to keep `log.csv`, the checkpoint `last.ckpt` and, where TensorBoard is
            installed, its log. Nothing is written without it.
        resume: Go on from the folder's checkpoint, if there is one, exactly as if never stopped.
        trainer: Devices and precision.
        progress: Show a progress bar.

    Returns:
        The log: a row an epoch, with the parts of the loss by name, on training and held-out
        samples. `reconstruction` is per element of a sample, `entropy` in nats per dimension.

    Raises:
        ValueError: If an argument is out of its range, or the data unusable.
        NonFiniteError: If a part of the loss or of its gradient is not finite. The folder's
            checkpoint is the last good one.
    """
    samples = data if isinstance(data, Samples) else load_samples(data)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1: got {name}={value}.")
    kept, held_out = split(len(samples), validation, seed=seed)
    loaders = Loaders(
        samples.subset(kept),
        samples.subset(held_out) if len(held_out) else None,
        min(batch_size, len(kept)),
        least=max(2, getattr(model.latent, "k", 1) + 1),
        seed=seed,
    )
    per_epoch = len(loaders.train_dataloader())
    epochs = min(300, max(5, math.ceil(STEPS / per_epoch))) if epochs is None else epochs
    # Checkpoints and held-out figures need not come more often than some hundred times a run.
    every = max(1, epochs // 100)
    folder = None if folder is None else Path(folder)
    history = History(folder and folder / "log.csv")
    callbacks: list[Callback] = [Calibrate(), history]
    if progress:
        callbacks.append(Progress())
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        callbacks.append(_checkpoint(folder, every))
    model.train()
    with quiet_lightning():
        options = trainer or TrainerConfig()
        runner = lightning.Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            num_nodes=options.num_nodes,
            precision=options.precision,
            max_epochs=epochs,
            check_val_every_n_epoch=every,
            num_sanity_val_steps=0,
            limit_val_batches=None if len(held_out) else 0,
            callbacks=callbacks,
            logger=_tensorboard(folder),
            enable_checkpointing=folder is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        module = Training(model, learning_rate=learning_rate, decay=decay, error=error, seed=seed)
        checkpoint = folder / CHECKPOINT if folder and resume else None
        if checkpoint and not checkpoint.is_file():
            checkpoint = None
        runner.fit(module, loaders, ckpt_path=checkpoint, weights_only=True)
    model.eval()
    return history.rows


def _checkpoint(folder: Path, every: int) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder,
        filename=CHECKPOINT.removesuffix(".ckpt"),
        every_n_epochs=every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _tensorboard(folder: Path | None) -> Any:
    if folder is None or not (find_spec("tensorboard") or find_spec("tensorboardX")):
        return False
    return TensorBoardLogger(folder, name="tensorboard", version="")


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Without Lightning's adverts, and its advice on workers that our mapped arrays do not need."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
            warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
