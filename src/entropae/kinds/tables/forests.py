"""Trees whose leaves hold rows that are alike in one column, as far as the others tell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

TREES = 10
LEAF = 5  # rows of a leaf, at least
NODES = 1 << 22  # of all trees of a column, at most


@dataclass(frozen=True)
class Forest:
    """Trees, and the values of the training rows in each leaf, which are in no order there.

    Attributes:
        features: What each node asks for; -1: it is a leaf.
        thresholds: Up to which the first child is next, shape `(nodes,)`.
        children: Shape `(nodes, 2)`.
        spans: Where the values of a leaf begin and end, shape `(nodes, 2)`.
        roots: Of the trees.
        values: Of the leaves, one after the other, shape `(m, c)`.
    """

    features: Int[np.ndarray, " nodes"]
    thresholds: Float[np.ndarray, " nodes"]
    children: Int[np.ndarray, "nodes 2"]
    spans: Int[np.ndarray, "nodes 2"]
    roots: Int[np.ndarray, " trees"]
    values: Float[np.ndarray, "m c"]

    def draw(
        self, x: Float[np.ndarray, "n f"], u: Float[np.ndarray, "n 2"]
    ) -> Float[np.ndarray, "n c"]:
        """For each row a value of the leaf that it comes to in one of the trees.

        Args:
            x: What nodes ask for.
            u: Which tree, and which of the leaf's values; uniform in [0, 1).

        References:
            N. Meinshausen, "Quantile regression forests", JMLR 7, 2006: equation 6, from which this
            draws.
        """
        node = self.roots[(u[:, 0] * len(self.roots)).astype(np.int64)]
        on = np.flatnonzero(self.features[node] >= 0)
        while len(on):
            at = node[on]
            above = x[on, self.features[at]] > self.thresholds[at]
            node[on] = self.children[at, above.astype(np.int64)]
            on = on[self.features[node[on]] >= 0]
        start, end = self.spans[node].T
        return self.values[start + (u[:, 1] * (end - start)).astype(np.int64)]

    def arrays(self) -> dict[str, np.ndarray]:
        """What it is kept as."""
        return dict(vars(self))


def grown(
    x: Float[np.ndarray, "n f"],
    target: np.ndarray,
    values: Float[np.ndarray, "n c"],
    *,
    classes: bool,
    asked: float = 1.0,
    seed: int = 0,
) -> Forest:
    """A forest that tells values by others.

    Args:
        x: What is known of each row.
        target: What its trees tell apart: classes, or numbers of shape `(n, t)`.
        values: That the leaves keep.
        classes: Whether the target is classes.
        asked: Share of what is known that a node chooses its question from.
        seed: Of the rows that each tree grows by.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind: Any = RandomForestClassifier if classes else RandomForestRegressor
    found = kind(TREES, min_samples_leaf=LEAF, max_features=asked, random_state=seed)
    with warnings.catch_warnings():
        # Names of many sorts are classes, however few rows each has.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        found.fit(x, target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target)
    leaves = found.apply(x)
    trees = [_arrays(one.tree_, at) for one, at in zip(found.estimators_, leaves.T, strict=True)]
    sizes = [len(tree["features"]) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    for i, (tree, root) in enumerate(zip(trees, roots, strict=True)):
        tree["children"] = np.where(tree["children"] < 0, 0, tree["children"] + root)
        tree["spans"] = tree["spans"] + i * len(x)
    joined = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    random = np.random.default_rng(seed)
    kept = np.concatenate([values[_by_leaf(at, random)] for at in leaves.T])
    return Forest(
        features=joined["features"].astype(np.int32),
        thresholds=joined["thresholds"].astype(np.float64),
        children=joined["children"].astype(np.int32),
        spans=joined["spans"].astype(np.int32),
        roots=roots.astype(np.int32),
        values=kept.astype(np.float32),
    )


def _arrays(tree: Any, leaves: Int[np.ndarray, " n"]) -> dict[str, np.ndarray]:
    """A tree of scikit-learn, and where the values of its leaves are."""
    counts = np.bincount(leaves, minlength=tree.node_count)
    ends = np.cumsum(counts)
    return {
        "features": np.where(tree.children_left < 0, -1, tree.feature),
        "thresholds": tree.threshold,
        "children": np.stack([tree.children_left, tree.children_right], 1),
        "spans": np.stack([ends - counts, ends], 1),
    }


def _by_leaf(leaves: Int[np.ndarray, " n"], random: np.random.Generator) -> np.ndarray:
    """Rows leaf by leaf, shuffled in each: which value is whose is not kept."""
    shuffled = random.permutation(len(leaves))
    return shuffled[np.argsort(leaves[shuffled], kind="stable")]


SHAPES = {"features": 1, "thresholds": 1, "children": 2, "spans": 2, "roots": 1, "values": 2}


def checked_forest(arrays: Mapping[str, np.ndarray], width: int, states: list[int]) -> Forest:
    """A forest as a stranger's file describes it.

    Args:
        arrays: What `Forest.arrays` gave.
        width: How many numbers nodes can ask for.
        states: Of the values: how many states there are in each place, 0 for a number.

    Raises:
        ValueError: If rows would get lost in it, or come to values that there cannot be.
    """
    one = Forest(**{name: arrays[name] for name in SHAPES})
    if any(getattr(one, name).ndim != axes for name, axes in SHAPES.items()):
        raise ValueError("a forest's arrays have other shapes")
    whole = (one.features, one.children, one.spans, one.roots)
    if any(array.dtype != np.int32 for array in whole):
        raise ValueError("a forest's nodes are no whole numbers")
    nodes, leaf = len(one.features), one.features < 0
    if not 1 <= nodes <= NODES or not len(one.roots):
        raise ValueError(f"a forest must have from 1 to {NODES} nodes")
    if {one.children.shape, one.spans.shape} != {(nodes, 2)} or len(one.thresholds) != nodes:
        raise ValueError("a forest's arrays have other lengths")
    # A child comes after its parent, or a row might go round for ever.
    after = one.children[~leaf] > np.flatnonzero(~leaf)[:, None]
    start, end = one.spans[leaf].T
    if not (
        after.all()
        and (one.children < nodes).all()
        and (one.features < width).all()
        and ((one.roots >= 0) & (one.roots < nodes)).all()
        and ((start >= 0) & (start < end) & (end <= len(one.values))).all()
    ):
        raise ValueError("a forest's nodes lead nowhere")
    if one.values.shape[1:] != (len(states),) or not np.isfinite(one.values).all():
        raise ValueError("a forest's values are none of its column")
    for values, n in zip(one.values.T, states, strict=True):
        if n and not np.isin(values, np.arange(n)).all():
            raise ValueError("a forest's values are no states of its column")
    return one
