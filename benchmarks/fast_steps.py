"""Time of a training step with each of torch's ways to make networks fast, side by side.

    OMP_NUM_THREADS=1 python benchmarks/fast_steps.py [--device cuda]

The default EAE step (forward, loss, backward, fused Adam) on a batch at hand: in float32 with all
weights channels-first; with those of convolutions channels-last, as our networks have them; in
bfloat16 by autocast; with the networks compiled (`--compile`); and combinations. Variants take
turns, step by step; a figure is the best of the rounds, in CPU time of one thread, or by the clock
on a GPU. `compiling`: seconds of the first step.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch

from entropae.latent import Entropic
from entropae.model import Autoencoder
from entropae.nn import pair

from _machine import save

DIM = 16


class Variant(NamedTuple):
    """How the networks are run."""

    channels_last: bool = False
    half: bool = False
    compiled: bool = False


VARIANTS = {
    "float32": Variant(),
    "channels-last": Variant(channels_last=True),
    "bfloat16": Variant(half=True),
    "bfloat16, channels-last": Variant(channels_last=True, half=True),
    "compiled": Variant(compiled=True),
    "compiled, channels-last": Variant(channels_last=True, compiled=True),
    "compiled, bfloat16": Variant(half=True, compiled=True),
}


def step_of(network: str, variant: Variant, batch: torch.Tensor) -> Callable[[], None]:
    """A step of training."""
    torch.manual_seed(0)
    shape = tuple(batch.shape[1:])
    networks = pair(network, shape, DIM, DIM, width=16)  # type: ignore[arg-type]
    model = Autoencoder(*networks, Entropic(DIM)).to(batch.device)
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)  # type: ignore[call-overload]
    batch = batch.contiguous(memory_format=layout)
    if variant.compiled:
        for part in (model.encoder, model.decoder):
            part.forward = torch.compile(part.forward)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    model.latent.forget()  # from here on a bank is kept
    half = torch.autocast(batch.device.type, torch.bfloat16) if variant.half else nullcontext()

    def step() -> None:
        optimizer.zero_grad()
        with half:
            loss = model.loss(batch)
        loss.backward()
        optimizer.step()
        if batch.device.type == "cuda":
            torch.cuda.synchronize()

    return step


def main() -> None:
    """Networks, image sizes and variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clock = time.process_time if options.device == "cpu" else time.perf_counter
    rows = []
    for network, shape in (("mlp", (1, 28, 28)), ("conv", (1, 28, 28)), ("conv", (3, 64, 64))):
        batch = torch.rand(options.batch, *shape, device=options.device)
        times: dict[str, float] = {}
        compiling: dict[str, float] = {}
        steps: dict[str, Callable[[], None]] = {}
        torch._dynamo.reset()
        for name, variant in VARIANTS.items():
            if network == "mlp" and variant.channels_last:
                continue  # nothing in it has channels
            steps[name] = step_of(network, variant, batch)
            began = time.perf_counter()
            steps[name]()
            if variant.compiled:
                compiling[name] = time.perf_counter() - began
        for i in range(2 + options.rounds * (1 if network == "conv" else 4)):
            for name, step in steps.items():
                began = clock()
                step()
                spent = clock() - began
                if i >= 2:
                    times[name] = min(times.get(name, spent), spent)
        row: dict[str, Any] = {
            "network": network,
            "image": shape,
            "float32_ms": 1e3 * times["float32"],
            "ratio": {name: spent / times["float32"] for name, spent in times.items()},
            "compiling": compiling,
        }
        rows.append(row)
        print(row, flush=True)
    save(f"fast_steps_{options.device}", rows, dim=DIM, width=16, **vars(options))


if __name__ == "__main__":
    main()
