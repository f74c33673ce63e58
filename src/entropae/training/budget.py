"""How many passes a training takes, and how long that is."""

from __future__ import annotations

import copy
import math
import time
from typing import NamedTuple

import torch

from entropae import distributed
from entropae.kinds import Samples
from entropae.model import Autoencoder
from entropae.nn import ResidualDecoder

STEPS = 8000
FEWEST, MOST = 5, 300
# Residual networks take fewer passes, as they learn few images by heart in more: one of their steps
# does, and costs, about what four of a small network do.
WORTH = 4
# Steps that are timed after a first one, or as many as take this long, but a few at least.
TIMED, LONGEST, LEAST = 40, 2.0, 4
# Beside the steps: held-out samples, checkpoints, and a bank that is yet to fill.
BESIDES = 1.3


class Plan(NamedTuple):
    """Passes over the training samples.

    Attributes:
        epochs: How many are to be made.
        wanted: How many would be made if time did not matter.
        seconds: How long one takes, about.
    """

    epochs: int
    wanted: int
    seconds: float


def passes(steps: int, model: Autoencoder) -> int:
    """How many passes of so many steps a training takes by default: 8000 steps, 5 to 300 passes.

    Residual networks get 75 at most, or as many as make 300 steps.
    """
    most = min(MOST, max(MOST // worth(model), math.ceil(MOST / steps)))
    return min(most, max(FEWEST, math.ceil(STEPS / steps)))


def worth(model: Autoencoder) -> int:
    """How many steps of a small network one of this model's is worth."""
    return WORTH if isinstance(model.decoder, ResidualDecoder) else 1


def planned(
    model: Autoencoder,
    train: Samples,
    batch_size: int,
    *,
    minutes: float,
    wanted: int | None = None,
    device: str | torch.device = "cpu",
) -> Plan:
    """As many passes as fit in a time, by timing a few steps of a copy of the model.

    Args:
        model: What will be trained; it stays as it is.
        train: The training samples.
        batch_size: Samples a step.
        minutes: The time. At least one pass is made, however long it takes.
        wanted: Passes at most; by default as `passes` says.
        device: Where it will be trained.

    Raises:
        ValueError: If the time is not positive.
    """
    if not minutes > 0:
        raise ValueError(f"`minutes` must be positive: got minutes={minutes}.")
    batch_size = min(batch_size, len(train))
    steps = math.ceil(len(train) / batch_size)
    wanted = passes(steps, model) if wanted is None else wanted
    seconds = BESIDES * steps * step_seconds(model, train, batch_size, device=device)
    return Plan(min(wanted, max(1, int(60 * minutes / seconds))), wanted, seconds)


def step_seconds(
    model: Autoencoder, train: Samples, batch_size: int, *, device: str | torch.device = "cpu"
) -> float:
    """Seconds that a training step takes, reading of the batch included."""
    trained = copy.deepcopy(model).to(device).train()
    trained.begin_epoch(1.0)
    optimizer = torch.optim.Adam(trained.parameters(), 1e-9)
    took: list[float] = []
    with distributed.alone(), torch.random.fork_rng(devices=[]):
        while len(took) <= TIMED and (sum(took[1:]) < LONGEST or len(took) <= LEAST):
            began = time.perf_counter()
            start = (len(took) * batch_size) % max(1, len(train) - batch_size + 1)
            loss = trained.loss(train.__getitems__(range(start, start + batch_size)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            float(loss.detach())  # waits for a device
            took.append(time.perf_counter() - began)
    return sorted(took[1:] or took)[len(took[1:] or took) // 2]


def lasting(seconds: float) -> str:
    """A time in words.

    Examples:
        >>> lasting(40), lasting(89), lasting(600), lasting(9000)
        ('40 seconds', '89 seconds', '10 minutes', '2.5 hours')
    """
    if seconds < 99.5:
        return f"{max(1, round(seconds))} second{'s' if round(seconds) > 1 else ''}"
    if seconds < 99.5 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.2g} hours"
