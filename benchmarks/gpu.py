"""Every figure that needs a graphics card, in one run of under nine minutes.

    python benchmarks/gpu.py [--seconds 400]

Search against its floor, the bare matrix products of all points with all; the loss against a plain
nearest-neighbour loss, step by step and compiled; steps of training in float32, TensorFloat-32 and
bfloat16, plain and compiled, with images a second; a head's training and codes through it; and,
where two cards are, a gradient gathered over both by NCCL. Each part stops at its share of the
time, and the result says what was left out.
Without a card it runs small on the processor, says so, and writes `results/gpu_none.json` in place
of `results/gpu.json`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed

import entropae as ea
from entropae import distributed as processes
from entropae.latent import Entropic, Latent, Plain
from entropae.model import Autoencoder
from entropae.neighbors import kth_distance, nearest
from entropae.nn import pair
from entropae.prior import FlowMatching

from _machine import save

CARD = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CARD else "cpu")
Row = dict[str, Any]
COMPILED = {(128, 16), (512, 64)}  # losses of each size take seconds to compile


class Clock:
    """What is left of a part's time."""

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds

    @property
    def over(self) -> bool:
        """Whether it is used up."""
        return time.perf_counter() > self.end


def wait() -> None:
    if CARD:
        torch.cuda.synchronize()


def seconds(work: Callable[[], Any], clock: Clock, rounds: int = 30) -> float:
    """Median over rounds, after two that do not count; fewer rounds of what takes long."""
    for _ in range(2):
        work()
    wait()
    spent: list[float] = []
    while len(spent) < rounds and (len(spent) < 3 or sum(spent) < 2) and not clock.over:
        began = time.perf_counter()
        work()
        wait()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) if spent else float("nan")


