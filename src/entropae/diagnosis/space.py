"""Findings about where codes are, and where samples fall between them.

Their effect is the share of samples farther from every training code than 99 % of held-out codes.
"""

from __future__ import annotations

import math
import warnings

from scipy import stats

from entropae.diagnosis import distributions
from entropae.diagnosis.dimension import dimension_of_normal
from entropae.diagnosis.finding import MOST, Check, Verdict, of_share
from entropae.diagnosis.measured import DRAWN, OUTSIDE, Measured
from entropae.diagnosis.outputs import check_numeric, excess
from entropae.entropy import Baseline, gaussian_baseline, knn_entropy
from entropae.entropy.whitening import whiten

FAR = "P(min |z − z_train| > q), q the 99 % quantile of the same distance of held-out codes"
K = 3


def entropy_gap(measured: Measured) -> tuple[float, float, Baseline]:
    """Entropy that the codes lack, in nats; the entropy; and what N(0, I) codes would have."""
    n, d = measured.moving.shape
    with warnings.catch_warnings():
        # Of dependent coordinates it is −∞, as is wanted here; other findings say why.
        warnings.filterwarnings("ignore", ".*has no density.*")
        warnings.filterwarnings("ignore", ".*the entropy is.*")
        found = float(knn_entropy(measured.moving, K, resolution=None, scale=None))
    baseline = gaussian_baseline(n, d, K)
    return baseline.mean - found, found, baseline


def _lacks_entropy(measured: Measured) -> bool:
    gap, _, baseline = entropy_gap(measured)
    return gap > float(stats.norm.isf(measured.level)) * baseline.std


def _significant(measured: Measured, share: float) -> bool:
    n = len(measured.code)
    return share > distributions.upper_share(n, DRAWN, OUTSIDE, measured.level)


def _latent_large(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    check_numeric(measured)
    n, d = len(measured.train), measured.moving.shape[1]
    dimension = measured.data_dimension
    if d < 2:
        return None
    limit = dimension_of_normal(n, d - 1)
    high = dimension.value + float(stats.norm.isf(measured.level)) * dimension.standard_error
    share = measured.far_drawn
    if high >= limit or not _significant(measured, share):
        return None
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"the data's intrinsic dimension is about {dimension.value:.1f}, where {n} points of "
        f"N(0, I) in {d} dimensions would show {dimension_of_normal(n, d):.1f}; {share:.0%} of "
        "samples fall far from any code",
    )


LATENT_LARGE = Check(
    name="latent_large",
    title="The latent is larger than the data",
    meaning=(
        "Codes lie on a surface of fewer dimensions. N(0, I) fills the space, and most of what it "
        "draws is off that surface."
    ),
    how=(
        "Intrinsic dimension m̂ of the training data by nearest neighbours (Levina and Bickel "
        "2004, MacKay and Ghahramani 2005), against what it is for as many points of N(0, I) in "
        f"d − 1 dimensions. The effect is {FAR}."
    ),
    cause="The latent dimension was chosen larger than the data can fill.",
    remedy="Use a latent of about the data's dimension, or sample from a fitted mixture.",
    judge=_latent_large,
    explains=(
        *("holes", "weight_small", "clusters", "shell", "tails", "correlation", "duplicates"),
        "dead",
    ),
)


