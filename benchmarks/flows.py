"""What makes a flow of 1000 steps better, and what does not: variants of one, on MNIST's codes.

    python benchmarks/flows.py DATA

DATA is a folder with the four IDX files of MNIST. The autoencoders are those of `heads.py`, seed 0.
The losses are of held-out arcs, in the middle and at the end; Fréchet distances are in the features
of the benchmarks' classifier, 10 000 samples against the test set; distances to the training codes
are relative to those of test codes. What has been measured before is not measured again.
"""

from __future__ import annotations

import argparse
import copy
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from entropae.kinds import read
from entropae.metrics import frechet_distance
from entropae.neighbors import kth_distance

from _machine import RESULTS, save, saved
from classifier import features
from heads import trained
from rivals import TASKS

FREQUENCIES, BLOCKS, SHORT = 8, 3, 0.05


class Variant(NamedTuple):
    """How a flow is trained.

    Attributes:
        method: Whose codes.
        rate: The learning rate at its highest.
        reference: Codes that a velocity is a mean over; 0 for that of one arc.
        components: Of a mixture whose velocity is known, and to which the network adds its own.
        light: One layer for the time in place of two.
        coupled: Noise and codes of a batch in pairs of which the squared distances add up to the
            least, as of mini-batch optimal transport (Tong et al. 2024).
        parts: Midpoint steps from noise to a code.
    """

    method: str = "ae-bn"
    rate: float = 2e-3
    reference: int = 2048
    components: int = 0
    light: bool = True
    hidden: int = 256
    steps: int = 1000
    batch: int = 512
    coupled: bool = False
    parts: int = 24


VARIANTS = {
    "single arcs": Variant(reference=0, light=False),
    "single arcs, one layer for the time": Variant(reference=0),
    "single arcs, optimal transport": Variant(reference=0, coupled=True),
    "single arcs, optimal transport, rate 4e-3": Variant(rate=4e-3, reference=0, coupled=True),
    "means over 2048": Variant(),
    "means over 2048, rate 4e-3": Variant(rate=4e-3),
    "means over 2048, rate 4e-3, drawn in 8 steps": Variant(rate=4e-3, parts=8),
    "means over 2048, rate 4e-3, drawn in 4 steps": Variant(rate=4e-3, parts=4),
    "means over 2048, rate 4e-3, drawn in 2 steps": Variant(rate=4e-3, parts=2),
    "means over 2048, rate 8e-3": Variant(rate=8e-3, light=False),
    "means over 2048, width 384": Variant(hidden=384),
    "means over 2048, from a mixture of 128": Variant(components=128),
    "sphere: means over 2048, rate 4e-3": Variant("spherical", 4e-3, light=False),
    "sphere: 3164 steps of 256 codes": Variant(
        "spherical", 4e-3, light=False, steps=3164, batch=256
    ),
}


