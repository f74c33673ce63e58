"""Components whose dependence is bent: each mapped given the one that it depends on most.

A forest joins the components that depend on each other most (Chow and Liu). From its roots on, each
component is replaced by the normal score of its conditional rank given its parent: a triangular map
that leaves pairs on the forest independent, whatever the form of their dependence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from entropae.entropy.maps.ica import components
from entropae.entropy.maps.margins import (
    NORMAL,
    Margin,
    all_scores,
    local_entropy,
    log_normal,
    ranks,
    scores,
)
from entropae.entropy.maps.reference import Factor, Line, Reference, Sample, Unfolded

BINS = 12  # of ranks, for a first look at the dependence of two columns
CELLS = 64  # of scores in [-REACH, REACH], for the density of a pair
REACH = 4.5


def pairwise(z: Sample) -> Factor:
    """Mutual information of all pairs of columns from counts in equal bins, bias removed, nats.

    References:
        Miller, in Quastler (ed.), Information Theory in Psychology (1955) 95, the bias.
    """
    n, d = z.shape
    bins = (ranks(z) * BINS).astype(np.int64)
    found = np.zeros((d, d))
    for i in range(d):
        for j in range(i):
            count = np.bincount(bins[:, i] * BINS + bins[:, j])
            share = count[count > 0] / n
            information = (share * np.log(share)).sum() + 2 * np.log(BINS)
            found[i, j] = found[j, i] = information - (BINS - 1) ** 2 / (2 * n)
    return found


def forest(z: Sample) -> tuple[list[int], list[int]]:
    """An order of the columns, and the parent of each, −1 for roots.

    The largest spanning forest of their mutual information. Pairs count from five standard
    deviations of what independent columns show.

    References:
        Chow and Liu, IEEE Trans. Inf. Theory 14 (1968) 462.
    """
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    n, d = z.shape
    information = pairwise(z)
    least = 5 * np.sqrt((BINS - 1) ** 2 / 2) / n
    tree = minimum_spanning_tree(np.where(information > least, -information, 0)).toarray()
    tree = tree + tree.T
    order: list[int] = []
    parent = [-1] * d
    for root in tree.sum(0).argsort():
        if root in order:
            continue
        found, before = breadth_first_order(tree, root, directed=False)
        order += found.tolist()
        for column in found[1:]:
            parent[column] = int(before[column])
    return order, parent


def conditional_scores(y: Line, parent: Line) -> Line:
    """Normal scores of `y` by its rank among the `n^0.6` points whose parents are nearest."""
    n = len(y)
    width = min(n - 1, round(n**0.6))
    order = parent.argsort()
    sorted_y = y[order]
    start = np.clip(np.arange(n) - width // 2, 0, n - 1 - width)
    local = np.empty(n)
    for rows in np.array_split(np.arange(n), -(-n * width // (1 << 22))):
        window = sorted_y[start[rows, None] + np.arange(width + 1)]
        local[rows] = (window < sorted_y[rows, None]).sum(1)
    # Local ranks are whole numbers: those that are equal go in the order of `y`.
    place = np.empty(n)
    place[order[np.lexsort((sorted_y, local))]] = np.arange(n)
    return ndtri((place + 0.5) / n)


class Pair(NamedTuple):
    """The density of two scores on a grid, smoothed; the first given the second is what is used."""

    density: Sample

    @classmethod
    def fit(cls, own: Line, parent: Line) -> Pair:
        """By a kernel of `n^(−1/6)/2` standard deviations."""
        from scipy.ndimage import gaussian_filter

        n = len(own)
        edges = np.linspace(-REACH, REACH, CELLS + 1)
        inside = np.clip(np.stack([parent, own]), -REACH, REACH - 1e-9)
        count = np.histogram2d(*inside, bins=[edges, edges])[0]
        width = 0.5 * n ** (-1 / 6) * CELLS / (2 * REACH)
        smooth = gaussian_filter(count / n, width, mode="nearest")
        mass = np.diff(ndtr(edges))
        mixed = 0.98 * smooth / smooth.sum() + 0.02 * np.outer(mass, mass)
        return cls(mixed / mixed.sum(1, keepdims=True) / mass)

    def _cell(self, score: Line) -> np.ndarray:
        place = (score + REACH) / (2 * REACH) * CELLS
        return np.clip(place.astype(np.int64), 0, CELLS - 1)

    def log_ratio(self, own: Line, parent: Line) -> Line:
        """`log q(own | parent) − log φ(own)`."""
        return np.log(self.density[self._cell(parent), self._cell(own)])

    def draw(self, parent: Line, rng: np.random.Generator) -> Line:
        """Scores given their parents'."""
        mass = np.diff(ndtr(np.linspace(-REACH, REACH, CELLS + 1)))
        share = (self.density * mass)[self._cell(parent)].cumsum(1)
        cell = (rng.random((len(parent), 1)) * share[:, -1:] > share).sum(1)
        low, high = (ndtr(-REACH + (cell + i) * 2 * REACH / CELLS) for i in (0, 1))
        return ndtri(low + rng.random(len(parent)) * (high - low))


