"""Looks at a model while it is trained, so that nobody waits for the end to see anything."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import lightning
import torch
from jaxtyping import Shaped
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from entropae import distributed
from entropae.kinds import Kind, as_samples, tensor_of
from entropae.model import Autoencoder
from entropae.training.loggers import log_image, log_text

# Samples that running statistics are taken from, and numbers of all together.
ENOUGH = 1024
NUMBERS = 1 << 26
SHOWN = 64


def as_it_is(model: Autoencoder, batches: Iterable[Tensor]) -> Autoencoder:
    """A copy of a model that is trained: calibrated, in evaluation mode, on the CPU.

    Args:
        model: It stays as it is.
        batches: Of training samples, for the copy's running statistics.
    """
    found = copy.deepcopy(model).cpu().eval()
    for network in (found.encoder, found.decoder):
        # Compiled, it would be that of the model itself.
        if hasattr(vars(network).get("forward"), "_torchdynamo_orig_callable"):
            del network.forward
    found.calibrate([batch.cpu() for batch in batches])
    return found


class FirstLook(Callback):
    """Shows the model once, after some seconds.

    Args:
        show: Is given a calibrated copy of the model in evaluation mode, and the epoch.
        batches: Some training samples, for the copy's running statistics.
        after: Seconds of training.
    """

    def __init__(
        self, show: Callable[[Any, int], None], batches: list[Tensor], *, after: float = 30.0
    ) -> None:
        self.show, self.batches, self.after = show, batches, after
        self.began = time.perf_counter()
        self.done = False

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show it, when it is time."""
        if self.done or time.perf_counter() - self.began < self.after:
            return
        self.done = True
        with distributed.alone(), torch.random.fork_rng(devices=[]):
            self.show(as_it_is(pl_module.model, self.batches), trainer.current_epoch + 1)


class Pictures(Callback):
    """Hands pictures of new samples and of reconstructions to the trainer's loggers.

    `fit` adds it where there are loggers. With a `Trainer` of your own it is one of its callbacks.
    Samples that are no pictures are handed over as text, without the reconstructions. See
    `log_image` for loggers that it does not know.

    Args:
        shown: Samples to reconstruct; by default the first that are validated on, or else trained.
        most: Epochs after which there are pictures, at even distances, and after the last. In a
            training without end, after epochs 1, 2, 4, 8, …
        seed: Of the samples that are drawn.

    Examples:
        >>> from entropae.training import Pictures
        >>> from lightning import Trainer
        >>> trainer = Trainer(callbacks=[Pictures(most=5)])  # doctest: +SKIP
    """

    def __init__(
        self, shown: Shaped[Tensor, "n ..."] | None = None, *, most: int = 10, seed: int = 0
    ) -> None:
        if most < 1:
            raise ValueError(f"`most` must be at least 1: got most={most}.")
        self.shown, self.most, self.seed = shown, most, seed
        self.recent: list[Tensor] = []

    def due(self, trainer: lightning.Trainer) -> bool:
        """Whether the epoch that is on ends in pictures."""
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs
        if not trainer.loggers or not trainer.is_global_zero:
            return False
        if epochs is None or epochs < 0:
            return epoch & (epoch - 1) == 0
        every = max(1.0, epochs / self.most)
        return math.floor(epoch / every) > math.floor((epoch - 1) / every) or epoch == epochs

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the epoch's first batches, for running statistics."""
        if not self.due(trainer):
            return
        if batch_idx == 0:
            self.recent = []
        batch, seen = tensor_of(batch), sum(map(len, self.recent))
        if not self.recent or (
            seen + len(batch) <= ENOUGH and (seen + len(batch)) * batch[0].numel() <= NUMBERS
        ):
            self.recent.append(batch.detach())

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the first as what is shown, where nothing was given."""
        if self.shown is None and not trainer.sanity_checking:
            self.shown = tensor_of(batch)[:SHOWN].detach().cpu()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Hand the pictures over."""
        if not self.due(trainer) or not self.recent:
            return
        shown = self.recent[0][:SHOWN].cpu() if self.shown is None else self.shown
        with distributed.alone(), torch.random.fork_rng(devices=[]):
            model = as_it_is(pl_module.model, self.recent)
            kind = model.kind or as_samples(shown, validation=0).kind
            drawn = model.draw(SHOWN, seed=self.seed)
            pictures = {
                "samples": kind.picture(drawn),
                "reconstructions": kind.picture(shown, model.reconstruct(shown)),
            }
        self.recent = []
        for logger in trainer.loggers:
            for name, picture in pictures.items():
                if picture is not None:
                    log_image(logger, name, picture, trainer.global_step)
            if pictures["samples"] is None:
                log_text(logger, "samples", _text(kind, drawn, self.seed), trainer.global_step)


def _text(kind: Kind, drawn: Tensor, seed: int) -> str:
    """Samples as their users know them, a line each."""
    shown = kind.present(drawn[:20], drawn=True, seed=seed)
    return "\n".join(map(str, shown)) if isinstance(shown, list) else str(shown)
