"""Findings about how far codes are from the origin: on a shell, in rings, with heavy tails."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from entropae.diagnosis import distributions
from entropae.diagnosis.codes import MAP, effect_of
from entropae.diagnosis.finding import MOST, NEGLIGIBLE, Check, Verdict
from entropae.diagnosis.measured import Measured, correlation, standardized
from entropae.diagnosis.space import entropy_gap
from entropae.entropy.whitening import whiten

BINS = 16  # of norms, at most
EACH = 12  # norms in a bin, at least


def _shell(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    n, d = measured.white.shape
    found = distributions.shape(measured.white)
    low, _ = distributions.shape_of_normal(n, d, measured.level)
    if d < 2 or found.spread >= low.spread:
        return None
    return effect_of(measured, _radially).verdict(
        f"the spread of ‖z‖ is {found.spread:.2g}, that of N(0, I) "
        f"{distributions.spread_of_normal(d):.2g} (at least {low.spread:.2g}): codes lie on a shell"
    )


def _radially(codes: Float[Tensor, "n d"], e: Float[Tensor, "s d"]) -> Float[Tensor, "s d"]:
    """N(0, I) with the norms of the whitened codes, and everything else as it was."""
    norms = whiten(_varying(codes))[0].norm(dim=1)
    d = e.shape[1]
    radius = e.norm(dim=1, keepdim=True)
    share = torch.from_numpy(stats.chi(d).cdf(radius[:, 0].numpy()))
    # In a smaller space norms are distributed otherwise: their relative spread is taken over.
    return e / radius * _quantile(norms, share)[:, None] * math.sqrt(d / norms.square().mean())


def _varying(codes: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
    values, vectors = torch.linalg.eigh(correlation(codes))
    return standardized(codes) @ vectors[:, values > NEGLIGIBLE**2]


def _quantile(sample: Float[Tensor, " n"], share: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
    """Quantiles of a sample, interpolated between its midpoints (i + ½)/n."""
    ordered = sample.sort().values
    place = (share * len(ordered) - 0.5).clamp(0, len(ordered) - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], place - below)


SHELL = Check(
    name="shell",
    title="Codes on a shell",
    meaning=(
        "All codes are about as far from the origin, with none inside or outside. Samples nearer "
        "and farther are of what the decoder has not seen."
    ),
    how=(
        "Standard deviation of ‖w‖ for whitened codes w, against normal samples of the same n and "
        f"d, simulated. The effect is {MAP}, T giving z the codes' quantiles of the norm."
    ),
    cause=(
        "Codes of training samples are pushed apart, outwards; in small batches the "
        "nearest-neighbour entropy of a sphere is even larger than that of N(0, I)."
    ),
    remedy=(
        'Use the corrected entropy (Entropic, correction="potential") with a bank of recent codes '
        "and larger batches; fewer epochs if training and held-out errors part."
    ),
    judge=_shell,
)


def _rings(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    n, d = measured.white.shape
    if d < 2 or n < 3 * EACH:
        return None
    counts = _norms_by_share(measured.white)
    found = _valleys(counts, measured.level)
    if not found:
        return None
    # The entropy that the norms alone lack; a histogram has (bins − 1)/2n too much of it.
    share = counts / n
    known = share[share > 0]
    lacking = float((known * np.log(known * len(counts))).sum()) - (len(counts) - 1) / (2 * n)
    explains = ()
    if lacking >= MOST * entropy_gap(measured)[0]:
        explains = ("weight_small", "holes", "clusters")
    return (
        effect_of(measured, _radially)
        ._replace(explains=explains)
        .verdict(
            f"norms ‖z‖ leave out {found} of {len(counts)} intervals that are equally likely for "
            f"N(0, I), with more on both sides; that costs {lacking:.2g} nats of entropy"
        )
    )


def _norms_by_share(white: Float[Tensor, "n d"]) -> Int[np.ndarray, " b"]:
    """How many norms are in each of some intervals that N(0, I) has equally often."""
    n, d = white.shape
    share = stats.chi(d).cdf(white.norm(dim=1).numpy())
    return np.histogram(share, min(BINS, n // EACH), (0, 1))[0]


def _valleys(counts: Int[np.ndarray, " b"], level: float) -> int:
    """How many intervals have certainly fewer than one on either side.

    Of c + c' norms in two intervals that are equally likely, c is binomial. Each is tested against
    the fullest on its left and on its right, which makes less than b² tests.
    """
    found = 0
    for i in range(1, len(counts) - 1):
        peak = min(counts[:i].max(), counts[i + 1 :].max())
        chance = float(stats.binom(counts[i] + peak, 0.5).cdf(counts[i]))
        found += chance * len(counts) ** 2 < level and counts[i] < MOST * peak
    return found


RINGS = Check(
    name="rings",
    title="Codes in rings",
    meaning=(
        "Codes are at some distances from the origin and not at those between. Samples fall into "
        "the gaps, of which the decoder has seen nothing."
    ),
    how=(
        "Norms ‖w‖ of whitened codes, counted in intervals equally likely for N(0, I): an interval "
        "with less than half of what the fullest on its left and the fullest on its right have, "
        f"where that is no chance (binomial). The effect is {MAP}, T giving z the codes' "
        "quantiles of the norm."
    ),
    cause="Data of a few strengths or sizes, and an entropy that does not see so fine a structure.",
    remedy='Sample from a distribution that has rings too: model.fit_prior(data, "mixture").',
    judge=_rings,
    explains=("holes", "weight_small", "clusters"),
)


def _tails(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    n, d = measured.white.shape
    found = distributions.shape(measured.white)
    _, high = distributions.shape_of_normal(n, d, measured.level)
    if found.spread <= high.spread and found.kurtosis <= high.kurtosis:
        return None
    effects = [effect_of(measured, apply) for apply in (_marginally, _radially)]
    worst = max(effects, key=lambda effect: max(effect.ratio, effect.share / MOST))
    return worst.verdict(
        f"the spread of ‖z‖ is {found.spread:.2g} (N(0, I): at most {high.spread:.2g}), the mean "
        f"excess kurtosis {found.kurtosis:.2g} (at most {high.kurtosis:.2g})"
    )


def _marginally(codes: Float[Tensor, "n d"], e: Float[Tensor, "s d"]) -> Float[Tensor, "s d"]:
    """N(0, I) with the quantiles of each standardised coordinate of the codes."""
    share = torch.special.ndtr(e)
    codes = standardized(codes)
    columns = [_quantile(codes[:, j], share[:, j]) for j in range(codes.shape[1])]
    return torch.stack(columns, 1)


TAILS = Check(
    name="tails",
    title="Heavy tails",
    meaning=(
        "Most codes are near the origin and a few very far. N(0, I) draws between, and never what "
        "the far codes are of."
    ),
    how=(
        "Spread of ‖w‖ and mean excess kurtosis of whitened codes w, against normal samples of "
        f"the same n and d, simulated. The effect is {MAP}, T giving z the codes' quantiles, of "
        "each coordinate or of the norm."
    ),
    cause="Outliers in the data; no entropy, whose largest value has no heavy tails.",
    remedy='Look at the samples with the largest ‖z‖; raise λ; or fit_prior(data, "mixture").',
    judge=_tails,
    explains=("scale", "holes", "weight_small", "clusters"),
)
