"""The divergence of two samples, less what neighbours are off by between known distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from entropae.entropy.maps import MAPS, Comparison, cross_entropies, has_enough, usable
from entropae.entropy.maps.ica import components
from entropae.entropy.whitening import standardize
from entropae.neighbors import Norm, check_choice, kth_distance

Referenced = Literal["calibrated", "copula", "ica", "mixture"]
DivergenceMethod = Literal["knn", "auto"] | Referenced
Sample = Float[np.ndarray, "n d"]

# From the simplest on. Those of elliptical distributions and trees say too little of tails, where
# the ratio of two densities is decided.
REFERENCES: tuple[Referenced, ...] = ("calibrated", "copula", "ica", "mixture")
# Dimensions from which normal samples are drawn to compare with: asked for an error, and not.
FROM = {False: 4, True: 8}
# Nats that are worth a warning.
WORTH_A_WARNING = 0.1
# Columns up to which neighbours alone have hardly a bias.
FEW = 3
# Pairs of samples of the references, and points that their divergence is the mean over.
DRAWS, POINTS = 4, 20_000


class Corrected(NamedTuple):
    """A divergence in nats, and what was taken away.

    Attributes:
        value: The estimate.
        bias: What neighbours say of samples of the references, less the references' divergence.
        error: Standard error of `bias`.
        references: The divergence of the references.
        method: Whose references.
    """

    value: float
    bias: float
    error: float
    references: float
    method: str


def check_method(method: str, floor: float) -> None:
    """Raise unless `knn_divergence` knows the method, and the method a floor.

    Raises:
        ValueError: If it does not.
    """
    check_choice(method, ["knn", *REFERENCES, "auto"], "method")
    if method != "knn" and floor:
        raise ValueError(
            f'`floor` must be 0 for method="{method}": got floor={floor}. Use method="knn".'
        )


def referenced(
    turns: Sequence[tuple[Tensor, Tensor]], k: int, norm: Norm, method: DivergenceMethod, seed: int
) -> Corrected:
    """The estimate by one of the methods, the mean over several spreads of rounded values.

    Args:
        turns: Samples of P and of Q, spread anew each time.
        k: Which neighbour.
        norm: See `knn_divergence`.
        method: Which estimator.
        seed: Of the samples of references.

    Raises:
        ValueError: If a sample has not more points than dimensions, and the method needs them.
    """
    if method == "auto":
        method = choose_references(compare(*turns[0], only=REFERENCES))
    if method == "knn":
        values = [by_neighbours(_array(p), _array(q), k, norm) for p, q in turns]
        return Corrected(float(np.mean(values)), 0.0, 0.0, math.nan, "knn")
    for name, sample in zip("xy", turns[0], strict=True):
        n, d = sample.shape
        if n <= d:
            raise ValueError(
                f'`{name}` must have more points than dimensions for method="{method}": got n={n}, '
                f'd={d}. Use more points, fewer columns, or method="knn".'
            )
    draws = max(1, DRAWS // len(turns))
    found = [
        corrected(p, q, k, norm, method, draws=draws, seed=seed + turn)
        for turn, (p, q) in enumerate(turns)
    ]
    if len(found) == 1:
        return found[0]
    value, bias, error, between = np.mean([one[:4] for one in found], 0).tolist()
    spread = float(np.std([one.bias for one in found], ddof=1)) / len(found) ** 0.5
    error = spread if math.isnan(error) else math.hypot(spread, error)
    return Corrected(value, bias, error, between, method)


def why_biased(
    p: Tensor, q: Tensor, k: int, norm: Norm, error: float = 0.0, *, unasked: bool = False
) -> str | None:
    """Why `"knn"` is off in many dimensions, in words; `None` if it is not.

    Args:
        p: Sample of P.
        q: Sample of Q.
        k: Which neighbour.
        norm: See `knn_divergence`.
        error: Standard error of the estimate.
        unasked: Whether only a value was asked for, and few dimensions are not looked at.
    """
    d = p.shape[1]
    if d < FROM[unasked]:
        return None
    if min(len(p), len(q)) <= 2 * d:
        return f"Samples of n={len(p)} and m={len(q)} points say little in d={d} dimensions."
    try:
        found = corrected(p, q, k, norm, "calibrated", draws=1)
    except np.linalg.LinAlgError:  # dependent columns: of no normal distribution with a density
        return None
    if not abs(found.bias) > max(WORTH_A_WARNING, 2 * error):
        return None
    said = found.references + found.bias
    return (
        f"n={len(p)} and m={len(q)} points are few for d={d} dimensions: two normal distributions "
        f"with these means and covariances are {found.references:.2f} nats apart, of which "
        f'method="knn" says {said:.2f}. Use method="auto".'
    )


class Compared(NamedTuple):
    """How near references of several kinds are to two samples, on points held out of both."""

    first: Comparison
    second: Comparison
    columns: int

    def names(self) -> list[str]:
        """The kinds that both samples have."""
        return [name for name in self.first.losses if name in self.second.losses]

    def best(self, names: Sequence[str]) -> str:
        """The nearest of some."""
        losses = (self.first.losses, self.second.losses)
        return min(names, key=lambda name: float(sum(loss[name].mean() for loss in losses)))

    def excess(self, name: str, other: str) -> tuple[float, float]:
        """How much larger one cross-entropy is than another in both samples, and its error."""
        both = (self.first.excess(name, other), self.second.excess(name, other))
        gaps, errors = zip(*both, strict=True)
        return sum(gaps), float(np.hypot(*errors))

    def near(self, name: str, other: str) -> bool:
        """Whether one is not worse than another by twice the error."""
        gap, error = self.excess(name, other)
        return gap <= 2 * error


def compare(p: Tensor, q: Tensor, *, only: Sequence[str] | None = None) -> Compared | None:
    """Fit references to some points, and try them on the others; `None` of too few points."""
    x, y = _array(p), _array(q)
    if not (has_enough(*x.shape) and has_enough(*y.shape)):
        return None
    found = (
        cross_entropies(z, [name for name in usable(z) if only is None or name in only])
        for z in (x, y)
    )
    return Compared(*found, columns=x.shape[1])


def why_vague(compared: Compared | None, method: str) -> str | None:
    """Which references are clearly nearer to the samples than the method's, in words."""
    if compared is None or method not in REFERENCES or method not in compared.names():
        return None
    best = compared.best(compared.names())
    gap, error = compared.excess(method, best)
    if not gap > max(WORTH_A_WARNING, 3 * error):
        return None
    way = 'Use method="auto".' if best in REFERENCES else "No method here has it; use more points."
    return (
        f'The samples are nearer to references of the kind "{best}" than to those of '
        f'method="{method}", by {gap:.2f} ± {error:.2f} nats, and the estimate may be as far '
        f"off. {way}"
    )


