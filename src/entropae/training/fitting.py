"""`fit`: training in one call."""

from __future__ import annotations

import inspect
import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from entropae import distributed
from entropae.kinds import Samples, as_samples, identity
from entropae.kinds.keys import Halves
from entropae.kinds.loaders import batch_size_of
from entropae.messages import unknown
from entropae.model import Autoencoder, ErrorFunction
from entropae.prior import FlowMatching, make_head
from entropae.recipe import TrainerConfig
from entropae.signals import Wish, deferred
from entropae.training.callbacks import History, Progress, Row
from entropae.training.checkpoints import CHECKPOINT, Keep, SafeIO, last_good
from entropae.training.faults import OnNonFinite, is_short_of_memory
from entropae.training.module import Decay, Loaders, MakeOptimizer, Training
from entropae.training.profile import Profile
from entropae.training.stopping import stopped

STEPS = 8000
BATCH = 256


def fit(
    model: Autoencoder,
    data: Any,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    error: ErrorFunction | None = None,
    optimizer: MakeOptimizer | None = None,
    validation: Any = 0.1,
    key: str | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    on_nonfinite: OnNonFinite = "stop",
    device: str | torch.device | None = None,
    trainer: TrainerConfig | Mapping[str, Any] | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    compile: bool = False,
    profile: bool = False,
    progress: bool = True,
) -> list[Row]:
    """Train a model on samples, and leave it calibrated and in evaluation mode.

    A head that the latent asks for is fitted last, to the finished codes.

    Torch's random state is what it was before.

    Args:
        model: What to train; it is changed in place.
        data: Samples: a tensor or an array of shape `(n, …)`, a torch `Dataset` or `DataLoader`, a
            list of tensors, a data frame, a path, or whatever else `kinds.read` takes. In pairs
            `(x, y)` the first is the sample.
        epochs: Passes over the training samples. By default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step; by default 256, or that of a `DataLoader`.
        learning_rate: Adam's, at its highest, after a rise over the first twentieth of the steps.
        decay: How it falls: `"cosine"`, `"exponential"` or `"none"`.
        error: Reconstruction error, from a reconstruction and its batch: a number, one per sample
            or one per element, of which the mean is taken. By default the squared error, or the
            decoder's own (see `Autoencoder`).
        optimizer: From the weights to an optimiser, e.g. `lambda w: torch.optim.AdamW(w, 1e-3)`; by
            default Adam. Its learning rate is the highest.
        validation: Share of the samples that is held out; or samples to validate on, as `data`.
        key: Field of the items, for data sets whose items are dicts.
        seed: Of the split, the order of the samples and all else that is random in training.
        folder: Where to keep `log.csv`, the checkpoint `last.ckpt`, the one before it,
            `previous.ckpt`, and, where TensorBoard is installed, its log. Nothing is written
            without it.
        resume: Go on from the folder's checkpoint, if there is one, exactly as if never stopped;
            from the one before it if the last is damaged.
        on_nonfinite: What to do about a step whose loss or gradient is not finite: `"stop"`, or
            `"skip"`: leave it out and count it as `train/skipped`, but stop at 20 in a row. Which
            samples it was is written to the folder's `nonfinite.json`.
        device: Where to train: `"cpu"`, `"cuda"` or `"cuda:1"`; by default what `trainer` says.
        trainer: Devices and precision, or options of Lightning's `Trainer` by name. With several
            processes (docs/distributed.md) each calls `fit` in the same way; loss, gradients and
            log are those of one.
        callbacks: One of Lightning's callbacks, or several.
        compile: Compile encoder and decoder while they are trained (`torch.compile`). Not for a
            latent that differentiates the decoder's gradient, as RAE-GP.
        profile: Print where the time went, in the end.
        progress: Show progress bars.

    Returns:
        The log: a row an epoch, with the parts of the loss by name, on training and held-out
        samples. `reconstruction` is the mean error, `entropy` in nats per dimension.

    Raises:
        ValueError: If an argument is out of its range, the data unusable, or the checkpoints
            damaged or of another run.
        TypeError: If the model is no `Autoencoder`, or the data nothing that samples are in.
        NonFiniteError: If a part of the loss or of its gradient is not finite. The model is as it
            was before that step, and the folder's checkpoint is the last good one.
        MemoryError: If the memory of the device does not suffice.
        KeyboardInterrupt: If a signal (Ctrl-C, SIGTERM) stopped it, after a whole step and a
            checkpoint; a second one stops it at once. The model can be used, is in evaluation
            mode, but not calibrated. See `entropae.signals`.
        OSError: If a file cannot be written. The checkpoint before is intact.
    """
    if not isinstance(model, Autoencoder):
        raise TypeError(
            f"`model` must be an Autoencoder: got {type(model).__name__}. Call fit(model, data), "
            "in this order."
        )
    if batch_size is None:
        batch_size = batch_size_of(data) or BATCH
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1: got {name}={value}.")
    folder = None if folder is None else Path(folder)
    samples, others = _read(data, validation, seed=seed, key=key, progress=progress)
    share = float(validation or 0) if others is None else 0.0
    halves = _halves(samples, share, seed, folder if resume else None)
    train, held_out = samples.subset(halves.train), others
    if others is None and len(halves.held_out):
        held_out = samples.subset(halves.held_out)
    least = model.latent.least_batch
    if min(batch_size, len(train)) < least:
        raise ValueError(
            f"{type(model.latent).__name__} needs batches of at least {least} samples: got "
            f"batch_size={batch_size} and {len(train)} training samples. Take larger batches."
        )
    loaders = Loaders(train, held_out, min(batch_size, len(train)), least=max(2, least), seed=seed)
    per_epoch = len(loaders.train_dataloader())
    epochs = min(300, max(5, math.ceil(STEPS / per_epoch))) if epochs is None else epochs
    # Checkpoints and held-out figures need not come more often than some hundred times a run.
    every = max(1, epochs // 100)
    history = History(folder and folder / "log.csv")
    added: list[Callback] = [history, *_listed(callbacks)]
    if progress:
        added.append(Progress())
    profiler = Profile() if profile else None
    if profiler:
        added.append(profiler)
    wish = Wish()
    keep = Keep(folder, every, wish)
    added.append(keep)
    checkpoint = last_good(folder) if folder and resume else None
    options = {
        "max_epochs": epochs,
        "check_val_every_n_epoch": every,
        "num_sanity_val_steps": 0,
        "limit_val_batches": None if held_out is not None else 0,
        "callbacks": added,
        "logger": _tensorboard(folder),
        "plugins": [SafeIO()],
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }
    with quiet_lightning(), random_state_kept(), deferred(wish):
        runner = _runner(_where(trainer, device), options)
        _check_processes(runner.world_size)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            if checkpoint is None and distributed.is_first():
                identity.write(folder, samples, halves)
        model.drop_priors()
        model.kind = samples.kind
        model.train()
        module = Training(
            model,
            learning_rate=learning_rate,
            decay=decay,
            error=error,
            optimizer=optimizer,
            seed=seed,
            on_nonfinite=on_nonfinite,
            folder=folder,
        )
        try:
            networks = (model.encoder, model.decoder) if compile else ()
            with compiled(*networks), stopped(folder, epochs):
                runner.fit(module, loaders, ckpt_path=checkpoint, weights_only=True)
        except Exception as raised:
            if is_short_of_memory(raised):
                raise MemoryError(_too_large(model, loaders)) from raised
            if checkpoint and not keep.started:
                reason = " ".join(str(raised).split())
                raise ValueError(f"{checkpoint} does not fit this run: {reason}") from raised
            raise
        finally:
            model.eval()
    if profiler and runner.is_global_zero:
        print(profiler.table())
    if model.latent.head is not None:
        with distributed.together():
            _fit_head(model, train, model.latent.head, steps=runner.global_step, seed=seed)
    return history.rows


def _fit_head(model: Autoencoder, train: Samples, name: str, *, steps: int, seed: int) -> None:
    head = make_head(name, model.latent.dim)
    if isinstance(head, FlowMatching):
        head = FlowMatching.sized(model.latent.dim, len(train), steps)
    model.fit_head(train, head, seed=seed)


def _read(
    data: Any, validation: Any, *, seed: int, key: str | None, progress: bool
) -> tuple[Samples, Samples | None]:
    """The samples, and others to validate on if such were given and not a share."""
    given = None if validation is None or isinstance(validation, int | float) else validation
    share = float(validation or 0) if given is None else 0.0
    with random_state_kept():  # a loader may shuffle, a data set may draw
        samples = as_samples(data, key=key, progress=progress, validation=share, seed=seed)
        if given is None:
            return samples, None
        return samples, as_samples(given, kind=samples.kind, key=key, progress=progress)


def _halves(samples: Samples, share: float, seed: int, resumed: Path | None) -> Halves:
    """Rows to learn from and rows held out; those of the run that is resumed."""
    if resumed is None:
        return samples.halves(share, seed=seed)
    rule = identity.rule_of(resumed, begun=(resumed / CHECKPOINT).is_file())
    return identity.resumed(resumed, samples, share, seed=seed, rule=rule)


def _where(
    trainer: TrainerConfig | Mapping[str, Any] | None, device: str | torch.device | None
) -> dict[str, Any]:
    """Options of Lightning's trainer that say where and how precisely it computes.

    Raises:
        ValueError: If both say where.
    """
    if not isinstance(trainer, TrainerConfig | Mapping | None):
        raise TypeError(
            f"`trainer` must hold options of Lightning's Trainer by name, as a dict: got a "
            f"{type(trainer).__name__}. With a Trainer of your own, call "
            "trainer.fit(Training(model), loader)."
        )
    given = dict(trainer) if isinstance(trainer, Mapping) else asdict(trainer or TrainerConfig())
    options = asdict(TrainerConfig()) | given
    if device is None:
        return options
    if isinstance(trainer, Mapping) and {"accelerator", "devices"} & trainer.keys():
        raise ValueError("Say where to train by `device` or by `trainer`, not by both.")
    try:
        where = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"`device` must be one of torch's, as 'cpu', 'cuda' or 'cuda:1': got {device!r}."
        ) from error
    accelerator = {"cuda": "gpu"}.get(where.type, where.type)
    devices = 1 if where.index is None else [where.index]
    return options | {"accelerator": accelerator, "devices": devices}


