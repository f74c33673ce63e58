"""`fit`: training in one call."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn

from entropae.config import TrainerConfig
from entropae.data import as_samples, split
from entropae.model import Autoencoder, Data
from entropae.training.callbacks import Calibrate, History, Progress, Row
from entropae.training.checkpoints import Keep, SafeIO, last_good
from entropae.training.faults import OnNonFinite, is_short_of_memory
from entropae.training.module import Decay, Loaders, Training
from entropae.training.profile import Profile

STEPS = 8000


def fit(
    model: Autoencoder,
    data: Data | str | Path,
    *,
    epochs: int | None = None,
    batch_size: int = 256,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    error: Callable[[Tensor, Tensor], Tensor] | None = None,
    validation: float = 0.1,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    on_nonfinite: OnNonFinite = "stop",
    trainer: TrainerConfig | None = None,
    compile: bool = False,
    profile: bool = False,
    progress: bool = True,
) -> list[Row]:
    """Train a model on samples, and leave it calibrated and in evaluation mode.

    Args:
        model: What to train; it is changed in place.
        data: Samples of shape `(n, …)` as a tensor, array or `Samples`, or what `data.load` takes.
        epochs: Passes over the training samples. By default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step.
        learning_rate: Adam's, at its highest, after a rise over the first twentieth of the steps.
        decay: How it falls: `"cosine"`, `"exponential"` or `"none"`.
        error: Reconstruction error per element; by default the mean squared error, or, of a decoder
            with a likelihood of its own, nats per sample.
        validation: Share of the samples that is held out.
        seed: Of the split, the order of the samples and all else that is random in training.
        folder: Where to keep `log.csv`, the checkpoint `last.ckpt`, the one before it,
            `previous.ckpt`, and, where TensorBoard is installed, its log. Nothing is written
            without it.
        resume: Go on from the folder's checkpoint, if there is one, exactly as if never stopped;
            from the one before it if the last is damaged.
        on_nonfinite: What to do about a step whose loss or gradient is not finite: `"stop"`, or
            `"skip"`: leave it out and count it as `train/skipped`, but stop at 20 in a row. Which
            samples it was is written to the folder's `nonfinite.json`.
        trainer: Devices and precision. With several processes (docs/distributed.md) each calls
            `fit` in the same way; loss, gradients and log are those of one.
        compile: Compile encoder and decoder while they are trained (`torch.compile`). Not for a
            latent that differentiates the decoder's gradient, as RAE-GP.
        profile: Print where the time went, in the end.
        progress: Show a progress bar.

    Returns:
        The log: a row an epoch, with the parts of the loss by name, on training and held-out
        samples. `reconstruction` is per element of a sample, `entropy` in nats per dimension.

    Raises:
        ValueError: If an argument is out of its range, the data unusable, or the checkpoints
            damaged or of another run.
        NonFiniteError: If a part of the loss or of its gradient is not finite. The model is as it
            was before that step, and the folder's checkpoint is the last good one.
        MemoryError: If the memory of the device does not suffice.
        OSError: If a file cannot be written. The checkpoint before is intact.
    """
    samples = as_samples(data)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1: got {name}={value}.")
    kept, held_out = split(len(samples), validation, seed=seed)
    loaders = Loaders(
        samples.subset(kept),
        samples.subset(held_out) if len(held_out) else None,
        min(batch_size, len(kept)),
        least=model.latent.least_batch,
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
    profiler = Profile() if profile else None
    if profiler:
        callbacks.append(profiler)
    keep = Keep(folder, every) if folder else None
    if folder and keep:
        folder.mkdir(parents=True, exist_ok=True)
        callbacks.append(keep)
    checkpoint = last_good(folder) if folder and resume else None
    model.drop_priors()
    model.train()
    with quiet_lightning():
        runner = lightning.Trainer(
            **asdict(trainer or TrainerConfig()),
            max_epochs=epochs,
            check_val_every_n_epoch=every,
            num_sanity_val_steps=0,
            limit_val_batches=None if len(held_out) else 0,
            callbacks=callbacks,
            logger=_tensorboard(folder),
            plugins=[SafeIO()],
            enable_checkpointing=folder is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        _check_processes(runner.world_size)
        module = Training(
            model,
            learning_rate=learning_rate,
            decay=decay,
            error=error,
            seed=seed,
            on_nonfinite=on_nonfinite,
            folder=folder,
        )
        try:
            with compiled(model.encoder, model.decoder) if compile else nullcontext():
                runner.fit(module, loaders, ckpt_path=checkpoint, weights_only=True)
        except Exception as raised:
            if is_short_of_memory(raised):
                raise MemoryError(_too_large(model, loaders)) from raised
            if checkpoint and keep and not keep.started:
                reason = " ".join(str(raised).split())
                raise ValueError(f"{checkpoint} does not fit this run: {reason}") from raised
            raise
    model.eval()
    if profiler and runner.is_global_zero:
        print(profiler.table())
    return history.rows


@contextmanager
def compiled(*networks: nn.Module) -> Iterator[None]:
    """The networks' forward passes compiled inside, and as they were outside."""
    for network in networks:
        network.forward = torch.compile(network.forward)
    try:
        yield
    finally:
        for network in networks:
            del network.forward


def _check_processes(expected: int) -> None:
    """Raise if torchrun has started another number of processes: each would train by itself."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if "TORCHELASTIC_RUN_ID" in os.environ and started != expected:
        raise ValueError(
            f"torchrun started {started} processes, the trainer expects {expected}. Set `devices` "
            "to the processes of a machine, `num_nodes` to the machines (--trainer.devices …)."
        )


def _too_large(model: Autoencoder, loaders: Loaders) -> str:
    size = loaders.batch_size
    weights = sum(parameter.numel() for parameter in model.parameters())
    return (
        f"Out of memory on {model.device} with batches of {size} samples of shape "
        f"{loaders.train.shape} and {weights:,} weights. Lower the batch size (batch_size="
        f"{max(2, size // 2)}), or make the images or the networks smaller."
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