def _clusters(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    full, mixture = measured.full, measured.mixture
    if mixture.components == 1:
        return None
    code = measured.code.to(full.mean.dtype)
    gains = mixture.log_prob(code) - full.log_prob(code)
    gain = float(gains.mean())
    error = float(gains.std()) / math.sqrt(len(gains))
    if gain <= float(stats.norm.isf(measured.level)) * error:
        return None
    drawn = [
        measured.subject.draw(DRAWN, seed=1, prior=prior).double()[:, measured.moves]
        for prior in (full, mixture)
    ]
    before, after = map(measured.far, drawn)
    share = max(0.0, before - after)
    explains = ()
    most = gain >= MOST * entropy_gap(measured)[0] and share >= MOST * measured.far_drawn
    if most and measured.subject.weight != 0:
        explains += ("weight_small", "holes")
    one, many, found = (distributions.shape(whiten(z)[0]) for z in (*drawn, measured.moving))
    if abs(many.spread - found.spread) < (1 - MOST) * abs(one.spread - found.spread):
        explains += ("shell",)
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"held-out codes are likelier under a mixture of {mixture.components} Gaussians than "
        f"under one, by {gain:.2g} ± {error:.1g} nats each; {before:.0%} of samples of one "
        f"Gaussian fall far from any code, {after:.0%} of samples of the mixture",
        explains=explains,
    )


CLUSTERS = Check(
    name="clusters",
    title="Clusters",
    meaning="Codes keep classes of the data apart. Samples between them are of no class.",
    how=(
        "Mean log-likelihood of held-out codes under a mixture of Gaussians fitted to the training "
        "codes (components by BIC), less that under one Gaussian. The effect is the "
        f"share of samples that the mixture brings back: {FAR}, with the one and the other."
    ),
    cause="Data of separate kinds, and an entropy whose weight does not fill what is between.",
    remedy='model.fit_prior(data, "mixture") and sample from it; or raise the entropy\'s weight.',
    judge=_clusters,
    explains=(),
)


def _holes(measured: Measured) -> Verdict | None:
    if len(measured.train_code) < 2:
        return None
    share = measured.far_drawn
    if not _significant(measured, share):
        return None
    explains = ()
    if measured.subject.prior_name == "normal":
        # N(0, I) less a region of mass s has the entropy of N(0, I), less −log(1 − s), by KL.
        missing = -math.log1p(-min(share, 1 - 1e-9))
        explains = ("weight_small",) if missing >= MOST * entropy_gap(measured)[0] else ()
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"{share:.0%} of samples are farther from any training code than {measured.reach:.2g}, "
        f"which {1 - OUTSIDE:.0%} of held-out codes are",
        explains=explains,
    )


HOLES = Check(
    name="holes",
    title="Holes",
    meaning="Samples fall where no data were encoded, and the decoder was never trained.",
    how=f"The share {FAR}, z from the prior; where codes follow the prior it is 1 % on average.",
    cause="Something keeps codes from part of the space that samples are drawn from.",
    remedy=(
        "See the findings above. Else fit a more flexible prior (mixture, flow), which draws from "
        "where codes are."
    ),
    judge=_holes,
)


FOLLOW = ("clusters", "holes", "shell", "tails", "correlation")


def _weight_small(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    if not _lacks_entropy(measured):
        return None
    if excess(measured, measured.linear_error(measured.dim)) is not None:
        return None  # it has nothing to pay with
    _, found, baseline = entropy_gap(measured)
    d, share, weight = measured.moving.shape[1], measured.far_drawn, measured.subject.weight
    known = "" if weight is None else f" with the weight {weight:g}"
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"the codes' entropy is {found / d:.2f} nats per dimension{known}, that of as many N(0, I) "
        f"codes {baseline.mean / d:.2f}; {share:.0%} of samples fall far from any code",
        explains=FOLLOW if weight == 0 else None,
    )


WEIGHT_SMALL = Check(
    name="weight_small",
    title="The entropy's weight λ is too small",
    meaning="Codes reconstruct well but fill little of N(0, I), which samples are drawn from.",
    how=(
        "Nearest-neighbour entropy of the held-out codes against the mean and deviation of the "
        "same estimator on N(0, I) samples of equal n, d and k; and a test error not above that of "
        f"d principal components, so that there is something to pay with. The effect is {FAR}."
    ),
    cause="Nothing, or too little, drives the codes' entropy up.",
    remedy="Raise the entropy's weight λ, or use a latent that has one (Entropic).",
    judge=_weight_small,
    explains=FOLLOW,
)
