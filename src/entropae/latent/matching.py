"""Deterministic codes whose batch is matched to N(0, I) by a distance between distributions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from entropae import distributed
from entropae.latent.base import Latent, LatentOutput, Penalty, check_weight
from entropae.nn.normalization import Standardize, precise


class Matching(Latent):
    """A distance `match` between the batch of codes and N(0, I), as a penalty.

    Args:
        dim: Dimensions of the code, d.
        weight: Relative reconstruction error paid for one unit of the distance (see `Latent`).
        distance: `"mmd"`, `"cramer_wold"` or `"sigreg"`.
        standardize: Batch normalisation without affine parameters before it.
        head: Name of the map to N(0, I) that `fit` fits to the finished codes (see `Latent`).
    """

    def __init__(
        self,
        dim: int,
        weight: float = 1.0,
        *,
        distance: str = "mmd",
        standardize: bool = False,
        head: str | None = None,
    ) -> None:
        super().__init__(dim, head)
        check_weight(weight)
        if distance not in DISTANCES:
            raise ValueError(f"`distance` must be one of {', '.join(DISTANCES)}: got {distance!r}.")
        self.weight = weight
        self.distance = distance
        self.standardize = standardize
        if standardize:
            self.norm = Standardize(dim)

    def forward(self, h: Float[Tensor, "n d"]) -> LatentOutput:
        """The code, and its `match` unless the batch has one point."""
        code = self.code(h)
        batch = distributed.gather(code)
        if len(batch) < 2:
            return LatentOutput(code, {})
        match = DISTANCES[self.distance](batch)
        return LatentOutput(code, {"match": Penalty(match, float(self.weight))})

    @property
    def least_batch(self) -> int:
        """One code has no distribution."""
        return 2

    def code(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The code, standardised or not; no distance is measured."""
        self.check(h)
        return self.norm(precise(h))


def mmd(code: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy from as many N(0, I) points; the WAE's penalty.

    Unbiased, with the inverse multiquadratic kernels C/(C + |x − y|²), C = 2 d s,
    s = 0.1, 0.2, 0.5, 1, 2, 5, 10 (Tolstikhin et al., "Wasserstein auto-encoders", ICLR 2018,
    algorithm 2 and section 4).
    """
    n, d = code.shape
    normal = distributed.randn(n, d, like=code)
    pairs = [_squared_distances(*ends) for ends in ((code, code), (normal, normal), (code, normal))]
    total = code.new_zeros(())
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = 2 * d * scale
        own, other, cross = (c / (c + squared) for squared in pairs)
        # The diagonals, all 1, leave an unbiased estimate.
        total = total + (own.sum() + other.sum() - 2 * n) / (n * (n - 1)) - 2 * cross.mean()
    return total


def cramer_wold(code: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Squared Cramér–Wold distance from N(0, I), in its approximation for higher dimensions.

    References:
        Knop et al., "Cramer–Wold auto-encoder", JMLR 21 (2020), with Silverman's γ.
    """
    n, d = code.shape
    gamma = (4 / (3 * n)) ** 0.4
    scale = max(1, 2 * d - 3)
    own = (gamma + _squared_distances(code, code) / scale).rsqrt().mean()
    cross = (gamma + 0.5 + code.square().sum(1) / scale).rsqrt().mean()
    return (own + (1 + gamma) ** -0.5 - 2 * cross) / (2 * math.sqrt(math.pi))


def sigreg(code: Float[Tensor, "n d"], *, slices: int = 256, knots: int = 17) -> Float[Tensor, ""]:
    """Sliced Epps–Pulley statistic: LeJEPA's SIGReg.

    For each random direction, n ∫ |φ_n(t) − e^{−t²/2}|² e^{−t²/2} dt by the trapezoidal rule on
    [−3, 3], φ_n being the empirical characteristic function of the projected codes; averaged.

    References:
        Balestriero and LeCun, "LeJEPA", arXiv 2511.08544.
    """
    n, d = code.shape
    directions = nn.functional.normalize(distributed.randn(d, slices, like=code), dim=0)
    t = torch.linspace(0, 3, knots).to(code)
    target = torch.exp(-0.5 * t.square())
    step = 3 / (knots - 1)
    weights = torch.full_like(t, 2 * step)
    weights[0] = weights[-1] = step
    angles = (code @ directions)[..., None] * t
    error = (angles.cos().mean(0) - target).square() + angles.sin().mean(0).square()
    return n * (error @ (weights * target)).mean()


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


DISTANCES = {"mmd": mmd, "cramer_wold": cramer_wold, "sigreg": sigreg}
