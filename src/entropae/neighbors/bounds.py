"""Lower bounds of distances from matrix products, as minima over groups of points.

Half the squared distance is ½|x|² + ½|y|² − x·y. Rounding, that of the coordinates included,
changes it by less than γ (|x|² + |y|²) with γ = 2 (d + 10) u (Higham 2002, section 3.1, and
2 |x| |y| ≤ |x|² + |y|²). So with h(x) = (½ − γ) |x|² it is at least h(x) + h(y) − x·y as computed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.neighbors.select import block_size, group_size

# Columns of a block: with 128 rows it stays in a processor's cache.
COLUMNS = 8192
# A block of as many rows as columns.
SQUARE = 1024
# Minima held at once of all points against all, and the largest groups to keep within that.
WHOLE = 1 << 24
LARGEST = 32
# From so many dimensions it pays to take each product once for both its points.
PAIRED_FROM = 8


class Groups(NamedTuple):
    """Points as tiles of columns, each tile as groups of `size` columns far from each other."""

    tiles: int
    groups: int  # of each tile
    size: int

    @classmethod
    def of(cls, m: int, size: int, widest: int) -> Groups:
        """Groups for `m` points in tiles as equal as can be."""
        tiles = -(-m // widest)
        return cls(tiles, -(-m // (tiles * size)), size)

    @property
    def columns(self) -> int:
        """Columns of a tile."""
        return self.groups * self.size

    @property
    def number(self) -> int:
        """Groups of all tiles."""
        return self.tiles * self.groups

    def members(self, group: Int[Tensor, "r g"]) -> Int[Tensor, "r c"]:
        """The points in some groups, also such as are there for evenness only."""
        steps = torch.arange(self.size, device=group.device) * self.groups
        first = group // self.groups * self.columns + group % self.groups
        return (first[:, :, None] + steps).view(len(group), -1)


class Lowest:
    """Lower bounds of half the squared distance from points to groups of others.

    Args:
        y: Centred points that are searched, of shape `(m, d)`.
        gamma: γ.
        k: The number of groups that will be looked at for each point.
        pairs: The points themselves are the queries, in their order.
    """

    def __init__(self, y: Float[Tensor, "m d"], gamma: float, k: int, *, pairs: bool) -> None:
        m, d = y.shape
        size = group_size(m, k, d)
        fitting = max(size, 1 << (m * m // WHOLE).bit_length())
        # On an accelerator small blocks are slow.
        whole = pairs and d >= PAIRED_FROM and fitting <= LARGEST and y.device.type == "cpu"
        self.layout = Groups.of(m, fitting, SQUARE) if whole else Groups.of(m, size, COLUMNS)
        self.gamma = gamma
        spare = self.layout.tiles * self.layout.columns - m
        self.points = torch.cat([y, y.new_zeros(spare, d)]) if spare else y
        self.half = (0.5 - gamma) * self.points.square().sum(1)
        self.half[m:] = torch.inf
        self.height = max(1, block_size(y) // self.layout.columns)
        self.whole = self._of_pairs() if whole else None
        self.scores = self.minima = y.new_empty(0)

    def of(
        self, query: Float[Tensor, "r d"], rows: Int[Tensor, " r"], same: bool
    ) -> Float[Tensor, "r g"]:
        """Bounds for a block of queries; kept until the next block only.

        Args:
            query: Centred query points, at most `height`.
            rows: Their indices.
            same: They are the points of these indices, and none is its own neighbour.
        """
        if self.whole is not None:
            return self.whole[rows]
        tiles, groups, size = self.layout
        r, columns = len(query), self.layout.columns
        if len(self.scores) < r:
            self.scores = query.new_empty(r, columns)
            self.minima = query.new_empty(r, tiles, groups)
        for tile in range(tiles):
            part = slice(tile * columns, (tile + 1) * columns)
            score = torch.addmm(
                self.half[part], query, self.points[part].T, alpha=-1, out=self.scores[:r]
            )
            if same:
                _exclude(score, rows - tile * columns)
            torch.amin(score.view(r, size, groups), 1, out=self.minima[:r, tile])
        own = (0.5 - self.gamma) * query.square().sum(1)
        return self.minima[:r].view(r, -1) + own[:, None]

    def _of_pairs(self) -> Float[Tensor, "n g"]:
        """All points' bounds, each product serving both its points."""
        tiles, groups, size = self.layout
        columns = self.layout.columns
        half, one = self.half[:, None], torch.ones_like(self.half[:, None])
        left = torch.cat([self.points, half, one], 1)
        right = torch.cat([-self.points, one, half], 1)
        minima = self.points.new_empty(len(left), tiles, groups)
        score = self.points.new_empty(columns, columns)
        parts = [slice(tile * columns, (tile + 1) * columns) for tile in range(tiles)]
        for i, rows in enumerate(parts):
            for j, others in enumerate(parts[i:], i):
                torch.mm(left[rows], right[others].T, out=score)
                if i == j:
                    score.fill_diagonal_(torch.inf)
                else:
                    minima[others, i] = score.view(size, groups, columns).amin(0).T
                minima[rows, j] = score.view(columns, size, groups).amin(1)
        return minima.view(len(left), -1)


def _exclude(score: Tensor, own: Tensor) -> None:
    """Make infinite each row's score of itself, if it is among these columns."""
    columns = score.shape[1]
    inside = (own >= 0) & (own < columns)
    column = own.clamp(0, columns - 1)[:, None]
    score.scatter_(1, column, score.gather(1, column).masked_fill(inside[:, None], torch.inf))
