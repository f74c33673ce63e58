"""What happens around the steps: the log and the progress bar."""

from __future__ import annotations

import copy
import csv
import math
import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from tqdm.auto import tqdm

from entropae.drawing.log import Log, Row
from entropae.prior.progress import interval
from entropae.storage.atomic import replacing


class History(Callback):
    """A row an epoch of everything that was logged; written as CSV, and kept in checkpoints."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rows = Log()
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
        validated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
        row |= {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if validated or not name.startswith("validation/")  # else they are of an epoch before
        }
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
        return {"rows": list(self.rows)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The rows up to the checkpoint."""
        self.rows = Log(state_dict["rows"])


class Best(Callback):
    """Keeps the weights of the lowest held-out error, and puts them back when training ends.

    Only epochs count after which penalties have their full weight and nothing else of the loss
    changes any more: before, the error is low because little else is asked for.
    """

    def __init__(self) -> None:
        self.error, self.epoch = math.inf, 0
        self.weights: dict[str, Any] = {}

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Take the weights, if they are the best so far."""
        epoch = trainer.current_epoch + 1
        found = trainer.callback_metrics.get("validation/reconstruction")
        if found is None or epoch % (trainer.check_val_every_n_epoch or 1):
            return
        model = pl_module.model
        if pl_module.done(trainer.global_step) >= model.latent.settled and found < self.error:
            self.error, self.epoch = float(found), epoch
            self.weights = {
                # Networks of one's own may have a state that is no tensor.
                name: one.clone() if isinstance(one, Tensor) else copy.deepcopy(one)
                for name, one in model.state_dict().items()
            }

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Put them back, before running statistics are taken."""
        if self.weights:
            pl_module.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """What was best so far, for a checkpoint."""
        return {"error": self.error, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What was best up to the checkpoint."""
        self.error, self.epoch = float(state_dict["error"]), int(state_dict["epoch"])
        self.weights = dict(state_dict["weights"])


class Fading(Callback):
    """Lets the dropout of networks fall to 0, epoch by epoch.

    It keeps few samples from being learnt by heart while steps are large; to the end it would leave
    reconstructions blurred, which are then learnt to be sharp (benchmarks/head_grid.py).
    """

    def __init__(self) -> None:
        self.begun: dict[nn.Dropout, float] = {}

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Note where it begins."""
        parts = pl_module.modules()
        self.begun = {part: part.p for part in parts if isinstance(part, nn.Dropout)}

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Lower it."""
        done = trainer.current_epoch / (trainer.max_epochs or 1)
        for part, share in self.begun.items():
            part.p = share * (1 - done)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Leave the networks as they were made."""
        for part, share in self.begun.items():
            part.p = share


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
            mininterval=interval(),
        )

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the steps that have been taken."""
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
