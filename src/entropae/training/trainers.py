"""Lightning's trainers: where and how precisely they compute, and what they are refused."""

from __future__ import annotations

import inspect
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from entropae.messages import unknown
from entropae.recipe import TrainerConfig

# That a machine may have, whatever cores it has: a recipe may be anybody's.
PROCESSES = 16


def where_of(
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


def runner_of(where: dict[str, Any], options: dict[str, Any]) -> lightning.Trainer:
    """A trainer with our options and a user's.

    Raises:
        ValueError: If these are none, or what we set ourselves.
    """
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
    most = max(PROCESSES, os.cpu_count() or 1)
    if isinstance(trainer.devices, int) and trainer.devices > most:
        raise ValueError(
            f"`trainer.devices` must be at most {most} on this machine, each is a process: got "
            f"{trainer.devices}."
        )
    if any(how in trainer.strategy for how in ("spawn", "fork", "notebook")):
        raise ValueError(
            f"`trainer.strategy` must start processes of their own, as 'ddp': got "
            f"{trainer.strategy!r}."
        )
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    try:
        with quiet_lightning():
            runner_of(asdict(trainer), dict.fromkeys(off, False))
    except ValueError as error:
        raise ValueError(f"--trainer: {error}") from error


def place_of(
    trainer: TrainerConfig | Mapping[str, Any] | None, device: str | torch.device | None = None
) -> torch.device:
    """The one device that steps are timed on.

    Raises:
        ValueError: If several processes are to train, which could not agree on a time.
    """
    where = where_of(trainer, device)
    chosen = where["devices"]
    one = chosen in (1, "1") or (isinstance(chosen, list) and len(chosen) == 1)
    if not one or where["num_nodes"] != 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            "`minutes` is for training in one process, which times its steps. Give `epochs`."
        )
    if where["accelerator"] == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", chosen[0] if isinstance(chosen, list) else 0)


def check_processes(expected: int) -> None:
    """Raise if torchrun has started another number of processes: each would train by itself."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if "TORCHELASTIC_RUN_ID" in os.environ and started != expected:
        raise ValueError(
            f"torchrun started {started} processes, the trainer expects {expected}. Set `devices` "
            "to the processes of a machine, `num_nodes` to the machines (--trainer.devices …)."
        )


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
            warnings.filterwarnings("ignore", ".*in eval mode at the start of training.*")
            warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
