"""What a training step is, and the batches it gets."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from entropae import distributed
from entropae.kinds import tensor_of
from entropae.messages import unknown
from entropae.model import Autoencoder, AutoencoderOutput, ErrorFunction
from entropae.model.modes import set_training
from entropae.nn import linear_weights
from entropae.nn.normalization import synchronize
from entropae.training.faults import NEGATIVE, Guard, OnNonFinite, first_bad_gradient
from entropae.training.loaders import Loaders

# From the weights to what moves them.
MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
Decay = Literal["cosine", "exponential", "none"]

DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "exponential": lambda done: 0.01**done,
    "none": lambda done: 1.0,
}
# Changes a batch of samples at random.
Augment = Callable[[Tensor], Tensor]
# Share of the steps in which the learning rate rises from 0: Adam's first steps are its wildest.
RISE = 0.05
# Learning rate of linear paths beside convolutions, in theirs: larger steps lose the principal
# components that they start at, smaller ones of all leave the convolutions where they began.
LINEAR = 1 / 6


class Training(lightning.LightningModule):
    """Training of an `Autoencoder` by Lightning, for those who bring their own `Trainer`.

    Minimises `log(error) + Σ weight · value` over the latent's penalties (see `total_loss`). The
    logarithm makes weights relative (see `Latent`). A decoder with a likelihood of its own has its
    error in nats already: then `nll / dim + Σ weight · value` is minimised, nats against nats, and
    the `kl` of weight 1 is the evidence lower bound.

    Its batches are tensors, or tuples or dicts of which the first tensor is taken, as `(x, y)`.

    Every step begins from a random state of its own, made from the seed, the epoch and the batch's
    number, so that a run that is resumed goes on exactly as it would have.

    With several processes, loss and gradient are those of one process with the whole batch: batch
    normalisation, in the networks too, entropy and all other penalties are of all processes' codes.

    Args:
        model: What to train.
        learning_rate: Adam's, at its highest, to which it rises over the first steps.
        decay: How it falls: `"cosine"` to 0, `"exponential"` to 1 %, `"none"`.
        weight_decay: AdamW's; 0 is Adam.
        augment: Changes each training batch at random, as by mirroring images.
        error: Reconstruction error, from a reconstruction and its batch: a number, one per sample
            or one per element, of which the mean is taken. By default the decoder's own, or the
            squared error (see `Autoencoder`).
        optimizer: From the weights to an optimiser; by default AdamW. Its learning rate is the
            highest: `decay` then lets it fall.
        seed: Of all that is random.
        on_nonfinite: What to do about a step whose loss or gradient is not finite: see `Guard`.
        folder: Where `Guard` writes which samples it was; by default nowhere.
    """

    def __init__(
        self,
        model: Autoencoder,
        *,
        learning_rate: float = 3e-3,
        decay: Decay = "cosine",
        weight_decay: float = 0.0,
        augment: Augment | None = None,
        error: ErrorFunction | None = None,
        optimizer: MakeOptimizer | None = None,
        seed: int = 0,
        on_nonfinite: OnNonFinite = "stop",
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(model, Autoencoder):
            raise TypeError(
                f"`model` must be an Autoencoder: got {type(model).__name__}. Call "
                "Training(Autoencoder(encoder, decoder, latent))."
            )
        if not (isinstance(learning_rate, Real) and learning_rate > 0):
            raise ValueError(f"`learning_rate` must be positive: got {learning_rate!r}.")
        if decay not in DECAYS:
            raise ValueError(unknown("decay", decay, DECAYS))
        self.model = model
        if error is not None:
            if not callable(error):
                raise TypeError(
                    "`error` must be a function of a reconstruction and its batch, such as "
                    f"entropae.model.absolute_error: got {error!r}."
                )
            model.error = error
        self.learning_rate = learning_rate
        if not weight_decay >= 0:
            raise ValueError(f"`weight_decay` must be >= 0: got {weight_decay}.")
        self.decay, self.weight_decay, self.augment = decay, weight_decay, augment
        self.optimizer = optimizer
        self.seed = seed
        self.steps_of_a_pass = math.inf
        self.guard = Guard(on_nonfinite, folder)
        # Of each part of the loss, in an epoch so far: its sum over samples, and their number.
        self.sums: dict[str, tuple[Tensor, int]] = {}
        self.passed = 0  # batches of the epoch within which a checkpoint was written
        self.scheduler: LambdaLR | None = None
        self.begun_with: str | None = None  # the name of the optimiser

    def configure_callbacks(self) -> list[Callback]:
        """What belongs to training with any trainer: a guard against what is not finite."""
        return [self.guard]

    def setup(self, stage: str) -> None:
        """Begin as `fit` does: with no priors of codes that will change, nor in evaluation mode.

        Batch normalisation is over the batch of all processes, in networks of your own too.
        """
        if stage == "fit":
            self.model.drop_priors()
            if not self.model.training:  # as `fit` and `load` leave it
                set_training(self.model)
        if self.trainer.world_size > 1:
            synchronize(self.model)
            # A latent's buffers are alike in all processes; DDP would send the bank at every step.
            buffers = self.model.latent.named_buffers(prefix="model.latent")
            self._ddp_params_and_buffers_to_ignore = [name for name, _ in buffers]

    def configure_optimizers(self) -> Any:
        """AdamW, in one pass over the weights, and the fall of its learning rate, step by step."""
        weights = [weight for weight in self.parameters() if weight.requires_grad]
        if not weights:
            raise ValueError(
                "Nothing can be trained: no weight of the model requires a gradient. Unfreeze the "
                "encoder or the decoder: decoder.requires_grad_(True). To draw samples from "
                "networks as they are: model.fit_head(data)."
            )
        if self.optimizer is not None:
            optimizer = _optimizer(self.optimizer, weights)
        else:
            # Not where it would have to undo the scale of the loss: Lightning could not clip then.
            real = all(weight.is_floating_point() for weight in weights)
            fused = real and self.trainer.precision != "16-mixed"
            options: dict[str, Any] = {"fused": fused, "weight_decay": self.weight_decay}
            slow = {id(weight) for weight in linear_weights(self.model)}
            rates = {False: self.learning_rate, True: LINEAR * self.learning_rate}
            groups = [
                {"params": some, "lr": rate}
                for is_slow, rate in rates.items()
                if (some := [weight for weight in weights if (id(weight) in slow) == is_slow])
            ]
            optimizer = torch.optim.AdamW(groups, **options)
        made = type(optimizer).__name__
        if self.begun_with not in (None, made):
            raise ValueError(f"it was begun with {self.begun_with}, not {made}.")
        self.begun_with = made
        self.scheduler = LambdaLR(optimizer, lambda step: self._share_of_rate(step))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is known of the epoch so far, so that it can go on from there."""
        checkpoint["planned_epochs"] = self.trainer.max_epochs
        checkpoint["begun_with"] = self.begun_with
        if not self.trainer.is_last_batch:
            checkpoint["within"] = {
                "batches": self.trainer.fit_loop.batch_idx + 1,
                "sums": self.sums,
                "memory": self.model.latent.memory(),
            }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it up again."""
        self.begun_with = checkpoint.get("begun_with")
        within = checkpoint.get("within")
        if within:
            self.passed = int(within["batches"])
            self.sums = dict(within["sums"])
            self.model.latent.recall(within["memory"])

    def on_train_start(self) -> None:
        """Pass over the batches of the epoch that a checkpoint has behind it."""
        loaders: Any = getattr(self.trainer, "datamodule", None)
        if isinstance(loaders, Loaders):
            loaders.pass_over(self.passed)

    def on_train_epoch_start(self) -> None:
        """Remember nothing of the last epoch, whose samples come again."""
        self.model.latent.forget()
        self.sums.clear()
        if self.current_epoch:
            self.steps_of_a_pass = self.global_step / self.current_epoch

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Begin the step from its own random state."""
        # What networks draw, as in dropout, must differ between processes.
        rank = [self.global_rank] if self.global_rank else []
        own = np.random.SeedSequence([self.seed, self.current_epoch, batch_idx, *rank])
        seed = int(own.generate_state(1, np.uint64)[0]) >> 1
        # As `torch.manual_seed`, which spends half a millisecond on devices that are not there.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    def training_step(self, batch: Any, index: int) -> Tensor:
        """Loss of a batch. Every part of it is logged under its name, as the epoch's mean.

        Raises:
            NonFiniteError: Naming the part that is not finite, unless such steps are left out.
        """
        searching = self._is_search()
        self.model.latent.progress = 1.0 if searching else self.done(self.global_step)
        if searching:
            self.model.latent.forget()
        batch = tensor_of(batch)
        batch = batch if self.augment is None else self.augment(batch)
        output, n = self._pass(batch)
        if not torch.isfinite(output.loss):
            self.guard.meet(self, _blame(batch, output))
            return output.loss * torch.nan  # so that every gradient, in every process, shows it
        self._record("train", output, n)
        return output.loss

    def on_train_batch_end(self, outputs: Any, batch: Tensor, batch_idx: int) -> None:
        """Log in time for callbacks that look at the epoch's figures."""
        if self.trainer.is_last_batch:
            self._log()

    def on_train_epoch_end(self) -> None:
        """Log what has not been, if the trainer cut the epoch short."""
        self._log()

    def backward(self, loss: Tensor) -> None:
        """Gradients. Together too: checkpointed activations are computed again here."""
        with distributed.together():
            loss.backward()

    def validation_step(self, batch: Any, index: int) -> None:
        """The same parts on held-out samples, at inference."""
        output, n = self._pass(tensor_of(batch))
        self._record("validation", output, n)

    def on_validation_epoch_end(self) -> None:
        """Log them."""
        self._log()

    def on_fit_end(self) -> None:
        """Take all running statistics from the whole training set, and leave evaluation mode on.

        Each process takes its share of it. Not at the end of training: a run resumed from its last
        checkpoint has none left to do.
        """
        loaders: Any = getattr(self.trainer, "datamodule", None)
        own: Any = (
            loaders.shares() if isinstance(loaders, Loaders) else self.trainer.train_dataloader
        )
        with distributed.together():
            self.model.calibrate(own)
        self.model.eval()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse a step along a gradient that is not finite.

        Raises:
            NonFiniteError: Naming the parameter, unless such steps are left out.
        """
        if self.trainer.precision == "16-mixed":
            return  # its loss scaler meets infinities as a matter of course, and skips the step
        part = first_bad_gradient(self)
        if part:
            self.guard.meet(self, part)
            for parameter in self.parameters():
                parameter.grad = None  # the optimiser passes over these

    def _pass(self, batch: Tensor) -> tuple[AutoencoderOutput, int]:
        """What the model makes of a batch, and the size of the batch of all processes."""
        with distributed.together(len(batch)):
            return self.model(batch), distributed.place(batch)[1]

    def _record(self, stage: str, output: AutoencoderOutput, n: int) -> None:
        parts = {"reconstruction": output.error}
        parts |= {name: penalty.value for name, penalty in output.penalties.items()}
        for name, value in parts.items():
            total, seen = self.sums.get(f"{stage}/{name}", (0, 0))
            self.sums[f"{stage}/{name}"] = total + n * value.detach(), seen + n

    def _log(self) -> None:
        """Log the means since the last call: Lightning's own take as long as a small network."""
        for name, (total, n) in self.sums.items():
            self.log(name, total / n, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
        self.sums.clear()

    def _is_search(self) -> bool:
        """Whether Lightning tries learning rates: then nothing else may change the loss."""
        configs = self.trainer.lr_scheduler_configs
        return all(config.scheduler is not self.scheduler for config in configs)

    def _share_of_rate(self, step: int) -> float:
        total = self._total()
        if math.isinf(total) and self.trainer.max_epochs == -1:
            return 1.0  # of a training without an end
        done = self._share(step, total)
        return min(1.0, self._share(step + 1, total) / RISE) * DECAYS[self.decay](done)

    def done(self, step: int) -> float:
        """Share of the training that so many steps are; 1 of one without an end."""
        return self._share(step, self._total())

    def _share(self, step: int, total: float) -> float:
        if math.isfinite(total):
            return min(1.0, step / total)
        return 1.0 if self.trainer.max_epochs == -1 else RISE  # in the first pass of several

    def _total(self) -> float:
        """Steps of the training; of batches without a number, once the first pass has shown it."""
        total = float(self.trainer.estimated_stepping_batches)
        if total > 0:
            return total
        return self.steps_of_a_pass * (self.trainer.max_epochs or math.inf)


def _optimizer(make: Any, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    """An optimiser as it is, or made.

    Raises:
        TypeError: If it is none.
    """
    made = make if isinstance(make, torch.optim.Optimizer) or not callable(make) else make(weights)
    if not isinstance(made, torch.optim.Optimizer):
        raise TypeError(
            "`optimizer` must be an optimiser of torch's, or a function from the weights to one: "
            f"got {made!r}. For example: lambda weights: torch.optim.AdamW(weights, 1e-3)."
        )
    return made


def _blame(batch: Tensor, output: AutoencoderOutput) -> str:
    """The first part of a loss that is not finite, or has no logarithm."""
    parts: dict[str, Tensor | None] = {
        "the input": batch,
        "the code": output.code,
        "the decoder's output": output.reconstruction,
        "the reconstruction error": output.error,
    } | {f"the penalty {name!r}": penalty.value for name, penalty in output.penalties.items()}
    if output.reconstruction is not None and output.error.isfinite() and output.error < 0:
        return NEGATIVE
    bad = (n for n, value in parts.items() if value is not None and not value.isfinite().all())
    return next(bad, "the loss")
