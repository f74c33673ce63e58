"""Checkpoints: written whole, checked when read, the one before kept, and no pickle in them."""

from __future__ import annotations

import json
import math
import signal
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Checkpoint
from safetensors import SafetensorError
from torch import Tensor

from entropae import distributed
from entropae.signals import Wish
from entropae.storage.atomic import replacing
from entropae.storage.weights import pack, unpack

CHECKPOINT = "last.ckpt"
PREVIOUS = "previous.ckpt"


def write(state: dict[str, Any], path: Path) -> None:
    """Write a training's state as one safetensors file; a checkpoint there becomes the previous.

    Args:
        state: Dicts, lists and tuples of tensors, numbers, strings and `None`.
        path: Where to.

    Raises:
        TypeError: If there is anything else in the state.
        OSError: If it cannot be written; what was there before is intact.
    """
    tensors: dict[str, Tensor] = {}
    plain = json.dumps(_plain(state, tensors))
    with replacing(path) as temporary:
        temporary.write_bytes(pack(tensors, {"state": plain}))
        if path.exists():
            path.replace(path.with_name(PREVIOUS))


def read(path: Path) -> dict[str, Any]:
    """Read a state that `write` wrote. Runs no code from the file.

    Raises:
        ValueError: If the file is cut or changed, or is no checkpoint.
    """
    try:
        tensors, texts = unpack(path)
        state = _lively(json.loads(texts["state"]), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no whole checkpoint: {error}.") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} is no whole checkpoint: it holds no state.")
    return state


def last_good(folder: Path) -> Path | None:
    """The folder's checkpoint, or the one before it if that is damaged; `None` if there are none.

    Raises:
        ValueError: If all there are, are damaged.
    """
    reasons = []
    for path in (folder / CHECKPOINT, folder / PREVIOUS):
        if not path.is_file():
            continue
        try:
            state = read(path)
        except ValueError as error:
            reasons.append(str(error))
            continue
        if reasons:
            warnings.warn(
                f"{reasons[0]} Going on from {path.name}, epoch {state.get('epoch')}.",
                stacklevel=3,
            )
        return path
    if reasons:
        raise ValueError(
            f"{' '.join(reasons)} Nothing is left to resume from: train in another folder."
        )
    return None


class SafeIO(CheckpointIO):
    """Lightning's way to `write` and `read`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """See `write`; folders are made, as Lightning makes them."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write(checkpoint, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """See `read`."""
        return read(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


class Halt(BaseException):
    """Training stops because a signal asked for it; the state is kept, if it is kept anywhere."""

    def __init__(self, number: int, epoch: int) -> None:
        super().__init__(number, epoch)
        self.number, self.epoch = number, epoch


class Keep(Checkpoint):
    """Keeps the state of training at the end of every few epochs, and where a signal stops it.

    Has no state of its own: Lightning's `ModelCheckpoint` removes the file that a checkpoint names.

    Args:
        folder: Where to; `None` to keep nothing.
        every: So many epochs.
        wish: Whether a signal has asked to stop.
    """

    def __init__(self, folder: Path | None, every: int, wish: Wish) -> None:
        self.path = folder and folder / CHECKPOINT
        self.every, self.wish = every, wish
        self.started = False

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Refuse the optimiser's state of other weights; lay it in memory as they lie.

        A file keeps the order of axes only, and the fused Adam goes through memory.

        Raises:
            ValueError: If a shape is another, or a setting is no number.
        """
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                for name, usual in optimizer.defaults.items():
                    if type(usual) is float and not _is_finite(group.get(name)):
                        raise ValueError(f"its {name} is {group.get(name)!r}.")
            for parameter, found in optimizer.state.items():
                for name, value in found.items():
                    if isinstance(value, Tensor) and value.shape not in (parameter.shape, ()):
                        raise ValueError(
                            f"its {name} has shape {tuple(value.shape)} for weights of shape "
                            f"{tuple(parameter.shape)}."
                        )
                    if isinstance(value, Tensor) and value.shape == parameter.shape:
                        found[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        # One that has ended training would do so after another epoch only.
        if any(one.stopped_epoch for one in trainer.early_stopping_callbacks):
            trainer.should_stop = True
        self.started = True
        # Lightning has put its own handler of SIGTERM in the place of ours.
        self.wish.install()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop after this step, if that is asked for; after an epoch's last, at its end."""
        accumulating = (batch_idx + 1) % trainer.accumulate_grad_batches
        if not accumulating and not trainer.is_last_batch:
            self._heed(trainer, kept=False)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the state, after all other callbacks have done their part."""
        done = trainer.current_epoch + 1
        last = done == trainer.max_epochs or trainer.should_stop
        kept = self.path is not None and (done % self.every == 0 or last)
        if kept:
            trainer.save_checkpoint(str(self.path))
        self._heed(trainer, kept=kept)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """What comes now does not look out for signals."""
        self.wish.patient = False
        if self.wish.number is not None:
            raise Halt(self.wish.number, trainer.current_epoch)

    def _heed(self, trainer: lightning.Trainer, *, kept: bool) -> None:
        """Stop all processes at the same step, if one of them is asked to."""
        if not distributed.any_process(bool(self.wish), trainer.world_size):
            return
        if self.path is not None and not kept:
            trainer.save_checkpoint(str(self.path))
        raise Halt(self.wish.number or signal.SIGTERM, trainer.current_epoch + 1)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float | Tensor) and math.isfinite(value)


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """A state for JSON, with pairs for dicts (whose keys may be numbers), its tensors put aside."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # Copied, since safetensors refuses memory that two tensors share.
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _plain(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_plain(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A checkpoint cannot hold a {type(value).__name__}: got {value!r}.")


def _lively(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_lively(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_lively(item, tensors) for item in content)
    return {key: _lively(item, tensors) for key, item in content}
