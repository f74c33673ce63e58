"""Entropy of the whole batch against entropy of groups of it, as ranks that do not gather have.

    OMP_NUM_THREADS=1 python benchmarks/grouped.py

A network from uniform points of a cube to codes of d dimensions is trained by the entropy term
alone, on fresh points at every step: where it would go if no reconstruction held it back. Codes are
standardised over the whole batch; then the batch is cut into 1, 2, 4, 8 or 16 groups. Within each
neighbours are sought, anchors drawn and banks kept, and the penalties of all groups are averaged.
What comes of it is measured on 4096 codes of fresh points: the spread of their norm, correlation
and entropy, each beside what N(0, I) points have in the same measure.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from entropae.latent import Entropic
from entropae.metrics.normality import normality
from entropae.nn.normalization import Standardize

from _machine import save

BATCH = 1024
HIDDEN = 128
MEASURED = 4096
GROUPS = (1, 2, 4, 8, 16)
PENALTIES: dict[str, Callable[[int], Entropic]] = {
    "plain": lambda d: Entropic(d, correction="none", bank=0),
    "potential": lambda d: Entropic(d, bank=0),
    "potential, bank of 1024": lambda d: Entropic(d, bank=1024),
    "anchors": lambda d: Entropic(d, correction="anchors", bank=0),
}
PICTURE = Path(__file__).parent.parent / "docs" / "grouped.png"


def train(
    make: Callable[[int], Entropic], d: int, groups: int, steps: int, seed: int
) -> dict[str, Any]:
    """Figures of the law that the groups' entropy leads to."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Linear(d, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()),
        nn.Linear(HIDDEN, d),
    )
    norm = Standardize(d)
    latents = [make(d) for _ in range(groups)]
    for latent in latents:
        latent.norm = nn.Identity()  # the batch's own is of all groups together
        latent.forget()  # from here on a bank is kept
    optimizer = torch.optim.Adam(network.parameters(), 3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    began = time.process_time()
    for _ in range(steps):
        code = norm(network(2 * torch.rand(BATCH, d) - 1))
        loss = code.new_zeros(())
        for latent, some in zip(latents, code.chunk(groups), strict=True):
            for penalty in latent(some).penalties.values():
                loss = loss + penalty.weight * penalty.value / groups
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    seconds = time.process_time() - began
    with torch.no_grad():
        code = norm(network(2 * torch.rand(MEASURED, d) - 1))
    return normality(code)._asdict() | {"seconds": seconds}


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Two measures beside each other, a line for each penalty and dimension."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = {
        "spread of ‖z‖ over N(0, I)'s": lambda row: row["norm_spread"] / row["norm_spread_normal"],
        "entropy less N(0, I)'s (nats a dimension)": lambda row: (
            row["entropy"] - row["entropy_normal"]
        ),
    }
    dimensions = sorted({row["d"] for row in rows})
    for axes, (title, of) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        for i, name in enumerate(dict.fromkeys(row["penalty"] for row in rows)):
            for d, style in zip(dimensions, ("-o", "--s"), strict=False):
                some = [row for row in rows if (row["penalty"], row["d"]) == (name, d)]
                groups = sorted({row["groups"] for row in some})
                values = [[of(row) for row in some if row["groups"] == g] for g in groups]
                middle = [sum(v) / len(v) for v in values]
                axes.plot(groups, middle, style, color=f"C{i}", label=f"{name}, d = {d}")
                least, most = [min(v) for v in values], [max(v) for v in values]
                axes.fill_between(groups, least, most, color=f"C{i}", alpha=0.15)
        axes.set(title=title, xlabel=f"groups of a batch of {BATCH}", xscale="log")
        axes.set_xticks(GROUPS, GROUPS)
        axes.minorticks_off()
    figure.axes[0].axhline(1, color="grey", linewidth=0.8)
    figure.axes[1].axhline(0, color="grey", linewidth=0.8)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """All penalties, dimensions, groups and seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dimensions", nargs="+", type=int, default=[16, 32])
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(options.seeds):
        for name, make in PENALTIES.items():
            for d in options.dimensions:
                for groups in GROUPS:
                    row = {"penalty": name, "d": d, "groups": groups, "seed": seed}
                    row |= train(make, d, groups, options.steps, seed)
                    rows.append(row)
                    print(
                        f"{seed} {name} d={d} groups={groups}: spread {row['norm_spread']:.3f} of "
                        f"{row['norm_spread_normal']:.3f}, entropy {row['entropy']:.3f} of "
                        f"{row['entropy_normal']:.3f}, correlation {row['correlation']:.3f}, "
                        f"{row['seconds']:.0f} s",
                        flush=True,
                    )
        done = vars(options) | {"seeds": seed + 1}
        save("grouped", rows, batch=BATCH, hidden=HIDDEN, measured=MEASURED, **done)
        draw(rows, PICTURE)


if __name__ == "__main__":
    main()
