"""Gradients of 2 and 4 processes against those of one, for every latent, and what is exchanged.

    python benchmarks/ranks.py

The steps are those of `tests/test_distributed.py`: 32, 13, 3 and 1 samples, so that shares are
uneven and the last ones empty, with a bank and after updates of the weights. The error is the
largest over the steps, relative to the gradient of one process. Beside it: that of the usual data-
parallel training, where each process has the loss of its own share (first step only, whose shares
are even); and, for latents that draw nothing, how far float32 is from float64 in one process. Gloo,
on CPUs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist

from _machine import save

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from entropae import distributed
from entropae.latent import Balanced, Entropic, Latent, Matching, Plain, Variational
from entropae.model import Autoencoder
from entropae.nn import pair

from parallel import CASES, LATENTS, STEPS, difference, fit, run, steps

BATCH = 256
EXCHANGING = {
    "AE": Plain(16),
    "AE + BN": Plain(16, standardize=True),
    "EAE as published": Entropic(16, correction="none", bank=0),
    "EAE (default)": Entropic(16),
    "VAE": Variational(16),
    "WAE-MMD": Matching(16),
}


def work(processes: int, folder: Path) -> dict[str, Any]:
    even = dict.fromkeys(STEPS, (32,))
    return {
        "together": [steps(case) for case in CASES],
        "alone": [steps(case, joined=False, sizes=even) for case in CASES],
        "exchanged": {name: exchanged(latent) for name, latent in EXCHANGING.items()},
        "fits": fits(folder / "fits", processes),
    }


def fits(folder: Path, processes: int = 1) -> dict[str, Any]:
    """Weights and log of the tests' 52 steps of `fit`, in both precisions."""
    return {
        name: fit(folder / name, processes, double=double)
        for name, double in (("float64", True), ("float32", False))
    }


def apart(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, float]:
    """Relative difference of the weights, and of the last epoch's reconstruction error."""
    a, b = (run["rows"][-1]["train/reconstruction"] for run in (found, expected))
    return {"weights": difference(found["weights"], expected["weights"]), "error": abs(a / b - 1)}


def exchanged(latent: Latent) -> dict[str, int]:
    """Messages and bytes of a process in a step, but for the gradients' mean."""
    networks = pair("mlp", (1, 28, 28), latent.in_features, latent.dim)
    model = Autoencoder(*networks, latent)
    batch = torch.rand(BATCH, 1, 28, 28)[
        distributed.share(BATCH, dist.get_rank(), dist.get_world_size())
    ]
    sent: list[int] = []
    originals = dist.all_reduce, dist.broadcast

    def counting(original):
        def send(tensor, *options):
            sent.append(tensor.numel() * tensor.element_size())
            return original(tensor, *options)

        return send

    dist.all_reduce, dist.broadcast = map(counting, originals)
    with distributed.together(len(batch)):
        model.loss(batch).backward()
    dist.all_reduce, dist.broadcast = originals
    gradients = sum(parameter.numel() * 4 for parameter in model.parameters())
    return {"messages": len(sent), "bytes": sum(sent), "bytes of gradients": gradients}


def error(found: dict[str, Any], expected: dict[str, Any]) -> float:
    pairs = zip(found["gradients"], expected["gradients"], strict=False)
    return max(difference(a, b) for a, b in pairs)


def draws(latent: Latent) -> bool:
    return (
        isinstance(latent, (Variational, Balanced))
        or getattr(latent, "correction", "none") == "anchors"
        or getattr(latent, "distance", "cramer_wold") != "cramer_wold"
    )


def main() -> None:
    one = {case: steps(case) for case in CASES}
    with tempfile.TemporaryDirectory() as folder:
        one_fit = fits(Path(folder))
    trained: dict[str, dict[str, float]] = {}
    rows: list[dict[str, Any]] = [{"case": case.name} for case in CASES]
    exchange: dict[str, Any] = {}
    for processes in (2, 4):
        first = run(work, processes)[0]
        exchange[str(processes)] = first.pop("exchanged")
        for name, found in first.pop("fits").items():
            trained[f"{processes} against 1, {name}"] = apart(found, one_fit[name])
        for way, results in first.items():
            for row, case, found in zip(rows, CASES, results, strict=True):
                row[f"{way} {processes}"] = error(found, one[case])
    for row, case in zip(rows, CASES, strict=True):
        if case.dtype == "float32" and not draws(LATENTS[case.latent]):
            row["rounding"] = error(one[case], one[case._replace(dtype="float64")])
    columns = list(dict.fromkeys(column for row in rows for column in row))
    print("| " + " | ".join(columns) + " |\n" + "|-" * len(columns) + "|")
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        print("| " + " | ".join(c if isinstance(c, str) else f"{c:.1e}" for c in cells) + " |")
    for processes, table in exchange.items():
        for name, figures in table.items():
            print(processes, name, figures)
    for name, figures in trained.items():
        print(name, figures)
    result = {"gradients": rows, "trained": trained, "exchanged": exchange}
    save("ranks", result, steps=STEPS, batch=BATCH)


if __name__ == "__main__":
    main()
