"""`fit`: training in one call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch.callbacks import (
    Callback,
    ProgressBar,
    StochasticWeightAveraging,
    WeightAveraging,
)
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from entropae import distributed
from entropae.drawing.log import Log
from entropae.kinds import Samples, as_samples, identity
from entropae.kinds.keys import Halves
from entropae.kinds.labels import labels_of
from entropae.kinds.loaders import batch_size_of
from entropae.messages import unknown, whole
from entropae.model import Autoencoder, ErrorFunction
from entropae.model.modes import evaluating, set_training
from entropae.nn.limits import output_limits
from entropae.nn.units import STANDARDIZED
from entropae.prior import FlowMatching, make_head
from entropae.prior.progress import showing_steps
from entropae.recipe import TrainerConfig
from entropae.signals import Wish, deferred
from entropae.training.budget import passes, planned, worth
from entropae.training.callbacks import Best, History, Progress
from entropae.training.checkpoints import CHECKPOINT, Keep, SafeIO, last_good, read
from entropae.training.faults import OnNonFinite, is_short_of_memory
from entropae.training.loaders import Loaders
from entropae.training.loggers import listed, loggers_of
from entropae.training.looks import SHOWN, Pictures
from entropae.training.module import Augment, Decay, MakeOptimizer, Training
from entropae.training.profile import Profile
from entropae.training.stopping import stopped
from entropae.training.trainers import (
    check_processes,
    place_of,
    quiet_lightning,
    runner_of,
    where_of,
)

# Learning rates. Large steps lose principal components again where those are trained, too.
RATES = {"pca": 5e-4, "residual": 2e-3, "random": 3e-3}
# Samples whose values are held against what the decoder can return, and the share of their variance
# that it may miss.
LOOKED_AT, UNNOTICED = 500, 0.01
KEPT = ("best", "last")


@torch.inference_mode(False)  # in which nothing can be learnt
def fit(
    model: Autoencoder,
    data: Any,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    weight_decay: float = 0.0,
    augment: Augment | None = None,
    keep: Literal["best", "last"] = "best",
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
    logger: str | Logger | Sequence[Logger] = "auto",
    compile: bool = False,
    profile: bool = False,
    progress: bool = True,
) -> Log:
    """Train a model on samples, and leave it calibrated and in evaluation mode.

    A head that the latent asks for is fitted last, to the finished codes.

    Torch's random state is what it was before.

    Args:
        model: What to train; it is changed in place.
        data: Samples: a tensor or an array of shape `(n, …)`, a torch `Dataset` or `DataLoader`, a
            list of tensors, a data frame, a path, or whatever else `kinds.read` takes. In pairs
            `(x, y)` the first is the sample.
        epochs: Passes over the training samples. By default 8000 steps, but 5 to 300 passes,
            of residual networks to 75.
        minutes: As many of these passes as fit in this time, by a timing of the first steps; a run
            that is resumed keeps to the passes that it was begun with.
        batch_size: Samples a step; by default 256, sentences 64, or that of a `DataLoader`.
        learning_rate: Adam's, at its highest, after a rise over the first twentieth of the steps;
            linear paths beside convolutions (`nn.linear_weights`) have a sixth of it.
        decay: How it falls: `"cosine"`, `"exponential"` or `"none"`.
        weight_decay: AdamW's; 0 is Adam.
        augment: From a training batch to a changed one, as by mirroring images.
        keep: `"best"`: the model ends as it was where the error on held-out samples was lowest, in
            the epochs after which penalties have their full weight. `"last"`: as it was last, or
            as a callback leaves it that averages weights.
        error: Reconstruction error, from a reconstruction and its batch: a number, one per sample
            or one per element, of which the mean is taken. By default the squared error, or the
            decoder's own (see `Autoencoder`).
        optimizer: From the weights to an optimiser, e.g. `lambda w: torch.optim.AdamW(w, 1e-3)`; by
            default AdamW. Its learning rate is the highest.
        validation: Share of the samples that is held out; or samples to validate on, as `data`.
        key: Field of the items, for data sets whose items are dicts; column of a frame or Parquet
            file whose cells are vectors or images, as of embeddings.
        seed: Of the split, the order of the samples and all else that is random in training.
        folder: Where to keep `log.csv`, the checkpoint `last.ckpt`, the one before it,
            `previous.ckpt`, and what a `logger` writes. Nothing is written without it.
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
        logger: One of Lightning's loggers, or several: what is in the log goes to each, under the
            same names, and pictures of samples and reconstructions after up to ten epochs (see
            `Pictures`); TensorBoard's is added where there is a folder. Or the name of one, which
            writes there (see `Recipe`): `"tensorboard"`, `"csv"`, `"mlflow"`, `"wandb"`, `"none"`,
            or `"auto"`: TensorBoard's, if it is installed and there is a folder.
        compile: Compile encoder and decoder while they are trained (`torch.compile`). Not for a
            latent that differentiates the decoder's gradient, as RAE-GP.
        profile: Print where the time went, in the end.
        progress: Show progress bars.

    Returns:
        The log: a list of a row an epoch, with the parts of the loss by name, on training and
        held-out samples, which a notebook shows as curves. `reconstruction` is the mean error,
        `entropy` in nats per dimension.

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
    epochs = None if epochs is None else whole("epochs", epochs, 1)
    batch_size = None if batch_size is None else whole("batch_size", batch_size, 1)
    seed = whole("seed", seed, 0)
    if keep not in KEPT:
        raise ValueError(unknown("way to keep weights", keep, KEPT))
    folder = None if folder is None else Path(folder)
    samples, others = _read(data, validation, seed=seed, key=key, progress=progress)
    if error is None and not hasattr(model.decoder, "error"):
        _warn_of_units(samples)
        _warn_of_limits(model, samples.first(LOOKED_AT))
    _warn_of_logits(error)
    if batch_size is None:
        batch_size = batch_size_of(data) or samples.kind.batch_size
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
    checkpoint = last_good(folder) if folder and resume else None
    if minutes is not None and checkpoint is not None:
        epochs = read(checkpoint).get("planned_epochs", epochs)
    elif minutes is not None:
        where = place_of(trainer, device)
        epochs = planned(
            model, train, batch_size, minutes=minutes, wanted=epochs, device=where
        ).epochs
    epochs = passes(len(loaders.train_dataloader()), model) if epochs is None else epochs
    # Checkpoints and held-out figures need not come more often than some hundred times a run.
    every = max(1, epochs // 100)
    loggers = loggers_of(logger, folder)
    history = History(folder and folder / "log.csv")
    added: list[Callback] = [history, *listed(callbacks, Callback, "callbacks")]
    averaged = any(isinstance(one, StochasticWeightAveraging | WeightAveraging) for one in added)
    if keep == "best" and held_out is not None and not averaged:
        added.append(Best())
    if loggers:
        added.append(Pictures((held_out or train).drawn(SHOWN, seed=seed), seed=seed))
    if progress:
        added.append(Progress())
    profiler = Profile() if profile else None
    if profiler:
        added.append(profiler)
    wish = Wish()
    state = Keep(folder, every, wish)
    added.append(state)
    options = {
        "max_epochs": epochs,
        "check_val_every_n_epoch": every,
        "num_sanity_val_steps": 0,
        "limit_val_batches": None if held_out is not None else 0,
        "callbacks": added,
        "logger": loggers or False,
        "plugins": [SafeIO()],
        "enable_progress_bar": any(isinstance(one, ProgressBar) for one in added),
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }
    with quiet_lightning(), random_state_kept(), deferred(wish):
        runner = runner_of(where_of(trainer, device), options)
        check_processes(runner.world_size)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            if checkpoint is None and distributed.is_first():
                identity.write(folder, samples, halves)
        model.kind = samples.kind
        set_training(model)
        module = Training(
            model,
            learning_rate=learning_rate,
            decay=decay,
            weight_decay=weight_decay,
            augment=augment,
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
            if checkpoint and not state.started:
                reason = " ".join(str(raised).split())
                raise ValueError(f"{checkpoint} does not fit this run: {reason}") from raised
            raise
        finally:
            model.eval()
    if profiler and runner.is_global_zero:
        print(profiler.table())
    if model.latent.head is not None:
        with distributed.together(), showing_steps(progress):
            _fit_head(model, train, model.latent.head, steps=runner.global_step, seed=seed)
    return history.rows


def _fit_head(model: Autoencoder, train: Samples, name: str, *, steps: int, seed: int) -> None:
    head = make_head(name, model.latent.dim)
    if isinstance(head, FlowMatching):
        head = FlowMatching.sized(model.latent.dim, len(train), steps * worth(model))
    labels = head.conditional and labels_of(train) is not None
    model.fit_head(train, head, labels=labels, seed=seed)


def _warn_of_units(samples: Samples) -> None:
    """Say where only the values in the largest unit would be learnt."""
    scaling = samples.scaling
    if scaling is None or not scaling.is_mixed:
        return
    warnings.warn(
        f"The values are in mixed units ({scaling.said}): those in the largest will be learnt, "
        f"others hardly. Standardise them: {STANDARDIZED}",
        stacklevel=3,
    )


def _warn_of_logits(error: Any) -> None:
    """Say where reconstructions and samples will be no data, but what a sigmoid makes data of."""
    if error is not nn.functional.binary_cross_entropy_with_logits and not isinstance(
        error, nn.BCEWithLogitsLoss
    ):
        return
    warnings.warn(
        "The reconstruction error takes logits, so that reconstructions and samples will be "
        "logits, too. To get data, end the decoder in nn.Sigmoid() and give "
        "error=nn.functional.binary_cross_entropy.",
        stacklevel=3,
    )


def _warn_of_limits(model: Autoencoder, x: Tensor) -> None:
    """Say where the decoder cannot return what it is to reconstruct, however long it is trained."""
    if not x.is_floating_point() or any(map(is_lazy, model.parameters())):
        return
    codes = torch.zeros(1, model.latent.dim, device=model.device, dtype=model.dtype)
    try:
        with evaluating(model):
            limits = output_limits(model.decoder, codes)
    except Exception:  # the first batch will tell, with what it was given
        return
    if limits is None:
        return
    beyond = limits.outside(x).double()
    if beyond.square().mean() <= UNNOTICED * x.double().var():
        return
    warnings.warn(
        f"The decoder returns {limits.said}, and {float((beyond != 0).double().mean()):.0%} of the "
        "data's values are not: these cannot be learnt. Scale the data into the decoder's range "
        "(images: x / 255), or end the decoder in a linear layer.",
        stacklevel=3,
    )


def _read(
    data: Any, validation: Any, *, seed: int, key: str | None, progress: bool
) -> tuple[Samples, Samples | None]:
    """The samples, and others to validate on if such were given and not a share."""
    given = None if validation is None or isinstance(validation, Real) else validation
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


def _too_large(model: Autoencoder, loaders: Loaders) -> str:
    size = loaders.batch_size
    weights = sum(parameter.numel() for parameter in model.parameters())
    return (
        f"Out of memory on {model.device} with batches of {size} samples of shape "
        f"{loaders.train.shape} and {weights:,} weights. Lower the batch size (batch_size="
        f"{max(2, size // 2)}), or make the images or the networks smaller."
    )