@dataclass(frozen=True)
class Forest(Reference):
    """Components with margins of any shape, each dependent on one parent at most."""

    matrix: Sample
    margins: tuple[Margin, ...]
    order: list[int]
    parent: list[int]
    pairs: dict[int, Pair]

    @classmethod
    def fit(cls, x: Sample) -> Forest:
        """Components, margins, the forest, then the density of each pair on it."""
        matrix = components(x)
        y = x @ matrix.T
        margins = tuple(Margin.fit(column) for column in y.T)
        z = all_scores(margins, y)[0]
        order, parent = forest(z)
        pairs = {c: Pair.fit(z[:, c], z[:, p]) for c, p in enumerate(parent) if p >= 0}
        return cls(matrix, margins, order, parent, pairs)

    def log_density(self, x: Sample) -> Line:
        """`log |det W| + Σ_c [log φ(s_c) + log s_c' + log q(s_c | s_parent) − log φ(s_c)]`."""
        z, slopes = all_scores(self.margins, x @ self.matrix.T)
        ratios = [pair.log_ratio(z[:, c], z[:, self.parent[c]]) for c, pair in self.pairs.items()]
        return log_normal(z) + slopes + np.linalg.slogdet(self.matrix)[1] + np.sum(ratios, 0)

    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """From the roots on."""
        z = rng.standard_normal((n, len(self.margins)))
        for column in self.order:
            if column in self.pairs:
                z[:, column] = self.pairs[column].draw(z[:, self.parent[column]], rng)
        y = np.stack([m.inverse(c) for m, c in zip(self.margins, z.T, strict=True)], 1)
        return np.linalg.solve(self.matrix, y.T).T


def unfold(x: Sample) -> Unfolded:
    """Conditional normal scores of the components along a forest.

    For `z_c = Φ⁻¹(F(y_c | y_parent))` the derivative is a conditional density over a normal one:

        H(X) = H(Z) − log |det W| + Σ_c [H(Y_c | Y_parent) − ½ log 2πe],

    the conditional entropies being those of pairs, by nearest neighbours in the plane of their
    scores, less those of single columns.
    """
    matrix = components(x)
    y = x @ matrix.T
    plain = scores(y)
    _, parent = forest(plain)
    z = plain.copy()
    terms = np.full(len(x), -np.linalg.slogdet(matrix)[1])
    for column, other in enumerate(parent):
        terms += local_entropy(y[:, [column]]) - NORMAL
        if other >= 0:
            terms += local_entropy(plain[:, [column, other]]) - 2 * NORMAL
            z[:, column] = conditional_scores(plain[:, column], plain[:, other])
    return Unfolded(z, terms, x.shape[1] + sum(other >= 0 for other in parent))
