"""What training does about values that are not finite, and about memory that is short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from entropae.storage.atomic import write_text

OnNonFinite = Literal["stop", "skip"]
CHOICES = ("stop", "skip")
# So many in a row are no accident: nothing is learnt any more.
MOST = 20
NEGATIVE = "the reconstruction error is negative"


class NonFiniteError(ArithmeticError):
    """Training met a NaN or an infinity; nothing was learnt from it."""


class Guard(Callback):
    """Keeps what is not finite out of the model: weights and running statistics stay as they were.

    Args:
        choice: `"stop"` raises `NonFiniteError`; `"skip"` leaves the step out, until there have
            been 20 in a row.
        folder: Where to write `nonfinite.json`: of each such step its epoch, number and part, and
            the rows of the data that its batch was made of.

    Attributes:
        events: What is in that file. Kept in checkpoints.
        part: What was not finite in this step, if anything was.
    """

    def __init__(self, choice: OnNonFinite = "stop", folder: Path | None = None) -> None:
        if choice not in CHOICES:
            raise ValueError(f"`on_nonfinite` must be one of {', '.join(CHOICES)}: got {choice!r}.")
        self.choice, self.folder = choice, folder
        self.events: list[dict[str, Any]] = []
        self.part = ""
        self.in_a_row = 0
        self.before: list[tuple[Tensor, Tensor]] = []
        # Steps left out earlier in an epoch within which training was resumed.
        self.carried = 0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Count on, if an epoch goes on."""
        if within_epoch(trainer):
            self.carried = sum(one["epoch"] == trainer.current_epoch for one in self.events)

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Remember the running statistics, which the forward pass changes."""
        self.part = ""
        known = (buffer for buffer in pl_module.buffers() if not is_lazy(buffer))
        self.before = [(buffer, buffer.clone()) for buffer in known]

    def meet(self, module: lightning.LightningModule, part: str) -> None:
        """Note that a part of this step is not finite.

        Raises:
            NonFiniteError: Naming it, if training is to stop.
        """
        trainer = module.trainer
        if not self.part:
            self.part = part
            self.in_a_row += 1
            self.events.append(
                {
                    "epoch": trainer.current_epoch,
                    "step": trainer.global_step,
                    "part": part,
                    "rows": _rows(trainer),
                }
            )
            kept = self._write(trainer)
            if self.choice == "stop" or self.in_a_row >= MOST:
                self._restore(module)
                raise NonFiniteError(self._message(trainer, kept))

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Undo what a step that is left out did to running statistics, and count."""
        if self.part:
            self._restore(pl_module)
        else:
            self.in_a_row = 0
        if self.choice == "skip":
            pl_module.log(
                "train/skipped",
                float(bool(self.part)) + self.carried,
                on_step=False,
                on_epoch=True,
                reduce_fx="sum",
                batch_size=1,
            )
        self.carried = 0

    def state_dict(self) -> dict[str, Any]:
        """The events, for a checkpoint."""
        return {"events": self.events, "in_a_row": self.in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The events up to the checkpoint."""
        self.events = list(state_dict["events"])
        self.in_a_row = int(state_dict["in_a_row"])

    def _restore(self, module: Any) -> None:
        with torch.no_grad():
            for buffer, before in self.before:
                buffer.copy_(before)
        module.model.latent.forget()

    def _write(self, trainer: lightning.Trainer) -> Path | None:
        if self.folder is None:
            return None
        rank = f"-{trainer.global_rank}" if trainer.global_rank else ""
        path = self.folder / f"nonfinite{rank}.json"
        write_text(path, json.dumps(self.events, indent=1) + "\n")
        return path

    def _message(self, trainer: lightning.Trainer, kept: Path | None) -> str:
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        advice = (
            "Give one that is positive, as training minimises its logarithm; for a log-likelihood "
            "give the decoder a method nll(code, x)."
            if self.part == NEGATIVE
            else "Look for extreme values in the data, lower the learning rate (now "
            f"{rate:g}), or leave single batches out with on_nonfinite=skip."
        )
        checkpoint = getattr(trainer.checkpoint_callback, "path", None)
        last = self.events[-1]
        return (
            f"Step {last['step']} (epoch {last['epoch']}): {self.part}"
            + ("" if self.part == NEGATIVE else " is not finite")
            + (f", the {MOST}th step in a row. " if self.in_a_row >= MOST else ". ")
            + f"The model is as it was before this step. {advice}"
            + (f" The rows of its samples are in {kept}." if kept else "")
            + (
                f" The last good checkpoint is {checkpoint}."
                if checkpoint and checkpoint.is_file()
                else ""
            )
        )


def within_epoch(trainer: lightning.Trainer) -> int:
    """How many batches of the current epoch a checkpoint that was loaded has behind it."""
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    done = progress.current.ready
    return done if progress.current.processed and not progress.is_last_batch else 0


def _rows(trainer: lightning.Trainer) -> list[int] | None:
    """Rows of the data in this step's batch, if the loaders are ours, whose order is known."""
    rows = getattr(getattr(trainer, "datamodule", None), "rows", None)
    return rows(trainer.fit_loop.batch_idx) if rows else None


def first_bad_gradient(module: nn.Module) -> str:
    """The first parameter whose gradient is not finite, for a message; empty if all are."""
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    if torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
        return ""
    for name, parameter in module.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"the gradient of {name}"
    return "the norm of the gradient"


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on an accelerator or in the machine."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        # The processor's allocator has no class of its own for it.
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
