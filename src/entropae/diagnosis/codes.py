"""Findings about the code's coordinates: what moves samples of N(0, I) from where codes are.

Each has a map T that gives N(0, I) the same fault, so that the codes T(z) are as the decoder knows
them. Its effect is how far that moves what z decodes to, E|D(z) − D(T(z))|², less what the same map
does when it is fitted to as many points of N(0, I): sampling error. And how many samples it brings
back to where codes are: the share of z that is farther from every training code than 99 % of
held-out codes, less that share of T(z).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.diagnosis import distributions
from entropae.diagnosis.finding import MOST, NEGLIGIBLE, Check, Verdict, of_error, of_share
from entropae.diagnosis.measured import Measured, correlation

Map = Callable[[Float[Tensor, "n d"], Float[Tensor, "s d"]], Float[Tensor, "s d"]]
MAP = "E|D(z) − D(T z)|²/|x − x̂|² over z ~ N(0, I), or the share of z that T brings back"


class Effect(NamedTuple):
    """What a map does to samples of N(0, I)."""

    ratio: float  # squared change of what they decode to, over the model's own error
    share: float  # of them that it brings back to where codes are
    explains: tuple[str, ...] | None = None

    def verdict(self, figure: str) -> Verdict:
        """By the worse of the two."""
        figure += f"; that moves samples by {self.ratio:.2g} times the model's squared error"
        if self.share >= NEGLIGIBLE:
            figure += f", {self.share:.0%} of them to where no codes are"
        severity = max(of_error(self.ratio), of_share(self.share))
        if self.ratio >= self.share / MOST:
            return Verdict(severity, self.ratio, 1.0, figure, explains=self.explains)
        return Verdict(severity, self.share, MOST, figure, explains=self.explains)


def effect_of(measured: Measured, apply: Map) -> Effect:
    """Of a map `apply(codes, z)` fitted to the codes, less what it does fitted to normal ones."""
    z = measured.drawn[:, measured.moves]
    normal = torch.randn(
        measured.moving.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    moved, share = [], 0.0
    for codes in (measured.moving, normal):
        end = measured.drawn.clone()
        end[:, measured.moves] = apply(codes, z)
        moved.append(measured.moved(end))
        if codes is measured.moving:
            share = measured.far_drawn - measured.far(end[:, measured.moves])
    return Effect(max(0.0, moved[0] - moved[1]) / measured.visible, max(0.0, share))


def _cut(measured: Measured) -> Verdict | None:
    x = measured.test
    # Of samples that are there more than once, one: their codes are equal too.
    h = measured.subject.features(torch.unique(x.flatten(1), dim=0).unflatten(1, x.shape[1:]))
    if h.ndim != 2 or h.shape[1] != measured.dim or not h.is_floating_point():
        return None
    shares = {float(edge): float((h == edge).double().mean()) for edge in h.aminmax()}
    share = sum(shares.values())
    if share < NEGLIGIBLE:
        return None
    edges = " or ".join(f"{edge:.3g}" for edge, one in shares.items() if one >= NEGLIGIBLE / 2)
    return Verdict(
        of_share(share),
        share,
        MOST,
        f"{share:.0%} of the numbers that the encoder returns are {edges}, and none is beyond",
        explains=("dead", "holes", "weight_small", "clusters", "scale"),
    )


CUT = Check(
    name="cut",
    title="The encoder cuts codes off",
    meaning="Many codes share a limit in some coordinate, where N(0, I) has none.",
    how=(
        "The share of the encoder's numbers, of different samples, that equal the least or the "
        "largest of all: 0 for a ReLU."
    ),
    cause="The encoder ends in a ReLU, or another function that returns its limit.",
    remedy="End the encoder in a linear layer, without a function after it, and train again.",
    judge=_cut,
    explains=("shell", "tails", "rings", "correlation", "duplicates", "undertrained"),
)


def _dead(measured: Measured) -> Verdict | None:
    dead = ~measured.active
    if not dead.any():
        return None
    end = measured.drawn.clone()
    end[:, dead] = measured.inferred.mean(0)[dead]
    ratio = measured.moved(end) / measured.visible
    return Verdict(
        of_error(ratio),
        ratio,
        1.0,
        f"{int(dead.sum())} of {len(dead)} coordinates are the same for all data "
        f"({_listed(dead)}), and in samples they change what is decoded by {ratio:.2g} times the "
        "model's squared error",
    )


DEAD = Check(
    name="dead",
    title="Dead coordinates",
    meaning=(
        "Coordinates that do not depend on the data. Samples still vary them, and the decoder has "
        "not learnt what that means, unless it ignores them."
    ),
    how=(
        "Coordinates whose variance over the data, without noise, is under 1 % of the largest "
        f"(Burda et al. 2016 call the others active units). The effect is {MAP}, T setting them "
        "to their constant."
    ),
    cause=(
        "More dimensions than the data need; ReLUs before the code that died; a KL term that is "
        "too strong."
    ),
    remedy="Use a smaller latent dimension, a lower learning rate, or less weight on the KL term.",
    judge=_dead,
    explains=("scale", "latent_large", "holes", "weight_small", "shell", "tails", "clusters"),
)


def _scale(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    z = measured.moving
    n, d = z.shape
    mean, variance = float(z.mean(0).abs().max()), z.var(0)
    most = distributions.largest_mean(n, d, measured.level / 2)
    low, high = distributions.extreme_variances(n, d, measured.level / 2)
    least, largest = float(variance.min()), float(variance.max())
    if mean <= most and low <= least and largest <= high:
        return None
    effect = effect_of(measured, lambda codes, e: codes.mean(0) + codes.std(0) * e)
    return effect.verdict(
        f"the largest mean of a coordinate is {mean:.2g} (N(0, I): at most {most:.2g}), variances "
        f"are {least:.2g} … {largest:.2g} (N(0, I): {low:.2g} … {high:.2g})"
    )


SCALE = Check(
    name="scale",
    title="The code is not centred or scaled",
    meaning="N(0, I) has mean 0 and variance 1; codes lie elsewhere, so samples are drawn there.",
    how=(
        "Largest |mean| and extreme variances of a coordinate, against their exact "
        "distributions for n codes of N(0, I): means N(0, 1/n), (n − 1) s² χ², Šidák-corrected for "
        f"d. The effect is {MAP}, T(z) = μ + σ z."
    ),
    cause=(
        "Nothing standardises the code, or the statistics it is standardised by are of other data."
    ),
    remedy=(
        "Use a latent with batch normalisation (Entropic), or sample from a fitted distribution: "
        'model.fit_prior(data, "full").'
    ),
    judge=_scale,
    explains=("holes", "weight_small"),
)


def _duplicates(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    values, vectors = measured.principal
    kept = vectors[:, values > NEGLIGIBLE**2]
    lost = len(values) - kept.shape[1]
    if not lost:
        return None
    effect = effect_of(
        measured, lambda codes, e: e @ kept @ kept.T if codes is measured.moving else e
    )
    among = correlation(measured.moving).abs().triu(1)
    names = measured.moves.nonzero()[:, 0].tolist()
    first, second = divmod(int(among.argmax()), len(names))
    strongest = float(among[first, second])
    return effect.verdict(
        f"{lost} of {len(values)} coordinates follow from the others (linear combinations); "
        f"{names[first]} and {names[second]} have correlation {strongest:.3f} in magnitude"
    )


DUPLICATES = Check(
    name="duplicates",
    title="Duplicated coordinates",
    meaning=(
        "Some coordinates are linear combinations of others. N(0, I) draws them independently, "
        "where there are no codes."
    ),
    how=(
        "Eigenvalues of the codes' correlation matrix under 0.01: directions in which codes vary "
        f"a tenth as much as they should. The effect is {MAP}, T removing those directions."
    ),
    cause="More dimensions than the data need, or layers that share their weights.",
    remedy="Use a smaller latent dimension, or a larger weight of the entropy.",
    judge=_duplicates,
    explains=(
        *("correlation", "holes", "weight_small", "latent_large", "shell", "tails"),
        "clusters",
    ),
)


def _correlation(measured: Measured) -> Verdict | None:
    measured.check_for_normal()
    n, d = measured.moving.shape
    matrix = correlation(measured.moving)
    off = matrix - torch.diag(matrix.diagonal())
    found = float((off.square().sum() / max(1, d * (d - 1))).sqrt())
    limit = distributions.root_mean_correlation(n, d, measured.level)
    if found <= limit:
        return None
    effect = effect_of(measured, lambda codes, e: e @ _root(correlation(codes)))
    return effect.verdict(
        f"the root mean square correlation of two coordinates is {found:.2g} (N(0, I): at most "
        f"{limit:.2g}), the largest {float(off.abs().max()):.2g}"
    )


CORRELATION = Check(
    name="correlation",
    title="Correlated coordinates",
    meaning="N(0, I) draws coordinates independently; the codes' go together.",
    how=(
        "Root mean square correlation; for N(0, I), (n − 1) Σ r² over the d (d − 1)/2 pairs is "
        f"about χ² (Schott 2005). The effect is {MAP}, T(z) = R^½ z."
    ),
    cause="Batch normalisation fixes means and variances only; the entropy's weight is too small.",
    remedy=(
        "Raise the weight of the entropy, or sample from a fitted distribution: "
        'model.fit_prior(data, "full").'
    ),
    judge=_correlation,
    explains=("holes", "weight_small"),
)


def _root(matrix: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _listed(which: Tensor) -> str:
    names = [str(int(i)) for i in which.nonzero()[:, 0]]
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