def choose_references(compared: Compared | None) -> Referenced | Literal["knn"]:
    """Whose references to take: the simplest that are not clearly worse than the nearest.

    `"knn"` for few columns, or too few points to hold some out.
    """
    if compared is None or compared.columns <= FEW:
        return "knn"
    names: list[Referenced] = [name for name in REFERENCES if name in compared.names()]
    best = compared.best(names)
    return next(name for name in names if compared.near(name, best))


def corrected(
    p: Float[Tensor, "n d"],
    q: Float[Tensor, "m d"],
    k: int,
    norm: Norm,
    method: Referenced,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Corrected:
    """The estimate by neighbours, less its bias between fitted references.

        D̂ = D̂_k(x, y) − [mean D̂_k(x*, y*) − KL(P*‖Q*)],

    with `x*`, `y*` samples of P* and Q*, of as many points. References of which the columns may
    have any shape are vague in the tails, which decide how far two distributions are from each
    other. There, the divergences of single columns, in which neighbours have hardly a bias, are
    taken from the samples:

        KL(P*‖Q*) → KL(P*‖Q*) − Σ_c KL(P*_c‖Q*_c) + Σ_c D̂_k(x_c, y_c).

    For `"calibrated"` the columns are those of a basis in which Q's covariance is the identity, for
    `"ica"` they are the components of P: a divergence is the same in any.

    Args:
        p: Sample of P, of more points than dimensions.
        q: Sample of Q, likewise.
        k: Which neighbour.
        norm: See `knn_divergence`.
        method: Whose references.
        draws: Pairs of samples of the references.
        seed: Of these.
    """
    x, y = in_basis(p, q, method)
    name = "copula" if method == "ica" else method
    first, second = MAPS[name].reference.fit(x), MAPS[name].reference.fit(y)
    rng = np.random.default_rng(seed)
    far = first.draw(POINTS, rng)
    ratio = first.log_density(far) - second.log_density(far)
    pairs = [(first.draw(len(x), rng), second.draw(len(y), rng)) for _ in range(draws)]
    found = np.array([by_neighbours(*pair, k, norm) for pair in pairs])
    known = float(ratio.mean())
    if name == "copula":
        columns = [(one[:, None], other[:, None]) for one, other in zip(x.T, y.T, strict=True)]
        known -= sum(_between_margins(*pair, rng) for pair in columns)
        known += sum(by_neighbours(*pair, k, norm) for pair in columns)
    bias = float(found.mean()) - known
    # Of one pair nothing is known.
    error = float(found.std(ddof=1)) / draws**0.5 if draws > 1 else math.nan
    error = math.hypot(error, float(ratio.std()) / POINTS**0.5)
    return Corrected(by_neighbours(x, y, k, norm) - bias, bias, error, known, method)


def in_basis(
    p: Float[Tensor, "n d"], q: Float[Tensor, "m d"], method: str
) -> tuple[Sample, Sample]:
    """Both samples in the columns that a method looks at."""
    x, y = _array(p), _array(q)
    scale = standardize(torch.from_numpy(np.concatenate([x, y])))[1].numpy()
    x, y = x / scale, y / scale
    if method == "ica":
        matrix = components(x)
        return x @ matrix.T, y @ matrix.T
    if method == "calibrated":
        mean = y.mean(0)
        upper = np.linalg.qr(y - mean, mode="r") / (len(y) - 1) ** 0.5
        x, y = (np.linalg.solve(upper.T, (z - mean).T).T for z in (x, y))
    return x, y


def by_neighbours(x: Sample, y: Sample, k: int, norm: Norm) -> float:
    """The estimate of `knn_divergence`, of samples as they are."""
    p, q = (torch.from_numpy(np.ascontiguousarray(z)) for z in (x, y))
    within, across = kth_distance(p, k=k, norm=norm), kth_distance(p, q, k=k, norm=norm)
    ratio = float((across.log() - within.log()).mean())
    return p.shape[1] * ratio + math.log(len(q) / (len(p) - 1))


def _array(points: Float[Tensor, "n d"]) -> Sample:
    return points.detach().cpu().double().numpy()


def _between_margins(x: Sample, y: Sample, rng: np.random.Generator) -> float:
    """KL of the references of single columns."""
    first, second = (MAPS["copula"].reference.fit(z) for z in (x, y))
    drawn = first.draw(POINTS, rng)
    return float((first.log_density(drawn) - second.log_density(drawn)).mean())
