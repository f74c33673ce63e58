"""Lower bounds of distances from matrix products, as minima over groups of points.

Half the squared distance is ½|x|² + ½|y|² − x·y. Rounding, that of the coordinates included,
changes it by less than γ (|x|² + |y|²) with γ = 2 (d + 10) u (Higham 2002, section 3.1, and
2 |x| |y| ≤ |x|² + |y|²). So with h(x) = (½ − γ) |x|² it is at least h(x) + h(y) − x·y as computed.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.neighbors.progress import tracked
from entropae.neighbors.select import block_size, group_size

# Columns of a block: with 128 rows it stays in a processor's cache.
COLUMNS = 8192
# A block of as many rows as columns, and how many minima of such blocks are held at once.
SQUARE = 1024
MINIMA = 1 << 23


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
    """The groups with the lowest bounds of half the squared distance from points to their members.

    Args:
        y: Centred points that are searched, of shape `(m, d)`.
        gamma: γ.
        take: The number of groups that will be looked at for each point.
        pairs: The points themselves are the queries, in their order.
    """

    def __init__(self, y: Float[Tensor, "m d"], gamma: float, take: int, *, pairs: bool) -> None:
        m, d = y.shape
        # On an accelerator small blocks are slow.
        pairs = pairs and y.device.type == "cpu"
        self.layout = Groups.of(m, group_size(m, take, d), SQUARE if pairs else COLUMNS)
        self.kept = min(take + 1, self.layout.number)
        self.gamma = gamma
        spare = self.layout.tiles * self.layout.columns - m
        self.points = torch.cat([y, y.new_zeros(spare, d)]) if spare else y
        self.half = (0.5 - gamma) * self.points.square().sum(1)
        self.half[m:] = torch.inf
        self.height = max(1, block_size(y) // self.layout.columns)
        self.known = self._of_pairs() if pairs else None
        self.scores = self.minima = y.new_empty(0)

    def of(
        self, query: Float[Tensor, "r d"], rows: Int[Tensor, " r"], same: bool
    ) -> tuple[Float[Tensor, "r g"], Int[Tensor, "r g"]]:
        """Bounds and groups for a block of queries, one more than are looked at if there are.

        Args:
            query: Centred query points, at most `height`.
            rows: Their indices.
            same: They are the points of these indices, and none is its own neighbour.
        """
        if self.known is not None:
            bound, group = self.known
            return bound[rows], group[rows]
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
        bound = self.minima[:r].view(r, -1) + own[:, None]
        return bound.topk(self.kept, largest=False)

    def _of_pairs(self) -> tuple[Float[Tensor, "n g"], Int[Tensor, "n g"]]:
        """Of all points, each product serving both its points."""
        tiles, groups, size = self.layout
        columns = self.layout.columns
        points = self.points.view(tiles, columns, -1)
        half = self.half.view(tiles, columns, 1)
        bound = points.new_full((tiles, columns, self.kept), torch.nan)
        # A group that has no members, and comes after all others, stands for those not yet seen.
        group = torch.full(bound.shape, self.layout.number, device=points.device)
        score = points.new_empty(columns, columns)
        side = max(1, math.isqrt(MINIMA * size) // columns)
        parts = [slice(at, min(at + side, tiles)) for at in range(0, tiles, side)]
        pairs = [(here, there) for i, here in enumerate(parts) for there in parts[i:]]
        for here, there in tracked(pairs, lambda _: 1, "Products", " blocks"):
            one = torch.ones_like(half)
            left = torch.cat([points[here], half[here], one[here]], 2)
            right = torch.cat([-points[there], one[there], half[there]], 2)
            minima = other = points.new_empty(len(left), columns, len(right), groups)
            if here != there:
                other = points.new_empty(len(right), columns, len(left), groups)
            for i, j in product(range(len(left)), range(len(right))):
                if here == there and j < i:
                    continue
                torch.mm(left[i], right[j].T, out=score)
                if here == there and i == j:
                    score.fill_diagonal_(torch.inf)
                else:
                    other[j, :, i] = score.view(size, groups, columns).amin(0).T
                minima[i, :, j] = score.view(columns, size, groups).amin(1)
            _keep(bound[here], group[here], minima, there.start * groups)
            if here != there:
                _keep(bound[there], group[there], other, here.start * groups)
        return bound.view(-1, self.kept), group.view(-1, self.kept)


def _keep(
    bound: Float[Tensor, "t c k"],
    group: Int[Tensor, "t c k"],
    minima: Float[Tensor, "t c s g"],
    first: int,
) -> None:
    """Keep the lowest bounds, given those of further groups, of which the `first` is the first."""
    kept = bound.shape[2]
    for old, known, new in zip(bound, group, minima.flatten(2), strict=True):
        value, place = torch.cat([old, new], 1).topk(kept, largest=False)
        before = known.gather(1, place.clamp(max=kept - 1))
        known.copy_(torch.where(place < kept, before, place + (first - kept)))
        old.copy_(value)


def _exclude(score: Tensor, own: Tensor) -> None:
    """Make infinite each row's score of itself, if it is among these columns."""
    columns = score.shape[1]
    inside = (own >= 0) & (own < columns)
    column = own.clamp(0, columns - 1)[:, None]
    score.scatter_(1, column, score.gather(1, column).masked_fill(inside[:, None], torch.inf))
