"""Time of a training step against pythae's trainer: same networks, images, batch and optimiser.

    pip install --no-deps -r benchmarks/requirements.txt
    OMP_NUM_THREADS=1 python benchmarks/pythae_step.py DATA/train-images-idx3-ubyte.gz

Two figures a row, in CPU time of one thread. `loop`: an epoch of the library's whole training loop,
loading of data, checks, log and progress bar included, per step. `step`: forward pass, loss,
backward pass and Adam on a batch that is at hand. Contestants take turns, training by training of
three epochs, or step by step; a figure is the best of all. Nothing is validated or kept on disk.

AE and VAE are like for like; the EAE, with its defaults (and its bank of 4096 codes), is put
beside pythae's VAE. pythae reads its images from a float32 tensor, ours are bytes, as in the file.
Both have torch's Adam, ours the fused one. `overhead` is loop less step.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import lightning
import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, VAE, AEConfig, BaseAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

import entropae as ea
from entropae.kinds import read as load
from entropae.kinds.samples import Samples
from entropae.latent import Entropic, Latent, Plain, Variational
from entropae.nn import pair
from entropae.training import Loaders, Progress, Training
from entropae.training.trainers import quiet_lightning

from _machine import save

DIM = 16
RATE = 1e-3
EPOCHS = 3
OURS: dict[str, Callable[[], Latent]] = {
    "AE": lambda: Plain(DIM),
    "VAE": lambda: Variational(DIM),
    "EAE": lambda: Entropic(DIM),
}
THEIRS = {"AE": (AE, AEConfig, DIM), "VAE": (VAE, VAEConfig, 2 * DIM)}
BESIDE = {"AE": "AE", "VAE": "VAE", "EAE": "VAE"}

Run = Callable[[], list[float]]


class Encoder(BaseEncoder):
    """One of our encoders, as pythae takes it."""

    def __init__(self, network: torch.nn.Module, split: bool) -> None:
        super().__init__()
        self.network, self.split = network, split

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """Code, or mean and log-variance."""
        h = self.network(x)
        if not self.split:
            return ModelOutput(embedding=h)
        mean, log_variance = h.chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """One of our decoders, as pythae takes it."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """Images."""
        return ModelOutput(reconstruction=self.network(z))


class OurClock(lightning.Callback):
    """CPU time of each epoch, from its start to the next one's."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        """Note the time."""
        self.marks.append(time.process_time())


class TheirClock(TrainingCallback):
    """Likewise."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.marks.append(time.process_time())


def per_step(marks: list[float], steps: int) -> list[float]:
    """Seconds a step of all epochs but the last, whose end is the training's."""
    return [(b - a) / steps for a, b in pairwise(marks)]


def our_model(name: str, network: str, shape: tuple[int, ...]) -> ea.Autoencoder:
    torch.manual_seed(0)
    latent = OURS[name]()
    return ea.Autoencoder(*pair(network, shape, latent.in_features, DIM), latent)


def their_model(name: str, network: str, shape: tuple[int, ...]) -> BaseAE:
    torch.manual_seed(0)
    kind, config, features = THEIRS[name]
    encoder, decoder = pair(network, shape, features, DIM)
    described = config(input_dim=shape, latent_dim=DIM)
    return kind(described, Encoder(encoder, split=features > DIM), Decoder(decoder))


