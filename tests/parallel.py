"""Steps of one process and the same steps of several: what both ends come to."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import Tensor, multiprocessing, nn
from torch import distributed as dist

import entropae as ea
from entropae import distributed
from entropae.kinds import read as load
from entropae.kinds.identity import DATA
from entropae.latent import (
    Balanced,
    Entropic,
    Latent,
    Matching,
    Plain,
    Regularized,
    Spherical,
    Variational,
)
from entropae.model.measuring import measure
from entropae.nn import pair
from entropae.nn.normalization import synchronize
from entropae.recipe import TrainerConfig
from entropae.registry import build, settings
from entropae.training import CHECKPOINT

import spawned

LATENTS = [
    Plain(4),
    Plain(4, standardize=True),
    Entropic(4, correction="none", bank=0),
    Entropic(4, bank=0),
    Entropic(4, correction="anchors", bank=0),
    Entropic(4, correction="none", bank=50),
    Entropic(4, k=2, bank=50),
    Entropic(4, correction="anchors", k=2, bank=50),
    Regularized(4),
    Regularized(4, decoder="gradient"),
    Regularized(4, decoder="spectral"),
    Spherical(4),
    Variational(4),
    Variational(4, batch_norm=0.7),
    Balanced(4),
    Matching(4),
    Matching(4, distance="cramer_wold", standardize=True),
    Matching(4, distance="sigreg"),
]
# Samples of each step: as many in each process, not so, and fewer than there are processes.
STEPS = {"mlp": (32, 13, 3, 1), "conv": (32, 13, 3)}  # conv's batch normalisation refuses one
DTYPES = {"float64": torch.float64, "float32": torch.float32}


class Case(NamedTuple):
    """Which steps are compared."""

    network: str
    latent: int  # in LATENTS
    dtype: str

    @property
    def name(self) -> str:
        latent = LATENTS[self.latent]
        options = [str(value) for key, value in settings(latent).items() if key in NAMING]
        return " ".join([type(latent).__name__, *options, self.network, self.dtype])


NAMING = ("standardize", "correction", "bank", "decoder", "batch_norm", "distance")
CASES = [
    Case(network, latent, dtype)
    for network, dtype in (("mlp", "float64"), ("conv", "float64"), ("mlp", "float32"))
    for latent in range(len(LATENTS))
]


def steps(
    case: Case, *, joined: bool = True, sizes: dict[str, tuple[int, ...]] = STEPS
) -> dict[str, Any]:
    """What some steps come to, of all processes together: losses, gradients, statistics, codes.

    Unless `joined`, each process has the loss of its own share, as usual in data-parallel training.
    """
    network, which, dtype = case
    latent: Latent = LATENTS[which]
    torch.manual_seed(0)
    latent = build(
        Latent.known(), {"name": type(latent).__name__.lower()} | settings(latent), "latent"
    )
    model = ea.Autoencoder(
        *pair(network, (1, 8, 8), latent.in_features, latent.dim, width=2, hidden=(16,)), latent
    ).to(DTYPES[dtype])
    x = torch.rand(32, 1, 8, 8, dtype=torch.float64).to(DTYPES[dtype])
    rank = dist.get_rank() if dist.is_initialized() else 0
    if dist.is_initialized():
        synchronize(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    model.train()
    latent.forget()
    result: dict[str, Any] = {"losses": [], "gradients": []}
    for step, n in enumerate(sizes[network]):
        # What a network draws differs between processes, what a latent draws must not.
        torch.manual_seed(100 * rank + step)
        optimizer.zero_grad()
        with distributed.together():
            batch = x.roll(step, 0)[:n]
            batch = batch[distributed.share(n)]
        with distributed.together(len(batch)) if joined else distributed.alone():
            loss = model.loss(batch)
            loss.backward()
        with distributed.together():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad = distributed.total(parameter.grad) / distributed.count()
        result["losses"].append(loss.item())
        result["gradients"].append(flat(p.grad for p in model.parameters()))
        optimizer.step()
    with distributed.together():
        own = x.split(8)[rank :: distributed.count()]
        model.calibrate(lambda: iter(own))
        codes = model.encode(x)
    result["statistics"] = flat([torch.zeros(0), *model.buffers()])  # some have none
    result["codes"] = codes
    result["weights"] = flat(model.parameters())
    return result


def flat(tensors: Any) -> Tensor:
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


def difference(a: Tensor, b: Tensor) -> float:
    """Relative to the second, in the Euclidean norm."""
    return float((a - b).norm() / b.norm().clamp(min=torch.finfo(b.dtype).tiny))


class Double(nn.Module):
    """A network in float64, of samples in any precision."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.double())


def fit(
    folder: Path, processes: int = 1, *, kept: Path | None = None, double: bool = True
) -> dict[str, Any]:
    """Weights and log after 28 steps of `fit`, or what is left of them in a folder.

    What the folder holds before the fifth epoch is `kept` elsewhere.
    """
    samples = load("digits").subset(np.arange(400))

    class Keep(lightning.Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if kept and trainer.current_epoch == 4 and trainer.is_global_zero:
                copytree(folder, kept)

    torch.manual_seed(0)
    networks = pair("mlp", (1, 8, 8), 4, 4, hidden=(16,))
    model = ea.Autoencoder(*networks, Entropic(4, bank=500))
    if double:
        model = ea.Autoencoder(*map(Double, networks), model.latent.double())
    rows = ea.fit(
        model,
        samples,
        epochs=7,
        batch_size=101,  # 3 steps of 101, which halves unevenly, and one of 57
        folder=folder,
        resume=True,
        trainer=TrainerConfig(accelerator="cpu", devices=processes),
        callbacks=[Keep()],
        progress=False,
    )
    with distributed.together():
        model.fit_prior(samples, "full")
        measured = measure(model, samples.subset(np.arange(301)), samples)
    return {
        "measured": [measured[part]["mean_squared_error"] for part in ("train", "validation")],
        "rows": [{k: v for k, v in row.items() if k != "seconds"} for row in rows],
        "weights": flat(model.state_dict().values()),
    }


def fits(folder: Path, processes: int) -> dict[str, Any]:
    """What `fit` comes to; when stopped and resumed; and the files that it resumed from."""
    run, kept = folder / "run", folder / "kept"
    whole = fit(run, processes, kept=kept)
    if distributed.is_first():
        rmtree(run)
        kept.rename(run)
    dist.barrier()
    record = {name: (run / name).read_bytes() for name in (CHECKPOINT, DATA)}
    dist.barrier()
    return {"whole": whole, "resumed": fit(run, processes), "record": record}


def compare(processes: int, folder: Path, cases: list[Case]) -> dict[str, Any]:
    """What `steps` of every case and `fits` come to, in a process."""
    return {"steps": [steps(case) for case in cases], "fits": fits(folder, processes)}


def run(work: Callable[..., Any], processes: int, *arguments: Any) -> list[Any]:
    """What `work(processes, folder, *arguments)` returns in each of some processes."""
    with tempfile.TemporaryDirectory() as folder:
        options = (work, processes, free_port(), Path(folder), *arguments)
        multiprocessing.spawn(spawned.work, options, processes)
        return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(processes)]


def work(
    rank: int, work: Callable[..., Any], processes: int, port: int, folder: Path, *arguments: Any
) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    dist.init_process_group("gloo")
    torch.save(work(processes, folder, *arguments), folder / f"{rank}.pt")
    dist.destroy_process_group()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
