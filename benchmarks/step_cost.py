"""Cost of a training step with `Entropic` against the same step with `Plain`, side by side.

    python benchmarks/step_cost.py

Each round times one step of every variant in turn, so that all share whatever else the machine is
doing; the figure is the median over rounds of the ratio to `Plain` in the same round.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from entropae.latent import Entropic, Latent, Plain
from entropae.model import Autoencoder
from entropae.nn import pair

from _machine import save

DIM = 16
LATENTS = {
    "plain": lambda: Plain(DIM),
    "default": lambda: Entropic(DIM),
    "as published": lambda: Entropic(DIM, correction="none", bank=0),
    "as published, bank 4096": lambda: Entropic(DIM, correction="none"),
    "potential, no bank": lambda: Entropic(DIM, bank=0),
    "anchors, no bank": lambda: Entropic(DIM, correction="anchors", bank=0),
    "anchors, bank 4096": lambda: Entropic(DIM, correction="anchors"),
}


def make_step(network: str, latent: Latent, batch: torch.Tensor):
    torch.manual_seed(0)
    shape = tuple(batch.shape[1:])
    model = Autoencoder(*pair(network, shape, DIM, DIM, width=16), latent).to(batch.device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.latent.forget()  # from here on a bank is kept

    def step() -> None:
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()

    return step


def clock(step, device: torch.device) -> float:
    began = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    rows = []
    for network in ("mlp", "conv"):
        for n in (128, 512, 2048):
            batch = torch.rand(n, 1, 28, 28, device=device)
            steps = {name: make_step(network, make(), batch) for name, make in LATENTS.items()}
            for _ in range(2 + 4096 // n):  # until the bank is full
                for step in steps.values():
                    clock(step, device)
            rounds = options.rounds if n * (network == "conv") < 2048 else options.rounds // 4
            times = [{name: clock(s, device) for name, s in steps.items()} for _ in range(rounds)]
            plain = 1e3 * statistics.median(t["plain"] for t in times)
            row = {"network": network, "batch": n, "plain_ms": plain}
            for name in list(LATENTS)[1:]:
                row[name] = statistics.median(t[name] / t["plain"] for t in times)
            rows.append(row)
            figures = "  ".join(f"{name} {row[name]:.3f}" for name in list(LATENTS)[1:])
            print(f"{network:5s} batch {n:5d}  plain {row['plain_ms']:7.2f} ms  ratios: {figures}")
    save(f"step_cost_{device.type}", rows, dim=DIM, image="1×28×28", width=16)


if __name__ == "__main__":
    main()
