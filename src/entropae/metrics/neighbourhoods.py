"""Precision, recall, density and coverage."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from entropae.metrics.pairs import two_samples
from entropae.neighbors import block_size, kth_distance

# Of the norms, what distances by products are off by where points coincide.
ROUNDING = 1e-7


class PrecisionRecallDensityCoverage(NamedTuple):
    """Shares in [0, 1] (density may exceed 1): quality of samples, and diversity."""

    precision: float  # samples within reach of some real point
    recall: float  # real points within reach of some sample
    density: float  # real points within whose reach a sample is, over k
    coverage: float  # real points with a sample within reach


def precision_recall_density_coverage(
    real: Any, samples: Any, *, k: int = 5
) -> PrecisionRecallDensityCoverage:
    """Improved precision and recall, density and coverage.

    A point's reach is the distance to its k-th nearest neighbour in its own sample.

    Args:
        real: Features of real data, shape `(n, f)`.
        samples: Features of generated data, shape `(m, f)`.
        k: Which neighbour.

    Raises:
        ValueError: If a sample is not finite or has `k` points or fewer, or the dimensions differ.

    References:
        Kynkäänniemi et al., NeurIPS 2019, eq. (1) and (2) (precision, recall); Naeem et al.,
        "Reliable fidelity and diversity metrics", ICML 2020, eq. (3) and (4) (density, coverage).
    """
    real, samples = two_samples(real, samples)
    centre = real.mean(0)  # against cancellation in products; in float64 that is enough here
    real, samples = real - centre, samples - centre
    reach_real, reach_samples = kth_distance(real, k=k), kth_distance(samples, k=k)
    slack = ROUNDING * float(torch.linalg.vector_norm(torch.cat([real, samples]), dim=1).max())
    reach_real, reach_samples = reach_real + slack, reach_samples + slack
    near_real = torch.zeros(len(samples), dtype=torch.int64, device=real.device)
    recalled, covered = [], []
    for rows in torch.arange(len(real), device=real.device).split(
        max(1, block_size(real) // len(samples))
    ):
        distance = torch.cdist(real[rows], samples)
        within = distance <= reach_real[rows, None]
        near_real += within.sum(0)
        covered.append(within.any(1))
        recalled.append((distance <= reach_samples).any(1))
    return PrecisionRecallDensityCoverage(
        precision=float((near_real > 0).double().mean()),
        recall=float(torch.cat(recalled).double().mean()),
        density=float(near_real.double().mean() / k),
        coverage=float(torch.cat(covered).double().mean()),
    )
