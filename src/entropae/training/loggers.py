"""Where figures and pictures of a training go: Lightning's loggers, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from lightning.pytorch.loggers import (
    CometLogger,
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from PIL import Image

from entropae.messages import unknown
from entropae.storage.atomic import replacing, write_text

Pixels = UInt8[np.ndarray, "h w 3"]
# Of each logger that is a package of its own, the modules that one of which must be there.
PACKAGES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "mlflow": ("mlflow",),
    "wandb": ("wandb",),
}


def is_installed(name: str) -> bool:
    """Whether what a logger needs is there."""
    return name not in PACKAGES or any(map(find_spec, PACKAGES[name]))


def _tensorboard(folder: Path) -> list[Logger]:
    return [TensorBoardLogger(folder, name="tensorboard", version="")]


def _auto(folder: Path) -> list[Logger]:
    return _tensorboard(folder) if is_installed("tensorboard") else []


def _csv(folder: Path) -> list[Logger]:
    return [CSVLogger(folder, name="csv", version="")]


def _mlflow(folder: Path) -> list[Logger]:
    """To the server that the environment names, else into the folder."""
    folder = folder.resolve()
    server = os.environ.get("MLFLOW_TRACKING_URI")
    # MLflow 3 writes no plain files any more.
    store = server or f"sqlite:///{folder / 'mlflow.db'}"
    pictures = None if server else (folder / "mlflow").as_uri()
    return [MLFlowLogger("entropae", folder.name, store, artifact_location=pictures)]


def _wandb(folder: Path) -> list[Logger]:
    """Beside the folder, in which its links would be refused; online if the environment says so."""
    folder = folder.resolve()
    offline = os.environ.get("WANDB_MODE") != "online"
    return [WandbLogger(folder.name, folder.parent, offline=offline, project="entropae")]


# By the name of a recipe's `logger`: the loggers of a run in a folder.
LOGGERS: Mapping[str, Callable[[Path], list[Logger]]] = {
    "auto": _auto,
    "tensorboard": _tensorboard,
    "csv": _csv,
    "mlflow": _mlflow,
    "wandb": _wandb,
    "none": lambda folder: [],
}


def check_logger(name: str) -> None:
    """Raise unless there is a logger of this name, and what it needs is installed.

    Raises:
        ValueError: If there is none.
        ImportError: If its package is missing, with how to install it.
    """
    if name not in LOGGERS:
        raise ValueError(unknown("logger", name, LOGGERS))
    if not is_installed(name):
        raise ImportError(f'The logger {name!r} needs a package: pip install "entropae[{name}]".')


def loggers_of(asked: str | Logger | Sequence[Logger], folder: Path | None) -> list[Logger]:
    """The loggers of a training: one by its name, or objects, and then TensorBoard's in a folder.

    Raises:
        ValueError: If the name is unknown, or nothing says where a logger is to write.
        ImportError: If its package is missing.
        TypeError: If an object is no logger.
    """
    if not isinstance(asked, str):
        return [*listed(asked, Logger, "logger"), *(_auto(folder) if folder else [])]
    check_logger(asked)
    if folder is None:
        if asked in ("auto", "none"):
            return []
        raise ValueError(
            f"The logger {asked!r} needs a place to write to: give a `folder`, or an object of "
            "Lightning's loggers."
        )
    return LOGGERS[asked](folder)


def listed(given: Any, kind: type[Any], name: str) -> list[Any]:
    """Objects of Lightning's as a list, which may be one.

    Raises:
        TypeError: If one is none.
    """
    found = [given] if isinstance(given, kind | type) else list(given)
    for one in found:
        if not isinstance(one, kind):
            raise TypeError(
                f"`{name}` must be objects of Lightning's {kind.__name__}: got {one!r}. Call the "
                "class if it is one."
            )
    return found


@singledispatch
def log_image(logger: Logger, name: str, image: Pixels, step: int) -> None:
    """Hand a picture to a logger; nothing happens with one that is not known to take pictures.

    For a logger of your own, `log_image.register(Its)(function)`.

    Args:
        logger: One of Lightning's.
        name: What it shows; the same at every step.
        image: Its pixels.
        step: When it was made.
    """


@singledispatch
def log_text(logger: Logger, name: str, text: str, step: int) -> None:
    """Hand a text of several lines to a logger, as `log_image` does a picture."""


@log_image.register
def _(logger: TensorBoardLogger, name: str, image: Pixels, step: int) -> None:
    logger.experiment.add_image(name, image, step, dataformats="HWC")


@log_text.register
def _(logger: TensorBoardLogger, name: str, text: str, step: int) -> None:
    logger.experiment.add_text(name, f"```\n{text}\n```", step)


@log_image.register
def _(logger: CSVLogger, name: str, image: Pixels, step: int) -> None:
    path = _beside(logger, name, step, ".png")
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary)


@log_text.register
def _(logger: CSVLogger, name: str, text: str, step: int) -> None:
    write_text(_beside(logger, name, step, ".txt"), text + "\n")


def _beside(logger: CSVLogger, name: str, step: int, suffix: str) -> Path:
    """A file beside the figures, which has no room for pictures."""
    path = Path(logger.log_dir) / name / f"{step:08d}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@log_image.register
def _(logger: MLFlowLogger, name: str, image: Pixels, step: int) -> None:
    logger.experiment.log_image(logger.run_id, image, key=name, step=step)


@log_text.register
def _(logger: MLFlowLogger, name: str, text: str, step: int) -> None:
    logger.experiment.log_text(logger.run_id, text, f"{name}/{step:08d}.txt")


@log_image.register
def _(logger: WandbLogger, name: str, image: Pixels, step: int) -> None:
    logger.log_image(name, [image], step)


@log_text.register
def _(logger: WandbLogger, name: str, text: str, step: int) -> None:
    logger.log_text(name, ["sample"], [[line] for line in text.splitlines()], step=step)


@log_image.register
def _(logger: CometLogger, name: str, image: Pixels, step: int) -> None:
    logger.experiment.log_image(image, name=name, step=step)


@log_text.register
def _(logger: CometLogger, name: str, text: str, step: int) -> None:
    logger.experiment.log_text(text, step=step, metadata={"name": name})