class Velocity(nn.Module):
    """The network of `entropae.prior.velocity`, on top of a mixture's velocity."""

    frequencies: Tensor

    def __init__(self, d: int, asked: Variant, mixture: Mixture | None) -> None:
        super().__init__()
        h = asked.hidden
        self.mixture = mixture
        self.first = nn.Linear(d, h)
        sizes = [(17, h)] if asked.light else [(17, h), (h, h)]
        layers = [part for size in sizes for part in (nn.Linear(*size), nn.SiLU())]
        self.time = nn.Sequential(*layers[:-1])
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(h), nn.Linear(h, h), nn.SiLU(), nn.Linear(h, h))
            for _ in range(BLOCKS)
        )
        self.last = nn.Sequential(nn.LayerNorm(h), nn.SiLU(), nn.Linear(h, d))
        for value in self.last[-1].parameters():
            nn.init.zeros_(value)
        self.register_buffer("frequencies", math.pi * torch.arange(1.0, FREQUENCIES + 1))

    def own(self, x: Tensor, t: Tensor) -> Tensor:
        """What the network adds."""
        phase = t * self.frequencies
        given = self.time(torch.cat([t, phase.sin(), phase.cos()], 1))
        h = self.first(x) + given
        for block in self.blocks:
            h = h + block(h + given)
        return self.last(h)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Velocities of points."""
        own = self.own(x, t)
        return own if self.mixture is None else own + self.mixture(x, t)


class Mixture:
    """The velocity of arcs from N(0, I) to a mixture of normal distributions, which is known.

    With a = cos(πt/2) and b = sin(πt/2), of a component with mean μ and covariance Σ

        E[v | x] = ḃ μ + (ȧ a I + ḃ b Σ) (a² I + b² Σ)⁻¹ (x − b μ),

    and of the mixture the mean of these, by how likely each component is at x.
    """

    def __init__(self, points: Float[Tensor, "n d"], components: int) -> None:
        weights, means, covariances = expectation_maximisation(points, components)
        variances, axes = torch.linalg.eigh(covariances.double())
        self.shape = (components, points.shape[1])
        self.variances, self.means = variances.float(), means
        self.axes = axes.permute(1, 0, 2).reshape(points.shape[1], -1).float().contiguous()
        self.turned = torch.einsum("kij,ki->kj", axes, means.double()).float()
        self.weights = weights.log()

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Velocities of points."""
        a, b = (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()
        y = (x @ self.axes).view(-1, *self.shape) - b[:, :, None] * self.turned
        variance = (a * a)[:, :, None] + (b * b)[:, :, None] * self.variances
        scaled = y / variance
        likely = (self.weights - 0.5 * (variance.log() + y * scaled).sum(2)).softmax(1)
        pull = math.pi / 2 * (a * b)[:, :, None] * (self.variances - 1)
        moved = (likely[:, :, None] * scaled * pull).reshape(len(x), -1) @ self.axes.T
        return moved + math.pi / 2 * a * (likely @ self.means)


def expectation_maximisation(
    x: Float[Tensor, "n d"], k: int, *, rounds: int = 12
) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and covariances of a mixture, from a start at k-means."""
    n, d = x.shape
    means = x[torch.randperm(n, generator=torch.Generator().manual_seed(0))[:k]].clone()

    def nearest() -> Tensor:
        return (x @ means.T - 0.5 * means.square().sum(1)).argmax(1)

    for _ in range(8):
        own = nearest()
        sizes = torch.zeros(k).index_add_(0, own, torch.ones(n))[:, None]
        sums = torch.zeros(k, d).index_add_(0, own, x)
        means = torch.where(sizes > 0, sums / sizes.clamp(min=1), means)
    squares = (x[:, :, None] * x[:, None, :]).reshape(n, d * d)
    share = nn.functional.one_hot(nearest(), k).float()
    weights, covariances = share.mean(0), torch.eye(d).repeat(k, 1, 1)
    for _ in range(rounds):
        sizes = share.sum(0)
        each = sizes.clamp(min=1e-3)[:, None]
        means = share.T @ x / each
        covariances = (share.T @ squares / each).view(k, d, d)
        covariances = covariances - means[:, :, None] * means[:, None, :] + 1e-4 * torch.eye(d)
        weights = (sizes + 1e-3) / (sizes + 1e-3).sum()
        factors = torch.linalg.cholesky(covariances)
        precisions = torch.cholesky_inverse(factors)
        turned = (precisions @ means[:, :, None])[:, :, 0]
        known = weights.log() - 0.5 * (means * turned).sum(1)
        known = known - factors.diagonal(dim1=1, dim2=2).log().sum(1)
        share = squares @ (-0.5 * precisions.reshape(k, d * d)).T + x @ turned.T + known
        share = share.softmax(1)
    return weights, means, covariances


def arcs(
    points: Float[Tensor, "n d"],
    n: int,
    generator: torch.Generator,
    reference: int = 0,
    *,
    coupled: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Places, times and velocities, as `entropae.prior.arcs` draws them."""
    ends = points[torch.randint(len(points), (max(n, reference),), generator=generator)]
    noise = torch.randn(n, points.shape[1], generator=generator)
    if coupled:
        noise = noise[linear_sum_assignment(torch.cdist(ends, noise).square().numpy())[1]]
    t = torch.randn(n, 1, generator=generator).sigmoid()
    a, b = (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()
    x, end = a * noise + b * ends[:n], ends[:n]
    if reference:
        likely = b / a.square() * (x @ ends.T) - 0.5 * (b / a).square() * ends.square().sum(1)
        end = likely.softmax(1) @ ends
        noise = (x - b * end) / a
    return x, t, math.pi / 2 * (a * end - b * noise)


def learnt(known: Tensor, others: Tensor, asked: Variant) -> tuple[Velocity, list[float]]:
    """A velocity, and its losses on held-out arcs in the middle and at the end."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    mixture = Mixture(known, asked.components) if asked.components else None
    velocity = Velocity(known.shape[1], asked, mixture)
    average = copy.deepcopy(velocity)
    optimizer = torch.optim.AdamW(velocity.parameters(), asked.rate, weight_decay=1e-4, fused=True)
    look = arcs(others, 20_000, torch.Generator().manual_seed(5))
    share, losses = 1 / (SHORT * asked.steps), []
    for step in range(1, asked.steps + 1):
        done = step / asked.steps
        rise = 0.04 + 0.96 * (1 - math.cos(math.pi * done / SHORT)) / 2
        fall = (1 + math.cos(math.pi * (done - SHORT) / (1 - SHORT))) / 2
        optimizer.param_groups[0]["lr"] = asked.rate * (rise if done < SHORT else fall)
        x, t, moved = arcs(known, asked.batch, generator, asked.reference, coupled=asked.coupled)
        if mixture is not None:
            moved = moved - mixture(x, t)
        optimizer.zero_grad()
        (velocity.own(x, t) - moved).square().mean().backward()
        optimizer.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), velocity.parameters(), strict=True):
                kept.lerp_(new, share if done > SHORT else 1.0)
        if step in (asked.steps // 2, asked.steps):
            with torch.no_grad():
                losses.append(float((average(*look[:2]) - look[2]).square().mean()))
    return average, losses


@torch.no_grad()
def measured(asked: Variant, data: Path) -> dict[str, Any]:
    """Train one, and look at its samples."""
    folder = Path("runs/heads/mnist") / asked.method / "seed-0"
    model = trained("mnist", data, asked.method, 0, folder)
    train, _ = read(data / TASKS["mnist"].train).split(0.1, seed=0)
    test = read(data / TASKS["mnist"].test).first(10_000)
    codes, new = model.encode(train, head=False), model.encode(test, head=False)
    aside = torch.zeros(len(train), dtype=torch.bool)
    aside[train.halves(0.1, seed=0).held_out] = True
    mean = codes[~aside].mean(0)
    factor = torch.linalg.cholesky(torch.cov(codes[~aside].T.double())).float()
    points = (codes - mean) @ torch.linalg.inv(factor).T
    with torch.enable_grad():
        velocity, losses = learnt(points[~aside], points[aside], asked)
    x = torch.randn(10_000, model.latent.dim, generator=torch.Generator().manual_seed(0))
    for k in range(asked.parts):
        t = x.new_full((1, 1), k / asked.parts)
        middle = x + 0.5 / asked.parts * velocity(x, t)
        x = x + velocity(middle, t + 0.5 / asked.parts) / asked.parts
    drawn = model.latent.project(x @ factor.T + mean)
    seen = (features("mnist", y).double().numpy() for y in (model.decode(drawn, head=False), test))
    near = [kth_distance(z[:2000], codes).median() for z in (drawn, new)]
    return {
        "frechet": frechet_distance(*seen),
        "loss, half": losses[0],
        "loss": losses[1],
        "nearest": float(near[0] / near[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    known, results = saved("flows"), {}
    for name, variant in VARIANTS.items():
        results[name] = known.get(name) or measured(variant, asked.data)
        print(name, results[name], flush=True)
    columns = ("frechet", "loss, half", "loss", "nearest")
    lines = [
        "| variant | Fréchet | loss, half-way | loss | distance to training codes |",
        "|-|-|-|-|-|",
    ]
    for name, found in results.items():
        lines.append(f"| {name} | {' | '.join(f'{found[key]:.4g}' for key in columns)} |")
    (RESULTS / "flows.md").write_text("\n".join(lines) + "\n")
    save("flows", results, variants={name: v._asdict() for name, v in VARIANTS.items()})


if __name__ == "__main__":
    main()
