"""Distances to the k-th nearest neighbour: search without gradient, distance with.

Every entropy of this package is a function of `kth_distance`. The search decides *which* point is
the k-th neighbour and takes no part in the gradient; the distance to that point is then computed
by subtraction. The expanded form `|x|² + |y|² − 2 x·y` is used to find candidates only: it loses
small distances to cancellation, often returning exactly 0, whose logarithm is −∞.
"""

from entropae.neighbors.distance import kth_distance
from entropae.neighbors.forked import register
from entropae.neighbors.operators import constant, is_opaque, operator
from entropae.neighbors.points import (
    as_count,
    as_points,
    check_choice,
    check_k,
    is_of_rows,
    without_decimals,
)
from entropae.neighbors.progress import showing_progress
from entropae.neighbors.search import ORDER, SEARCHES, Method, Norm, nearest
from entropae.neighbors.select import block_size
from entropae.neighbors.warned import warn

register()

__all__ = [
    "ORDER",
    "SEARCHES",
    "Method",
    "Norm",
    "as_count",
    "as_points",
    "block_size",
    "check_choice",
    "check_k",
    "constant",
    "is_of_rows",
    "is_opaque",
    "kth_distance",
    "nearest",
    "operator",
    "showing_progress",
    "warn",
    "without_decimals",
]