def products(x: Tensor) -> Tensor:
    """The floor of a search: all products, block by block, and one pass over them."""
    return torch.cat([(block @ x.T).amax(1) for block in x.split(max(1, (1 << 26) // len(x)))])


def search(clock: Clock) -> Iterator[Row]:
    sizes = (10_000, 100_000, 300_000) if CARD else (2_000, 10_000)
    for n in sizes:
        for d in (2, 16, 64, 128):
            if clock.over:
                yield {"n": n, "d": d, "left out": "no time"}
                continue
            x = torch.randn(n, d, device=DEVICE)
            found = seconds(partial(nearest, x, k=3), clock, 5)
            floor = seconds(partial(products, x), clock, 5)
            yield {"n": n, "d": d, "search_ms": 1e3 * found, "over_products": found / floor}


def plain_loss(x: Tensor) -> Tensor:
    """The nearest neighbour by a distance matrix, and the mean log distance to it."""
    with torch.no_grad():
        distance = torch.cdist(x, x)
        distance.fill_diagonal_(torch.inf)
        index = distance.argmin(1)
    return -(x - x[index]).norm(dim=1).log().mean()


def distance_loss(x: Tensor) -> Tensor:
    return -kth_distance(x).log().mean()


def entropy_loss(x: Tensor) -> Tensor:
    return -ea.knn_entropy(x, 1)


def loss(clock: Clock) -> Iterator[Row]:
    losses = {"plain": plain_loss, "distance": distance_loss, "entropy": entropy_loss}
    losses |= {"distance, compiled": torch.compile(distance_loss, fullgraph=True)}
    for batch in (128, 256, 512, 2048, 8192) if CARD else (128, 512):
        for d in (16, 64):
            x = torch.randn(batch, d, device=DEVICE, requires_grad=True)
            row: Row = {"batch": batch, "d": d}
            for name, function in losses.items():
                if "compiled" in name and (batch, d) not in COMPILED:
                    continue
                if clock.over:
                    row[name] = "no time"
                    continue

                def step(function: Callable[[Tensor], Tensor] = function, x: Tensor = x) -> None:
                    x.grad = None
                    function(x).backward()

                row[f"{name}_ms"] = 1e3 * seconds(step, clock)
            if CARD and not clock.over:
                row["kernels"] = {n: kernels(f, x) for n, f in losses.items() if f"{n}_ms" in row}
            yield row


def kernels(function: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """Kernels that a step launches, which are what a small batch pays for."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        function(x).backward()
        wait()
    return sum(event.count for event in profile.key_averages())


@contextmanager
def precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        with torch.autocast(DEVICE.type, torch.bfloat16) if name == "bf16" else nullcontext():
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def training(clock: Clock) -> Iterator[Row]:
    batch = 512 if CARD else 32
    makers: dict[str, Callable[[], Latent]] = {"AE": lambda: Plain(64), "EAE": lambda: Entropic(64)}
    for shape in ((1, 28, 28), (3, 64, 64)) if CARD else ((1, 28, 28),):
        images = torch.rand(batch, *shape, device=DEVICE)
        for name in ("fp32", "tf32", "bf16") if CARD else ("fp32", "bf16"):
            for compiled in (False, True):
                row: Row = {"image": shape, "precision": name, "compiled": compiled}
                for method, make in makers.items():
                    if clock.over:
                        row[method] = "no time"
                        continue
                    began = time.perf_counter()
                    step = step_of(images, make(), name, compiled)
                    step()
                    wait()
                    row[f"{method}_first_s"] = time.perf_counter() - began
                    spent = seconds(step, clock)
                    row[f"{method}_ms"] = 1e3 * spent
                    row[f"{method}_images_per_second"] = batch / spent
                yield row


def step_of(images: Tensor, latent: Latent, name: str, compiled: bool) -> Callable[[], None]:
    torch.manual_seed(0)
    shape = tuple(images.shape[1:])
    networks = pair("conv", shape, latent.dim, latent.dim, width=64 if CARD else 8)  # type: ignore[arg-type]
    model = Autoencoder(*networks, latent).to(DEVICE, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = images.contiguous(memory_format=torch.channels_last)
    if compiled:
        for part in (model.encoder, model.decoder):
            part.forward = torch.compile(part.forward)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=CARD)

    def step() -> None:
        optimizer.zero_grad()
        with precision(name):
            loss = model.loss(images)
        loss.backward()
        optimizer.step()

    return step


def gathered(rank: int, folder: str, batch: int, d: int) -> None:
    """One of two processes: its share of the codes' gradient, against that of one process."""
    torch.cuda.set_device(rank)
    distributed.init_process_group(
        "nccl", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    device = torch.device("cuda", rank)
    whole = torch.randn(batch, d, generator=torch.Generator().manual_seed(0)).to(device)
    own = whole[rank * batch // 2 : (rank + 1) * batch // 2].clone().requires_grad_()

    def step() -> Tensor:
        own.grad = None
        with processes.together():
            (-kth_distance(processes.gather(own)).log().mean()).backward()
        assert own.grad is not None
        return own.grad

    found, clock = step().clone(), Clock(20)
    spent = seconds(step, clock)
    alone = whole.clone().requires_grad_()
    (-kth_distance(alone).log().mean()).backward()
    assert alone.grad is not None
    exact = alone.grad[rank * batch // 2 : (rank + 1) * batch // 2]
    # The processes' gradients are averaged by data-parallel training; `gather` makes up for it.
    error = min(float((s * found - exact).norm() / exact.norm()) for s in (1.0, 0.5))
    if rank == 0:
        torch.save({"batch": batch, "d": d, "ms": 1e3 * spent, "error": error}, f"{folder}/row")
    distributed.destroy_process_group()


def cards(clock: Clock) -> Iterator[Row]:
    if torch.cuda.device_count() < 2:
        yield {"left out": f"{torch.cuda.device_count()} cards, and two are needed"}
        return
    for batch, d in ((512, 16), (4096, 64)):
        if clock.over:
            yield {"batch": batch, "left out": "no time"}
            continue
        with tempfile.TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(gathered, (folder, batch, d), nprocs=2)
            yield torch.load(f"{folder}/row")


def head(clock: Clock) -> Iterator[Row]:
    """A step of training a head beside one of its autoencoder, and codes through it."""
    n, steps = (20_000, 300) if CARD else (2_000, 30)
    for d, shape in ((16, (1, 28, 28)), (64, (3, 32, 32))):
        if clock.over:
            yield {"d": d, "left out": "no time"}
            continue
        step = step_of(torch.rand(256, *shape, device=DEVICE), Entropic(d), "fp32", False)
        row: Row = {"d": d, "codes": n, "autoencoder_step_ms": 1e3 * seconds(step, clock)}
        code = torch.randn(n, d, device=DEVICE).sin()
        flow = FlowMatching(d, steps=steps, parts=16).to(DEVICE)
        flow.fit(code)  # so that all is loaded
        began = time.perf_counter()
        flow.fit(code)
        wait()
        row["head_step_ms"] = 1e3 * (time.perf_counter() - began) / steps
        for name, work in (("to_normal", flow.to_normal), ("from_normal", flow.from_normal)):
            with torch.no_grad():
                row[f"{name}_us_a_code"] = 1e6 * seconds(partial(work, code), clock, 5) / n
        yield row


PARTS = {
    "search": (search, 0.2),
    "loss": (loss, 0.25),
    "training": (training, 0.3),
    "head": (head, 0.15),
    "cards": (cards, 0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=400.0 if CARD else 60.0)
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    if not CARD:
        print("There is no graphics card: this is a small run on the processor, to try the script.")
    began, results = time.perf_counter(), {}
    for name in options.parts:
        part, share = PARTS[name]
        results[name] = []
        for row in part(Clock(share * options.seconds)):
            print(name, row, flush=True)
            results[name].append(row)
    spent = time.perf_counter() - began
    print(f"{spent:.0f} seconds.")
    about = {"seconds": round(spent), "card": torch.cuda.get_device_name() if CARD else None}
    save("gpu" if CARD else "gpu_none", results, **about, cores=os.cpu_count())


if __name__ == "__main__":
    main()