def our_loop(name: str, network: str, samples: Samples, batch: int) -> list[float]:
    """What `ea.fit` does, but for validation and calibration."""
    clock = OurClock()
    model = our_model(name, network, samples.shape).train()
    loaders = Loaders(samples, None, batch, least=model.latent.least_batch, seed=0)
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            callbacks=[clock, Progress()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(Training(model, learning_rate=RATE), loaders)
    return per_step(clock.marks, -(-len(samples) // batch))


def their_trainer(
    name: str, network: str, data: BaseDataset, batch: int, folder: str, *clocks: TrainingCallback
) -> BaseTrainer:
    config = BaseTrainerConfig(
        output_dir=folder,
        per_device_train_batch_size=batch,
        num_epochs=EPOCHS,
        learning_rate=RATE,
        no_cuda=True,
    )
    model = their_model(name, network, tuple(data.data.shape[1:]))
    return BaseTrainer(model, data, training_config=config, callbacks=list(clocks))


def their_loop(name: str, network: str, data: BaseDataset, batch: int) -> list[float]:
    clock = TheirClock()
    with tempfile.TemporaryDirectory() as folder:
        their_trainer(name, network, data, batch, folder, clock).train()
    return per_step(clock.marks, -(-len(data) // batch))


def our_step(name: str, network: str, x: torch.Tensor) -> Run:
    model = our_model(name, network, tuple(x.shape[1:]))
    optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)  # as `Training` has it
    model.latent.forget()  # from here on a bank is kept

    def step() -> list[float]:
        began = time.process_time()
        optimizer.zero_grad()
        model.loss(x).backward()
        optimizer.step()
        return [time.process_time() - began]

    return step


def their_step(name: str, network: str, x: torch.Tensor) -> Run:
    data = BaseDataset(x, torch.zeros(len(x)))
    with tempfile.TemporaryDirectory() as folder:
        trainer = their_trainer(name, network, data, len(x), folder)
        trainer.set_optimizer()
    inputs = {"data": x}

    def step() -> list[float]:
        began = time.process_time()
        trainer._optimizers_step(trainer.model(inputs))
        return [time.process_time() - began]

    return step


def best(runs: dict[str, Run], rounds: int, first: int) -> dict[str, float]:
    """The least time of each, over rounds in which each has a turn; `first` rounds do not count."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(first + rounds):
        for name, run in runs.items():
            times = run()
            found[name] += times if i >= first else []
    return {name: min(times) for name, times in found.items()}


def compare(
    network: str, batch: int, samples: Samples, rounds: int, steps_a_round: int
) -> list[dict[str, Any]]:
    """A row for each of ours."""
    x = samples.first(len(samples))
    theirs = BaseDataset(x, torch.zeros(len(x)))
    loops: dict[str, Run] = {}
    steps: dict[str, Run] = {}
    for name in OURS:
        loops[f"ours {name}"] = lambda name=name: our_loop(name, network, samples, batch)
        steps[f"ours {name}"] = our_step(name, network, x[:batch])
    for name in THEIRS:
        loops[f"theirs {name}"] = lambda name=name: their_loop(name, network, theirs, batch)
        steps[f"theirs {name}"] = their_step(name, network, x[:batch])
    loop = best(loops, rounds, 1)
    step = best(steps, steps_a_round * rounds, 2 + 4096 // batch)  # until the bank is full
    rows = []
    for name, beside in BESIDE.items():
        row: dict[str, Any] = {"network": network, "batch": batch, "ours": name, "theirs": beside}
        for kind, found in (("loop", loop), ("step", step)):
            mine, other = found[f"ours {name}"], found[f"theirs {beside}"]
            row |= {f"{kind}_ms": 1e3 * mine, f"{kind}_ms_theirs": 1e3 * other}
            row[f"{kind}_ratio"] = mine / other
        row["overhead_ms"] = row["loop_ms"] - row["step_ms"]
        row["overhead_ms_theirs"] = row["loop_ms_theirs"] - row["step_ms_theirs"]
        rows.append(row)
        shown = "   ".join(
            f"{kind} {row[f'{kind}_ms']:.2f} / {row[f'{kind}_ms_theirs']:.2f} ms = "
            f"{row[f'{kind}_ratio']:.3f}"
            for kind in ("loop", "step")
        )
        print(f"{network} batch {batch}, {name} / their {beside}:   {shown}", flush=True)
    return rows


def main() -> None:
    """Both networks, two batch sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=5120)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--networks", nargs="+", default=["mlp", "conv"])
    parser.add_argument("--batches", nargs="+", type=int, default=[64, 256])
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    samples = load(options.data)
    samples = replace(samples, array=samples.array[: options.images].copy())
    rows = []
    for network in options.networks:
        for batch in options.batches:
            # A convolutional step takes ten times as long, and needs fewer to be timed.
            images, turns = (options.images, 20) if network == "mlp" else (options.images // 4, 5)
            few = samples.subset(np.arange(images))
            rows += compare(network, batch, few, options.rounds, turns)
    save("pythae_step", rows, pythae="0.1.2", dim=DIM, epochs=EPOCHS, **vars(options))


if __name__ == "__main__":
    main()