def _runner(where: dict[str, Any], options: dict[str, Any]) -> lightning.Trainer:
    taken = sorted(where.keys() & options.keys())
    if taken:
        raise ValueError(
            f"`trainer` must not hold {', '.join(taken)}, which `fit` sets: see its own arguments. "
            "For other values, use Training with a lightning.Trainer of your own."
        )
    known = inspect.signature(lightning.Trainer).parameters
    for name in where:
        if name not in known:
            raise ValueError(unknown("option of `trainer`:", str(name), known))
    try:
        return lightning.Trainer(**where, **options)
    except (TypeError, MisconfigurationException, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"Lightning cannot train with {where}: {said}") from error


def check_trainer(trainer: TrainerConfig) -> None:
    """Raise unless there is what a trainer asks for, before any work is done.

    Raises:
        ValueError: If the devices are not there, or an option is none.
    """
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    try:
        with quiet_lightning():
            _runner(asdict(trainer), dict.fromkeys(off, False))
    except ValueError as error:
        raise ValueError(f"--trainer: {error}") from error


def _listed(callbacks: Callback | Sequence[Callback]) -> list[Callback]:
    """Callbacks as a list, which may be one.

    Raises:
        TypeError: If one is none.
    """
    found = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    for one in found:
        if not isinstance(one, Callback):
            raise TypeError(
                f"`callbacks` must be objects of Lightning's Callback: got {one!r}. Call the class "
                "if it is one."
            )
    return found


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Torch's random state after the block as it was before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


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
            warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
            warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
            warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
