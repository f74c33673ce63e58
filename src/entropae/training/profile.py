"""Where the time of training goes."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from entropae.training.module import Training

PARTS: tuple[str, ...] = (
    "data",
    "encoder",
    "latent",
    "decoder",
    "backward",
    "optimiser",
    "validation",
    "other",
)


class Profile(Callback):
    """Adds up the time of each part of training, from one to the next.

    On a GPU it waits for each part to end, so that a step takes longer than without.

    Attributes:
        seconds: Time of each of `PARTS`. `other`: losses, logs, checkpoints, this callback.
        steps: Batches that it was spent on.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.steps = 0
        self.last = 0.0
        self.hooks: list[Any] = []

    def table(self) -> str:
        """A line for each part: milliseconds a step, and the share of all."""
        whole = sum(self.seconds.values()) or 1.0
        lines = [
            f"{part:<11}{1000 * self.seconds[part] / max(1, self.steps):9.2f} ms a step "
            f"{self.seconds[part] / whole:6.1%}"
            for part in PARTS
        ]
        return "\n".join(lines)

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Watch encoder, latent and decoder."""
        assert isinstance(pl_module, Training)
        model = pl_module.model

        def put(part: str) -> None:
            if model.training:
                self._since(part)

        for part in ("encoder", "latent", "decoder"):
            module = getattr(model, part)
            before = module.register_forward_pre_hook(lambda *_: put("other"))
            after = module.register_forward_hook(lambda *_, part=part: put(part))
            self.hooks += [before, after]
        self.last = time.perf_counter()

    def on_train_epoch_start(self, *_: Any, **__: Any) -> None:
        """What came before is the end of an epoch."""
        self._since("other")

    def on_train_batch_start(self, *_: Any, **__: Any) -> None:
        """The batch is there."""
        self.steps += 1
        self._since("data")

    def on_before_backward(self, *_: Any, **__: Any) -> None:
        """The loss is there."""
        self._since("other")

    def on_after_backward(self, *_: Any, **__: Any) -> None:
        """Gradients are there."""
        self._since("backward")

    def on_before_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Gradients have been checked."""
        self._since("other")

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any, **__: Any) -> None:
        """The step is done, if it was one."""
        accumulating = self.steps % trainer.accumulate_grad_batches
        self._since("other" if accumulating else "optimiser")

    def on_validation_start(self, *_: Any, **__: Any) -> None:
        """What came before is not validation."""
        self._since("other")

    def on_validation_end(self, *_: Any, **__: Any) -> None:
        """All of it, networks too."""
        self._since("validation")

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Leave the model as it was."""
        self._since("other")
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def _since(self, part: str) -> None:
        """Put the time since the last call down to a part."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[part] += now - self.last
        self.last = now
