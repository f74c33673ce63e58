"""Count the multiplications of a training step: of the networks, and of the search for neighbours.

    python benchmarks/operations.py

By torch's counter, which sees matrix products and convolutions, per sample. The networks' backward
pass is counted with the forward one; the search has none.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from entropae.latent import Entropic, Plain
from entropae.model import Autoencoder
from entropae.nn import pair

from _machine import save

# Network, shape of an image, dimensions of the code, width of the convolutions.
NETWORKS = {
    "mlp, 28×28": ("mlp", (1, 28, 28), 16, 16),
    "convolutions of width 16, 28×28": ("conv", (1, 28, 28), 16, 16),
    "published convolutions, 32×32, colour": ("conv", (3, 32, 32), 128, 128),
    "published convolutions, 64×64, colour": ("conv", (3, 64, 64), 64, 128),
}
BATCH = 32


def products(run: Any) -> int:
    """Multiplications, each with an addition, of a block of code."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def main() -> None:
    """All networks."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = []
    for name, (network, shape, d, width) in NETWORKS.items():
        networks = pair(network, shape, d, d, width=width)  # type: ignore[arg-type]
        model = Autoencoder(*networks, Plain(d)).train()
        x = torch.rand(BATCH, *shape)
        with torch.no_grad():
            forward = products(lambda model=model, x=x: model(x))
        step = products(lambda model=model, x=x: model(x).reconstruction.sum().backward())
        latent = Entropic(d)
        latent.forget()
        for _ in range(latent.bank // BATCH + 1):
            latent(torch.randn(BATCH, d))
        with torch.no_grad():
            search = products(lambda latent=latent, d=d: latent(torch.randn(BATCH, d)))
        row = {
            "network": name,
            "d": d,
            "weights": sum(weight.numel() for weight in model.parameters()),
            "forward": forward // BATCH,
            "step": step // BATCH,
            "search": search // BATCH,
            "search_by_formula": 3 * (BATCH + latent.bank) * max(16, d),
        }
        rows.append(row)
        print(row, flush=True)
    save("operations", rows, batch=BATCH, bank=4096)


if __name__ == "__main__":
    main()
